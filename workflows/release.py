"""The release check: what one should know of a service before it is released, and whether that is
to stop the release.

Known failure modes are told and stop nothing: they are past. What stops a release is what is not
done about them, as far as whoever asks wants it to (`fail_on`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from workflows.effects import Check
from workflows.markup import excerpt, one_line
from workflows.measured import Factor, Judged, Measured, Some

#: The name under which it stands beside other checks.
CONTEXT = "followthrough/release"

#: A commit status's description is 140 characters at most.
LONGEST_STATUS = 140

#: So many of each list are told.
MOST = 20

_LONGEST_TITLE = 80


class Fail(StrEnum):
    """What a release can be stopped by."""

    LATE = "late"  # a preventive measure that is past its due date
    OPEN = "open"  # one that is not done, late or not
    SUSPECT = "suspect"  # a measure whose verdict is in doubt
    OVERDUE = "overdue"  # an audit that nobody answered in time


#: What stops one where nobody says otherwise.
USUAL = (Fail.LATE, Fail.SUSPECT)


class About(StrEnum):
    """What a finding is about."""

    FACTOR = "known failure mode"
    LATE = "late preventive measure"
    OPEN = "open preventive measure"
    SUSPECT = "verdict in doubt"
    OVERDUE = "overdue audit"


_STOPS: Mapping[Fail, tuple[About, ...]] = {
    Fail.LATE: (About.LATE,),
    Fail.OPEN: (About.LATE, About.OPEN),
    Fail.SUSPECT: (About.SUSPECT,),
    Fail.OVERDUE: (About.OVERDUE,),
}


@dataclass(frozen=True, slots=True)
class Release:
    """What is known of a `service` on the day `today`, the first `MOST` of each list. `open` are
    those preventive measures that are not late."""

    service: str
    today: date
    factors: Some[Factor]
    late: Some[Measured]
    open: Some[Measured]
    suspect: Some[Judged]
    overdue: Some[Judged]

    @property
    def counts(self) -> dict[About, int]:
        """How many there are of each, those that are not shown too."""
        return {
            About.FACTOR: self.factors.count,
            About.LATE: self.late.count,
            About.OPEN: self.open.count,
            About.SUSPECT: self.suspect.count,
            About.OVERDUE: self.overdue.count,
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what it is `about`, the `words` that name it, where it leads (`url`, "" for
    nowhere) and `why` it matters."""

    about: About
    words: str
    url: str
    why: str


def findings(found: Release) -> Iterator[Finding]:
    """All that is told, by what it is about."""
    for factor in found.factors.rows:
        yield Finding(About.FACTOR, factor.name, factor.url, _came(factor))
    for each in found.late.rows:
        late = (found.today - each.due).days if each.due else 0
        why = f"due {each.due}, {late} days ago, {_owned(each)}: what it is to prevent still can be"
        yield Finding(About.LATE, _named(each), each.leads_to, why)
    for each in found.open.rows:
        due = f"due {each.due}" if each.due else "without a due date"
        why = f"{due}, {_owned(each)}: what it is to prevent still can be"
        yield Finding(About.OPEN, _named(each), each.leads_to, why)
    for audit in found.suspect.rows:
        why = f"judged {audit.verdict or 'earlier'}, and in doubt: {one_line(audit.suspect)}"
        yield Finding(About.SUSPECT, _named(audit.of), audit.leads_to, why)
    for audit in found.overdue.rows:
        why = f"to be judged by {audit.due}, asked of {one_line(audit.reviewer) or 'nobody'}:"
        why = f"{why} nobody knows yet whether it works"
        yield Finding(About.OVERDUE, _named(audit.of), audit.leads_to, why)


def _named(each: Measured) -> str:
    return f"{each.name} “{excerpt(one_line(each.title), _LONGEST_TITLE)}”"


def _owned(each: Measured) -> str:
    return f"owned by {one_line(each.owner)}" if each.owner else "owned by nobody"


def _came(factor: Factor) -> str:
    times = "once" if factor.count == 1 else f"{factor.count} times"
    last = f" on {factor.last}" if factor.last else ""
    return f"came {times}, last{last} in {factor.key}"


# --- what it comes to -----------------------------------------------------------------------------


def stops(found: Release, fail_on: Collection[Fail]) -> dict[About, int]:
    """What stops the release, and how many there are of each; empty where nothing does."""
    counts, asked = found.counts, {about for fail in fail_on for about in _STOPS[fail]}
    return {about: counts[about] for about in About if about in asked and counts[about]}


def status(found: Release, fail_on: Collection[Fail]) -> tuple[Check, str]:
    """The same as a check on a commit, and its words."""
    stopped = stops(found, fail_on)
    counts = stopped or {a: n for a, n in found.counts.items() if n and a is not About.FACTOR}
    told = ", ".join(f"{n} {_plural(about, n)}" for about, n in counts.items())
    if stopped:
        return Check.FAILURE, excerpt(told, LONGEST_STATUS - 2)
    words = f"nothing stops it; {told}" if told else "nothing is open or in doubt"
    return Check.SUCCESS, excerpt(words, LONGEST_STATUS - 2)


_PLURAL = {
    About.FACTOR: "known failure modes",
    About.LATE: "late preventive measures",
    About.OPEN: "open preventive measures",
    About.SUSPECT: "verdicts in doubt",
    About.OVERDUE: "overdue audits",
}


def _plural(about: About, count: int) -> str:
    return about.value if count == 1 else _PLURAL[about]


def as_data(found: Release, fail_on: Collection[Fail]) -> dict[str, object]:
    """For a program: whether the release is `clear`, what `stops` it, how many there are of each,
    and the findings. Texts are as people wrote them."""
    return {
        "service": found.service,
        "today": found.today.isoformat(),
        "fail_on": [each.value for each in Fail if each in fail_on],
        "clear": not stops(found, fail_on),
        "stops": {about.value: n for about, n in stops(found, fail_on).items()},
        "counts": {about.value: n for about, n in found.counts.items()},
        "findings": [
            {"about": each.about.value, "what": each.words, "url": each.url, "why": each.why}
            for each in findings(found)
        ],
    }


def as_lines(found: Release, fail_on: Collection[Fail]) -> Iterator[str]:
    """For people, line by line."""
    about: About | None = None
    counts = found.counts
    for each in findings(found):
        if each.about is not about:
            about = each.about
            yield f"{counts[about]} {_plural(about, counts[about])}"
        yield f"  {each.words}: {each.why}" + (f"  {each.url}" if each.url else "")
    check, words = status(found, fail_on)
    yield f"{one_line(found.service)}: {'stopped: ' if check is Check.FAILURE else ''}{words}"
