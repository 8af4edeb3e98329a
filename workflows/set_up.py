"""What a closed incident gets: its document, the tasks of its action items, and the comment that
says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from workflows import check_text, checks, postmortem, publishing
from workflows.backfilling import is_quiet
from workflows.effects import CreateDocument, CreateTask, Effect, Hold, LinkTask, WriteComment
from workflows.hearing import hear_rows, to_set
from workflows.model import DocumentStatus, Incident, Postmortem, Ticket
from workflows.policy import Mode, Policy, Team
from workflows.remediation import collect
from workflows.standing import PLANNED, Decision, done, standing
from workflows.upkeep import keep_up

#: Documents that are neither read for what people ask for nor written.
NO_MORE = (DocumentStatus.DECLINED, DocumentStatus.GONE)


def set_up(
    incident: Incident,
    ticket: Ticket | None,
    team: Team,
    policy: Policy,
    held: Mapping[str, Hold],
    now: datetime,
) -> Decision:
    """Document first, then tasks and their links, then the document's regions, then the comment.
    Without a ticket nothing is new of it."""
    reasons: list[str] = []
    if ticket is not None:
        incident, reasons = collect(incident, ticket, team, policy)
    if incident.postmortem is None and incident.given_up:
        why = f"no document, and nothing else, is set up: {incident.given_up}"
        return Decision(done(incident), comment(incident, held), (*reasons, why))
    if incident.postmortem is None:
        return _first_of_all(incident, ticket, team, held, reasons)
    document = incident.postmortem
    effects: list[Effect] = []
    again_at: datetime | None = None
    if document.status in NO_MORE:
        why = f"the document is {document.status}: it is not created again"
        reasons = [*reasons, why]
        effects += to_set(incident, team, policy, now)
    else:
        incident, notes = hear_rows(incident, team, policy, now)
        incident, measured = publishing.with_measures(incident)
        incident, named = checks.with_named(incident)
        reasons = [*reasons, *notes, *measured, *named]
        effects += _tasks(incident, document, team, policy)
        effects += to_set(incident, team, policy, now)
        incident, writes, again_at = keep_up(incident, ticket, team, now)
        effects += writes
    if all(held[effect.key].refused for effect in effects if effect.key in held):
        review = publishing.told(incident, policy.people, held)
        review += check_text.problems(checks.unwatched(incident, team))
        effects += comment(incident, held, review)  # what only waits is not worth a comment
    stuck = [held[effect.key] for effect in effects if effect.key in held]
    if again_at is not None:
        stuck.append(Hold("the next write to its document", until=again_at))
    if team.mode is Mode.PLAN and any(not isinstance(e, WriteComment) for e in effects):
        stuck.append(Hold(PLANNED))
    if document.status is DocumentStatus.GONE:
        stuck.append(Hold(f"the document {document.ref.url} to be put back", refused=True))
    effects = publishing.around(incident, effects)
    return Decision(standing(incident, stuck), tuple(effects), tuple(reasons), again_at)


def _first_of_all(
    incident: Incident,
    ticket: Ticket | None,
    team: Team,
    held: Mapping[str, Hold],
    reasons: Sequence[str],
) -> Decision:
    """The document, on which everything else depends."""
    if ticket is None:
        return Decision(incident, (), tuple(reasons))
    rules = team.postmortem
    wish = CreateDocument(
        key=postmortem.document_key(incident),
        target=postmortem.document_target(incident, rules.document),
        title=postmortem.title(incident),
        text=postmortem.document_text(incident, ticket, team),
        incident=ticket.ref,
    )
    why = PLANNED if team.mode is Mode.PLAN else "the document to be created"
    hold = held.get(wish.key, Hold(why))
    waiting = standing(incident, [hold])
    told = comment(waiting, held) if hold.refused else ()
    return Decision(waiting, (wish, *told), (*reasons, "closed: the postmortem is set up"))


def _tasks(
    incident: Incident, document: Postmortem, team: Team, policy: Policy
) -> Iterator[CreateTask | LinkTask]:
    """The tickets that are not there yet, and their relations to the incident."""
    rules = team.postmortem
    for item in incident.actions:
        if item.task is None and not item.given_up and not is_quiet(incident):
            yield postmortem.task(incident, item, document, rules.tasks, policy)
        elif item.task is not None and not item.linked:
            key = f"link:{incident.id}:{item.number}"
            yield LinkTask(key, incident.ticket, item.task, postmortem.link_title(item))
        if item.task is not None and item.twin is None and rules.twin is not None:
            yield postmortem.twin(incident, item, document, rules.twin, policy)
        yield from postmortem.mirrors(incident, item)


def comment(
    incident: Incident, held: Mapping[str, Hold], review: Sequence[str] = ()
) -> tuple[WriteComment, ...]:
    if incident.muted or incident.backfilled:  # who watches a ticket of the past is not told
        return ()
    reasons = {
        item.name: held[key].why
        for item in incident.actions
        if (key := postmortem.task_key(incident, item)) in held
    }
    text = postmortem.comment(incident, reasons, review)
    return (WriteComment(comment_key(incident.id), incident.ticket, text),)


def comment_key(incident_id: str) -> str:
    """The key of the one comment on an incident's ticket."""
    return f"comment:{incident_id}"
