"""Related incidents: proposed on pages and in a new postmortem, and dismissed by people."""

from __future__ import annotations

from dataclasses import dataclass, replace

from service.audience import Audiences
from service.recurrences import compare_two, withdraw
from service.store import Store, Transaction
from service.store.dismissals import Dismissal
from service.store.incidents import IncidentRecord
from workflows.audience import Spot
from workflows.effects import CreateDocument
from workflows.model import Incident
from workflows.projection import project
from workflows.related import MOST, MOST_IN_DOCUMENT, Known, Related, traces, with_proposals
from workflows.sight import Sight
from workflows.standing import Decision

LONGEST_REASON = 500


class NotDismissable(ValueError):
    """Nothing can be dismissed so; the message ends a sentence."""


def related(tx: Transaction, incident: Incident, sight: Sight, most: int = MOST) -> list[Related]:
    """What may have to do with the incident and may be seen, without what was dismissed."""
    without = tx.dismissals.of_incident(incident.id)
    made = project(incident, tx.learning.synonyms())
    return tx.related.find(traces(made), sight, without, most)


def dismiss(tx: Transaction, record: IncidentRecord, other_id: str, *, by: str, why: str) -> str:
    """Say that the other (our id of an incident, or of an imported file) has nothing to do with
    this one; neither is proposed for the other any more, and where the two counted as a recurrence
    they do so no more. Returns what was done, in a sentence. Raises NotDismissable."""
    incident, why = record.incident, " ".join(why.split())
    other = tx.learning.kept(other_id)
    if other is None:
        raise NotDismissable("there is no such incident")
    if other_id == incident.id:
        raise NotDismissable("an incident has always to do with itself")
    if not why or len(why) > LONGEST_REASON:
        raise NotDismissable(f"a reason has 1 to {LONGEST_REASON} characters")
    keys = f"{other.facts.key} has nothing to do with {incident.ticket.key}"
    if not tx.dismissals.add(incident.id, other_id, by, why):
        return f"It was said before that {keys}."
    known = tx.incidents.get(other_id)
    if known is not None and withdraw(tx, incident, known.incident):
        return f"{keys}; they count as a recurrence no more, once a worker has looked at both."
    return f"{keys}, and neither is proposed for the other any more."


@dataclass(frozen=True, slots=True)
class Dismissed:
    """What somebody said has nothing to do with an incident, and who, when and why."""

    known: Known
    said: Dismissal


def dismissed(tx: Transaction, incident_id: str, sight: Sight) -> list[Dismissed]:
    """What of it may be seen, in the order in which it was said."""
    said = tx.dismissals.of_incident(incident_id)
    found = [Dismissed(each, said[each.id]) for each in tx.related.known(list(said), sight)]
    return sorted(found, key=lambda each: (each.said.at, each.known.id))


def take_back(tx: Transaction, record: IncidentRecord, other_id: str) -> str:
    """Have what the two have in common count again. Returns what was done, in a sentence. Raises
    NotDismissable where nobody said that they have nothing to do with each other."""
    incident, other = record.incident, tx.learning.kept(other_id)
    if other is None or tx.dismissals.of_pair(incident.id, other_id) is None:
        raise NotDismissable("nobody said that the two have nothing to do with each other")
    tx.dismissals.take_back(incident.id, other_id)
    if (known := tx.incidents.get(other_id)) is not None:
        compare_two(tx, incident, known.incident)
    keys = f"{other.facts.key} and {incident.ticket.key}"
    return f"{keys} are compared again, and proposed where they have something in common."


class AtSetUp:
    """What is proposed in a new postmortem."""

    def __init__(self, store: Store, audiences: Audiences) -> None:
        self._store = store
        self._audiences = audiences

    def proposed(self, decision: Decision) -> Decision:
        """The decision; where it creates the document, with what may be related in its text: only
        incidents that all who read that document may read of."""
        incident = decision.incident
        if incident is None or incident.restricted:
            return decision
        effects = tuple(
            self._with_related(effect, incident) if isinstance(effect, CreateDocument) else effect
            for effect in decision.effects
        )
        return decision if effects == decision.effects else replace(decision, effects=effects)

    def _with_related(self, wish: CreateDocument, incident: Incident) -> CreateDocument:
        to = wish.target
        document = Spot(to.connection, to.place if to.connection else "")  # see `place_of`
        found: list[Related] = []
        with self._store.read() as tx:
            for each in related(tx, incident, Sight(None)):
                other = tx.incidents.get(each.known.id)
                if other and self._audiences.will_be_one(incident, document, other.incident):
                    found.append(each)
        return replace(wish, text=with_proposals(wish.text, found[:MOST_IN_DOCUMENT]))
