"""What is wrong with a rules file: where, what, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: Where a value stands in the rules: ("teams", "payments", "incidents", 0, "project").
Place = tuple[str | int, ...]

# marshmallow carries messages as plain text and formats them with `str.format`, so what is wrong
# and its mend travel in one string, divided by a character that no rules file may hold.
_DIVIDER = "\x1f"


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something wrong at one place of the rules; `mend` begins with a verb, or is empty."""

    place: Place
    message: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A complaint with its file, line and column (both counted from 1), ready to be shown."""

    file: str
    line: int
    column: int
    message: str
    mend: str = ""

    def __str__(self) -> str:
        mend = f" — {self.mend}" if self.mend else ""
        return f"{self.file}:{self.line}: {self.message}{mend}"


class RulesError(Exception):
    """The rules cannot be used; `problems` holds everything wrong with them, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=lambda each: (each.file, each.line, each.column))
        super().__init__("\n".join(map(str, self.problems)))


def said(message: str, mend: str = "") -> str:
    """One string for `message` and `mend`, to be given to marshmallow; `heard` undoes it."""
    return f"{message}{_DIVIDER}{mend}" if mend else message


def heard(text: str) -> tuple[str, str]:
    """The message and the mend of a string made by `said`."""
    message, _, mend = text.partition(_DIVIDER)
    return message, mend


def spelled(place: Place) -> str:
    """A place as people write it: ``teams.payments.incidents[0].project``."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def nearest(typed: str, known: Iterable[str]) -> str:
    """The mend for a word that looks mistyped: the nearest of `known`; "" when none is near."""
    by_form = {word.casefold(): word for word in known}
    near = difflib.get_close_matches(typed.casefold(), by_form, n=1)
    return f"did you mean {by_form[near[0]]}?" if near else ""


def suggestion(typed: str, known: Sequence[str]) -> str:
    """The mend for a word that is none of `known`: the nearest one, or all of them."""
    choice = "one of " if len(known) > 1 else ""
    return nearest(typed, known) or f"write {choice}{', '.join(known)}"
