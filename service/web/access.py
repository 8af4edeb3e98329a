"""Who may use what: one table of every endpoint. What it does not name is refused.

For each endpoint it says the least role, and how the team is found whose the thing is. Whoever may
not see a team is answered 404, as if there were nothing; lists hold what they see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from service import dead_letters
from service.store import Transaction
from workflows.rights import Actor, Role


class Whose(Enum):
    """How the team is found whose the thing is that an endpoint is about."""

    NOBODYS = "nobody's: there is nothing of a team in it"
    LISTED = "a list, of what whoever asks may see"
    INCIDENT = "that of the incident in the address"
    DELIVERY = "that of the incident which the delivery in the address led to"
    FILE = "that of the imported file in the address"
    LETTER = "that of the incident or team of the dead letter in the address"
    ALL = "all: only whoever sees every team"


@dataclass(frozen=True, slots=True)
class Entry:
    """The `least` role that an endpoint asks for, None where it asks for no sign-in: it is open, or
    a door with secrets of its own."""

    least: Role | None
    whose: Whose = Whose.NOBODYS

    def admits(self, actor: Actor) -> bool:
        """Whether the role of `actor` is enough, and they see all teams where that is asked."""
        enough = self.least is None or actor.role.reaches(self.least)
        return enough and (self.whose is not Whose.ALL or actor.teams is None)


_OPEN = Entry(None)


def _by(whose: Whose) -> Callable[[Role], Entry]:
    return lambda least: Entry(least, whose)


_listed, _all = _by(Whose.LISTED), _by(Whose.ALL)
_incident, _delivery, _letter = _by(Whose.INCIDENT), _by(Whose.DELIVERY), _by(Whose.LETTER)
_file = _by(Whose.FILE)
VIEWER, EDITOR, ADMIN = Role

#: By endpoint, as Flask names them.
TABLE: Mapping[str, Entry] = {
    "static": _OPEN,
    "health": _OPEN,
    "watching.ready": _OPEN,
    "watching.measured": _all(VIEWER),
    "webhooks.receive": _OPEN,
    "checks.receive": _OPEN,
    "sign_in.form": _OPEN,
    "sign_in.enter": _OPEN,
    "sign_in.leave": Entry(VIEWER),
    # pages
    "overview.overview": _listed(VIEWER),
    "pages.incidents": _listed(VIEWER),
    "pages.incident": _incident(VIEWER),
    "pages.retry": _incident(ADMIN),
    "pages.accept_proposal": _incident(EDITOR),
    "boards.actions": _listed(VIEWER),
    "boards.audits": _listed(VIEWER),
    "patterns.patterns": _listed(VIEWER),
    "patterns.pattern": _listed(VIEWER),
    "related.dismiss_related": _incident(EDITOR),
    "related.take_back_dismissal": _incident(EDITOR),
    "planning.preread": _listed(VIEWER),
    "planning.measures": _listed(VIEWER),
    "figures.figure": _listed(VIEWER),
    "figures.as_csv": _listed(VIEWER),
    "search.search": _listed(VIEWER),
    "search.imported": _file(VIEWER),
    "operation.summary": _listed(VIEWER),
    "zones.form": Entry(VIEWER),
    "zones.choose": Entry(VIEWER),
    "pages.deliveries": _listed(VIEWER),
    "pages.delivery": _delivery(VIEWER),
    "pages.replay": _delivery(ADMIN),
    "pages.drop": _delivery(ADMIN),
    "letters.letters": _listed(VIEWER),
    "letters.letter": _letter(VIEWER),
    "letters.replay": _letter(ADMIN),
    "letters.drop": _letter(ADMIN),
    "conflicts.conflicts": _listed(VIEWER),
    "conflicts.choose_value": _incident(EDITOR),
    "conflicts.resume_field": _incident(EDITOR),
    "judging.give_verdict": _incident(EDITOR),
    "versions.versions": _incident(VIEWER),
    "versions.version": _incident(VIEWER),
    "versions.publish_document": _incident(EDITOR),
    "drift.drift": _listed(VIEWER),
    "trackers.trackers": _all(VIEWER),
    "changes.changes": _all(ADMIN),
    "setup.form": _all(ADMIN),
    "setup.offer": _all(ADMIN),
    "setup.made": _all(ADMIN),
    # the API, and what describes it
    "api.openapi": Entry(VIEWER),
    "api.page": Entry(VIEWER),
    "api-incidents.list": _listed(VIEWER),
    "api-incidents.one": _incident(VIEWER),
    "api-incidents.explanation": _incident(VIEWER),
    "api-incidents.evidence": _incident(VIEWER),
    "api-incidents.attach": _incident(EDITOR),
    "api-incidents.versions": _incident(VIEWER),
    "api-incidents.version": _incident(VIEWER),
    "api-incidents.difference": _incident(VIEWER),
    "api-incidents.publish": _incident(EDITOR),
    "api-incidents.retry": _incident(ADMIN),
    "api-related.list": _incident(VIEWER),
    "api-related.dismissed": _incident(VIEWER),
    "api-related.dismiss": _incident(EDITOR),
    "api-related.take_back": _incident(EDITOR),
    "api-actions.list": _listed(VIEWER),
    "api-audits.list": _listed(VIEWER),
    "api-audits.judge": _incident(EDITOR),
    "api-proposals.list": _listed(VIEWER),
    "api-proposals.accept": _incident(EDITOR),
    "api-conflicts.list": _listed(VIEWER),
    "api-conflicts.choose": _incident(EDITOR),
    "api-conflicts.resume": _incident(EDITOR),
    "api-patterns.list": _listed(VIEWER),
    "api-patterns.one": _listed(VIEWER),
    "api-architecture-reviews.list": _listed(VIEWER),
    "api-figures.list": Entry(VIEWER),
    "api-figures.one": _listed(VIEWER),
    "api-search.find": _listed(VIEWER),
    "api-imported.one": _file(VIEWER),
    "api-preread.one": _listed(VIEWER),
    "api-measures.list": _listed(VIEWER),
    "api-release-check.one": _listed(VIEWER),
    "api-operation.summary": _listed(VIEWER),
    "api-drift.list": _listed(VIEWER),
    "api-trackers.list": _all(VIEWER),
    "api-deliveries.list": _listed(VIEWER),
    "api-deliveries.one": _delivery(VIEWER),
    "api-deliveries.replay": _delivery(ADMIN),
    "api-deliveries.drop": _delivery(ADMIN),
    "api-dead-letters.list": _listed(VIEWER),
    "api-dead-letters.one": _letter(VIEWER),
    "api-dead-letters.replay": _letter(ADMIN),
    "api-dead-letters.drop": _letter(ADMIN),
    "api-tokens.list": _all(ADMIN),
    "api-tokens.create": _all(ADMIN),
    "api-tokens.revoke": _all(ADMIN),
    "api-changes.list": _all(ADMIN),
}


def is_theirs(tx: Transaction, entry: Entry, actor: Actor, values: Mapping[str, Any]) -> bool:
    """Whether what an address with these `values` is about may be seen by `actor`. True as well
    where there is no such thing: the endpoint says so."""
    if actor.teams is None:
        return True
    match entry.whose:
        case Whose.INCIDENT:
            return actor.sees(tx.incidents.team(values["incident_id"]))
        case Whose.DELIVERY:
            found = tx.deliveries.get(values["number"])
            led_to = found.incident_id if found else None
            return actor.sees(tx.incidents.team(led_to) if led_to else None)
        case Whose.FILE:
            file = tx.imports.get(values["id"])
            return actor.sees(file.team if file else None)
        case Whose.LETTER:
            return actor.sees(dead_letters.team_of(tx, values["id"]))
        case Whose.ALL:
            return False
        case Whose.NOBODYS | Whose.LISTED:
            return True
