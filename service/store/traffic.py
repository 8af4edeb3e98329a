"""What was asked of the trackers: what counts against budgets, where a tracker wants a pause, and
which one is down. Rows, so that every thread and process keeps to the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, delete, func, or_, select, union, update
from sqlalchemy import insert as sql_insert

from integrations.gate import Cost, Quota
from service.store.schema import circuits, pauses, spending
from service.store.statements import insert, locked
from workflows.budgets import Spent


@dataclass(frozen=True, slots=True)
class Paused:
    """No more of `scope` ("" is everything) before `until` (UTC), and why. `strikes` counts how
    often in a row the tracker refused without naming a time; `wide` when all work of the account
    is held up, and not only one issue or endpoint."""

    connection: str
    scope: str
    until: datetime
    why: str
    strikes: int = 0
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Circuit:
    """How a tracker answers. Open while `probe_at` is set: nothing is sent before it, and then one
    call, to see. `failures` in a row, the first of them at `since`; `quota` as last told."""

    connection: str
    failures: int = 0
    since: datetime | None = None
    probe_at: datetime | None = None
    why: str = ""
    quota: Quota | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """What counts against one budget now, for people to see."""

    connection: str
    budget: str
    subject: str
    units: int


_NOW = bindparam("now", type_=spending.c.counts_from.type)
_SINCE = bindparam("since", type_=spending.c.counts_from.type)

_OF_BUDGET = and_(
    spending.c.connection == bindparam("of_connection"),
    spending.c.budget == bindparam("of_budget"),
    spending.c.subject == bindparam("of_subject"),
    spending.c.counts_from > _SINCE,
)
_USED = select(func.coalesce(func.sum(spending.c.units), 0)).where(_OF_BUDGET)
_SPENT = select(spending.c.counts_from, spending.c.units).where(_OF_BUDGET)
_FORGET = delete(spending).where(
    spending.c.id.in_(  # not those that another is just forgetting
        select(spending.c.id).where(spending.c.forget_at <= _NOW).with_for_update(skip_locked=True)
    )
)
_BEGIN = sql_insert(spending)
_END = (
    update(spending)
    .where(spending.c.call == bindparam("ended"), spending.c.counts_from > _NOW)
    .values(counts_from=_NOW)
)

_AMONG = and_(
    pauses.c.connection == bindparam("of_connection"),
    pauses.c.scope.in_(bindparam("scopes", expanding=True)),
)
_PAUSED = (
    select(pauses).where(_AMONG, pauses.c.until > _NOW).order_by(pauses.c.until.desc()).limit(1)
)
_ANY_PAUSE = select(pauses.c.scope).where(_AMONG).limit(1)
_WENT_THROUGH = delete(pauses).where(_AMONG, pauses.c.until <= _NOW)
_HELD_UP = (
    select(pauses)
    .where(pauses.c.wide, pauses.c.until > _SINCE)
    .order_by(pauses.c.until.desc())
    .limit(1)
)
_CIRCUIT = select(circuits).where(circuits.c.connection == bindparam("of_connection"))


class Traffic:
    """Writing down calls, and what they ran into."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def alone(self, connection: str) -> None:
        """Until this transaction ends, no other of these looks at what was asked of this tracker:
        so that two do not both find the last room in a budget."""
        locked(self._connection, f"traffic {connection}")

    # --- budgets --------------------------------------------------------------------------

    def used(self, connection: str, cost: Cost, since: datetime) -> int:
        """How many units of the budget count since then."""
        query = {**_of(connection, cost), "since": since}
        return int(self._connection.execute(_USED, query).scalar_one())

    def under_way(self, connection: str, cost: Cost) -> int:
        """How many calls on the budget are not known to have ended."""
        return self.used(connection, cost, self._now)

    def spent(self, connection: str, cost: Cost) -> list[Spent]:
        """Everything that some window of the budget still counts."""
        query = {**_of(connection, cost), "since": self._now - cost.budget.longest}
        return [Spent(at, units) for at, units in self._connection.execute(_SPENT, query)]

    def begin(self, call: str, connection: str, costs: Sequence[Cost], longest: timedelta) -> None:
        """A call is about to be made, and takes `longest` at most: until it is known to have
        ended it counts as if it arrived last of all."""
        self._connection.execute(_FORGET, {"now": self._now})
        arrives = self._now + longest
        rows = [
            {
                "call": call,
                "connection": connection,
                "budget": cost.budget.name,
                "subject": cost.subject,
                "units": cost.units,
                "counts_from": arrives,
                "forget_at": arrives + cost.budget.longest,
            }
            for cost in costs
        ]
        if rows:
            self._connection.execute(_BEGIN, rows)

    def end(self, call: str) -> None:
        """The call was answered, or certainly not made: it counts from now."""
        self._connection.execute(_END, {"ended": call, "now": self._now})

    def in_use(self) -> list[Used]:
        """Every budget that something counts against, the busiest first."""
        units = func.sum(spending.c.units)
        rows = self._connection.execute(
            select(spending.c.connection, spending.c.budget, spending.c.subject, units)
            .where(spending.c.forget_at > self._now)
            .group_by(spending.c.connection, spending.c.budget, spending.c.subject)
            .order_by(units.desc())
        )
        return [Used(*row) for row in rows]

    # --- pauses ---------------------------------------------------------------------------

    def paused(self, connection: str, scopes: Sequence[str]) -> Paused | None:
        """The longest pause in force among these scopes."""
        row = self._connection.execute(_PAUSED, self._among(connection, scopes)).first()
        return Paused(*row) if row else None

    def all_paused(self) -> list[Paused]:
        """Every pause in force."""
        query = select(pauses).where(pauses.c.until > self._now).order_by(pauses.c.until.desc())
        return [Paused(*row) for row in self._connection.execute(query)]

    def held_up(
        self, connection: str, place: str, until: datetime, besides: Sequence[str] = ()
    ) -> Paused | None:
        """The longest pause that holds up all work at `place` beyond `until`, `besides` those of
        scopes that begin so. Where limits are counted for several accounts, those of the place's
        owner count (``acme`` of ``acme/ops``), and those of each where no place is known ("")."""
        of, owner = pauses.c.connection, place.partition("/")[0].lower()
        theirs = func.lower(of) == f"{connection}@{owner}".lower()
        if not owner:
            theirs = of.startswith(f"{connection}@", autoescape=True)
        query = _HELD_UP.where(or_(of == connection, theirs))
        for scope in besides:
            query = query.where(~pauses.c.scope.startswith(scope, autoescape=True))
        row = self._connection.execute(query, {"since": until}).first()
        return Paused(*row) if row else None

    def strikes(self, connection: str, scope: str, since: datetime) -> int:
        """How often in a row the tracker has refused this without naming a time, unless the last
        pause was over before `since`."""
        query = select(pauses.c.strikes).where(
            pauses.c.connection == connection, pauses.c.scope == scope, pauses.c.until >= since
        )
        return self._connection.execute(query).scalar_one_or_none() or 0

    def pause(self, wanted: Paused) -> None:
        """Let there be no more of it for now; a longer pause that is in force stays."""
        values = {
            "until": wanted.until,
            "why": wanted.why,
            "strikes": wanted.strikes,
            "wide": wanted.wide,
        }
        statement = insert(self._connection, pauses).values(
            connection=wanted.connection, scope=wanted.scope, **values
        )
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["connection", "scope"],
                set_=values,
                where=pauses.c.until < statement.excluded.until,
            )
        )

    def went_through(self, connection: str, scopes: Sequence[str]) -> None:
        """A call of these scopes was served: what lies behind them is forgotten."""
        self._connection.execute(_WENT_THROUGH, self._among(connection, scopes))

    def any_pause(self, connection: str, scopes: Sequence[str]) -> bool:
        """Whether there is a pause of these scopes, in force or behind us."""
        found = self._connection.execute(_ANY_PAUSE, self._among(connection, scopes))
        return found.first() is not None

    def _among(self, connection: str, scopes: Sequence[str]) -> dict[str, object]:
        return {"of_connection": connection, "scopes": list(scopes), "now": self._now}

    # --- circuits -------------------------------------------------------------------------

    def circuit(self, connection: str) -> Circuit:
        row = self._connection.execute(_CIRCUIT, {"of_connection": connection}).first()
        if row is None:
            return Circuit(connection)
        told = row.quota_reset is not None
        quota = Quota(row.quota_limit, row.quota_left, row.quota_reset) if told else None
        return Circuit(connection, row.failures, row.since, row.probe_at, row.why, quota)

    def accounts(self, connection: str) -> list[str]:
        """What is kept by itself of a connection whose limits are counted for several accounts."""
        begins = f"{connection}@"
        theirs = (
            select(known).where(known.startswith(begins, autoescape=True))
            for known in (circuits.c.connection, pauses.c.connection, spending.c.connection)
        )
        return sorted(self._connection.scalars(union(*theirs)))

    def put_circuit(self, circuit: Circuit) -> None:
        """Save how the tracker answers; a quota that was not told again stays as it was."""
        values: dict[str, object] = {
            "failures": circuit.failures,
            "since": circuit.since,
            "probe_at": circuit.probe_at,
            "why": circuit.why,
        }
        if circuit.quota is not None:
            values |= {
                "quota_limit": circuit.quota.limit,
                "quota_left": circuit.quota.left,
                "quota_reset": circuit.quota.reset,
            }
        self._connection.execute(
            insert(self._connection, circuits)
            .values(connection=circuit.connection, **values)
            .on_conflict_do_update(index_elements=["connection"], set_=values)
        )

    def claim_probe(self, connection: str, until: datetime) -> bool:
        """Whether the caller may make the one call that looks whether the tracker is back; nobody
        else may before `until`."""
        claimed = update(circuits).where(
            circuits.c.connection == connection,
            or_(circuits.c.probe_at.is_(None), circuits.c.probe_at <= self._now),
        )
        return self._connection.execute(claimed.values(probe_at=until)).rowcount > 0


def _of(connection: str, cost: Cost) -> dict[str, object]:
    """What `_OF_BUDGET` compares with."""
    return {
        "of_connection": connection,
        "of_budget": cost.budget.name,
        "of_subject": cost.subject,
    }
