"""Towns in which one remedy was asked for, and which are put back to how they were then as often
as somebody begins anew: to found one takes a second, to put it back a hundredth of one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from databases import Kept
from inprocess import Heard, overheard
from judge import Judged
from stage import Stage
from town import DOCUMENTS, FIELDS, OPS, STRANGER, Names

from workflows.model import Outlook

JIRA = "connection: jira, project: OPS, issue_type: Task"
GITHUB = "connection: github, repository: acme/ops, labels: [remediation]"


@dataclass(frozen=True)
class Charter:
    """What a town agreed on: where tasks go, in which places edits of a field are `ignored`, and in
    which place the edit of a field is `preferred`."""

    name: str
    tasks: str = field(default=f"{{{JIRA}, twin: {{{GITHUB}}}}}", repr=False)
    sync: str = field(default="{}", repr=False)
    fields: tuple[str, ...] = field(default=FIELDS, repr=False)
    ignored: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)
    preferred: Mapping[str, str] = field(default_factory=dict, repr=False)


CHARTERS = (
    Charter("as it comes"),
    Charter(
        "the task is on GitHub, and titles are kept in sync",
        tasks=f"{{{GITHUB}, twin: {{{JIRA}}}}}",
        sync="{title: {from: [task, twin, document]}}",
        fields=(*FIELDS, "title"),
    ),
    Charter(
        "some sides do not count, others win",
        sync="{owner: {from: [task]}, milestone: {prefer: twin},"
        " status: {from: [task, twin], prefer: task}, due: {from: [twin, document], prefer: twin}}",
        ignored=frozenset(
            {("github", "owner"), ("row", "owner"), ("row", "status"), ("jira", "due")}
        ),
        preferred={"milestone": "github", "due": "github"},
    ),
)


class Town:
    """A stage with one remedy. With `sockets` requests travel over them."""

    def __init__(self, charter: Charter, *, sockets: bool = False) -> None:
        self.charter = charter
        self._stack = ExitStack()
        directory = Path(self._stack.enter_context(TemporaryDirectory(prefix="town-")))
        stage = Stage(directory, tasks=charter.tasks, sync=charter.sync, sockets=sockets)
        self.stage = self._stack.enter_context(stage)
        github, jira = stage.sandbox.github, stage.sandbox.jira
        github.add_user(STRANGER)
        github.repos[OPS].members[STRANGER] = "write"
        self._rules = stage.container.rules
        self._names: Names = found(stage)
        self._began = stage.clock()
        self._hooks = len(stage.sandbox.hooks.log)
        self._sites = self._copy([vars(github), vars(jira)])
        self._rows = Kept(stage.store)

    def close(self) -> None:
        self._rows.close()
        self._stack.close()

    def at_work(self, heard: Heard | None) -> AbstractContextManager[None]:
        """`heard` is told of each request that was answered."""
        return overheard(heard)

    def begin_anew(self) -> Judged:
        """Everything as it was when the remedy had just been set up: trackers, rows, time; and a
        service that was just started."""
        stage, sandbox = self.stage, self.stage.sandbox
        assert sandbox.hooks.drain()
        with sandbox.world.lock:
            sites = (sandbox.github, sandbox.jira)
            for site, was in zip(sites, self._copy(self._sites), strict=True):
                vars(site).clear()
                vars(site).update(was)
            sandbox.world.next_faults.clear()
            sandbox.world.calls.clear()
            del sandbox.hooks.log[self._hooks :]
            sandbox.hooks.enabled = True
        self._rows.put_back(stage.store)
        stage.clock.wait(self._began - stage.clock())
        stage.start_again(self._rules)
        return Judged(stage, self._names, self.charter.ignored)

    def _copy(self, sites: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the trackers know, but not the world around them: its clock goes on."""
        world = self.stage.sandbox.world
        return deepcopy(sites, {id(world): world})

    def grow_quiet(self) -> None:
        """Everything works again, nobody edits, a day passes, and each place is looked through."""
        stage = self.stage
        stage.sandbox.hooks.enabled = True
        with stage.sandbox.world.lock:
            stage.sandbox.world.next_faults.clear()
        stage.settle()
        stage.clock.wait(timedelta(days=1, hours=1))
        stage.poll()
        stage.wait(timedelta(minutes=2))

    def writes_when_nothing_happens(self) -> list[str]:
        self.stage.sandbox.reset_calls()
        self.stage.poll()
        self.stage.wait(timedelta(minutes=2))
        return [f"{call.method} {call.path}" for call in self.stage.sandbox.writes()]


def found(stage: Stage) -> Names:
    """Somebody asks for a remedy in an incident, and closes that."""
    github = stage.sandbox.github
    incident = github.open_issue(OPS, "Slow", by="kim", labels=["incident", "sev2"])
    github.comment(OPS, incident, "ACTION: alert on depth @kim", by="noor")
    github.close(OPS, incident, by="kim")
    stage.settle()
    known = stage.incident(f"{OPS}#{incident}")
    assert known.outlook is Outlook.DONE, known.waiting_for
    refs = {ref.connection: ref for ref in (known.actions[0].task, known.actions[0].twin) if ref}
    path = f"postmortems/{stage.clock():%Y}/acme-ops-{incident}.md"
    documents = github.repos[DOCUMENTS]
    branch = next(
        name
        for name, head in documents.branches.items()
        if name != "main" and path in documents.commits[head].tree
    )
    number = int(refs["github"].key.partition("#")[2])
    return Names(known.ticket.key, refs["jira"].key, refs["jira"].id, number, path, branch)


class Towns:
    """One town for each charter, founded when it is first asked for."""

    def __init__(self) -> None:
        self._founded: dict[tuple[str, bool], Town] = {}

    def of(self, charter: Charter, *, sockets: bool) -> Town:
        key = (charter.name, sockets)
        if key not in self._founded:
            self._founded[key] = Town(charter, sockets=sockets)
        return self._founded[key]

    def close(self) -> None:
        while self._founded:
            self._founded.popitem()[1].close()
