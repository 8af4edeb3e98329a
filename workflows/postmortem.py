"""What the service writes: the document's regions, the task's text, the one comment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from workflows import action_table, audit_text, perspectives, recurrence, task_text, timeline
from workflows.apart import in_comment, may_be_told
from workflows.audience import said_in_document, side_of
from workflows.calendars import Calendar
from workflows.documents import link_to, render
from workflows.effects import CreateTask, DocumentTarget, LinkTask
from workflows.markup import addresses, cell, copied_address, excerpt, inert, link, plain_title
from workflows.model import (
    ActionItem,
    DocumentStatus,
    Incident,
    Postmortem,
    Proposal,
    Ticket,
    Way,
)
from workflows.people import handle_of
from workflows.policy import DocumentDestination, Policy, TaskDestination, Team
from workflows.proposals import details
from workflows.remarks import remark, with_remark
from workflows.snapshots import Field, Side
from workflows.targets import target_of

_STATUS = "Postmortem status"


def title(incident: Incident) -> str:
    """The document's title; of a restricted incident only the key is told."""
    words = "" if incident.restricted else f": {plain_title(incident.title)}"
    return f"Postmortem {incident.ticket.key}{words}"


def _heading(incident: Incident) -> str:
    """The title as Markdown: what people wrote is inert, the key may be searched for."""
    words = "" if incident.restricted else f": {inert(incident.title)}"
    return f"Postmortem {incident.ticket.key}{words}"


def document_text(incident: Incident, ticket: Ticket, team: Team) -> str:
    """The whole document of the team's incident as it is first written."""
    return render(
        team.postmortem.template,
        regions(incident, ticket, team.calendar),
        title=_heading(incident),
        incident=incident.ticket.key,
        severity=incident.severity or "",
        service=inert(incident.service or ""),
        perspectives=perspectives.titles(incident.perspectives),
    )


def regions(incident: Incident, ticket: Ticket, calendar: Calendar) -> dict[str, str]:
    """Each marked region as we would write it now, by name, in Markdown."""
    return {
        "facts": _facts(incident),
        "figures": timeline.render_figures(incident.moments),
        "timeline": timeline.render(timeline.rows(ticket, incident.comment_id, incident.attached)),
        "actions": action_table.table(incident.actions),
        "evidence": _evidence(incident, ticket),
        "audits": audit_text.region(incident.audits, calendar),
        "recurrence": recurrence.region(incident.recurrences),
        "perspectives": perspectives.region(incident.perspectives),
    }


def _facts(incident: Incident) -> str:
    status = incident.postmortem.status if incident.postmortem else DocumentStatus.DRAFT
    about = "" if incident.restricted else f": {inert(incident.title)}"
    rows = [
        ("Incident", link(incident.ticket.key, incident.ticket.url) + about),
        ("Incident status", incident.phase.value),
        ("Severity", cell(incident.severity or "not stated")),
        ("Service", cell(incident.service or "not stated")),
        ("Team", cell(incident.team)),
        ("Incident owner", cell(incident.owner.name if incident.owner else "nobody")),
        ("Opened (UTC)", timeline.stamp(incident.opened) if incident.opened else "—"),
        ("Closed (UTC)", timeline.stamp(incident.closed) if incident.closed else "—"),
        (_STATUS, status.value),
        ("Review due", incident.review_due.isoformat() if incident.review_due else "not set"),
    ]
    if incident.synthesis_due:
        rows.insert(-1, ("Synthesis due", incident.synthesis_due.isoformat()))
    rows += [(role.capitalize(), cell(person)) for role, person in incident.roles.items()]
    lines = ["| | |", "| --- | --- |", *(f"| **{name}** | {value} |" for name, value in rows)]
    return "\n".join(lines)


def without_status(facts: str) -> str:
    """The facts without the document's own status."""
    return "\n".join(line for line in facts.splitlines() if _STATUS not in line)


def _evidence(incident: Incident, ticket: Ticket) -> str:
    """Addresses that stand in the ticket and its comments, each once, with where it was given."""
    lines = [f"- {link(incident.ticket.key, incident.ticket.url)} — the incident ticket"]
    if ticket.restricted:
        return lines[0]
    given = [(ticket.text, "the ticket's description", ticket.created)]
    given += [
        (c.text, "a comment", c.at)
        for c in ticket.comments
        if not c.internal and c.id != incident.comment_id
    ]
    seen: set[str] = {incident.ticket.url}
    for text, where, at in given:
        for url in addresses(text):
            if url not in seen:
                seen.add(url)
                given_at = f"from {where}, {timeline.stamp(at)} UTC"
                lines.append(f"- {copied_address(url)} — {given_at}")
    return "\n".join(lines)


def document_target(incident: Incident, rules: DocumentDestination) -> DocumentTarget:
    """The rules' destination for this incident, placeholders filled in."""
    when = incident.closed or incident.opened
    values = {
        "year": f"{when:%Y}" if when else "undated",
        "month": f"{when:%m}" if when else "undated",
        "incident": slug(incident.ticket.key),
        "severity": slug(incident.severity or "unknown"),
        "service": slug(incident.service or "unknown"),
    }
    return DocumentTarget(
        rules.kind,
        rules.connection,
        rules.place,
        rules.path.format(**values),
        rules.issue_type,
        rules.labels,
        rules.fill,
    )


def slug(text: str) -> str:
    """ "acme/ops#42" → "acme-ops-42": safe as a file, branch and page name."""
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in text)
    return "-".join(part for part in kept.split("-") if part) or "unnamed"


# --- tasks --------------------------------------------------------------------------------------


def document_key(incident: Incident) -> str:
    return f"document:{incident.id}"


def task_key(incident: Incident, item: ActionItem) -> str:
    return f"task:{incident.id}:{item.number}"


def task(
    incident: Incident,
    item: ActionItem,
    document: Postmortem,
    rules: TaskDestination,
    policy: Policy,
) -> CreateTask:
    """The wish for the ticket that realises an action item."""
    return CreateTask(
        key=task_key(incident, item),
        target=target_of(rules, (*rules.labels, item.kind.value)),
        # The incident's own key may refer to the incident: that is what a task is for.
        title=plain_title(item.title).replace(
            plain_title(incident.ticket.key), incident.ticket.key
        ),
        text=task_text.about(incident, item, document),
        kind=item.kind,
        incident=incident.ticket,
        # Without what moves with each edit: it is the same wish all the while.
        document=replace(document.ref, version="", head="", published=""),
        owner=handle(item, incident, rules.connection, policy),
        owner_name=item.owner,
        due=item.due,
        milestone=item.milestone,
    )


def twin(
    incident: Incident,
    item: ActionItem,
    document: Postmortem,
    rules: TaskDestination,
    policy: Policy,
) -> CreateTask:
    """The wish for the ticket that mirrors a task in another tracker, as the item stands now."""
    wish = task(incident, item, document, rules, policy)
    text = f"{wish.text}\n\n{task_text.mirrors(item)}"
    return replace(wish, key=f"twin:{incident.id}:{item.number}", text=text)


def mirrors(incident: Incident, item: ActionItem) -> Iterator[LinkTask]:
    """The relations of a task and its twin to each other, where the trackers know one between them.
    No words of people are in them."""
    tickets = {Side.TASK: item.task, Side.TWIN: item.twin}
    for side, other in ((Side.TASK, Side.TWIN), (Side.TWIN, Side.TASK)):
        here, there = tickets[side], tickets[other]
        gone = any(agreement.gone for agreement in item.sides.values())
        if here is not None and there is not None and not gone and side not in item.mirrored:
            key = f"mirror:{side}:{incident.id}:{item.number}"
            yield LinkTask(key, here, there, f"{item.name}: {there.key}")


def link_title(item: ActionItem) -> str:
    """What the link from the incident ticket to the task is called: by its number where its title
    was said elsewhere."""
    return item.name if side_of(item, Field.TITLE) else plain_title(item.title)


def handle(item: ActionItem, incident: Incident, connection: str, policy: Policy) -> str | None:
    """What the tracker of `connection` calls the owner, or None when nobody can tell.

    Somebody whom the rules do not know is assigned by the word that was said, where it was said
    in the same kind of tracker; nobody is guessed across trackers.
    """
    if item.owner is None:
        return None
    claim = item.said.get(Field.OWNER)
    tickets = {Side.TASK: item.task, Side.TWIN: item.twin}
    ref = tickets.get(claim.side) if claim else None
    claimed = policy.connections.get(ref.connection, "") if ref else ""
    home = policy.connections[incident.ticket.connection]
    return handle_of(item.owner, policy.connections[connection], policy, claim, home, claimed)


# --- the one comment ------------------------------------------------------------------------------

MUTE_LABEL = "followthrough-mute"

#: What stands in for a title that only the document says.
_A_ROW = "_a row of the postmortem_"

#: A stranger can write any number of lines; the comment names so many.
MOST_PROPOSALS = 20


def comment(incident: Incident, blocked: Mapping[str, str], review: Sequence[str] = ()) -> str:
    """The one comment on the incident ticket: where things are, what could not be set, what
    comes next. `blocked` says of action items (AI-n) why their task is not there yet; `review` are
    paragraphs on what the document lacks."""
    if incident.postmortem is None and incident.given_up:
        told = f"sets nothing up for this incident: {inert(incident.given_up)}"
        return f"**Followthrough** {told}\n\n{_footer()}"
    if incident.postmortem is None:
        return f"**Followthrough** is waiting: {inert(incident.waiting_for or '')}\n\n{_footer()}"
    document = incident.postmortem
    parts = [
        f"**Followthrough** set up the {link_to('postmortem', document.ref.url)}"
        f" ({document.status.value})."
    ]
    if incident.actions:
        parts.append("\n".join(_listed(item, incident, blocked) for item in incident.actions))
    else:
        parts.append("No action items yet. Add them to the table in the document.")
    unset = [(i.name, _unset(i, what)) for i in incident.actions for what in i.unset]
    problems = [f"- {name}: {inert(excerpt(what, 500))}" for name, what in unset]
    problems += [f"- {inert(what)}" for what in document.conflicts]
    problems += [f"- {line}" for item in incident.actions for line in in_comment(incident, item)]
    if problems:
        parts.append("Could not be set, or needs a look:\n\n" + "\n".join(problems))
    if incident.proposals:
        parts.append(_proposed(incident.proposals))
    parts += _turned_down(incident)
    parts += [*review, _next(incident), _footer()]
    return "\n\n".join(parts)


def _proposed(proposals: Sequence[Proposal]) -> str:
    lines = [_proposal(each) for each in proposals[:MOST_PROPOSALS]]
    more = len(proposals) - len(lines)
    lines += [f"- … and {more} more"] if more else []
    told = "Proposed, and not created:\n\n" + "\n".join(lines)
    first = next((p.name for p in proposals if p.acceptable), None)
    if first is None:
        return told
    return (
        f"{told}\n\nWhoever may write here can make an action item of one, in a comment with the"
        f" line `/accept {first}`."
    )


def _proposal(proposal: Proposal) -> str:
    said = _A_ROW
    if not said_in_document(proposal.origin):
        said = task_text.brief(proposal.title)
        # In quotes: this comment is read again, and must not ask for what a stranger asked for.
        more = inert(details(proposal))
        said = f"“{said}”" + (f", {more}" if more else "")
    # together: a name that ends with ":bug" and our own colon would be a picture
    return f"- {proposal.name} {said} (by {inert(f'{proposal.by}: {proposal.why}')})"


def _turned_down(incident: Incident) -> list[str]:
    """Comments that accept what cannot be accepted, as long as they stand: the latest few."""
    said = [a for a in incident.acceptances if a.way is Way.COMMENT and a.answer and not a.item]
    lines = [f"- {inert(f'{a.by}: {a.answer}')}" for a in said[-MOST_PROPOSALS:]]
    return ["Accepted in a comment, and nothing was done:\n\n" + "\n".join(lines)] if lines else []


def _listed(item: ActionItem, incident: Incident, blocked: Mapping[str, str]) -> str:
    """One line of the task list. Where task and incident live in one tracker that knows
    ``owner/repository#n``, the bare reference makes it an item that the tracker ticks itself."""
    if item.task is None and item.given_up:
        return f"- {item.name} {_title(item, incident)} — {inert(item.given_up)}"
    if item.task is None:
        why = blocked.get(item.name)
        return f"- [ ] {item.name} {_title(item, incident)} — no task yet" + (
            f": {inert(why)}" if why else ""
        )
    together = item.task.connection == incident.ticket.connection and "#" in item.task.key
    named = item.task.key if together else link(item.task.key, item.task.url)
    line = f"- [ ] {item.name} {named} {_title(item, incident)}".rstrip()
    line += "" if item.twin is None else f" (twin: {link(item.twin.key, item.twin.url)})"
    return f"{line} — {inert(with_remark(item))}" if remark(item) else line


def _title(item: ActionItem, incident: Incident) -> str:
    """The title as the comment shows it; what only the document or a ticket elsewhere says is not
    repeated here."""
    side = side_of(item, Field.TITLE)
    if side is Side.DOCUMENT or said_in_document(item.origin):
        return _A_ROW
    told = side is None or may_be_told(incident, item, side)
    return task_text.brief(item.title) if told else ""


def _unset(item: ActionItem, what: str) -> str:
    """What could not be set; which field, where the rest is told by the postmortem's own words."""
    if not said_in_document(item.origin):
        return what
    return f"{what.partition(':')[0]} (the service's page says why)"


def _next(incident: Incident) -> str:
    status = incident.postmortem.status if incident.postmortem else None
    if status is DocumentStatus.GONE:
        return "Next: the document is gone from where it was. Put it back to go on."
    if status is DocumentStatus.DECLINED:
        return "Next: the document was closed unmerged and stays so. Reopen it to go on."
    who = incident.roles.get("facilitator")
    due = incident.review_due.isoformat() if incident.review_due else None
    lead = f"{inert(who)} facilitates" if who else "somebody facilitates"
    if status is DocumentStatus.DRAFT and incident.synthesis_due:
        lead = f"the synthesis by {incident.synthesis_due}; {lead}"
    return f"Next: {lead} the review" + (f", due {due}." if due else ".")


def _footer() -> str:
    return f"_Add the label `{MUTE_LABEL}` to this ticket to keep this comment from changing._"
