"""Commit statuses: what something comes to, shown on a commit under a name of its own.

https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
"""

from __future__ import annotations

from typing import Any

from integrations.github.client import GitHubClient, repo_path
from integrations.tracker import NotThere, Rejected, SignInFailed
from workflows.effects import Check

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
        """Rejected, with the mend, where the token may not, or there is no such commit."""
        try:
            set_status(self._client, place, commit, name, check, words, page)
        except (SignInFailed, NotThere) as error:
            # Without the permission GitHub answers 403, or 404 where it hides that it is there.
            raise Rejected(f"the check cannot be shown: {error.words}", mend=MAY_NOT) from None
