"""Pages of a Confluence site, as both deployments keep them: Cloud is spoken to in version 2 of its
REST interface, and in version 1 where that has no counterpart; Data Center has version 1 only.

https://developer.atlassian.com/cloud/confluence/rest/v2/
https://developer.atlassian.com/server/confluence/confluence-rest-api-examples/
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

from integrations.confluence.client import ConfluenceClient, moment
from integrations.confluence.refusals import permitted, thrown_away, titles
from integrations.http import Answer, in_shape
from integrations.tracker import NotThere, Rejected

Found = TypeVar("Found")

_KEPT = timedelta(minutes=10)

#: https://confluence.atlassian.com/doc/create-and-edit-pages-139477.html
LONGEST_TITLE = 255

#: How many pages one search tells of.
AT_ONCE = 50

_MESSAGE = "Followthrough brought its sections up to date"


@dataclass(frozen=True, slots=True)
class Space:
    """A space, by its key as people write it; `id` is "" where nothing is asked by it."""

    key: str
    name: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is, or as it was in a `version`: `body` in storage format, saved `at` (UTC).
    `space` is the space's key, `status` Confluence's own word (current, archived, …)."""

    id: str
    space: str
    title: str
    version: int
    body: str
    status: str
    labels: frozenset[str]
    at: datetime


class ConfluenceSite(ABC):
    """What the store of documents asks of a site. Every method raises TrackerErrors only.

    Spaces, parents and who may read are remembered for ten minutes.
    """

    def __init__(self, client: ConfluenceClient) -> None:
        self.client = client
        self._kept: dict[tuple[str, str], tuple[datetime, Any]] = {}

    def remembered(self, what: str, name: str, ask: Callable[[], Found]) -> Found:
        known = self._kept.get((what, name))
        now = self.client.clock()
        if known is None or known[0] <= now - _KEPT:
            known = self._kept[what, name] = (now, ask())
        found: Found = known[1]
        return found

    def account(self) -> str:
        """What people call the account that we act as."""
        me = self.client.get("/rest/api/user/current")
        if me.get("type") == "anonymous":
            raise Rejected("Confluence answers as to nobody", mend="Check the user name and token.")
        return str(me.get("displayName") or me.get("username") or "somebody")

    def space(self, key: str) -> Space:
        """NotThere when there is none of this key, or it is hidden."""
        return self.remembered("space", key, lambda: self._space(key))

    def is_public(self, key: str) -> bool:
        """Whether the space answers to somebody who is not signed in."""
        return self.remembered("public", key, lambda: self._is_public(key))

    def parent(self, space: str, named: str) -> str:
        """The id of the page that is named by its title or its id: "2026" may be either, and is an
        id only where no page of the space has this title."""

        def ask() -> str:
            page = self.by_title(space, named)
            if page is not None:
                return page.id
            if named.isdecimal() and self._is_page(named):
                return named
            mend = "Make that page, or name another parent in the rules: a title or a page id."
            raise Rejected(f"the space {space} has no page {named!r}", mend=mend)

        return self.remembered(f"parent in {space}", named, ask)

    def _is_page(self, id: str) -> bool:
        try:
            self.read(id)
        except NotThere:
            return False
        return True

    @abstractmethod
    def _space(self, key: str) -> Space: ...

    @abstractmethod
    def _is_public(self, key: str) -> bool: ...

    @abstractmethod
    def may(self, key: str) -> frozenset[str]:
        """What the account may do in the space, of ``create`` and ``read``."""

    @abstractmethod
    def create(self, space: str, parent: str, title: str, body: str) -> Page:
        """TitleTaken when another page of the space has the title; then nothing was made."""

    @abstractmethod
    def read(self, id: str, version: int | None = None) -> Page:
        """The page as it is, or as it was. NotThere when it is deleted, in the trash or hidden."""

    @abstractmethod
    def by_title(self, space: str, title: str) -> Page | None:
        """The page of the space that has this title, in no index that lags."""

    @abstractmethod
    def write(self, page: Page, body: str) -> Page:
        """Save the next version after `page`. StaleVersion when that is no longer the latest."""

    @abstractmethod
    def address(self, space: str, id: str) -> str:
        """Where people find the page, as long as it is in this space."""

    def adding(self, space: str) -> AbstractContextManager[None]:
        mend = f"Let this account add pages in the space {space}, below their parent page."
        return permitted(lambda: self._space(space), mend)

    def editing(self, page: Page) -> AbstractContextManager[None]:
        mend = f"Let this account edit the page {page.title!r}: it may be restricted."
        return permitted(lambda: self.read(page.id), mend)

    def add_labels(self, id: str, labels: Sequence[str]) -> None:
        """Doing it twice is harmless.
        https://developer.atlassian.com/cloud/confluence/rest/v1/api-group-content-labels/"""
        asked = [{"prefix": "global", "name": name} for name in labels]
        self.client.post(f"/rest/api/content/{id}/label", asked)

    def made_by_us(self, space: str, since: datetime) -> Iterator[Page]:
        """Pages of the space that our account made since then, by an index that may lag. Its days
        are of the account's own time zone.
        https://developer.atlassian.com/cloud/confluence/cql-fields/"""
        day = f"{since - timedelta(days=1):%Y-%m-%d}"
        cql = (
            f'space = "{space}" and type = page and creator = currentUser() and created >= "{day}"'
        )
        yield from self._search(cql, "body.storage,version,space,metadata.labels")

    def versions(self, ids: Sequence[str]) -> Iterator[Page]:
        """Those of the pages (`AT_ONCE` at most) that the index knows, as they are but without
        their bodies."""
        found = self._search(f"id in ({', '.join(ids)})", "version,space,metadata.labels")
        yield from islice(found, len(ids))  # no second page is asked for

    def _search(self, cql: str, expand: str) -> Iterator[Page]:
        """Cloud goes on at a cursor and knows no `start` any more, Data Center at a number.
        https://developer.atlassian.com/cloud/confluence/change-notice-moderize-search-rest-apis/"""
        asked = {"cql": cql, "expand": expand, "limit": str(AT_ONCE)}
        seen = 0
        while True:
            found = self.client.get("/rest/api/content/search", **asked)
            results = list(found["results"])
            for each in results:
                yield page_of_version_1(each)
            seen += len(results)
            following = str((found.get("_links") or {}).get("next") or "")
            cursor = parse_qs(urlsplit(following).query).get("cursor", [""])[0]
            if not results or not following or (self.client.cloud and not cursor):
                return
            asked |= {"cursor": cursor} if self.client.cloud else {"start": str(seen)}


def site_of(client: ConfluenceClient) -> ConfluenceSite:
    return CloudSite(client) if client.cloud else DataCenterSite(client)


class CloudSite(ConfluenceSite):
    """Version 2, to which spaces are known by number."""

    def __init__(self, client: ConfluenceClient) -> None:
        super().__init__(client)
        self._keys: dict[str, str] = {}

    def _space(self, key: str) -> Space:
        found = self.client.get("/api/v2/spaces", keys=key)
        with in_shape(f"space {key}"):
            for each in found["results"]:
                self._keys[str(each["id"])] = str(each["key"])
                return Space(str(each["key"]), str(each.get("name") or ""), str(each["id"]))
        raise NotThere(f"there is no space {key}, or it is hidden from this account")

    def _is_public(self, key: str) -> bool:
        told = self.client.anybody_reads("/api/v2/spaces", keys=key)
        return isinstance(told, Mapping) and bool(told.get("results"))

    def may(self, key: str) -> frozenset[str]:
        found = self.client.get(f"/api/v2/spaces/{self.space(key).id}/operations")
        told = [(e.get("operation"), e.get("targetType")) for e in found.get("operations") or ()]
        wanted = {("create", "page"): "create", ("read", "space"): "read"}
        return frozenset(word for pair, word in wanted.items() if pair in told)

    def create(self, space: str, parent: str, title: str, body: str) -> Page:
        asked: dict[str, Any] = {
            "spaceId": self.space(space).id,
            "status": "current",
            "title": title,
            "body": {"representation": "storage", "value": body},
        }
        if parent:
            asked["parentId"] = parent
        with titles(), self.adding(space):
            return self._page(self.client.post("/api/v2/pages", asked), body)

    def read(self, id: str, version: int | None = None) -> Page:
        asked = {"include-labels": "true"} if version is None else {"version": str(version)}
        found = self.client.get(f"/api/v2/pages/{id}", **{"body-format": "storage"}, **asked)
        page = self._page(found)
        if page.status not in ("current", "archived", "historical"):
            raise NotThere(f"the page {id} is {page.status}")
        return page

    def by_title(self, space: str, title: str) -> Page | None:
        asked = {"space-id": self.space(space).id, "title": title, "body-format": "storage"}
        found = self.client.get("/api/v2/pages", status="current", **asked)
        return next((self._page(each) for each in found["results"]), None)

    def write(self, page: Page, body: str) -> Page:
        asked = {
            "id": page.id,
            "status": "current",
            "title": page.title,
            "body": {"representation": "storage", "value": body},
            "version": {"number": page.version + 1, "message": _MESSAGE},
        }
        path = f"/api/v2/pages/{page.id}"
        with self.editing(page):
            told = self.client.put(path, asked)
        written = self._page(told, body, page.labels)
        if written.version != page.version + 1:
            look = partial(self.read, page.id)
            thrown_away(page.title, page.version, look, partial(self.client.delete, path))
        return written

    def address(self, space: str, id: str) -> str:
        return f"{self.client.url}/spaces/{quote(space, safe='~')}/pages/{id}"

    def _page(
        self, told: Answer, sent: str | None = None, labels: frozenset[str] = frozenset()
    ) -> Page:
        """`sent` is the body where the answer repeats none, `labels` where it tells none."""
        with in_shape("page"):
            version = told["version"]
            named = (told.get("labels") or {}).get("results")
            return Page(
                id=str(told["id"]),
                space=self._key_of(str(told["spaceId"])),
                title=str(told["title"]),
                version=int(version["number"]),
                body=_body(told, sent),
                status=str(told["status"]),
                labels=labels if named is None else _names(named),
                at=moment(version["createdAt"]),
            )

    def _key_of(self, id: str) -> str:
        """A space's key never changes."""
        if id not in self._keys:
            self._keys[id] = str(self.client.get(f"/api/v2/spaces/{id}")["key"])
        return self._keys[id]


class DataCenterSite(ConfluenceSite):
    """Version 1."""

    _EXPAND = "body.storage,version,space,metadata.labels"

    def _space(self, key: str) -> Space:
        found = self.client.get(f"/rest/api/space/{quote(key, safe='~')}")
        return Space(str(found["key"]), str(found.get("name") or ""))

    def _is_public(self, key: str) -> bool:
        told = self.client.anybody_reads(f"/rest/api/space/{quote(key, safe='~')}")
        return isinstance(told, Mapping) and "key" in told

    def may(self, key: str) -> frozenset[str]:
        """Data Center tells what may be done with pages and not with spaces; so it is seen when
        the first page is made."""
        self.space(key)
        return frozenset({"create", "read"})

    def create(self, space: str, parent: str, title: str, body: str) -> Page:
        asked: dict[str, Any] = {
            "type": "page",
            "title": title,
            "space": {"key": space},
            "body": {"storage": {"value": body, "representation": "storage"}},
        }
        if parent:
            asked["ancestors"] = [{"id": parent}]
        with titles(), self.adding(space):
            made = self.client.post("/rest/api/content", asked, expand=self._EXPAND)
            return page_of_version_1(made)

    def read(self, id: str, version: int | None = None) -> Page:
        if version is None:
            return page_of_version_1(
                self.client.get(f"/rest/api/content/{id}", expand=self._EXPAND)
            )
        asked = {"status": "historical", "version": version, "expand": self._EXPAND}
        try:
            return page_of_version_1(self.client.get(f"/rest/api/content/{id}", **asked))
        except NotThere:  # the latest version is none of history
            latest = self.read(id)
            if latest.version != version:
                raise
            return latest

    def by_title(self, space: str, title: str) -> Page | None:
        asked = {"spaceKey": space, "title": title, "type": "page", "expand": self._EXPAND}
        found = self.client.get("/rest/api/content", **asked)
        return next((page_of_version_1(each) for each in found["results"]), None)

    def write(self, page: Page, body: str) -> Page:
        asked = {
            "id": page.id,
            "type": "page",
            "title": page.title,
            "body": {"storage": {"value": body, "representation": "storage"}},
            # minor: those who watch the page get no mail of it
            "version": {"number": page.version + 1, "minorEdit": True, "message": _MESSAGE},
        }
        path = f"/rest/api/content/{page.id}"
        with self.editing(page):
            return page_of_version_1(self.client.put(path, asked, expand=self._EXPAND))

    def address(self, space: str, id: str) -> str:
        """By number, so that it outlives another title; the key is for whoever reads it."""
        return f"{self.client.url}/pages/viewpage.action?pageId={id}&spaceKey={quote(space)}"


def page_of_version_1(told: Answer) -> Page:
    """A page as version 1 of both deployments tells it; one without an expanded body has none."""
    with in_shape("page"):
        version = told["version"]
        labels = ((told.get("metadata") or {}).get("labels") or {}).get("results") or ()
        return Page(
            id=str(told["id"]),
            space=str(told["space"]["key"]),
            title=str(told["title"]),
            version=int(version["number"]),
            body=_body(told, ""),
            status=str(told.get("status") or "current"),
            labels=_names(labels),
            at=moment(version["when"]),
        )


def _body(told: Answer, sent: str | None) -> str:
    storage = (told.get("body") or {}).get("storage") or {}
    found = storage.get("value")
    if found is None and sent is None:
        raise ValueError("it has no body")
    return str(sent if found is None else found)


def _names(labels: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    return frozenset(str(label["name"]) for label in labels)
