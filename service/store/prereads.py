"""What the pre-read of a team's quarterly review reads, each list cut to what is told of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    func,
    select,
)

from service.store.days import day_of
from service.store.learning_tables import audits, facts, labels, measures
from service.store.measured import (
    FOLLOWED,
    AnyRow,
    Query,
    factors,
    first,
    judged,
    measured,
    read_judged,
    read_measured,
    seen,
    teams,
)
from service.store.schema import incidents
from workflows.measured import Again, Factor, Judged, LateOf, Measured, Some
from workflows.model import DocumentStatus, Phase
from workflows.preread import MOST, Preread
from workflows.projection import What
from workflows.quarters import Quarter
from workflows.rungs import Verdict
from workflows.sight import Sight

Where = ColumnElement[bool]

_PLACE = (audits.c.incident_id, audits.c.item, audits.c.round, audits.c.rung)
_MEASURE = (measures.c.incident_id, measures.c.item)

#: Added to the number of an item, so that numbers are in order as texts too.
_TEN_DIGITS = 10**9


@dataclass(frozen=True)
class _Here:
    """What is told of: a team's quarter, by a sight, and without what may not be `told`."""

    team: str
    quarter: Quarter
    sight: Sight
    told: Where

    @property
    def incidents(self) -> list[Where]:
        """What is to hold of the rows of incidents."""
        own = (facts.c.quarter == str(self.quarter), facts.c.team == self.team)
        return [*own, *seen(self.sight, facts), self.told]


#: What was narrowed already is looked up by its key.
_EVERYTHING = Sight(None, restricted=True)


class Prereads:
    """Reading what there is to say of a team's quarter."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(
        self,
        team: str,
        quarter: Quarter,
        today: date,
        sight: Sight,
        without: Collection[str] = (),
    ) -> Preread:
        """As somebody with this sight may read it, and of no incident in `without` (our ids). The
        number of reads does not depend on how much there is."""
        begins, ends = (datetime.combine(d, time(), UTC) for d in (quarter.begins, quarter.ends))
        told = facts.c.id.not_in(_ids(without))
        of_measures = measured(sight).where(measures.c.team == team, told)
        of_audits = judged(sight).where(audits.c.team == team, told)
        came = and_(audits.c.team == team, audits.c.at >= begins, audits.c.at < ends)
        verdicts = and_(came, audits.c.verdict != "", *seen(sight, audits), FOLLOWED, told)
        is_proven = audits.c.verdict == Verdict.EFFECTIVE.value
        late = of_measures.where(measures.c.open.is_(True), measures.c.due < today)
        waits = of_audits.where(audits.c.asks.is_(True), audits.c.due < today)
        doubt = of_audits.where(audits.c.suspect > "")  # as its index is asked
        ending = measures.c.waived_until.between(today, quarter.next.ends)
        latest = (audits.c.at.desc().nulls_last(), *_PLACE)
        here = _Here(team, quarter, sight, told)
        return Preread(
            team=team,
            quarter=quarter,
            today=today,
            incidents=self._incidents(here),
            verdicts=self._judged_by(audits.c.verdict, verdicts),
            proven=self._judged(of_audits.where(verdicts, is_proven).order_by(*latest)),
            short=self._judged(of_audits.where(verdicts, ~is_proven).order_by(*latest)),
            done=self._done(here, begins, ends),
            judges=self._judged_by(audits.c.by, verdicts),
            roles=self._roles(here, begins, ends),
            recurred=self._recurred(here, without),
            factors=self._factors(here),
            partly_again=self._partly_again(of_audits.where(verdicts).order_by(*latest)),
            late_by=self._late_by(late),
            overdue=self._judged(waits.order_by(audits.c.due, *_PLACE)),
            suspect=self._judged(doubt.order_by(*latest)),
            waivers=self._measured(
                of_measures.where(ending).order_by(measures.c.waived_until, *_MEASURE)
            ),
        )

    def teams(self, sight: Sight) -> Sequence[str]:
        """The teams of whose incidents somebody with this sight may read any, by name."""
        return teams(self._connection, sight)

    def _measured(self, query: Query) -> Some[Measured]:
        return first(self._connection, query, MOST, read_measured)

    def _judged(self, query: Query) -> Some[Judged]:
        return first(self._connection, query, MOST, read_judged)

    def _counts(self, query: Select[str, int]) -> dict[str, int]:
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def _incidents(self, here: _Here) -> Mapping[str, int]:
        query = select(facts.c.severity, func.count()).where(*here.incidents, FOLLOWED)
        return self._counts(query.group_by(facts.c.severity).order_by(facts.c.severity))

    def _judged_by(self, column: ColumnElement[str], verdicts: Where) -> Mapping[str, int]:
        """How many verdicts of the quarter have each value of the column."""
        query = select(column, func.count()).join(facts, facts.c.id == audits.c.incident_id)
        return self._counts(query.where(verdicts).group_by(column))

    def _done(self, here: _Here, begins: datetime, ends: datetime) -> Mapping[str, int]:
        query = (
            select(measures.c.owner, func.count())
            .join(facts, facts.c.id == measures.c.incident_id)
            .where(measures.c.team == here.team, measures.c.done_at >= begins)
            .where(measures.c.done_at < ends, FOLLOWED, *seen(here.sight, measures), here.told)
        )
        return self._counts(query.group_by(measures.c.owner))

    def _roles(
        self, here: _Here, begins: datetime, ends: datetime
    ) -> Mapping[str, Mapping[str, int]]:
        """Who had which role in the postmortems that were published in the quarter."""
        published = and_(facts.c.published >= begins, facts.c.published < ends)
        query = (
            select(incidents.c.state["roles"])
            .join(facts, facts.c.id == incidents.c.id)
            .where(facts.c.team == here.team, published, *seen(here.sight, facts), here.told)
            .where(FOLLOWED, facts.c.document == DocumentStatus.PUBLISHED.value)
        )
        found: dict[str, dict[str, int]] = {}
        for roles in self._connection.scalars(query):
            for role, person in sorted((roles or {}).items()):
                people = found.setdefault(role, {})
                people[person] = people.get(person, 0) + 1
        return found

    def _recurred(self, here: _Here, without: Collection[str]) -> Some[Again]:
        """The earlier one is told only where it may be read as well."""
        earlier = facts.alias("earlier")
        told = and_(
            earlier.c.id == facts.c.recurrence_of,
            earlier.c.phase != Phase.GONE.value,
            *seen(here.sight, earlier),
            earlier.c.id.not_in(_ids(without)),
        )
        query: Query = (
            select(facts.c.id, facts.c.key, facts.c.url, facts.c.title)
            .add_columns(earlier.c.id.label("e_id"), earlier.c.key.label("e_key"))
            .add_columns(earlier.c.url.label("e_url"))
            .outerjoin(earlier, told)
            .where(*here.incidents, FOLLOWED, facts.c.recurrence_of != "")
            .order_by(facts.c.place.desc())
        )
        return first(self._connection, query, MOST, _read_again)

    def _factors(self, here: _Here) -> Some[Factor]:
        """Imported files count: they tell what came."""
        count, last = func.count().label("count_"), func.max(facts.c.place).label("last")
        query: Query = (
            select(labels.c.name, count, last)
            .join(facts, labels.c.incident_id == facts.c.id)
            .where(labels.c.what == What.FACTOR, labels.c.quarter == str(here.quarter))
            .where(labels.c.team == here.team, *seen(here.sight, labels), here.told)
            .where(facts.c.phase != Phase.GONE.value)
            .group_by(labels.c.name)
            .having(func.count() > 1)
            .order_by(count.desc(), last.desc())
        )
        return factors(self._connection, query, MOST)

    def _partly_again(self, verdicts: Query) -> Some[Judged]:
        """Verdicts that say *partly* of a measure of which that had been said before."""
        partly, before = Verdict.PARTLY.value, audits.alias("before")
        had_been = (
            select(before.c.rung)
            .where(before.c.incident_id == audits.c.incident_id, before.c.item == audits.c.item)
            # By the key, and not by the index of all verdicts.
            .where(before.c.verdict.concat("") == partly, before.c.at < audits.c.at)
            .exists()
        )
        return self._judged(verdicts.where(audits.c.verdict == partly, had_been))

    def _late_by(self, late: Query) -> Some[LateOf]:
        """The owners of whom most is late first. The oldest of each is the least of a text that
        names it: to number all of an owner's takes half as long again."""
        number = cast(measures.c.item + _TEN_DIGITS, Text)
        named = (
            day_of(measures.c.due)
            .concat(" ")
            .concat(measures.c.incident_id)
            .concat(" ")
            .concat(number)
        )
        count, oldest = func.count().label("late"), func.min(named).label("oldest")
        grouped = late.with_only_columns(count, oldest).group_by(measures.c.owner)
        found = first(
            self._connection,
            grouped.order_by(count.desc(), oldest),
            MOST,
            lambda row: (row.late, *row.oldest.split(" ")[1:]),
        )
        places = [(id, int(item) - _TEN_DIGITS) for _, id, item in found.rows]
        query = measured(_EVERYTHING).where(measures.c.incident_id.in_([id for id, _ in places]))
        rows = {
            (row.m_incident, row.m_item): read_measured(row)
            for row in self._connection.execute(query)
        }
        late_of = (LateOf(n, rows[at]) for (n, _, _), at in zip(found.rows, places, strict=True))
        return Some(tuple(late_of), found.count)


def _ids(ids: Collection[str]) -> Any:
    """Ids of ours, written into the query: they may be more than it can have parameters."""
    return bindparam(None, sorted(ids), expanding=True, literal_execute=True, unique=True)


def _read_again(row: AnyRow) -> Again:
    return Again(
        row.id, row.key, row.url, row.title, row.e_id or "", row.e_key or "", row.e_url or ""
    )
