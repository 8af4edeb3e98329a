"""One action item of one incident, in all the places where people see it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from stage import Stage

from workflows.action_table import read_rows
from workflows.documents import regions
from workflows.model import ActionItem, Incident
from workflows.snapshots import Field

OPS, DOCUMENTS = "acme/ops", "acme/postmortems"
MINUTE = timedelta(minutes=1)

#: Tasks in Jira, each with a twin on GitHub.
BOTH = (
    "{connection: jira, project: OPS, issue_type: Task,"
    " twin: {connection: github, repository: acme/ops, labels: [remediation]}}"
)


class Remedy:
    """The item that a comment on a closed GitHub incident asked for."""

    def __init__(self, stage: Stage, line: str = "ACTION: alert on depth @kim") -> None:
        self.stage = stage
        self.github, self.jira = stage.sandbox.github, stage.sandbox.jira
        number = self.github.open_issue(OPS, "Slow", by="kim", labels=["incident", "sev2"])
        self.github.comment(OPS, number, line, by="noor")
        self.github.close(OPS, number, by="kim")
        self.number, self.key = number, f"{OPS}#{number}"
        stage.settle()

    @property
    def incident(self) -> Incident:
        (found,) = self.stage.incidents()
        return found

    @property
    def item(self) -> ActionItem:
        return self.incident.actions[0]

    @property
    def issue(self) -> Any:
        """The ticket on GitHub, task or twin."""
        place, _, number = self._key("github").rpartition("#")
        return self.github.repos[place].issues[int(number)]

    @property
    def ticket(self) -> Any:
        """The ticket in Jira."""
        return self.jira.issue(self._key("jira"))

    def _key(self, connection: str) -> str:
        refs = (self.item.task, self.item.twin)
        return next(ref.key for ref in refs if ref and ref.connection == connection)

    @property
    def path(self) -> str:
        name = f"{OPS}#{self.number}".replace("/", "-").replace("#", "-")
        return f"postmortems/2026/{name}.md"

    @property
    def text(self) -> str:
        place = self.github.repos[DOCUMENTS]
        branch = next(n for n in place.branches if n.startswith("followthrough/"))
        return str(place.commits[place.branches[branch]].tree[self.path].decode())

    @property
    def row(self) -> dict[Field, str | None]:
        return dict(read_rows(regions(self.text)["actions"])["AI-1"].values)

    @property
    def table(self) -> str:
        """The document's table of action items, as it is written there."""
        return regions(self.text)["actions"]

    @property
    def comment(self) -> str:
        """The one comment on the incident's ticket."""
        place, _, number = self.incident.ticket.key.rpartition("#")
        notes = self.github.repos[place].issues[int(number)].notes
        return next(str(n.body) for n in notes if "Followthrough" in str(n.body))

    @property
    def told(self) -> str:
        """What the journal says."""
        return self.stage.told(self.incident.ticket.key)

    def write(self, before: str, after: str) -> None:
        """Somebody edits the document's table."""
        place = self.github.repos[DOCUMENTS]
        branch = next(n for n in place.branches if n.startswith("followthrough/"))
        assert before in self.table
        text = self.text.replace(self.table, self.table.replace(before, after, 1))
        self.github.push(DOCUMENTS, self.path, text, by="kim", branch=branch)

    def rest(self) -> None:
        """Until everything that was told is everywhere, the document too."""
        self.stage.settle()
        self.stage.wait(MINUTE)
