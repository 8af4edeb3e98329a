"""People who change mirrored tasks: each in Jira, with a twin on GitHub and a row in a document.

What the three places hold is looked up in the sandbox; the service is asked nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import company
from bench.company import BOOKS, OPS
from integrations.sandbox import Sandbox
from integrations.sandbox.acme import BOT_GITHUB, BOT_JIRA, KIM, NOOR

#: A person in Jira, on GitHub and in a document.
PEOPLE = ((KIM, "kim", "Kim Ito"), (NOOR, "noor", "Noor Aziz"))


@dataclass(slots=True)
class Task:
    """One task in its three places, and what all of them should show."""

    title: str
    id: str  # in Jira
    number: int  # on GitHub
    branch: str
    path: str
    owner: int | None = None
    done: bool = False


class Mirror:
    """`incidents` of so many `each` tasks in a sandbox that `company.settle_in` has set up."""

    def __init__(self, sandbox: Sandbox, incidents: int, each: int) -> None:
        self.sandbox = sandbox
        self.incidents = incidents
        self.each = each
        self.tasks: list[Task] = []
        self.turn = 0

    def close_incidents(self) -> None:
        """Open them, ask for their tasks, and close them."""
        github = self.sandbox.github
        for case in range(self.incidents):
            number = github.open_issue(
                OPS, f"Search is slow ({case})", by="kim", labels=["incident", "sev2"]
            )
            lines = [f"ACTION: {_title(case, n)}" for n in range(self.each)]
            github.comment(OPS, number, "\n".join(lines), by="noor")
            github.close(OPS, number, by="kim")

    def all_there(self) -> bool:
        """Whether every task is in all of its places; if so, they are known from then on."""
        with self.sandbox.world.lock:
            twins = self._twins()
            if len(twins) < self.incidents * self.each:
                return False
            rows = self._rows()
            issues = [i for i in self.sandbox.jira.issues.values() if i.creator == BOT_JIRA]
            found = [
                Task(title, issue.id, twins[issue.key], *rows[title])
                for issue in issues
                if issue.key in twins and (title := str(issue.values["summary"])) in rows
            ]
        self.tasks = found
        return len(found) == self.incidents * self.each and all(map(self.shows, found))

    def _twins(self) -> dict[str, int]:
        """The number of each task's twin, which names the task by its address."""
        found = {}
        for issue in self.sandbox.github.repos[OPS].issues.values():
            named = re.search(r"/browse/(OPS-\d+)", issue.body or "")
            if issue.user == BOT_GITHUB and named:
                found[named[1]] = issue.number
        return found

    def _rows(self) -> dict[str, tuple[str, str]]:
        """Where the row of each title is: branch and path."""
        books = self.sandbox.github.repos[BOOKS]
        return {
            title: (branch, path)
            for branch, head in books.branches.items()
            for path, data in books.commits[head].tree.items()
            if branch.startswith("followthrough/")
            for title in re.findall(r"\| (remedy \d+ of case \d+) \|", data.decode())
        }

    # --- people ---------------------------------------------------------------------------------

    def change(self, task: Task, turn: int) -> None:
        """Change one field in one place: by turns the owner in Jira, the status on GitHub, the
        owner on GitHub, the status in Jira."""
        jira, github = self.sandbox.jira, self.sandbox.github
        if turn % 2 == 0:
            task.owner = 1 - (task.owner or 0)
            handle, login, _ = PEOPLE[task.owner]
            if turn % 4 == 0:
                jira.edit(task.id, by=KIM, assignee=handle)
            else:
                github.assign(OPS, task.number, [login], by="kim")
            return
        task.done = not task.done
        if turn % 4 == 3:
            jira.transition(task.id, "Done" if task.done else "To Do", by=KIM)
        elif task.done:
            github.close(OPS, task.number, by="kim")
        else:
            github.reopen(OPS, task.number, by="kim")

    def shows(self, task: Task) -> bool:
        """Whether every place shows what it should."""
        return self.tickets_show(task) and self.row_shows(task)

    def tickets_show(self, task: Task) -> bool:
        handle, login, _ = (None, None, "") if task.owner is None else PEOPLE[task.owner]
        issue = self.sandbox.github.repos[OPS].issues[task.number]
        ticket = self.sandbox.jira.issues[task.id]
        return (
            ticket.values.get("assignee") == handle
            and issue.assignees == ([login] if login else [])
            and (ticket.status == "Done") is task.done
            and (issue.state == "closed") is task.done
        )

    def row_shows(self, task: Task) -> bool:
        name = "—" if task.owner is None else PEOPLE[task.owner][2]
        row = re.search(rf"\| {task.title} \|.*", self._text(task))
        shown = [cell.strip() for cell in row[0].split("|")] if row else []
        return name in shown and ("done" in shown) is task.done

    def _text(self, task: Task) -> str:
        books = self.sandbox.github.repos[BOOKS]
        return books.commits[books.branches[task.branch]].tree[task.path].decode()


def left(tasks: Sequence[Task], shows: Callable[[Task], bool]) -> list[Task]:
    """Those that some place does not show yet."""
    return [task for task in tasks if not shows(task)]


def rules(sandbox: Sandbox, limits: str = "none", document_every: str = "0") -> str:
    sync = f"{{document_every: {document_every}}}"
    return company.rules(sandbox, limits, company.MIRRORED, sync)


def _title(case: int, number: int) -> str:
    return f"remedy {number} of case {case}"
