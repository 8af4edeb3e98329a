"""Frozen dataclasses ↔ JSON, driven by their type hints and strict in both directions.

A moment is ISO 8601 in UTC, an enum its value, a tuple a list, a mapping an object. A value of a
union of dataclasses says its class under ``is``. A field that the data lacks takes its default
(rows of an earlier version have fewer); a field that the class lacks is an error, because
dropping it would lose what a newer version wrote. So that an earlier version can go on beside a
newer one, a field that was added is left out where it holds its default: see `workflows.added`.

What a type is made of is found out once: for each type a writer and a reader are put together,
which only do what is left to be done for a value. Every turn reads and writes whole incidents.
"""

from __future__ import annotations

import hashlib
import json
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from workflows.added import ADDED

T = TypeVar("T")
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

#: Turns one value into data, or back. Raises _Wrong.
Step = Callable[[Any], Any]

TAG = "is"
_PLAIN = (str, int, bool, float)


class CodecError(ValueError):
    """The value or data does not fit the type; the message says where and why."""


def dump(as_type: Any, value: Any) -> Json:
    """`value`, which must be what `as_type` says, as JSON data. Raises CodecError."""
    try:
        return cast(Json, _writer(cast(Any, as_type))(value))
    except _Wrong as wrong:
        raise CodecError(str(wrong)) from wrong.__cause__


def load(as_type: type[T] | Any, data: Json) -> T:
    """The value that `dump` made `data` of. Raises CodecError."""
    try:
        return cast(T, _reader(cast(Any, as_type))(data))
    except _Wrong as wrong:
        raise CodecError(str(wrong)) from wrong.__cause__


def fingerprint(data: Json) -> str:
    """A hash of JSON data that depends on its content, not on the order of its keys."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class _Wrong(Exception):
    """What does not fit, and on its way up where that is: the innermost part first."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words
        self.where: list[str] = []

    def within(self, part: str) -> _Wrong:
        self.where.append(part)
        return self

    def __str__(self) -> str:
        return f"${''.join(reversed(self.where))}: {self.words}"


def _no(value: object, as_type: Any) -> _Wrong:
    return _Wrong(f"{type(value).__name__} is no {getattr(as_type, '__name__', str(as_type))}")


def _union(as_type: Any) -> tuple[bool, list[Any]] | None:
    """Whether None is allowed, and the other members; None for what is no union."""
    if get_origin(as_type) not in (Union, types.UnionType):
        return None
    members = get_args(as_type)
    return type(None) in members, [each for each in members if each is not type(None)]


def _is_mapping(as_type: Any) -> bool:
    origin = get_origin(as_type)
    return origin is not None and issubclass(origin, Mapping)


# --- writing ------------------------------------------------------------------------------------


@cache
def _writer(as_type: Any) -> Step:
    union = _union(as_type)
    if union is not None:
        return _union_writer(as_type, *union)
    if is_dataclass(as_type):
        return _dataclass_writer(cast(type, as_type))
    if get_origin(as_type) is tuple:
        return _tuple_step(as_type, tuple, list, _writer)
    if _is_mapping(as_type):
        keys, of = get_args(as_type)
        return _mapping_step(as_type, Mapping, _key_writer(keys), _writer(of))
    return _scalar_writer(as_type)


def _union_writer(as_type: Any, optional: bool, members: list[Any]) -> Step:
    if len(members) == 1:
        one = _writer(members[0])
        return lambda value: None if optional and value is None else one(value)
    writers = {each: _writer(cast(Any, each)) for each in members if is_dataclass(each)}

    def write(value: Any) -> Any:
        if value is None and optional:
            return None
        writer = writers.get(type(value))
        if writer is None:
            raise _no(value, as_type)
        return {TAG: type(value).__name__, **writer(value)}

    return write


def _dataclass_writer(cls: type) -> Step:
    def write(value: Any) -> Any:
        if type(value) is not cls:
            raise _no(value, cls)
        data = {}
        for name, writer, unsaid in _field_writers(cast(Any, cls)):
            held = getattr(value, name)
            if held == unsaid:
                continue
            try:
                data[name] = writer(held)
            except _Wrong as wrong:
                raise wrong.within(f".{name}") from wrong.__cause__
        return data

    return write


@cache
def _field_writers(cls: type) -> list[tuple[str, Step, Any]]:
    """A writer for each field, and what it need not write, MISSING where it writes all. Looked up
    at the first value, because a class may be part of itself."""
    hints = get_type_hints(cls)
    return [
        (each.name, _writer(hints[each.name]), each.default if _was_added(each) else MISSING)
        for each in fields(cls)
    ]


def _was_added(each: Field[Any]) -> bool:
    return each.metadata.items() >= ADDED.items()


def _scalar_writer(as_type: Any) -> Step:
    if as_type in _PLAIN:
        return _same(as_type)

    def write(value: Any) -> Any:
        if type(value) is not as_type:
            raise _no(value, as_type)
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise _Wrong(f"{value!r} has no time zone")
            return value.astimezone(UTC).isoformat()
        if isinstance(value, date):
            return value.isoformat()
        raise _Wrong(f"{as_type!r} cannot be stored")

    return write


def _key_writer(as_type: Any) -> Step:
    scalar = _scalar_writer(as_type)

    def write(key: Any) -> Any:
        text = scalar(key)
        if type(text) is not str:
            raise _Wrong(f"the key {key!r} is no text")
        return text

    return write


# --- reading ------------------------------------------------------------------------------------


@cache
def _reader(as_type: Any) -> Step:
    union = _union(as_type)
    if union is not None:
        return _union_reader(as_type, *union)
    if is_dataclass(as_type):
        return _dataclass_reader(cast(type, as_type))
    if get_origin(as_type) is tuple:
        return _tuple_step(as_type, list, tuple, _reader)
    if _is_mapping(as_type):
        keys, of = get_args(as_type)
        return _mapping_step(as_type, dict, _scalar_reader(keys), _reader(of))
    return _scalar_reader(as_type)


def _union_reader(as_type: Any, optional: bool, members: list[Any]) -> Step:
    if len(members) == 1:
        one = _reader(members[0])
        return lambda data: None if optional and data is None else one(data)
    named = {each.__name__: _reader(each) for each in members}

    def read(data: Any) -> Any:
        if data is None and optional:
            return None
        if not isinstance(data, dict):
            raise _no(data, as_type)
        name = data.get(TAG)
        reader = named.get(name) if isinstance(name, str) else None
        if reader is None:
            raise _Wrong(f"{name!r} is none of {as_type}")
        return reader({key: item for key, item in data.items() if key != TAG})

    return read


def _dataclass_reader(cls: type) -> Step:
    def read(data: Any) -> Any:
        if not isinstance(data, dict):
            raise _no(data, cls)
        readers, needed = _field_readers(cast(Any, cls))
        if unknown := data.keys() - readers.keys():
            raise _Wrong(f"{cls.__name__} has no {', '.join(sorted(unknown))}")
        for name in needed:
            if name not in data:
                raise _Wrong(f"{cls.__name__} needs {name}")
        values = {}
        for name, item in data.items():
            try:
                values[name] = readers[name](item)
            except _Wrong as wrong:
                raise wrong.within(f".{name}") from wrong.__cause__
        return cls(**values)

    return read


@cache
def _field_readers(cls: type) -> tuple[dict[str, Step], list[str]]:
    """A reader for each field, and those that have no default. See `_field_writers`."""
    hints = get_type_hints(cls)
    needed = [
        each.name
        for each in fields(cls)
        if each.default is MISSING and each.default_factory is MISSING
    ]
    return {each.name: _reader(hints[each.name]) for each in fields(cls)}, needed


def _scalar_reader(as_type: Any) -> Step:
    if as_type in _PLAIN:
        return _same(as_type)

    def read(data: Any) -> Any:
        try:
            if as_type is datetime:
                return datetime.fromisoformat(data).astimezone(UTC)
            if as_type is date:
                return date.fromisoformat(data)
            if isinstance(as_type, type) and issubclass(as_type, Enum):
                return as_type(data)
        except (TypeError, ValueError) as error:
            raise _Wrong(str(error)) from error
        raise _Wrong(f"{as_type!r} cannot be stored")

    return read


# --- both ---------------------------------------------------------------------------------------


def _same(as_type: Any) -> Step:
    """What JSON data holds as it is."""

    def same(value: Any) -> Any:
        if type(value) is not as_type:
            raise _no(value, as_type)
        return value

    return same


def _tuple_step(
    as_type: Any, given: type[Any], made: Callable[[Any], Any], step_of: Callable[[Any], Step]
) -> Step:
    """``tuple[T, ...]`` or ``tuple[A, B]``, item by item."""
    of = get_args(as_type)
    alike = step_of(of[0]) if len(of) == 2 and of[1] is Ellipsis else None
    steps = [] if alike else [step_of(each) for each in of]

    def convert(value: Any) -> Any:
        if not isinstance(value, given):
            raise _no(value, as_type)
        items: Sequence[Any] = value
        if alike is None and len(steps) != len(items):
            raise _Wrong(f"{len(items)} items where {len(steps)} belong")
        found: list[Any] = []
        try:
            for n, item in enumerate(items):
                found.append((alike or steps[n])(item))
        except _Wrong as wrong:
            raise wrong.within(f"[{len(found)}]") from wrong.__cause__
        return made(found)

    return convert


def _mapping_step(as_type: Any, given: type[Any], key_step: Step, step: Step) -> Step:
    def convert(value: Any) -> Any:
        if not isinstance(value, given):
            raise _no(value, as_type)
        found = {}
        for key, item in value.items():
            converted = key_step(key)
            try:
                found[converted] = step(item)
            except _Wrong as wrong:
                raise wrong.within(f".{key}") from wrong.__cause__
        return found

    return convert


def compact(value: object) -> str:
    """JSON as it is kept in rows: without spaces, and with all letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
