"""What a review comes to is shown, and what was published is kept as a version."""

from __future__ import annotations

from dataclasses import replace

from integrations.document_store import DocumentStore
from integrations.reviewed import ShowsReview
from integrations.tracker import Rejected
from service.store import Store, Transaction
from workflows.effects import KeepVersions, SetReview
from workflows.events import News, ReviewShown, VersionsFound, VersionsKept
from workflows.versions import Publication, Version, digest


class Versions:
    """Carries out the two effects that are about publishing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def perform(
        self, wish: SetReview | KeepVersions, documents: DocumentStore, incident_id: str
    ) -> News:
        """Raises TrackerError. Both may be done again: nothing comes of it twice."""
        if isinstance(wish, SetReview):
            if not isinstance(documents, ShowsReview):
                raise Rejected(f"a document of the kind {documents.kind} has no place for a check")
            documents.set_review(wish)
            return ReviewShown(wish.key)
        with self._store.read() as tx:
            known = tx.versions.commits(incident_id)
        found = documents.publications(wish.document, known)
        return VersionsFound(wish.key, tuple(_as_asked(each, wish) for each in found))


def _as_asked(found: Publication, wish: KeepVersions) -> Publication:
    """Who asked for it, and when, where somebody did."""
    return replace(found, by=wish.by or found.by, at=wish.at or found.at)


def keep(tx: Transaction, incident_id: str, found: VersionsFound) -> VersionsKept:
    """Write down each publication that says something else than the one before it."""
    last = tx.versions.last(incident_id)
    numbers: list[int] = []
    for publication in found.publications:
        token = digest(publication.text)
        if last is not None and last.digest == token:
            continue
        last = Version(last.number + 1 if last else 1, publication, token)
        tx.versions.add(incident_id, last)
        numbers.append(last.number)
    return VersionsKept(found.key, tuple(numbers))
