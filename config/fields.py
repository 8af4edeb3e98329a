"""The kinds of values that rules are made of, each saying what it wants when it gets another."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validates_schema

from config.problems import heard, said, suggestion
from config.secrets import SecretPlace, SecretSource
from workflows.policy import SourceKind, Span, SpanUnit, ValueSource

_MESSAGES: dict[str, str | list[Any] | dict[Any, Any]] = {
    "required": said("is missing"),
    "null": said("is empty", "write a value, or remove the line"),
}

Item = TypeVar("Item")
Key = TypeVar("Key")


def needed(example: str) -> dict[str, Any]:
    """The arguments of a field that must be there; `example` is what one would write."""
    escaped = example.replace("{", "{{").replace("}", "}}")
    message = said("is missing", f"write {escaped}")
    return {"required": True, "error_messages": {"required": message}}


class Section(Schema):
    """A group of keys. A key that it does not have is an error which names the nearest one."""

    class Meta:
        unknown = EXCLUDE  # told by `_no_unknown_keys`, in better words

    error_messages = {  # noqa: RUF012  (marshmallow's own way)
        "type": said("must be a group of keys", "write the keys below it, indented")
    }

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _no_unknown_keys(self, _loaded: Any, original: Any, **_: Any) -> None:
        if not isinstance(original, Mapping):
            return
        known = [field.data_key or name for name, field in self.fields.items()]
        unknown = {
            str(key): [said("is not a key of this group", suggestion(str(key), known))]
            for key in original
            if key not in known
        }
        if unknown:
            raise ValidationError(unknown)


class Group(fields.Nested):
    """One section below a key."""

    default_error_messages = _MESSAGES


class Value(fields.Field[Item]):
    """A field whose whole reading is one method."""

    default_error_messages = _MESSAGES

    def read(self, value: Any) -> Item:
        """What `value` means here. Raises ValidationError with messages made by `said`."""
        raise NotImplementedError

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Item:
        return self.read(value)


class Named(Value[dict[str, Any]]):
    """Sections by name, such as teams. An empty one (``sev4:``) is a section without keys."""

    def __init__(self, section: type[Section], **options: Any) -> None:
        super().__init__(**options)
        self.section = section()

    def read(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValidationError(said("must be a group of names", "write one name a line below"))
        loaded: dict[str, Any] = {}
        wrong: dict[str, Any] = {}
        for name, item in value.items():
            if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
                hint = "use letters, digits, - and _ (a number in quotes)"
                wrong[str(name)] = [said("cannot be a name", hint)]
                continue
            loaded[name] = _load(self.section, {} if item is None else item, wrong, name)
        if wrong:
            raise ValidationError(wrong, valid_data=loaded)
        return loaded


class Listed(Value[list[Any]]):
    """Sections one below the other, each begun by a dash."""

    def __init__(self, section: type[Section], **options: Any) -> None:
        super().__init__(**options)
        self.section = section()

    def read(self, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError(said("must be a list", "begin each entry with a dash"))
        wrong: dict[int, Any] = {}
        loaded = [_load(self.section, item, wrong, n) for n, item in enumerate(value)]
        if wrong:
            raise ValidationError(wrong, valid_data=loaded)
        return loaded


def _load(section: Section, item: Any, wrong: dict[Any, Any], name: str | int) -> dict[str, Any]:
    try:
        return dict(section.load(item))
    except ValidationError as error:
        wrong[name] = error.messages
        return error.valid_data if isinstance(error.valid_data, dict) else {}


class Text(Value[str]):
    """A line of text, not empty; one of `choices`, or of the form `pattern` (`mend` tells it)."""

    def __init__(
        self, *, choices: Sequence[str] = (), pattern: str = "", mend: str = "", **options: Any
    ) -> None:
        super().__init__(**options)
        self._choices = choices
        self._pattern = pattern
        self._mend = mend

    def read(self, value: Any) -> str:
        text = _text(value)
        if self._choices and text not in self._choices:
            raise ValidationError(said(f"“{text}” is unknown", suggestion(text, self._choices)))
        if self._pattern and not re.fullmatch(self._pattern, text):
            raise ValidationError(said(f"“{text}” has not the right form", self._mend))
        return text


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise ValidationError(said("must be text", "write one word or line"))
    if not isinstance(value, str):
        # YAML reads `no`, `1` and 2026-12-01 as something else.
        kind = {bool: "yes or no", int: "a number", float: "a number"}.get(type(value), "a date")
        if value is None:
            kind = "nothing"
        raise ValidationError(said(f"must be text, and YAML reads {kind}", "put it in quotes"))
    if not value.strip():
        raise ValidationError(said("is empty", "write a value, or remove the line"))
    return value.strip()


class Texts(Value[tuple[str, ...]]):
    """One text or a list of them, each one of `choices` where there are any, as a tuple. An empty
    list is allowed and names nothing."""

    def __init__(self, *, choices: Sequence[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self._one = Text(choices=choices)

    def read(self, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            return (self._one.read(value),)
        return tuple(_each(enumerate(value), self._one.read).values())


class TextsByName(Value[dict[str, tuple[str, ...]]]):
    """For each name a text or a list of them: ``{Environment: [production]}``. The names are
    those of `names` where there are any."""

    def __init__(self, *, names: Sequence[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self._name = Text(choices=names)

    def read(self, value: Any) -> dict[str, tuple[str, ...]]:
        if not isinstance(value, Mapping):
            raise ValidationError(said("must be a group", "write name: [value, …]"))
        return _each(((str(name), (name, item)) for name, item in value.items()), self._pair)

    def _pair(self, pair: tuple[Any, Any]) -> tuple[str, ...]:
        name, item = pair
        self._name.read(str(name))
        return Texts().read(item)


class TextByName(Value[dict[str, str]]):
    """For each name a text: ``{Root cause: Unknown}``."""

    def read(self, value: Any) -> dict[str, str]:
        if not isinstance(value, Mapping):
            raise ValidationError(said("must be a group", "write name: value"))
        return _each(((str(name), item) for name, item in value.items()), _text)


class OrOff(Value[dict[str, Any] | None]):
    """A section, or ``off`` (which YAML reads as false): None."""

    def __init__(self, section: type[Section], example: str, **options: Any) -> None:
        super().__init__(**options)
        self.section = section()
        self._example = example

    def read(self, value: Any) -> dict[str, Any] | None:
        if value is False or value == "off":
            return None
        if not isinstance(value, Mapping):
            hint = f"write off, or {self._example}"
            raise ValidationError(said("is neither off nor a group of keys", hint))
        return dict(self.section.load(value))


class YesNo(Value[bool]):
    """``true`` or ``false``."""

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError(said("must be yes or no", "write true or false"))
        return value


class Count(Value[int]):
    """A whole number from 1 on."""

    def read(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValidationError(said("is not a number from 1 on", "write it as 6"))
        return value


def _each(items: Iterable[tuple[Key, Any]], read: Callable[[Any], Item]) -> dict[Key, Item]:
    """Every item read, or one ValidationError that holds what is wrong with each."""
    loaded: dict[Key, Item] = {}
    wrong: dict[Key, Any] = {}
    for key, item in items:
        try:
            loaded[key] = read(item)
        except ValidationError as error:
            wrong[key] = error.messages
    if wrong:
        raise ValidationError(wrong)
    return loaded


class Day(Value[datetime]):
    """A date; the moment it begins in UTC."""

    def read(self, value: Any) -> datetime:
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value)
            except ValueError:
                value = None
        # A datetime is a date to Python, and would bring a time zone's question with it.
        if not isinstance(value, date) or isinstance(value, datetime):
            raise ValidationError(said("is not a date", "write it as 2026-12-01"))
        return datetime.combine(value, time(), tzinfo=UTC)


class Within(Value[Span]):
    """A span of time: ``15 days``, ``3 business days``."""

    def read(self, value: Any) -> Span:
        found = re.fullmatch(r"\s*(\d{1,4})\s+(business\s+)?days?\s*", str(value))
        if found is None or int(found[1]) == 0:
            hint = "write it as “3 business days” or “15 days”"
            raise ValidationError(said("is not a span of time", hint))
        return Span(int(found[1]), SpanUnit.BUSINESS_DAYS if found[2] else SpanUnit.DAYS)


class Spans(Value[tuple[Span, ...]]):
    """Spans of time, one after another; one alone is a list of one, and none names none."""

    def read(self, value: Any) -> tuple[Span, ...]:
        listed = value if isinstance(value, list) else [value]
        return tuple(_each(enumerate(listed), Within().read).values())


class SpansByName(Value[dict[str, tuple[Span, ...]]]):
    """For each name spans of time: ``{sev1: [30 days, 90 days]}``."""

    def read(self, value: Any) -> dict[str, tuple[Span, ...]]:
        if not isinstance(value, Mapping):
            raise ValidationError(said("must be a group", "write sev1: [30 days, 90 days]"))
        return _each(((str(name), item) for name, item in value.items()), Spans().read)


class WithinOrOff(Value[Span | None]):
    """A span of time, or ``off`` (which YAML reads as false): None."""

    def read(self, value: Any) -> Span | None:
        if value is False or value == "off":
            return None
        return Within().read(value)


class TimesOrOff(Value[int]):
    """A whole number from 1 on, or ``off`` (which YAML reads as false): 0."""

    def read(self, value: Any) -> int:
        return 0 if value is False or value == "off" else Count().read(value)


class Lasting(Value[timedelta]):
    """A time by the clock: ``30 seconds``, ``5 minutes``, ``1 hour``; 0 only where `zero`."""

    _unit = "(second|minute|hour|day)"

    def __init__(self, *, zero: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self._zero = zero

    def read(self, value: Any) -> timedelta:
        text = str(value).strip()
        found = re.fullmatch(rf"(\d{{1,4}})\s+{self._unit}s?", text)
        length = timedelta(**{f"{found[2]}s": int(found[1])}) if found else None
        if self._zero and type(value) is int and value == 0:
            length = timedelta()
        if length is None or (not length and not self._zero):
            last = "0" if self._zero else "“1 hour”"
            hint = f"write it as “30 seconds”, “5 minutes” or {last}"
            raise ValidationError(said("is not a length of time", hint))
        return length


class SecretFrom(Value[SecretSource]):
    """``{env: NAME}`` or ``{file: path}``. Its messages never repeat what stands there."""

    def read(self, value: Any) -> SecretSource:
        right = "write {env: NAME} or {file: path}"
        if not isinstance(value, Mapping):
            raise ValidationError(said("secrets never stand in the rules", right))
        if len(value) != 1 or not set(value) <= set(SecretPlace):
            raise ValidationError(said("must say where the secret is", right))
        ((place, name),) = value.items()
        if not isinstance(name, str) or not name.strip():
            raise ValidationError(said("must say where the secret is", right))
        if place == SecretPlace.ENV and not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
            # Not repeated: it may be the secret itself.
            hint = "write its name in capitals: {env: ACME_TOKEN}"
            raise ValidationError(said("is not the name of an environment variable", hint))
        if place == SecretPlace.ENV and name.startswith("FOLLOWTHROUGH_"):
            hint = "give the secret a name of its own, such as ACME_TOKEN"
            raise ValidationError(said("FOLLOWTHROUGH_… are the service's own settings", hint))
        return SecretSource(SecretPlace(place), name.strip())


class SecretsFrom(Value[list[SecretSource]]):
    """A list of secrets, all of them good: the old one stays until it is rotated out."""

    def read(self, value: Any) -> list[SecretSource]:
        if not isinstance(value, list):
            raise ValidationError(said("must be a list", "write [{env: NAME}]"))
        return list(_each(enumerate(value), SecretFrom().read).values())


class ReadFrom(Value[ValueSource]):
    """Where on a ticket a value stands: one of `kinds` with its name."""

    def __init__(self, *kinds: SourceKind, **options: Any) -> None:
        super().__init__(**options)
        self._kinds = kinds

    def read(self, value: Any) -> ValueSource:
        right = "write one of " + ", ".join(f"{{{kind}: …}}" for kind in self._kinds)
        if not isinstance(value, Mapping) or len(value) != 1:
            raise ValidationError(said("must say where on the ticket it stands", right))
        ((kind, name),) = value.items()
        if kind not in self._kinds:
            near = suggestion(str(kind), self._kinds)
            raise ValidationError(said(f"cannot be read from “{kind}”", near))
        text = _text(name)
        if kind == SourceKind.COMPONENT and text != "first":
            hint = "write {component: first}"
            raise ValidationError(said("only the first component can be read", hint))
        return ValueSource(SourceKind(kind), text)


def messages(error: ValidationError) -> list[tuple[tuple[str | int, ...], str, str]]:
    """Everything a schema found wrong, each as place, message and mend."""
    found: list[tuple[tuple[str | int, ...], str, str]] = []

    def walk(node: Any, place: tuple[str | int, ...]) -> None:
        if isinstance(node, Mapping):
            for step, inner in node.items():
                walk(inner, place if step == "_schema" else (*place, step))
        elif isinstance(node, list):
            for inner in node:
                walk(inner, place)
        else:
            found.append((place, *heard(str(node))))

    walk(error.messages, ())
    return found
