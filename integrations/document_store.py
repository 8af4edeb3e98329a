"""The protocol of what keeps postmortem documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from integrations.tracker import Finding, Lost
from workflows.effects import CreateDocument
from workflows.model import DocumentRef, DocumentState
from workflows.versions import Publication


class DocumentStore(Protocol):
    """A place where postmortem documents live; one per kind and connection."""

    kind: str

    def create(self, wanted: CreateDocument, *, again: bool = False) -> DocumentState:
        """Create it. Where it may have been created before, `find` is asked first. `again`: an
        earlier attempt ended without the whole, and may have left a part to go on from."""

    def find(self, wanted: CreateDocument, lost: Lost) -> DocumentState | None:
        """The document that an earlier `create` of this wish left behind, looked for as in
        `Tracker.find_created`."""

    def read(self, ref: DocumentRef, headings: Mapping[str, str]) -> DocumentState:
        """As it is now. NotThere when it was deleted."""

    def write(self, known: DocumentState, regions: Mapping[str, str]) -> DocumentState:
        """Replace these marked regions in the document as `known`, everything else untouched.
        StaleVersion when it is no longer as known (where the store can tell)."""

    def version(self, ref: DocumentRef) -> str | None:
        """A cheap look at its version, for stores that are polled; None: read it to know."""

    def place_of(self, ref: DocumentRef) -> str:
        """The project or repository that the document is in; "" where it is on this machine."""

    def publications(self, ref: DocumentRef, known: frozenset[str]) -> Sequence[Publication]:
        """What was published of it, the oldest first, as far as the store still tells and without
        those of the commits `known`. Of one that somebody published by asking, the text with the
        token `ref.version`; Rejected when that is no more."""


@runtime_checkable
class LooksAtMany(Protocol):
    """A document store that tells the versions of many documents in one look."""

    at_once: int

    def versions(self, refs: Sequence[DocumentRef]) -> Mapping[str, str]:
        """The versions of `at_once` documents at most, by their ids, as `DocumentStore.version`
        tells each. One that is missing here may be there all the same, and is asked for alone."""


class Spaces(Protocol):
    """Places of documents behind one connection that keeps no tickets."""

    def is_public(self, place: str) -> bool:
        """Whether everybody may read the place, without signing in; at most ten minutes old."""

    def check(self, places: Iterable[tuple[str, str]]) -> Iterator[Finding]:
        """Look at sign-in and at each place, with the path below which documents come there, or
        ""; for `doctor`. Reads only."""
