"""What the pre-read of a team's quarterly review reads, each list cut to what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime, time
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, select

from service.store.learning_tables import audits, facts, labels, measures
from service.store.measured import (
    AnyRow,
    Query,
    factors,
    first,
    judged,
    measured,
    read_judged,
    read_measured,
    seen,
)
from service.store.schema import incidents
from workflows.measured import Again, Factor, LateOf, Measured, Some
from workflows.model import DocumentStatus
from workflows.preread import MOST, Preread
from workflows.projection import What
from workflows.quarters import Quarter
from workflows.rungs import Verdict
from workflows.sight import Sight

T = TypeVar("T")
Where = ColumnElement[bool]

_PLACE = (audits.c.incident_id, audits.c.item, audits.c.round, audits.c.rung)
_MEASURE = (measures.c.incident_id, measures.c.item)


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
        here = _here(team, sight, without)
        begins, ends = (datetime.combine(d, time(), UTC) for d in (quarter.begins, quarter.ends))
        judged_in = and_(here, audits.c.at >= begins, audits.c.at < ends, audits.c.verdict != "")
        is_late = and_(here, measures.c.open.is_(True), measures.c.due < today)
        done_in = and_(here, measures.c.done_at >= begins, measures.c.done_at < ends)
        proven = audits.c.verdict == Verdict.EFFECTIVE.value
        latest = (audits.c.at.desc(), *_PLACE)
        waits = and_(here, audits.c.asks.is_(True), audits.c.due < today)
        ending = measures.c.waived_until.between(today, quarter.next.ends)
        return Preread(
            team=team,
            quarter=quarter,
            today=today,
            incidents=self._incidents(here, quarter),
            verdicts=self._judged_by(audits.c.verdict, judged_in),
            proven=self._first(judged().where(judged_in, proven).order_by(*latest), read_judged),
            short=self._first(judged().where(judged_in, ~proven).order_by(*latest), read_judged),
            done=self._done(done_in),
            judges=self._judged_by(audits.c.by, judged_in),
            roles=self._roles(here, begins, ends),
            recurred=self._recurred(here, quarter, sight, without),
            factors=self._factors(here, quarter),
            partly_again=self._partly_again(judged_in),
            late=self._first(
                measured().where(is_late).order_by(measures.c.due, *_MEASURE), read_measured
            ),
            late_by=self._late_by(is_late),
            overdue=self._first(judged().where(waits).order_by(audits.c.due, *_PLACE), read_judged),
            suspect=self._first(
                judged().where(here, audits.c.suspect != "").order_by(*latest), read_judged
            ),
            waivers=self._first(
                measured().where(here, ending).order_by(measures.c.waived_until, *_MEASURE),
                read_measured,
            ),
        )

    def teams(self, sight: Sight) -> list[str]:
        """The teams of whose incidents somebody with this sight may read any, by name."""
        query = select(facts.c.team).where(*seen(sight)).distinct().order_by(facts.c.team)
        return list(self._connection.scalars(query))

    def _first(self, query: Query, read: Callable[[AnyRow], T]) -> Some[T]:
        return first(self._connection, query, MOST, read)

    def _counts(self, query: Select[str, int]) -> dict[str, int]:
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def _incidents(self, here: Where, quarter: Quarter) -> Mapping[str, int]:
        query = select(facts.c.severity, func.count()).where(
            here, facts.c.quarter == str(quarter), facts.c.imported.is_(False)
        )
        return self._counts(query.group_by(facts.c.severity).order_by(facts.c.severity))

    def _judged_by(self, column: ColumnElement[str], judged_in: Where) -> Mapping[str, int]:
        """How many verdicts of the quarter have each value of the column."""
        query = select(column, func.count()).join(facts, facts.c.id == audits.c.incident_id)
        return self._counts(query.where(judged_in).group_by(column))

    def _done(self, done_in: Where) -> Mapping[str, int]:
        query = select(measures.c.owner, func.count())
        query = query.join(facts, facts.c.id == measures.c.incident_id).where(done_in)
        return self._counts(query.group_by(measures.c.owner))

    def _roles(
        self, here: Where, begins: datetime, ends: datetime
    ) -> Mapping[str, Mapping[str, int]]:
        """Who had which role in the postmortems that were published in the quarter."""
        published = and_(facts.c.published >= begins, facts.c.published < ends)
        query = (
            select(incidents.c.state["roles"])
            .join(facts, facts.c.id == incidents.c.id)
            .where(here, published, facts.c.document == DocumentStatus.PUBLISHED.value)
        )
        found: dict[str, dict[str, int]] = {}
        for roles in self._connection.scalars(query):
            for role, person in sorted((roles or {}).items()):
                people = found.setdefault(role, {})
                people[person] = people.get(person, 0) + 1
        return found

    def _recurred(
        self, here: Where, quarter: Quarter, sight: Sight, without: Collection[str]
    ) -> Some[Again]:
        """The earlier one is told only where it may be read as well."""
        earlier = facts.alias("earlier")
        told = (
            select(earlier.c.id, earlier.c.key, earlier.c.url)
            .where(*seen(sight, earlier), earlier.c.id.not_in(_ids(without)))
            .subquery()
        )
        query: Query = (
            select(facts.c.id, facts.c.key, facts.c.url, facts.c.title)
            .add_columns(told.c.id.label("e_id"), told.c.key.label("e_key"))
            .add_columns(told.c.url.label("e_url"))
            .outerjoin(told, told.c.id == facts.c.recurrence_of)
            .where(here, facts.c.quarter == str(quarter), facts.c.recurrence_of != "")
            .order_by(facts.c.place.desc())
        )
        return self._first(query, _read_again)

    def _factors(self, here: Where, quarter: Quarter) -> Some[Factor]:
        count, last = func.count().label("count_"), func.max(facts.c.place).label("last")
        query: Query = (
            select(labels.c.name, count, last)
            .select_from(facts)
            .join(labels, and_(labels.c.incident_id == facts.c.id, labels.c.what == What.FACTOR))
            .where(here, facts.c.quarter == str(quarter))
            .group_by(labels.c.name)
            .having(func.count() > 1)
            .order_by(count.desc(), last.desc())
        )
        return factors(self._connection, query, MOST)

    def _partly_again(self, judged_in: Where) -> Some[Measured]:
        """Measures whose verdict was *partly* in the quarter, and had been before."""
        partly, before = Verdict.PARTLY.value, audits.alias("before")
        had_been = (
            select(before.c.rung)
            .where(before.c.incident_id == audits.c.incident_id, before.c.item == audits.c.item)
            .where(before.c.verdict == partly, before.c.at < audits.c.at)
            .exists()
        )
        of = select(audits.c.incident_id, audits.c.item)
        of = of.join(facts, facts.c.id == audits.c.incident_id)
        of = of.where(judged_in, audits.c.verdict == partly, had_been).distinct()
        again = of.subquery()
        same = and_(again.c.incident_id == measures.c.incident_id, again.c.item == measures.c.item)
        return self._first(measured().join(again, same).order_by(*_MEASURE), read_measured)

    def _late_by(self, is_late: Where) -> Some[LateOf]:
        """The owners of whom most is late first."""
        by = measures.c.owner
        nth = func.row_number().over(partition_by=by, order_by=(measures.c.due, *_MEASURE))
        ranked = (
            select(*_MEASURE, nth.label("nth"), func.count().over(partition_by=by).label("late"))
            .join(facts, facts.c.id == measures.c.incident_id)
            .where(is_late, facts.c.imported.is_(False))
            .subquery()
        )
        same = and_(
            ranked.c.incident_id == measures.c.incident_id, ranked.c.item == measures.c.item
        )
        query = measured().add_columns(ranked.c.late).join(ranked, same).where(ranked.c.nth == 1)
        query = query.order_by(ranked.c.late.desc(), measures.c.due, *_MEASURE)
        return self._first(query, lambda row: LateOf(row.late, read_measured(row)))


def _here(team: str, sight: Sight, without: Collection[str]) -> Where:
    """What is to hold of an incident's row that is told of."""
    return and_(facts.c.team == team, *seen(sight), facts.c.id.not_in(_ids(without)))


def _ids(ids: Collection[str]) -> Any:
    """Ids of ours, written into the query: they may be more than it can have parameters."""
    return bindparam(None, sorted(ids), expanding=True, literal_execute=True, unique=True)


def _read_again(row: AnyRow) -> Again:
    return Again(
        row.id, row.key, row.url, row.title, row.e_id or "", row.e_key or "", row.e_url or ""
    )
