"""The HTTP application: both dialects, the pages for people, and the control endpoint."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from types import TracebackType
from typing import Any

from flask import Flask, Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map
from werkzeug.serving import WSGIRequestHandler, make_server

from integrations.sandbox.confluence_rest import mount_confluence
from integrations.sandbox.confluence_site import Confluence
from integrations.sandbox.faults import Chance, Fault, Faults
from integrations.sandbox.github_actions_rest import GitHubActionsRest
from integrations.sandbox.github_acts import GitHub
from integrations.sandbox.github_app_rest import (
    GitHubAppRest,
    GitHubManifestRest,
    mount_registration,
)
from integrations.sandbox.github_choice_rest import GitHubChoiceRest
from integrations.sandbox.github_commit_rest import GitHubCommitRest
from integrations.sandbox.github_graphql import GitHubGraphQL, mutations_in
from integrations.sandbox.github_hook_rest import GitHubHookRest
from integrations.sandbox.github_issue_rest import GitHubIssueRest
from integrations.sandbox.github_rest import GitHubRest, with_etag
from integrations.sandbox.jira_acts import Jira
from integrations.sandbox.jira_hook_rest import JiraHookRest
from integrations.sandbox.jira_issue_rest import JiraIssueRest
from integrations.sandbox.jira_rest import JiraRest
from integrations.sandbox.jira_roles_rest import JiraRolesRest
from integrations.sandbox.limits import GitHubLimits, JiraLimits, Limits, Request, Violation
from integrations.sandbox.pages import mount_pages
from integrations.sandbox.world import (
    GRAPHQL,
    Call,
    Object,
    Refused,
    World,
    acts_of,
    is_write,
    json_body,
    mount,
)

GITHUB_API = "/github/api/v3"
GITHUB_GRAPHQL = "/github/api"
DIALECTS = {
    "/jira/rest/": "jira",
    f"{GITHUB_API}/": "github",
    f"{GITHUB_GRAPHQL}{GRAPHQL}": "github",
    "/confluence/rest/": "confluence",
    "/confluence/wiki/": "confluence",
}


class Sandbox:
    """A Jira site, a GitHub server and a Confluence site in one process, at `jira_url`,
    `github_url` and `confluence_url`.

    Use it as a context manager. `jira`, `github` and `confluence` are set up and acted on by
    Python calls; the same acts answer at ``POST /_sandbox/<name>/<act>`` with their arguments as a
    JSON object. `deployment` is "cloud" or "datacenter". What goes wrong is
    `faults`, thrown by `seed`.
    """

    def __init__(
        self,
        port: int = 0,
        deployment: str = "cloud",
        clock: Callable[[], datetime] | None = None,
        faults: Faults | None = None,
        seed: int = 0,
    ) -> None:
        self.world = World(clock, Chance(faults, seed))
        self.jira = Jira(self.world, deployment)
        self.github = GitHub(self.world)
        self.confluence = Confluence(self.world, self.jira)
        self.hooks = self.world.hooks
        self._server = make_server(
            "127.0.0.1", port, self._application(), threaded=True, request_handler=_Quiet
        )
        self.url = self.world.base_url = f"http://127.0.0.1:{self._server.server_port}"
        self.jira_url, self.github_url = f"{self.url}/jira", f"{self.url}{GITHUB_API}"
        self.confluence_url = f"{self.url}/confluence"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def __enter__(self) -> Sandbox:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.hooks.stop()

    # --- counting and faults ----------------------------------------------------------------

    @property
    def calls(self) -> list[Call]:
        """Every request to a tracker's REST interface since the last `reset_calls`."""
        with self.world.lock:
            return list(self.world.calls)

    def reset_calls(self) -> None:
        with self.world.lock:
            self.world.calls.clear()

    def reads(self) -> list[Call]:
        return [call for call in self.calls if not call.is_write]

    def writes(self) -> list[Call]:
        return [call for call in self.calls if call.is_write]

    def set_faults(self, faults: Faults | None = None, seed: int | None = None) -> None:
        """From now on these (none: all is well), with fresh dice of this seed (or the same)."""
        with self.world.lock:
            seed = self.world.chance.seed if seed is None else seed
            self.world.chance = Chance(faults, seed)

    def enforce(self, github: GitHubLimits | None = None, jira: JiraLimits | None = None) -> None:
        """From now on these budgets (none: as much as one likes), untouched and not violated."""
        with self.world.lock:
            self.world.limits = Limits(github, jira)

    @property
    def violations(self) -> list[Violation]:
        """The requests that were refused for being over budget since the last `enforce`."""
        with self.world.lock:
            return list(self.world.limits.violations)

    def fail_next(
        self,
        method: str,
        path: str,
        status: int = 500,
        after_effect: bool = False,
        drop_connection: bool = False,
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        body: Object | None = None,
    ) -> None:
        """Let the next `times` calls whose path the regular expression finds end badly. The path of
        a GraphQL request is followed by the names of its mutations: "/graphql createIssue"."""
        fault = Fault(method, re.compile(path), status, after_effect, drop_connection, times)
        fault.headers = headers or {}
        fault.body = body or fault.body
        with self.world.lock:
            self.world.next_faults.append(fault)

    # --- the application --------------------------------------------------------------------

    def _application(self) -> Flask:
        app = _Locked(__name__, static_folder=None)
        app.world = self.world
        app.has_rules = self.jira.cloud in _MAPS
        if app.has_rules:
            app.url_map = _MAPS[self.jira.cloud]
        app.json.sort_keys = False  # type: ignore[attr-defined]
        app.config["MAX_CONTENT_LENGTH"] = 30 * 1024 * 1024
        version = "3" if self.jira.cloud else "2"
        jira = JiraRest(self.jira)
        for api in (jira, JiraIssueRest(self.jira), JiraRolesRest(self.jira)):
            mount(app, f"/jira/rest/api/{version}", api)
        mount(app, "/jira/rest", JiraHookRest(self.jira))
        github = GitHubRest(self.github)
        issues = (GitHubIssueRest, GitHubChoiceRest, GitHubCommitRest, GitHubActionsRest)
        others = (*issues, GitHubHookRest, GitHubAppRest, GitHubManifestRest)
        for part in (github, *(of(self.github) for of in others)):
            mount(app, GITHUB_API, part)
        mount(app, GITHUB_GRAPHQL, GitHubGraphQL(self.github))
        if self.jira.cloud:  # has all of version 2 as well; of that, this is asked by our adapter
            info = "/jira/rest/api/2/serverInfo"
            app.add_url_rule(info, "info", lambda: jira.server_info(jira.sign_in()))
        else:
            app.add_url_rule("/jira/rest/api/3/<path:any>", view_func=_no_version_3)
        confluence = mount_confluence(app, self.confluence)
        mount_pages(app, self.jira, self.github)
        mount_registration(app, self.github)
        self._sign_in = {"jira": jira.sign_in, "github": github.account}
        self._sign_in["confluence"] = confluence.sign_in
        app.before_request(self._before)
        app.after_request(self._answered)
        app.teardown_request(self._gone)
        app.register_error_handler(Refused, _refusal)
        app.register_error_handler(HTTPException, _unknown)
        told = {"calls": self._told_calls, "violations": self._told_violations}
        for name, view in told.items():
            app.add_url_rule(f"/_sandbox/{name}", endpoint=name, view_func=view)
        app.add_url_rule(
            "/_sandbox/<name>/<act>", endpoint="act", view_func=self._act, methods=["POST"]
        )
        _MAPS[self.jira.cloud] = app.url_map
        return app

    def _told_calls(self) -> ResponseReturnValue:
        return jsonify([asdict(call) for call in self.calls])

    def _told_violations(self) -> ResponseReturnValue:
        return jsonify([{**asdict(v), "at": v.at.isoformat()} for v in self.violations])

    def _act(self, name: str, act: str) -> ResponseReturnValue:
        """Do what a person would, an act of `jira` or `github`; or one of the `sandbox` itself."""
        arguments = json_body()
        owners = {"jira": self.jira, "github": self.github, "confluence": self.confluence}
        owner: Any = owners.get(name)
        acts = {allowed: getattr(owner, allowed) for allowed in acts_of(owner)}
        if name == "sandbox":
            acts = {"fail_next": self.fail_next, "reset_calls": self.reset_calls}
            acts |= {"webhooks": self._enable_webhooks, "faults": self._faults_from_json}
            acts["enforce"] = self._enforce_from_json
        if act not in acts:
            raise Refused(404, {"message": f"{name} has no act {act!r}; it has {[*acts]}"})
        try:
            return jsonify({"result": acts[act](**arguments)})
        except (TypeError, ValueError, KeyError) as fault:
            raise Refused(400, {"message": f"{type(fault).__name__}: {fault}"}) from fault

    def _enable_webhooks(self, enabled: bool) -> None:
        self.hooks.enabled = enabled

    def _faults_from_json(self, seed: int | None = None, **knobs: Any) -> None:
        """All knobs at once: what is not named is off."""
        self.set_faults(Faults.from_json(knobs), seed)

    def _enforce_from_json(self, github: Object | None = None, jira: Object | None = None) -> None:
        """An empty object is the vendor's own budgets; null, or nothing, is none."""
        self.enforce(
            None if github is None else GitHubLimits(**github),
            None if jira is None else JiraLimits(**jira),
        )

    def _before(self) -> ResponseReturnValue | None:
        """A call that is cut on its way was never counted; one whose answer is spoilt was."""
        dialect = _dialect()
        if dialect is None:
            return None
        path = request.full_path.rstrip("?")
        fields = mutations_in(request.get_json(silent=True)) if path.endswith(GRAPHQL) else ()
        g.mutations = len(fields)
        write = is_write(request.method, path, g.mutations)
        told = " ".join((path, *fields))
        g.fault, g.delay = self.world.fault_of(dialect, request.method, told, write)
        if g.fault is not None and not g.fault.after_effect:
            return _spoilt(g.fault)
        with self.world.lock:
            if asked := self._counted(dialect, path):
                g.counted, g.limits = asked, self.world.limits
                refused = g.limits.admit(asked, self.world.now())
                g.under_way = refused is None
                return None if refused is None else _spoilt(refused)
        return None

    def _counted(self, dialect: str, path: str) -> Request | None:
        """What the budgets are told of this call; nothing of one that will be a 401."""
        if not self.world.limits.enforced(dialect):
            return None
        try:
            account = self._sign_in[dialect]()
        except Refused:
            return None
        endpoint = request.url_rule.rule if request.url_rule else ""
        issue = ""
        if dialect == "jira" and (named := (request.view_args or {}).get("ref")):
            with contextlib.suppress(Refused):
                issue = self.jira.issue(named).id
        write = is_write(request.method, path, g.mutations)
        asked = Request(dialect, account, request.method, path, write, endpoint, issue)
        return replace(asked, mutations=g.mutations)

    def _gone(self, _: BaseException | None) -> None:
        if g.get("under_way"):
            with self.world.lock:
                g.limits.done(g.counted)

    def _answered(self, response: Response) -> Response:
        """Keep the call on record and spoil or hold back its answer; no lock is held here."""
        dialect = _dialect()
        if dialect is None:
            return response
        fault: Fault | None = g.get("fault")
        if fault is not None and fault.after_effect:
            response = _spoilt(fault)
        elif dialect == "github":
            response = with_etag(response)
        dropped = fault is not None and fault.drop_connection
        path = request.full_path.rstrip("?")
        with self.world.lock:
            response.date = self.world.now()
            if counted := g.get("counted"):
                if response.status_code == 304:
                    g.limits.not_modified(counted, self.world.now())
                budgets = g.limits.headers(counted, self.world.now())
                for name in budgets.keys() - {*response.headers.keys()}:
                    response.headers[name] = budgets[name]
            status = 0 if dropped else response.status_code
            self.world.calls.append(Call(request.method, path, status, dialect, g.mutations))
        if delay := g.get("delay"):
            time.sleep(delay)
        if dropped:
            connection: socket.socket = request.environ["werkzeug.socket"]
            connection.shutdown(socket.SHUT_RDWR)
        return response


#: The rules of each deployment. To put a hundred of them together takes longer than a short story,
#: and they are the same in each sandbox; only who answers differs.
_MAPS: dict[bool, Map] = {}


class _Locked(Flask):
    """One request at a time sees the world; webhooks are sent outside of the lock."""

    world: World
    has_rules = False

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        if not self.has_rules:
            super().add_url_rule(rule, endpoint, view_func, provide_automatic_options, **options)
        elif view_func is not None:
            self.view_functions[endpoint or view_func.__name__] = view_func

    def dispatch_request(self) -> ResponseReturnValue:
        with self.world.lock:
            return super().dispatch_request()


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Calls are kept in `Sandbox.calls`, not printed."""

    def send_response(self, code: int, message: str | None = None) -> None:
        """Without this machine's Date: answers have that of the sandbox's own clock."""
        self.send_response_only(code, message)


def _dialect() -> str | None:
    return next((name for start, name in DIALECTS.items() if request.path.startswith(start)), None)


def _spoilt(fault: Fault) -> Response:
    answer = jsonify(fault.body)
    answer.status_code = fault.status
    answer.headers.update(fault.headers)
    return answer


def _no_version_3(**_: str) -> ResponseReturnValue:
    """Data Center has version 2 only: https://developer.atlassian.com/server/jira/platform/rest/"""
    return jsonify({"message": "null for uri", "status-code": 404}), 404


def _refusal(no: Refused) -> ResponseReturnValue:
    return jsonify(no.body), no.status, no.headers


def _unknown(error: HTTPException) -> ResponseReturnValue:
    """What neither dialect here speaks is named, so that nobody mistakes it for a 404."""
    if error.code not in (404, 405):
        return jsonify({"message": str(error)}), error.code or 500
    words = f"The sandbox does not know {request.method} {request.path}"
    status = 404 if _dialect() is None else 501
    return jsonify({"message": words, "errorMessages": [words], "errors": {}}), status
