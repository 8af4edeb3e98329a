"""Results of checks as they were posted, and which incidents watch what.

Of each check the latest results are kept, `MOST_KEPT` at most: so many runs are told apart.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select, update
from sqlalchemy import insert as sql_insert

from service.store.check_tables import check_results, watches
from workflows.watched import Result, Source

MOST_KEPT = 100


def kept_in(connection: str, place: str) -> str:
    """How a repository that keeps files is called among what is watched: its case says nothing."""
    return f"{connection}/{place.casefold()}"


class Recorded(StrEnum):
    NEW = "new"
    DUPLICATE = "duplicate"  # the same run said the same before
    CONTRADICTION = "contradiction"  # the same run said something else before


@dataclass(frozen=True, slots=True)
class Watch:
    """That an incident (our id) watches something: `told` counts how often it was said to have
    changed. The `name` is a check's; of files ``connection/owner/name``, in small letters."""

    incident_id: str
    source: Source
    name: str
    told: int


_LATEST_FIRST = (check_results.c.at.desc(), check_results.c.id.desc())
_OF_CHECK = check_results.c.name == bindparam("of_check")
_LATEST = select(check_results).where(_OF_CHECK).order_by(*_LATEST_FIRST).limit(1)
_AT = bindparam("at", type_=check_results.c.at.type)
_BEFORE = _LATEST.where(check_results.c.at <= _AT)
_AFTER = (
    select(check_results)
    .where(_OF_CHECK, check_results.c.at > _AT)
    .order_by(check_results.c.at, check_results.c.id)
)
_OF_RUN = select(check_results).where(_OF_CHECK, check_results.c.run == bindparam("of_run"))
_OLD = select(check_results.c.id).where(_OF_CHECK).order_by(*_LATEST_FIRST).offset(MOST_KEPT)

_OF_INCIDENT = watches.c.incident_id == bindparam("of_incident")
_HERE = (watches.c.source == bindparam("of_source"), watches.c.name == bindparam("of_name"))
_TELL = update(watches).where(*_HERE).values(told=watches.c.told + 1)


class Checks:
    """Writing and reading both."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    # --- results ----------------------------------------------------------------------------

    def add(self, name: str, result: Result) -> Recorded:
        """Keep a result of the check; since when it said so is found out here, also of those that
        are about a later time and came sooner. One of a run that is known is not kept again."""
        if result.run:
            asked = {"of_check": name, "of_run": result.run}
            if (known := self._connection.execute(_OF_RUN, asked).first()) is not None:
                same = _content(_result(known)) == _content(result)
                return Recorded.DUPLICATE if same else Recorded.CONTRADICTION
        here = {"of_check": name, "at": result.at}
        after = self._connection.execute(_AFTER, here).all()
        if len(after) >= MOST_KEPT:  # nobody knows any more what lay between
            return Recorded.NEW
        before = self._connection.execute(_BEFORE, here).first()
        goes_on = before is not None and before.passed == result.passed
        since = before.since if before is not None and goes_on else result.at
        self._connection.execute(
            sql_insert(check_results).values(
                name=name,
                run=result.run or None,
                passed=result.passed,
                summary=result.summary,
                url=result.url,
                at=result.at,
                since=since,
                received_at=self._now,
            )
        )
        if after:
            streak = list(takewhile(lambda row: row.passed == after[0].passed, after))
            began = since if after[0].passed == result.passed else after[0].at
            of_streak = check_results.c.id.in_([row.id for row in streak])
            self._connection.execute(update(check_results).where(of_streak).values(since=began))
        old = check_results.c.id.in_(_OLD)
        self._connection.execute(delete(check_results).where(old), {"of_check": name})
        return Recorded.NEW

    def latest(self, names: Collection[str]) -> dict[str, Result]:
        """The last result of each of these checks that has any, by the time that it is about."""
        found: dict[str, Result] = {}
        for name in names:
            if (row := self._connection.execute(_LATEST, {"of_check": name}).first()) is not None:
                found[name] = _result(row)
        return found

    # --- watches ----------------------------------------------------------------------------

    def watch(self, incident_id: str, wanted: Collection[tuple[Source, str]]) -> bool:
        """Make this what the incident watches. Returns whether any of it is new: that counts as
        told of."""
        known = {(each.source, each.name) for each in self._watches(incident_id)}
        for source, name in known - set(wanted):
            here = {"of_source": source, "of_name": name, "of_incident": incident_id}
            self._connection.execute(delete(watches).where(*_HERE, _OF_INCIDENT), here)
        new = [each for each in wanted if each not in known]
        for source, name in new:
            row = {"incident_id": incident_id, "source": source, "name": name, "told": 1}
            self._connection.execute(sql_insert(watches).values(**row, heard=0))
        return bool(new)

    def watching(self, source: Source, name: str) -> list[str]:
        """The incidents (our ids) that watch this."""
        query = select(watches.c.incident_id).where(*_HERE).order_by(watches.c.incident_id)
        return list(self._connection.scalars(query, {"of_source": source, "of_name": name}))

    def say_changed(self, source: Source, name: str) -> None:
        """Remember, for all that watch this, that it is to be looked at."""
        self._connection.execute(_TELL, {"of_source": source, "of_name": name})

    def to_look_at(self, incident_id: str) -> list[Watch]:
        """What was told of since the incident last looked."""
        return self._watches(incident_id, changed=True)

    def heard(self, watch: Watch) -> None:
        """It was looked at, for all that was told of it by then."""
        here = {
            "of_source": watch.source,
            "of_name": watch.name,
            "of_incident": watch.incident_id,
        }
        seen = update(watches).where(*_HERE, _OF_INCIDENT).values(heard=watch.told)
        self._connection.execute(seen, here)

    def _watches(self, incident_id: str, *, changed: bool = False) -> list[Watch]:
        query = select(watches).where(_OF_INCIDENT).order_by(watches.c.source, watches.c.name)
        if changed:
            query = query.where(watches.c.told != watches.c.heard)
        rows = self._connection.execute(query, {"of_incident": incident_id})
        return [Watch(r.incident_id, Source(r.source), r.name, r.told) for r in rows]


def _result(row: Row[*tuple[Any, ...]]) -> Result:
    return Result(row.passed, row.at, row.since, row.summary, row.url, row.run or "")


def _content(result: Result) -> tuple[bool, str, str]:
    """What two posts of one run must have in common; one that tells no time gets that of its
    coming."""
    return (result.passed, result.summary, result.url)
