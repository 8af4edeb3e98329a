"""What can be chosen for the issues of a repository, remembered: people and milestones."""

from __future__ import annotations

from urllib.parse import quote

from integrations.github.answers import Invalid
from integrations.github.client import GitHubClient, Recent, repo_path
from integrations.tracker import NotThere, OutcomeUnknown, Unavailable

#: Why an answer may lack what was asked for, as GitHub drops it in silence:
#: https://docs.github.com/en/rest/issues/issues#update-an-issue
DROPPED = "dropped by GitHub: the account lacks write access, or it cannot be set there"


class Choices:
    """Assignable people and milestones of one server's repositories, at most ten minutes old.

    Whoever sees that GitHub knows better says so with one of the `forget`s.
    """

    def __init__(self, client: GitHubClient) -> None:
        self._client = client
        self._assignable: Recent[tuple[str, str], bool] = Recent(client.clock)
        self._milestones: Recent[str, dict[str, int]] = Recent(client.clock)

    def is_assignable(self, place: str, login: str) -> bool:
        """https://docs.github.com/en/rest/issues/assignees#check-if-a-user-can-be-assigned"""

        def ask() -> bool:
            try:
                self._client.read_any(f"{repo_path(place)}/assignees/{quote(login, safe='')}")
            except NotThere:
                return False
            return True

        return self._assignable.get((place, login.lower()), ask)

    def forget_person(self, place: str, login: str) -> None:
        self._assignable.forget((place, login.lower()))

    def milestone(self, place: str, title: str) -> int:
        """The number of the milestone of that title, open or closed; created when missing.

        Rejected or NotThere when it can be neither found nor created. Where nobody knows whether
        it was created, Unavailable: titles are unique in a repository, so that asking again finds
        it or creates it.
        """
        path = f"{repo_path(place)}/milestones"
        known = self._known(place)
        if title not in known:
            try:
                known[title] = int(self._client.write("POST", path, {"title": title})["number"])
            except OutcomeUnknown as error:
                self.forget_milestones(place)
                raise Unavailable(error.words, mend=error.mend) from None
            except Invalid:
                # "already_exists": somebody was faster than what we remember.
                self.forget_milestones(place)
                known = self._known(place)
                if title not in known:
                    raise
        return known[title]

    def titles(self, place: str) -> frozenset[str]:
        """The titles of all milestones, asked for anew."""
        self.forget_milestones(place)
        return frozenset(self._known(place))

    def _known(self, place: str) -> dict[str, int]:
        def ask() -> dict[str, int]:
            present = self._client.present_path(place)
            listed = self._client.pages(f"{present}/milestones", state="all")
            return {str(each["title"]): int(each["number"]) for each in listed}

        return self._milestones.get(place, ask)

    def forget_milestones(self, place: str) -> None:
        self._milestones.forget(place)
