"""Postmortems that are pages of Confluence.

The storage format has no hidden comments that outlive Confluence's editor, so a region is what
stands under its heading, as in Jira. A page is saved as the version after the one that was read:
Confluence refuses it when somebody saved in between.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from integrations.confluence import checks, keeping, storage
from integrations.confluence.reading import sections, to_markdown
from integrations.confluence.refusals import TitleTaken
from integrations.confluence.site import AT_ONCE, LONGEST_TITLE, ConfluenceSite, Page
from integrations.confluence.storage import NoStorage
from integrations.confluence.writing import from_markdown
from integrations.tracker import Finding, Lost, Rejected, StaleVersion, TrackerError
from workflows.documents import region_headings
from workflows.effects import CreateDocument
from workflows.model import DocumentRef, DocumentState, DocumentStatus
from workflows.versions import Publication

log = logging.getLogger(__name__)

IN_REVIEW = "in-review"

_SPACE = re.compile(r"/spaces/([^/?#]+)/pages/|[?&]spaceKey=([^&#]+)")


class ConfluencePageDocuments:
    """Documents of the kind ``confluence-page`` of one site; a target's `place` is the space's key,
    its `path` the parent page's title or id.

    A title is unique in its space, so it serves as a key: a creation whose answer was lost is found
    by it. A page that does not carry our mark is nobody of ours, whatever its title. A document's
    version is the page's, and what its labels say. Raises the TrackerError family only.
    """

    kind = "confluence-page"
    at_once = AT_ONCE

    def __init__(self, site: ConfluenceSite) -> None:
        self._site = site

    def create(self, wanted: CreateDocument, *, again: bool = False) -> DocumentState:
        """Make the page, or find the one that an earlier attempt made. `again`: old Data Centers
        answer a taken title with an error of the server, so it is looked for first then."""
        site, place = self._site, wanted.target.place
        found = self._by_titles(wanted) if again else None
        if found is not None:
            return self._made(wanted, found)
        parent = site.parent(place, wanted.target.path) if wanted.target.path else ""
        body = storage.marked(from_markdown(wanted.text), wanted.key)
        for title in _titles(wanted):
            if again and site.by_title(place, title) is not None:
                continue
            try:
                return self._made(wanted, site.create(place, parent, title, body))
            except TitleTaken:
                known = site.by_title(place, title)
                if known is not None and _is_marked(known, wanted.key):
                    return self._made(wanted, known)
        raise Rejected(
            f"the space {place} has pages of other people that are called {wanted.title!r}",
            mend="Rename that page, or the incident.",
        )

    def find(self, wanted: CreateDocument, lost: Lost) -> DocumentState | None:
        """The page that carries the key, by its title, then among those that our account made since
        `lost`: somebody may have renamed it."""
        found = self._by_titles(wanted)
        if found is None:
            recent = self._site.made_by_us(wanted.target.place, lost.since)
            found = next((page for page in recent if _is_marked(page, wanted.key)), None)
        return None if found is None else self._made(wanted, found)

    def read(self, ref: DocumentRef, headings: Mapping[str, str]) -> DocumentState:
        """One read. NotThere when it is deleted or in the trash; archived counts as declined."""
        return self._state(self._site.read(ref.id), headings)

    def write(self, known: DocumentState, regions: Mapping[str, str]) -> DocumentState:
        """One read and, if anything differs, one write. StaleVersion when one of the regions is no
        longer as known, or when somebody saved the page between the two."""
        page = self._site.read(known.ref.id)
        now = self._state(page, known.headings)
        if now.status is DocumentStatus.DECLINED:
            raise Rejected(
                f"{now.ref.url} is archived: the document is declined",
                mend="Restore the page if it should go on.",
            )
        for name in regions:
            if now.regions.get(name) != known.regions.get(name):
                where = known.headings.get(name, name)
                raise StaleVersion(f"{page.title}: somebody changed {where}")
        texts = {known.headings[n]: text for n, text in regions.items() if n in known.headings}
        body = keeping.rewritten(page.body, texts)
        if _regions(body, known.headings) == now.regions:
            return now
        return self._state(self._site.write(page, body), known.headings)

    def version(self, ref: DocumentRef) -> str | None:
        """One read, of one page; `versions` looks at many."""
        return _version(self._site.read(ref.id))

    def versions(self, refs: Sequence[DocumentRef]) -> Mapping[str, str]:
        """The versions of those that one search knows, by id."""
        found = self._site.versions([ref.id for ref in refs])
        return {page.id: _version(page) for page in found}

    def place_of(self, ref: DocumentRef) -> str:
        """The space's key, which the page's address holds."""
        found = _SPACE.search(ref.url)
        return (found[1] or found[2]) if found else ""

    def is_public(self, place: str) -> bool:
        """Whether everybody may read the space, without signing in; at most ten minutes old."""
        return self._site.is_public(place)

    def check(self, places: Iterable[tuple[str, str]]) -> Iterator[Finding]:
        """See `integrations.confluence.checks`."""
        return checks.check(self._site, places)

    def publications(self, ref: DocumentRef, known: frozenset[str]) -> Sequence[Publication]:  # noqa: ARG002
        """The page as it was when somebody asked to publish it: `ref.version` tells the version,
        which Confluence keeps. Who asked, and when, it does not know: the time of the version
        stands in."""
        number, _, _ = ref.version.partition(" ")
        if not number.isdecimal():
            raise Rejected(f"{ref.url} was never read", mend="Publish it again.")
        page = self._site.read(ref.id, int(number))
        return (Publication(to_markdown(page.body), page.at),)

    def _by_titles(self, wanted: CreateDocument) -> Page | None:
        pages = (self._site.by_title(wanted.target.place, title) for title in _titles(wanted))
        return next((p for p in pages if p is not None and _is_marked(p, wanted.key)), None)

    def _made(self, wanted: CreateDocument, page: Page) -> DocumentState:
        missing = [name for name in wanted.target.labels if name.casefold() not in page.labels]
        if missing:
            try:
                self._site.add_labels(page.id, missing)
            except TrackerError as error:
                # The page exists and must not be asked for again because of a label.
                log.warning("%s got no labels: %s", page.title, error.words)
        return self._state(page, region_headings(wanted.text))

    def _state(self, page: Page, headings: Mapping[str, str]) -> DocumentState:
        url = self._site.address(page.space, page.id)
        return DocumentState(
            ref=DocumentRef(self.kind, page.id, url, _version(page)),
            regions=_regions(page.body, headings),
            headings=dict(headings),
            status=_status(page),
            text=to_markdown(page.body),
        )


def _titles(wanted: CreateDocument) -> Iterator[str]:
    """The titles that the page may have, the same each time: its own, or, where somebody else has
    a page of that name, with the incident's id."""
    yield wanted.title[:LONGEST_TITLE]
    ending = f" ({wanted.key.rpartition(':')[2]})"
    yield wanted.title[: LONGEST_TITLE - len(ending)] + ending


def _is_marked(page: Page, key: str) -> bool:
    try:
        return key in storage.keys(storage.parse(page.body))
    except NoStorage:
        return False


def _regions(body: str, headings: Mapping[str, str]) -> dict[str, str]:
    try:
        found = sections(body)
    except NoStorage as error:
        raise Rejected(
            f"the page is not in Confluence's storage format: {error}",
            mend="Open the page in Confluence and save it once.",
        ) from None
    return {name: found[text] for name, text in headings.items() if text in found}


def _status(page: Page) -> DocumentStatus:
    if page.status == "archived":
        return DocumentStatus.DECLINED
    return DocumentStatus.IN_REVIEW if IN_REVIEW in page.labels else DocumentStatus.DRAFT


def _version(page: Page) -> str:
    """The number, and what is told by no new version: labels, and that it is archived."""
    status = _status(page)
    return str(page.version) if status is DocumentStatus.DRAFT else f"{page.version} {status}"
