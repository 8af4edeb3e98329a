"""What `doctor` looks at: the rules held against the trackers, with a mend for each fault."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from config.rules import Rules
from integrations.document_store import Spaces
from integrations.files import Files
from integrations.findings import Finding, Kind
from integrations.gitdir import checks as git_directory
from integrations.handles import instead
from integrations.reviewed import ShowsChecks
from integrations.tracker import Survey, Tracker, TrackerError
from integrations.webhooks import Webhooks
from service.ambiguity import ambiguous, names_of
from service.arrivals import webhooks
from service.audience import Audiences
from service.clock import Clock
from service.listening import Listening
from service.matching import check_match
from service.store.doors import Door
from service.uses import keeps_files, shows_releases, tickets, uses, written_to
from workflows.policy import (
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

_GIT_DIRECTORY = "git-directory"

#: How many people one finding names.
MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Checked:
    """A finding, and the connection or team that it is about."""

    about: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class Means:
    """What is looked with. `webhooks` are those of the connections that take any, and `doors` how
    the doors stood when last used, where that is known; all calls of the trackers pass
    `listening`."""

    trackers: Mapping[str, Tracker]
    audiences: Audiences
    webhooks: Mapping[str, Webhooks]
    files: Mapping[str, Files]
    shows: Mapping[str, ShowsChecks]
    spaces: Mapping[str, Spaces]
    listening: Listening
    doors: Mapping[str, Door]
    clock: Clock
    public_url: str | None = None


def examine(rules: Rules, means: Means) -> Iterator[Checked]:
    """Each connection, then each team. Everything is only read; a team is not held against what
    could not be looked at, so that one fault is told once."""
    reached, unseen = set[str](), set[tuple[str, str]]()
    for name, connection in rules.connections.items():
        about = f"connection {name}, {connection.url}"
        if name in means.spaces:
            found = [*_spaces(means.spaces[name], name, rules.policy)]
            found += means.listening.findings(name)
            yield from (Checked(about, _mendable(finding)) for finding in found)
            continue
        findings = list(means.trackers[name].check(uses(name, rules.policy)))
        if any(finding.ok for finding in findings):
            reached.add(name)
            findings += _beside(name, rules.policy, means)
        hooks = means.webhooks.get(name) if name in reached else None
        if not written_to(name, rules.policy):
            findings = [_not_yet(finding) for finding in findings]
        hidden = {f.place for f in findings if f.place and not f.ok}
        unseen |= {(name, place) for place in hidden}
        findings += webhooks(connection, hooks, means.doors.get(name), means.clock(), hidden)
        findings += means.listening.findings(name)
        yield from (Checked(about, _mendable(finding)) for finding in findings)
    for team in rules.policy.teams.values():
        about = f"team {team.name}"
        looking = _Looking(team, rules.policy, means, reached, unseen)
        for finding in (*_team(looking), *_readers(looking)):
            yield Checked(about, _mendable(finding))


@dataclass(frozen=True, slots=True)
class _Looking:
    """A team that is looked at: which connections were `reached`, and which places `unseen`."""

    team: Team
    policy: Policy
    means: Means
    reached: set[str]
    unseen: set[tuple[str, str]]

    def tracker(self, connection: str, place: str) -> Tracker | None:
        """None where the place could not be looked at, which was told where its connection was."""
        if connection not in self.reached or (connection, place) in self.unseen:
            return None
        return self.means.trackers[connection]


def _beside(name: str, policy: Policy, means: Means) -> Iterator[Finding]:
    """What a connection is used for beside tickets and documents."""
    address = f"{means.public_url or ''}/webhooks/{name}"
    if name in means.files and (places := keeps_files(name, policy)):
        yield from means.files[name].check(places, address)
    if name in means.shows and (places := shows_releases(name, policy)):
        yield from means.shows[name].check(places, address)


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


def _spaces(spaces: Spaces, name: str, policy: Policy) -> Iterator[Finding]:
    """What keeps documents and no tickets. A parent that is another for each incident is not
    looked for."""
    documents = [team.postmortem.document for team in policy.teams.values()]
    there = [(d.place, d.path) for d in documents if d.connection == name]
    wanted = dict.fromkeys((place, "" if "{" in path else path) for place, path in there)
    for finding in spaces.check(wanted):
        yield finding if written_to(name, policy) else _not_yet(finding)
    yield Finding(True, "pages are polled: there are no webhooks")


# --- teams ----------------------------------------------------------------------------------------


def _team(looking: _Looking) -> Iterator[Finding]:
    team = looking.team
    if team.mode is Mode.PLAN:
        hint = "Set mode: act when `followthrough plan` shows what you want."
        yield Finding(True, "mode: plan, so nothing is written", hint)
    for source in team.incidents:
        tracker = looking.tracker(source.connection, source.place)
        if tracker is None:
            yield _unreached(source.place, source.connection)
        else:
            yield from _watched(looking, source, tracker)
    document = team.postmortem.document
    if document.kind == _GIT_DIRECTORY:
        yield from git_directory.check(document.place)
    for target in tickets(team):
        tracker = looking.tracker(target.connection, target.place)
        if tracker is None:
            yield _unreached(target.place, target.connection)
        else:
            yield from _owners(team, target, looking.policy, tracker)
    yield from _verdicts(team, looking)


def _readers(looking: _Looking) -> Iterator[Finding]:
    """Does anything that only some may read go to where everybody may? That is a fault while the
    team only plans, too: `mode: act` will not start with it."""
    if not {source.connection for source in looking.team.incidents} <= looking.reached:
        return
    objections = list(looking.means.audiences.of_team(looking.team))
    for each in objections:
        ends = (each.passage.source, each.passage.target)
        if not {(spot.connection, spot.place) for spot in ends} & looking.unseen:
            yield Finding(False, each.why.words, each.why.mend, kind=Kind.PUBLIC)
    if not objections:
        yield Finding(True, "nothing goes from where only some may read to where everybody may")


def _unreached(place: str, connection: str) -> Finding:
    """No fault of its own: the one that keeps it from being looked at is told."""
    mend = f"First mend the connection {connection}."
    return Finding(True, f"{place} could not be looked at", mend)


def _watched(looking: _Looking, source: IncidentSource, tracker: Tracker) -> Iterator[Finding]:
    """Does the place have what the rules read there, and does any ticket fit them?"""
    try:
        offers = tracker.survey(source.place, next(iter(sorted(source.match.issue_types)), ""))
    except TrackerError as error:
        yield Finding(False, f"{source.place}: {error.words}", error.mend, kind=Kind.REACH)
        return
    found = [*_unmatched(source.match, offers), *_unreadable(looking.team, source, offers)]
    yield from found
    if all(finding.ok for finding in found):
        yield Finding(True, f"incidents of {source.place}: the rules fit what is there")
        yield from check_match(looking.team, source, looking.policy, tracker, looking.means.clock())


def _unmatched(match: Match, offers: Survey) -> Iterator[Finding]:
    """What a ticket must have to be an incident, and no ticket there can have."""
    place = offers.place.key
    yield from _missing(Kind.ISSUE_TYPE, match.issue_types, offers.types, place)
    yield from _missing(Kind.LABEL, match.labels, offers.labels, place)
    yield from _missing(Kind.COMPONENT, match.components, offers.components, place)
    yield from _fields(match.fields, offers)


def _unreadable(team: Team, source: IncidentSource, offers: Survey) -> Iterator[Finding]:
    """Fields from which a value is to be read, and which are not there."""
    read: list[ValueSource | None] = [source.severity, source.service, *source.moments.values()]
    named = [value.name for value in read if value and value.kind is SourceKind.FIELD]
    customers = team.participants.customers
    named += customers.fields if customers else ()
    yield from _fields(dict.fromkeys(named), offers)


def _fields(named: Collection[str], offers: Survey) -> Iterator[Finding]:
    yield from _missing(Kind.FIELD, named, names_of(offers), offers.place.key)
    yield from ambiguous(named, offers)


def _verdicts(team: Team, looking: _Looking) -> Iterator[Finding]:
    """Is the field there whose value is an audit's verdict?"""
    audits = team.audits
    if audits is None or not audits.verdict_field:
        return
    to = audits.destination
    tracker = looking.tracker(to.connection, to.place)
    if tracker is None:
        yield _unreached(to.place, to.connection)
        return
    try:
        offers = tracker.survey(to.place, to.issue_type)
    except TrackerError as error:
        yield Finding(False, f"{to.place}: {error.words}", error.mend, kind=Kind.REACH)
        return
    yield from _fields([audits.verdict_field], offers)


def _missing(
    what: Kind, wanted: Iterable[str], there: tuple[str, ...], place: str
) -> Iterator[Finding]:
    known = {same_word(name) for name in there}
    for name in wanted:
        if there and same_word(name) not in known:
            mend = f"Make it, or name another in the rules; there are {', '.join(there[:20])}."
            yield Finding(False, f"{place} has no {what} {name}", mend, kind=what)


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
            told = f"{person.name} has no {kind} account in the rules"
            yield Finding(False, told, hint, kind=Kind.PERSON)
            continue
        try:
            can = tracker.can_assign(tasks.place, handle)
        except TrackerError as error:
            told = f"{person.name} ({handle}): {error.words}"
            yield Finding(False, told, error.mend, kind=Kind.PERSON)
            continue
        mend = instead(kind, handle)
        mend = mend or f"Let them be assigned in {tasks.place}, or mend the handle under people."
        said = "is assignable" if can else "is not assignable"
        what = f"{person.name} ({handle}) {said} in {tasks.place}"
        yield Finding(can, what, "" if can else mend, kind=Kind.PERSON)


def _people(team: Team, policy: Policy) -> list[KnownPerson]:
    named = [name for people in team.rota.values() for name in people]
    named += [a.owner for a in team.postmortem.standard_actions if a.owner]
    found = (known_person(policy, name) for name in dict.fromkeys(named))
    return [person for person in found if person is not None]
