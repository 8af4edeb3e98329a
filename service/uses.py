"""What the rules use each connection for: its places, and what is done in each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from integrations.uses import Creation, NamedStatus, Use
from workflows.policy import (
    IncidentSource,
    Mode,
    Policy,
    SourceKind,
    TaskDestination,
    Team,
)
from workflows.snapshots import Field, Progress
from workflows.statuses import status_wish

_PULL_REQUEST = "github-pull-request"


def uses(connection: str, policy: Policy) -> dict[str, Use]:
    """Every place that the rules name on a connection, with what is done there."""
    found: dict[str, Use] = {}
    for team in policy.teams.values():
        for n, source in enumerate(team.incidents):
            if source.connection == connection:
                known = found.get(source.place, Use())
                named = tuple(_read(source, f"teams.{team.name}.incidents[{n}]"))
                found[source.place] = replace(known, statuses=(*known.statuses, *named))
        for on, place, use in _done(team):
            if on == connection:
                known = found.get(place, Use())
                found[place] = replace(
                    known,
                    creations=(*known.creations, *use.creations),
                    kept=known.kept | use.kept,
                    closes=known.closes or use.closes,
                    statuses=(*known.statuses, *use.statuses),
                    proposed=known.proposed or use.proposed,
                )
    return found


def _done(team: Team) -> Iterator[tuple[str, str, Use]]:
    """Connection, place and use for everything that is created for a team."""
    document = team.postmortem.document
    rule = f"teams.{team.name}.postmortem"
    made = Creation(document.issue_type, document.fill, f"{rule}.document")
    proposed = document.kind == _PULL_REQUEST
    yield document.connection, document.place, Use((made,), proposed=proposed)
    fields = frozenset(field for field, known in team.sync.fields.items() if known.counts)
    closes = team.sync.close_milestones and team.postmortem.twin is not None
    for target, at in zip(tickets(team), ("tasks", "tasks.twin"), strict=False):
        here = f"{rule}.{at}"
        made = _creation(target, here, moves=Field.STATUS in fields)
        use = Use((made,), fields, closes, tuple(_said(target, here)))
        yield target.connection, target.place, use
    if team.audits:  # they are closed once they are judged
        target = team.audits.destination
        here = _audits_rule(team)
        said = tuple(_said(target, here))
        use = Use((_creation(target, here, moves=True),), frozenset({Field.STATUS}), statuses=said)
        yield target.connection, target.place, use


def _read(source: IncidentSource, rule: str) -> Iterator[NamedStatus]:
    """The statuses that incidents are read by."""
    types = tuple(sorted(source.match.issue_types))
    for name in sorted(source.closed.statuses):
        yield NamedStatus(name, f"{rule}.closed.status", types)
    for moment, value in source.moments.items():
        if value.kind is SourceKind.STATUS:
            yield NamedStatus(value.name, f"{rule}.moments.{moment}.status", types)


def _said(target: TaskDestination, rule: str) -> Iterator[NamedStatus]:
    """The statuses that tickets are brought to, and read by."""
    types = (target.issue_type,) if target.issue_type else ()
    for progress, names in target.statuses.names.items():
        for name in names:
            yield NamedStatus(name, f"{rule}.statuses.{progress}", types)


def _audits_rule(team: Team) -> str:
    """The part of the rules that says where audits go: that of tasks, if they have none."""
    usual, target = team.postmortem.tasks, team.audits.destination if team.audits else None
    if target is not None and replace(target, labels=usual.labels) == usual:
        return f"teams.{team.name}.postmortem.tasks"
    return f"teams.{team.name}.audits.destination"


def _creation(target: TaskDestination, rule: str, *, moves: bool) -> Creation:
    done = status_wish(Progress.DONE, target.statuses) if moves else None
    return Creation(target.issue_type, tuple(target.statuses.fill.items()), rule, done)


def tickets(team: Team) -> tuple[TaskDestination, ...]:
    """Where tasks are created, and their twins."""
    tasks, twin = team.postmortem.tasks, team.postmortem.twin
    return (tasks,) if twin is None else (tasks, twin)


def keeps_files(connection: str, policy: Policy) -> tuple[str, ...]:
    """The repositories of a connection whose files measures may name."""
    named = (team.checks.repositories.items() for team in policy.teams.values())
    return tuple(dict.fromkeys(place for each in named for place, at in each if at == connection))


def shows_releases(connection: str, policy: Policy) -> tuple[str, ...]:
    """The repositories of a connection that show a release check."""
    named = (each for team in policy.teams.values() for each in team.release_checks)
    return tuple(each.place for each in named if each.connection == connection)


def written_to(connection: str, policy: Policy) -> bool:
    """Whether a team that acts writes there."""
    return any(
        connection
        in {source.connection for source in team.incidents}
        | {team.postmortem.document.connection}
        | {target.connection for target in tickets(team)}
        | ({team.audits.destination.connection} if team.audits else set())
        for team in policy.teams.values()
        if team.mode is Mode.ACT
    )
