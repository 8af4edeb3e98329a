"""What REST calls by name, as GraphQL wants it: by node id. Looked up, and remembered.

https://docs.github.com/en/graphql/guides/using-global-node-ids
"""

from __future__ import annotations

from integrations.github.answers import Invalid
from integrations.github.client import GitHubClient, repo_path
from integrations.github.recent import Recent
from integrations.tracker import NotThere, OutcomeUnknown, Unavailable

_USER = "query ($login: String!) { user(login: $login) { id } }"

_TYPES = """\
query ($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) { issueTypes(first: 100) { nodes { id name isEnabled } } }
}
"""


class NodeIds:
    """Node ids of one server's people, labels and issue types, at most ten minutes old."""

    def __init__(self, client: GitHubClient) -> None:
        self._client = client
        self._people: Recent[str, str] = Recent(client.clock)
        self._labels: Recent[str, dict[str, str]] = Recent(client.clock)
        self._types: Recent[str, dict[str, str]] = Recent(client.clock)

    def repository(self, place: str) -> str:
        """ "" where the server tells none."""
        return self._client.repository(place).id

    def person(self, place: str, login: str) -> str:
        """By GraphQL, because no installation of an App is asked for people over REST; `place` is
        where they are needed. https://docs.github.com/en/graphql/reference/queries#user"""

        def ask() -> str:
            answer = self._client.graphql(place, _USER, {"login": login})
            user = (answer.get("data") or {}).get("user")
            if not isinstance(user, dict):
                raise NotThere(f"GitHub knows nobody called {login!r}")
            return str(user["id"])

        return self._people.get(login.lower(), ask)

    def label(self, place: str, name: str) -> str:
        """One that is not there is made, as REST makes it with the issue. Where nobody knows
        whether it was made, Unavailable: names are unique, so asking again finds it or makes it.
        https://docs.github.com/en/rest/issues/labels#create-a-label"""
        known = self._known_labels(place)
        if name.lower() not in known:
            path = f"{repo_path(place)}/labels"
            try:
                made = self._client.write("POST", path, {"name": name})
                known[name.lower()] = str(made["node_id"])
            except OutcomeUnknown as error:
                self._labels.forget(place)
                raise Unavailable(error.words, mend=error.mend) from None
            except Invalid:  # "already_exists": somebody was faster than what we remember
                self._labels.forget(place)
                known = self._known_labels(place)
                if name.lower() not in known:
                    raise
        return known[name.lower()]

    def issue_type(self, place: str, name: str) -> str:
        """NotThere where the owner has no such type that is enabled, or no types at all. Asked of
        the repository: an organisation's own list is for its members, and for no installation.
        https://docs.github.com/en/graphql/reference/objects#repository"""

        def ask() -> dict[str, str]:
            owner, _, repository = place.partition("/")
            asked = {"owner": owner, "name": repository}
            answer = self._client.graphql(place, _TYPES, asked)
            told = (answer.get("data") or {}).get("repository")
            if not isinstance(told, dict):
                raise NotThere(f"GitHub does not say which issue types {place} has")
            listed = (told.get("issueTypes") or {}).get("nodes") or ()  # null: it has none
            return {
                str(each["name"]).lower(): str(each["id"]) for each in listed if each["isEnabled"]
            }

        known = self._types.get(place, ask)
        if name.lower() not in known:
            raise NotThere(f"{place} has no issue type {name!r}")
        return known[name.lower()]

    def forget(self, place: str) -> None:
        """Somebody saw that one of a place is not what is remembered."""
        self._labels.forget(place)
        self._types.forget(place)

    def _known_labels(self, place: str) -> dict[str, str]:
        def ask() -> dict[str, str]:
            listed = self._client.pages(f"{self._client.present_path(place)}/labels")
            return {str(each["name"]).lower(): str(each["node_id"]) for each in listed}

        return self._labels.get(place, ask)
