"""Effects: what was asked for, whether it was begun, and what came of it.

    planned ──► wanted ──► begun ──► done
                  ▲          ├─────► retry     again at due_at, certainly without effect
                  │          ├─────► unknown   may have happened: settle before trying again
                  └──────────┴─────► rejected  dead letter: needs a person, or a newer wish

What is asked for no more before it is done has *lapsed*: it stands there already, or something else
is wanted. Asked for again it is where it was.

What is unknown stays so, whatever becomes of a look at it or of a call that was not made, until it
is found, or until a call for it ends that was made after its absence counted.

`begin` is committed before the call is made; what is found *begun* after a crash is unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Row,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    update,
)

from service.store.codec import dump, fingerprint, load
from service.store.owners import OfTeam, Owner, bound, of_each, owned_by, whose
from service.store.restorations import uncertain_since
from service.store.schema import effects, incidents
from service.store.statements import insert
from workflows.effects import (
    Effect,
    KeepVersions,
    SetFields,
    SetReview,
    ShowRelease,
    WriteComment,
    WriteRegions,
    is_elsewhere,
)
from workflows.events import Outcome
from workflows.rights import Teams

#: Wishes that may be fulfilled again when they change; all others create, and are done once.
REWRITES = (WriteRegions, WriteComment, SetFields, SetReview, ShowRelease, KeepVersions)

#: Of these, those that are asked for only when something lacks them.
_WHEN_NEEDED = (WriteRegions, SetFields, ShowRelease)


class EffectState(StrEnum):
    PLANNED = "planned"  # shown, not to be executed (mode: plan)
    WANTED = "wanted"
    BEGUN = "begun"
    DONE = "done"
    RETRY = "retry"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    DROPPED = "dropped"  # given up by a person
    LAPSED = "lapsed"  # asked for no more


@dataclass(frozen=True, slots=True)
class EffectRecord:
    """One effect, of an incident or of a `team`: the other of the two is "". `words` are the
    vendor's last ones, `mend` what a person can do; `attempts` counts how often it was begun;
    `uncertain_since` is since when nobody knows how its call ended; times are aware UTC. `id` is
    short enough to be typed. `dropped_by` and `dropped_why` say who gave it up, and why; both are
    "" otherwise."""

    id: int
    key: str
    incident_id: str
    wish: Effect
    wish_hash: str
    state: EffectState
    attempts: int
    asked_at: datetime
    begun_at: datetime | None
    uncertain_since: datetime | None
    due_at: datetime | None
    done_at: datetime | None
    result: Outcome | None
    words: str
    mend: str
    dropped_by: str
    dropped_why: str
    team: str = ""

    @property
    def owner(self) -> Owner:
        return OfTeam(self.team) if self.team else self.incident_id


_BY_KEY = select(effects).where(effects.c.key == bindparam("wanted"))
_KNOWN = select(
    effects.c.key, effects.c.state, effects.c.wish_hash, effects.c.uncertain_since
).where(effects.c.key.in_(bindparam("keys", expanding=True)))
_OF = of_each(select(effects).order_by(effects.c.id), effects)
_OF_TURN = {
    owner: query.where(
        or_(
            effects.c.state != EffectState.DONE,
            effects.c.key.in_(bindparam("besides", expanding=True)),
        )
    )
    for owner, query in _OF.items()
}
_SET = update(effects).where(effects.c.key == bindparam("of_key"))
_BEGIN = (
    update(effects)
    .where(effects.c.key.in_(bindparam("keys", expanding=True)))
    .values(attempts=effects.c.attempts + 1)
)
_REWRITTEN = _SET.values(
    state=case(
        (effects.c.wish_hash == bindparam("done_hash"), EffectState.DONE),
        else_=EffectState.WANTED,
    )
)
_LAPSE = (
    update(effects)
    .where(effects.c.key.in_(bindparam("keys", expanding=True)))
    .values(
        state=EffectState.LAPSED,
        due_at=None,
        uncertain_since=case(
            (effects.c.state == EffectState.BEGUN, effects.c.begun_at),
            else_=effects.c.uncertain_since,
        ),
    )
)
_LOOK_NOW = (
    update(effects)
    .where(effects.c.key == bindparam("of_key"), effects.c.state == EffectState.UNKNOWN)
    .returning(effects.c.incident_id, effects.c.team)
)


class Effects:
    """Asking for effects and recording how they end."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def ask(self, owner: Owner, wishes: Sequence[Effect], *, planned: bool = False) -> None:
        """Ask for each wish by its key, in this order.

        Asking again in the same words changes nothing, unless what was only planned is now
        wanted, or what is asked for only when it must be (`_WHEN_NEEDED`) was done before. A newer
        wish of the same key replaces the older, but not while a creation is unsettled: it is looked
        for where it was sent. What created something is never done again. `planned` leaves alone
        what was once really asked for.
        """
        keys = [wish.key for wish in wishes]
        known = {row.key: row for row in self._connection.execute(_KNOWN, {"keys": keys})}
        for wish in wishes:
            data = dump(Effect, wish)
            hashed = fingerprint(data)
            row = known.get(wish.key)
            if row is None:
                self._insert(owner, wish, data, hashed, planned)
                continue
            before = EffectState(row.state)
            if before is EffectState.LAPSED:
                before = EffectState.UNKNOWN if row.uncertain_since else EffectState.WANTED
                self._set(wish.key, state=before)
            unsettled = before in (EffectState.BEGUN, EffectState.UNKNOWN)
            if (unsettled and not isinstance(wish, REWRITES)) or (
                planned and before is not EffectState.PLANNED
            ):
                continue
            if row.uncertain_since is not None and self._looked_for_elsewhere(wish):
                continue
            state = _asked_again(wish, before, row.wish_hash != hashed, planned)
            if row.wish_hash != hashed or before != state:
                self._set(wish.key, state=state, wish=data, wish_hash=hashed)

    def begin(self, keys: Sequence[str]) -> None:
        """Write down the intent to make these calls. Commit before making them."""
        begun = {
            "state": EffectState.BEGUN,
            "begun_at": self._now,
            "uncertain_since": None,
            "due_at": None,
        }
        self._connection.execute(_BEGIN, {**begun, "keys": list(keys)})

    def reword(self, wish: Effect) -> None:
        """The same creation as it is asked for now, once its absence counts: what was sent never
        came."""
        data = dump(Effect, wish)
        self._set(wish.key, wish=data, wish_hash=fingerprint(data))

    def done(self, effect: EffectRecord, result: Outcome) -> None:
        """It is so. `effect` is what was executed: when a newer wish to rewrite came meanwhile,
        it is wanted again."""
        values: dict[str, object] = {
            "of_key": effect.key,
            "result": dump(Outcome, result),
            "done_at": self._now,
            "due_at": None,
            "uncertain_since": None,
            "words": "",
            "mend": "",
        }
        if isinstance(effect.wish, REWRITES):
            self._connection.execute(_REWRITTEN, {**values, "done_hash": effect.wish_hash})
        else:
            self._connection.execute(_SET, {**values, "state": EffectState.DONE})

    def retry(self, key: str, due_at: datetime, words: str, mend: str = "") -> None:
        """It certainly had no effect, and is to be tried again at `due_at`."""
        self._set(
            key,
            state=EffectState.RETRY,
            uncertain_since=None,
            due_at=due_at,
            words=words,
            mend=mend,
        )

    def unknown(
        self, key: str, due_at: datetime, words: str, mend: str = "", *, since: datetime
    ) -> None:
        """It may have happened, `since` (UTC): to be settled, not before `due_at`."""
        self._set(
            key,
            state=EffectState.UNKNOWN,
            uncertain_since=since,
            due_at=due_at,
            words=words,
            mend=mend,
        )

    def lapse(self, keys: Collection[str]) -> None:
        """These are asked for no more. What was begun, and nobody knows how it ended, stays
        uncertain in case it is asked for again."""
        self._connection.execute(_LAPSE, {"keys": list(keys)})

    def look_now(self, key: str) -> Owner | None:
        """Something of unknown outcome was seen: it is looked for at once. Returns whose it is,
        None when nothing of that key is uncertain."""
        sought = {"of_key": key, "due_at": self._now}
        row = self._connection.execute(_LOOK_NOW, sought).first()
        return whose(row) if row else None

    def reject(
        self, key: str, words: str, mend: str, uncertain_since: datetime | None = None
    ) -> None:
        """The tracker said no: a dead letter, until a person or a newer wish mends it.
        `uncertain_since` where it said so to a look at what may have happened."""
        self._set(
            key,
            state=EffectState.REJECTED,
            uncertain_since=uncertain_since,
            due_at=None,
            words=words,
            mend=mend,
        )

    def replay(self, key: str) -> Owner | None:
        """Want a dead letter, or what was dropped, again. Returns whose it is, None when it is
        neither: of two who ask at once, the second."""
        refused = (EffectState.REJECTED, EffectState.DROPPED)
        return self._end(key, refused, state=EffectState.WANTED, dropped_by="", dropped_why="")

    def drop(self, key: str, *, by: str, why: str) -> Owner | None:
        """Give a dead letter up. Returns whose it is, None when it is no dead letter."""
        dropped = {"state": EffectState.DROPPED, "dropped_by": by, "dropped_why": why}
        return self._end(key, (EffectState.REJECTED,), **dropped)

    def numbered(self, number: int) -> EffectRecord | None:
        """The effect with this id."""
        row = self._connection.execute(select(effects).where(effects.c.id == number)).first()
        return _record(row) if row else None

    def get(self, key: str) -> EffectRecord | None:
        row = self._connection.execute(_BY_KEY, {"wanted": key}).first()
        return _record(row) if row else None

    def of_incident(self, incident_id: str) -> list[EffectRecord]:
        """All of one incident, in the order in which they were asked for."""
        return self._list(_OF[str], bound(incident_id))

    def of_team(self, team: str) -> list[EffectRecord]:
        """All of one team, in the order in which they were asked for."""
        return self._list(_OF[OfTeam], bound(OfTeam(team)))

    def not_done(self, owner: Owner, besides: Sequence[str] = ()) -> dict[str, EffectRecord]:
        """By key, those of one incident or team that are not done, and those with the keys
        `besides`: all that a turn needs, of one that may have hundreds behind it."""
        which = {**bound(owner), "besides": list(besides)}
        return {record.key: record for record in self._list(_OF_TURN[type(owner)], which)}

    def dead_letters(self, teams: Teams = None, most: int | None = None) -> list[EffectRecord]:
        """The rejected effects of these teams, all or the first."""
        rejected = select(effects).where(*_rejected(teams))
        return self._list(rejected.order_by(effects.c.id).limit(most), {})

    def count_dead_letters(self, teams: Teams = None) -> int:
        """How many effects of these teams are rejected."""
        query = select(func.count()).select_from(effects).where(*_rejected(teams))
        return int(self._connection.execute(query).scalar_one())

    def _insert(self, owner: Owner, wish: Effect, data: Any, hashed: str, planned: bool) -> None:
        self._connection.execute(
            insert(self._connection, effects).values(
                **owned_by(owner),
                key=wish.key,
                kind=type(wish).__name__,
                wish=data,
                wish_hash=hashed,
                state=EffectState.PLANNED if planned else EffectState.WANTED,
                attempts=0,
                asked_at=self._now,
                uncertain_since=uncertain_since(self._connection, owner, wish),
                words="",
                mend="",
            )
        )

    def _looked_for_elsewhere(self, wish: Effect) -> bool:
        """Whether what was sent under the wish's key would not be found where the wish leads."""
        known = self.get(wish.key)
        return known is not None and is_elsewhere(wish, known.wish)

    def _set(self, key: str, **values: object) -> None:
        self._connection.execute(_SET, {"of_key": key, **values})

    def _end(self, key: str, states: Sequence[EffectState], **values: object) -> Owner | None:
        ended = self._connection.execute(
            update(effects)
            .where(effects.c.key == key, effects.c.state.in_(states))
            .values(due_at=None, **values)
            .returning(effects.c.incident_id, effects.c.team)
        ).first()
        return whose(ended) if ended else None

    def _list(self, query: Executable, which: Mapping[str, object]) -> list[EffectRecord]:
        return [_record(row) for row in self._connection.execute(query, which)]


def _asked_again(wish: Effect, state: EffectState, changed: bool, planned: bool) -> EffectState:
    """The state of a known effect that is asked for once more."""
    if state is EffectState.PLANNED:
        return EffectState.PLANNED if planned else EffectState.WANTED
    if state is EffectState.DONE and isinstance(wish, _WHEN_NEEDED):
        return EffectState.WANTED
    again = {EffectState.RETRY, EffectState.REJECTED}
    if isinstance(wish, REWRITES):
        again |= {EffectState.DONE, EffectState.DROPPED}
    return EffectState.WANTED if changed and state in again else state


def _rejected(teams: Teams) -> list[ColumnElement[bool]]:
    """That an effect is rejected, and of an incident of these teams or of one of them itself."""
    rejected = effects.c.state == EffectState.REJECTED
    if teams is None:
        return [rejected]
    its = incidents.c.id == effects.c.incident_id  # theirs as a list are many
    theirs = exists().where(its, incidents.c.team.in_(teams))
    return [rejected, or_(effects.c.team.in_(teams), theirs)]


def _record(row: Row[*tuple[Any, ...]]) -> EffectRecord:
    return EffectRecord(
        id=row.id,
        key=row.key,
        incident_id=row.incident_id or "",
        wish=load(Effect, row.wish),
        wish_hash=row.wish_hash,
        state=EffectState(row.state),
        attempts=row.attempts,
        asked_at=row.asked_at,
        begun_at=row.begun_at,
        uncertain_since=row.uncertain_since,
        due_at=row.due_at,
        done_at=row.done_at,
        result=None if row.result is None else load(Outcome, row.result),
        words=row.words,
        mend=row.mend,
        dropped_by=row.dropped_by,
        dropped_why=row.dropped_why,
        team=row.team or "",
    )
