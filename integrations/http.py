"""What every vendor's HTTP has in common: requests that certainly never arrived, and answers that
are no errors but not in the shape that their documentation promises."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from integrations.tracker import TrackerError, Unavailable

#: Makes the error of an answer that is not in shape; its argument says what is odd about it.
Odd = Callable[[str], TrackerError]

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_ESCAPES = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|\xed[\xa0-\xbf]")

_NO_CONNECTION = (
    requests.ConnectTimeout,
    requests.exceptions.ProxyError,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidHeader,
)


class Answer(dict[str, Any]):
    """An object of an answer's JSON. `answer["name"]` is what must be there, and raises the
    call's own error when it is missing or null; `answer.get("name")` is what may be."""

    def __init__(self, told: dict[str, Any], odd: Odd) -> None:
        super().__init__(told)
        self._odd = odd

    def __getitem__(self, name: str, /) -> Any:
        value = self.get(name)
        if value is None:
            raise self._odd(f"the answer lacks {name!r}")
        return value


def parsed(text: str | bytes, odd: Odd) -> Any:
    """The JSON of an answer, its objects as `Answer`; None for no text at all. Its strings are
    such as can be stored and sent on: JSON can hold NUL and half surrogate pairs, as \\uXXXX."""
    try:
        answer = json.loads(text, object_hook=lambda told: Answer(told, odd)) if text else None
        return readable(answer, text)
    except (ValueError, RecursionError):
        raise odd("the answer is no JSON") from None


def readable(value: Any, text: str | bytes) -> Any:
    """What was parsed from a JSON `text`, in place, with U+FFFD for what is no text: JSON can hold
    NUL and half surrogate pairs, and no database keeps them."""
    return _text_only(value) if _ESCAPES.search(_bytes(text)) else value


def _text_only(value: Any) -> Any:
    """The same, in place, with U+FFFD for what is no text. Only answers that hold an escape of
    the kind come here."""
    if isinstance(value, str):
        return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        for name, part in value.items():
            value[name] = _text_only(part)
    elif isinstance(value, list):
        value[:] = map(_text_only, value)
    return value


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "replace")


def an_object(answer: Any, odd: Odd) -> Answer:
    """The answer, which must be one JSON object."""
    if not isinstance(answer, Answer):
        raise odd(f"the answer is no JSON object but {_kind(answer)}")
    return answer


def objects(answer: Any, odd: Odd) -> list[Answer]:
    """The answer, which must be a list of JSON objects."""
    if not isinstance(answer, list):
        raise odd(f"the answer is no list but {_kind(answer)}")
    return [an_object(item, odd) for item in answer]


@contextmanager
def in_shape(what: str) -> Iterator[None]:
    """While the answer about `what` is read: one that is of another form than documented is no
    fault of ours that could be mended here, and is asked for again."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise Unavailable(
            f"{what}: the answer is not in the documented form ({type(error).__name__}: {error})",
            mend="Nothing to do if it passes; if it does not, report it with these words.",
        ) from error


def date_of(told: str) -> datetime | None:
    """The time (UTC) that a Date header tells; None where that is none.
    https://www.rfc-editor.org/rfc/rfc9110#name-date"""
    try:
        return parsedate_to_datetime(told).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def never_arrived(error: requests.RequestException) -> bool:
    """Whether the server certainly did not get the request, so that nothing can have happened.

    Of TLS errors that is true only where we did not trust the certificate: a connection that
    breaks later, after the request was sent, is an SSLError as well (SSLEOFError).
    """
    if isinstance(error, requests.exceptions.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" in str(error)
    if isinstance(error, _NO_CONNECTION):
        return True
    reason = error.args[0] if error.args else None
    if isinstance(reason, MaxRetryError):
        reason = reason.reason
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _kind(answer: Any) -> str:
    return "empty" if answer is None else f"a {type(answer).__name__}"
