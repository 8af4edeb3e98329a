"""What is to be heard of in each place that the rules name, so that no webhook sends more."""

from __future__ import annotations

from collections import defaultdict

from integrations.webhooks import Hears
from workflows.policy import Policy, Team

#: Documents that are files on a branch, which is proposed.
_PROPOSED = "github-pull-request"


def heard(connection: str, policy: Policy) -> dict[str, frozenset[Hears]]:
    """By place of the connection."""
    found = defaultdict[str, set[Hears]](set)
    for team in policy.teams.values():
        for name, place, what in _of_team(team):
            if name == connection:
                found[place] |= what
    return {place: frozenset(what) for place, what in found.items()}


def _of_team(team: Team) -> list[tuple[str, str, set[Hears]]]:
    tickets = {Hears.TICKETS}
    document, audits = team.postmortem.document, team.audits
    named = [(each.connection, each.place, tickets) for each in team.incidents]
    for target in (team.postmortem.tasks, team.postmortem.twin, audits and audits.destination):
        named += [(target.connection, target.place, tickets)] if target else []
    told = {Hears.FILES, Hears.PROPOSALS} if document.kind == _PROPOSED else tickets
    named += [(document.connection, document.place, told)] if document.connection else []
    named += [(at, place, {Hears.FILES}) for place, at in team.checks.repositories.items()]
    shown = [(each.connection, each.place, {Hears.PROPOSALS}) for each in team.release_checks]
    return named + shown
