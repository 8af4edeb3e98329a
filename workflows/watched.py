"""What measures name to be watched: checks whose results others post, files that must stay.

See `workflows.checks` for what follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice

#: So many checks and files of one measure are watched: more than one person looks after.
MOST_NAMED = 20

#: So many characters a name may have.
LONGEST_NAME = 500


class Source(StrEnum):
    """What is watched."""

    CHECK = "check"  # CI or monitoring posts its results
    FILE = "file"  # a file or a workflow, looked at in its repository


class Fault(StrEnum):
    """What can be wrong with it, in a word for people."""

    FAILED = "failed"
    SILENT = "silent"  # no result for too long
    REMOVED = "removed"
    DISABLED = "switched off"  # the workflow is there, and does not run


@dataclass(frozen=True, slots=True)
class Named:
    """What somebody wrote behind ``check`` or ``keeps``: the name of a check, or
    ``owner/repository:path``. `in_document`: in a line of the document, which may be taken out
    again; otherwise with the action item itself."""

    source: Source
    name: str
    in_document: bool = False


class Unwatched(StrEnum):
    """Why something that a measure names is not watched."""

    CHECK = "unknown check"
    FILE = "unknown file"
    LONG = "too long"
    MANY = "too many"


def counted(named: Sequence[Named]) -> tuple[Named, ...]:
    """Those that count, of all that a measure names: the first `MOST_NAMED` names, without what is
    too long. What stands in its line and in the document is one name."""
    return tuple(each for each in _first(named, MOST_NAMED) if len(each.name) <= LONGEST_NAME)


def kept(named: Iterable[Named]) -> tuple[Named, ...]:
    """What is kept of all that a measure names: as much as counts, and as tells that there is more
    or that a name is too long. People write lists of any length."""
    short = [replace(each, name=each.name[: LONGEST_NAME + 1]) for each in named]
    return _first(tuple(dict.fromkeys(short)), MOST_NAMED + 1)


def too_much(named: Sequence[Named]) -> list[Unwatched]:
    """What is wrong with the number and the length of what a measure names."""
    found = [Unwatched.LONG] if any(len(each.name) > LONGEST_NAME for each in named) else []
    return [*found, Unwatched.MANY] if _first(named, MOST_NAMED) != tuple(named) else found


def _first(named: Sequence[Named], most: int) -> tuple[Named, ...]:
    names = set(islice(dict.fromkeys((each.source, each.name) for each in named), most))
    return tuple(each for each in named if (each.source, each.name) in names)


@dataclass(frozen=True, slots=True)
class Result:
    """A result as it was posted: of a check that `passed` or failed `at` that time (UTC). `since`
    is when the first result came that said the same, with none between that said otherwise. `run`
    is the sender's own name for it, "" where it has none."""

    passed: bool
    at: datetime
    since: datetime
    summary: str = ""
    url: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True)
class Watched:
    """Something that a measure of the incident names, the rules know, and is asked about `since`
    then (UTC).

    `fault` is what its last result or look said, None while all was well or nothing is known; `at`
    when that was, and `began` since when it is so (both UTC, None before the first). `summary` and
    `url` came with it. `unread` says why the last look could not be, "" where it could.
    """

    source: Source
    name: str
    since: datetime
    fault: Fault | None = None
    at: datetime | None = None
    began: datetime | None = None
    summary: str = ""
    url: str = ""
    unread: str = ""

    @property
    def place(self) -> tuple[Source, str]:
        """What tells it from all others of its incident."""
        return (self.source, self.name)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A fault that an audit (its item, round and rung) was asked about, once. `began` is when the
    fault did, for the last time; `at` when it was seen. `opened`: the audit opens for it, and its
    ticket says so; otherwise it was open already, and is told by a note."""

    audit: tuple[int, int, int]
    source: Source
    name: str
    fault: Fault
    began: datetime
    at: datetime
    summary: str = ""
    url: str = ""
    opened: bool = False
