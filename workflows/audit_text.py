"""What the tickets of audits, the notes on them, and the document's region say of audits.

A ticket asks what an effectiveness check asks in CAPA practice, written down before anybody looks:
what was to be prevented, by which measure of success, from which evidence, over which time, by
what method, what counts as failure, who judges and why they are independent, and what follows.
https://dev.to/priya_nair_ree/capa-effectiveness-checks-how-to-prove-the-fix-actually-worked-583j
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice

from workflows import check_text, timeline
from workflows.audits import is_waived
from workflows.calendars import Calendar
from workflows.ladder import opens_at
from workflows.markup import addresses, cell, copied_address, excerpt, inert, link
from workflows.model import ActionItem, Incident, Kind, Postmortem
from workflows.policy import Team
from workflows.remarks import UNPROVEN, remark
from workflows.rungs import Audit, Verdict
from workflows.verdicts import in_commands

#: So many links are taken from the document.
MOST_LINKS = 20

_METHOD = {
    Kind.PREVENTIVE: (
        "Look whether what the measure prevents happened since, or came near: incidents, alerts,"
        " support tickets. Where it did not happen by itself, try it: a drill, a fault that is"
        " injected, or a walk through the changed process with somebody who does it."
    ),
    Kind.DETECTIVE: (
        "Look at each time since when it should have told: did it, how soon, and to whom? Count"
        " false alarms too. Where there was no occasion, make one: inject the fault, and measure"
        " the time until somebody knows."
    ),
    Kind.CORRECTIVE: (
        "Look whether what was broken is whole and stayed so: the same check that showed the fault"
        " then, done again now."
    ),
}


def title(item: ActionItem, incident: Incident, audit: Audit) -> str:
    """The ticket's title; whose words the measure's own are, its text says."""
    return f"Audit: does {item.name} of {incident.ticket.key} still work? ({audit.step})"


def text(
    incident: Incident, item: ActionItem, audit: Audit, document: Postmortem, team: Team
) -> str:
    """The ticket's description, in Markdown."""
    parts = [
        f"A measure that was taken after an incident was done on {_done_on(audit, item, team)}."
        " **Does it still work?** Please judge that from evidence, by"
        f" {audit.due.isoformat() if audit.due else 'the due date'}.",
        _facts(incident, item, audit, document),
        f"## What it was to achieve\n\n{_purpose(item)}",
        f"## The incident, in figures\n\n{_figures(incident)}",
        f"## Evidence to look at\n\n{_evidence(incident, item, document)}",
        f"## Period and method\n\n{_method(item, audit, team.calendar)}",
        f"## When it passes, and when it fails\n\n{_criteria()}",
        f"## Who judges\n\n{_reviewer(audit)}",
        f"## How to give the verdict\n\n{_ways(team)}",
        f"## What happens then\n\n{_consequences(incident, item, audit, team)}",
    ]
    return "\n\n".join(parts)


def _done_on(audit: Audit, item: ActionItem, team: Team) -> date:
    return team.calendar.day_of(item.done_at or audit.since)


def _facts(incident: Incident, item: ActionItem, audit: Audit, document: Postmortem) -> str:
    task = link(item.task.key, item.task.url) if item.task else "no ticket"
    rows = [
        ("Measure", f"{item.name}: {inert(excerpt(item.title, 200))}"),
        ("Its ticket", task + (f", {link(item.twin.key, item.twin.url)}" if item.twin else "")),
        ("Kind", item.kind.value),
        ("Its owner", cell(audit.owner or "nobody")),
        ("Incident", f"{link(incident.ticket.key, incident.ticket.url)}: {_title(incident)}"),
        ("Severity", cell(incident.severity or "not stated")),
        ("Service", cell(incident.service or "not stated")),
        ("Postmortem", _where(document)),
        ("Audit", f"round {audit.round}, number {audit.rung} in it"),
        ("Reviewer", cell(audit.reviewer or "nobody yet")),
        ("Due", audit.due.isoformat() if audit.due else "not set"),
    ]
    rows += [
        (
            "Why now",
            f"{link(each.ticket.key, each.ticket.url)} came later and may be the same again",
        )
        for each in incident.recurrences
        if each.other == audit.because
    ]
    rows += check_text.why_now(incident, audit)
    rows += _earlier(incident, audit)
    lines = ["| | |", "| --- | --- |", *(f"| **{name}** | {value} |" for name, value in rows)]
    return "\n".join(lines)


def _earlier(incident: Incident, audit: Audit) -> Iterator[tuple[str, str]]:
    """The judged audits of the same measure before this one: where, and to what they came. Nothing
    of what people said there: that stays in their tickets."""
    own = [each for each in incident.audits if each.item == audit.item]
    for each in sorted(own, key=lambda known: known.place):
        if each.verdict is None or each.place >= audit.place:
            continue
        where = link(each.ticket.key, each.ticket.url) if each.ticket else "no ticket"
        led = f", led to AI-{each.led_to}" if each.led_to is not None else ""
        row = f"{each.round}.{each.rung}, {where}: {each.verdict.value}{led}"
        yield "Earlier audit", row


def _title(incident: Incident) -> str:
    return inert(excerpt(incident.title, 200))


def _where(document: Postmortem) -> str:
    url = document.ref.url
    return link("document", url) if url.startswith(("http://", "https://")) else f"`{url}`"


def _purpose(item: ActionItem) -> str:
    aims = {
        Kind.PREVENTIVE: "to keep what happened in this incident from happening again",
        Kind.DETECTIVE: "to make sure that we know of it sooner, should it happen again",
        Kind.CORRECTIVE: "to put right what was found broken in this incident",
    }
    measure = inert(excerpt(item.success_measure or "", LONGEST_MEASURE))
    said = f"It is {item.kind.value}: it was {aims[item.kind]}."
    if measure:
        return f"{said}\n\n**Success measure:** {measure}"
    return (
        f"{said}\n\n**Success measure:** nobody wrote one down. Before you look at any evidence,"
        " write a comment that says which number or observation would show that it works, and which"
        " value of it is enough; ask the owner of the measure what it was meant to be."
    )


#: So much of a success measure is repeated.
LONGEST_MEASURE = 2000


def _figures(incident: Incident) -> str:
    lines = ["| Figure | Value | Measured |", "| --- | --- | --- |"]
    for name, length, between in timeline.figures(incident.moments):
        shown = timeline.length_in_words(length) if length is not None else "not known"
        lines.append(f"| {name} | {shown} | {between} |")
    if incident.closed is not None:
        lines += ["", f"It was closed at {timeline.stamp(incident.closed)} UTC."]
    return "\n".join(lines)


def _evidence(incident: Incident, item: ActionItem, document: Postmortem) -> str:
    lines = []
    for ref in (item.task, item.twin):
        if ref is not None:
            what = "what was done, and the changes that its pull requests or commits name"
            lines.append(f"- {link(ref.key, ref.url)}: {what}")
    if remark(item) == UNPROVEN:
        lines.append(
            f"- **No evidence was given** that {item.name} was done: it counts as {UNPROVEN}. Look"
            " first whether it is there at all."
        )
    lines.append(f"- {link(incident.ticket.key, incident.ticket.url)}: what happened then")
    lines.append(
        f"- The postmortem ({_where(document)}): its factors, its figures, and the dashboards,"
        " queries and changes that it names"
    )
    lines += [
        f"- {link(each.ticket.key, each.ticket.url)}: it came later, and may be the same again"
        for each in incident.recurrences
        if not each.withdrawn and not each.earlier
    ]
    lines += check_text.to_look_at(incident, item)
    known = {ref.url for ref in (item.task, item.twin, incident.ticket) if ref is not None}
    named = (url for url in _named(document) if url not in known)
    lines += [f"- {copied_address(url)} (named in the incident)" for url in named]
    lines.append(
        "- What was measured since: dashboards, alerts, tests, incidents of the same service."
        " Link what you looked at, so that somebody else can look at it again."
    )
    return "\n".join(lines)


def _named(document: Postmortem) -> Iterator[str]:
    """Addresses that the document took from the incident's ticket, each once. What people wrote
    into it besides stays there: perhaps more may read the audit than the document."""
    return islice(dict.fromkeys(addresses(document.wrote.get("evidence", ""))), MOST_LINKS)


def _method(item: ActionItem, audit: Audit, calendar: Calendar) -> str:
    opened, since = calendar.day_of(audit.opens), calendar.day_of(audit.since)
    what = "since the measure was done" if audit.rung == 1 else "since the audit before"
    return (
        f"**Period:** from {since} ({what}) to the day on which you look, at least to {opened}.\n\n"
        f"**Method:** {_METHOD[item.kind]}\n\n"
        "**Sample:** all occasions in the period, if they are few. Otherwise choose before you look"
        " how many, and take them spread over the whole period, not the latest. Say in your verdict"
        " how many there were and how many you saw. No occasion is no evidence: try it then."
    )


#: Each verdict with its name, and when it is the right one.
CRITERIA = {
    Verdict.EFFECTIVE: (
        "Effective",
        "the success measure is met over the whole period, what the incident was about did not"
        " happen again for the same reason, and the measure is still in place and in use.",
    ),
    Verdict.PARTLY: (
        "Partly effective",
        "it helped, as the evidence shows, and something is left: a case that it does not cover, a"
        " value that is nearly met.",
    ),
    Verdict.NOT_EFFECTIVE: (
        "Not effective",
        "the success measure is missed; or it happened again for the same reason; or the measure is"
        " switched off, gone round or not in use any more; or nobody can show that it works.",
    ),
}


def _criteria() -> str:
    lines = (f"- **{name}**: {when}" for name, when in CRITERIA.values())
    return (
        "\n".join(lines)
        + "\n\nThat the task was done counts for nothing here: the question is whether it worked."
    )


def _reviewer(audit: Audit) -> str:
    owner = inert(audit.owner) if audit.owner else "nobody"
    who = inert(audit.reviewer) if audit.reviewer else ""
    lead = (
        f"{who} is asked, by turns from those whom the rules name."
        if who
        else "The rules name nobody who is independent of this measure. Assign it to somebody who"
        " neither owns the measure nor built it."
    )
    return (
        f"{lead} Whoever judges must be independent: the owner of the measure ({owner}) may help to"
        " find evidence, and may not judge. A verdict of the owner does not count. If you built"
        " the measure yourself, hand this ticket on."
    )


def _ways(team: Team) -> str:
    lines = [
        f"- a comment whose first line is {in_commands()}, followed by what you saw, and links;",
        "- or a label: `audit:effective`, `audit:partly` or `audit:not-effective`, with a comment"
        " that says why;",
    ]
    rules = team.audits
    for verdict, words in rules.verdicts.items() if rules else ():
        said = ", ".join(inert(word) for word in words)
        lines.append(f"- or the status, or the reason for closing, {said}: {verdict.value};")
    if rules and rules.verdict_field:
        lines.append(f"- or the field {inert(rules.verdict_field)};")
    lines[-1] = f"{lines[-1].rstrip(';')}."
    return (
        "\n".join(lines)
        + "\n\nThe first verdict holds. A comment that was edited does not count, and"
        " to close this ticket is no verdict."
    )


def _consequences(incident: Incident, item: ActionItem, audit: Audit, team: Team) -> str:
    late = f" {inert(team.manager)} is told, here, once." if team.manager else " That is said here."
    since = item.done_at or audit.since
    last = opens_at(audit.step + 1, since, team, item.kind, incident.severity) is None
    passed = (
        "this measure is not audited again"
        if last
        else "the next audit is planned, after a longer time"
    )
    return (
        f"- **Effective**: {passed}, and this ticket is closed.\n"
        "- **Partly effective**: a follow-up action gets a ticket, with the same owner, and the"
        " same audit is made again after it.\n"
        f"- **Not effective**: {item.name} is opened again (or gets a successor, where its tracker"
        " does not take it back), and its audits begin anew once that is done.\n"
        f"- **No verdict by the due date**: it is overdue.{late}\n\n"
        "Each verdict is kept in the postmortem, with who gave it and a link to this ticket."
    )


# --- notes on the ticket --------------------------------------------------------------------------


def withdrawn(audit: Audit) -> str:
    """The note that nothing is asked any more."""
    return f"**Nothing is asked here any more:** {inert(audit.ended)}. This ticket is closed."


def unjudged() -> str:
    """The note on a ticket that was closed without a verdict."""
    return (
        "**This was closed without a verdict**, which counts as none. Please say what you found:"
        f" {in_commands()}, in the first line of a comment. It may stay closed."
    )


def overdue(audit: Audit, team: Team) -> str:
    """The note that it is overdue, to the manager."""
    due = audit.due.isoformat() if audit.due else "its due date"
    who = inert(audit.reviewer) if audit.reviewer else "nobody"
    manager = f"{inert(team.manager)}, this" if team.manager else "This"
    return (
        f"**Overdue:** {manager} audit was due on {due}, is asked of {who}, and has no verdict."
        " Until it has one, nobody knows whether the measure works."
    )


def refused(why: str) -> str:
    """The answer to a verdict that does not count."""
    return f"**This verdict does not count:** {inert(why)}"


def verdict(incident: Incident, audit: Audit, calendar: Calendar) -> str:
    """The note that says what was understood, and what follows."""
    said = audit.verdict.value if audit.verdict else ""
    elsewhere = ", as it was written down in Followthrough" if audit.through else ""
    lead = f"**Verdict: {said}**, by {inert(audit.by)}{elsewhere}."
    if audit.through and audit.evidence:  # nobody wrote it here
        lead += f" Evidence: {inert(audit.evidence)}"
    if not audit.evidence:
        lead += " No evidence was given with it: please add it in a comment, with links."
    gap = "\n\n" if audit.through else " "
    return f"{lead}{gap}{follows(incident, audit, calendar)}"


def follows(incident: Incident, audit: Audit, calendar: Calendar) -> str:
    """What its verdict led to, in sentences, with days of this calendar."""
    if audit.led_to == audit.item:
        return f"AI-{audit.item} is to be done again; its audits begin anew once it is done."
    after = next(
        (a for a in incident.audits if a.place == (audit.item, audit.round, audit.rung + 1)), None
    )
    again = f"The next audit opens on {calendar.day_of(after.opens)}." if after else ""
    if audit.led_to is not None:
        verb = "closes the gap" if audit.verdict is Verdict.PARTLY else "takes its place"
        return f"AI-{audit.led_to} {verb}. {again}".strip()
    item = next((each for each in incident.actions if each.number == audit.item), None)
    if audit.verdict is Verdict.NOT_EFFECTIVE and item is not None and is_waived(item):
        return f"{item.name} was waived meanwhile, and is left so. It is not audited again."
    return again or "It is not audited again."


# --- the document's region ------------------------------------------------------------------------


def region(audits: Sequence[Audit], calendar: Calendar) -> str:
    """The audits as the document lists them, with days of this calendar. What was said as evidence
    stays in the ticket: perhaps fewer people may read that than the document."""
    if not audits:
        return "No audit is planned yet. The first is when a measure is done."
    head = ["Measure", "Audit", "Opens", "Due", "Reviewer", "Verdict"]
    rows = [
        [f"AI-{a.item}", _ticket(a), *_dates(a, calendar), cell(a.reviewer), _verdict(a, calendar)]
        for a in audits
    ]
    return "\n".join(_row(cells) for cells in (head, ["---"] * len(head), *rows))


def _ticket(audit: Audit) -> str:
    number = f"{audit.round}.{audit.rung}"
    if audit.ticket is None:
        return number
    gone = " (gone)" if audit.gone else ""
    return f"{number} · {link(audit.ticket.key, audit.ticket.url)}{gone}"


def _dates(audit: Audit, calendar: Calendar) -> tuple[str, str]:
    return calendar.day_of(audit.opens).isoformat(), audit.due.isoformat() if audit.due else "—"


def _verdict(audit: Audit, calendar: Calendar) -> str:
    if audit.verdict is not None:
        when = f", {calendar.day_of(audit.at)}" if audit.at else ""
        doubt = " (suspect)" if audit.suspect else ""
        return f"**{audit.verdict.value}**{doubt}, by {cell(audit.by)}{when}"
    return audit.standing


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
