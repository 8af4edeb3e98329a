"""The kinds of values that the API takes and gives."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from service.explain import plain
from service.web.checks import is_address


class Moment(fields.AwareDateTime):
    """A time with its zone (RFC 3339), as UTC."""

    def __init__(self, **more: Any) -> None:
        super().__init__(format="iso", **more)

    def _deserialize(self, value: Any, attr: Any, data: Any, **more: Any) -> datetime:
        try:
            return super()._deserialize(value, attr, data, **more).astimezone(UTC)
        except OverflowError as error:  # at either end of all years
            raise ValidationError("Is no time that there is.") from error


class Line(fields.String):
    """Text in one line: white space is made single, and what no reader can see is replaced."""

    def __init__(self, longest: int, *, least: int = 1, **more: Any) -> None:
        bounds = [validate.Length(min=least, max=longest)]
        super().__init__(validate=bounds, **more)
        self._least = least

    def _deserialize(self, value: Any, attr: Any, data: Any, **more: Any) -> str:
        said = super()._deserialize(value, attr, data, **more)
        return " ".join(plain(said or "").split())


class Address(Line):
    """An http or https address. Nothing follows it."""

    def __init__(self, longest: int, **more: Any) -> None:
        super().__init__(longest, **more)
        self.validators.append(is_address)


def one_of(words: type[StrEnum], **more: Any) -> fields.Enum[Any]:
    """One of the words of an enumeration."""
    return fields.Enum(words, by_value=fields.String, **more)


class Given(Schema):
    """A body that is sent: what it may not hold is refused."""

    class Meta:
        unknown = RAISE


def page_of(schema: type[Schema], name: str) -> type[Schema]:
    """A page of a list; `next` is the cursor of the one after it, null on the last."""
    found: dict[str, fields.Field[Any]] = {
        "items": fields.List(fields.Nested(schema)),
        "next": fields.String(allow_none=True),
    }
    return Schema.from_dict(found, name=name)
