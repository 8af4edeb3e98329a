"""What a figure shows, before it is drawn: numbers with the words that stand at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from workflows.periods import Bucket


@dataclass(frozen=True, slots=True)
class Line:
    """One value for each bucket, None where there is none, and how each is `shown`."""

    name: str
    values: Sequence[float | None]
    shown: Sequence[str]


@dataclass(frozen=True, slots=True)
class Columns:
    """A row of columns for each line, each with a scale of its own that begins at zero. `highest`:
    the end of all scales, None where the highest value of each is."""

    title: str
    buckets: Sequence[Bucket]
    lines: Sequence[Line]
    highest: float | None = None


@dataclass(frozen=True, slots=True)
class Tone:
    """A part that bars have: what it is called, and how it looks (`service.web.drawing`)."""

    name: str
    look: str


@dataclass(frozen=True, slots=True)
class Bar:
    """How many there are of each part, with what is said beside the `name`."""

    name: str
    counts: Sequence[int]
    aside: str


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar for each group; all are of one length, and show what share each part has."""

    title: str
    tones: Sequence[Tone]
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Dot:
    """`x` says where in the period (0 to 1), `y` how long in seconds, `count` how many it stands
    for; `words` what it is. One that stands for one incident alone has our id of it, "" otherwise.
    """

    x: float
    y: float
    count: int
    words: str
    incident: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """Median and p90 (seconds) from `x1` to `x2` of the period (0 to 1)."""

    x1: float
    x2: float
    median: float
    p90: float


@dataclass(frozen=True, slots=True)
class Dots:
    """Dots over time on a logarithmic scale, and the marks of each bucket; `most` is how many the
    largest dot stands for."""

    title: str
    buckets: Sequence[Bucket]
    dots: Sequence[Dot]
    marks: Sequence[Mark]
    most: int


Picture = Columns | Bars | Dots


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of a table: for programs, and how people read it."""

    value: str | int | float | None
    shown: str


@dataclass(frozen=True, slots=True)
class Each:
    """One incident (our id) with its ticket's key, when it was opened, and how long that took."""

    incident: str
    key: str
    opened: datetime
    shown: str


@dataclass(frozen=True, slots=True)
class Figure:
    """Pictures with the words that say what they show, notes on what they do not, and the same as
    a table. `head` are the names of its columns, `units` what their values are counted in where
    programs read them, "" for names and numbers of things. `empty`: there is nothing to show.
    `each` are the incidents that have a dot of their own."""

    name: str
    title: str
    words: str
    notes: Sequence[str]
    pictures: Sequence[Picture]
    head: Sequence[str]
    units: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    empty: bool = False
    each: Sequence[Each] = ()
