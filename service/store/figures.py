"""What figures count. Each is one look at an index that holds all of it, in order of time. Months
and days are text, as each database makes it (`service.store.days`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    and_,
    case,
    cast,
    func,
    not_,
    or_,
    select,
    type_coerce,
)

from service.store.days import day_of, month_of, text_of
from service.store.learning_tables import audits, facts, measures
from service.store.measured import seen, teams
from workflows.counts import (
    Asked,
    Due,
    Group,
    Judged,
    Length,
    Lengths,
    Measured,
    Opened,
    Owners,
    Scope,
)
from workflows.imported import IS_FILE
from workflows.kinds import Kind
from workflows.recurrence import normal
from workflows.rungs import Verdict


class Figures:
    """Counting what incidents taught, as far as the scope's sight goes."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._today = now.date()

    def opened(self, scope: Scope, group: Group | None = None) -> list[Opened]:
        """Incidents by month, and by severity or service; without a group all together."""
        names = (
            (facts.c[f"{group}_words"], func.min(facts.c[group.value]))
            if group
            else (_nothing(), _nothing())
        )
        month: ColumnElement[str] = facts.c.opened_month
        again = _count(facts.c.recurrence_of != "")
        query = (
            select(month, *names, func.count(), again)
            .where(*_opened_in(scope))
            .group_by(month, *([facts.c[f"{group}_words"]] if group else ()))
        )
        return [Opened(*row) for row in self._connection.execute(query)]

    def measured(self, scope: Scope, length: Length) -> list[Measured]:
        """Each incident of which this length is known, the oldest first."""
        seconds = facts.c[f"to_{length}"]
        query = (
            select(text_of(facts.c.opened), seconds, facts.c.id, facts.c.key)
            .where(*_opened_in(scope), seconds.is_not(None))
            .order_by(facts.c.opened)
        )
        return list(map(Measured._make, self._connection.execute(query)))

    def lengths(self, scope: Scope, length: Length) -> list[Lengths]:
        """This length of all incidents, by month. Of each month one row comes, with all lengths as
        one text: a row for each incident takes several times as long."""
        seconds = func.aggregate_strings(cast(facts.c[f"to_{length}"], Text), ",")
        query = (
            select(facts.c.opened_month, func.count(), seconds)
            .where(*_opened_in(scope))
            .group_by(facts.c.opened_month)
        )
        return [
            Lengths(month, count, list(map(int, said.split(","))) if said else [])
            for month, count, said in self._connection.execute(query)
        ]

    def due(self, scope: Scope, owners: Owners | None = None) -> list[Due]:
        """Action items by the month in which they are due, and by team or kind. Of those that are
        open, only the present month needs to be asked for days."""
        found = self._due(scope, owners)
        present = f"{self._today:%Y-%m}"
        ahead = self._due(
            scope, owners, measures.c.due_month == present, measures.c.due >= self._today
        )
        for (month, name), counts in found.items():
            open = counts.pop("open", 0)
            counts["ahead"] = open if month > present else ahead[(month, name)]["open"]
            counts["open_late"] = open - counts["ahead"]
        return [_told(*key, counts) for key, counts in found.items()]

    def _due(
        self, scope: Scope, owners: Owners | None, *conditions: ColumnElement[bool]
    ) -> Mapping[tuple[str, str], Counter[str]]:
        """Those that also fulfil these conditions. They are grouped as the index has them in order,
        which is an order of magnitude faster than to sort them, and what that leaves is grouped
        again as far as it is asked for."""
        grouped = [measures.c[name] for name in ("due_month", "team", "kind", "outcome", "proven")]
        wanted = (*_due_in(scope), *conditions)
        fine = select(*grouped, func.count().label("n")).where(*wanted).group_by(*grouped)
        each = fine.subquery().c
        group = each[owners.value] if owners else _nothing()
        coarse = [each.due_month, group, each.kind, each.outcome, each.proven]
        sums = select(*coarse, func.sum(each.n)).group_by(*coarse)
        found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for month, name, *counted in self._connection.execute(sums):
            found[(month, name)].update(_counted(*counted))
        return found

    def undated(self, scope: Scope) -> int:
        """Action items without a due date, which no month has; those that were known by the end of
        the period, and are open."""
        query = select(func.count()).where(
            measures.c.open.is_(True),
            measures.c.due.is_(None),
            measures.c.known_since < _begin(scope.period.end),
            *_told_of(measures, scope),
        )
        return self._connection.scalars(query).one()

    def asked(self, scope: Scope) -> list[Asked]:
        """Audits by the month in which they are to be answered."""
        month, given = audits.c.due_month, audits.c.verdict != ""
        by_its_day = day_of(audits.c.at) <= day_of(audits.c.due)
        asks = audits.c.asks.is_(True)
        query = (
            select(
                *(month, func.count(), _count(given), _count(given, by_its_day), _count(asks)),
                _count(asks, audits.c.due < self._today),
            )
            .where(*_due_between(audits, scope), *_told_of(audits, scope))
            .group_by(month)
        )
        return [  # what asks has no verdict yet
            Asked(name, in_time, judged - in_time, late, open - late, all_of - judged - open)
            for name, all_of, judged, in_time, open, late in self._connection.execute(query)
        ]

    def judged(self, scope: Scope) -> list[Judged]:
        """Verdicts by the month in which they were given."""
        month, given = month_of(audits.c.at), audits.c.verdict != ""
        counts = [_count(audits.c.verdict == verdict.value) for verdict in Verdict]
        columns: list[ColumnElement[Any]] = [month, *counts, _count(audits.c.suspect != "")]
        query = (
            select(*columns)
            .where(*_within(audits.c.at, scope), given, *_told_of(audits, scope))
            .group_by(month)
        )
        return [Judged(*row) for row in self._connection.execute(query)]

    def teams(self, scope: Scope) -> Sequence[str]:
        """The teams that have incidents, as far as they may be seen, by name."""
        return teams(self._connection, scope.sight)


def _told(month: str, group: str, counts: Mapping[str, Any]) -> Due:
    return Due(month=month, group=group, **counts)


def _counted(kind: str, outcome: str, proven: bool | None, count: int) -> dict[str, int]:
    """What so many action items of one kind and outcome are counted as."""
    told = {outcome: int(count)}  # PostgreSQL tells sums of counts as decimals
    if outcome not in ("open", "given_up") and proven is not None:
        told["proven" if proven else "unproven"] = told[outcome]
    return told | ({"preventive": told[outcome]} if kind == Kind.PREVENTIVE else {})


def _opened_in(scope: Scope) -> list[ColumnElement[bool]]:
    days = [] if _whole(scope) else _within(facts.c.opened, scope)
    return [_months(facts.c.opened_month, scope), *days, *_told_of(facts, scope)]


def _due_in(scope: Scope) -> list[ColumnElement[bool]]:
    return [*_due_between(measures, scope), *_told_of(measures, scope), _followed()]


def _due_between(table: Table, scope: Scope) -> list[ColumnElement[bool]]:
    days = [] if _whole(scope) else _between(table.c.due, scope)
    return [_months(table.c.due_month, scope), *days]


def _whole(scope: Scope) -> bool:
    """Whether the period is of whole months: then nothing need be known of days."""
    return scope.period.first.day == scope.period.end.day == 1


def _months(column: ColumnElement[str], scope: Scope) -> ColumnElement[bool]:
    """That a month is of the period: the indexes begin with months, and so have them together."""
    first, last = (f"{day:%Y-%m}" for day in (scope.period.first, scope.period.last))
    return column.between(first, last)


def _told_of(table: Table, scope: Scope) -> list[ColumnElement[bool]]:
    """Whatever may be seen of it, of the team and service that are asked for. An index that begins
    with the team would be taken to find its rows, which lack the rest, and to sort them: that took
    three times as long as to read the months of all teams. So the team is no bare column here."""
    team = table.c.team.concat("")
    wanted = seen(scope.sight, table, team)
    if scope.team:
        wanted.append(team == scope.team)
    if scope.service:
        words = normal(scope.service)
        if "service_words" in table.c:
            wanted.append(table.c.service_words == words)
        else:
            theirs = select(facts.c.id).where(facts.c.service_words == words)
            wanted.append(table.c.incident_id.in_(theirs))
    return wanted


def _followed() -> ColumnElement[bool]:
    """Nobody here follows the action items of files that were imported (`workflows.imported`): they
    are neither open nor done. Their ids tell, and only those of such items are asked: to look for
    each among the files takes a third of the whole count, and to ask each id a sixth."""
    of_file = func.substr(measures.c.incident_id, 1, len(IS_FILE)) == IS_FILE
    return or_(measures.c.outcome != "given_up", not_(of_file))


def _within(moment: ColumnElement[datetime], scope: Scope) -> tuple[ColumnElement[bool], ...]:
    return (moment >= _begin(scope.period.first), moment < _begin(scope.period.end))


def _between(day: ColumnElement[date], scope: Scope) -> tuple[ColumnElement[bool], ...]:
    return (day >= scope.period.first, day <= scope.period.last)


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _count(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((and_(*conditions), 1)))


def _nothing() -> ColumnElement[str]:
    return type_coerce("", Text)
