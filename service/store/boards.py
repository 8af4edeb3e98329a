"""The boards: action items and audits of all incidents, by how they stand. They read the rows of
`workflows.projection`; of imported files, whose measures nobody here follows, they show nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Subquery,
    Table,
    and_,
    func,
    select,
)

from service.store.learning_tables import audits, facts, imported, measures
from service.store.schema import incidents
from workflows.model import DocumentStatus
from workflows.projection import Audited, Facts, Measure
from workflows.recurrence import normal
from workflows.rights import Teams
from workflows.tickets import TicketRef

#: What was done within this time was done lately.
LATELY = timedelta(days=30)


class ActionView(StrEnum):
    OPEN = "open"
    OVERDUE = "overdue"
    DONE = "done lately"
    UNPROVEN = "unproven"
    WAIVED = "waived"


class AuditView(StrEnum):
    OPEN = "open"
    OVERDUE = "overdue"
    PLANNED = "planned"
    JUDGED = "judged"
    SUSPECT = "suspect"


View = TypeVar("View", ActionView, AuditView)


@dataclass(frozen=True, slots=True)
class Sieve:
    """What somebody wants to see: only this team, person (the owner of an action item, the
    reviewer of an audit), kind and service; "" for any. `teams` are those whose incidents they may
    see, None for all."""

    team: str = ""
    person: str = ""
    kind: str = ""
    service: str = ""
    teams: Teams = None


@dataclass(frozen=True, slots=True)
class OnBoard:
    """The incident that a row belongs to: our id, its key and title, and where its document is, ""
    without one."""

    id: str
    key: str
    title: str
    document_url: str


class Boards:
    """Reading the boards at `now` (UTC). What is overdue is told by UTC, as on the pages."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._today = now.date()

    def actions(
        self, view: ActionView, sieve: Sieve, limit: int, skip: int = 0
    ) -> list[tuple[OnBoard, Measure]]:
        """The first due first; what is done, the latest first."""
        due, latest = measures.c.due.nulls_last(), measures.c.done_at.desc().nulls_last()
        first = latest if view in (ActionView.DONE, ActionView.UNPROVEN) else due
        order = (first, measures.c.incident_id, measures.c.item)
        shown = (
            select(*_ITEM)
            .where(self._is(view), *_actions_of(sieve))
            .order_by(*order)
            .limit(limit)
            .offset(skip)
            .subquery()
        )
        query = (
            select(*_OF, *_MEASURE)
            .join_from(shown, measures, _same(shown, _ITEM))
            .join(facts, facts.c.id == measures.c.incident_id)
            .order_by(*order)
        )
        return [(_on_board(row), _measure(row)) for row in self._connection.execute(query)]

    def action_counts(
        self, sieve: Sieve, views: Iterable[ActionView] = ActionView
    ) -> dict[ActionView, int]:
        """How many there are of each of these views."""
        wanted = _actions_of(sieve)
        return self._counted(
            {view: select(func.count()).where(self._is(view), *wanted) for view in views}
        )

    def audits(
        self, view: AuditView, sieve: Sieve, limit: int, skip: int = 0
    ) -> list[tuple[OnBoard, Measure, Audited]]:
        """Those that ask by when they are due, those to come by when they open, those that are
        judged the latest first."""
        first = {
            AuditView.OPEN: audits.c.due.nulls_first(),
            AuditView.OVERDUE: audits.c.due,
            AuditView.PLANNED: audits.c.opens,
        }.get(view, audits.c.at.desc().nulls_last())
        order = (first, *_PLACE)
        shown = (
            select(*_PLACE)
            .where(self._asks(view), *_audits_of(sieve))
            .order_by(*order)
            .limit(limit)
            .offset(skip)
            .subquery()
        )
        query = (
            select(*_OF, *_MEASURE, *_AUDIT)
            .join_from(shown, audits, _same(shown, _PLACE))
            .join(facts, facts.c.id == audits.c.incident_id)
            .join(measures, _SAME_ITEM)
            .order_by(*order)
        )
        return [
            (_on_board(row), _measure(row), _audited(row))
            for row in self._connection.execute(query)
        ]

    def audit_counts(
        self, sieve: Sieve, views: Iterable[AuditView] = AuditView
    ) -> dict[AuditView, int]:
        """How many there are of each of these views."""
        wanted = _audits_of(sieve)
        return self._counted(
            {view: select(func.count()).where(self._asks(view), *wanted) for view in views}
        )

    def reviews_due(
        self, until: date, limit: int, teams: Teams = None
    ) -> list[tuple[OnBoard, Facts]]:
        """Postmortems of these teams on their way whose review is due by that day, the most urgent
        first."""
        living = (DocumentStatus.DRAFT.value, DocumentStatus.IN_REVIEW.value)
        query = (
            select(*_OF, *(facts.c[name] for name in Facts.__slots__ if name != "id"))
            .where(facts.c.document.in_(living), facts.c.review_due <= until)
            .where(facts.c.imported.is_(False), *_of_teams(teams))
            .order_by(facts.c.review_due, facts.c.id)
            .limit(limit)
        )
        rows = self._connection.execute(query)
        return [
            (_on_board(r), Facts(r.id, *(getattr(r, n) for n in Facts.__slots__[1:]))) for r in rows
        ]

    def twins(self, ids: Collection[str]) -> Mapping[tuple[str, int], TicketRef]:
        """The twins of the action items of these incidents, by incident and number."""
        query = select(incidents.c.id, incidents.c.state["actions"]).where(
            incidents.c.id.in_(sorted(set(ids)))
        )
        return {
            (id, item["number"]): TicketRef(**item["twin"])
            for id, items in self._connection.execute(query)
            for item in items or ()
            if item.get("twin")
        }

    def teams(self, teams: Teams = None) -> Sequence[str]:
        """Those of these teams that have incidents."""
        query = select(facts.c.team).where(*_of_teams(teams)).distinct().order_by("team")
        return self._connection.scalars(query).all()

    def _counted(self, counts: Mapping[View, Select[int]]) -> dict[View, int]:
        """Each by an index of its own, in one statement."""
        row = self._connection.execute(select(*(c.scalar_subquery() for c in counts.values())))
        return dict(zip(counts, row.one(), strict=True))

    def _is(self, view: ActionView) -> ColumnElement[bool]:
        is_open = measures.c.open.is_(True)
        return {
            ActionView.OPEN: is_open,
            ActionView.OVERDUE: and_(is_open, measures.c.due < self._today),
            ActionView.DONE: measures.c.done_at >= self._now - LATELY,
            ActionView.UNPROVEN: measures.c.proven.is_(False),
            ActionView.WAIVED: measures.c.waived_until >= self._today,
        }[view]

    def _asks(self, view: AuditView) -> ColumnElement[bool]:
        asks = audits.c.asks.is_(True)
        return {
            AuditView.OPEN: and_(asks, audits.c.due.is_not(None)),
            AuditView.OVERDUE: and_(asks, audits.c.due < self._today),
            AuditView.PLANNED: and_(asks, audits.c.due.is_(None)),
            AuditView.JUDGED: audits.c.verdict != "",
            AuditView.SUSPECT: audits.c.suspect > "",  # as its index is asked
        }[view]


_OF = (facts.c.id, facts.c.key, facts.c.title.label("incident_title"), facts.c.document_url)
_MEASURE = tuple(measures.c[name].label(f"measure_{name}") for name in Measure.__slots__)
_AUDIT = tuple(audits.c[name].label(f"audit_{name}") for name in Audited.__slots__)
_ITEM = (measures.c.incident_id, measures.c.item)
_PLACE = (audits.c.incident_id, audits.c.item, audits.c.round, audits.c.rung)
_SAME_ITEM = and_(measures.c.incident_id == audits.c.incident_id, measures.c.item == audits.c.item)


def _actions_of(sieve: Sieve) -> list[ColumnElement[bool]]:
    return _let_through(sieve, measures, measures.c.owner)


def _audits_of(sieve: Sieve) -> list[ColumnElement[bool]]:
    return _let_through(sieve, audits, audits.c.reviewer)


def _let_through(sieve: Sieve, of: Table, person: ColumnElement[str]) -> list[ColumnElement[bool]]:
    """What is asked of action items or audits. An incident's team is that of all its rows."""
    wanted = [of.c.incident_id.not_in(select(imported.c.id)), *_of_teams(sieve.teams, of)]
    if sieve.team:
        wanted.append(of.c.team == sieve.team)
    if sieve.person:
        wanted.append(func.lower(person) == sieve.person.lower())
    if sieve.kind:
        wanted.append(of.c.kind == sieve.kind)
    if sieve.service:
        wanted.append(of.c.service_words == normal(sieve.service))
    return wanted


def _of_teams(teams: Teams, of: Table = facts) -> list[ColumnElement[bool]]:
    return [] if teams is None else [of.c.team.in_(sorted(teams))]


def _same(shown: Subquery, key: Sequence[ColumnElement[Any]]) -> ColumnElement[bool]:
    """That a row is one of those that are to be shown, by its key."""
    return and_(*(each == shown.c[each.key or ""] for each in key))


def _on_board(row: Row[tuple[object, ...]]) -> OnBoard:
    title = row.incident_title
    return OnBoard(row.id, row.key, title, row.document_url)


def _measure(row: Row[tuple[object, ...]]) -> Measure:
    return Measure(*(getattr(row, f"measure_{name}") for name in Measure.__slots__))


def _audited(row: Row[tuple[object, ...]]) -> Audited:
    return Audited(*(getattr(row, f"audit_{name}") for name in Audited.__slots__))
