"""A sandbox company under load: two teams, their rules, incidents that are opened and closed, and
an oracle that looks at what the trackers hold in the end. It asks the service nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from integrations.sandbox import Sandbox
from integrations.sandbox.acme import BOT_EMAIL, BOT_GITHUB, BOT_JIRA, KIM, NOOR, populate
from integrations.sandbox.github_site import Issue as GitHubIssue
from integrations.sandbox.jira_site import Issue as JiraIssue

TASKS = 5
OPS, BOOKS = "acme/ops", "acme/postmortems"
ON_GITHUB = "{connection: github, repository: acme/ops, labels: [remediation]}"
MIRRORED = f"{{connection: jira, project: OPS, issue_type: Task, twin: {ON_GITHUB}}}"
SECRETS = {
    "JIRA_TOKEN": "jira-token-of-the-storm",
    "GITHUB_TOKEN": "github-token-of-the-storm",
    "JIRA_HOOK": "jira-hook-of-the-storm",
    "GITHUB_HOOK": "github-hook-of-the-storm",
}
_SEVERITY: dict[str, Any] = {"customfield_10050": {"value": "SEV-2"}}

_RULES = """\
connections:
  jira:
    kind: jira
    url: {jira}
    auth: {{type: basic, user: {user}, token: {{env: JIRA_TOKEN}}}}
    webhook_secrets: [{{env: JIRA_HOOK}}]
  github:
    kind: github
    url: {github}
    limits: {limits}
    auth: {{type: token, token: {{env: GITHUB_TOKEN}}}}
    webhook_secrets: [{{env: GITHUB_HOOK}}]
teams:
  payments:
    mode: act
    start_from: 2026-01-01
    incidents:
      - connection: jira
        project: INC
        match: {{issue_type: Incident}}
        severity: {{field: customfield_10050}}
    postmortem:
      document: {{kind: jira-issue, connection: jira, project: INC, issue_type: Postmortem}}
      tasks: {{connection: jira, project: OPS, issue_type: Task, labels: [remediation]}}
  platform:
    mode: act
    start_from: 2026-01-01
    incidents:
      - connection: github
        repository: acme/ops
        match: {{labels: [incident]}}
        severity: {{label: "sev*"}}
    postmortem:
      document:
        kind: github-pull-request
        connection: github
        repository: acme/postmortems
        path: "postmortems/{{year}}/{{incident}}.md"
      tasks: {tasks}
    sync: {sync}
people:
  - {{name: Kim Ito, email: kim@acme.example, jira: 5b10-kim, github: kim}}
  - {{name: Noor Aziz, email: noor@acme.example, jira: 5b10-noor, github: noor}}
"""


def rules(sandbox: Sandbox, limits: str = "none", tasks: str = ON_GITHUB, sync: str = "{}") -> str:
    """The rules of both teams, against this sandbox; `tasks` and `sync` are the platform's."""
    return _RULES.format(
        jira=sandbox.jira_url,
        github=sandbox.github_url,
        user=BOT_EMAIL,
        limits=limits,
        tasks=tasks,
        sync=sync,
    )


def settle_in(sandbox: Sandbox) -> None:
    populate(sandbox, SECRETS["JIRA_TOKEN"], SECRETS["GITHUB_TOKEN"])


def register_hooks(sandbox: Sandbox, *urls: str) -> None:
    """With the web processes at these addresses, in turn."""
    turns = cycle(urls)
    sandbox.jira.hook(f"{next(turns)}/webhooks/jira", SECRETS["JIRA_HOOK"])
    for place in (OPS, BOOKS):
        sandbox.github.hook(place, f"{next(turns)}/webhooks/github", SECRETS["GITHUB_HOOK"])


# --- people -------------------------------------------------------------------------------------


def open_in_jira(sandbox: Sandbox, number: int) -> str:
    """An incident with five action items; returns its key."""
    key = sandbox.jira.create_issue("INC", f"Checkout fails ({number})", by=KIM, **_SEVERITY)
    sandbox.jira.comment(key, _asked(number), by=NOOR)
    return key


def open_in_github(sandbox: Sandbox, number: int) -> str:
    opened = sandbox.github.open_issue(
        OPS, f"Search is slow ({number})", by="kim", labels=["incident", "sev2"]
    )
    sandbox.github.comment(OPS, opened, _asked(number), by="noor")
    return f"{OPS}#{opened}"


def close(sandbox: Sandbox, key: str) -> None:
    if "#" in key:
        sandbox.github.close(OPS, int(key.partition("#")[2]), by="kim")
    else:
        sandbox.jira.transition(key, "Resolved", by=KIM)


def _asked(number: int) -> str:
    return "\n".join(f"ACTION: remedy {n} of case {number}" for n in range(1, TASKS + 1))


# --- the oracle -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """What the trackers hold of one incident."""

    key: str
    documents: int
    tasks: int
    titles: int  # different ones among them
    links: int
    comments: int
    told: int  # tasks that the document names

    def right(self) -> bool:
        return self == Held(self.key, 1, TASKS, TASKS, TASKS, 1, TASKS)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`held` of every incident; `strays` are documents and tasks that belong to none."""

    held: tuple[Held, ...]
    strays: tuple[str, ...]

    @property
    def lost(self) -> list[Held]:
        return [
            h
            for h in self.held
            if h.documents < 1 or min(h.titles, h.links, h.told) < TASKS or h.comments < 1
        ]

    @property
    def doubled(self) -> list[Held]:
        return [
            h
            for h in self.held
            if h.documents > 1 or h.comments > 1 or max(h.tasks, h.links) > TASKS
        ]

    def right(self) -> bool:
        return not self.strays and all(h.right() for h in self.held)


def judge(sandbox: Sandbox, keys: list[str]) -> Verdict:
    """Look at everything that the trackers hold."""
    with sandbox.world.lock:
        found = [*_jira(sandbox, keys), *_github(sandbox, keys)]
        expected = len(keys)
        strays = [*_strays_in_jira(sandbox, keys), *_strays_in_github(sandbox, keys)]
    if len(found) != expected:
        raise AssertionError(f"{len(found)} of {expected} incidents are there")
    return Verdict(tuple(found), tuple(strays))


def _jira(sandbox: Sandbox, keys: list[str]) -> Iterator[Held]:
    jira = sandbox.jira
    for key in (key for key in keys if "#" not in key):
        incident = jira.issue(key)
        pairs = Counter(
            link.outward if link.inward == incident.id else link.inward
            for link in jira.links_of(incident)
        )
        near = [jira.issues[id] for id in pairs]
        tasks = [issue for issue in near if issue.type == "Task"]
        documents = [issue for issue in near if issue.type == "Postmortem"]
        text = _plain(documents[0].values.get("description")) if documents else ""
        yield Held(
            key=key,
            documents=len(documents),
            tasks=len(tasks),
            titles=len({str(task.values.get("summary")) for task in tasks}),
            links=sum(pairs[task.id] for task in tasks),
            comments=sum(comment.author == BOT_JIRA for comment in incident.comments),
            told=sum(_names(text, task.key) for task in tasks),
        )


def _github(sandbox: Sandbox, keys: list[str]) -> Iterator[Held]:
    ops = sandbox.github.repos[OPS]
    for key in (key for key in keys if "#" in key):
        incident = ops.issues[int(key.partition("#")[2])]
        pulls = _pulls_about(sandbox, key)
        tasks = [issue for issue in ops.issues.values() if _is_task_of(issue, key)]
        text = _file_of(sandbox, pulls[0]) if pulls else ""
        yield Held(
            key=key,
            documents=len(pulls),
            tasks=len(tasks),
            titles=len({task.title for task in tasks}),
            links=len(incident.children),
            comments=sum(note.user == BOT_GITHUB for note in incident.notes),
            told=sum(_names(text, f"{OPS}#{task.number}") for task in tasks),
        )


def _pulls_about(sandbox: Sandbox, key: str) -> list[GitHubIssue]:
    books = sandbox.github.repos[BOOKS]
    return [i for i in books.issues.values() if i.pull and _names(i.body or "", key)]


def _is_task_of(issue: GitHubIssue, key: str) -> bool:
    """By who opened it, and not by its label: GitHub drops one that it does not like."""
    return issue.user == BOT_GITHUB and _names((issue.body or "").split("\n")[0], key)


def _file_of(sandbox: Sandbox, issue: GitHubIssue) -> str:
    books = sandbox.github.repos[BOOKS]
    if issue.pull is None:
        return ""
    tree = books.commits[books.branches[issue.pull.head]].tree
    return "\n".join(data.decode() for path, data in tree.items() if path.startswith("postmortems"))


def _strays_in_jira(sandbox: Sandbox, keys: list[str]) -> Iterator[str]:
    incidents = {sandbox.jira.issue(key).id for key in keys if "#" not in key}
    for issue in sandbox.jira.issues.values():
        if issue.type in ("Task", "Postmortem") and not _related(sandbox, issue) & incidents:
            yield f"{issue.key} {issue.values.get('summary')}"


def _related(sandbox: Sandbox, issue: JiraIssue) -> set[str]:
    return {end for link in sandbox.jira.links_of(issue) for end in (link.inward, link.outward)}


def _strays_in_github(sandbox: Sandbox, keys: list[str]) -> Iterator[str]:
    numbers = {int(key.partition("#")[2]) for key in keys if "#" in key}
    for issue in sandbox.github.repos[OPS].issues.values():
        if issue.user == BOT_GITHUB and (
            issue.parent is None or issue.parent.number not in numbers
        ):
            yield f"{OPS}#{issue.number} {issue.title}"
    pulls = [i for i in sandbox.github.repos[BOOKS].issues.values() if i.pull]
    about = [key for key in keys if "#" in key]
    drafted = {pull.pull.head for pull in pulls if pull.pull}
    for branch in sandbox.github.repos[BOOKS].branches:
        if branch.startswith("followthrough/") and branch not in drafted:
            yield f"{BOOKS} {branch}"
    for pull in pulls:
        if not any(_names(pull.body or "", key) for key in about):
            yield f"{BOOKS}#{pull.number} {pull.title}"


def _names(text: str, key: str) -> bool:
    return re.search(rf"(?<![\w/-]){re.escape(key)}(?!\w)", text) is not None


def _plain(body: Any) -> str:
    """The text of a document in Atlassian's format."""
    if isinstance(body, dict):
        return str(body.get("text", "")) + " ".join(
            _plain(part) for part in body.get("content", ())
        )
    return str(body or "")
