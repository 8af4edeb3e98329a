"""Which rules are in force, where processes of one installation may have read different ones."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What comes of the rules that a process has read."""

    HOLD = "hold"  # they are in force
    PUT = "put"  # they are to be put in force
    WAIT = "wait"  # others are, and nothing is decided under these


class Why(StrEnum):
    """Why rules are put in force, as people read it."""

    FIRST = "no rules were in force"
    CHANGED = "they were changed"
    NEW = "it started with them, and they were never in force before"
    LEFT = "nobody was left who has read those that were in force"


class Act(StrEnum):
    """What a process has just done, if anything."""

    NONE = "none"
    START = "start"  # or it can use rules only now that it had read before
    CHANGE = "change"  # it read rules that were changed while it ran


@dataclass(frozen=True, slots=True)
class Known:
    """What an installation knows, seen by one process. `in_force` is the hash of the rules in
    force, None for none; `ever` says whether its own were at any time; `held` whether another
    process that is alive has read those in force, and could go on under them; `held_lately`
    whether one has, that may only be starting again."""

    in_force: str | None
    ever: bool = False
    held: bool = False
    held_lately: bool = False


def judge(own: str, act: Act, known: Known) -> tuple[Verdict, Why | None]:
    """What comes of rules with the hash `own`; and why, where they are to be put in force.

    A change is somebody's act, also when it leads back to older ones. A start is none: whoever
    starts again with rules that were replaced is late, and not right. So rules come in force once
    by starts, once for each change, and else only where nobody is left for the others.
    """
    if own == known.in_force:
        return Verdict.HOLD, None
    if known.in_force is None:
        return Verdict.PUT, Why.FIRST
    if act is Act.CHANGE:
        return Verdict.PUT, Why.CHANGED
    if act is Act.START and not known.ever:
        return Verdict.PUT, Why.NEW
    if not (known.held if act is Act.START else known.held_lately):
        return Verdict.PUT, Why.LEFT
    return Verdict.WAIT, None
