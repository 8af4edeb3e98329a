"""Holds what is copied against who may read it: the rules at start, and each copy once more before
it is made, because a private repository may have been made public since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from integrations.document_store import Spaces
from integrations.tracker import Rejected, Tracker, TrackerError
from service.settling import DocumentStores
from service.store.effects import EffectRecord
from workflows.audience import OVERVIEWS, Passage, Spot, TaskSpots, exposure, passages, passages_of
from workflows.effects import WriteNote
from workflows.model import Incident
from workflows.policy import Mode, Policy, Team
from workflows.snapshots import Side
from workflows.team_books import TeamBook


class Exposed(Rejected):
    """It would show to everybody what only some may read."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why nothing may be copied on a passage of a team: `Exposed`, or any other error when nobody
    could tell."""

    team: Team
    passage: Passage
    why: TrackerError

    @property
    def final(self) -> bool:
        """Whether it is known, and not only feared, and anything would be copied at all."""
        return isinstance(self.why, Exposed) and self.team.mode is Mode.ACT


class Audiences:
    """Asks the trackers, and the `spaces` of documents, who may read what. They remember the
    answers for ten minutes."""

    def __init__(
        self,
        trackers: Mapping[str, Tracker],
        documents: DocumentStores,
        spaces: Mapping[str, Spaces] = MappingProxyType({}),
    ) -> None:
        self._spaces = spaces
        self._trackers = trackers
        self._documents = documents

    def of_rules(self, policy: Policy) -> Iterator[Objection]:
        """What speaks against the destinations in the rules."""
        for team in policy.teams.values():
            yield from self.of_team(team)

    def of_team(self, team: Team) -> Iterator[Objection]:
        for passage in passages(team):
            why = self._objection(passage)
            if why is not None:
                yield Objection(team, passage, why)

    def of_effects(
        self, records: Sequence[EffectRecord], incident: Incident | TeamBook
    ) -> list[tuple[EffectRecord, TrackerError]]:
        """Those of the effects that may not be executed, or not now, each with the reason. None of
        a team's: in the same turn its words were chosen by what is `tellable`, also those of what
        was asked for before and never came."""
        if isinstance(incident, TeamBook):
            return []
        found = []
        ticket, document = self._spots(incident)
        tasks = self._task_spots(incident)
        for record in records:
            ways = passages_of(record.wish, incident, ticket, document, tasks)
            why = next(filter(None, map(self._objection, ways)), None)
            if why is not None:
                found.append((record, why))
        return found

    def without_words(
        self, records: Sequence[EffectRecord], incident: Incident
    ) -> list[EffectRecord]:
        """The effects; a note that repeats words of the document, which may not be told where it
        is written, with what it says instead."""
        notes = [r for r in records if isinstance(r.wish, WriteNote) and r.wish.instead]
        told = {record.key: why for record, why in self.of_effects(notes, incident)}

        def fitting(record: EffectRecord) -> EffectRecord:
            barred = type(told.get(record.key)) in (Exposed, Rejected)
            if not isinstance(record.wish, WriteNote) or not barred:
                return record
            return replace(record, wish=replace(record.wish, text=record.wish.instead, instead=""))

        return [fitting(record) for record in records]

    def tellable(self, incident: Incident, end: Spot) -> bool:
        """Whether words of the incident, and of its measures, may be told to everybody who may read
        there: of a restricted one none may, nor where nobody can tell who reads what."""
        if incident.restricted or incident.ticket.connection not in self._trackers:
            return False
        ticket, document = self._spots(incident)
        starts = {ticket, *self._task_spots(incident).values(), *([document] if document else [])}
        ways = (Passage(OVERVIEWS, start, end) for start in starts)
        return not any(map(self._objection, ways))

    def are_one(self, one: Incident, other: Incident) -> bool:
        """Whether the tickets of two incidents stand in one place, and their documents too: then
        whoever may read of the one may read of the other, if neither ticket is restricted."""
        if {one.ticket.connection, other.ticket.connection} - self._trackers.keys():
            return False
        (ticket, document), others = self._spots(one), self._spots(other)
        return document is not None and (ticket, document) == others

    def will_be_one(self, one: Incident, document: Spot, other: Incident) -> bool:
        """The same of one whose document is about to be created there."""
        if other.restricted or {one.ticket.connection, other.ticket.connection} - set(
            self._trackers
        ):
            return False
        ticket, _ = self._spots(one)
        return (ticket, document) == self._spots(other)

    def _spots(self, incident: Incident) -> tuple[Spot, Spot | None]:
        """Where the incident's ticket and its document are."""
        ref, known = incident.ticket, incident.postmortem
        ticket = Spot(ref.connection, self._trackers[ref.connection].place_of(ref))
        if known is None:
            return ticket, None
        try:
            store = self._documents(known.ref.kind, known.connection)
        except TrackerError:  # gone from the rules: whoever writes to it is told
            return ticket, None
        return ticket, Spot(known.connection, store.place_of(known.ref))

    def _task_spots(self, incident: Incident) -> TaskSpots:
        """Where the tickets of its action items are; one whose connection the rules have no more
        is nowhere."""
        return {
            (item.number, side): Spot(ref.connection, self._trackers[ref.connection].place_of(ref))
            for item in incident.actions
            for side, ref in ((Side.TASK, item.task), (Side.TWIN, item.twin))
            if ref is not None and ref.connection in self._trackers
        }

    def _objection(self, passage: Passage) -> TrackerError | None:
        source, target = passage.source, passage.target
        try:
            if source == target or not self._public(target) or self._public(source):
                return None
        except TrackerError as error:
            return error
        words, mend = exposure(passage)
        return Exposed(words, mend=mend)

    def _public(self, spot: Spot) -> bool:
        """Whether everybody may read there. What is on this machine, or behind a connection that
        the rules have no more, is nobody's."""
        keeper = self._trackers.get(spot.connection) or self._spaces.get(spot.connection)
        return keeper is not None and keeper.is_public(spot.place)
