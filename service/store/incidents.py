"""Incidents as we know them: the whole state as JSON, and what lists and routes need beside it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Insert,
    Row,
    Text,
    bindparam,
    cast,
    func,
    or_,
    select,
    tuple_,
    update,
)

from service.store.codec import dump, load
from service.store.conflicts import Conflicts, apart
from service.store.learning import Learning
from service.store.schema import incidents
from service.store.statements import insert, once
from workflows.model import Incident, Outlook, TicketRef
from workflows.rights import Teams


@dataclass(frozen=True, slots=True)
class IncidentRecord:
    """An incident with what the store knows about it. `document_changed`: somebody changed its
    document since it was last read."""

    incident: Incident
    policy_hash: str
    document_changed: bool
    created_at: datetime
    updated_at: datetime


#: How many incidents are kept as they were read last: those that are worked on, and more.
MOST_KEPT = 100

_STATE = cast(incidents.c.state, Text)
_RECORD = (
    _STATE.label("state"),
    incidents.c.policy_hash,
    incidents.c.document_changed,
    incidents.c.created_at,
    incidents.c.updated_at,
)
_BY_ID = select(*_RECORD).where(incidents.c.id == bindparam("wanted"))
_BY_TICKET = select(*_RECORD).where(
    incidents.c.connection == bindparam("of_connection"),
    incidents.c.ticket_id == bindparam("of_ticket"),
)

#: Where an incident stands among all: when it came (UTC), and its id.
Place = tuple[datetime, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which incidents are wanted: those that fit all that is given. `opened` since and until (UTC,
    the latter excluded); `holding` is what they hold (``WITH_ACTIONS``)."""

    teams: Teams = None
    equal: Mapping[str, str] = field(default_factory=dict)
    opened: tuple[datetime | None, datetime | None] = (None, None)
    holding: tuple[str, ...] = ()

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        found = [incidents.c[name] == value for name, value in self.equal.items()]
        since, until = self.opened
        found += [] if self.teams is None else [incidents.c.team.in_(self.teams)]
        found += [] if since is None else [incidents.c.opened_at >= since]
        found += [] if until is None else [incidents.c.opened_at < until]
        return [*found, *(_HELD[each] for each in self.holding)]


#: What incidents hold: actions, audits, proposals, and what may be apart.
WITH_ACTIONS, WITH_AUDITS = ("actions",), ("audits",)
WITH_PROPOSALS, APART = ("proposals",), ("apart",)

#: The same in SQL. What most have is found fast enough among the latest.
_HELD = {
    "actions": _STATE.contains('"actions":[{'),
    "audits": _STATE.contains('"audits":[{'),
    "proposals": incidents.c.proposes.is_(True),
    "apart": incidents.c.id.in_(select(apart.c.incident_id)),
}

#: What saving an incident that is known leaves as it is.
_STAYS = ("id", "created_at", "document_changed")


@once
def _saving(connection: Connection) -> Insert:
    saving = insert(connection, incidents)
    saved = {name: new for name, new in saving.excluded.items() if name not in _STAYS}
    return saving.on_conflict_do_update(index_elements=["id"], set_=saved)


class Incidents:
    """Saving and finding incidents."""

    def __init__(
        self, connection: Connection, now: datetime, learning: Learning, conflicts: Conflicts
    ) -> None:
        self._connection = connection
        self._now = now
        self._learning = learning
        self._conflicts = conflicts

    def save(self, incident: Incident, policy_hash: str) -> None:
        """Store the incident as it is now, new or known, decided under the policy of that hash; and
        with it what it teaches."""
        values = {
            "id": incident.id,
            "connection": incident.ticket.connection,
            "ticket_id": incident.ticket.id,
            "key": incident.ticket.key,
            "team": incident.team,
            "title": incident.title,
            "severity": incident.severity,
            "service": incident.service,
            "phase": incident.phase,
            "outlook": incident.outlook,
            "waiting_for": incident.waiting_for,
            "waiting_until": incident.waiting_until,
            "url": incident.ticket.url,
            "state": dump(Incident, incident),
            "policy_hash": policy_hash,
            "opened_at": incident.opened,
            "closed_at": incident.closed,
            "created_at": self._now,
            "updated_at": self._now,
            "proposes": bool(incident.proposals),
        }
        self._connection.execute(_saving(self._connection), values)
        self._conflicts.put(incident)
        self._learning.learn(incident)

    def get(self, incident_id: str) -> IncidentRecord | None:
        return self._one(_BY_ID, {"wanted": incident_id})

    def several(self, ids: Collection[str]) -> dict[str, IncidentRecord]:
        """Those with these ids, by id. One read."""
        rows = self._connection.execute(select(*_RECORD).where(incidents.c.id.in_(sorted(ids))))
        return {found.incident.id: found for found in map(_record, rows)}

    def teams_of(self, tickets: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Whose the incidents with these tickets are, by connection and id. One read."""
        connection, ticket = incidents.c.connection, incidents.c.ticket_id
        # Pairs would be looked for in all incidents; what is too much here is not asked for.
        query = select(connection, ticket, incidents.c.team).where(
            connection.in_(sorted({each for each, _ in tickets})),
            ticket.in_(sorted({each for _, each in tickets})),
        )
        return {(row[0], row[1]): row[2] for row in self._connection.execute(query)}

    def team(self, incident_id: str) -> str | None:
        """Whose it is, None where there is none."""
        query = select(incidents.c.team).where(incidents.c.id == incident_id)
        return self._connection.scalar(query)

    def by_ticket(self, connection: str, ticket_id: str) -> IncidentRecord | None:
        """The incident whose ticket has this stable id."""
        return self._one(_BY_TICKET, {"of_connection": connection, "of_ticket": ticket_id})

    def find(self, typed: str) -> list[IncidentRecord]:
        """The incidents a person may mean: by key (in any case), our id, address or ticket id."""
        wanted = typed.strip()
        rows = self._connection.execute(
            select(*_RECORD)
            .where(
                or_(
                    func.lower(incidents.c.key) == wanted.lower(),
                    incidents.c.id == wanted,
                    incidents.c.url == wanted,
                    incidents.c.ticket_id == wanted,
                )
            )
            .order_by(incidents.c.created_at)
        )
        return [_record(row) for row in rows]

    def page(
        self,
        *,
        outlook: Outlook | None = None,
        teams: Teams = None,
        before: IncidentRecord | None = None,
        limit: int = 50,
    ) -> list[IncidentRecord]:
        """The latest incidents first, those older than `before`, narrowed by what is given."""
        newest_first = (incidents.c.created_at.desc(), incidents.c.id.desc())
        # Chosen by an index alone: the rows are large, and few teams' would have to be sorted.
        ids = select(incidents.c.id).order_by(*newest_first).limit(limit)
        if outlook is not None:
            ids = ids.where(incidents.c.outlook == outlook)
        if teams is not None:
            ids = ids.where(incidents.c.team.in_(teams))
        if before is not None:
            place = tuple_(incidents.c.created_at, incidents.c.id)
            ids = ids.where(place < (before.created_at, before.incident.id))
        query = select(*_RECORD).where(incidents.c.id.in_(ids)).order_by(*newest_first)
        return [_record(row) for row in self._connection.execute(query)]

    def listed(
        self, wanted: Wanted, after: Place | None, limit: int, *, again: bool = False
    ) -> list[IncidentRecord]:
        """Those that are `wanted`, the latest first, that come after a place; `again`: with the one
        that is there."""
        newest_first = (incidents.c.created_at.desc(), incidents.c.id.desc())
        query = select(*_RECORD).where(*wanted.conditions()).order_by(*newest_first).limit(limit)
        if after is not None:
            here = tuple_(incidents.c.created_at, incidents.c.id)
            query = query.where(here <= after if again else here < after)
        return [_record(row) for row in self._connection.execute(query)]

    def counts(self, teams: Teams = None) -> dict[Outlook, int]:
        """How many incidents there are of each outlook, of these teams."""
        query = select(incidents.c.outlook, func.count()).group_by(incidents.c.outlook)
        if teams is not None:
            query = query.where(incidents.c.team.in_(teams))
        return {Outlook(outlook): n for outlook, n in self._connection.execute(query)}

    def waiting_under_other_rules(self, policy_hash: str) -> list[TicketRef]:
        """The tickets of incidents that wait, and were last decided under another policy."""
        rows = self._connection.execute(
            select(*_RECORD).where(
                incidents.c.outlook == Outlook.WAITING, incidents.c.policy_hash != policy_hash
            )
        )
        return [_record(row).incident.ticket for row in rows]

    def apart(
        self, teams: Teams = None, only: Collection[str] | None = None
    ) -> list[IncidentRecord]:
        """Those of these teams with an action item whose sides may not be at one: a conflict, a
        refused value or a field that is left alone; the oldest first. With `only`, of these ids."""
        query = (
            select(*_RECORD).where(_HELD["apart"]).order_by(incidents.c.created_at, incidents.c.id)
        )
        if teams is not None:
            query = query.where(incidents.c.team.in_(teams))
        if only is not None:
            query = query.where(incidents.c.id.in_(sorted(set(only))))
        return [_record(row) for row in self._connection.execute(query)]

    def audited(self) -> list[IncidentRecord]:
        """Those with an audit of a measure, planned, open or judged; the oldest first."""
        rows = self._connection.execute(
            select(*_RECORD)
            .where(_STATE.contains('"audits":[{'))
            .order_by(incidents.c.created_at, incidents.c.id)
        )
        return [_record(row) for row in rows]

    def naming(self) -> list[IncidentRecord]:
        """Those with a measure that names a check or a file; the oldest first."""
        rows = self._connection.execute(
            select(*_RECORD)
            .where(_STATE.contains('"named":[{'))
            .order_by(incidents.c.created_at, incidents.c.id)
        )
        return [_record(row) for row in rows]

    def mirrored(self, team: str) -> list[IncidentRecord]:
        """Those of the team with an action item whose task has a twin; the oldest first."""
        rows = self._connection.execute(
            select(*_RECORD)
            .where(
                incidents.c.team == team,
                _STATE.contains('"twin":{'),
            )
            .order_by(incidents.c.created_at, incidents.c.id)
        )
        return [_record(row) for row in rows]

    def of_team(self, team: str) -> list[Incident]:
        """All of one team, the oldest first."""
        rows = self._connection.execute(
            select(*_RECORD)
            .where(incidents.c.team == team)
            .order_by(incidents.c.created_at, incidents.c.id)
        )
        return [_record(row).incident for row in rows]

    def with_document(self) -> list[IncidentRecord]:
        """Those whose document exists, as far as we know."""
        rows = self._connection.execute(
            select(*_RECORD).where(incidents.c.state["postmortem"].is_not(None))
        )
        found = [_record(row) for row in rows]
        return [record for record in found if record.incident.postmortem is not None]

    def served(self, since: datetime, besides: str) -> Counter[tuple[str, str]]:
        """How often which person had which role, by (role, name), in the incidents that came since
        then, without this one."""
        rows = self._connection.scalars(
            select(incidents.c.state["roles"]).where(
                incidents.c.created_at >= since, incidents.c.id != besides
            )
        )
        return Counter(pair for roles in rows for pair in (roles or {}).items())

    def set_document_changed(self, incident_id: str, changed: bool) -> None:
        """Remember that the document must be read again, or that it was."""
        self._connection.execute(
            update(incidents).where(incidents.c.id == incident_id).values(document_changed=changed)
        )

    def _one(self, query: Executable, which: Mapping[str, str]) -> IncidentRecord | None:
        row = self._connection.execute(query, which).first()
        return _record(row) if row else None


@lru_cache(MOST_KEPT)
def _read(state: str) -> Incident:
    """The incident of this JSON text. Kept, because an incident is read several times between two
    changes of it; the same text is the same incident."""
    return load(Incident, json.loads(state))


def _record(row: Row[*tuple[Any, ...]]) -> IncidentRecord:
    return IncidentRecord(
        incident=_read(row.state),
        policy_hash=row.policy_hash,
        document_changed=row.document_changed,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
