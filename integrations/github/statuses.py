"""Commit statuses: what something comes to, shown on a commit under a name of its own.

https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from integrations.github.answers import Invalid
from integrations.github.client import GitHubClient, repo_path
from integrations.github.hooks import check_told
from integrations.tracker import Finding, NotThere, Rejected, SignInFailed, TrackerError
from workflows.effects import Check

#: "No commit found for SHA: 77ab…", with 422.
_NO_COMMIT = "No commit found"

PULL_REQUESTS = (
    "Let a webhook of the repository send pull requests here: docs/how-to/webhooks-github.md. Until"
    " then no pull request shows its release check."
)
PUBLIC = "Take it out of release_checks unless everybody may read how many measures are late."

MAY_NOT = 'Give the token the permission "Commit statuses: read and write".'


def set_status(
    client: GitHubClient, place: str, commit: str, name: str, check: Check, words: str, page: str
) -> None:
    """One write; of several of one `name` on a commit the latest counts. `words` are 140 characters
    at most, `page` is where they lead, "" for nowhere."""
    body: dict[str, Any] = {"state": check.value, "context": name, "description": words}
    if page:
        body["target_url"] = page
    client.write("POST", f"{repo_path(place)}/statuses/{commit}", body)


class GitHubStatuses:
    """Showing checks on the commits of any repository that the token reaches."""

    def __init__(self, client: GitHubClient) -> None:
        self._client = client

    def show(
        self, place: str, commit: str, name: str, check: Check, words: str, page: str = ""
    ) -> None:
        """Rejected, with the mend, where the token may not; NotThere for no such commit."""
        try:
            set_status(self._client, place, commit, name, check, words, page)
        except Invalid as error:
            if _NO_COMMIT not in error.words:
                raise
            raise NotThere(error.words, mend="Write the SHA of a commit there.") from None
        except (SignInFailed, NotThere) as error:
            # Without the permission GitHub answers 403, or 404 where it hides that it is there.
            raise Rejected(f"the check cannot be shown: {error.words}", mend=MAY_NOT) from None

    def check(self, places: Sequence[str], address: str) -> Iterator[Finding]:
        """Reads only: the repository, and its webhooks where the account may. Whether statuses may
        be written, no read tells."""
        for place in places:
            try:
                repository = self._client.repository(place)
            except TrackerError as error:
                told = f"{place}: its release check cannot be shown: {error.words}"
                yield Finding(False, told, error.mend)
                continue
            if not repository.private:
                yield Finding(True, f"{place} is public, and so is its release check", PUBLIC)
            what = "pull requests"
            yield check_told(self._client, place, address, "pull_request", what, PULL_REQUESTS)
