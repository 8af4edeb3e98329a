"""What the rules use each connection for: its places, and what is done in each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from integrations.uses import Creation, Use
from workflows.policy import Mode, Policy, TaskDestination, Team
from workflows.snapshots import Field


def uses(connection: str, policy: Policy) -> dict[str, Use]:
    """Every place that the rules name on a connection, with what is done there."""
    found: dict[str, Use] = {}
    for team in policy.teams.values():
        for source in team.incidents:
            if source.connection == connection:
                found.setdefault(source.place, Use())
        for on, place, use in _done(team):
            if on == connection:
                known = found.get(place, Use())
                found[place] = replace(
                    known,
                    creations=(*known.creations, *use.creations),
                    kept=known.kept | use.kept,
                    closes=known.closes or use.closes,
                )
    return found


def _done(team: Team) -> Iterator[tuple[str, str, Use]]:
    """Connection, place and use for everything that is created for a team."""
    document = team.postmortem.document
    rule = f"teams.{team.name}.postmortem"
    made = Creation(document.issue_type, document.fill, f"{rule}.document")
    yield document.connection, document.place, Use((made,))
    fields = frozenset(field for field, known in team.sync.fields.items() if known.counts)
    closes = team.sync.close_milestones and team.postmortem.twin is not None
    for target, at in zip(tickets(team), ("tasks", "tasks.twin"), strict=False):
        use = Use((_creation(target, f"{rule}.{at}"),), fields, closes)
        yield target.connection, target.place, use
    if team.audits:  # they are closed once they are judged
        target = team.audits.destination
        use = Use((_creation(target, _audits_rule(team)),), frozenset({Field.STATUS}))
        yield target.connection, target.place, use


def _audits_rule(team: Team) -> str:
    """The part of the rules that says where audits go: that of tasks, if they have none."""
    usual, target = team.postmortem.tasks, team.audits.destination if team.audits else None
    if target is not None and replace(target, labels=usual.labels) == usual:
        return f"teams.{team.name}.postmortem.tasks"
    return f"teams.{team.name}.audits.destination"


def _creation(target: TaskDestination, rule: str) -> Creation:
    return Creation(target.issue_type, tuple(target.statuses.fill.items()), rule)


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
        for team in policy.teams.values()
        if team.mode is Mode.ACT
    )
