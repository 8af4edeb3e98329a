"""A company whose service has everything to show: incidents that are open, waiting and done, one
with conflicts, audits, versions, proposals and drift, and what trackers refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from browser import past
from measures import REVIEWERS
from remedies import BOTH
from stage import GITHUB_INCIDENTS, JIRA_INCIDENTS, Stage

from integrations.tracker import Envelope
from service import tokens
from service.store.deliveries import Arrival, DeliveryState
from service.store.imports import File
from workflows.model import ActionItem, Incident
from workflows.rights import Actor, Role

OPS, DOCUMENTS = "acme/ops", "acme/postmortems"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
FACTOR_ROW = "| | | |\n\n### Five whys"
FACTOR = "| The queue has no bound for one tenant | graph 7 | |\n\n### Five whys"

PARTS: dict[str, Any] = {
    "incidents": GITHUB_INCIDENTS + '  service: {label: "svc-*"}\n' + JIRA_INCIDENTS,
    "tasks": BOTH,
    "audits": REVIEWERS,
    "sync": "{flips: 2, rest: 40 days}",
}

ELSEWHERE = """# The queue ran full

**Severity:** SEV2
**Service:** checkout

## Root cause

- The queue has no bound for one tenant
"""

OPERATOR = Actor("an operator", Role.ADMIN, None, "command line")

#: What people wrote on the incident that has everything, and who.
SAID = (
    (
        "noor",
        "ACTION: Alert on the depth of the queue @kim [detective]"
        ' measure:"pages within two minutes of a full queue"',
    ),
    (
        "noor",
        "ACTION: Limit what one tenant can queue @noor [preventive] milestone:Q1"
        ' measure:"no tenant fills more than a tenth of the queue"',
    ),
    ("kim", "ACTION: Write down how the queue is drained by hand @lee [corrective]"),
    ("mallory", "ACTION: Turn retries off for good @kim"),
)


class Company:
    """Fills the store by what people do in the trackers; the service works as it always does."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.github, self.jira = stage.sandbox.github, stage.sandbox.jira
        self.key = self._closed("Checkout answers 500 while one tenant floods the queue", SAID)

    # --- looking ---

    @property
    def incident(self) -> Incident:
        return self.stage.incident(self.key)

    def item(self, number: int) -> ActionItem:
        return next(item for item in self.incident.actions if item.number == number)

    # --- what happens ---

    def live(self) -> None:
        self.publish_twice()
        self.finish(1)
        self.finish(2)
        self.stage.wait(31 * DAY)
        self.judge("/audit effective because the alert fired twice, in good time", 1)
        self.name_the_factor(self._closed("Checkout answers 500 again"))
        self.stage.wait(DAY)
        self.disagree()
        self.refuse()
        self.be_amid_another()
        self.remember()
        past.fill(self.stage.store)

    def _open(self, title: str, severity: str = "sev1") -> int:
        labels = ["incident", severity, "svc-checkout"]
        return int(self.github.open_issue(OPS, title, by="kim", labels=labels))

    def _closed(self, title: str, said: tuple[tuple[str, str], ...] = ()) -> str:
        number = self._open(title)
        self.stage.wait(11 * MINUTE)
        self.github.assign(OPS, number, ["noor"], by="noor")
        self.stage.wait(32 * MINUTE)
        self.github.label(OPS, number, "mitigated", by="noor")
        self.stage.wait(49 * MINUTE)
        for by, words in said:
            self.github.comment(OPS, number, words, by=by)
        self.github.close(OPS, number, by="kim")
        self.stage.settle()
        return f"{OPS}#{number}"

    def publish_twice(self) -> None:
        """The postmortem is completed, merged, changed and merged again."""
        self.name_the_factor(self.key)
        self.github.ready_for_review(DOCUMENTS, 1, by="kim")
        self.stage.settle()
        self.github.merge(DOCUMENTS, 1, by="noor", delete_branch=False)
        self.stage.settle()
        self.stage.wait(MINUTE)
        self._write(self.key, "main", "| graph 7 |", "| graphs 7 and 8, and the balancer's log |")

    def name_the_factor(self, key: str) -> None:
        """Somebody writes into the document why it happened."""
        branch = next(
            name
            for name in self.github.repos[DOCUMENTS].branches
            if name.startswith("followthrough/") and self._path(key) in self._tree(name)
        )
        self._write(key, branch, FACTOR_ROW, FACTOR)

    def _write(self, key: str, branch: str, old: str, new: str) -> None:
        path = self._path(key)
        text = self._tree(branch)[path].decode()
        assert old in text
        self.github.push(DOCUMENTS, path, text.replace(old, new), by="kim", branch=branch)
        self.stage.settle()

    def _path(self, key: str) -> str:
        name = key.replace("/", "-").replace("#", "-")
        return f"postmortems/{self.stage.incident(key).closed:%Y}/{name}.md"

    def _tree(self, branch: str) -> Mapping[str, bytes]:
        place = self.github.repos[DOCUMENTS]
        tree: Mapping[str, bytes] = place.commits[place.branches[branch]].tree
        return tree

    def finish(self, number: int) -> None:
        task = self.item(number).task
        assert task is not None
        self.jira.transition(task.key, "Done", by="5b10-kim")
        self.stage.settle()

    def judge(self, words: str, number: int) -> None:
        """Comment on the latest audit of that action item."""
        audit = [a for a in self.incident.audits if a.item == number and a.ticket][-1]
        assert audit.ticket is not None
        self.jira.comment(audit.ticket.key, words, by="5b10-noor" if number == 1 else "5b10-kim")
        self.stage.settle()

    def disagree(self) -> None:
        """The owner of AI-3 is changed in both trackers before anybody heard of either; hooks are
        off, so that some of it is drift."""
        item = self.item(3)
        assert item.task is not None
        assert item.twin is not None
        twin = int(item.twin.key.rpartition("#")[2])
        self.stage.sandbox.hooks.enabled = False
        self.jira.edit(item.task.key, "5b10-noor", assignee={"accountId": "5b10-noor"})
        self.github.assign(OPS, twin, ["kim"], by="kim")
        second = self.item(2)
        assert second.task is not None
        self.jira.edit(second.task.key, "5b10-noor", duedate="2027-09-30")
        self.stage.sandbox.hooks.enabled = True
        self.stage.clock.wait(2 * MINUTE)
        self.stage.poll()

    def refuse(self) -> None:
        """The project of tasks comes to require a field; and something nobody can read comes."""
        self.jira.projects["OPS"].required = frozenset(
            {"summary", "issuetype", "customfield_10050"}
        )
        values: dict[str, Any] = {
            "customfield_10050": {"value": "SEV-2"},
            "components": [{"name": "search"}],
        }
        key = self.jira.create_issue("INC", "Search answers nothing", by="5b10-kim", **values)
        self.jira.comment(key, "ACTION: Keep an index in reserve @noor", by="5b10-noor")
        self.jira.transition(key, "Resolved", by="5b10-kim")
        self.stage.settle()
        with self.stage.store.write() as tx:
            envelope = Envelope("guid-unreadable", "issues", b'{"action": "closed", "issue": 7}')
            [number] = tx.deliveries.record([Arrival("github", envelope, self.stage.clock())])
            assert isinstance(number, int)
            words = "the payload names no ticket"
            tx.deliveries.mark(number, DeliveryState.UNREADABLE, words)

    def be_amid_another(self) -> None:
        self._open("Emails leave an hour late", "sev2")
        self.stage.settle()

    def remember(self) -> None:
        """A postmortem that was written elsewhere is imported, and somebody gets a token."""
        with self.stage.store.write() as tx:
            tx.imports.put(File("2025/queue.md", "d1", "payments", ELSEWHERE))
            tokens.create(tx, OPERATOR, "kim", Role.EDITOR, None, 30 * DAY)


@contextmanager
def company(directory: Path) -> Iterator[Company]:
    """The company at work, with its pages on loopback at `stage.url`."""
    with Stage(directory, **PARTS) as stage:
        made = Company(stage)
        made.live()
        stage.listen()
        yield made
