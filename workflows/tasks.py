"""A remediation task as its tracker tells it: what is kept in sync, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from workflows.model import Change, Person, Status, TicketRef
from workflows.snapshots import Field, Progress


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task as it was read.

    `owners` are all who are assigned, in the tracker's order, `milestones` all that it is planned
    for; what each has one of is the first that the record does not know otherwise. `silent` are
    fields of which this ticket cannot speak (not on its screen, unknown to its server): that is
    not the same as empty. Of a `restricted` one, which only some may read, no words are told
    elsewhere. `changes` are those that came with the read, if any, of what is kept in sync and by
    our names of it, and tell who said what and when; `updated` (UTC) is when the ticket last
    changed in any way. `labels` are all that it has.
    """

    ref: TicketRef
    place: str
    title: str
    status: Status
    updated: datetime
    owners: tuple[Person, ...] = ()
    milestones: tuple[str, ...] = ()
    due: date | None = None
    silent: tuple[Field, ...] = ()
    changes: tuple[Change, ...] = ()
    restricted: bool = False
    labels: tuple[str, ...] = ()


def latest(one: TaskState, other: TaskState) -> TaskState | None:
    """Of two tellings of a task the later one, with the changes of both. None where they differ and
    it cannot be told which that is (some trackers tell whole seconds only), or in something that
    the later one does not tell to have changed: of a change between the two nothing was told."""
    earlier, later = sorted((one, other), key=lambda state: state.updated)
    told = {change.field for change in later.changes if change.at > earlier.updated}
    before, after = _content(earlier), _content(later)
    if any(before[name] != after[name] and name not in told for name in after):
        return None
    changes = tuple(sorted((*one.changes, *other.changes), key=lambda change: change.at))
    return replace(later, changes=changes)


def _content(state: TaskState) -> dict[str, object]:
    """What a state says, by the field whose change tells of it."""
    return {
        Field.OWNER: state.owners,
        Field.MILESTONE: state.milestones,
        Field.STATUS: state.status,
        Field.DUE: state.due,
        Field.TITLE: state.title,
        "": (state.ref, state.place, state.silent, state.restricted),
    }


@dataclass(frozen=True, slots=True)
class StatusWish:
    """A status as it is to be, for a tracker to find its own way to: one of `names` where there
    are any, else any status of the progress's kind. `reasons` are words for why it is closed, the
    best first; `fill` are fields that a way there may demand, by name or id. `readings` are what
    the ticket's statuses mean, by name, where the rules say so."""

    progress: Progress
    names: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    fill: Mapping[str, str] = field(default_factory=dict)
    readings: Mapping[str, Progress] = field(default_factory=dict)
