"""The words of the notes to those who were not in the room (Markdown).

They hold words of people in one case, the summary of a review; and then there is a text without
them, for a ticket that more people may read than the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from workflows import circulation, customers
from workflows.circulation import Said
from workflows.documents import link_to
from workflows.markup import copied_address, excerpt, inert, link
from workflows.model import DocumentStatus, Incident, Postmortem
from workflows.notices import CUSTOMERS, MISSING, PERSPECTIVES, Notice, Perspective
from workflows.participants import title
from workflows.policy import KnownPerson, Policy, Team, known_person
from workflows.postmortem import MUTE_LABEL

#: So much of a summary is circulated.
LONGEST_SUMMARY = 1200

_LONGEST_RECORDING = 300

_MUTE = f"_Add the label `{MUTE_LABEL}` to this ticket to get no such notes on it._"


def note(
    incident: Incident,
    notice: Notice,
    team: Team,
    policy: Policy,
    day: date,
    others: Sequence[str],
) -> tuple[str, str]:
    """What a note says on that day, and what it says instead where no word of the document may be
    told, "" where it holds none. Nothing where there is nothing to say any more. `others` are those
    who cannot be called, by name."""
    document = incident.postmortem
    if document is None or document.status in (DocumentStatus.DECLINED, DocumentStatus.GONE):
        return "", ""
    text, instead = "", ""
    match notice.what:
        case w if w == PERSPECTIVES:
            text = _perspectives(incident, notice, document, policy, day)
        case w if w == MISSING:
            text = _missing(circulation.of_document(incident), document, others)
        case w if w == CUSTOMERS:
            text = _customers(incident, notice, team)
        case _:
            found = circulation.of_document(incident)
            lead = _circulated(document, others)
            text = f"{lead}\n\n{_said(found)}" if found != Said() else ""
            instead = f"{lead} Its recording and summary stand there."
    return (f"{text}\n\n{_MUTE}" if text else ""), (f"{instead}\n\n{_MUTE}" if instead else "")


# --- perspectives ---------------------------------------------------------------------------------


def asked(perspective: Perspective, policy: Policy, day: date) -> str:
    """Who of a perspective is asked on that day: the first who is not away, if there is one."""
    there = [who for who in perspective.people if not _away(who, policy, day)]
    return next(iter([*there, *perspective.people]), "")


def _perspectives(
    incident: Incident, notice: Notice, document: Postmortem, policy: Policy, day: date
) -> str:
    lines = [
        f"- **{title(each.name)}** ({_named(each, policy, day)}): {inert(each.question)}"
        for each in incident.perspectives
        if each.name in notice.about
    ]
    if not lines:
        return ""
    where = link_to("postmortem", document.ref.url)
    lead = (
        f"**Your perspective is asked for.** The {where} of this incident is being written, and it"
        " lacks how it looked from where you were. Please write that under *Perspectives*, in your"
        " own words; there is no wrong answer, and nobody looks for whom to blame."
    )
    return f"{lead}\n\n" + "\n".join(lines)


def _named(perspective: Perspective, policy: Policy, day: date) -> str:
    """Who is asked; and before them those who would be, and are away."""
    who = asked(perspective, policy, day)
    before = perspective.people[: perspective.people.index(who)] if who else ()
    if who and (until := _away(who, policy, day)):
        return f"{inert(who)}, away until {until}"
    gone = [f"{inert(each)}, away until {_away(each, policy, day)}" for each in before]
    return "; ".join([*gone, f"next {inert(who)}" if gone else inert(who)])


def _away(name: str, policy: Policy, day: date) -> date | None:
    """The last day of the spell in which somebody is away on that day, None where they are not."""
    person: KnownPerson | None = known_person(policy, name)
    spells = person.away if person else ()
    return max((last for first, last in spells if first <= day <= last), default=None)


# --- the review -----------------------------------------------------------------------------------


def _missing(found: Said, document: Postmortem, others: Sequence[str]) -> str:
    lacks = [] if found.recording else ["a line `Recording: https://…` (or `Recording: none`)"]
    lacks += [] if found.summary else ["a few sentences under *Summary of the review*"]
    if not lacks:
        return ""
    return (
        f"{_to(others)}the {link_to('postmortem', document.ref.url)} is published. For those who"
        f" could not be at the review it lacks {' and '.join(lacks)}. Once that is there, it is"
        " sent to them. This is advice, and asked once."
    )


def _circulated(document: Postmortem, others: Sequence[str]) -> str:
    where = link_to("postmortem", document.ref.url)
    return f"**For those who could not be there:** {_to(others)}this is the review of the {where}."


def _said(found: Said) -> str:
    parts = []
    if found.recording.startswith(("http://", "https://")):
        parts.append(f"Recording: {copied_address(found.recording)}")
    elif found.recording:
        parts.append(f"Recording: {inert(excerpt(found.recording, _LONGEST_RECORDING))}")
    if found.summary:
        parts.append(f"In short: {inert(excerpt(found.summary, LONGEST_SUMMARY))}")
    return "\n\n".join(parts)


def _to(others: Sequence[str]) -> str:
    """Those who cannot be called, by name."""
    return f"{', '.join(map(inert, others))}: " if others else ""


# --- customers ------------------------------------------------------------------------------------


def _customers(incident: Incident, notice: Notice, team: Team) -> str:
    rules = team.participants.customers
    items = customers.in_place(incident, notice)
    if rules is None or not items:
        return ""
    teams = "; ".join(
        f"{inert(name)} ({', '.join(map(inert, people))})" for name, people in rules.teams.items()
    )
    named = [link(f"{i.name}", i.task.url) if i.task else i.name for i in items]
    which = f"{named[0]}, a remedy," if len(named) == 1 else f"{', '.join(named)}, remedies,"
    stand = "is" if len(named) == 1 else "are"
    return (
        f"**For {teams}:** {which} of an incident that customers felt"
        f" ({link(incident.ticket.key, incident.ticket.url)}), {stand} in place. Do messages and"
        " product agree?\n\n"
        "- Is what customers were told then, and what they were promised, true now?\n"
        "- Do help pages, status page and prepared answers describe the product as it is?\n"
        "- Is there anybody who waits to hear that it is mended?\n\n"
        "If something does not agree, say so here, or add an action item to the postmortem."
    )
