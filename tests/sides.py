"""One action item on its three sides, merged without any tracker."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import builders
from builders import KIM, at, document, task_ref, ticket

from workflows.action_table import table
from workflows.documents import marked, replace_regions
from workflows.events import (
    DocumentCreated,
    DocumentRead,
    FieldsWritten,
    TaskCreated,
    TaskGone,
    TaskRead,
)
from workflows.folding import fold
from workflows.hearing import hear_rows, hear_tasks, to_set
from workflows.model import (
    ActionItem,
    Incident,
    Kind,
    Origin,
    Person,
    Phase,
    Status,
    StatusCategory,
    TicketRef,
)
from workflows.policy import (
    FieldRules,
    Policy,
    PostmortemRules,
    StatusWords,
    SyncRules,
    TaskDestination,
    Team,
)
from workflows.snapshots import Field, Progress, Side, Stuck, Value
from workflows.tasks import TaskState

NOW = at(1440)
WORDS = "Alert on depth"
OWNER, MILESTONE, STATUS, DUE, TITLE = Field
TASK, TWIN, _ = Side
JIRA = TicketRef("jira", "10001", "OPS-1", "https://jira.example/OPS-1")
GITHUB = task_ref(1)
KIM_IN_JIRA, DANA = Person("5b10", "Kim Ito"), Person("5b10-dana", "Dana Doe")
COARSE = StatusWords(
    frozenset({Progress.OPEN, Progress.DONE, Progress.WONT_DO, Progress.DUPLICATE})
)
OPEN = {
    TASK: Status("To Do", StatusCategory.NEW),
    TWIN: Status("open", StatusCategory.NEW),
}


class Remedy:
    """One action item in Jira, with a twin on GitHub and a row in the document."""

    def __init__(self, policy: Policy | None = None, **rules: FieldRules) -> None:
        self.policy = policy or builders.policy()
        self.team = _team(self.policy, rules)
        item = ActionItem(
            1,
            Origin("comment", "c1"),
            "Alert on depth",
            Kind.CORRECTIVE,
            "Kim Ito",
            date(2027, 1, 1),
        )
        self.incident = Incident(
            "abc", "payments", ticket().ref, "Slow", Phase.CLOSED, actions=(item,)
        )
        self.now = NOW
        self.notes: list[str] = []
        self.states = {
            TASK: TaskState(
                JIRA, "OPS", item.title, OPEN[TASK], at(0), (KIM_IN_JIRA,), due=item.due
            ),
            TWIN: TaskState(
                GITHUB, "acme/ops", item.title, OPEN[TWIN], at(0), (KIM,), due=item.due
            ),
        }
        self._made(TASK, JIRA, "5b10")
        self._made(TWIN, GITHUB, "kim")
        text = "# Postmortem\n\n" + marked("actions", table(self.incident.actions)) + "\n"
        created = DocumentCreated("docs", document(text), {"actions": table(self.incident.actions)})
        self.incident = fold(created, self.incident)

    def _made(self, side: Side, ref: TicketRef, owner: str) -> None:
        values: dict[Field, Value] = {
            OWNER: owner,
            MILESTONE: None,
            DUE: "2027-01-01",
            STATUS: "open",
            TITLE: "Alert on depth",
        }
        self.incident = fold(TaskCreated(f"{side}:abc:1", ref, True, (), values), self.incident)

    @property
    def item(self) -> ActionItem:
        return self.incident.actions[0]

    def hears(self, side: Side, minutes: float = 60, **values: object) -> list[str]:
        """The ticket is read; what differs from before was changed that many minutes after noon."""
        values = {"updated": at(minutes), **values}
        self.states[side] = replace(self.states[side], **values)  # type: ignore[arg-type]
        read = TaskRead(1, side, self.states[side])
        self.incident, notes = hear_tasks(self.incident, [read], self.team, self.policy, self.now)
        self.notes += notes
        return notes

    def reads(self, before: str, after: str) -> list[str]:
        """Somebody edits the document."""
        known = self.incident.postmortem
        assert known is not None
        assert known.text is not None
        body = known.seen["actions"]
        assert before in body
        text = replace_regions(known.text, {"actions": body.replace(before, after, 1)})
        self.incident = fold(DocumentRead(document(text)), self.incident)
        self.incident, notes = hear_rows(self.incident, self.team, self.policy, self.now)
        self.notes += notes
        return notes

    def wants(self, side: Side) -> dict[Field, Value]:
        """What the ticket on this side is to be told."""
        for wish in to_set(self.incident, self.team, self.policy, self.now):
            if wish.key.endswith(f":{side}"):
                status = {STATUS: wish.status.progress.value} if wish.status else {}
                return {**wish.values, **status}
        return {}

    def answers(self, side: Side, **refused: str) -> None:
        """What is wanted there is written, but for what is refused."""
        values = self.wants(side)
        no = {Field(name): Stuck(values[Field(name)], words) for name, words in refused.items()}
        done = {f: value for f, value in values.items() if f not in no}
        self.incident = fold(FieldsWritten(f"set:abc:1:{side}", done, no, self.now), self.incident)

    def item_is(self, item: ActionItem) -> None:
        self.incident = replace(self.incident, actions=(item,))

    def gone(self, side: Side, words: str = "not found") -> list[str]:
        """The ticket is asked for and not there."""
        reading = TaskGone(1, side, words)
        self.incident, notes = hear_tasks(
            self.incident, [reading], self.team, self.policy, self.now
        )
        return notes

    def passes(self, span: timedelta) -> list[str]:
        """Time passes, and nothing is told of the tickets."""
        self.now += span
        self.incident, notes = hear_tasks(self.incident, [], self.team, self.policy, self.now)
        return notes


def _team(rules: Policy, fields: dict[str, FieldRules]) -> Team:
    team = rules.teams["payments"]
    postmortem: PostmortemRules = replace(
        team.postmortem,
        tasks=TaskDestination("jira", "OPS"),
        twin=TaskDestination("github", "acme/ops", statuses=COARSE),
    )
    sync = SyncRules()
    kept = {Field(name): rule for name, rule in fields.items()}
    return replace(team, postmortem=postmortem, sync=replace(sync, fields={**sync.fields, **kept}))
