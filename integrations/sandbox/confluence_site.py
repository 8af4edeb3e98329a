"""A Confluence site: spaces, pages with all their versions, and what people do with them. Its
people are those of the Jira site beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from integrations.sandbox.confluence_storage import NotWellFormed, saved
from integrations.sandbox.jira_acts import Jira
from integrations.sandbox.jira_site import ANONYMOUS
from integrations.sandbox.world import Refused, World, act

LONGEST_TITLE = 255
#: https://confluence.atlassian.com/doc/permissions-and-restrictions-139557.html
ALL = frozenset({"read", "create"})


@dataclass(frozen=True, slots=True)
class Saved:
    """One version of a page."""

    number: int
    title: str
    body: str
    by: str
    at: datetime
    message: str = ""
    minor: bool = False


@dataclass(slots=True)
class Page:
    id: str
    space: str
    parent: str
    versions: list[Saved]
    labels: dict[str, str] = field(default_factory=dict)  # name → id
    status: str = "current"
    editors: frozenset[str] | None = None  # who alone may edit it

    @property
    def now(self) -> Saved:
        return self.versions[-1]


@dataclass(slots=True)
class Space:
    id: str
    key: str
    name: str
    public: bool = False
    rights: dict[str, frozenset[str]] = field(default_factory=dict)


class Confluence:
    """A site with everything that changes it; who is not named in a space's `rights` may all."""

    def __init__(self, world: World, people: Jira) -> None:
        self.world = world
        self.people = people
        self.spaces: dict[str, Space] = {}
        self.pages: dict[str, Page] = {}

    @property
    def cloud(self) -> bool:
        return self.people.cloud

    @property
    def url(self) -> str:
        return f"{self.world.base_url}/confluence{'/wiki' if self.cloud else ''}"

    # --- people's acts (also at /_sandbox/confluence/<act>) --------------------------------------

    @act
    def add_space(self, key: str, name: str = "", public: bool = False) -> str:
        """A space with a home page; a `public` one is read by everybody."""
        id = str(self.world.next_id())
        self.spaces[key] = Space(id, key, name or key, public)
        self.create(key, f"{name or key} Home", "<p />", by="", parent="")
        return id

    @act
    def grant(self, space: str, who: str, rights: Sequence[str]) -> None:
        """From now on this account may do no more than that in the space: read, create."""
        self.spaces[space].rights[who] = frozenset(rights)

    @act
    def restrict(self, page: str, *editors: str) -> None:
        """From now on only these may edit the page; whoever saw it still does.
        https://confluence.atlassian.com/doc/page-restrictions-139414.html"""
        self.page(page).editors = frozenset(editors)

    @act
    def open_to_all(self, space: str, public: bool = True) -> None:
        self.spaces[space].public = public

    @act
    def write_page(self, space: str, title: str, body: str, by: str, parent: str = "") -> str:
        """A page that a person makes; returns its id."""
        return self.create(space, title, body, by, parent).id

    @act
    def edit_page(self, page: str, old: str, new: str, by: str) -> None:
        """Replace a piece of the page's text as it is stored; it must be there once."""
        one = self.page(page)
        if one.now.body.count(old) != 1:
            raise ValueError(f"{old!r} stands {one.now.body.count(old)} times in: {one.now.body}")
        self.save(one, one.now.title, one.now.body.replace(old, new), by, one.now.number + 1)

    @act
    def rename(self, page: str, title: str, by: str) -> None:
        one = self.page(page)
        self.save(one, title, one.now.body, by, one.now.number + 1)

    @act
    def move(self, page: str, space: str) -> None:
        """Into another space; the id stays."""
        self.page(page).space = space

    @act
    def label(self, page: str, *names: str) -> None:
        for name in names:
            self.page(page).labels.setdefault(name.lower(), str(self.world.next_id()))

    @act
    def unlabel(self, page: str, name: str) -> None:
        del self.page(page).labels[name]

    @act
    def trash(self, page: str) -> None:
        self.page(page).status = "trashed"

    @act
    def archive(self, page: str) -> None:
        self.page(page).status = "archived"

    # --- what both REST dialects do --------------------------------------------------------------

    def page(self, id: str) -> Page:
        return self.pages[id]

    def seen(self, id: str, me: str) -> Page | None:
        """The page, unless it is hidden from that account."""
        page = self.pages.get(id)
        return page if page is not None and self.may(me, "read", page.space) else None

    def may(self, who: str, right: str, space: str) -> bool:
        place = self.spaces[space]
        if who == ANONYMOUS:
            return place.public and right == "read"
        return right in place.rights.get(who, ALL)

    def titled(self, space: str, title: str) -> Page | None:
        """Titles are compared without regard to case, and one in the trash is free again."""
        wanted = title.casefold()
        here = (page for page in self.pages.values() if page.space == space)
        held = (page for page in here if page.status in ("current", "archived"))
        return next((page for page in held if page.now.title.casefold() == wanted), None)

    def listed(self, space: str, title: str | None, statuses: Sequence[str]) -> list[Page]:
        """Those of the space in one of the `statuses`, or of them the one of a `title`."""
        named = None if title is None else self.titled(space, title)
        return [
            page
            for page in self.pages.values()
            if page.space == space and page.status in statuses and (title is None or page is named)
        ]

    def create(self, space: str, title: str, body: str, by: str, parent: str) -> Page:
        self._refuse_title(space, title, None)
        if parent and parent not in self.pages:
            raise Refused(404, _said(404, f"Cannot find parent content with id: {parent}"))
        id, now = str(self.world.next_id()), self.world.now()
        first = Saved(1, title, self._as_saved(body), by, now)
        self.pages[id] = Page(id, space, parent, [first])
        return self.pages[id]

    def save(
        self,
        page: Page,
        title: str,
        body: str,
        by: str,
        number: int,
        message: str = "",
        minor: bool = False,
    ) -> None:
        """https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-page/#api-pages-id-put"""
        if number != page.now.number + 1:
            told = f"Current version is: {page.now.number}"
            raise Refused(409, _said(409, f"Version must be incremented on update. {told}"))
        self._refuse_title(page.space, title, page)
        stored = self._as_saved(body)
        page.versions.append(Saved(number, title, stored, by, self.world.now(), message, minor))

    def _as_saved(self, body: str) -> str:
        try:
            return saved(body, self.cloud)
        except NotWellFormed as error:
            raise Refused(400, _said(400, str(error))) from None

    def _refuse_title(self, space: str, title: str, own: Page | None) -> None:
        if not title.strip() or len(title) > LONGEST_TITLE:
            raise Refused(400, _said(400, "The title is empty or too long"))
        if self.titled(space, title) not in (None, own):
            words = (
                "A page with this title already exists: A page already exists with the title "
                f"{title} in the space with key {space}"
            )
            raise Refused(400, _said(400, words))


def _said(status: int, words: str) -> dict[str, object]:
    """Version 1 tells a message, version 2 a list of errors; here each answer has both."""
    errors = [{"status": status, "code": "ERROR", "title": words, "detail": None}]
    return {"statusCode": status, "message": words, "errors": errors}


def missing(what: str) -> Refused:
    return Refused(404, _said(404, f"No {what} found, or it is not visible to this account"))


def refused(status: int, words: str) -> Refused:
    return Refused(status, _said(status, words))
