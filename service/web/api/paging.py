"""Pages of lists by cursor: a place in the order, and so not moved by what is added meanwhile."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

from flask import abort
from marshmallow import Schema, fields, validate

from service.store import Transaction
from service.store.incidents import IncidentRecord, Place, Wanted
from workflows.model import Incident

USUAL, MOST = 50, 200

#: So many incidents are looked through for one page of what stands in them. A page may so hold
#: less than was asked for, or nothing, and have a next one all the same.
MOST_LOOKED_AT = 500

T = TypeVar("T")
Page = dict[str, Any]

#: What tells an item from the others of its incident, and orders them.
Key = tuple[int, ...]


class Paged(Schema):
    """What every list is asked with."""

    limit = fields.Integer(
        load_default=USUAL,
        validate=validate.Range(min=1, max=MOST),
        metadata={"description": "At most so many."},
    )
    cursor = fields.String(
        load_default=None,
        validate=validate.Length(max=500),
        metadata={"description": "`next` of the page before."},
    )


def whole(items: Sequence[object]) -> Page:
    """A list that is short enough for one page."""
    return {"items": list(items), "next": None}


def numbered(asked: dict[str, Any], found: Callable[[int, int | None], Sequence[T]]) -> Page:
    """A page of rows by their id, the latest first. `found` gives so many before an id; each has
    an `id`."""
    before = read(asked["cursor"], _number)
    limit: int = asked["limit"]
    rows = found(limit + 1, before)
    shown = rows[:limit]
    last = shown[-1].id if len(rows) > limit else None  # type: ignore[attr-defined]
    return {"items": list(shown), "next": None if last is None else write(last)}


def following(asked: dict[str, Any], found: Iterable[T], key: Callable[[T], Key]) -> Page:
    """A page of what comes in the order of its `key`, the smallest first."""
    after = read(asked["cursor"], _key)
    limit: int = asked["limit"]
    rest = (each for each in found if after is None or key(each) > after)
    shown = list(islice(rest, limit + 1))
    more = len(shown) > limit
    return {"items": shown[:limit], "next": write(list(key(shown[limit - 1]))) if more else None}


def ranked(asked: dict[str, Any], found: Callable[[int, int], Sequence[T]], last: int) -> Page:
    """A page of what is ranked anew each time, so that its cursor is a count and no place: what
    came meanwhile may move something from one page to the next. `found` gives so many after the
    first so many, of which `last` at most are left out."""
    skip = skipped(asked, last)
    limit: int = asked["limit"]
    rows, following = found(limit + 1, skip), skip + limit
    more = len(rows) > limit and following <= last
    return {"items": list(rows[:limit]), "next": write(following) if more else None}


def skipped(asked: dict[str, Any], last: int) -> int:
    """How many of a ranked list come before the page, `last` at most."""

    def shape(data: Any) -> int:
        if _number(data) > last:
            raise ValueError(data)
        return int(data)

    return read(asked["cursor"], shape) or 0


def measure_after(asked: dict[str, Any]) -> tuple[str, int] | None:
    """The measure that a page of these comes after: its incident, and its number."""
    return read(asked["cursor"], _measure)


def incidents(tx: Transaction, asked: dict[str, Any], wanted: Wanted) -> Page:
    """A page of incidents, the latest first."""
    limit: int = asked["limit"]
    found = tx.incidents.listed(wanted, read(asked["cursor"], _place), limit + 1)
    shown = found[:limit]
    more = len(found) > limit
    return {"items": shown, "next": write(_written(shown[-1])) if more else None}


def inside(
    tx: Transaction,
    asked: dict[str, Any],
    wanted: Wanted,
    pick: Callable[[Incident], Iterable[tuple[Key, T]]],
) -> Page:
    """A page of what stands in incidents: of the latest incident first, and within one in the
    order of its keys."""
    place, after = read(asked["cursor"], _within) or (None, None)
    records = tx.incidents.listed(wanted, place, MOST_LOOKED_AT + 1, again=after is not None)
    limit: int = asked["limit"]
    found: list[T] = []
    last: list[Any] = []
    for record in records[:MOST_LOOKED_AT]:
        here = _written(record)
        old = after if after is not None and here[1] == (place or ("", ""))[1] else ()
        for key, item in pick(record.incident):
            if key <= old:
                continue
            if len(found) == limit:
                return {"items": found, "next": write(last)}
            found.append(item)
            last = [*here, list(key)]
    more = len(records) > MOST_LOOKED_AT
    rest = write([*_written(records[MOST_LOOKED_AT - 1]), None]) if more else None
    return {"items": found, "next": rest}


# --- cursors --------------------------------------------------------------------------------------


def write(place: object) -> str:
    """A place as a cursor, which nobody is to read anything from."""
    text = json.dumps(place, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def read(cursor: str | None, shape: Callable[[Any], T]) -> T | None:
    """The place that a cursor stands for; 422 for what is none of ours."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return shape(json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError, binascii.Error):
        abort(422, "This cursor is none of this list: begin without one.")


def _written(record: IncidentRecord) -> list[Any]:
    return [record.created_at.astimezone(UTC).isoformat(), record.incident.id]


def _number(data: Any) -> int:
    if not isinstance(data, int) or not 0 <= data < 2**63:
        raise TypeError(data)
    return data


def _key(data: Any) -> Key:
    return tuple(map(_number, list(data)))


def _place(data: Any) -> Place:
    at, incident_id = data
    if not isinstance(incident_id, str):
        raise TypeError(data)
    moment = datetime.fromisoformat(at)
    if moment.tzinfo is None:
        raise TypeError(data)
    return moment, incident_id


def _measure(data: Any) -> tuple[str, int]:
    incident_id, item = data
    if not isinstance(incident_id, str):
        raise TypeError(data)
    return incident_id, _number(item)


def _within(data: Any) -> tuple[Place, Key | None]:
    at, incident_id, key = data
    return _place([at, incident_id]), None if key is None else _key(key)
