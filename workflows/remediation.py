"""The action items of an incident, from every place where they are asked for.

What was said in the ticket by somebody who may write there, what the rules ask for, and what
people add to the document becomes a numbered item, once. Everything else stays a proposal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from workflows.action_table import read_table
from workflows.actions import Matched, lines_of, match_lines
from workflows.documents import below_region
from workflows.model import (
    ActionItem,
    ActionLine,
    Incident,
    Kind,
    Origin,
    Person,
    Postmortem,
    Proposal,
    Ticket,
)
from workflows.policy import Policy, StandardAction, Team, known_person, same_word
from workflows.proposals import find, hear_comments, made, no_such, numbered, turned_down
from workflows.schedule import after

#: So many lines of people who may not write are kept as proposals. Strangers can write any
#: number, and whatever is kept is saved with each step.
MOST_PROPOSALS = 1000


def collect(
    incident: Incident, ticket: Ticket, team: Team, policy: Policy
) -> tuple[Incident, list[str]]:
    """The incident with every action item that its ticket, its document and the rules ask for,
    and with what was accepted of the proposals that it had."""
    proposals: list[Proposal] = []
    reasons: list[str] = []
    said = _said(ticket, incident.comment_id)
    for one in (one for one in said if one.trusted):
        matched = match_lines(one.source, one.id, lines_of(one.text), incident.actions)
        proposals += _edited(matched, one.who)
        incident, added = _add(incident, matched, team, policy)
        reasons += added
    for standard in team.postmortem.standard_actions:
        if _asked_for(standard, incident):
            title = _fill(standard.title, incident)
            matched = match_lines(
                "rule", standard.title, [_line(standard, title)], incident.actions
            )
            incident, added = _add(incident, replace(matched, edited=()), team, policy)
            reasons += added
    if incident.postmortem is not None:
        incident, added, doubts = _from_document(incident, incident.postmortem, team, policy)
        reasons += added
        proposals += doubts
    why = ticket.writers_unknown or "may not write in this tracker"
    for one in (one for one in said if not one.trusted):
        if len(proposals) >= MOST_PROPOSALS:
            break
        matched = match_lines(one.source, one.id, lines_of(one.text), incident.actions)
        doubts = _edited(matched, one.who)
        doubts += [Proposal(o, line.title, one.who, why, line=line) for o, line in matched.new]
        proposals += doubts[: MOST_PROPOSALS - len(proposals)]
    incident, answers = _accept(hear_comments(incident, ticket), proposals, team, policy)
    return incident, [*reasons, *answers]


def _accept(
    incident: Incident, current: list[Proposal], team: Team, policy: Policy
) -> tuple[Incident, list[str]]:
    """The incident with its present proposals, and an answer to each acceptance that has none.
    Only what had its number before can be meant."""
    shown, reasons = incident.proposals_numbered, list[str]()
    incident = numbered(incident, current)
    for said in (one for one in incident.acceptances if not one.answer):
        found = find(said.number, incident) if said.number <= shown else no_such(said.number)
        who = f"{said.by} accepted P-{said.number} by {said.way}"
        if isinstance(found, str):
            incident = turned_down(incident, said, found)
            reasons.append(f"{who}, and nothing is done: {found}")
        elif found.line is not None:
            new = Matched(((found.origin, found.line),), ())
            incident, _ = _add(incident, new, team, policy)
            item = incident.actions[-1]
            incident = made(incident, said, item)
            reasons.append(f"{who} ({said.at:%Y-%m-%d %H:%M} UTC): {item.name}, {item.title}")
    return incident, reasons


def _edited(matched: Matched, who: str) -> list[Proposal]:
    return [
        Proposal(
            item.origin,
            line.title,
            who,
            f"edited after it became {item.name}",
            line=line,
            instead=f"change the task of {item.name}, or write a new ACTION: line",
        )
        for item, line in matched.edited
    ]


@dataclass(frozen=True, slots=True)
class _Said:
    """What somebody wrote in one place. `trusted`: it may cause effects."""

    source: str
    id: str
    text: str
    who: str
    trusted: bool


def _said(ticket: Ticket, own_comment: str | None) -> list[_Said]:
    """What is written in each place where people write: not our own comment, which repeats what
    strangers asked for. Nothing is taken out of a restricted
    ticket: a task is seen by more people than it is."""
    if ticket.restricted:
        return []

    def name(person: Person | None) -> str:
        return person.name if person else "somebody"

    text = _Said("ticket", ticket.ref.id, ticket.text, name(ticket.author), ticket.author_may_write)
    comments = (c for c in ticket.comments if not c.internal and c.id != own_comment)
    return [text, *(_Said("comment", c.id, c.text, name(c.author), c.may_write) for c in comments)]


def _add(
    incident: Incident, matched: Matched, team: Team, policy: Policy
) -> tuple[Incident, list[str]]:
    reasons: list[str] = []
    for origin, line in matched.new:
        item = _item(incident, origin, line, team, policy)
        incident = replace(incident, actions=(*incident.actions, item))
        reasons.append(f"{item.name} from the {origin.source}: {item.title}")
    return incident, reasons


def _item(
    incident: Incident, origin: Origin, line: ActionLine, team: Team, policy: Policy
) -> ActionItem:
    """The numbered action item of a line; the due date defaults to the severity's limit."""
    kind = line.kind or Kind.CORRECTIVE
    home = policy.connections[incident.ticket.connection]
    person = known_person(policy, line.owner, home) if line.owner else None
    due, limits = line.due, policy.severities.get(incident.severity or "")
    if due is None and limits and incident.counted_from:
        span = limits.actions_within.get(kind)
        due = after(span, incident.counted_from, team.calendar) if span else None
    problems = list(line.problems)
    connection = team.postmortem.tasks.connection
    if line.owner and (person is None or policy.connections[connection] not in person.handles):
        here = home == policy.connections[connection]
        if person is not None or not here:
            tracker = policy.connections[connection]
            problems.append(f"owner: the rules name nobody called {line.owner} on {tracker}")
    return ActionItem(
        number=max((i.number for i in incident.actions), default=0) + 1,
        origin=origin,
        title=line.title,
        kind=kind,
        owner=person.name if person else line.owner,
        due=due,
        area=line.area,
        milestone=line.milestone,
        success_measure=line.success_measure,
        unset=tuple(problems),
        named=line.named,
    )


def _asked_for(standard: StandardAction, incident: Incident) -> bool:
    by_severity = not standard.severities or incident.severity in standard.severities
    return by_severity and (not standard.services or incident.service in standard.services)


def _fill(title: str, incident: Incident) -> str:
    return title.format(
        incident=incident.ticket.key,
        severity=incident.severity or "",
        service=incident.service or "the service",
    )


def _line(rule: StandardAction, title: str) -> ActionLine:
    return ActionLine(
        title=title,
        owner=rule.owner,
        kind=rule.kind,
        area=rule.area,
        milestone=rule.milestone,
        success_measure=rule.success_measure,
    )


def _from_document(
    incident: Incident, document: Postmortem, team: Team, policy: Policy
) -> tuple[Incident, list[str], list[Proposal]]:
    """Rows and lines that people added to the action table, or lines right below it. A row gets
    its id written back later; until then, and after a crash in between, its title tells it."""
    if not document.rows_count:
        return incident, [], []
    edited = read_table(document.base.get("actions", ""), document.seen.get("actions", ""))
    proposals = [
        Proposal(
            Origin("document", document.ref.id),
            item.title,
            "the document",
            f"a row without ID says what {item.name} says; give it another title for its own task",
            instead="give the row another title, and it gets a task of its own",
        )
        for _, item in edited.doubles(incident.actions)
    ]
    reasons: list[str] = []
    for line in edited.added:
        known = (same_word(title) for item in incident.actions for title in item.titles)
        if same_word(line.title) in known:
            continue
        origin = Origin("document", document.ref.id, len(incident.actions))
        incident, added = _add(incident, Matched(((origin, line),), ()), team, policy)
        reasons += added
    # Lines below the table keep standing there without an ID: they are known by their place.
    below = lines_of(below_region(document.text or "", "actions"))
    matched = match_lines("below", document.ref.id, below, incident.actions)
    proposals += _edited(matched, "the document")
    incident, added = _add(incident, matched, team, policy)
    return incident, [*reasons, *added], proposals
