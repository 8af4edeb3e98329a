"""`followthrough doctor`: each fault that it knows is put into a set-up that is otherwise well, and
it alone is found, by its name, with what mends it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from stage import GITHUB_TASKS, HOOKS, JIRA_ISSUE, PULL_REQUEST, TOKENS, Stage, StoryClock

from integrations.findings import Kind
from integrations.github.manifest import EVENTS, PERMISSIONS
from integrations.sandbox.acme import BOT_GITHUB, BOT_JIRA, KIM, LEE
from integrations.sandbox.github_site import GitHubApp
from integrations.sandbox.limits import GitHubLimits
from service.commands.doctor import doctor

JIRA_INCIDENTS = """\
- connection: jira
  project: INC
  match: {issue_type: Incident, components: [checkout]}
  closed: {status_category: done}
  severity: {field: customfield_10050}
  service: {component: first}
"""
GITHUB_INCIDENTS = """\
- connection: github
  repository: acme/ops
  match: {labels: [incident]}
  closed: {reason: [completed]}
  severity: {label: "sev*"}
"""
JIRA_TASKS = "{connection: jira, project: OPS, issue_type: Task}"
OPS = "acme/ops"
JIRA, DATA_CENTER, GITHUB, APP = "cloud", "datacenter", "github", "app"
LATELY = timedelta(hours=1)


class Healthy:
    """A set-up in which all is well: everything in Jira, or everything in GitHub, with a token or
    as a GitHub App."""

    def __init__(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stage = stage
        self.jira, self.github = stage.sandbox.jira, stage.sandbox.github
        self._monkeypatch = monkeypatch
        self.set("FOLLOWTHROUGH_RULES", str(stage.rules_file))
        self.set("FOLLOWTHROUGH_PUBLIC_URL", stage.url)
        for name, value in {**TOKENS, **HOOKS}.items():
            self.set(name, value)

    def set(self, name: str, value: str) -> None:
        self._monkeypatch.setenv(name, value)

    def rules(self, before: str, after: str) -> None:
        text = self.stage.rules_file.read_text()
        assert before in text
        self.stage.rules_file.write_text(text.replace(before, after))

    def rehook(self, **changed: Any) -> None:
        """Change every webhook."""
        hooks = self.stage.sandbox.hooks
        for hook in list(hooks.registered):
            hooks.replace(hook, replace(hook, **changed))

    def unhook(self) -> None:
        self.stage.sandbox.hooks.registered.clear()

    def as_app(self) -> None:
        """An App that is installed on both repositories, whose webhook is the only one."""
        self.unhook()
        address = f"{self.stage.url}/webhooks/github"
        secret = HOOKS["GITHUB_HOOK"]
        granted = {name: level for name, (level, _) in PERMISSIONS.items()}
        told = self.github.add_app("acme-bot", granted, list(EVENTS), url=address, secret=secret)
        self.installed = self.github.install_app("acme-bot", "acme")
        self.set("APP_KEY", told["pem"])
        as_app = f'{{type: app, app_id: "{told["id"]}", private_key: {{env: APP_KEY}}}}'
        self.rules("{type: token, token: {env: GITHUB_TOKEN}}", as_app)

    @property
    def app(self) -> GitHubApp:
        return self.github.apps.by_slug["acme-bot"]

    def change_app_hook(self, **changed: Any) -> None:
        assert self.app.hook is not None
        old, self.app.hook = self.app.hook, replace(self.app.hook, **changed)
        self.stage.sandbox.hooks.replace(old, self.app.hook)

    def through_the_organisation(self) -> None:
        """Its webhook stands for those of its repositories, and the account is an owner."""
        self.unhook()
        self.github.owners["acme"] = {BOT_GITHUB}
        self.github.hook("acme", f"{self.stage.url}/webhooks/github", HOOKS["GITHUB_HOOK"])
        self.stage.sandbox.hooks.drain()


def examined() -> list[dict[str, str]]:
    """The faults and notes, after a look that wrote nothing and ended as it must."""
    result = CliRunner().invoke(doctor, ["--json"], catch_exceptions=False)
    found = [each for each in json.loads(result.output) if not each["ok"] or each["mend"]]
    assert result.exit_code == (1 if any(not each["ok"] for each in found) else 0)
    return found


def faults() -> list[dict[str, str]]:
    return [each for each in examined() if not each["ok"]]


def in_jira(stage: Stage) -> None:
    jira = stage.sandbox.jira
    jira.projects["OPS"].assignable.add(LEE)
    jira.create_issue("INC", "Slow", by=KIM, components=[{"name": "checkout"}])
    jira.create_issue("OPS", "Patch", by=KIM, type="Task")


def in_github(stage: Stage) -> None:
    stage.sandbox.github.open_issue(OPS, "Slow", by="kim", labels=["incident"])


@pytest.fixture
def healthy(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Healthy]:
    where = request.param
    parts: dict[str, Any] = {
        "incidents": GITHUB_INCIDENTS,
        "document": PULL_REQUEST,
        "tasks": GITHUB_TASKS,
    }
    if where in (JIRA, DATA_CENTER):
        parts = {"incidents": JIRA_INCIDENTS, "document": JIRA_ISSUE, "tasks": JIRA_TASKS}
    deployment = "datacenter" if where == "datacenter" else "cloud"
    clock = StoryClock(datetime.now(UTC) - LATELY)  # in the end as doctor's own, this machine's
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "elsewhere"))
    with Stage(tmp_path, **parts, clock=clock, deployment=deployment) as stage:
        (in_jira if where in (JIRA, DATA_CENTER) else in_github)(stage)
        assert stage.sandbox.hooks.drain()
        clock.wait(LATELY)
        healthy = Healthy(stage, monkeypatch)
        if where == APP:
            healthy.as_app()
        yield healthy


# --- the faults -----------------------------------------------------------------------------------


def a_wrong_token_of_jira(all: Healthy) -> None:
    all.set("JIRA_TOKEN", "wrong-token")


def a_wrong_token_of_github(all: Healthy) -> None:
    all.set("GITHUB_TOKEN", "wrong-token")


def an_expired_token_of_jira(all: Healthy) -> None:
    all.jira.users[BOT_JIRA].token = ""


def an_expired_token_of_github(all: Healthy) -> None:
    all.github.accounts[BOT_GITHUB].token = ""


def the_project_may_not_be_read(all: Healthy) -> None:
    all.jira.deny(BOT_JIRA, "BROWSE_PROJECTS", "OPS")


def the_repository_may_not_be_read(all: Healthy) -> None:
    del all.github.repos[OPS].members[BOT_GITHUB]


def issues_may_not_be_edited(all: Healthy) -> None:
    all.jira.deny(BOT_JIRA, "EDIT_ISSUES", "OPS")


def the_repository_may_not_be_written(all: Healthy) -> None:
    all.through_the_organisation()
    all.github.repos[OPS].members[BOT_GITHUB] = "triage"


def issues_may_not_be_moved(all: Healthy) -> None:
    all.jira.deny(BOT_JIRA, "TRANSITION_ISSUES", "OPS")


def issues_may_not_be_linked(all: Healthy) -> None:
    all.jira.deny(BOT_JIRA, "LINK_ISSUES", "INC")


def webhooks_of_jira_may_not_be_read(all: Healthy) -> None:
    all.jira.deny(BOT_JIRA, "ADMINISTER")


def webhooks_of_a_repository_may_not_be_read(all: Healthy) -> None:
    all.github.repos["acme/postmortems"].members[BOT_GITHUB] = "write"


def an_unknown_project(all: Healthy) -> None:
    all.rules("project: OPS", "project: OPX")


def an_unknown_repository(all: Healthy) -> None:
    all.rules("repository: acme/postmortems", "repository: acme/postmortem")


def an_unknown_issue_type_of_tasks(all: Healthy) -> None:
    all.rules("issue_type: Task", "issue_type: Chore")


def an_unknown_issue_type_of_incidents(all: Healthy) -> None:
    all.rules("match: {issue_type: Incident", "match: {issue_type: Outage")


def an_unknown_label(all: Healthy) -> None:
    all.rules("labels: [incident]", "labels: [outage]")


def an_unknown_field(all: Healthy) -> None:
    all.rules("customfield_10050", "customfield_10099")


def an_unknown_status_of_tasks(all: Healthy) -> None:
    all.rules("issue_type: Task}", "issue_type: Task, statuses: {done: [Ready to ship]}}")


def an_unknown_status_of_closed_incidents(all: Healthy) -> None:
    all.rules("closed: {status_category: done}", "closed: {status: [Ready to ship]}")


def an_unknown_status_of_a_moment(all: Healthy) -> None:
    before = "severity: {field: customfield_10050}"
    all.rules(before, f"moments: {{mitigated: {{status: Mitigatd}}}}\n        {before}")


def an_unknown_link_type(all: Healthy) -> None:
    all.jira.remove_link_type("Relates")


def a_required_field_without_a_value(all: Healthy) -> None:
    ops = all.jira.projects["OPS"]
    ops.required |= {"customfield_10051"}


def a_transition_to_done_demands_a_field(all: Healthy) -> None:
    """The way that is open is no way to done: what is not done is not closed as such."""
    all.jira.change_workflow(
        "OPS",
        [
            {"name": "Start", "to": "In Progress"},
            {"name": "Finish", "to": "Done", "needs": ["customfield_10051"]},
        ],
    )
    key = all.jira.create_issue("OPS", "Rehearse", by=KIM, type="Task")
    all.jira.transition(key, "Start", by=KIM)


def done_is_out_of_reach(all: Healthy) -> None:
    all.jira.change_workflow(
        "OPS",
        [
            {"name": "Start", "to": "In Progress", "from": ["To Do"]},
            {"name": "Stop", "to": "To Do", "from": ["In Progress"]},
            {"name": "Give up", "to": "Done", "from": ["Done"]},
        ],
    )
    key = all.jira.create_issue("OPS", "Rehearse", by=KIM, type="Task")
    all.jira.transition(key, "Start", by=KIM)


def somebody_cannot_be_assigned_in_jira(all: Healthy) -> None:
    all.jira.leave(LEE)


def somebody_cannot_be_assigned_in_github(all: Healthy) -> None:
    del all.github.repos[OPS].members["lee"]


def somebody_has_no_account_in_jira(all: Healthy) -> None:
    all.rules("jira: 5b10-lee, ", "")


def somebody_has_no_account_in_github(all: Healthy) -> None:
    all.rules(", github: lee", "")


def no_webhook(all: Healthy) -> None:
    all.unhook()


def no_webhook_in_one_repository(all: Healthy) -> None:
    hooks = all.stage.sandbox.hooks
    (gone,) = [hook for hook in hooks.registered if hook.scope == OPS]
    hooks.replace(gone, None)


def a_webhook_of_the_wrong_events(all: Healthy) -> None:
    all.rehook(events=frozenset({"jira:issue_created", "issues", "push", "pull_request"}))


def a_webhook_of_other_projects(all: Healthy) -> None:
    all.rehook(jql="project in (INC, HR)")


def a_webhook_without_a_secret(all: Healthy) -> None:
    all.rehook(secret="")


def jira_signs_with_a_wrong_secret(all: Healthy) -> None:
    all.rehook(secret="another-secret")
    all.set("FOLLOWTHROUGH_DATA", str(all.stage.directory / "data"))
    all.jira.create_issue("OPS", "Rehearse", by=KIM, type="Task")
    assert all.stage.sandbox.hooks.drain()


def github_signs_with_a_wrong_secret(all: Healthy) -> None:
    all.rehook(secret="another-secret")
    for hook in all.stage.sandbox.hooks.registered:
        if hook.scope == OPS:
            all.github.ping(hook)
    assert all.stage.sandbox.hooks.drain()


def a_webhook_to_a_wrong_address(all: Healthy) -> None:
    hooks = all.stage.sandbox.hooks
    for hook in list(hooks.registered):
        hooks.replace(hook, replace(hook, url=hook.url.replace("http://", "http://old.")))


def a_webhook_that_leads_nowhere(all: Healthy) -> None:
    all.set("FOLLOWTHROUGH_PUBLIC_URL", "http://nobody.acme.invalid")
    for hook in list(all.stage.sandbox.hooks.registered):
        new = f"http://nobody.acme.invalid/webhooks/{hook.dialect}"
        all.stage.sandbox.hooks.registered.remove(hook)
        if hook.dialect == "github":
            all.github.hook(hook.scope, new, hook.secret)
    assert all.stage.sandbox.hooks.drain()


def clocks_that_differ(all: Healthy) -> None:
    all.stage.clock.wait(timedelta(minutes=10))


def little_is_left_of_the_hours_requests(all: Healthy) -> None:
    all.stage.sandbox.enforce(github=GitHubLimits(requests_per_hour=300, points_per_minute=1000))
    me = {"Authorization": f"Bearer {TOKENS['GITHUB_TOKEN']}"}
    for _ in range(275):
        requests.get(f"{all.stage.sandbox.github_url}/user", headers=me, timeout=10)


def little_is_left_of_what_jira_allows(all: Healthy) -> None:
    near = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "9"}
    told = {"accountId": BOT_JIRA, "name": BOT_JIRA, "displayName": "Followthrough"}
    all.stage.sandbox.fail_next("GET", "/myself$", status=200, headers=near, body=told)


def a_public_project_for_private_incidents(all: Healthy) -> None:
    all.jira.projects["OPS"].public = True


def a_public_repository_for_private_incidents(all: Healthy) -> None:
    all.github.repos["acme/postmortems"].private = False


def rules_that_match_no_issue_of_jira(all: Healthy) -> None:
    all.rules("components: [checkout]", "components: [search]")


def rules_that_match_no_issue_of_github(all: Healthy) -> None:
    all.rules("labels: [incident]", "labels: [bug]")


def the_key_of_another_app(all: Healthy) -> None:
    all.set("APP_KEY", all.github.add_app("another", {})["pem"])


def a_key_that_is_none(all: Healthy) -> None:
    all.set("APP_KEY", "no key at all")


def the_id_of_no_app(all: Healthy) -> None:
    all.rules(f'app_id: "{all.app.id}"', 'app_id: "4711"')


def an_app_that_is_not_installed_on_a_repository(all: Healthy) -> None:
    all.github.uninstall_app(all.installed)
    all.github.install_app("acme-bot", "acme", [OPS])


def a_suspended_installation(all: Healthy) -> None:
    all.github.suspend_app(all.installed)


def an_app_without_a_permission(all: Healthy) -> None:
    all.app.permissions = {**all.app.permissions, "issues": "read"}


def an_app_that_may_write_no_files(all: Healthy) -> None:
    all.app.permissions = {**all.app.permissions, "contents": "read"}


def a_webhook_of_the_app_without_a_secret(all: Healthy) -> None:
    all.change_app_hook(secret="")


def the_app_signs_with_a_wrong_secret(all: Healthy) -> None:
    all.change_app_hook(secret="another-secret")
    all.github.open_issue(OPS, "Slower", by="kim", labels=["incident"])
    assert all.stage.sandbox.hooks.drain()


def a_webhook_of_the_app_that_sends_elsewhere(all: Healthy) -> None:
    all.change_app_hook(url="https://old.acme.example/webhooks/github")


def a_webhook_of_the_app_of_the_wrong_events(all: Healthy) -> None:
    all.app.events = ("issues", "push")


def an_app_without_a_webhook(all: Healthy) -> None:
    all.app.hook = None


@dataclass(frozen=True)
class Fault:
    """`names` is a part of what is said: the thing that is wrong."""

    seed: Callable[[Healthy], None]
    where: str
    kind: Kind
    names: str
    times: int = 1


FAULTS = [
    *(
        Fault(seed, where, Kind.SIGN_IN, "sign in to http")
        for seed in (a_wrong_token_of_jira, an_expired_token_of_jira)
        for where in (JIRA, DATA_CENTER)
    ),
    Fault(a_wrong_token_of_github, GITHUB, Kind.SIGN_IN, "sign-in: Bad credentials"),
    Fault(an_expired_token_of_github, GITHUB, Kind.SIGN_IN, "sign-in: Bad credentials"),
    Fault(the_project_may_not_be_read, JIRA, Kind.PLACE, "project OPS"),
    Fault(the_repository_may_not_be_read, GITHUB, Kind.PLACE, "acme/ops: Not Found"),
    Fault(issues_may_not_be_edited, JIRA, Kind.PERMISSION, "may edit issues in OPS"),
    Fault(the_repository_may_not_be_written, GITHUB, Kind.PERMISSION, "acme/ops: no write access"),
    Fault(issues_may_not_be_moved, JIRA, Kind.PERMISSION, "may set the status of tasks in OPS"),
    Fault(issues_may_not_be_linked, DATA_CENTER, Kind.PERMISSION, "may link issues in INC"),
    *(
        Fault(webhooks_of_jira_may_not_be_read, where, Kind.WEBHOOK_HIDDEN, "cannot be read")
        for where in (JIRA, DATA_CENTER)
    ),
    Fault(
        webhooks_of_a_repository_may_not_be_read,
        GITHUB,
        Kind.WEBHOOK_HIDDEN,
        "acme/postmortems: webhooks cannot be read",
    ),
    Fault(an_unknown_project, JIRA, Kind.PLACE, "project OPX"),
    Fault(an_unknown_repository, GITHUB, Kind.PLACE, "acme/postmortem: Not Found"),
    Fault(an_unknown_issue_type_of_tasks, DATA_CENTER, Kind.ISSUE_TYPE, "'Chore'"),
    Fault(an_unknown_issue_type_of_incidents, JIRA, Kind.ISSUE_TYPE, "issue type Outage"),
    Fault(an_unknown_label, GITHUB, Kind.LABEL, "no label outage"),
    Fault(an_unknown_field, JIRA, Kind.FIELD, "no field customfield_10099"),
    Fault(
        an_unknown_status_of_tasks,
        JIRA,
        Kind.STATUS,
        "Task in OPS has no status Ready to ship, which "
        "teams.payments.postmortem.tasks.statuses.done names",
    ),
    Fault(
        an_unknown_status_of_closed_incidents,
        DATA_CENTER,
        Kind.STATUS,
        "Ready to ship, which teams.payments.incidents[0].closed.status names",
    ),
    Fault(
        an_unknown_status_of_a_moment,
        JIRA,
        Kind.STATUS,
        "Mitigatd, which teams.payments.incidents[0].moments.mitigated.status names",
    ),
    Fault(an_unknown_link_type, JIRA, Kind.LINK_TYPE, "no issue link type Relates"),
    Fault(a_required_field_without_a_value, JIRA, Kind.REQUIRED_FIELD, "demands Detected at"),
    *(
        Fault(
            a_transition_to_done_demands_a_field,
            where,
            Kind.REQUIRED_FIELD,
            "from In Progress to done: the transition Finish demands Detected at",
            times=2,
        )
        for where in (JIRA, DATA_CENTER)
    ),
    *(
        Fault(done_is_out_of_reach, where, Kind.DONE, "cannot be brought from", times=2)
        for where in (JIRA, DATA_CENTER)
    ),
    Fault(somebody_cannot_be_assigned_in_jira, DATA_CENTER, Kind.PERSON, "Lee Park (5b10-lee)"),
    Fault(somebody_cannot_be_assigned_in_github, GITHUB, Kind.PERSON, "Lee Park (lee)"),
    Fault(somebody_has_no_account_in_jira, JIRA, Kind.PERSON, "Lee Park has no jira account"),
    Fault(somebody_has_no_account_in_github, GITHUB, Kind.PERSON, "Lee Park has no github account"),
    Fault(no_webhook, JIRA, Kind.WEBHOOK, "no webhook of http"),
    Fault(no_webhook, DATA_CENTER, Kind.WEBHOOK, "no webhook of http"),
    Fault(no_webhook_in_one_repository, GITHUB, Kind.WEBHOOK, "acme/ops: no webhook"),
    Fault(a_webhook_of_the_wrong_events, JIRA, Kind.WEBHOOK_EVENTS, "jira:issue_deleted"),
    Fault(a_webhook_of_other_projects, JIRA, Kind.WEBHOOK_EVENTS, "leaves out OPS"),
    Fault(a_webhook_of_the_wrong_events, GITHUB, Kind.WEBHOOK_EVENTS, "issue_comment, milestone"),
    Fault(jira_signs_with_a_wrong_secret, JIRA, Kind.WEBHOOK_SECRET, "/webhooks/jira"),
    Fault(jira_signs_with_a_wrong_secret, DATA_CENTER, Kind.WEBHOOK_SECRET, "/webhooks/jira"),
    Fault(github_signs_with_a_wrong_secret, GITHUB, Kind.WEBHOOK_SECRET, "webhook of acme/ops"),
    Fault(a_webhook_without_a_secret, JIRA, Kind.WEBHOOK_SECRET, "it has no secret"),
    Fault(a_webhook_without_a_secret, GITHUB, Kind.WEBHOOK_SECRET, "it has no secret", times=2),
    Fault(a_webhook_to_a_wrong_address, JIRA, Kind.WEBHOOK_ADDRESS, "but one to http://old."),
    Fault(a_webhook_to_a_wrong_address, GITHUB, Kind.WEBHOOK_ADDRESS, "but one to http://old.", 2),
    Fault(a_webhook_that_leads_nowhere, GITHUB, Kind.WEBHOOK_ADDRESS, "did not arrive", times=2),
    Fault(clocks_that_differ, JIRA, Kind.CLOCK, "seconds ahead of", times=2),  # both trackers'
    Fault(little_is_left_of_the_hours_requests, GITHUB, Kind.RATE, "requests an hour are left"),
    Fault(little_is_left_of_what_jira_allows, JIRA, Kind.RATE, "little is left"),
    Fault(little_is_left_of_what_jira_allows, DATA_CENTER, Kind.RATE, "little is left"),
    Fault(a_public_project_for_private_incidents, JIRA, Kind.PUBLIC, "OPS"),
    Fault(a_public_repository_for_private_incidents, GITHUB, Kind.PUBLIC, "acme/postmortems"),
    Fault(rules_that_match_no_issue_of_jira, JIRA, Kind.NO_MATCH, "its component is not search"),
    Fault(rules_that_match_no_issue_of_github, GITHUB, Kind.NO_MATCH, "it lacks the label bug"),
    Fault(the_key_of_another_app, APP, Kind.SIGN_IN, "sign-in: A JSON web token"),
    Fault(a_key_that_is_none, APP, Kind.SIGN_IN, "private key is no RSA key in PEM"),
    Fault(the_id_of_no_app, APP, Kind.SIGN_IN, "sign-in: Integration not found"),
    Fault(
        an_app_that_is_not_installed_on_a_repository,
        APP,
        Kind.PERMISSION,
        "the GitHub App acme-bot is not installed on acme/postmortems",
    ),
    Fault(a_suspended_installation, APP, Kind.PERMISSION, "suspended", times=2),
    Fault(an_app_without_a_permission, APP, Kind.PERMISSION, "the App has read to Issues", 2),
    Fault(an_app_that_may_write_no_files, APP, Kind.PERMISSION, "the App has read to Contents"),
    Fault(a_webhook_of_the_app_without_a_secret, APP, Kind.WEBHOOK_SECRET, "it has no secret"),
    Fault(the_app_signs_with_a_wrong_secret, APP, Kind.WEBHOOK_SECRET, "the App's webhook"),
    Fault(
        a_webhook_of_the_app_that_sends_elsewhere,
        APP,
        Kind.WEBHOOK_ADDRESS,
        "but to https://old.acme.example",
    ),
    Fault(a_webhook_of_the_app_of_the_wrong_events, APP, Kind.WEBHOOK_EVENTS, "issue_comment"),
    Fault(an_app_without_a_webhook, APP, Kind.WEBHOOK, "the App's webhook does not send to"),
]


@pytest.mark.parametrize("healthy", [JIRA, DATA_CENTER, GITHUB, APP], indirect=True)
def test_where_all_is_well_nothing_is_found(healthy: Healthy) -> None:
    assert examined() == []
    told = CliRunner().invoke(doctor, []).output
    assert "All is well." in told
    assert not re.search("wrong|FAULT|note", told)


@pytest.mark.parametrize(
    ("healthy", "fault"),
    [pytest.param(each.where, each, id=f"{each.seed.__name__}-{each.where}") for each in FAULTS],
    indirect=["healthy"],
)
def test_a_fault_is_found_by_its_name_with_what_mends_it(healthy: Healthy, fault: Fault) -> None:
    fault.seed(healthy)
    found = faults()
    assert {each["kind"] for each in found} == {fault.kind}, found
    assert len(found) == fault.times, found
    assert any(fault.names in each["what"] for each in found), found
    assert all(re.match(r"[A-Z].*\.$", each["mend"], re.DOTALL) for each in found), found
    written = [each for each in healthy.stage.sandbox.writes() if "access_tokens" not in each.path]
    assert written == [], "doctor only reads"


@pytest.mark.parametrize("healthy", [DATA_CENTER], indirect=True)
@pytest.mark.parametrize("page", ["/software", "/browse/INC-1"])
def test_the_address_of_a_page_of_jira_is_mended_to_that_of_the_site(
    healthy: Healthy, page: str
) -> None:
    base = healthy.stage.sandbox.jira_url
    healthy.rules(base, base + page)
    (fault,) = faults()
    assert fault["kind"] == Kind.REACH
    site = base.removesuffix("/jira")
    assert (
        f"Write only the site's address as url in the rules: {site}, followed by" in fault["mend"]
    )
    assert "context path where a Data Center has one, such as /jira." in fault["mend"]


@pytest.mark.parametrize("healthy", [JIRA], indirect=True)
def test_who_is_named_by_e_mail_in_jira_wants_an_account_id(healthy: Healthy) -> None:
    healthy.rules("jira: 5b10-lee", "jira: lee@acme.example")
    (fault,) = faults()
    assert fault["kind"] == Kind.PERSON
    assert "wants their accountId under people" in fault["mend"]
    assert "open their profile" in fault["mend"]


# --- what is no fault -----------------------------------------------------------------------------


@pytest.mark.parametrize("healthy", [JIRA, DATA_CENTER, GITHUB], indirect=True)
def test_a_webhook_that_nobody_may_look_at_is_right_once_it_arrives(healthy: Healthy) -> None:
    webhooks_of_jira_may_not_be_read(healthy)
    webhooks_of_a_repository_may_not_be_read(healthy)
    (fault,) = faults()
    assert fault["kind"] == Kind.WEBHOOK_HIDDEN
    healthy.set("FOLLOWTHROUGH_DATA", str(healthy.stage.directory / "data"))
    (note,) = examined()
    assert note["ok"]
    assert note["what"] == fault["what"]


@pytest.mark.parametrize("healthy", [JIRA], indirect=True)
def test_a_stranger_at_the_door_is_no_wrong_secret_once_a_delivery_comes(healthy: Healthy) -> None:
    healthy.set("FOLLOWTHROUGH_DATA", str(healthy.stage.directory / "data"))
    door = f"{healthy.stage.url}/webhooks/jira"
    assert requests.post(door, data="{}", timeout=10).status_code == 401
    assert [each["kind"] for each in faults()] == [Kind.WEBHOOK_SECRET]
    healthy.jira.create_issue("OPS", "Rehearse", by=KIM, type="Task")
    assert healthy.stage.sandbox.hooks.drain()
    assert faults() == []


@pytest.mark.parametrize("healthy", [JIRA], indirect=True)
def test_what_a_transition_demands_is_filled_in_by_the_rules_or_by_who_works_there(
    healthy: Healthy,
) -> None:
    a_transition_to_done_demands_a_field(healthy)
    (todo, doing) = faults()
    assert "under teams.payments.postmortem.tasks.fill in" in todo["mend"]
    assert "from To Do" in todo["what"] + doing["what"]
    before = healthy.stage.rules_file.read_text()
    filled = 'issue_type: Task, fill: {Detected at: "2026-11-01T10:00:00.000+0000"}}'
    healthy.rules("issue_type: Task}", filled)
    assert faults() == []
    healthy.stage.rules_file.write_text(before)
    for key in ("OPS-1", "OPS-2"):
        healthy.jira.edit(key, by=KIM, customfield_10051="2026-11-01T10:00:00.000+0000")
    assert faults() == []


@pytest.mark.parametrize("healthy", [JIRA], indirect=True)
@pytest.mark.parametrize(
    ("from_", "way", "ok"),
    [([], "cannot be brought from", False), (["To Do"], "is not brought straight from", True)],
)
def test_whether_another_way_leads_to_done_is_left_open_where_nobody_stands(
    healthy: Healthy, from_: list[str], way: str, ok: bool
) -> None:
    """What is offered in each status demands the same everywhere; of other ways it is noted."""
    finish = {"name": "Finish", "to": "Done", "needs": ["customfield_10051"], "from": from_}
    healthy.jira.change_workflow("OPS", [{"name": "Start", "to": "In Progress"}, finish])
    (found,) = examined()
    assert bool(found["ok"]) == ok
    assert f"{way} To Do to done: the transition Finish demands Detected at" in found["what"]


@pytest.mark.parametrize("healthy", [JIRA], indirect=True)
def test_of_a_way_that_no_issue_shows_nothing_is_said(healthy: Healthy) -> None:
    """Nobody stands in the status that this one leads to, so whether it leads on is unknown."""
    healthy.jira.change_workflow("OPS", [{"name": "Start", "to": "In Progress"}])
    assert faults() == []


@pytest.mark.parametrize("healthy", [GITHUB], indirect=True)
def test_a_token_that_ends_soon_is_noted(healthy: Healthy) -> None:
    end = datetime.now(UTC) + timedelta(days=9)
    told = {"github-authentication-token-expiration": f"{end:%Y-%m-%d %H:%M:%S} UTC"}
    body = {"login": BOT_GITHUB}
    healthy.stage.sandbox.fail_next("GET", "/user$", 200, times=2, headers=told, body=body)
    (note,) = examined()
    assert note["ok"]
    assert note["what"] == f"the token ends on {end:%Y-%m-%d}"


@pytest.mark.parametrize("healthy", [GITHUB], indirect=True)
def test_a_place_without_tickets_says_nothing_of_the_rules(healthy: Healthy) -> None:
    healthy.github.repos[OPS].issues.clear()
    assert examined() == []
