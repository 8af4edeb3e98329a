"""Where a link to evidence stands that an action item is done: in the words of its ticket, in a
document, or with what closed it.

A link is taken as it stands: nothing is fetched from it. What leads to the ticket itself, to the
incident, its other tickets or our document proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from workflows.actions import prose
from workflows.commands import short
from workflows.markup import addresses
from workflows.model import ActionItem, Incident, Ticket
from workflows.people import name_of
from workflows.policy import Policy
from workflows.proven import Evidence
from workflows.sections import sections
from workflows.task_text import by_people

#: So many links of one action item are kept.
MOST = 10

#: A longer one is no link that somebody would follow.
LONGEST_LINK = 2000

_IN_DOCUMENT = re.compile(
    r"^\s*(?:[-*+]\s+)?[*_]*(?P<name>AI-\d+)[*_]*\s*+[:,·–—-]?\s*+evidence[*_]*\s*:\s*(?P<said>\S.*)$",
    re.IGNORECASE,
)


def links(text: str) -> list[str]:
    """The web addresses of a text, outside of quotes and code blocks, each once."""
    return _in_lines(prose(text))


def _in_lines(lines: Iterable[str]) -> list[str]:
    found = (url for line in lines for url in addresses(line))
    return [url for url in dict.fromkeys(found) if len(url) <= LONGEST_LINK]


def useful(urls: Iterable[str], incident: Incident) -> list[str]:
    """Those that do not lead to what we know and made ourselves."""
    own = list(dict.fromkeys(_own(incident)))
    return [url for url in urls if not any(_leads_to(url, each) for each in own)]


def _own(incident: Incident) -> Iterator[str]:
    """Addresses of the incident's own tickets and document."""
    yield incident.ticket.url
    if incident.postmortem is not None:
        yield incident.postmortem.ref.url
        if incident.postmortem.ref.ticket is not None:
            yield incident.postmortem.ref.ticket.url
    refs = [ref for item in incident.actions for ref in (item.task, item.twin)]
    refs += [audit.ticket for audit in incident.audits]
    yield from (ref.url for ref in refs if ref is not None)


def _leads_to(url: str, own: str) -> bool:
    """Whether an address is this one, a part of its page, or the same ticket in another view: one
    whose address ends with its key is shown under others that hold the key."""
    try:
        here, there = urlsplit(url), urlsplit(own)
        if (here.hostname or "") != (there.hostname or "") or not there.hostname:
            return False
    except ValueError:
        return False
    path, wanted = (each.path.rstrip("/").casefold() for each in (here, there))
    key = wanted.rpartition("/")[2]
    if path == wanted or (wanted and path.startswith(f"{wanted}/")):
        return True
    values = [value.casefold() for each in parse_qs(here.query).values() for value in each]
    return not key.isdigit() and key != "" and key in (*path.split("/"), *values)


def in_ticket(
    ticket: Ticket, item: ActionItem, incident: Incident, policy: Policy
) -> Iterator[Evidence]:
    """The links of an action item's ticket, in its text, in comments by people who may write there,
    and with what closed it. Of a comment that was edited since, that is internal or our own, or
    that was written before the item was last opened again, nothing counts. Nor does what we
    wrote into its description."""
    proof, hidden = item.proof, ticket.restricted
    kind = policy.connections.get(ticket.ref.connection, "")
    since = proof.since or ticket.updated
    for url in useful(ticket.shown_by, incident):
        if spent(url) not in proof.spent:
            yield Evidence("" if hidden else url, "what its tracker shows", "", since)
    if ticket.author_may_write:
        for url in useful(_in_lines(by_people(ticket.text)), incident):
            if spent(url) not in proof.spent:
                yield Evidence("" if hidden else url, "its description", "", since)
    own = {*proof.notes, *(each.comment for each in incident.reminders)}
    own |= {each.comment for each in incident.notices}
    for comment in ticket.comments:
        if comment.internal or comment.edited or not comment.may_write or is_old(item, comment.at):
            continue
        if comment.id in own:
            continue
        by = name_of(comment.author, kind, policy) if comment.author else ""
        for url in useful(links(comment.text), incident):
            yield Evidence("" if hidden else url, "a comment", by, comment.at)


def is_old(item: ActionItem, at: datetime) -> bool:
    """Whether something was said before the item was last opened again."""
    return item.proof.opened is not None and at <= item.proof.opened


def in_document(text: str) -> dict[str, list[str]]:
    """The links that the document gives: AI-n → those of its lines ``AI-2 evidence: https://…``."""
    found: dict[str, list[str]] = {}
    for section in sections(text):
        for _, line in section.prose:
            if match := _IN_DOCUMENT.match(line):
                given = [url for url in addresses(match["said"]) if len(url) <= LONGEST_LINK]
                found.setdefault(match["name"].upper(), []).extend(given)
    return found


def spent(said: str) -> str:
    """By what a link, or a line of the document, that counted once is known again."""
    return short("spent", said)


def with_evidence(item: ActionItem, new: Iterable[Evidence]) -> tuple[ActionItem, list[str]]:
    """The item with evidence that was found, each link once, and what is new in sentences. Links
    are not repeated in these: they may be long, and anybody's."""
    known = item.proof.evidence
    found = {each.url: each for each in known}
    for each in new:
        if len(found) < MOST:
            found.setdefault(each.url, each)
    given = tuple(found.values())
    if given == known:
        return item, []
    notes = [
        f"{item.name}: evidence is given in {each.way}" + (f", by {each.by}" if each.by else "")
        for each in given[len(known) :]
    ]
    return replace(item, proof=replace(item.proof, evidence=given)), notes
