"""Where the contract is played: a GitHub or a Jira, reached as its users do, by its REST API.

Nothing here knows whether it is the sandbox, somebody else's stand-in or the real one.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import requests

Json = dict[str, Any]
SECONDS = 30  # until a request is given up


@dataclass(frozen=True)
class Opened:
    """An incident ticket: `id` is what the API knows it by, `key` what people say."""

    id: str
    key: str


@dataclass(frozen=True)
class Task:
    """A remediation task as it stands in the tracker."""

    id: str
    title: str
    open: bool
    owner: str


class Ground(Protocol):
    """What a person does and sees there. `mark` stands in every title of this run."""

    mark: str

    @property
    def connections(self) -> dict[str, str]:
        """Those of the rules, as YAML; tokens come from `environ`, webhooks to `place`."""
        ...

    @property
    def team(self) -> str:
        """The incidents, document and tasks of the team in the rules, as YAML."""
        ...

    @property
    def environ(self) -> dict[str, str]: ...

    def tell(self, address: str, secret: str) -> bool:
        """Have webhooks sent to this address; False where it cannot be reached from there."""
        ...

    def open(self, title: str, *asked: str) -> Opened:
        """Open an incident, whose text has these lines that ask for something."""
        ...

    def close(self, incident: Opened) -> None: ...

    def reopen(self, incident: Opened) -> None: ...

    def tasks(self) -> list[Task]:
        """The tasks of this run."""
        ...

    def finish(self, task: Task) -> None: ...

    def documents(self) -> list[str]:
        """The text of each document of this run, in which a row of a table is a line in bars."""
        ...

    def say_done(self) -> None:
        """Write into the document's one row that its task is done."""
        ...

    def comments(self, incident: Opened) -> list[str]: ...

    def leave(self) -> None:
        """Close what this run opened, and send no more webhooks."""
        ...


class Caller:
    """Requests of one person to one API."""

    def __init__(self, url: str, session: requests.Session) -> None:
        self.url, self._session = url.rstrip("/"), session

    def __call__(self, verb: str, path: str, body: Json | None = None, **query: str | int) -> Any:
        """What it answers. Raises requests.HTTPError, with what the API says against it."""
        answer = self._session.request(
            verb, self.url + path, json=body, params=query or None, timeout=SECONDS
        )
        if not answer.ok:
            raise requests.HTTPError(f"{verb} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None


def signed_in(authorization: str) -> requests.Session:
    session = requests.Session()
    session.headers["Authorization"] = authorization
    return session


@dataclass
class GitHub:
    """Incidents and tasks in one repository, documents as pull requests in one; `person` and
    `service` are the tokens of who acts and of the service."""

    url: str
    repository: str
    documents_in: str
    person: str
    service: str
    mark: str
    reachable: bool = True
    _hooks: list[str] = field(default_factory=list)
    _opened: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ask = Caller(self.url, signed_in(f"token {self.person}"))
        self._owner = Caller(self.url, signed_in(f"token {self.service}"))

    @property
    def connections(self) -> dict[str, str]:
        said = (
            f"{{kind: github, url: {self.url}, limits: none, webhook_secrets: [{{env: HOOK}}],"
            " auth: {type: token, token: {env: TOKEN}}}"
        )
        return {"place": said}

    @property
    def team(self) -> str:
        return f"""\
incidents:
  - connection: place
    repository: {self.repository}
    match: {{labels: [incident]}}
    severity: {{label: "sev*"}}
postmortem:
  document:
    kind: github-pull-request
    connection: place
    repository: {self.documents_in}
    path: "postmortems/{self.mark}/{{incident}}.md"
  tasks: {{connection: place, repository: {self.repository}, labels: [remediation, {self.mark}]}}
"""

    @property
    def environ(self) -> dict[str, str]:
        return {"TOKEN": self.service}

    def tell(self, address: str, secret: str) -> bool:
        if not self.reachable:
            return False
        config = {"url": address, "content_type": "json", "secret": secret}
        for repository in dict.fromkeys((self.repository, self.documents_in)):
            hooks = f"/repos/{repository}/hooks"
            made = self._owner("POST", hooks, {"config": config, "events": ["*"], "active": True})
            self._hooks.append(f"{hooks}/{made['id']}")
        return True

    def open(self, title: str, *asked: str) -> Opened:
        wanted = {"title": f"{title} ({self.mark})", "labels": ["incident", "sev1"]}
        wanted["body"] = "\n\n".join(("It is down.", *asked))
        number = str(self._ask("POST", self._issues, wanted)["number"])
        self._opened.append(number)
        return Opened(number, f"{self.repository}#{number}")

    def close(self, incident: Opened) -> None:
        closed = {"state": "closed", "state_reason": "completed"}
        self._ask("PATCH", f"{self._issues}/{incident.id}", closed)

    def reopen(self, incident: Opened) -> None:
        self._ask("PATCH", f"{self._issues}/{incident.id}", {"state": "open"})

    def tasks(self) -> list[Task]:
        issues = self._ask("GET", self._issues, labels=self.mark, state="all", per_page=100)
        return [
            Task(
                str(each["number"]),
                each["title"],
                each["state"] == "open",
                ", ".join(one["login"] for one in each["assignees"]),
            )
            for each in issues
        ]

    def finish(self, task: Task) -> None:
        self._ask("PATCH", f"{self._issues}/{task.id}", {"state": "closed"})

    def documents(self) -> list[str]:
        return [text for _, text in self._pulls()]

    def comments(self, incident: Opened) -> list[str]:
        return [each["body"] for each in self._ask("GET", f"{self._issues}/{incident.id}/comments")]

    def leave(self) -> None:
        for hook in self._hooks:
            self._owner("DELETE", hook)
        for number in [*self._opened, *(task.id for task in self.tasks())]:
            self._ask("PATCH", f"{self._issues}/{number}", {"state": "closed"})
        for pull, _ in self._pulls():
            self._ask("PATCH", f"{self._here}/pulls/{pull['number']}", {"state": "closed"})

    @property
    def _issues(self) -> str:
        return f"/repos/{self.repository}/issues"

    @property
    def _here(self) -> str:
        return f"/repos/{self.documents_in}"

    def say_done(self) -> None:
        ((pull, text),) = self._pulls()
        file = self._file(pull["head"]["ref"])
        said = _done(text)
        self._ask(
            "PUT",
            f"{self._here}/contents/{file['path']}",
            {
                "message": "It is done",
                "branch": pull["head"]["ref"],
                "sha": file["sha"],
                "content": base64.b64encode(said.encode()).decode(),
            },
        )

    def _pulls(self) -> Iterator[tuple[Json, str]]:
        """Those of this run, each with its text."""
        for pull in self._ask("GET", f"{self._here}/pulls", state="open", per_page=100):
            if self.mark in pull["title"] + (pull["body"] or ""):
                content = self._file(pull["head"]["ref"])["content"]
                yield pull, base64.b64decode(content).decode()

    def _file(self, branch: str) -> Json:
        """The one that stands on it, by the rules in `team`."""
        place = f"{self._here}/contents/postmortems/{self.mark}"
        for number in self._opened:
            name = f"{self.repository}-{number}".replace("/", "-")
            try:
                found: Json = self._ask("GET", f"{place}/{name}.md", ref=branch)
            except requests.HTTPError:
                continue
            return found
        raise AssertionError(f"no document on {branch}")


@dataclass
class Jira:
    """Incidents and documents in one project, tasks in one. `person` is the Authorization of who
    acts; `cloud` whether texts are ADF; `hook` registers a webhook, if it can."""

    url: str
    incidents_in: str
    tasks_in: str
    types: tuple[str, str, str]  # of incidents, documents and tasks
    person: str
    auth: str  # the service's, as the rules say it
    tokens: dict[str, str]
    mark: str
    cloud: bool
    hook: Callable[[str, str], bool]
    _opened: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ask = Caller(self.url, signed_in(self.person))
        self._api = "/rest/api/3" if self.cloud else "/rest/api/2"

    @property
    def connections(self) -> dict[str, str]:
        said = f"{{kind: jira, url: {self.url}, auth: {self.auth}"
        return {"place": f"{said}, webhook_secrets: [{{env: HOOK}}]}}"}

    @property
    def team(self) -> str:
        return f"""\
incidents:
  - connection: place
    project: {self.incidents_in}
    match: {{issue_type: "{self.types[0]}"}}
postmortem:
  document: {self.document}
  tasks: {{connection: place, project: {self.tasks_in}, issue_type: "{self.types[2]}"}}
"""

    @property
    def document(self) -> str:
        """Where the rules of the team have it, as YAML."""
        place = f"kind: jira-issue, connection: place, project: {self.incidents_in}"
        return f'{{{place}, issue_type: "{self.types[1]}"}}'

    @property
    def environ(self) -> dict[str, str]:
        return self.tokens

    def tell(self, address: str, secret: str) -> bool:
        return self.hook(address, secret)

    def open(self, title: str, *asked: str) -> Opened:
        fields = {
            "project": {"key": self.incidents_in},
            "issuetype": {"name": self.types[0]},
            "summary": f"{title} ({self.mark})",
            "labels": [self.mark],
            "description": _adf(asked) if self.cloud else "\n\n".join(asked),
        }
        made = self._ask("POST", f"{self._api}/issue", {"fields": fields})
        self._opened.append(made["id"])
        return Opened(made["id"], made["key"])

    def close(self, incident: Opened) -> None:
        self._move(incident.id, done=True)

    def reopen(self, incident: Opened) -> None:
        self._move(incident.id, done=False)

    def tasks(self) -> list[Task]:
        return [
            Task(
                each["id"],
                each["fields"]["summary"],
                not _is_done(each["fields"]),
                (each["fields"]["assignee"] or {}).get("displayName", ""),
            )
            for each in self._linked(self.types[2])
        ]

    def finish(self, task: Task) -> None:
        self._move(task.id, done=True)

    def documents(self) -> list[str]:
        found = (each["fields"]["description"] for each in self._linked(self.types[1]))
        return [_adf_as_read(each) if self.cloud else each for each in found if each]

    def say_done(self) -> None:
        (document,) = self._linked(self.types[1])
        text = document["fields"]["description"]
        said = _done_adf(text) if self.cloud else _done(text)
        self._ask("PUT", f"{self._api}/issue/{document['id']}", {"fields": {"description": said}})

    def comments(self, incident: Opened) -> list[str]:
        found = self._ask("GET", f"{self._api}/issue/{incident.id}/comment")
        return [str(each["body"]) for each in found["comments"]]

    def leave(self) -> None:
        documents = [each["id"] for each in self._linked(self.types[1])]
        for id in (*self._opened, *(task.id for task in self.tasks()), *documents):
            if not _is_done(self._ask("GET", f"{self._api}/issue/{id}", fields="status")["fields"]):
                self._move(id, done=True)

    def _linked(self, issue_type: str) -> list[Json]:
        """The issues of this type that the incidents of this run, or their documents, link to:
        read by id, because an index of searches lags."""
        found: dict[str, Json] = {}
        ahead = list(self._opened)
        seen = set(ahead)
        while ahead:
            links = self._ask("GET", f"{self._api}/issue/{ahead.pop()}", fields="issuelinks")
            for link in links["fields"]["issuelinks"]:
                id = (link.get("inwardIssue") or link["outwardIssue"])["id"]
                if id in seen:
                    continue
                seen.add(id)
                ahead.append(id)
                shown = "summary,status,assignee,description,issuetype"
                issue = self._ask("GET", f"{self._api}/issue/{id}", fields=shown)
                if issue["fields"]["issuetype"]["name"] == issue_type:
                    found[id] = issue
        return list(found.values())

    def _move(self, id: str, *, done: bool) -> None:
        """By the first transition that leads there, as a person would find it."""
        path = f"{self._api}/issue/{id}/transitions"
        ways = self._ask("GET", path)["transitions"]
        way = next(w for w in ways if (w["to"]["statusCategory"]["key"] == "done") is done)
        self._ask("POST", path, {"transition": {"id": way["id"]}})


def basic(user: str, token: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()


def _is_done(fields: Json) -> bool:
    return bool(fields["status"]["statusCategory"]["key"] == "done")


def _adf(lines: Sequence[str]) -> Json:
    """https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/"""
    texts = [{"type": "text", "text": line} for line in lines]
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [text]} for text in texts],
    }


def _adf_as_read(node: Json) -> str:
    """The same document as people see it, each row of a table a line in bars."""
    inner = [_adf_as_read(each) for each in node.get("content", ())]
    if node["type"] == "tableRow":
        return f"| {' | '.join(each.strip() for each in inner)} |\n"
    block = "\n" if node["type"] in ("paragraph", "heading", "listItem") else ""
    return str(node.get("text", "")) + "".join(inner) + block


def _done(text: str) -> str:
    """The same with the last cell of the row of the first action item changed, in Markdown or in
    Jira's wiki text: between bars, both."""
    lines = text.splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if "AI-1" in line and line.startswith("|"))
    before, bar, after = lines[at].rpartition("open")
    assert bar, lines[at]
    return "".join((*lines[:at], before + "done" + after, *lines[at + 1 :]))


def _done_adf(document: Json) -> Json:
    """The same in the Atlassian Document Format: a row is a node, and a status alone in a text."""

    def changed(node: Json) -> Json:
        content = [changed(each) for each in node.get("content", ())]
        if node["type"] == "tableRow" and "AI-1" in str(node):
            content = json.loads(json.dumps(content).replace('"text": "open"', '"text": "done"'))
        return {**node, "content": content} if content else node

    return changed(document)
