"""What `doctor` looks at: the rules held against the trackers, with a mend for each fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from config.rules import ConnectionRules, Rules
from integrations.document_store import Spaces
from integrations.files import Files
from integrations.gitdir import checks as git_directory
from integrations.reviewed import ShowsChecks
from integrations.tracker import (
    Finding,
    KeptDeliveries,
    KeptThere,
    NotThere,
    Survey,
    Tracker,
    TrackerError,
)
from service.ambiguity import ambiguous
from service.audience import Audiences
from workflows.policy import (
    DocumentDestination,
    IncidentSource,
    KnownPerson,
    Match,
    Mode,
    Policy,
    SourceKind,
    TaskDestination,
    Team,
    ValueSource,
    known_person,
    same_word,
)
from workflows.snapshots import Field

_GIT_DIRECTORY = "git-directory"

#: How many people one finding names.
MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Checked:
    """A finding, and the connection or team that it is about."""

    about: str
    finding: Finding


def examine(
    rules: Rules,
    trackers: Mapping[str, Tracker],
    audiences: Audiences,
    kept: Mapping[str, KeptDeliveries],
    public_url: str | None = None,
    files: Mapping[str, Files] = MappingProxyType({}),
    shows: Mapping[str, ShowsChecks] = MappingProxyType({}),
    spaces: Mapping[str, Spaces] = MappingProxyType({}),
) -> Iterator[Checked]:
    """Each connection, then each team. Everything is only read; a team is not held against a
    connection that nothing could be read from."""
    reached: set[str] = set()
    for name, connection in rules.connections.items():
        about = f"connection {name}, {connection.url}"
        if name in spaces:
            found = _spaces(spaces[name], name, rules.policy)
            yield from (Checked(about, _mendable(finding)) for finding in found)
            continue
        findings = list(_connection(trackers[name], name, rules.policy))
        if any(finding.ok for finding in findings):
            reached.add(name)
        if not _written_to(name, rules.policy):
            findings = [_not_yet(finding) for finding in findings]
        findings.append(_webhooks(connection, public_url))
        if name in kept and name in reached:
            findings += kept[name].check()
        if name in files and name in reached and (places := keeps_files(name, rules.policy)):
            findings += files[name].check(places, f"{public_url or ''}/webhooks/{name}")
        if name in shows and name in reached and (places := shows_releases(name, rules.policy)):
            findings += shows[name].check(places, f"{public_url or ''}/webhooks/{name}")
        yield from (Checked(about, _mendable(finding)) for finding in findings)
    for team in rules.policy.teams.values():
        about = f"team {team.name}"
        for finding in (
            *_team(team, rules.policy, trackers, reached),
            *_readers(team, audiences, reached),
        ):
            yield Checked(about, _mendable(finding))


def _written_to(connection: str, policy: Policy) -> bool:
    """Whether a team that acts writes there."""
    return any(
        connection
        in {source.connection for source in team.incidents}
        | {team.postmortem.document.connection}
        | {target.connection for target in _tickets(team)}
        for team in policy.teams.values()
        if team.mode is Mode.ACT
    )


def _tickets(team: Team) -> tuple[TaskDestination, ...]:
    """Where tasks are created, and their twins."""
    tasks, twin = team.postmortem.tasks, team.postmortem.twin
    return (tasks,) if twin is None else (tasks, twin)


def _not_yet(finding: Finding) -> Finding:
    """While all its teams only plan, an account need not be allowed to write."""
    if finding.ok or not finding.to_write:
        return finding
    return replace(finding, ok=True, what=f"{finding.what}: not yet; needed for mode: act")


def _mendable(finding: Finding) -> Finding:
    """No fault without a mend: a tracker hides what is absent and what is forbidden alike."""
    if finding.ok or finding.mend:
        return finding
    mend = "Look whether its name in the rules is right, and whether the account may see it."
    return replace(finding, mend=mend)


def named_places(connection: str, policy: Policy) -> dict[str, tuple[str, ...]]:
    """Every place that the rules name on a connection, with the issue types created there."""
    wanted: dict[str, dict[str, None]] = {}
    for team in policy.teams.values():
        for source in team.incidents:
            if source.connection == connection:
                wanted.setdefault(source.place, {})
        targets: tuple[DocumentDestination | TaskDestination, ...]
        targets = (team.postmortem.document, *_tickets(team), *_audits(team))
        for target in targets:
            if target.connection == connection:
                types = wanted.setdefault(target.place, {})
                types |= {target.issue_type: None} if target.issue_type else {}
    return {place: tuple(types) for place, types in wanted.items()}


def keeps_files(connection: str, policy: Policy) -> tuple[str, ...]:
    """The repositories of a connection whose files measures may name."""
    named = (team.checks.repositories.items() for team in policy.teams.values())
    return tuple(dict.fromkeys(place for each in named for place, at in each if at == connection))


def shows_releases(connection: str, policy: Policy) -> tuple[str, ...]:
    """The repositories of a connection that show a release check."""
    named = (each for team in policy.teams.values() for each in team.release_checks)
    return tuple(each.place for each in named if each.connection == connection)


def _kept(connection: str, policy: Policy) -> dict[str, KeptThere]:
    """Where tasks and twins stand on a connection, and what the rules have written to them."""
    found: dict[str, KeptThere] = {}
    for team in policy.teams.values():
        fields = frozenset(field for field, rule in team.sync.fields.items() if rule.counts)
        closes = team.sync.close_milestones and team.postmortem.twin is not None
        for target in _tickets(team):
            if target.connection == connection:
                known = found.get(target.place, KeptThere(frozenset()))
                filled = known.filled | frozenset(target.statuses.fill)
                found[target.place] = KeptThere(
                    known.fields | fields, known.closes or closes, filled
                )
        for target in _audits(team):  # they are closed once they are judged
            if target.connection == connection:
                known = found.get(target.place, KeptThere(frozenset()))
                found[target.place] = replace(
                    known,
                    fields=known.fields | {Field.STATUS},
                    filled=known.filled | frozenset(target.statuses.fill),
                )
    return found


def _audits(team: Team) -> list[TaskDestination]:
    return [team.audits.destination] if team.audits else []


def _connection(tracker: Tracker, name: str, policy: Policy) -> Iterable[Finding]:
    """The tracker's own checks. It takes one issue type a place: where there are more it is
    asked again, and what it repeats is told once."""
    places, kept = named_places(name, policy), _kept(name, policy)
    found: dict[Finding, None] = {}
    for n in range(max((len(types) for types in places.values()), default=1) or 1):
        asked = {
            place: types[n] if n < len(types) else ""
            for place, types in places.items()
            if n == 0 or n < len(types)
        }
        found |= dict.fromkeys(tracker.check(asked, kept))
    return found


def _spaces(spaces: Spaces, name: str, policy: Policy) -> Iterator[Finding]:
    """What keeps documents and no tickets. A parent that is another for each incident is not
    looked for."""
    documents = [team.postmortem.document for team in policy.teams.values()]
    there = [(d.place, d.path) for d in documents if d.connection == name]
    wanted = dict.fromkeys((place, "" if "{" in path else path) for place, path in there)
    for finding in spaces.check(wanted):
        yield finding if _written_to(name, policy) else _not_yet(finding)
    yield Finding(True, "pages are polled: there are no webhooks")


def _webhooks(connection: ConnectionRules, public_url: str | None) -> Finding:
    if not connection.webhook_secrets:
        hint = "To hear of changes at once, make a webhook and name its secret in webhook_secrets."
        return Finding(True, "polling only: no webhook secret", hint)
    count = len(connection.webhook_secrets)
    told = f"{count} webhook secret{'' if count == 1 else 's'}"
    if public_url:
        return Finding(
            True, f"{told}; webhooks are taken at {public_url}/webhooks/{connection.name}"
        )
    return Finding(True, f"{told}; webhooks are taken at /webhooks/{connection.name}")


# --- teams ----------------------------------------------------------------------------------------


def _team(
    team: Team, policy: Policy, trackers: Mapping[str, Tracker], reached: set[str]
) -> Iterator[Finding]:
    if team.mode is Mode.PLAN:
        hint = "Set mode: act when `followthrough plan` shows what you want."
        yield Finding(True, "mode: plan, so nothing is written", hint)
    for source in team.incidents:
        if source.connection in reached:
            yield from _watched(source, trackers[source.connection])
        else:
            yield _unreached(source.place, source.connection)
    document = team.postmortem.document
    if document.kind == _GIT_DIRECTORY:
        yield from git_directory.check(document.place)
    for target in _tickets(team):
        if target.connection in reached:
            yield from _owners(team, target, policy, trackers[target.connection])
        else:
            yield _unreached(target.place, target.connection)


def _readers(team: Team, audiences: Audiences, reached: set[str]) -> Iterator[Finding]:
    """Does anything that only some may read go to where everybody may? That is a fault while the
    team only plans, too: `mode: act` will not start with it."""
    if not {source.connection for source in team.incidents} <= reached:
        return
    objections = list(audiences.of_team(team))
    for each in objections:
        yield Finding(False, each.why.words, each.why.mend)
    if not objections:
        yield Finding(True, "nothing goes from where only some may read to where everybody may")


def _unreached(place: str, connection: str) -> Finding:
    mend = f"First mend the connection {connection}."
    return Finding(False, f"{place} could not be looked at", mend)


def _watched(source: IncidentSource, tracker: Tracker) -> Iterator[Finding]:
    """Does the place have what the rules read there?"""
    try:
        offers = tracker.survey(source.place, next(iter(sorted(source.match.issue_types)), ""))
    except NotThere:  # told where the connection was looked at
        return
    except TrackerError as error:
        yield Finding(False, f"{source.place}: {error.words}", error.mend)
        return
    faults = [*_unmatched(source.match, offers), *_unreadable(source, offers)]
    yield from faults
    if not faults:
        yield Finding(True, f"incidents of {source.place}: the rules fit what is there")


def _unmatched(match: Match, offers: Survey) -> Iterator[Finding]:
    """What a ticket must have to be an incident, and no ticket there can have."""
    place = offers.place.key
    yield from _missing("issue type", match.issue_types, offers.types, place)
    yield from _missing("label", match.labels, offers.labels, place)
    yield from _missing("component", match.components, offers.components, place)
    yield from _missing("field", match.fields, _field_names(offers), place)
    yield from ambiguous(match.fields, offers)


def _unreadable(source: IncidentSource, offers: Survey) -> Iterator[Finding]:
    """Fields from which a value is to be read, and which are not there."""
    read: list[ValueSource | None] = [source.severity, source.service, *source.moments.values()]
    named = [value.name for value in read if value and value.kind is SourceKind.FIELD]
    yield from _missing("field", named, _field_names(offers), offers.place.key)
    yield from ambiguous(named, offers)


def _field_names(offers: Survey) -> tuple[str, ...]:
    return tuple(name for field in offers.fields for name in (field.id, field.name))


def _missing(
    what: str, wanted: Iterable[str], there: tuple[str, ...], place: str
) -> Iterator[Finding]:
    known = {same_word(name) for name in there}
    for name in wanted:
        if there and same_word(name) not in known:
            mend = f"Make it, or name another in the rules; there are {', '.join(there[:20])}."
            yield Finding(False, f"{place} has no {what} {name}", mend)


def _owners(
    team: Team, tasks: TaskDestination, policy: Policy, tracker: Tracker
) -> Iterator[Finding]:
    """Everybody whom the rules may make an owner or give a role: can they own a task there?"""
    kind = policy.connections[tasks.connection]
    named = _people(team, policy)
    others = [p.name for p in policy.people if p not in named and kind not in p.handles]
    if others:
        count = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        hint = f"Add {kind}: … to them under people, if they are to own tasks in {tasks.place}."
        told = f"{', '.join(others[:MOST_NAMED])}{count}: no {kind} account in the rules"
        yield Finding(True, told, hint)
    for person in named:
        handle = person.handles.get(kind)
        if handle is None:
            hint = f"Add {kind}: … to them under people, if they are to own tasks."
            yield Finding(True, f"{person.name} has no {kind} account in the rules", hint)
            continue
        try:
            can = tracker.can_assign(tasks.place, handle)
        except TrackerError as error:
            yield Finding(False, f"{person.name} ({handle}): {error.words}", error.mend)
            continue
        mend = f"Let them be assigned in {tasks.place}, or mend the handle under people."
        said = "is assignable" if can else "is not assignable"
        what = f"{person.name} ({handle}) {said} in {tasks.place}"
        yield Finding(can, what, "" if can else mend)


def _people(team: Team, policy: Policy) -> list[KnownPerson]:
    named = [name for people in team.rota.values() for name in people]
    named += [a.owner for a in team.postmortem.standard_actions if a.owner]
    found = (known_person(policy, name) for name in dict.fromkeys(named))
    return [person for person in found if person is not None]
