"""Whoever lends the contract their own projects is promised that nothing else is touched.

This keeps the promise: it stands before every request of the process, and lets a write through
only if it is known to be about what was lent. What it does not know, it refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

Json = dict[str, Any]

#: Requests that only read, though they are sent as POST.
_READS = re.compile(r"/rest/api/[23]/(search(/jql)?|issue/bulkfetch|permissions/check)$")

_GITHUB = re.compile(r"/repos/([^/]+/[^/]+)/")
_PAGES = re.compile(r"/(api/v2/pages|rest/api/content)$")
_PAGE = re.compile(r"/(?:api/v2/pages|rest/api/content)/(\d+)(/label)?$")
_ISSUE = re.compile(r"/rest/api/[23]/issue/([^/]+)(/|$)")
_CREATE = re.compile(r"/rest/api/[23]/issue(/bulk)?$")
_LINK = re.compile(r"/rest/api/[23]/issueLink$")
_VERSION = re.compile(r"/rest/api/[23]/version(/(\d+))?$")
#: What a mutation is about, by its id or name: not commits, whom it is given to, or of which type.
_NAMED = re.compile(
    r'"((?!assignee|issueType)\w*(?<![oO])[iI]ds?|\w*NameWithOwner)":\s*("[^"]*"|\[[^\]]*\])'
)


class Refused(AssertionError):
    """A request would have touched what was not lent."""


@dataclass
class Guard:
    """Knows what was lent: `repositories` by name or `projects` of Jira by key, at `base`; `spaces`
    of Confluence by key, and by number where they have one, at `wiki`. `issue` and `version` say of
    which project one is, `page` of which space, by asking."""

    base: str
    repositories: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    issue: Callable[[str], str] = lambda _: ""
    version: Callable[[str], str] = lambda _: ""
    wiki: str = ""
    spaces: frozenset[str] = frozenset()
    page: Callable[[str], str] = lambda _: ""
    refused: list[str] = field(default_factory=list)
    _ours: set[str] = field(default_factory=set)  # ids that GitHub gave to what is in them
    _made: bool = False  # whether the last GraphQL document was one that writes

    def check(self, verb: str, url: str, body: bytes | str | None) -> None:
        """Raises Refused unless the request only reads, or is about what was lent."""
        if not self._may(verb, url, body):
            self.refused.append(f"{verb} {urlsplit(url).path}")
            raise Refused(f"{self.refused[-1]}: not about what was lent; nothing was sent")

    def learn(self, verb: str, url: str, answer: str) -> None:
        """What was answered about something lent, or made there, names what belongs to it."""
        path = self._path(url)
        if self._github(path + "/"):
            self._ours |= set(re.findall(r'"node_id":\s*"([^"]+)"', answer))
        if verb == "POST" and path == "/graphql" and self._made:
            self._ours |= set(re.findall(r'"id":\s*"([^"]+)"', answer))

    def _may(self, verb: str, url: str, body: bytes | str | None) -> bool:
        in_wiki = bool(self.wiki) and url.startswith(f"{self.wiki}/")
        path = urlsplit(url.removeprefix(self.wiki)).path if in_wiki else self._path(url)
        if not path.startswith("/") or ".." in path:
            return False
        if verb in ("GET", "HEAD") or (verb == "POST" and not in_wiki and _READS.match(path)):
            return True
        said = body.decode() if isinstance(body, bytes) else body or ""
        if in_wiki:
            return self._confluence(path, json.loads(said) if said else {})
        if self.projects:
            return self._jira(path, json.loads(said) if said else {})
        return self._graphql(said) if path == "/graphql" else self._github(path)

    def _path(self, url: str) -> str:
        """Below the API's root, "" elsewhere. An Enterprise Server has GraphQL beside it:
        https://docs.github.com/en/enterprise-server@3.17/graphql/guides/forming-calls-with-graphql
        """
        for root in (self.base, self.base.removesuffix("/v3")):
            path = urlsplit(url.removeprefix(root)).path
            if url.startswith(f"{root}/") and (root == self.base or path == "/graphql"):
                return path
        return ""

    def _github(self, path: str) -> bool:
        found = _GITHUB.match(path)
        return found is not None and found[1].lower() in self.repositories

    def _graphql(self, said: str) -> bool:
        """A query reads; a mutation may only name what was seen in the repositories lent."""
        document = json.loads(said)
        self._made = "mutation" in document["query"]
        if not self._made:
            return True
        named = [each for _, each in _NAMED.findall(json.dumps(document.get("variables") or {}))]
        ids = [id for each in named for id in re.findall(r'"([^"]+)"', each)]
        return bool(ids) and all(id in self._ours or id.lower() in self.repositories for id in ids)

    def _jira(self, path: str, body: Json) -> bool:
        if _CREATE.match(path):
            wanted = body.get("issueUpdates", [body])
            return all(self._project(each["fields"]["project"]) for each in wanted)
        if _LINK.match(path):
            ends = [body[side] for side in ("inwardIssue", "outwardIssue")]
            return all(self._issue(end.get("id") or end["key"]) for end in ends)
        if found := _VERSION.match(path):
            project = self.version(found[2]) if found[2] else body.get("project", "")
            return project in self.projects
        return (found := _ISSUE.match(path)) is not None and self._issue(found[1])

    def _confluence(self, path: str, body: Any) -> bool:
        """About pages of the spaces, which stay there: a body may say where they are to be."""
        page = _PAGE.match(path)
        if page is None and not _PAGES.match(path):
            return False
        told = body if isinstance(body, dict) else {}  # labels are a list
        pages = [page[1] if page else "", told.get("parentId") or ""]
        pages += [each["id"] for each in told.get("ancestors") or ()]
        places = {self.page(str(id)) for id in pages if id}
        places |= {str(told["spaceId"])} if told.get("spaceId") else set()
        places |= {told["space"]["key"]} if told.get("space") else set()
        return bool(places) and places <= self.spaces

    def _project(self, said: Json) -> bool:
        return said.get("key") in self.projects

    def _issue(self, named: str) -> bool:
        return self.issue(named) in self.projects


@contextmanager
def standing(guard: Guard) -> Iterator[Guard]:
    """The guard, before every request of this process."""
    send = requests.Session.send

    def guarded(
        session: requests.Session, request: requests.PreparedRequest, **more: Any
    ) -> requests.Response:
        guard.check(request.method or "", request.url or "", request.body)
        answer = send(session, request, **more)
        guard.learn(request.method or "", request.url or "", answer.text)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "send", guarded)
        yield guard
