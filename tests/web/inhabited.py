"""Two teams with something of everything, and people with tokens who ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from builders import at
from flask.testing import FlaskClient
from web.history import TOKEN, History, Web
from web.test_audit_pages import OPEN, PEOPLE
from web.test_conflict_pages import apart

from service import tokens
from service.app import create_app
from service.calls import Tally
from service.heartbeat import Heartbeat
from service.store import Store
from service.store.deliveries import DeliveryState
from service.store.imports import File
from workflows.lines import ActionLine, Origin, Proposal
from workflows.rights import Actor, Role, Teams
from workflows.versions import Publication, Version, digest

OPERATOR = Actor("an operator", Role.ADMIN, None, "command line")
OWN, FOREIGN = "k3v9", "f0r1"
API = "/api/v1"

#: What all of their incidents name.
FACTOR = "recurrence"


@dataclass
class World:
    """`own` is an incident of payments, `foreign` one of search. Each has actions in conflict, an
    open audit, a proposal, a delivery, a dead letter, two versions, an imported file
    and a contributing factor."""

    store: Store
    web: Web = field(init=False)
    ids: dict[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.web = Web(self.store, people=PEOPLE)
        Heartbeat(self.store, Tally(), threads=4).beat()
        self.ids = {OWN: self.incident(OWN, 42, "payments"), FOREIGN: self.incident(FOREIGN, 43)}
        self.client = create_app(self.web).test_client()

    def incident(self, id: str, number: int, team: str = "search") -> dict[str, Any]:
        """One more like these; what stands in its addresses."""
        history = History(self.store)
        origin = Origin("comment", "c1")
        line = Proposal(origin, "Retries off", "m", "may not write", 1, ActionLine("Retries off"))
        incident = history.closed(
            id,
            number,
            team=team,
            title=f"Of {team} alone",
            tags=(f"factor:{FACTOR}",),
            actions=(apart(),),
            audits=(OPEN,),
            proposals=(line,),
            proposals_numbered=1,
        )
        dead = history.delivery(incident, DeliveryState.UNREADABLE, id=f"dead-{id}")
        with self.store.write() as tx:
            for n, text in enumerate(("## One\n\na\n", "## One\n\nb\n"), 1):
                tx.versions.add(id, Version(n, Publication(text, at(n)), digest(text)))
            [letter] = [e for e in tx.effects.of_incident(id) if e.state.value == "rejected"]
            file = File(
                f"{id}.md", id, team, f"# Of {team} alone, elsewhere\n\nacme/ops#{number}\n"
            )
            tx.imports.put(file)
        return {"incident_id": id, "number": dead, "id": f"e{letter.id}", "file": file.id}

    def token(self, name: str, role: Role, teams: Teams = None, days: int = 1) -> str:
        """A new token; what opens with it."""
        with self.store.write() as tx:
            return tokens.create(tx, OPERATOR, name, role, teams, timedelta(days=days))[0]

    def ask(self, path: str, token: str = TOKEN, method: str = "GET", **more: Any) -> Any:
        """Ask by bearer."""
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **more)

    def post(self, path: str, body: Mapping[str, Any], **more: Any) -> Any:
        return self.ask(f"{API}{path}", method="POST", json=dict(body), **more)

    def changes(self) -> list[Any]:
        with self.store.read() as tx:
            return tx.changes.page(100)

    def visitor(self) -> FlaskClient:
        return create_app(self.web).test_client()
