"""What tickets of audits, notes on them, and the one comment say of checks and kept files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from workflows.markup import copied_address, inert
from workflows.model import ActionItem, Incident
from workflows.rungs import Audit
from workflows.watched import (
    LONGEST_NAME,
    MOST_NAMED,
    Alarm,
    Fault,
    Source,
    Unwatched,
    counted,
)

#: So many problems are told in the one comment.
MOST_PROBLEMS = 10

#: What stands for a file whose name may not be told.
WITHHELD_FILE = "a file that is named no more, or that only some may be told of,"


def in_short(alarm: Alarm) -> str:
    """What is wrong, in our words and the name that the rules know."""
    if alarm.source is Source.FILE:
        gone = "is not there" if alarm.fault is Fault.REMOVED else "is switched off"
        return f"{alarm.name} {gone}"
    how = "failed" if alarm.fault is Fault.FAILED else "is silent"
    return f"the check {alarm.name} {how}"


def evidence(alarm: Alarm) -> str:
    """The same for a ticket (Markdown), with when, and with what the sender said of it. It
    begins with our own words."""
    name = inert(alarm.name)
    file = f"the file {name}" if name else WITHHELD_FILE
    match alarm.fault:
        case Fault.FAILED:
            said = f"the check {name} failed at {_stamp(alarm.at)}"
            said += f"; it fails since {_stamp(alarm.began)}" if alarm.began < alarm.at else ""
        case Fault.SILENT:
            said = f"no result of the check {name} came since {_stamp(alarm.began)}"
        case Fault.REMOVED:
            said = f"{file} was looked for at {_stamp(alarm.at)} and is not there"
        case Fault.DISABLED:
            said = f"{file} was looked at, at {_stamp(alarm.at)}, and its workflow is switched off"
    words = f": “{inert(alarm.summary)}”" if alarm.summary else ""
    return f"{said}{words}{f' ({copied_address(alarm.url)})' if alarm.url else ''}"


def note(alarm: Alarm) -> str:
    """The note on an audit that is open already."""
    words = evidence(alarm)
    return (
        f"**Since this was opened:** {words}. It belongs to the evidence to look at. This is said"
        " once, also if it comes and goes; that it is well again closes nothing."
    )


def why_now(incident: Incident, audit: Audit) -> Iterator[tuple[str, str]]:
    """The rows of the facts of an audit that opens early."""
    for alarm in incident.alarms:
        if alarm.opened and alarm.audit == audit.place:
            words = evidence(alarm)
            yield "Why now", f"{words[0].upper()}{words[1:]}"


def to_look_at(incident: Incident, item: ActionItem) -> Iterator[str]:
    """The lines (Markdown) of what the measure names, among the evidence to look at."""
    for named in counted(item.named):
        if all(each.name.casefold() != named.name.casefold() for each in incident.watched):
            continue
        what = "results of the check" if named.source is Source.CHECK else "whether it is there:"
        yield f"- {what} {inert(named.name)}"


_WHY = {
    Unwatched.CHECK: "names a check that the rules do not know.",
    Unwatched.FILE: "keeps a file that cannot be looked at: the rules do not list its repository,"
    " or it is not written as owner/repository:path.",
    Unwatched.LONG: f"names a check or a file in more than {LONGEST_NAME} characters: it is not"
    " watched.",
    Unwatched.MANY: f"names more than {MOST_NAMED} checks and files: the first {MOST_NAMED} are"
    " watched, those of its own line before those of the document. Name the others with another"
    " action item.",
}


def problems(unwatched: Iterable[tuple[str, Unwatched]]) -> list[str]:
    """The paragraph of the one comment on what action items (AI-n) name and is not watched, none
    where there is nothing. No name is repeated: perhaps fewer people may read where it was
    written."""
    lines = [f"- {item} {_WHY[why]}" for item, why in dict.fromkeys(unwatched)]
    if not lines:
        return []
    more = len(lines) - MOST_PROBLEMS
    shown = [*lines[:MOST_PROBLEMS], *([f"- … and {more} more"] if more > 0 else [])]
    return ["Named to be watched, and not watched:\n\n" + "\n".join(shown)]


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
