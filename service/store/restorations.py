"""What holds after the database was put back to an older state.

Trackers hold by then what that state does not know of: documents, tasks and comments that were
made after it was taken. Three things keep them from being made again:

- What an incident or a team is called follows from its ticket or its name. So who is met for the
  first time a second time asks for everything by the same keys.
- Every creation that is asked for by somebody who was there before is *uncertain* since the
  restoration: it is looked for by its key before it is made (`service.settling`).
- All places are looked through once more.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from itertools import count

from sqlalchemy import Connection, case, func, select, update

from service.store.naming import ALPHABET, LENGTH
from service.store.owners import OfTeam, Owner
from service.store.restoration_tables import installation, restorations
from service.store.schema import effects, incidents, jobs, journal, poll_marks
from workflows.effects import CreateDocument, CreateTask, Effect, WriteComment, WriteNote

#: Wishes that leave two of it where they are fulfilled twice.
CREATIONS = (CreateDocument, CreateTask, WriteNote, WriteComment)

#: By how much a tracker's clock may be behind ours.
CLOCKS_DIFFER = timedelta(minutes=10)

#: States of effects that no longer, or not yet, are to be executed; the names are those of
#: `service.store.effects.EffectState`.
_RESTING = ("planned", "rejected", "dropped", "lapsed", "begun")


class Restorations:
    """What the installation calls things, and when it was restored."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def name_of(self, *words: str) -> str:
        """The opaque id of what is known by these words: the same each time that it
        is met for the first time, and another one in another installation. An id that an incident
        has already is not given again: its ticket was known by these words before it was moved."""
        salt = self._connection.execute(select(installation.c.salt)).scalar_one()
        for again in count():
            name = _hashed(salt, *words, *(["again", str(again)] if again else []))
            taken = select(incidents.c.id).where(incidents.c.id == name)
            if self._connection.execute(taken).first() is None:
                return name
        raise AssertionError  # count() has no end

    def mark(self) -> datetime:
        """The database holds an older state from now on. Returns since when (UTC) it may lack what
        was done; all that is done leaves a line in the journal."""
        taken_at = self._last_line()
        values = {"taken_at": taken_at, "restored_at": self._now}
        self._connection.execute(restorations.insert().values(values))
        self._connection.execute(
            update(effects)
            .where(
                effects.c.kind.in_([kind.__name__ for kind in CREATIONS]),
                effects.c.state != "done",
            )
            .values(
                uncertain_since=self._now,
                due_at=None,
                state=case((effects.c.state.in_(_RESTING), effects.c.state), else_="unknown"),
            )
        )
        # Nobody holds a job any more, and nothing is on its way to a worker.
        self._connection.execute(update(jobs).values(lease_until=None, sent_at=None))
        self._connection.execute(update(poll_marks).values(whole_at=None))
        return taken_at

    def since(self, opened: datetime | None) -> datetime | None:
        """Since when (UTC) it is uncertain what was done for a ticket that was opened then: the
        last restoration; None where it was opened later, or nothing was ever restored."""
        return _since(self._connection, opened)

    def taken_before(self, moment: datetime) -> datetime | None:
        """Since when (UTC) something may have been made that is uncertain because of a restoration
        at that moment or earlier."""
        query = select(func.min(restorations.c.taken_at))
        query = query.where(restorations.c.restored_at <= moment)
        found: datetime | None = self._connection.execute(query).scalar_one()
        return found

    def _last_line(self) -> datetime:
        last: datetime | None = self._connection.execute(
            select(journal.c.at).order_by(journal.c.id.desc()).limit(1)
        ).scalar()
        if last is not None:
            return last
        made: datetime = self._connection.execute(select(installation.c.made_at)).scalar_one()
        return made


def uncertain_since(connection: Connection, owner: Owner, wish: Effect) -> datetime | None:
    """Since when (UTC) a wish that is asked for the first time may have come true already, before
    the database was put back to an older state; None where it cannot have."""
    if not isinstance(wish, CREATIONS):
        return None
    opened: datetime | None = None
    if not isinstance(owner, OfTeam):
        when = select(incidents.c.opened_at).where(incidents.c.id == owner)
        opened = connection.execute(when).scalar()
    return _since(connection, opened)


def _since(connection: Connection, opened: datetime | None) -> datetime | None:
    last = select(func.max(restorations.c.restored_at))
    restored: datetime | None = connection.execute(last).scalar_one()
    if restored is None or (opened is not None and opened > restored + CLOCKS_DIFFER):
        return None
    return restored


def _hashed(*words: str) -> str:
    told = "\0".join(words).encode()
    number = int.from_bytes(hashlib.sha256(told).digest())
    letters = []
    for _ in range(LENGTH):
        number, place = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[place])
    return "".join(letters)
