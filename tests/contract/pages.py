"""A ground of two products: incidents and tasks in Jira, documents as pages of Confluence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from contract.ground import Caller, Jira, Json, signed_in

#: As many as one answer tells with their bodies, where the newest come first.
_NEWEST = 100

_ROW = re.compile(r"<tr\b.*?</tr>", re.DOTALL)


@dataclass(kw_only=True)
class JiraAndConfluence(Jira):
    """`wiki` is Confluence's address (on Cloud without ``/wiki``), `space` the key of the space;
    `reader` is the Authorization of who reads and edits pages there, `wiki_auth` the service's, as
    the rules say it."""

    wiki: str
    space: str
    reader: str
    wiki_auth: str

    def __post_init__(self) -> None:
        super().__post_init__()
        self._wiki = Caller(wiki_root(self.wiki, self.cloud), signed_in(self.reader))

    @property
    def connections(self) -> dict[str, str]:
        deployment = "cloud" if self.cloud else "datacenter"
        said = f"kind: confluence, url: {self.wiki}, deployment: {deployment}"
        return {**super().connections, "wiki": f"{{{said}, auth: {self.wiki_auth}}}"}

    @property
    def document(self) -> str:
        return f"{{kind: confluence-page, connection: wiki, space: {self.space}, labels: [ours]}}"

    def documents(self) -> list[str]:
        return [as_read(_body(page)) for page in self._pages()]

    def say_done(self) -> None:
        (page,) = self._pages()
        said = _done(_body(page))
        storage = {"value": said, "representation": "storage"}
        asked: Json = {"id": page["id"], "title": page["title"], "status": "current"}
        asked["version"] = {"number": page["version"]["number"] + 1, "message": "It is done"}
        if self.cloud:
            self._wiki("PUT", f"/api/v2/pages/{page['id']}", {**asked, "body": storage})
            return
        asked |= {"type": "page", "body": {"storage": storage}}
        self._wiki("PUT", f"/rest/api/content/{page['id']}", asked)

    def leave(self) -> None:
        """Pages go to the trash, from where whoever administers the space can restore them."""
        try:
            super().leave()
        finally:
            pages = "/api/v2/pages" if self.cloud else "/rest/api/content"
            for page in self._pages():
                self._wiki("DELETE", f"{pages}/{page['id']}")

    def _pages(self) -> list[Json]:
        """Those of this run, with their bodies: listed, because an index of searches lags."""
        listed = self._of_cloud() if self.cloud else self._of_data_center()
        return [page for page in listed if self.mark in page["title"]]

    def _of_cloud(self) -> Iterator[Json]:
        """https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-page/#api-pages-get"""
        (space,) = self._wiki("GET", "/api/v2/spaces", keys=self.space)["results"]
        asked: Json = {"space-id": space["id"], "status": "current", "body-format": "storage"}
        asked |= {"sort": "-created-date", "limit": str(_NEWEST)}
        yield from self._wiki("GET", "/api/v2/pages", **asked)["results"]

    def _of_data_center(self) -> Iterator[Json]:
        """In no order that could be asked for, so all of them; how many one answer tells is the
        server's to say.
        https://docs.atlassian.com/ConfluenceServer/rest/latest/#api/content-getContent"""
        asked: Json = {"spaceKey": self.space, "type": "page", "expand": "body.storage,version"}
        start = 0
        while True:
            found = self._wiki("GET", "/rest/api/content", **asked, start=start, limit=_NEWEST)
            yield from found["results"]
            start += len(found["results"])
            if not found["results"] or "next" not in found["_links"]:
                return


def wiki_root(url: str, cloud: bool) -> str:
    """What the paths of its REST API stand below."""
    return f"{url.rstrip('/').removesuffix('/wiki')}/wiki" if cloud else url.rstrip("/")


def as_read(storage: str) -> str:
    """A page as people see it, each row of a table a line in bars."""
    lines = re.sub(r"<tr\b[^>]*>", "\n| ", re.sub(r"</t[hd]>", " | ", storage))
    return unescape(re.sub(r"<[^>]*>", "", re.sub(r"</(tr|p|h\d|li)>(?! \|)", "\n", lines)))


def _body(page: Json) -> str:
    return str(page["body"]["storage"]["value"])


def _done(storage: str) -> str:
    """The same with the last cell of the row of the first action item changed."""
    (row,) = (each[0] for each in _ROW.finditer(storage) if "AI-1" in each[0])
    before, open, after = row.rpartition("open")
    assert open, row
    return storage.replace(row, before + "done" + after)
