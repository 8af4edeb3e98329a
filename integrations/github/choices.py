"""What can be chosen for the issues of a repository, remembered: people and milestones."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from integrations.github.answers import Invalid
from integrations.github.client import GitHubClient, Json, repo_path
from integrations.github.recent import Recent
from integrations.tracker import NotThere, OutcomeUnknown, Unavailable

#: Why an answer may lack what was asked for, as GitHub drops it in silence:
#: https://docs.github.com/en/rest/issues/issues#update-an-issue
DROPPED = "dropped by GitHub: the account lacks write access, or it cannot be set there"


@dataclass(frozen=True, slots=True)
class _Milestone:
    number: int
    closed: bool
    id: str


class Choices:
    """Assignable people and milestones of one server's repositories, at most ten minutes old.

    Whoever sees that GitHub knows better says so with one of the `forget`s.
    """

    def __init__(self, client: GitHubClient) -> None:
        self._client = client
        self._assignable: Recent[tuple[str, str], bool] = Recent(client.clock)
        self._milestones: Recent[str, dict[str, _Milestone]] = Recent(client.clock)

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
                known[title] = _milestone(self._client.write("POST", path, {"title": title}))
            except OutcomeUnknown as error:
                self.forget_milestones(place)
                raise Unavailable(error.words, mend=error.mend) from None
            except Invalid:
                # "already_exists": somebody was faster than what we remember.
                self.forget_milestones(place)
                known = self._known(place)
                if title not in known:
                    raise
        return known[title].number

    def milestone_id(self, place: str, title: str) -> str:
        """The node id of one that `milestone` has just given the number of. NotThere where it is
        gone, or the server tells none."""
        known = self._known(place).get(title)
        if known is None or not known.id:
            raise NotThere(f"{place} has no milestone {title!r}")
        return known.id

    def closed(self, place: str) -> dict[str, bool]:
        """All milestones by title, and whether each is closed; asked for anew."""
        self.forget_milestones(place)
        return {title: each.closed for title, each in self._known(place).items()}

    def close(self, place: str, title: str, closed: bool) -> None:
        """Close the milestone of that title, or open it again.
        https://docs.github.com/en/rest/issues/milestones#update-a-milestone"""
        known = self._known(place).get(title)
        if known is None:
            raise NotThere(f"{place} has no milestone {title!r}")
        path = f"{self._client.present_path(place)}/milestones/{known.number}"
        try:
            self._client.write("PATCH", path, {"state": "closed" if closed else "open"})
        finally:
            self.forget_milestones(place)

    def _known(self, place: str) -> dict[str, _Milestone]:
        def ask() -> dict[str, _Milestone]:
            present = self._client.present_path(place)
            listed = self._client.pages(f"{present}/milestones", state="all")
            return {str(each["title"]): _milestone(each) for each in listed}

        return self._milestones.get(place, ask)

    def forget_milestones(self, place: str) -> None:
        self._milestones.forget(place)


def _milestone(told: Json) -> _Milestone:
    id = str(told.get("node_id") or "")
    return _Milestone(int(told["number"]), told.get("state") == "closed", id)
