"""Verdicts that are given on the page or the command line, by somebody of the rules.

Both write down what was said; the incident's own turn takes it in and answers it, once. It is one
more way to say what a comment on the audit's ticket says, so that ticket is read first, and
what was said sooner holds (`workflows.verdicts`). Whoever writes it down says who judged: that
name is not proved, and so stands on record with what it came through.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

from workflows.markup import addresses, one_line
from workflows.model import Incident, TicketRef
from workflows.policy import KnownPerson, same_word, written_words
from workflows.rungs import Audit, Judgement

#: So much of what is said as evidence is kept.
LONGEST_EVIDENCE = 2000

#: What is answered where a judgement became the verdict.
COUNTS = "counts"

#: Why whoever owns a measure is refused.
OWNER = "the owner of a measure may not judge it"

_BECAUSE = re.compile(r"because\b[\s:]*", re.IGNORECASE)


def hear(incident: Incident, said: Iterable[Judgement]) -> Incident:
    """The incident with judgements that it did not know yet, to be answered."""
    known = {one.id for one in incident.judgements}
    new = tuple(one for one in said if one.id not in known)
    return replace(incident, judgements=incident.judgements + new) if new else incident


def waiting(incident: Incident, audit: Audit) -> list[Judgement]:
    """What was said of an audit and has no answer yet, the first said first."""
    return [j for j in incident.judgements if j.place == audit.place and not j.answer]


def to_be_read(incident: Incident) -> list[Audit]:
    """The audits whose tickets must be read before what was said of them is answered."""
    return [a for a in incident.audits if not no_more(a) and waiting(incident, a)]


def cannot_be_answered(incident: Incident, audit: Audit, connections: Container[str]) -> str:
    """Why what is said of an audit waits, and what mends it, "" where nothing is in its way: the
    rules, which know these `connections`, have lost that of its ticket or of the incident's."""
    tickets = (incident.ticket, audit.ticket)
    return next(filter(None, (lost(each, connections) for each in tickets if each)), "")


def lost(ticket: TicketRef, connections: Container[str]) -> str:
    """Why a ticket cannot be read, and what mends it, "" where the rules know its connection."""
    name = ticket.connection
    if name in connections:
        return ""
    return (
        f"the rules have no connection {name!r} for {ticket.key}. Give the rules the connection"
        f" {name!r} again, under this name"
    )


def stuck(incident: Incident, connections: Container[str]) -> list[str]:
    """What was said of audits and cannot be answered for that reason, in sentences."""
    return [
        f"{audit.name}: the verdict of {one.by} waits: {why}"
        for audit in to_be_read(incident)
        if (why := cannot_be_answered(incident, audit, connections))
        for one in waiting(incident, audit)
    ]


def answered(incident: Incident, judgement: int, why: str) -> Incident:
    """The incident after the judgement of this id counted, or did not, which `why` says then."""
    answer = f"does not count: {why}" if why else COUNTS
    return replace(
        incident,
        judgements=tuple(
            replace(one, answer=answer) if one.id == judgement else one
            for one in incident.judgements
        ),
    )


def settle(incident: Incident) -> tuple[Incident, list[str]]:
    """The incident after each judgement that no reading could change got its answer: of an audit
    that has nothing to ask; and what that came to, in sentences."""
    notes: list[str] = []
    audits = {audit.place: audit for audit in incident.audits}
    for one in incident.judgements:
        audit = audits.get(one.place)
        why = no_more(audit) if audit else "there is no such audit any more"
        if why and not one.answer:
            incident = answered(incident, one.id, why)
            notes.append(f"the verdict of {one.by} on AI-{one.item} does not count: {why}")
    return incident, notes


# --- who may, and with what -----------------------------------------------------------------------


def no_more(audit: Audit) -> str:
    """Why no verdict on this audit counts (any more), "" where one does."""
    if audit.ended:
        return f"this audit has nothing to ask any more: {audit.ended}"
    if audit.verdict is not None:
        return f"it was judged already: {audit.verdict.value}, by {audit.by}"
    return "its ticket is deleted or hidden" if audit.gone else ""


def not_open(incident: Incident, audit: Audit, said: Sequence[Judgement]) -> str:
    """Why no verdict can be written down now, "" where one can. `said`: all that was written down
    of the incident, also what it did not hear of yet."""
    if why := no_more(audit):
        return why
    if audit.ticket is None:
        return f"it is not open yet: it opens at {audit.opens:%Y-%m-%d %H:%M} UTC"
    first = next(iter(waiting(hear(incident, said), audit)), None)
    if first is None:
        return ""
    return (
        f"{first.by} judged it {first.verdict.value} already, through {first.through};"
        " that is worked on as soon as its ticket was read"
    )


def owners(incident: Incident, audit: Audit) -> set[str]:
    """Who owns the measure, and who owned it when the audit was opened, as the record says."""
    item = next((each for each in incident.actions if each.number == audit.item), None)
    return {audit.owner, item.owner or "" if item else ""} - {""}


def independent(
    incident: Incident, audit: Audit, people: Sequence[KnownPerson]
) -> list[KnownPerson]:
    """Those of the rules' people who may judge: all but the measure's owners."""
    own = {same_word(name.removeprefix("@")) for name in owners(incident, audit)}
    return [person for person in people if not own & written_words(person)]


def in_evidence(words: str, link: str) -> str:
    """What is kept as evidence, of words and an address ("" for none), in one line. Raises
    ValueError, which says why, where these are none."""
    said = _BECAUSE.sub("", one_line(words), count=1) if _BECAUSE.match(words.strip()) else words
    said, link = one_line(said), link.strip()
    if link and list(addresses(link)) != [link]:
        raise ValueError(f"{link} is no address that can be followed: it begins with https://")
    without = said
    for url in addresses(said):
        without = without.replace(url, "")
    if not re.search(r"\w", without):
        raise ValueError(
            "say in words what you saw: a verdict needs evidence, a link alone is none"
        )
    whole = f"{said} {link}".strip()
    if len(whole) > LONGEST_EVIDENCE:
        raise ValueError(
            f"the evidence is longer than {LONGEST_EVIDENCE} characters: link the rest"
        )
    return whole
