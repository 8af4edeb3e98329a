"""Who may write in a repository: whose words may cause effects.

An issue and its comments say for nothing how their author stands to the repository. Owners may
write, strangers may not; a member of the organisation and a collaborator may have been let in to
read only, so for them the repository is asked.
https://docs.github.com/en/graphql/reference/enums#commentauthorassociation
"""

from __future__ import annotations

from urllib.parse import quote

from integrations.github.client import GitHubClient, Json, repo_path
from integrations.github.recent import Recent
from integrations.tracker import NotThere, SignInFailed

_SURELY = "OWNER"
_PERHAPS = frozenset({"MEMBER", "COLLABORATOR"})

#: "The permission attribute provides the legacy base roles of admin, write, read, and none, where
#: the maintain role is mapped to write and the triage role is mapped to read",
#: https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
_WRITES = frozenset({"write", "maintain", "admin"})


class Writers:
    """What is known of people's access, ten minutes long."""

    def __init__(self, client: GitHubClient) -> None:
        self._client = client
        self._known: Recent[tuple[str, str], bool] = Recent(client.clock)

    def may_write(self, place: str, said: Json) -> bool:
        """Whether the author of an issue or comment in ``owner/name``, as GitHub tells it with
        their association, may write there. One call for whom only the repository knows; raises
        as reading does."""
        association = said.get("author_association")
        login = str((said.get("user") or said.get("actor") or {}).get("login") or "")
        if association == _SURELY:
            return True
        if association not in _PERHAPS or not login:
            return False
        key = (place.lower(), login.lower())
        return self._known.get(key, lambda: self._ask(place, login))

    def _ask(self, place: str, login: str) -> bool:
        path = f"{repo_path(place)}/collaborators/{quote(login, safe='')}/permission"
        try:
            return self._client.read(path)["permission"] in _WRITES
        except (NotThere, SignInFailed):  # the token may not ask: the association is what we have
            return True
