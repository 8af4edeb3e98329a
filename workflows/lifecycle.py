"""The life of an incident: from what was read to what should be, with the reasons.

`decide` is asked again after each thing that became known, until it wants nothing new. It knows
no history but the incident's state: whatever was lost, doubled or came late on the way here
leads to the same decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from workflows import (
    backfilling,
    checks,
    choices,
    customers,
    outside,
    perspectives,
    postmortem,
    proof_notes,
    publishing,
    reminders,
)
from workflows.audit_turn import Seen, audited, heard_audits, seen_in, wanted_by_audits
from workflows.backfilling import Wish
from workflows.effects import (
    Effect,
    Hold,
    KeepVersions,
    SetReview,
    WriteComment,
)
from workflows.events import (
    AuditReading,
    ProofRead,
    Reading,
    TaskReading,
    TicketGone,
    TicketUnchanged,
)
from workflows.giving_up import give_up
from workflows.hearing import hear_rows, hear_tasks, rests_until, to_set
from workflows.model import (
    Incident,
    Outlook,
    Phase,
    Ticket,
)
from workflows.people import name_of
from workflows.policy import Mode, Policy, SeverityRules, Team, same_word
from workflows.proof_turn import heard_proofs, settled
from workflows.set_up import NO_MORE, comment, set_up
from workflows.spans import after
from workflows.standing import PLANNED, Decision, done, waiting, watching
from workflows.triage import (
    assign_roles,
    read_facts,
    recognise,
    said_severity,
    source_of,
    with_names,
)
from workflows.upkeep import keep_up

#: What is asked for again and again, whether it is done or not.
_STANDING = (WriteComment, SetReview, KeepVersions)


def decide(
    reading: Reading,
    incident: Incident | None,
    policy: Policy,
    *,
    new_id: str,
    now: datetime,
    held: Mapping[str, Hold] | None = None,
    tasks: Sequence[TaskReading] = (),
    audits: Sequence[AuditReading] = (),
    proofs: Sequence[ProofRead] = (),
    backfills: Sequence[Wish] = (),
) -> Decision:
    """What should happen at `now` (UTC), given the ticket as read and the incident as known.

    `new_id` becomes the id of an incident that is seen for the first time. `held` tells of
    effects that were refused, wait or were given up, by key, so that people can be told; None
    when nobody looked: then what was given up stays so. `tasks` are the tickets of its action
    items, and `audits` those of their audits, that were read since the last decision: an audit is
    opened or withdrawn only after such a read. `proofs` are those of items that ended, read whole.
    `backfills` are those that ask for this ticket.
    """
    notes: list[str] = []
    seen = seen_in(incident, tasks, audits, held or {}) if incident else Seen()
    if incident is not None:
        incident, notes = choices.settle(incident, now)
        incident, published = publishing.settle(incident)
        notes += published
    if incident is not None and (team := policy.teams.get(incident.team)):
        incident, heard = hear_tasks(incident, tasks, team, policy, now)
        notes += heard
        incident, heard = heard_proofs(incident, proofs, policy, now)
        notes += heard
        incident, heard = heard_audits(incident, audits, team, policy, now, seen)
        notes += heard
    decision = _decide(reading, incident, policy, new_id, now, held, backfills)
    if decision.incident is not None:
        # a row of the document may have said that a measure is done, or is not
        after, ended = settled(decision.incident, policy, now)
        after, told = audited(after, policy, now, seen)
        notes += [*ended, *told]
        if after != decision.incident:
            again = _decide(reading, after, policy, new_id, now, held, backfills)
            reasons = dict.fromkeys((*decision.reasons, *again.reasons))
            decision = replace(again, reasons=tuple(reasons))
    decision = replace(decision, reasons=(*notes, *decision.reasons))
    if decision.incident is None:
        return decision
    return outside.told(_spoken(decision, decision.incident, policy, now, seen), policy, now)


def _spoken(
    decision: Decision, incident: Incident, policy: Policy, now: datetime, seen: Seen
) -> Decision:
    """The decision with what people are asked, told and reminded of besides, and when to look
    again."""
    said = reminders.wanted(incident, policy, now)
    asked = proof_notes.wanted(incident, policy, now)
    audited_by = wanted_by_audits(incident, policy, now, seen)
    watched = checks.see_to(incident, policy, now)
    parts = (said.again_at, asked.again_at, audited_by.again_at, watched.again_at)
    times = (decision.again_at, rests_until(incident, now), *parts)
    return replace(
        decision,
        incident=watched.incident,
        effects=(*decision.effects, *audited_by.effects, *said.notes, *asked.notes, *watched.notes),
        reasons=(*decision.reasons, *watched.reasons),
        again_at=min((at for at in times if at is not None), default=None),
    )


def _decide(
    reading: Reading,
    incident: Incident | None,
    policy: Policy,
    new_id: str,
    now: datetime,
    held: Mapping[str, Hold] | None,
    backfills: Sequence[Wish],
) -> Decision:
    if isinstance(reading, TicketGone):
        return _gone(reading, incident, policy, now)
    if isinstance(reading, TicketUnchanged):
        return _tasks_only(incident, policy, now, held)
    ticket = reminders.without_own(with_names(reading.ticket, policy), incident)
    doubts: tuple[str, ...] = ()
    if incident is None:
        found = recognise(ticket, policy)
        if isinstance(found, str):
            return Decision(None, (), (found,))
        incident = Incident(new_id, found.team.name, ticket.ref, ticket.title, Phase.OPEN)
        doubts = tuple(f"the rules of {name} match it too: tell them apart" for name in found.also)
    incident, holds = give_up(incident, held, now)
    source = source_of(incident, ticket, policy)
    if source is None:
        why = f"the rules no longer know the team {incident.team} on {ticket.ref.connection}"
        return Decision(waiting(incident, why), (), (why,))
    before, team = incident.phase, policy.teams[incident.team]
    incident = read_facts(incident, ticket, source, policy)
    incident = backfilling.heard(incident, ticket, backfills, team)
    muted, felt = (
        _has_label(ticket, postmortem.MUTE_LABEL) or backfilling.is_quiet(incident),
        customers.felt(ticket, incident.severity, team),
    )
    incident = replace(incident, muted=muted, felt=felt)
    reasons = [f"{before} → {incident.phase}"] if incident.phase is not before else []
    decision = _stand(incident, ticket, team, policy, said_severity(ticket, source), holds, now)
    decision = _not_yet(decision, held or {})
    return replace(decision, reasons=(*doubts, *reasons, *decision.reasons))


def _tasks_only(
    incident: Incident | None, policy: Policy, now: datetime, held: Mapping[str, Hold] | None
) -> Decision:
    """The decision where nothing is new but what the tickets of action items and the rows of the
    document say."""
    if incident is None:
        return Decision(None, (), ("nothing is known of it",))
    team = policy.teams.get(incident.team)
    if team is None:
        why = f"the rules no longer know the team {incident.team}"
        return Decision(waiting(incident, why), (), (why,))
    incident, holds = give_up(incident, held, now)
    if incident.phase is Phase.CLOSED:
        return _not_yet(set_up(incident, None, team, policy, holds, now), held or {})
    return _not_yet(_go_on(incident, None, team, policy, now), held or {})


def _go_on(
    incident: Incident, ticket: Ticket | None, team: Team, policy: Policy, now: datetime
) -> Decision:
    """The decision for an incident that is not closed (any more): nothing is set up, and what
    there is already stays in sync. What a team that only plans would write is waited for, so that
    it is written once the team acts. Without a ticket nothing is new of it."""
    if incident.postmortem is not None and incident.postmortem.status in NO_MORE:
        notes, again_at = list[str](), None
        effects: list[Effect] = list(to_set(incident, team, policy, now))
    else:
        incident, notes = hear_rows(incident, team, policy, now)
        effects = list(to_set(incident, team, policy, now))
        incident, writes, again_at = keep_up(incident, ticket, team, now)
        effects += writes
    if effects and team.mode is Mode.PLAN:
        incident = waiting(incident, PLANNED)
    elif incident.waiting_for == PLANNED:
        incident = watching(incident) if incident.phase is Phase.OPEN else done(incident)
    effects = publishing.around(incident, effects)
    return Decision(incident, tuple(effects), tuple(notes), again_at)


def _not_yet(decision: Decision, held: Mapping[str, Hold]) -> Decision:
    """Nothing is done before it is: what is wanted, and not given up, is waited for."""
    incident = decision.incident
    open_ones = [
        each
        for each in decision.effects
        if each.key not in held and not isinstance(each, _STANDING)
    ]
    if incident is None or incident.outlook is not Outlook.DONE or not open_ones:
        return decision
    return replace(decision, incident=waiting(incident, "what was asked for to be done"))


def _stand(
    incident: Incident,
    ticket: Ticket,
    team: Team,
    policy: Policy,
    severity_said: str,
    held: Mapping[str, Hold],
    now: datetime,
) -> Decision:
    """The decision for an incident whose facts are read."""
    if incident.phase is Phase.OPEN:
        why = "reopened: the same postmortem goes on" if incident.postmortem else "open"
        decision = _go_on(watching(incident), ticket, team, policy, now)
        return replace(decision, reasons=(why, *decision.reasons))
    if incident.phase is Phase.SET_ASIDE and incident.postmortem is None:
        why = f"closed as {ticket.status.reason or ticket.status.name}: no postmortem"
        return Decision(done(incident), (), (why,))
    if incident.postmortem is None:
        refusal = _no_postmortem(incident, team)
        if refusal is not None:
            return Decision(done(incident), (), (refusal,))
        if incident.severity is None and team.postmortem.severities:
            why = f"a known severity ({severity_said})"
            incident = waiting(incident, why)
            return Decision(incident, comment(incident, held), (f"waiting for {why}",))
    if incident.backfilled is None:
        incident = perspectives.asked_of(_with_people(incident, team, policy), team)
    return set_up(incident, ticket, team, policy, held, now)


def _no_postmortem(incident: Incident, team: Team) -> str | None:
    """Why the rules ask for no postmortem, or None when they do (or the severity must tell)."""
    if incident.closed is not None and incident.closed < team.start_from:
        why = backfilling.refusal(incident, team)
        if why is not None:
            return why
    wanted = team.postmortem.severities
    if incident.severity is not None and wanted and incident.severity not in wanted:
        return f"{incident.severity} gets no postmortem"
    return None


def _with_people(incident: Incident, team: Team, policy: Policy) -> Incident:
    """Roles and the dates of both steps, set once: later changes of the rules do not move them."""
    if incident.roles or incident.review_due or incident.synthesis_due:
        return incident
    limits = policy.severities[incident.severity] if incident.severity else SeverityRules("")
    closed = incident.closed
    synthesis, review = (
        after(span, closed, team.calendar) if span and closed else None
        for span in (limits.synthesis_within, limits.review_within)
    )
    today = team.calendar.day_of(closed) if closed else None
    days = [day for day in (today, synthesis, review) if day]
    away = {person.name for person in policy.people if any(map(person.is_away, days))}
    kind = policy.connections.get(incident.ticket.connection, "")
    named = name_of(incident.owner, kind, policy) if incident.owner else None
    roles = assign_roles(incident, team.rota, named, policy.served, away)
    return replace(incident, roles=roles, review_due=review, synthesis_due=synthesis)


def _gone(
    reading: TicketGone, incident: Incident | None, policy: Policy, now: datetime
) -> Decision:
    """Nothing is set up any more; what there is stays in sync."""
    if incident is None:
        return Decision(None, (), (f"{reading.ref.key} is not there: {reading.words}",))
    incident = replace(done(incident), phase=Phase.GONE)
    why = f"deleted or hidden ({reading.words}): kept as a tombstone"
    team = policy.teams.get(incident.team)
    decision = _go_on(incident, None, team, policy, now) if team else Decision(incident)
    return replace(decision, reasons=(why, *decision.reasons))


def _has_label(ticket: Ticket, label: str) -> bool:
    return same_word(label) in {same_word(name) for name in ticket.labels}
