"""The figures: what was counted, as pictures with words and a table. Nobody is shown a lone mean;
what is not known is said, and never counts as zero."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from workflows.counts import Asked, Due, Group, Judged, Opened, Owners, Row, added
from workflows.periods import Bucket, Period
from workflows.pictures import Bar, Bars, Cell, Columns, Figure, Line, Tone

#: So many services have a row of their own; the others share one.
MOST_SERVICES = 8

_UNKNOWN = "not known"

_DONE = Tone("done by its day", "good")
_DUE_TONES = (
    _DONE,
    Tone("up to a week late", "late-1"),
    Tone("up to 30 days late", "late-2"),
    Tone("more than 30 days late", "late-3"),
    Tone("open past its day", "bad"),
    Tone("open, its day is to come", "ahead"),
    Tone("given up", "off"),
)
_ASKED_TONES = (
    Tone("answered in time", "good"),
    Tone("answered late", "late-2"),
    Tone("late, not answered", "bad"),
    Tone("its day is to come", "ahead"),
    Tone("withdrawn", "off"),
)
_VERDICT_TONES = (
    Tone("effective", "good"),
    Tone("partly", "late-2"),
    Tone("not effective", "bad"),
)


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole."""

    part: int
    whole: int

    @property
    def percent(self) -> float | None:
        return 100 * self.part / self.whole if self.whole else None

    @property
    def shown(self) -> str:
        return f"{self.percent:.0f} %" if self.percent is not None else "—"

    def cell(self) -> Cell:
        percent = self.percent
        if percent is None:
            return Cell(None, "—")
        return Cell(round(percent, 1), f"{self.shown} ({self.part} of {self.whole})")


def unfinished(period: Period, today: date) -> list[str]:
    """What is to be said of the last month or quarter, where it is not over."""
    last = period.buckets[-1]
    if last.until <= today:
        return []
    over = [bucket for bucket in period.buckets if bucket.since > today]
    named = f"{over[0].name} and later are" if len(over) > 1 else f"{last.name} is"
    return [f"{named} still to come." if over else f"{last.name} is not over yet."]


# --- how often ------------------------------------------------------------------------------------


def frequency(group: Group, period: Period, found: Sequence[Opened], today: date) -> Figure:
    """Incidents by severity or service."""
    buckets, places = period.buckets, period.places()
    said = {each.words: each.said or _UNKNOWN for each in found}
    counts: dict[str, list[int]] = {words: [0] * len(buckets) for words in said}
    for each in found:
        counts[each.words][places[each.month]] += each.count
    rows = _ranked(group, said, counts)
    total = [sum(column) for column in zip(*counts.values(), strict=True)] or [0] * len(buckets)
    lines = [_line(name, values) for name, values in rows]
    if len(lines) > 1:
        lines.insert(0, _line("all", total))
    unknown = sum(sum(values) for words, values in counts.items() if not words)
    notes = [f"Of {unknown} of {sum(total)} the {group} is not known."] if unknown else []
    names = [line.name for line in lines] or ["all"]
    columns = [line.values for line in lines] or [total]
    return Figure(
        name="severities" if group is Group.SEVERITY else "services",
        title=f"Incidents by {group}",
        words=f"How many incidents were opened in each {period.step}. Each row has a scale of its"
        " own from zero to its highest column: compare rows by the numbers, not by height.",
        notes=[*_few(sum(total)), *notes, *unfinished(period, today)],
        pictures=[Columns(f"Incidents by {group}", buckets, lines)],
        head=[period.step.capitalize(), *names],
        units=["", *("" for _ in names)],
        rows=[
            [_name(bucket), *(_number(int(values[n] or 0)) for values in columns)]
            for n, bucket in enumerate(buckets)
        ],
        empty=not sum(total),
    )


def _ranked(
    group: Group, said: Mapping[str, str], counts: Mapping[str, list[int]]
) -> list[tuple[str, list[int]]]:
    """Severities by name; services by how many there are, the rarer ones together."""
    if group is Group.SEVERITY:
        return [(said[words], counts[words]) for words in sorted(counts, key=lambda w: (not w, w))]
    order = sorted(counts, key=lambda words: (-sum(counts[words]), said[words]))
    if len(order) <= MOST_SERVICES + 1:
        return [(said[words], counts[words]) for words in order]
    rest = [counts[words] for words in order[MOST_SERVICES:]]
    together = [sum(column) for column in zip(*rest, strict=True)]
    shown = [(said[words], counts[words]) for words in order[:MOST_SERVICES]]
    return [*shown, (f"{len(rest)} other services", together)]


# --- action items and audits ----------------------------------------------------------------------


def actions(owners: Owners, found: Sequence[Due], undated: int) -> Figure:
    """Whether action items were done by their day, by team or kind."""
    by_group = _summed(found, lambda each: each.group)
    bars = [
        Bar(
            name,
            (
                *(each.in_time, each.week_late, each.month_late, each.later),
                *(each.open_late, each.ahead, each.given_up),
            ),
            f"{each.total} due, {Share(each.in_time, each.past).shown} by their day",
        )
        for name, each in sorted(by_group.items())
    ]
    notes = []
    if undated:
        notes.append(f"{_items(undated)} open without a due date, and in no row here.")
    return Figure(
        name=f"actions-by-{owners}",
        title=f"Action items by {owners}",
        words="What became of the action items that were due in this time. The share is of those"
        " that are done or whose day has passed, without what was given up.",
        notes=[*_few(sum(each.total for each in found), "action item"), *notes],
        pictures=[Bars(f"Action items by {owners}", _DUE_TONES, bars)],
        head=[owners.capitalize(), "due", *(tone.name for tone in _DUE_TONES), "share by its day"],
        units=["", *("" for _ in range(len(_DUE_TONES) + 1)), "percent"],
        rows=[
            [
                Cell(bar.name, bar.name),
                _number(by_group[bar.name].total),
                *(_number(count) for count in bar.counts),
                Share(by_group[bar.name].in_time, by_group[bar.name].past).cell(),
            ]
            for bar in bars
        ],
        empty=not bars,
    )


def audits(period: Period, found: Sequence[Asked]) -> Figure:
    """Whether audits were answered in time."""
    each_of = _by_bucket(period, found, Asked)
    bars = [
        Bar(
            bucket.name,
            (each.in_time, each.late, each.open_late, each.ahead, each.withdrawn),
            f"{each.total} due, {Share(each.in_time, each.past).shown} in time",
        )
        for bucket, each in each_of
    ]
    return Figure(
        name="audits",
        title="Audits due",
        words=f"What became of the audits that were to be answered in each {period.step}. The share"
        " is of those that are answered or whose day has passed, without what was withdrawn.",
        notes=[
            *_few(sum(each.total for each in found), "audit"),
            "An audit that is planned has its day as soon as it opens, and counts from then on.",
        ],
        pictures=[Bars("Audits due", _ASKED_TONES, bars)],
        head=[period.step.capitalize(), "due", *(t.name for t in _ASKED_TONES), "share in time"],
        units=["", *("" for _ in range(len(_ASKED_TONES) + 1)), "percent"],
        rows=[
            [
                _name(bucket),
                _number(each.total),
                *(_number(count) for count in bar.counts),
                Share(each.in_time, each.past).cell(),
            ]
            for bar, (bucket, each) in zip(bars, each_of, strict=True)
        ],
        empty=not any(each.total for each in found),
    )


def verdicts(period: Period, found: Sequence[Judged], today: date) -> Figure:
    """What audits came to, and how many of their verdicts are in doubt since."""
    each_of = _by_bucket(period, found, Judged)
    bars = []
    for bucket, each in each_of:
        given = each.effective + each.partly + each.not_effective
        doubt = f", {each.suspect} in doubt" if each.suspect else ""
        counts = (each.effective, each.partly, each.not_effective)
        bars.append(Bar(bucket.name, counts, f"{given} given{doubt}"))
    total = sum(sum(bar.counts) for bar in bars)
    return Figure(
        name="verdicts",
        title="Verdicts",
        words=f"What the audits that were answered in each {period.step} came to. A verdict is in"
        " doubt when the incident came back that its measure was to prevent, or a check failed.",
        notes=[*_few(total, "verdict"), *unfinished(period, today)],
        pictures=[Bars("Verdicts", _VERDICT_TONES, bars)],
        head=[
            *(period.step.capitalize(), "given", *(tone.name for tone in _VERDICT_TONES)),
            *("in doubt", "share effective"),
        ],
        units=["", "", *("" for _ in _VERDICT_TONES), "", "percent"],
        rows=[
            [
                _name(bucket),
                _number(sum(bar.counts)),
                *(_number(count) for count in bar.counts),
                _number(each.suspect),
                Share(each.effective, sum(bar.counts)).cell(),
            ]
            for bar, (bucket, each) in zip(bars, each_of, strict=True)
        ],
        empty=not total,
    )


# --- coming back ----------------------------------------------------------------------------------


def recurrence(period: Period, found: Sequence[Opened], today: date) -> Figure:
    """The share of incidents that are recurrences of earlier ones."""
    shares = recurring(period, found)
    whole = sum(share.whole for share in shares)
    lines = [
        percent_line("share that came back", shares),
        _line("came back", [share.part for share in shares]),
    ]
    return Figure(
        name="recurrence",
        title="Recurrence",
        words=f"Of the incidents that were opened in each {period.step}, how many were an earlier"
        " one again. Each row has a scale of its own.",
        notes=[*_few(whole), *unfinished(period, today)],
        pictures=[Columns("Recurrence", period.buckets, lines)],
        head=[period.step.capitalize(), "incidents", "came back", "share"],
        units=["", "", "", "percent"],
        rows=[
            [_name(bucket), _number(share.whole), _number(share.part), share.cell()]
            for bucket, share in zip(period.buckets, shares, strict=True)
        ],
        empty=not whole,
    )


def recurring(period: Period, found: Iterable[Opened]) -> list[Share]:
    """For each bucket, how many of its incidents are an earlier one again."""
    places, again, all_of = period.places(), Counter[int](), Counter[int]()
    for each in found:
        again[places[each.month]] += each.again
        all_of[places[each.month]] += each.count
    return [Share(again[n], all_of[n]) for n in range(len(period.buckets))]


# --- pieces ---------------------------------------------------------------------------------------


def by_bucket(period: Period, found: Sequence[Due]) -> list[Due]:
    """The action items of each bucket."""
    return [each for _, each in _by_bucket(period, found, Due)]


def audits_by_bucket(period: Period, found: Sequence[Asked]) -> list[Asked]:
    """The audits of each bucket."""
    return [each for _, each in _by_bucket(period, found, Asked)]


def percent_line(name: str, shares: Sequence[Share]) -> Line:
    """The shares as a line, which says that they are in percent."""
    shown = [share.shown.removesuffix(" %") for share in shares]
    return Line(f"{name}, %", [share.percent for share in shares], shown)


def _by_bucket(period: Period, found: Sequence[Row], of: type[Row]) -> list[tuple[Bucket, Row]]:
    places, buckets = period.places(), period.buckets
    sums = _summed(found, lambda each: buckets[places[each.month]].name)
    return [(bucket, sums.get(bucket.name, of())) for bucket in buckets]


def _summed(found: Iterable[Row], name: Callable[[Row], str]) -> dict[str, Row]:
    """The rows of one name added up."""
    sums: dict[str, Row] = {}
    for each in found:
        key = name(each)
        sums[key] = added(sums[key], each) if key in sums else each
    return sums


def _line(name: str, values: Sequence[int]) -> Line:
    return Line(name, values, [str(value) for value in values])


def _name(bucket: Bucket) -> Cell:
    return Cell(bucket.name, bucket.name)


def _number(count: int) -> Cell:
    return Cell(count, str(count))


def _few(count: int, what: str = "incident") -> list[str]:
    return [f"There is only one {what} in this time: it is no distribution."] if count == 1 else []


def _items(count: int) -> str:
    return "One action item is" if count == 1 else f"{count} action items are"
