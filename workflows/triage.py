"""Is this ticket an incident, whose, and what does it say? The rules read against one ticket."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b

from workflows.audience import WITHHELD, told_service, withheld
from workflows.model import Change, Incident, Person, Phase, StatusCategory, Ticket
from workflows.named_fields import said_in
from workflows.policy import IncidentSource, Match, Policy, SourceKind, Team, ValueSource, same_word
from workflows.recurrence import tags
from workflows.timeline import closed_at, moments, under_heading, value


@dataclass(frozen=True, slots=True)
class Recognised:
    """The team that an incident belongs to, and the rule that says so. `also` names teams whose
    rules match it too, which is an error of the rules: the first one has it."""

    team: Team
    source: IncidentSource
    also: tuple[str, ...] = ()


def recognise(ticket: Ticket, policy: Policy) -> Recognised | str:
    """Whose incident this ticket is; otherwise why it is none, in words."""
    why = f"no team watches {ticket.place} on {ticket.ref.connection}"
    matching: list[Recognised] = []
    for team in policy.teams.values():
        for source in team.incidents:
            if not _is_of(source, ticket) or team.name in {m.team.name for m in matching}:
                continue
            missing = _mismatch(source.match, ticket)
            if missing is None:
                matching.append(Recognised(team, source))
            else:
                why = f"not an incident of {team.name}: {missing}"
    if not matching:
        return why
    others = tuple(m.team.name for m in matching[1:])
    return replace(matching[0], also=others)


def _is_of(source: IncidentSource, ticket: Ticket) -> bool:
    """Places are compared without case: a repository's name has none, a project key only one."""
    return (source.connection, source.place.casefold()) == (
        ticket.ref.connection,
        ticket.place.casefold(),
    )


def with_names(ticket: Ticket, policy: Policy) -> Ticket:
    """The ticket with people called as the rules call them: some trackers tell handles only."""
    kind = policy.connections.get(ticket.ref.connection, "")
    names = {
        person.handles[kind].casefold(): person.name
        for person in policy.people
        if kind in person.handles
    }

    def named(person: Person | None) -> Person | None:
        known = names.get(person.handle.casefold()) if person else None
        return replace(person, name=known) if person and known else person

    def said(change: Change) -> Change:
        if change.field != "assignee":
            return replace(change, by=named(change.by))
        before, after = (v and names.get(v.casefold(), v) for v in (change.before, change.after))
        return replace(change, by=named(change.by), before=before, after=after)

    return replace(
        ticket,
        author=named(ticket.author),
        owner=named(ticket.owner),
        comments=tuple(replace(one, author=named(one.author)) for one in ticket.comments),
        changes=tuple(said(one) for one in ticket.changes),
    )


def source_of(incident: Incident, ticket: Ticket, policy: Policy) -> IncidentSource | None:
    """The rule that a known incident is read by: the one of its place, else (it was moved) the
    team's first of the same tracker. None when the rules no longer know its team."""
    team = policy.teams.get(incident.team)
    if team is None:
        return None
    sources = [s for s in team.incidents if s.connection == ticket.ref.connection]
    return next((s for s in sources if _is_of(s, ticket)), next(iter(sources), None))


def _mismatch(match: Match, ticket: Ticket) -> str | None:
    """What the ticket lacks to be an incident, or None."""
    if match.issue_types and not _has(match.issue_types, [ticket.type or ""]):
        return f"its type is {ticket.type}, not {_either(match.issue_types)}"
    for label in sorted(match.labels):
        if not _has([label], ticket.labels):
            return f"it lacks the label {label}"
    if match.components and not _has(match.components, ticket.components):
        return f"its component is not {_either(match.components)}"
    for name, wanted in match.fields.items():
        if not _has(wanted, [said_in(ticket.fields, name)]):
            return f"its field {name} is not {_either(wanted)}"
    for heading, wanted in match.headings.items():
        if not _has(wanted, [under_heading(heading, ticket.text) or ""]):
            return f"under {heading!r} it does not say {_either(wanted)}"
    return None


def _has(wanted: Iterable[str], found: Iterable[str]) -> bool:
    return bool({same_word(w) for w in wanted} & {same_word(f) for f in found})


def _either(words: Iterable[str]) -> str:
    return " or ".join(sorted(words))


def read_facts(
    incident: Incident, ticket: Ticket, source: IncidentSource, policy: Policy
) -> Incident:
    """The incident with everything that its ticket says now; of a restricted ticket, with what
    may be told of it."""
    phase = phase_of(ticket, source)
    closed = closed_at(ticket) if phase is not Phase.OPEN else None
    told = (value(source.service, ticket) or "").strip() or None
    if ticket.restricted:
        told = told_service(told, source, policy.teams[incident.team])
    return replace(
        withheld(incident, ticket, policy),
        ticket=ticket.ref,
        title=WITHHELD if ticket.restricted else ticket.title,
        phase=phase,
        severity=severity_of(ticket, source.severity, policy),
        service=told,
        owner=ticket.owner,
        restricted=ticket.restricted,
        tags=() if ticket.restricted else tags(ticket.labels),
        opened=ticket.created,
        closed=closed,
        moments=moments(source, ticket, closed),
    )


def phase_of(ticket: Ticket, source: IncidentSource) -> Phase:
    """Open, closed, or closed for a reason that asks for no postmortem."""
    status, closing = ticket.status, source.closed
    done = status.category is StatusCategory.DONE
    if closing.statuses:
        done = _has(closing.statuses, [status.name])
    if not done:
        return Phase.OPEN
    reason = status.reason or ""
    if _has(closing.excepted, [reason, status.name]):
        return Phase.SET_ASIDE
    if closing.reasons and not _has(closing.reasons, [reason]):
        return Phase.SET_ASIDE
    return Phase.CLOSED


def severity_of(ticket: Ticket, source: ValueSource | None, policy: Policy) -> str | None:
    """The name of the severity in the rules that the ticket states, or None when it states
    none or one that the rules do not know."""
    said = value(source, ticket)
    if said is None:
        return None
    wanted = _bare(said)
    for rules in policy.severities.values():
        if wanted in {_bare(rules.name), *map(_bare, rules.aliases)}:
            return rules.name
    return None


def said_severity(ticket: Ticket, source: IncidentSource) -> str:
    """What the ticket says where its severity should be, for people who must mend it."""
    if source.severity is None:
        return "the rules do not say where the severity stands"
    if source.severity.kind is SourceKind.LABEL:
        place = f"label {source.severity.name}"
    else:
        place = f"{source.severity.kind.value} {source.severity.name}".strip()
    said = value(source.severity, ticket)
    if said and ticket.restricted:
        return f"{place} says a word that the rules do not know"
    return f"{place} says {said!r}, which the rules do not know" if said else f"{place} is empty"


def _bare(word: str) -> str:
    """ "SEV-1", "sev 1" and "Sev1" are one word."""
    return "".join(filter(str.isalnum, same_word(word)))


def assign_roles(
    incident: Incident,
    rota: Mapping[str, tuple[str, ...]],
    owner: str | None,
    served: Mapping[tuple[str, str], int],
    away: Container[str],
) -> dict[str, str]:
    """One person for each role of the rota: who had it least often lately (`served`, by role and
    name), and of equals the one whom the incident's id names, which is as good as chance.

    Nobody has two roles while others are free, the incident's owner does not facilitate, and who
    is `away` takes none: a role that nobody is left for stays empty.
    """
    roles: dict[str, str] = {}
    turn = int.from_bytes(blake2b(incident.id.encode(), digest_size=4).digest())
    for role, people in rota.items():
        start = turn % len(people) if people else 0
        order = people[start:] + people[:start]
        allowed = [p for p in order if p not in away and (role != "facilitator" or p != owner)]
        free = [p for p in allowed if p not in roles.values()]
        if allowed:
            counts = {person: served.get((role, person), 0) for person in free or allowed}
            roles[role] = min(counts, key=counts.__getitem__)
    return roles
