"""What happened when, as far as the ticket tells: timeline rows, moments and figures.

Facts are kept apart from words: a row is *recorded* when the tracker itself logged it, *reported*
when it is what somebody wrote, and *attached* when it is evidence that came from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from workflows.actions import lines_of, without_actions
from workflows.attached import Attached
from workflows.markup import cell, excerpt, link, words_of
from workflows.model import Change, Person, Ticket
from workflows.moments import Moments
from workflows.named_fields import said_in
from workflows.policy import IncidentSource, SourceKind, ValueSource, same_word


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the timeline. `what` is already inert Markdown."""

    at: datetime
    who: str
    what: str
    basis: str
    url: str


#: Relations between tickets are made while following up, not while responding.
_RELATIONS = frozenset({"link", "remote link", "sub-issue", "parent"})

#: Told without what came or went: a file may belong to a comment that only some may read, and
#: the history does not say to which.
_NAMELESS = frozenset({"attachment"})


def rows(
    ticket: Ticket, own_comment: str | None = None, attached: Iterable[Attached] = ()
) -> list[Row]:
    """The ticket's history in order of time, without our own comment (its id), and with the
    evidence that is attached.

    Of a restricted ticket only status changes are told, of an internal comment only that it is
    there: the link leads those who may read it to the rest. Evidence may say what the ticket says:
    of a restricted one only its kind is told.
    """
    found = [Row(ticket.created, _who(ticket.author), "Ticket opened", "recorded", ticket.ref.url)]
    moved = {change.at for change in ticket.changes if change.field == "status"}
    for change in ticket.changes:
        field = same_word(change.field)
        if field in _RELATIONS or (field == "resolution" and change.at in moved):
            continue  # a resolution that came or went with a status says the same once more
        if change.at == ticket.created:
            continue  # what was filled in when the ticket was opened is no event of its own
        if not ticket.restricted or change.field == "status":
            what = _told(change)
            found.append(
                Row(change.at, _who(change.by), what, "recorded", change.url or ticket.ref.url)
            )
    for comment in ticket.comments:
        if comment.id == own_comment:
            continue
        if ticket.restricted or comment.internal:
            what = "Comment that only some may read"
        else:
            what = _said(comment.text)
        found.append(Row(comment.at, _who(comment.author), what, "reported", comment.url))
    found += [_shown(one, ticket) for one in attached]
    return sorted(found, key=lambda row: row.at)


def _shown(one: Attached, ticket: Ticket) -> Row:
    if ticket.restricted:
        what, url = f"Evidence that only some may read ({one.kind})", ticket.ref.url
        return Row(one.at, "somebody", what, "attached", url)
    what = f"{cell(excerpt(one.title))} ({one.kind})"
    return Row(one.at, one.source or one.by, what, "attached", one.url)


def render(found: Iterable[Row]) -> str:
    """The timeline as a Markdown table."""
    lines = ["| Time (UTC) | Who | What | Basis | Source |", "| --- | --- | --- | --- | --- |"]
    for row in found:
        source = link("source", row.url)
        lines.append(f"| {stamp(row.at)} | {cell(row.who)} | {row.what} | {row.basis} | {source} |")
    return "\n".join(lines)


def stamp(at: datetime) -> str:
    """A time as documents show it: UTC, to the minute."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _said(text: str) -> str:
    """What a comment says besides the action items that it asks for; those have their table."""
    asked = len(lines_of(text))
    words = cell(excerpt(words_of(without_actions(text))))
    if not asked:
        return words
    count = "an action item" if asked == 1 else f"{asked} action items"
    return f"asks for {count}" if words == "—" else f"{words} (and asks for {count})"


def _told(change: Change) -> str:
    before, after = (cell(excerpt(v, 80)) if v else None for v in (change.before, change.after))
    name = cell(change.field)
    if same_word(change.field) in _NAMELESS:
        return f"{name} {'added' if after else 'removed'}"
    if before and after:
        return f"{name}: {before} → {after}"
    return (
        f"{name}: {after}"
        if after
        else f"{name}: {before} removed"
        if before
        else f"{name} changed"
    )


def _who(person: Person | None) -> str:
    return person.name or person.handle if person else "somebody"


# --- values that the rules read from a ticket -----------------------------------------------------


def value(source: ValueSource | None, ticket: Ticket) -> str | None:
    """What stands at `source` on the ticket, or None."""
    if source is None:
        return None
    match source.kind:
        case SourceKind.FIELD:
            return said_in(ticket.fields, source.name) or None
        case SourceKind.LABEL:
            pattern = same_word(source.name)
            return next((x for x in ticket.labels if fnmatchcase(same_word(x), pattern)), None)
        case SourceKind.COMPONENT:
            return next(iter(ticket.components), None)
        case SourceKind.HEADING:
            return under_heading(source.name, ticket.text)
        case SourceKind.STATUS:
            return ticket.status.name


def under_heading(name: str, text: str) -> str | None:
    """The text under a heading, as issue forms write it: ``### Severity`` and the answer.

    GitHub writes ``_No response_`` for an empty answer, which is none.
    https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests/syntax-for-githubs-form-schema
    """
    lines: list[str] | None = None
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            if lines is not None:
                break
            if same_word(line.strip().strip("#")) == same_word(name):
                lines = []
        elif lines is not None:
            lines.append(line)
    answer = "\n".join(lines or []).strip()
    return answer if answer and answer != "_No response_" else None


def moments(source: IncidentSource, ticket: Ticket, closed: datetime | None) -> Moments:
    """When what happened: from the places that the rules name, otherwise from the ticket itself
    (detected when it was opened, acknowledged when somebody took it, resolved when closed)."""

    def told(name: str) -> datetime | None:
        place = source.moments.get(name)
        if place is None:
            return None
        if place.kind is SourceKind.STATUS:
            return _first_change(ticket, "status", place.name)
        if place.kind is SourceKind.LABEL:
            return _first_change(ticket, "label", place.name)
        return _time(value(place, ticket))

    taken = [c.at for c in ticket.changes if c.field in ("assignee", "owner") and c.after]
    return Moments(
        opened=ticket.created,
        started=told("started"),
        detected=told("detected") or (None if "detected" in source.moments else ticket.created),
        acknowledged=told("acknowledged") or min(taken, default=None),
        mitigated=told("mitigated"),
        resolved=told("resolved") or closed,
    )


def _first_change(ticket: Ticket, field: str, pattern: str) -> datetime | None:
    wanted = same_word(pattern)
    times = (
        change.at
        for change in ticket.changes
        if change.field == field and fnmatchcase(same_word(change.after or ""), wanted)
    )
    return min(times, default=None)


def _time(text: str | None) -> datetime | None:
    """An ISO 8601 time; one without a zone is UTC, and one that cannot be read is none."""
    try:
        at = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def closed_at(ticket: Ticket) -> datetime:
    """When the ticket was last closed: as the tracker says, else its last status change."""
    if ticket.closed is not None:
        return ticket.closed
    changes = [change.at for change in ticket.changes if change.field == "status"]
    return max(changes, default=ticket.updated)


def figures(at: Moments) -> list[tuple[str, timedelta | None, str]]:
    """Each figure with its name, its length, and what it was measured between."""
    name, begun = _begin(at)
    return [
        ("Time to detect", _between(at.started, at.detected), "started → detected"),
        ("Time to acknowledge", _between(at.detected, at.acknowledged), "detected → acknowledged"),
        ("Time to mitigate", _between(begun, at.mitigated), f"{name} → mitigated"),
        ("Time to resolve", _between(begun, at.resolved), f"{name} → resolved"),
    ]


def _begin(at: Moments) -> tuple[str, datetime | None]:
    """Where the clock starts: the earliest kind of moment that is known."""
    if at.started is not None:
        return "started", at.started
    return ("detected", at.detected) if at.detected is not None else ("opened", at.opened)


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    return end - start if start and end and end >= start else None


def render_figures(at: Moments) -> str:
    """The figures as a Markdown table; what is not known says which moment is missing."""
    lines = ["| Figure | Value | Measured |", "| --- | --- | --- |"]
    for name, length, between in figures(at):
        shown = length_in_words(length) if length is not None else "not known"
        lines.append(f"| {name} | {shown} | {between} |")
    named = [("Started", at.started), ("Detected", at.detected), ("Acknowledged", at.acknowledged)]
    named += [("Mitigated", at.mitigated), ("Resolved", at.resolved)]
    lines += ["", "| Moment | Time (UTC) |", "| --- | --- |"]
    lines += [f"| {name} | {stamp(when) if when else 'not known'} |" for name, when in named]
    return "\n".join(lines)


def length_in_words(length: timedelta) -> str:
    """ "2 d 3 h", "1 h 20 min", "45 min", "30 s"."""
    seconds = int(length.total_seconds())
    units = [("d", 86400), ("h", 3600), ("min", 60), ("s", 1)]
    parts: list[str] = []
    for name, size in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"
