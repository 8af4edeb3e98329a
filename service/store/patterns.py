"""Counting contributing factors: which incidents name them, and what became of the measures that
were taken against these. Whoever counts says what may be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    case,
    distinct,
    false,
    func,
    literal,
    or_,
    select,
)

from service.store.learning_tables import facts, labels, measures
from service.store.types import UtcDateTime
from workflows.learning_rules import LearningRules
from workflows.patterns import (
    FEWEST,
    RANKS,
    Against,
    Here,
    Named,
    Naming,
    Pattern,
    Tally,
    counted_quarters,
)
from workflows.projection import What
from workflows.quarters import Quarter
from workflows.sight import Sight

_COUNTS = ("measures", "open", "effective", "partly", "not_effective", "suspect", "unproven")
_FACTOR = labels.c.what == What.FACTOR.value


def seen(sight: Sight, team: ColumnElement[str], restricted: ColumnElement[bool]) -> Any:
    """The condition that leaves what may be seen."""
    conditions: list[ColumnElement[bool]] = []
    if sight.teams is not None:
        conditions.append(team.in_(sorted(sight.teams)) if sight.teams else false())
    if not sight.restricted:
        conditions.append(restricted.is_(False))
    return and_(True, *conditions)


class Patterns:
    """Reading them."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    @property
    def quarters(self) -> tuple[Quarter, ...]:
        """The quarters that are counted now, the first one first."""
        return counted_quarters(self._now.date())

    def page(
        self,
        rules: LearningRules,
        sight: Sight,
        *,
        team: str = "",
        service: str = "",
        name: str = "",
        limit: int,
        skip: int = 0,
    ) -> list[Pattern]:
        """Patterns as `workflows.patterns.RULE` sorts them, `limit` of them after the first `skip`;
        of one team, service (in normal words) or factor, where these are given."""
        wanted = [_FACTOR, seen(sight, *_whose)]
        wanted += [labels.c.team == team] if team else []
        wanted += [labels.c.service_words == service] if service else []
        wanted += [labels.c.name == name] if name else []
        counted = and_(self._counted, *wanted)
        query = self._ranked(rules, counted).limit(limit).offset(skip)
        found = [_pattern(row) for row in self._connection.execute(query).mappings()]
        by_name = self._by_quarter([each.name for each in found], and_(*wanted))
        return [replace(each, quarters=by_name.get(each.name, {})) for each in found]

    def teams(self, sight: Sight) -> Sequence[str]:
        """The teams whose incidents name any factor in the time that is counted."""
        wanted = (_FACTOR, self._counted, seen(sight, *_whose))
        query = select(labels.c.team).where(*wanted).distinct()
        return sorted(self._connection.scalars(query))

    def said(self, name: str, sight: Sight) -> str:
        """How the factor was written by the incident that named it last; "" where none does."""
        query = (
            select(labels.c.said)
            .where(_FACTOR, labels.c.name == name, seen(sight, *_whose))
            .order_by(labels.c.opened.desc().nulls_last(), labels.c.incident_id)
            .limit(1)
        )
        return self._connection.scalar(query) or ""

    def where(self, name: str, sight: Sight) -> list[Here]:
        """Where the factor was ever named, most often first."""
        query = (
            select(labels.c.team, labels.c.service_words, labels.c.quarter, func.count())
            .where(_FACTOR, labels.c.name == name, seen(sight, *_whose))
            .group_by(labels.c.team, labels.c.service_words, labels.c.quarter)
        )
        found: dict[tuple[str, str], dict[str, int]] = {}
        for team, service, quarter, count in self._connection.execute(query):
            found.setdefault((team, service), {})[quarter] = count
        places = [Here(team, service, counts) for (team, service), counts in found.items()]
        return sorted(places, key=lambda each: (-each.incidents, each.team, each.service_words))

    def incidents(self, name: str, sight: Sight, limit: int) -> list[Named]:
        """The newest incidents that name the factor."""
        newest = (
            select(labels.c.incident_id)
            .where(_FACTOR, labels.c.name == name, seen(sight, *_whose))
            .order_by(labels.c.opened.desc().nulls_last(), labels.c.incident_id)
            .limit(limit)
        )
        query = select(facts).where(facts.c.id.in_(newest)).order_by(facts.c.place.desc())
        return [_named(row) for row in self._connection.execute(query).mappings()]

    def against(self, incidents: Sequence[Named]) -> list[Against]:
        """The measures of these incidents: those that failed first, then those in doubt, unproven,
        open, and the rest; of each the newest incident's first."""
        keys = {each.id: each.key for each in incidents}
        order = {id: n for n, id in enumerate(keys)}
        query = select(measures).where(measures.c.incident_id.in_(list(keys)))
        rows = self._connection.execute(query).mappings()
        found = [_against(row, keys[row["incident_id"]]) for row in rows]
        return sorted(found, key=lambda each: (each.urgency, order[each.incident_id], each.item))

    def named_by(self, incident_id: str) -> list[tuple[str, str]]:
        """The incident's service, in normal words, with each factor that it names."""
        query = select(labels.c.service_words, labels.c.name).where(
            labels.c.incident_id == incident_id, _FACTOR
        )
        return [(service, name) for service, name in self._connection.execute(query)]

    def count(self, team: str, service: str, name: str, since: datetime) -> int:
        """How many incidents of that team and service, opened `since` then (UTC) and not
        restricted, name the factor."""
        query = select(func.count()).where(
            _FACTOR,
            labels.c.name == name,
            labels.c.service_words == service,
            labels.c.opened >= since,
            labels.c.team == team,
            labels.c.restricted.is_(False),
        )
        return self._connection.scalar(query) or 0

    def namings(self, team: str, since: datetime, least: int) -> list[Naming]:
        """Each time that an incident of the team, opened `since` then (UTC), names a factor which
        at least so many such incidents of one service name; the latest first. Restricted incidents
        and imported files are left out."""
        wanted = [
            _FACTOR,
            labels.c.team == team,
            labels.c.opened >= since,
            labels.c.restricted.is_(False),
        ]
        often = (
            select(labels.c.service_words, labels.c.name)
            .where(*wanted)
            .group_by(labels.c.service_words, labels.c.name)
            .having(func.count() >= least)
            .subquery()
        )
        query = (
            select(labels.c.service_words, labels.c.name, labels.c.incident_id, labels.c.opened)
            .join(facts, facts.c.id == labels.c.incident_id)
            .join(
                often,
                and_(
                    often.c.service_words == labels.c.service_words,
                    often.c.name == labels.c.name,
                ),
            )
            .where(*wanted, facts.c.imported.is_(False))
            .order_by(labels.c.opened.desc().nulls_last(), labels.c.incident_id)
        )
        return [Naming(*row) for row in self._connection.execute(query)]

    @property
    def _counted(self) -> ColumnElement[bool]:
        """That an incident was opened in a quarter that is counted, or since."""
        return labels.c.quarter >= str(self.quarters[0])

    def _ranked(self, rules: LearningRules, wanted: ColumnElement[bool]) -> Select[Any]:
        usual = rules.counted
        after = _by_team({t: self._now - r.within for t, r in rules.differing.items()})
        least = {team: each.threshold for team, each in rules.differing.items()}
        begins = literal(self._now - usual.within, UtcDateTime())
        lately = after(labels.c.team, begins, UtcDateTime())
        place = ("name", "team", "service_words")
        by_quarter = (  # in the order of an index: nothing is sorted but what this leaves
            select(
                *(labels.c[each] for each in place),
                func.count().label("incidents"),
                func.sum(case((labels.c.opened >= lately, 1), else_=0)).label("lately"),
                func.max(labels.c.opened).label("last"),
                func.max(labels.c.answered).label("answered"),
                *(func.sum(labels.c[each]).label(each) for each in _COUNTS),
            )
            .where(wanted)
            .group_by(labels.c.quarter, *(labels.c[each] for each in place))
            .subquery()
        )
        within = by_quarter.c
        sums = ("incidents", "lately", *_COUNTS)
        places = (
            select(
                *(within[each] for each in place),
                *(func.max(within[each]).label(each) for each in ("last", "answered")),
                *(func.sum(within[each]).label(each) for each in sums),
            )
            .group_by(*(within[each] for each in place))
            .subquery()
        )
        here = places.c
        recurs = here.lately >= _by_team(least)(here.team, literal(usual.threshold), None)
        is_open = or_(here.answered.is_(None), here.answered < here.last)
        rank = func.max(case((and_(recurs, is_open), 2), (recurs, 1), else_=0)).label("rank")
        incidents, lately_all = func.sum(here.incidents), func.sum(here.lately)
        return (
            select(
                here.name,
                rank,
                incidents.label("incidents"),
                lately_all.label("lately"),
                func.count(distinct(here.service_words)).label("services"),
                func.count(distinct(here.team)).label("teams"),
                func.max(here.last).label("last"),
                func.max(here.answered).label("answered"),
                *(func.sum(here[each]).label(each) for each in _COUNTS),
            )
            .group_by(here.name)
            .having(incidents >= FEWEST)
            .order_by(rank.desc(), lately_all.desc(), incidents.desc(), here.name)
        )

    def _by_quarter(
        self, names: Sequence[str], wanted: ColumnElement[bool]
    ) -> dict[str, dict[str, int]]:
        query = (
            select(labels.c.name, labels.c.quarter, func.count())
            .where(
                wanted,
                labels.c.name.in_(names),
                labels.c.quarter.in_([str(each) for each in self.quarters]),
            )
            .group_by(labels.c.name, labels.c.quarter)
        )
        found: dict[str, dict[str, int]] = {}
        for name, quarter, count in self._connection.execute(query) if names else ():
            found.setdefault(name, {})[quarter] = count
        return found


_whose = (labels.c.team, labels.c.restricted)


def _by_team(values: Mapping[str, Any]) -> Any:
    """What holds for a team: its own value, or else the usual one."""

    def value(team: ColumnElement[str], usual: Any, of_type: Any) -> Any:
        if not values:
            return usual
        own = [(team == name, literal(each, of_type)) for name, each in values.items()]
        return case(*own, else_=usual)

    return value


def _pattern(row: RowMapping) -> Pattern:
    counts = {each: int(row[each]) for each in _COUNTS}
    return Pattern(
        name=row["name"],
        state=RANKS[int(row["rank"])],
        incidents=int(row["incidents"]),
        lately=int(row["lately"]),
        services=row["services"],
        teams=row["teams"],
        last=row["last"],
        tally=Tally(**counts, answered=row["answered"]),
    )


def _named(row: RowMapping) -> Named:
    return Named(**{each.name: row[each.name] for each in fields(Named)})


def _against(row: RowMapping, key: str) -> Against:
    names = ("item", "title", "kind", "owner", "status", "open", "verdict", "suspect", "proven")
    values = {name: row[name] for name in (*names, "task_key", "task_url")}
    return Against(incident_id=row["incident_id"], key=key, **values)
