"""One remedy that people edit in every place where they see it.

Everybody's edits are remembered by what they were meant to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from stage import Stage

from integrations.sandbox.world import Call, Refused

OPS, DOCUMENTS = "acme/ops", "acme/postmortems"
FIELDS = ("owner", "milestone", "status", "due")
PLACES = ("github", "jira", "row")

PEOPLE = {"Kim Ito": ("5b10-kim", "kim"), "Noor Aziz": ("5b10-noor", "noor")}
BY_JIRA = {jira: name for name, (jira, _) in PEOPLE.items()}
BY_GITHUB = {github: name for name, (_, github) in PEOPLE.items()}

#: Somebody on GitHub whom the rules do not know.
STRANGER = "sam"

#: Somebody who is assigned on GitHub besides the owner.
HELPER = "lee"

#: What nobody can read as a date.
SOON = "next week"

#: What each tracker can tell apart of a status: GitHub knows no progress.
ON_GITHUB = {"in progress": "open", "in review": "open"}
ON_JIRA = {"in review": "in progress"}
IN_JIRA = {"To Do": "open", "In Progress": "in progress", "Done": "done"}
REASONS = {"done": "completed", "won't do": "not_planned"}
CELLS = {"title": 1, "owner": 3, "milestone": 4, "due": 5, "status": 6}

_DUE = re.compile(r"\*\*Due:\*\* (\S+) <!-- followthrough:due -->")
_TABLE = re.compile(r"<!-- followthrough:begin actions -->\n(.*?)\n<!-- followthrough:end", re.S)
_REMARK = re.compile(r" \((unproven|without a reason|waive[rd] [a-z]+ [\d-]+)\)$")

Value = str | None


@dataclass(frozen=True)
class Names:
    """What a remedy is called: its incident, its ticket in Jira, its issue on GitHub, and the file
    and the branch of its row."""

    incident: str
    ticket: str
    ticket_id: str
    number: int
    path: str
    branch: str


@dataclass(frozen=True)
class Edit:
    """What somebody said in one place, in the record's words, when the journal had so many lines.
    `back`: it only took back what was said there since the service last read it, or is a row that
    says what we may have asked for, which counts as our own write. `amid`: while the
    service was at work, with this many calls made before. `older`: what the row said already, and
    nobody read; a row has no clock, so that counts as said when it is read."""

    place: str
    field: str
    value: Value
    lines: int
    back: bool = False
    amid: int | None = None
    older: tuple[Value, ...] = ()


class Remedy:
    """One action item, as its ticket in Jira, its issue on GitHub and its row in the document.
    Edits of what is `ignored`, fields of places, do not count by the rules."""

    def __init__(
        self, stage: Stage, names: Names, ignored: Collection[tuple[str, str]] = ()
    ) -> None:
        self.stage, self.names, self._ignored = stage, names, ignored
        self.github, self.jira = stage.sandbox.github, stage.sandbox.jira
        self.edits: list[Edit] = []
        self.gone: set[str] = set()
        self._unread: dict[str, list[Value]] = {}  # what was written into the row since it was read
        self._scribbled = False
        self._explained: set[int] = set()  # edits that the journal told of, by their number
        self._asked: set[tuple[str, Value]] = set()  # of the row, since our last write of it
        self._seen = 0  # so many calls were looked at
        self._stood: dict[str, set[tuple[str, Value]]] = {}
        for place, shown in self.shown().items():
            self._stood[place] = set(shown.items())
        self._founded = set(self.in_row().items())
        self._tickets = self._all_tickets()

    def shown(self) -> dict[str, dict[str, Value]]:
        """What each place says, field by field; without those where it was deleted."""
        read = {"github": self.on_github, "jira": self.in_jira, "row": self.in_row}
        return {place: read[place]() for place in PLACES if place not in self.gone}

    # --- what the places show ---

    @property
    def issue(self) -> Any:
        return self.github.repos[OPS].issues[self.names.number]

    @property
    def text(self) -> str:
        place = self.github.repos[DOCUMENTS]
        head = place.commits[place.branches[self.names.branch]]
        return str(head.tree[self.names.path].decode())

    def on_github(self) -> dict[str, Value]:
        issue = self.issue
        due = _DUE.search(issue.body or "")
        closed = {reason: status for status, reason in REASONS.items()}
        titles = {each.number: each.title for each in self.github.repos[OPS].milestones}
        owner = next((who for who in issue.assignees if who != HELPER), None)
        return {
            "owner": BY_GITHUB.get(owner, owner) if owner else None,
            "milestone": titles[issue.milestone] if issue.milestone else None,
            "status": "open" if issue.state == "open" else closed[issue.reason],
            "due": due[1] if due else None,
            "title": issue.title,
        }

    def in_jira(self) -> dict[str, Value]:
        issue = self.jira.issue(self.names.ticket)
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
            "title": str(issue.values["summary"]),
        }

    def in_row(self) -> dict[str, Value]:
        cells = self._cells()
        said = {field: cells[cell] for field, cell in CELLS.items()}
        said["status"] = _REMARK.sub("", said["status"])
        return {field: None if cell in ("", "—") else cell for field, cell in said.items()}

    def _cells(self) -> list[str]:
        return [cell.strip() for cell in self._row().strip("|").split("|")]

    def _row(self) -> str:
        table = _TABLE.search(self.text)
        assert table is not None
        return next(line for line in table[1].splitlines() if line.startswith("| AI-1"))

    def _all_tickets(self) -> list[str]:
        """Every ticket that there is where remedies are put."""
        issues = self.github.repos[OPS].issues.values()
        there = [issue.key for issue in self.jira.issues.values()]
        return [*there, *(str(issue.number) for issue in issues if not issue.gone)]

    # --- people ---

    def edit(self, place: str, field: str, value: Value, *, amid: bool = False) -> None:
        """Somebody says `value` there; what stands there already, or cannot be said there, is no
        edit."""
        acts: dict[str, Callable[[str, Value], None]] = {
            "github": self._edit_github,
            "jira": self._edit_jira,
            "row": self._edit_row,
        }
        unsaid = field == "status" and coarse(place, value) != value
        if place in self.gone or unsaid or self.shown()[place][field] == value:
            return
        older = tuple(self._unread.get(field, ()))  # what was read just now was not merged yet
        self.look()
        try:
            acts[place](field, value)
        except Refused:
            return
        if self.shown()[place][field] != value:  # a transition that leads nowhere, for one
            return
        back = (field, value) in self._stood[place] | (self._asked if place == "row" else set())
        calls = len(self.stage.sandbox.calls) if amid else None
        self.edits.append(Edit(place, field, value, len(self._told()), back, calls, older))
        self._stood[place].add((field, value))
        if place == "row":
            self._unread[field] = [value]

    def _edit_github(self, field: str, value: Value) -> None:
        issue, edit = self.issue, self.github.edit
        if field == "owner":
            login = PEOPLE[value][1] if value in PEOPLE else value
            edit(OPS, issue.number, "kim", assignees=[login] if login else [])
        elif field == "milestone":
            number = self._milestone(value) if value else None
            edit(OPS, issue.number, "kim", milestone=number)
        elif field == "title":
            edit(OPS, issue.number, "kim", title=value)
        elif field == "due":
            line = f"**Due:** {value} <!-- followthrough:due -->" if value else ""
            body = issue.body or ""
            if _DUE.search(body):
                body = _DUE.sub(line, body)
            else:
                body = re.sub(r"(?=<!-- followthrough (?!:))", f"{line}\n\n", body, count=1)
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
        edit, ticket = self.jira.edit, self.names.ticket
        if field == "owner":
            if value is None or value in PEOPLE:
                edit(ticket, "5b10-kim", assignee=PEOPLE[value][0] if value else None)
        elif field == "milestone":
            if value and value not in {v.name for v in self.jira.projects["OPS"].versions}:
                self.jira.add_version("OPS", value)
            edit(ticket, "5b10-kim", fixVersions=[value] if value else [])
        elif field in ("due", "title"):
            edit(ticket, "5b10-kim", **{{"due": "duedate", "title": "summary"}[field]: value})
        elif value == "won't do":
            self.jira.transition(ticket, "Done", "5b10-kim", resolution="Won't Do")
        else:
            to = next(name for name, status in IN_JIRA.items() if status == value)
            self.jira.transition(ticket, to, "5b10-kim")

    def _edit_row(self, field: str, value: Value) -> None:
        cells, row = self._cells(), self._row()
        cells[CELLS[field]] = value or "—"
        text = self.text.replace(row, f"| {' | '.join(cells)} |")
        self.github.push(DOCUMENTS, self.names.path, text, by="kim", branch=self.names.branch)

    def joins(self) -> None:
        """Somebody is assigned on GitHub besides the owner."""
        there = list(self.issue.assignees)
        if "github" not in self.gone and there and HELPER not in there:
            self.github.edit(OPS, self.names.number, "kim", assignees=[*there, HELPER])

    def scribbles(self) -> None:
        """Somebody writes a date into the row that nobody can read."""
        self._edit_row("due", SOON)
        self._scribbled = True
        self.edits = [e for e in self.edits if (e.place, e.field) != ("row", "due")]

    def mends(self) -> None:
        """Whoever wrote that finds it as it was, and makes a date of it."""
        if self._scribbled and self.in_row()["due"] == SOON:
            self.edit("row", "due", "2027-03-01")

    def deletes(self, place: str) -> None:
        """Somebody deletes the ticket there."""
        if place == "github":
            self.github.delete(OPS, self.names.number, by="kim")
        else:
            self.jira.delete(self.names.ticket, by="5b10-kim")
        self.gone.add(place)

    # --- the service ---

    def is_of(self, place: str, path: str) -> bool:
        """Whether a call with this path is about the ticket or the document there."""
        ends = {
            "github": f"/repos/{OPS}/issues/{self.names.number}",
            "jira": f"/issue/{self.names.ticket_id}",
            "row": f"/contents/{self.names.path}",
        }
        return path.partition("?")[0].removesuffix("/transitions").endswith(ends[place])

    def look(self) -> None:
        """What the service read or wrote since, it knows: only what is said after that can be
        taken back unheard."""
        calls = self.stage.sandbox.calls
        new, self._seen = calls[self._seen :], len(calls)
        for place, shown in self.shown().items():
            about = [call for call in new if self.is_of(place, call.path)]
            known = about and _is_answered(about[-1])
            stood = set() if known else self._stood[place]
            self._stood[place] = stood | set(shown.items())
            if known and place == "row":
                self._unread.clear()
            if place == "row" and any(call.is_write and _is_answered(call) for call in about):
                self._asked.clear()
        self._asked |= {said for shown in self.shown().values() for said in shown.items()}

    def _told(self) -> list[str]:
        return self.stage.told(self.names.incident).splitlines()


def _is_answered(call: Call) -> bool:
    """Whether who made the call knows from it what stands there."""
    whole = "/issue/" not in call.path or "changelog" in call.path
    return (200 <= call.status < 300 or call.status == 304) and (call.is_write or whole)


def coarse(place: str, value: Value) -> Value:
    words = {"github": ON_GITHUB, "jira": ON_JIRA}.get(place, {})
    return words.get(value or "", value)
