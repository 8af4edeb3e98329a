"""A town where people edit one remedy in every place where they see it, and nothing works well.

Everybody's edits are remembered by what they were meant to say, and judged at the end by what the
places show: nothing here asks the service.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from inprocess import without_sockets
from stage import Stage

from integrations.sandbox.world import Refused
from workflows.model import Outlook

OPS, DOCUMENTS = "acme/ops", "acme/postmortems"
BOTH = (
    "{connection: jira, project: OPS, issue_type: Task,"
    " twin: {connection: github, repository: acme/ops, labels: [remediation]}}"
)
FIELDS = ("owner", "milestone", "status", "due")

PEOPLE = {"Kim Ito": ("5b10-kim", "kim"), "Noor Aziz": ("5b10-noor", "noor")}
BY_JIRA = {jira: name for name, (jira, _) in PEOPLE.items()}
BY_GITHUB = {github: name for name, (_, github) in PEOPLE.items()}

#: Somebody who is assigned on GitHub besides the owner.
HELPER = "lee"

#: What nobody can read as a date.
SOON = "next week"

#: What each tracker can tell apart of a status: GitHub knows no progress.
ON_GITHUB = {"in progress": "open", "in review": "open"}
ON_JIRA = {"in review": "in progress"}
IN_JIRA = {"To Do": "open", "In Progress": "in progress", "Done": "done"}
REASONS = {"done": "completed", "won't do": "not_planned"}

_DUE = re.compile(r"\*\*Due:\*\* (\S+) <!-- followthrough:due -->")
_TABLE = re.compile(r"<!-- followthrough:begin actions -->\n(.*?)\n<!-- followthrough:end", re.S)

Value = str | None


@dataclass(frozen=True)
class Edit:
    """What somebody said in one place, in the record's words. `back`: it only took back what was
    said there since the service last heard."""

    place: str
    field: str
    value: Value
    back: bool = False


class Remedy:
    """One action item, as its ticket in Jira, its twin on GitHub and its row in the document."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.github, self.jira = stage.sandbox.github, stage.sandbox.jira
        number = self.github.open_issue(OPS, "Slow", by="kim", labels=["incident", "sev2"])
        self.github.comment(OPS, number, "ACTION: alert on depth @kim", by="noor")
        self.github.close(OPS, number, by="kim")
        self.key = f"{OPS}#{number}"
        self._path = f"postmortems/{stage.clock():%Y}/acme-ops-{number}.md"
        stage.settle()
        for _ in range(5):  # an earlier remedy's troubles may not be over
            if stage.incident(self.key).outlook is Outlook.DONE:
                break
            stage.wait(timedelta(minutes=10))
        known = stage.incident(self.key)
        assert known.outlook is Outlook.DONE, known.waiting_for
        item = stage.incident(self.key).actions[0]
        assert item.task is not None
        assert item.twin is not None
        self._ticket, self._number = item.task.key, int(item.twin.key.partition("#")[2])
        documents = self.github.repos[DOCUMENTS]
        self._branch = next(
            name
            for name, head in documents.branches.items()
            if name != "main" and self._path in documents.commits[head].tree
        )
        self.edits: list[Edit] = []
        self._scribbled = False
        self._missed = False  # an edit whose webhook was lost
        self._stood: set[tuple[str, str, Value]] = set()
        self.heard()

    def heard(self) -> None:
        """The service worked, and nothing kept it from hearing all."""
        if self._missed:
            return
        self._stood = {
            (place, field, value)
            for place, shown in self.shown().items()
            for field, value in shown.items()
        }

    def shown(self) -> dict[str, dict[str, Value]]:
        return {"github": self.on_github(), "jira": self.in_jira(), "row": self.in_row()}

    # --- what the places show ---

    @property
    def issue(self) -> Any:
        return self.github.repos[OPS].issues[self._number]

    @property
    def text(self) -> str:
        place = self.github.repos[DOCUMENTS]
        return str(place.commits[place.branches[self._branch]].tree[self._path].decode())

    def on_github(self) -> dict[str, Value]:
        issue = self.issue
        due = _DUE.search(issue.body or "")
        closed = {reason: status for status, reason in REASONS.items()}
        titles = {each.number: each.title for each in self.github.repos[OPS].milestones}
        return {
            "owner": next((BY_GITHUB[who] for who in issue.assignees if who != HELPER), None),
            "milestone": titles[issue.milestone] if issue.milestone else None,
            "status": "open" if issue.state == "open" else closed[issue.reason],
            "due": due[1] if due else None,
        }

    def in_jira(self) -> dict[str, Value]:
        issue = self.jira.issue(self._ticket)
        names = {version.id: version.name for version in self.jira.projects["OPS"].versions}
        owner, versions = issue.values.get("assignee"), issue.values.get("fixVersions") or []
        assert isinstance(versions, list)
        reason = {"Won't Do": "won't do"}.get(issue.resolution or "")
        due = issue.values.get("duedate")
        return {
            "owner": BY_JIRA[str(owner)] if owner else None,
            "milestone": names[versions[0]] if versions else None,
            "status": reason or IN_JIRA[issue.status],
            "due": str(due) if due else None,
        }

    def in_row(self) -> dict[str, Value]:
        cells = self._cells()
        shown = {"owner": cells[3], "milestone": cells[4], "due": cells[5], "status": cells[6]}
        return {field: None if cell in ("", "—") else cell for field, cell in shown.items()}

    def _cells(self) -> list[str]:
        return [cell.strip() for cell in self._row().strip("|").split("|")]

    def _row(self) -> str:
        table = _TABLE.search(self.text)
        assert table is not None
        return next(line for line in table[1].splitlines() if line.startswith("| AI-1"))

    # --- people ---

    def edit(self, place: str, field: str, value: Value) -> None:
        """Somebody says `value` there; what stands there already, or cannot be said there, is no
        edit."""
        acts: dict[str, Callable[[str, Value], None]] = {
            "github": self._edit_github,
            "jira": self._edit_jira,
            "row": self._edit_row,
        }
        if field == "status" and _coarse(place, value) != value:
            return
        if self.shown()[place][field] == value:
            return
        try:
            acts[place](field, value)
        except Refused:
            return
        if self.shown()[place][field] != value:  # a transition that leads nowhere, for one
            return
        self.edits.append(Edit(place, field, value, (place, field, value) in self._stood))
        self._stood.add((place, field, value))
        self._missed = self._missed or not self.stage.sandbox.hooks.enabled

    def _edit_github(self, field: str, value: Value) -> None:
        issue, edit = self.issue, self.github.edit
        if field == "owner":
            edit(OPS, issue.number, "kim", assignees=[PEOPLE[value][1]] if value else [])
        elif field == "milestone":
            number = self._milestone(value) if value else None
            edit(OPS, issue.number, "kim", milestone=number)
        elif field == "due":
            line = f"**Due:** {value} <!-- followthrough:due -->" if value else ""
            body = issue.body or ""
            if _DUE.search(body):
                body = _DUE.sub(line, body)
            else:
                body = body.replace("<!-- followthrough twin", f"{line}\n\n<!-- followthrough twin")
            edit(OPS, issue.number, "kim", body=body)
        elif value == "open":
            self.github.reopen(OPS, issue.number, by="kim")
        else:
            if issue.state == "closed":  # a reason only changes with the state
                self.github.reopen(OPS, issue.number, by="kim")
            self.github.close(OPS, issue.number, by="kim", state_reason=REASONS[value or ""])

    def _milestone(self, title: str) -> int:
        known = self.github.repos[OPS].milestones
        found = next((m.number for m in known if m.title == title), None)
        return found or self.github.add_milestone(OPS, title)

    def _edit_jira(self, field: str, value: Value) -> None:
        edit = self.jira.edit
        if field == "owner":
            edit(self._ticket, "5b10-kim", assignee=PEOPLE[value][0] if value else None)
        elif field == "milestone":
            if value and value not in {v.name for v in self.jira.projects["OPS"].versions}:
                self.jira.add_version("OPS", value)
            edit(self._ticket, "5b10-kim", fixVersions=[value] if value else [])
        elif field == "due":
            edit(self._ticket, "5b10-kim", duedate=value)
        elif value == "won't do":
            self.jira.transition(self._ticket, "Done", "5b10-kim", resolution="Won't Do")
        else:
            to = next(name for name, status in IN_JIRA.items() if status == value)
            self.jira.transition(self._ticket, to, "5b10-kim")

    def _edit_row(self, field: str, value: Value) -> None:
        cells, row = self._cells(), self._row()
        cells[{"owner": 3, "milestone": 4, "due": 5, "status": 6}[field]] = value or "—"
        text = self.text.replace(row, f"| {' | '.join(cells)} |")
        self.github.push(DOCUMENTS, self._path, text, by="kim", branch=self._branch)

    def joins(self) -> None:
        """Somebody is assigned on GitHub besides the owner."""
        there = list(self.issue.assignees)
        if there and HELPER not in there:
            self.github.edit(OPS, self._number, "kim", assignees=[*there, HELPER])
            self._missed = self._missed or not self.stage.sandbox.hooks.enabled

    def scribbles(self) -> None:
        """Somebody writes a date into the row that nobody can read."""
        self._edit_row("due", SOON)
        self._scribbled = True

    def mends(self) -> None:
        """Whoever wrote that finds it as it was, and makes a date of it."""
        if self._scribbled and self.in_row()["due"] == SOON:
            self.edit("row", "due", "2027-03-01")

    # --- judging ---

    def disagreements(self) -> list[str]:
        """Where two places show different values of one field, as far as both can say it."""
        shown = self.shown()
        row = shown["row"]
        return [
            f"{field}: {place} says {values[field]}, the row {row[field]}"
            for place, values in shown.items()
            for field in FIELDS
            if values[field] != (_coarse(place, row[field]) if field == "status" else row[field])
        ]

    def lost(self) -> list[str]:
        """The last edit of each field that neither holds nor was ever told of as a conflict."""
        told = self.stage.told(self.key)
        last = {edit.field: edit for edit in self.edits}
        return [
            f"{edit}: {self.in_row()[field]} holds"
            for field, edit in last.items()
            if not edit.back and not self._holds(edit) and not _was_told(edit, told)
        ]

    def _holds(self, edit: Edit) -> bool:
        value = self.in_row()[edit.field]
        return edit.value == (_coarse(edit.place, value) if edit.field == "status" else value)


def _coarse(place: str, value: Value) -> Value:
    words = {"github": ON_GITHUB, "jira": ON_JIRA}.get(place, {})
    return words.get(value or "", value)


def _was_told(edit: Edit, told: str) -> bool:
    said = f"“{edit.value}”" if edit.value else "nothing"
    return any(
        said in line and "both changed" in line and f"AI-1 {edit.field}:" in line
        for line in told.splitlines()
        for line in line.split("; ")
    )


class Town:
    """A stage for many remedies, one after another. With `sockets` requests travel over them."""

    def __init__(self, *, sockets: bool = False) -> None:
        self._stack = ExitStack()
        directory = Path(self._stack.enter_context(TemporaryDirectory(prefix="town-")))
        self.stage = Stage(directory, tasks=BOTH)
        stage = self._stack.enter_context(self.stage)
        if not sockets:
            here: dict[str, Callable[[], Any]] = {
                stage.sandbox.url: lambda: stage.sandbox._server.app,
                stage.url: lambda: stage._server.app,
            }
            self._stack.enter_context(without_sockets(here))

    def close(self) -> None:
        self._stack.close()

    def grow_quiet(self) -> None:
        """Everything works again, nobody edits, and a day passes."""
        stage = self.stage
        stage.sandbox.hooks.enabled = True
        with stage.sandbox.world.lock:
            stage.sandbox.world.next_faults.clear()
        stage.settle()
        stage.wait(timedelta(days=1, hours=1))
        stage.poll()
        stage.wait(timedelta(minutes=2))
        stage.poll()

    def all_is_well(self) -> bool:
        """Whether the service can have heard of everything by now."""
        hooks, world = self.stage.sandbox.hooks, self.stage.sandbox.world
        with world.lock, self.stage.store.read() as tx:
            quiet = not world.next_faults and not tx.traffic.all_paused()
        return quiet and hooks.enabled

    def writes_when_nothing_happens(self) -> list[str]:
        self.stage.sandbox.reset_calls()
        self.stage.poll()
        self.stage.wait(timedelta(minutes=2))
        return [f"{call.method} {call.path}" for call in self.stage.sandbox.writes()]
