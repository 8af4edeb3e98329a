"""Frozen dataclasses ↔ JSON, driven by their type hints and strict in both directions.

A moment is ISO 8601 in UTC, an enum its value, a tuple a list, a mapping an object. A value of a
union of dataclasses says its class under ``is``. A field that the data lacks takes its default
(rows of an earlier version have fewer); a field that the class lacks is an error, because
dropping it would lose what a newer version wrote.
"""

from __future__ import annotations

import hashlib
import json
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

TAG = "is"


class CodecError(ValueError):
    """The value or data does not fit the type; the message says where and why."""


def dump(as_type: Any, value: Any) -> Json:
    """`value`, which must be what `as_type` says, as JSON data. Raises CodecError."""
    return _dump(as_type, value, "$")


def load(as_type: type[T] | Any, data: Json) -> T:
    """The value that `dump` made `data` of. Raises CodecError."""
    return cast(T, _load(as_type, data, "$"))


def fingerprint(data: Json) -> str:
    """A hash of JSON data that depends on its content, not on the order of its keys."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _hints(cls: type) -> Mapping[str, Any]:
    return get_type_hints(cls)


def _union(as_type: Any) -> tuple[bool, list[Any]] | None:
    """Whether None is allowed, and the other members; None for what is no union."""
    if get_origin(as_type) not in (Union, types.UnionType):
        return None
    members = get_args(as_type)
    return type(None) in members, [each for each in members if each is not type(None)]


def _wrong(where: str, value: object, as_type: Any) -> CodecError:
    name = getattr(as_type, "__name__", str(as_type))
    return CodecError(f"{where}: {type(value).__name__} is no {name}")


def _dump(as_type: Any, value: Any, where: str) -> Json:
    union = _union(as_type)
    if union is not None:
        return _dump_union(as_type, union, value, where)
    if is_dataclass(as_type):
        if type(value) is not as_type:
            raise _wrong(where, value, as_type)
        hints = _hints(cast(type, as_type))
        return {
            each.name: _dump(hints[each.name], getattr(value, each.name), f"{where}.{each.name}")
            for each in fields(as_type)
        }
    origin = get_origin(as_type)
    if origin is tuple:
        items = _items(as_type, value, tuple, where)
        return [_dump(each, item, f"{where}[{n}]") for n, (each, item) in enumerate(items)]
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise _wrong(where, value, as_type)
        keys, of = get_args(as_type)
        return {
            _key_out(keys, key, where): _dump(of, item, f"{where}.{key}")
            for key, item in value.items()
        }
    return _dump_scalar(as_type, value, where)


def _dump_union(as_type: Any, union: tuple[bool, list[Any]], value: Any, where: str) -> Json:
    optional, members = union
    if value is None and optional:
        return None
    if len(members) == 1:
        return _dump(members[0], value, where)
    if type(value) not in members or not is_dataclass(type(value)):
        raise _wrong(where, value, as_type)
    data = cast(dict[str, Json], _dump(type(value), value, where))
    return {TAG: type(value).__name__, **data}


def _dump_scalar(as_type: Any, value: Any, where: str) -> Json:
    if type(value) is not as_type:
        raise _wrong(where, value, as_type)
    if isinstance(value, Enum):
        return cast(Json, value.value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise CodecError(f"{where}: {value!r} has no time zone")
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if as_type in (str, int, bool, float):
        return cast(Json, value)
    raise CodecError(f"{where}: {as_type!r} cannot be stored")


def _load(as_type: Any, data: Any, where: str) -> Any:
    union = _union(as_type)
    if union is not None:
        return _load_union(as_type, union, data, where)
    if is_dataclass(as_type):
        return _load_dataclass(cast(type, as_type), data, where)
    origin = get_origin(as_type)
    if origin is tuple:
        items = _items(as_type, data, list, where)
        return tuple(_load(each, item, f"{where}[{n}]") for n, (each, item) in enumerate(items))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(data, dict):
            raise _wrong(where, data, as_type)
        keys, of = get_args(as_type)
        return {
            _load_scalar(keys, key, where): _load(of, item, f"{where}.{key}")
            for key, item in data.items()
        }
    return _load_scalar(as_type, data, where)


def _load_union(as_type: Any, union: tuple[bool, list[Any]], data: Any, where: str) -> Any:
    optional, members = union
    if data is None and optional:
        return None
    if len(members) == 1:
        return _load(members[0], data, where)
    if not isinstance(data, dict):
        raise _wrong(where, data, as_type)
    named = [each for each in members if each.__name__ == data.get(TAG)]
    if not named:
        raise CodecError(f"{where}: {data.get(TAG)!r} is none of {as_type}")
    return _load(named[0], {key: item for key, item in data.items() if key != TAG}, where)


def _load_dataclass(cls: type, data: Any, where: str) -> Any:
    if not isinstance(data, dict):
        raise _wrong(where, data, cls)
    hints = _hints(cls)
    known = {each.name: each for each in fields(cls)}
    if unknown := data.keys() - known.keys():
        raise CodecError(f"{where}: {cls.__name__} has no {', '.join(sorted(unknown))}")
    for name, each in known.items():
        has_default = each.default is not MISSING or each.default_factory is not MISSING
        if name not in data and not has_default:
            raise CodecError(f"{where}: {cls.__name__} needs {name}")
    return cls(**{name: _load(hints[name], data[name], f"{where}.{name}") for name in data})


def _load_scalar(as_type: Any, data: Any, where: str) -> Any:
    if as_type in (str, int, bool, float):
        if type(data) is not as_type:
            raise _wrong(where, data, as_type)
        return data
    try:
        if as_type is datetime:
            return datetime.fromisoformat(data).astimezone(UTC)
        if as_type is date:
            return date.fromisoformat(data)
        if isinstance(as_type, type) and issubclass(as_type, Enum):
            return as_type(data)
    except (TypeError, ValueError) as error:
        raise CodecError(f"{where}: {error}") from error
    raise CodecError(f"{where}: {as_type!r} cannot be stored")


def _items(as_type: Any, value: Any, wanted: type[Any], where: str) -> list[tuple[Any, Any]]:
    """Each item of a tuple with its type: ``tuple[T, ...]`` or ``tuple[A, B]``."""
    if not isinstance(value, wanted):
        raise _wrong(where, value, as_type)
    items: Sequence[Any] = value
    of = get_args(as_type)
    if len(of) == 2 and of[1] is Ellipsis:
        return [(of[0], item) for item in items]
    if len(of) != len(items):
        raise CodecError(f"{where}: {len(items)} items where {len(of)} belong")
    return list(zip(of, items, strict=True))


def _key_out(as_type: Any, key: object, where: str) -> str:
    text = _dump_scalar(as_type, key, where)
    if type(text) is not str:
        raise CodecError(f"{where}: the key {key!r} is no text")
    return text
