"""One measure of one incident and its audits, in either tracker, and what people do to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from stage import GITHUB_TASKS, JIRA_INCIDENTS, JIRA_ISSUE, JIRA_TASKS, Stage

from integrations.jira.text import ADF, WIKI
from integrations.sandbox.acme import BOT_GITHUB, BOT_JIRA
from workflows.model import ActionItem, Incident
from workflows.rungs import Audit

DAY = timedelta(days=1)
OPS = "acme/ops"

#: Noor judges what Kim owns: in Jira, Lee cannot be assigned.
REVIEWERS = "{reviewers: [Kim Ito, Noor Aziz]}"


class Measure:
    """A preventive measure that Kim owns, of an incident of severity 2. `say` is what asked for it,
    without its kind and owner."""

    parts: ClassVar[dict[str, Any]] = {}
    bot: ClassVar[str] = ""
    creation: ClassVar[str] = ""

    def __init__(self, stage: Stage, say: str = "alert on depth", kind: str = "preventive") -> None:
        self.stage = stage
        self.key = self._incident(f'ACTION: {say} @kim [{kind}] measure:"alert within 2 min"')
        stage.settle()

    # --- what is there ---

    @property
    def incident(self) -> Incident:
        return self.stage.incident(self.key)

    @property
    def item(self) -> ActionItem:
        return self.incident.actions[0]

    @property
    def audits(self) -> Sequence[Audit]:
        return self.incident.audits

    @property
    def audit(self) -> Audit:
        """The latest one that has a ticket."""
        return next(audit for audit in reversed(self.audits) if audit.ticket is not None)

    @property
    def told(self) -> str:
        return self.stage.told(self.key)

    # --- what people do ---

    def wait(self, days: float) -> None:
        self.stage.wait(days * DAY)

    def judge(self, text: str, by: str = "noor") -> str:
        """Comment on the latest audit, and let the service work."""
        id = self.comment(self.audit_key, text, by)
        self.stage.settle()
        return id

    @property
    def audit_key(self) -> str:
        assert self.audit.ticket is not None
        return self.audit.ticket.key

    @property
    def task_key(self) -> str:
        assert self.item.task is not None
        return self.item.task.key

    @property
    def reading(self) -> str:
        """The address under which the measure's ticket is read, as a regular expression."""
        return self.reading_of(self.task_key)

    def reading_of(self, key: str) -> str:
        raise NotImplementedError

    def done(self) -> None:
        self.close(self.task_key, by="kim")
        self.stage.settle()

    def _incident(self, line: str) -> str:
        raise NotImplementedError

    def close(self, key: str, by: str) -> None:
        raise NotImplementedError

    def set_aside(self, key: str, by: str) -> None:
        raise NotImplementedError

    def reopen(self, key: str, by: str) -> None:
        raise NotImplementedError

    def delete(self, key: str) -> None:
        raise NotImplementedError

    def label(self, key: str, label: str, by: str) -> None:
        raise NotImplementedError

    def comment(self, key: str, text: str, by: str) -> str:
        raise NotImplementedError

    def edit_comment(self, key: str, id: str, text: str, by: str) -> None:
        raise NotImplementedError

    def notes(self, key: str) -> list[str]:
        """What our own account wrote on a ticket, the first first."""
        raise NotImplementedError

    def is_open(self, key: str) -> bool:
        raise NotImplementedError

    def tickets(self) -> list[str]:
        """The keys of all tickets that are audits, whatever the service knows of them."""
        raise NotImplementedError

    def text(self, key: str) -> str:
        """The description, in Markdown."""
        raise NotImplementedError

    def assignees(self, key: str) -> list[str]:
        raise NotImplementedError

    def related(self, key: str) -> set[str]:
        """The tickets that show a relation to this one."""
        raise NotImplementedError


class OnGitHub(Measure):
    bot = BOT_GITHUB
    creation = "/acme/ops/issues$|createIssue"
    parts: ClassVar[dict[str, Any]] = {"tasks": GITHUB_TASKS, "audits": REVIEWERS}

    def _incident(self, line: str) -> str:
        github = self.github
        number = github.open_issue(OPS, "Queue full", by="kim", labels=["incident", "sev2"])
        github.comment(OPS, number, line, by="noor")
        github.close(OPS, number, by="kim")
        return f"{OPS}#{number}"

    def reading_of(self, key: str) -> str:
        return f"/acme/ops/issues/{self._number(key)}$"

    @property
    def github(self) -> Any:
        return self.stage.sandbox.github

    def _number(self, key: str) -> int:
        return int(key.rpartition("#")[2])

    def _issue(self, key: str) -> Any:
        return self.github.repos[OPS].issues[self._number(key)]

    def close(self, key: str, by: str) -> None:
        self.github.close(OPS, self._number(key), by=by)

    def set_aside(self, key: str, by: str) -> None:
        self.github.close(OPS, self._number(key), by=by, state_reason="not_planned")

    def reopen(self, key: str, by: str) -> None:
        self.github.reopen(OPS, self._number(key), by=by)

    def delete(self, key: str) -> None:
        self.github.delete(OPS, self._number(key), by="kim")

    def label(self, key: str, label: str, by: str) -> None:
        self.github.label(OPS, self._number(key), label, by=by)

    def comment(self, key: str, text: str, by: str) -> str:
        return str(self.github.comment(OPS, self._number(key), text, by=by))

    def edit_comment(self, key: str, id: str, text: str, by: str) -> None:
        issue = self._issue(key)
        note = next(note for note in issue.notes if str(note.id) == id)
        self.github.edit_note(issue, note, text, by)

    def notes(self, key: str) -> list[str]:
        return [str(n.body) for n in self._issue(key).notes if n.user == self.bot]

    def is_open(self, key: str) -> bool:
        return bool(self._issue(key).state == "open")

    def tickets(self) -> list[str]:
        issues = self.github.repos[OPS].issues
        return [f"{OPS}#{n}" for n, issue in issues.items() if "followthrough audit:" in issue.body]

    def text(self, key: str) -> str:
        return str(self._issue(key).body)

    def assignees(self, key: str) -> list[str]:
        return list(self._issue(key).assignees)

    def related(self, key: str) -> set[str]:
        issue = self._issue(key)
        named = {ref for ref in (self.key, self.task_key) if ref in issue.body}
        return named | ({f"{OPS}#{issue.parent.number}"} if issue.parent else set())


class InJira(Measure):
    bot = BOT_JIRA
    creation = "/issue/bulk"
    parts: ClassVar[dict[str, Any]] = {
        "incidents": JIRA_INCIDENTS,
        "document": JIRA_ISSUE,
        "tasks": JIRA_TASKS,
        "audits": REVIEWERS,
    }

    def _incident(self, line: str) -> str:
        severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-2"}}
        key = str(self.jira.create_issue("INC", "Queue full", by="5b10-kim", **severity))
        self.jira.comment(key, line.replace("@kim", "@kim@acme.example"), by="5b10-noor")
        self.jira.transition(key, "Resolved", by="5b10-kim")
        return key

    def reading_of(self, key: str) -> str:
        return rf"/issue/{self.jira.issue(key).id}(\?|$)"

    @property
    def jira(self) -> Any:
        return self.stage.sandbox.jira

    def close(self, key: str, by: str) -> None:
        self.jira.transition(key, "Done", by=f"5b10-{by}")

    def set_aside(self, key: str, by: str) -> None:
        self.jira.transition(key, "Done", by=f"5b10-{by}", resolution="Won't Do")

    def reopen(self, key: str, by: str) -> None:
        self.jira.transition(key, "To Do", by=f"5b10-{by}")

    def delete(self, key: str) -> None:
        self.jira.delete(key, by="5b10-kim")

    def label(self, key: str, label: str, by: str) -> None:
        labels = [*self.jira.issue(key).values.get("labels", ()), label]
        self.jira.edit(key, f"5b10-{by}", labels=labels)

    def comment(self, key: str, text: str, by: str) -> str:
        return str(self.jira.comment(key, text, by=f"5b10-{by}"))

    def edit_comment(self, key: str, id: str, text: str, by: str) -> None:
        issue = self.jira.issue(key)
        found = next(each for each in issue.comments if each.id == id)
        markup = ADF if self.jira.cloud else WIKI
        self.jira.edit_comment(issue, found, markup.from_markdown(text), f"5b10-{by}")

    def notes(self, key: str) -> list[str]:
        markup = ADF if self.jira.cloud else WIKI
        comments = self.jira.issue(key).comments
        return [markup.to_markdown(c.body) for c in comments if c.author == self.bot]

    def is_open(self, key: str) -> bool:
        return bool(self.jira.issue(key).status != "Done")

    def tickets(self) -> list[str]:
        issues = self.jira.issues.values()
        return [i.key for i in issues if i.values.get("summary", "").startswith("Audit: ")]

    def text(self, key: str) -> str:
        markup = ADF if self.jira.cloud else WIKI
        return markup.to_markdown(self.jira.issue(key).values["description"])

    def assignees(self, key: str) -> list[str]:
        who = self.jira.issue(key).values.get("assignee")
        return [str(who).removeprefix("5b10-")] if who else []

    def related(self, key: str) -> set[str]:
        id = self.jira.issue(key).id
        ends = [(link.inward, link.outward) for link in self.jira.links]
        others = {one if other == id else other for one, other in ends if id in (one, other)}
        return {self.jira.issues[each].key for each in others}
