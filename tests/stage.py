"""A whole service on a stage: real adapters, store and web, against the sandbox, in one process.

Requests and webhooks are sent without sockets (see `inprocess`), unless a story asks for them; jobs
are run one after another when it says `settle`.
Time is the story's own: it stands still until `wait` moves it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from textwrap import dedent, indent
from typing import Any, Self

import pytest
from databases import prepare
from flask import Flask
from inprocess import WSGI, Address
from werkzeug.exceptions import HTTPException
from werkzeug.serving import make_server

from config.rules import Rules, load
from config.secrets import Secret
from config.settings import Settings
from integrations.sandbox import Sandbox
from integrations.sandbox.acme import BOT_EMAIL, BOT_JIRA, add_wiki, populate
from integrations.sandbox.server import GITHUB_API
from service.app import create_app
from service.container import Container, Web, build, check_doors, doors, limits, open_store
from service.jobs import TIMING, record_end
from service.registering import Registering
from service.web import webhooks
from workflows.model import Incident

TOKENS = {"JIRA_TOKEN": "jira-token-7f3a", "GITHUB_TOKEN": "github-token-9c1e"}
ADMIN_TOKEN = "admin-token-1b2c"
CHECKS_TOKEN = "checks-token-5d8e"
HOOKS = {"JIRA_HOOK": "jira-hook-secret", "GITHUB_HOOK": "github-hook-secret"}

JIRA_INCIDENTS = """\
- connection: jira
  project: INC
  match: {issue_type: Incident}
  closed: {status_category: done, except: {resolution: ["Won't Do", Duplicate]}}
  severity: {field: customfield_10050}
  service: {component: first}
  moments: {detected: {field: customfield_10051}, mitigated: {status: Mitigated}}
"""
GITHUB_INCIDENTS = """\
- connection: github
  repository: acme/ops
  match: {labels: [incident]}
  closed: {reason: [completed]}
  severity: {label: "sev*"}
  moments: {mitigated: {label: mitigated}}
"""
JIRA_ISSUE = "{kind: jira-issue, connection: jira, project: INC, issue_type: Postmortem}"
PULL_REQUEST = (
    "{kind: github-pull-request, connection: github, repository: acme/postmortems,"
    ' path: "postmortems/{year}/{incident}.md"}'
)
GITHUB_ISSUE = (
    "{kind: github-issue, connection: github, repository: acme/ops, labels: [postmortem]}"
)
CONFLUENCE_PAGE = "{kind: confluence-page, connection: wiki, space: PM}"
LOCAL_FILE = '{kind: git-directory, directory: postmortems, path: "{year}/{incident}.md"}'
JIRA_TASKS = "{connection: jira, project: OPS, issue_type: Task, labels: [remediation]}"
GITHUB_TASKS = "{connection: github, repository: acme/ops, labels: [remediation]}"


#: Data Center's decisions are the same as Cloud's, and its words have tests of their own: a story
#: that Cloud tells already is told of it in the long run only.
DEPLOYMENTS = ("cloud", pytest.param("datacenter", marks=pytest.mark.long))


class StoryClock:
    """Time that moves when it is told to; ticks forward a millisecond a look, as time does."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            self._now += timedelta(milliseconds=1)
            return self._now

    def wait(self, length: timedelta) -> None:
        with self._lock:
            self._now += length


class Unplugged(Sandbox):
    """A sandbox that answers in this process only."""

    def __init__(self, clock: StoryClock, deployment: str) -> None:
        super().__init__(clock=clock, deployment=deployment)
        self._server.server_close()
        self._address = Address()
        self.url = self.world.base_url = self._address.url
        self.jira_url, self.github_url = f"{self.url}/jira", f"{self.url}{GITHUB_API}"
        self.confluence_url = f"{self.url}/confluence"

    def __enter__(self) -> Self:
        assert self._server.app is not None
        self._address.serve(self._server.app)
        return self

    def __exit__(self, *_: object) -> None:
        self._address.hang_up()
        self.hooks.stop()
        self._address.release()


#: Opens a stage with these parts, as `Stage` takes them (the fixture ``staged``).
Staging = Callable[..., "Stage"]


class Stage:
    """One team, payments, of the company in `integrations.sandbox.acme`."""

    def __init__(
        self,
        directory: Path,
        *,
        incidents: str = GITHUB_INCIDENTS,
        document: str = PULL_REQUEST,
        tasks: str = GITHUB_TASKS,
        mode: str = "act",
        limits: str = "none",
        webhooks: bool = True,
        deployment: str = "cloud",
        sync: str = "{}",
        people: str = "",
        audits: str = "{}",
        manager: str = "",
        reminders: str = "{}",
        calendar: str = "",
        checks: str = "{}",
        participants: str = "",
        clock: StoryClock | None = None,
        poll_seconds: int = 60,
        sockets: bool = False,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)  # on PostgreSQL no file makes it
        self.directory = directory
        self.clock = clock or StoryClock(datetime(2026, 12, 7, 12, 0, tzinfo=UTC))
        self._sockets = sockets
        self.sandbox = (Sandbox if sockets else Unplugged)(clock=self.clock, deployment=deployment)
        populate(self.sandbox, TOKENS["JIRA_TOKEN"], TOKENS["GITHUB_TOKEN"])
        if "confluence-page" in document:
            add_wiki(self.sandbox)
        self.rules_file = directory / "rules.yaml"
        self._parts = {"incidents": incidents, "document": document, "tasks": tasks}
        self._parts |= {"mode": mode, "limits": limits, "sync": sync, "people": people}
        self._parts |= {"audits": audits, "manager": manager}
        self._parts |= {"reminders": reminders, "calendar": calendar, "checks": checks}
        self._parts |= {"participants": participants}
        self._webhooks = webhooks
        self.environ = {**TOKENS, **HOOKS, "CHECKS_TOKEN": CHECKS_TOKEN}
        said = {"DATA": str(directory / "data"), "POLL_SECONDS": str(poll_seconds)}
        environ = {f"FOLLOWTHROUGH_{name}": value for name, value in said.items()}
        self.settings = Settings.from_environment(environ)
        prepare(directory / "data" / "followthrough.db")
        self.store = open_store(self.settings, self.clock)
        self.container = self.restart()

    def restart(self, **changed: str) -> Container:
        """Read the rules again (with parts of them changed), as a new process would."""
        self._parts |= changed
        self.rules_file.write_text(rules_text(self.sandbox, **self._parts))
        return self.start_again(load(self.rules_file, self.environ))

    def start_again(self, rules: Rules | None = None) -> Container:
        """A new process, with these rules or the ones that it had."""
        self.container = build(
            self.settings,
            rules or self.container.rules,
            store=self.store,
            clock=self.clock,
            wait=self._let_pass,
        )
        return self.container

    def __enter__(self) -> Self:
        self.sandbox.__enter__()
        self._address = None if self._sockets else Address()
        self.start_web()
        if self._webhooks:
            self.sandbox.jira.hook(f"{self.url}/webhooks/jira", HOOKS["JIRA_HOOK"])
            github = f"{self.url}/webhooks/github"
            for place in ("acme/ops", "acme/postmortems"):
                self.sandbox.github.hook(place, github, HOOKS["GITHUB_HOOK"])
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.__exit__(None, None, None)
        self.stop_web()
        if self._address is not None:
            self._address.release()
        self.store.close()

    def start_web(self, port: int = 0, between: Callable[[WSGI], WSGI] = lambda web: web) -> None:
        """The web process, perhaps with a proxy `between` it and the trackers."""
        web = Web(
            self.store,
            self.clock,
            Secret(ADMIN_TOKEN),
            None,
            doors(self.container.rules),
            limits(self.container.rules),
            Registering(self.settings.data, self.settings.answer_seconds),
            self.container.rules.policy.people,
            check_doors(self.container.rules),
        )
        if self._address is not None:
            self._address.serve(between(_waking(web)))
            self.url = self._address.url
            return
        app = between(create_app(web))
        self._server = make_server("127.0.0.1", port, app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def listen(self) -> None:
        """From now on the pages are at a socket, as browsers come by one."""
        if self._address is not None:
            self._address.release()
            self._address = None
            self.start_web()

    def stop_web(self) -> int:
        """Nobody listens any more where trackers deliver; returns the port."""
        if self._address is not None:
            self._address.hang_up()
            return 0
        self._server.shutdown()
        self._server.server_close()
        return self._server.server_port

    # --- letting the service work ---

    def settle(self) -> None:
        """Wait until every webhook arrived and every job that is due was run."""
        for _ in range(200):
            if not self.sandbox.hooks.drain():
                raise AssertionError("webhooks are still on their way")
            if not self._run_due():
                return
        raise AssertionError("the service does not come to rest")

    def poll(self) -> None:
        """Look for what no webhook told, and work on it."""
        self.container.reconciler.start()
        self.settle()

    def wait(self, length: timedelta) -> None:
        """Let time pass, then let the service work."""
        self.clock.wait(length)
        self.settle()

    def _let_pass(self, seconds: float) -> None:
        self.clock.wait(timedelta(seconds=seconds))

    def _run_due(self) -> bool:
        with self.store.write() as tx:
            ids = tx.jobs.due(50)
        for number in ids:
            with self.store.write() as tx:
                job = tx.jobs.claim(number, TIMING.lease)
            if job is None:
                continue
            end = self.container.handlers[job.kind](job)
            with self.store.write() as tx:
                record_end(tx, job, end)
        return bool(ids)

    # --- looking ---

    def incident(self, key: str) -> Incident:
        with self.store.read() as tx:
            found = tx.incidents.find(key)
        assert len(found) == 1, f"{key}: {len(found)} incidents"
        return found[0].incident

    def incidents(self) -> list[Incident]:
        with self.store.read() as tx:
            return [record.incident for record in tx.incidents.page(limit=1000)]

    def told(self, key: str) -> str:
        """Everything that the journal says of an incident."""
        incident = self.incident(key)
        with self.store.read() as tx:
            return "\n".join(entry.text for entry in tx.journal.of_incident(incident.id))


def _waking(web: Web) -> WSGI:
    """The application, of which there is nothing but the doors for webhooks until a page is asked
    for: most stories ask for none, and to build the whole takes a tenth of a second."""
    ajar = Flask("service.web")
    ajar.register_blueprint(webhooks.blueprint(web))
    ajar.register_error_handler(HTTPException, webhooks.refusal)
    whole = cache(lambda: create_app(web))

    def serve(environ: dict[str, Any], start: Any) -> Any:
        at_door = environ["PATH_INFO"].startswith(webhooks.PREFIX)
        return (ajar if at_door else whole())(environ, start)

    return serve


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def rules_text(
    sandbox: Sandbox,
    *,
    incidents: str,
    document: str,
    tasks: str,
    mode: str,
    limits: str,
    sync: str = "{}",
    people: str = "",
    audits: str = "{}",
    manager: str = "",
    reminders: str = "{}",
    calendar: str = "",
    checks: str = "{}",
    participants: str = "",
) -> str:
    """The rules of the team payments, against this sandbox; `people` are further entries, and
    whatever else stands beside them; `participants` are further lines of the team."""
    user = BOT_EMAIL if sandbox.jira.cloud else BOT_JIRA
    wiki = f"""\
  wiki:
            kind: confluence
            url: {sandbox.confluence_url}
            deployment: {"cloud" if sandbox.jira.cloud else "datacenter"}
            auth: {{type: basic, user: {user}, token: {{env: JIRA_TOKEN}}}}
"""
    wiki = wiki if "confluence-page" in document else ""
    head = f"""\
        connections:
          jira:
            kind: jira
            url: {sandbox.jira_url}
            auth: {{type: basic, user: {user}, token: {{env: JIRA_TOKEN}}}}
            webhook_secrets: [{{env: JIRA_HOOK}}]
          github:
            kind: github
            url: {sandbox.github_url}
            limits: {limits}
            auth: {{type: token, token: {{env: GITHUB_TOKEN}}}}
            webhook_secrets: [{{env: GITHUB_HOOK}}]
        {wiki}
        teams:
          payments:
            mode: {mode}
            start_from: 2026-12-01
            rota: {{facilitator: [Kim Ito, Noor Aziz], scribe: [Noor Aziz, Lee Park]}}
        """
    tail = f"""\
            postmortem:
              when: {{severity: [sev1, sev2]}}
              document: {document}
              tasks: {tasks}
              standard_actions:
                - when: {{severity: [sev1]}}
                  title: "Detect {{incident}} sooner"
                  kind: detective
            sync: {sync}
            audits: {audits}
            reminders: {reminders}
            checks: {checks}
            {f"manager: {manager}" if manager else ""}
            {f"calendar: {calendar}" if calendar else ""}
        people:
          - {{name: Kim Ito, email: kim@acme.example, jira: 5b10-kim, github: kim}}
          - {{name: Noor Aziz, email: noor@acme.example, jira: 5b10-noor, github: noor}}
          - {{name: Lee Park, email: lee@acme.example, jira: 5b10-lee, github: lee}}
        """
    watched = f"{indent(participants, '    ')}\n    incidents:\n"
    return dedent(head) + watched + indent(incidents, "      ") + dedent(tail) + people
