"""Several writes in one request: what a server can of it, and how each of them ended.

GitHub answers 200 with `data` and `errors`: a write that fails is null in the one and named by the
`path` of the other, and keeps the later ones from nothing.
https://docs.github.com/en/graphql/guides/forming-calls-with-graphql
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from integrations.github.answers import NotOverGraphQL, asks_for_patience
from integrations.github.client import GitHubClient, Json
from integrations.github.recent import Recent
from integrations.tracker import NotThere, OutcomeUnknown, RateLimited, Rejected, TrackerError

#: Waited when one write of several is refused for being one too many: "wait for at least one
#: minute". https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
_PATIENCE = timedelta(minutes=1)

_WORDS_LIMIT = 500

#: "GraphQL is introspective": https://docs.github.com/en/graphql/guides/introduction-to-graphql
_ABILITIES = """\
query {
  issues: __type(name: "CreateIssueInput") { inputFields { name } }
  commits: __type(name: "CreateCommitOnBranchInput") { inputFields { name } }
}
"""

#: The `type` of an error that certainly had no effect; others, and those without, tell nothing.
#: `VALIDATION` was seen at https://github.com/stdlib-js/stdlib/pull/13376
_WITHOUT_EFFECT = frozenset(
    (
        "BRANCH_PROTECTION_RULE_VIOLATION",
        "FORBIDDEN",
        "INSUFFICIENT_SCOPES",
        "NOT_FOUND",
        "STALE_DATA",
        "UNPROCESSABLE",
        "VALIDATION",
    )
)


class NotDone(Rejected):
    """One write of a document that was refused, and certainly had no effect: asked for by itself
    over REST, it ends in words and fields that are understood here."""


class Unclear(OutcomeUnknown):
    """One write of a document that failed with an error of its own that is not known here: asked
    for in the same way it would fail for ever, so it is asked for by itself once it was looked
    for."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What of GraphQL a server has: `issues` and `commits` can be made with it, an issue at once
    with its parent, and with its type."""

    issues: bool = False
    commits: bool = False
    parents: bool = False
    types: bool = False


class GraphQL:
    """GraphQL of one server through one account."""

    def __init__(self, client: GitHubClient) -> None:
        self._client = client
        self._abilities: Recent[str, Abilities] = client.abilities

    def abilities(self, place: str) -> Abilities:
        """One query for the server, asked by whoever may see `place`, and believed for a day. Where
        the account may not ask, nothing can be done so, and REST says what is wrong with its
        sign-in; that, and an answer that tells nothing, is not believed any longer."""
        try:
            return self._abilities.get("", lambda: self._ask(place))
        except Rejected:
            return Abilities()

    def _ask(self, place: str) -> Abilities:
        try:
            answer = self._client.graphql(place, _ABILITIES, {})
        except NotThere:  # an old server, or one that is none of GitHub's
            return Abilities()
        told = answer.get("data")
        if not isinstance(told, dict) or answer.get("errors"):  # a bad minute says nothing of a day
            raise Rejected(
                f"GraphQL did not say what it can: {answer.get('errors')}"[:_WORDS_LIMIT]
            )
        issues, commits = (_fields(told.get(name)) for name in ("issues", "commits"))
        return Abilities(
            issues="title" in issues,
            commits="expectedHeadOid" in commits,
            parents="parentIssueId" in issues,
            types="issueTypeId" in issues,
        )

    def query(self, place: str, document: str, **variables: Any) -> Json:
        """The data of a query about `place`; without what could not be found or may not be seen."""
        return dict(self._client.graphql(place, document, variables).get("data") or {})

    def write(
        self, place: str, document: str, variables: Json, names: Sequence[str]
    ) -> Mapping[str, Json | TrackerError]:
        """How each write of the document about `place` ended, by its name there. TrackerError is
        raised for all of them together; NotDone where the server did not understand it."""
        try:
            answer = self._client.graphql(place, document, variables, len(names))
        except NotThere as error:
            self._abilities.forget("")
            raise NotDone(error.words) from None
        except NotOverGraphQL as error:
            raise NotDone(error.words) from None
        data = answer.get("data")
        errors = [error for error in answer.get("errors") or () if isinstance(error, dict)]
        if data is None and any(map(_tells_of_the_document, errors)):  # it was not begun
            self._abilities.forget("")
            raise NotDone(_words(errors[0]))
        done = data if isinstance(data, dict) else {}
        return {name: self._ended(name, done.get(name), errors) for name in names}

    def _ended(self, name: str, value: object, errors: Sequence[Json]) -> Json | TrackerError:
        if isinstance(value, dict):
            return value
        told = next((error for error in errors if (error.get("path") or [""])[0] == name), None)
        error = told or next((error for error in errors if not error.get("path")), {})
        words = _words(error)
        if asks_for_patience(error):
            return RateLimited(words, retry_at=self._client.clock() + _PATIENCE)
        if error.get("type") in _WITHOUT_EFFECT:
            return NotDone(words)
        unknown = Unclear if told and told.get("message") else OutcomeUnknown
        return unknown(words, mend="Nothing to do: what became of it is looked up first.")


def _fields(type: Json | None) -> set[str]:
    return {str(field.get("name")) for field in (type or {}).get("inputFields") or ()}


def _tells_of_the_document(error: Json) -> bool:
    """Whether it says that the document, or a variable, does not fit the schema. GitHub gives such
    an error a code, and a path that leads through the document, not through the answer.
    https://spec.graphql.org/October2021/#sec-Errors.Request-errors
    https://github.com/shurcooL/githubv4/issues/98"""
    extensions, path = error.get("extensions"), error.get("path")
    if not path:
        return "extensions" in error
    begins = str(path[0]).partition(" ")[0] if isinstance(path, list) else ""
    coded = isinstance(extensions, dict) and "code" in extensions
    return coded or begins in ("query", "mutation", "fragment")


def _words(error: Json) -> str:
    return str(error.get("message") or "its answer is missing")[:_WORDS_LIMIT]
