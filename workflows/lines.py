"""The lines in which people ask for actions, and what becomes of those that need a yes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from workflows.kinds import Area, Kind
from workflows.watched import Named


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an action item was first said. Equal origins are the same action item.

    `source` is ``ticket`` or ``comment`` (with the id of what it stands in and its ordinal
    there), ``rule`` (with the rule's title), ``document`` (with the allotted row) or ``audit``
    (with its verdict, round and rung, and the measure's number).
    """

    source: str
    id: str
    ordinal: int = 0


@dataclass(frozen=True, slots=True)
class ActionLine:
    """An action item as somebody wrote it, before it has a number or a ticket.

    `owner` is the handle, e-mail or name that stood after ``@``; who that is, the policy says.
    `problems` are what could not be read, each as "due: 'soon' is not a date". `named` are the
    checks and files that it names.
    """

    title: str
    owner: str | None = None
    due: date | None = None
    kind: Kind | None = None
    area: Area | None = None
    milestone: str | None = None
    success_measure: str | None = None
    problems: tuple[str, ...] = ()
    named: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A line that asked for an action but causes none, and why.

    `number` is its n in ``P-n``, allotted once within its incident and never again: a line whose
    text changed is another proposal. `line` is what it says. `instead` tells what to do about
    one that cannot be accepted, "" where it can.
    """

    origin: Origin
    title: str
    by: str
    why: str
    number: int = 0
    line: ActionLine | None = None
    instead: str = ""

    @property
    def name(self) -> str:
        return f"P-{self.number}"

    @property
    def acceptable(self) -> bool:
        return self.line is not None and not self.instead


class Way(StrEnum):
    """How somebody can accept a proposal."""

    COMMENT = "a comment"
    PAGE = "the page"
    API = "the API"
    COMMAND_LINE = "the command line"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Somebody who may write said that the proposal ``P-number`` is to be an action item.

    `id` tells one from another, however often each is read. `answer` is what became of it in
    words, "" until it was answered, and `item` the number of the action item that it made.
    """

    id: str
    number: int
    by: str
    at: datetime
    way: Way
    answer: str = ""
    item: int | None = None
