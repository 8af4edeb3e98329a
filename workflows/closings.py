"""Milestones that tasks carry in one tracker and their twins in another: closed in both, or none.

A milestone is of a place and not of one incident, so this is decided for pairs of milestones and
not for action items. Whether it is closed has two values only: of two that differ, exactly one is
no more what was last agreed, so that there is never a conflict. What was never looked at was open:
milestones begin so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from workflows.model import ActionItem, Incident, TicketRef
from workflows.policy import SyncRules, Team
from workflows.snapshots import Agreement, Field, Side, is_alike


@dataclass(frozen=True, slots=True, order=True)
class Milestone:
    """A milestone or version, by the name that it has in its project or repository."""

    connection: str
    place: str
    name: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two milestones of one name that a task and its twin carry. Those that `count` are carried
    over; `incidents` are the ids of those whose items carry them."""

    one: Milestone
    other: Milestone
    count: frozenset[Milestone]
    incidents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Closing:
    """What is known of a pair: whether both were `closed` when that was last agreed, when (UTC) we
    wrote either, the latest at the end, and `words`, why it could not be written ("" where it
    could)."""

    closed: bool = False
    written: tuple[datetime, ...] = ()
    words: str = ""


def pairs(
    incidents: Iterable[Incident], team: Team, place_of: Callable[[TicketRef], str]
) -> list[Pair]:
    """What the team's items carry on two sides at once. `place_of` tells where a ticket stands. A
    muted incident asks for nothing."""
    found: dict[tuple[Milestone, Milestone], Pair] = {}
    for incident in incidents:
        for item in incident.actions if not incident.muted else ():
            carried = dict(_carried(item, place_of))
            if len(carried) < 2 or not is_alike(*(each.name for each in carried.values())):
                continue
            one, other = sorted(carried.values())
            if (one.connection, one.place) == (other.connection, other.place):
                continue
            counts = team.sync.fields[Field.MILESTONE].counts
            count = frozenset(each for side, each in carried.items() if side in counts)
            known = found.get((one, other), Pair(one, other, frozenset(), ()))
            ids = dict.fromkeys((*known.incidents, incident.id))
            found[one, other] = Pair(one, other, known.count | count, tuple(ids))
    return list(found.values())


def _carried(
    item: ActionItem, place_of: Callable[[TicketRef], str]
) -> Iterator[tuple[Side, Milestone]]:
    for side, ref in ((Side.TASK, item.task), (Side.TWIN, item.twin)):
        agreement = item.sides.get(side, Agreement())
        name = agreement.base.get(Field.MILESTONE)
        if ref is not None and name is not None and not agreement.gone:
            yield side, Milestone(ref.connection, place_of(ref), name)


def moved(pair: Pair, known: Closing, closed: Mapping[Milestone, bool]) -> Milestone | None:
    """Which of the two is no more as agreed, so that the other follows it; None where both are
    alike."""
    if closed[pair.one] == closed[pair.other]:
        return None
    return pair.one if closed[pair.one] != known.closed else pair.other


def rests_until(known: Closing, rules: SyncRules) -> datetime | None:
    """Until when (UTC) a pair is left alone, because we wrote it as often as a field may flip:
    somebody keeps changing it back. None where it is not."""
    lately = known.written[-rules.flips :]
    if len(lately) < rules.flips or lately[-1] - lately[0] > rules.window:
        return None
    return lately[-1] + rules.rest


def followed(known: Closing, closed: bool, rules: SyncRules, now: datetime) -> Closing:
    """After we wrote one of the two: both are `closed`, or both open."""
    return Closing(closed, (*known.written, now)[-rules.flips :])
