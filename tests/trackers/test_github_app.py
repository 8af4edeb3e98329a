"""A GitHub App: its key, its installations, and the tokens that end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from integrations.findings import Kind as FindingKind
from integrations.gate import Call, OpenGate, Report
from integrations.github.adapter import GitHubTracker
from integrations.github.app_webhook import AppWebhook
from integrations.github.client import GitHubClient
from integrations.github.installations import Installations
from integrations.github.manifest import PERMISSIONS
from integrations.github.marker import marked
from integrations.github.redelivery import GitHubRedelivery
from integrations.github.signing import AppKey
from integrations.sandbox import Sandbox
from integrations.tracker import (
    Lost,
    MissedDelivery,
    NotThere,
    Rejected,
    SignInFailed,
    TrackerError,
    Unavailable,
)
from integrations.uses import Use
from integrations.webhooks import Hears, Step
from workflows.effects import CreateTask, TaskTarget
from workflows.model import Kind

START = datetime(2026, 12, 7, 12, tzinfo=UTC)
ISSUES = "/repos/acme/ops/issues"
GRANTED = {name: level for name, (level, _) in PERMISSIONS.items()}


class Books(OpenGate):
    """Who was asked for what."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    @contextmanager
    def passing(self, call: Call) -> Iterator[Report]:
        self.calls.append(call)
        yield lambda _: None


class Company:
    """An App that is installed on two owners; `clock` is moved by `wait`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.now = START
        self.sandbox, self.github = sandbox, sandbox.github
        sandbox.world.clock = lambda: self.now
        for place in ("acme/ops", "acme/web", "globex/ops"):
            self.github.add_repo(place, private=True, collaborators={"kim": "write"})
        self.told = self.github.add_app("followthrough", GRANTED)
        self.acme = self.github.install_app("followthrough", "acme", ["acme/ops"])
        self.globex = self.github.install_app("followthrough", "globex")
        self.books = Books()
        self.client = self.sign_in()

    def sign_in(self, app_id: str = "", key: str = "") -> GitHubClient:
        """A process of its own."""
        signer = AppKey(app_id or str(self.told["id"]), key or self.told["pem"], lambda: self.now)
        named = {"clock": lambda: self.now, "gate": self.books, "connection": "github"}
        itself = GitHubClient(self.sandbox.github_url, signer, **named)  # type: ignore[arg-type]
        return GitHubClient(
            self.sandbox.github_url,
            Installations(itself),
            **named,  # type: ignore[arg-type]
        )

    def wait(self, **length: float) -> None:
        self.now += timedelta(**length)

    def asked(self, part: str = "access_tokens") -> int:
        """How often something was asked for, over all."""
        return sum(part in call.path for call in self.sandbox.calls)


@pytest.fixture
def company() -> Iterator[Company]:
    with Sandbox() as sandbox:
        yield Company(sandbox)


def ends(do: Callable[[], object], kind: type[TrackerError], *secrets: str) -> TrackerError:
    with pytest.raises(TrackerError) as ending:
        do()
    assert type(ending.value) is kind, repr(ending.value)
    told = f"{ending.value!r} {ending.value.words} {ending.value.mend}"
    assert not [secret for secret in secrets if secret in told]
    return ending.value


def test_each_repository_is_served_by_the_installation_on_it(company: Company) -> None:
    for place in ("acme/ops", "globex/ops", "acme/ops", "globex/ops"):
        made = company.client.write("POST", f"/repos/{place}/issues", {"title": "x"})
        assert made["user"]["login"] == company.client.login() == "followthrough[bot]"
    assert company.asked("access_tokens") == 2
    assert company.asked("/installation") == 2 + 2  # found once each, and their tokens


def test_the_limits_of_each_installation_are_kept_apart(company: Company) -> None:
    for place in ("acme/ops", "globex/ops"):
        company.client.read(f"/repos/{place}")
    books = [call.books for call in company.books.calls if call.path.endswith("/ops")]
    assert books == ["github@acme", "github@globex"]
    assert {c.books for c in company.books.calls if "access_tokens" in c.path} == {"github"}


def test_a_token_is_replaced_before_it_ends(company: Company) -> None:
    company.client.read(ISSUES.removesuffix("/issues"))
    company.wait(minutes=54)
    company.client.read(ISSUES.removesuffix("/issues"))
    assert company.asked() == 1
    company.wait(minutes=2)
    company.client.write("POST", ISSUES, {"title": "x"})
    assert company.asked() == 2
    assert 401 not in [call.status for call in company.sandbox.calls]


def test_a_write_whose_token_was_revoked_is_sent_once_more_and_done_once(company: Company) -> None:
    company.client.write("POST", ISSUES, {"title": "before"})
    company.github.end_app_tokens()
    company.client.write("POST", ISSUES, {"title": "after"})
    sent = [c.status for c in company.sandbox.calls if c.path.endswith("/issues")]
    assert sent == [201, 401, 201]
    titles = [issue.title for issue in company.github.repo("acme/ops").issues.values()]
    assert titles == ["before", "after"]


def test_what_is_refused_with_a_new_token_too_is_not_tried_a_third_time(company: Company) -> None:
    company.sandbox.fail_next("POST", "/issues", 401, times=9, body={"message": "Bad credentials"})
    ends(lambda: company.client.write("POST", ISSUES, {"title": "x"}), SignInFailed)
    assert [c.status for c in company.sandbox.calls if c.path.endswith("/issues")] == [401, 401]


@pytest.mark.parametrize("fault", [{"status": 502}, {"status": 401}, {"drop_connection": True}])
def test_no_write_is_in_doubt_because_its_token_could_not_be_had(
    company: Company, fault: dict[str, int]
) -> None:
    """The effect of fetching a token is nobody's concern; the write itself was never sent."""
    company.sandbox.fail_next("POST", "access_tokens", times=9, **fault)  # type: ignore[arg-type]
    kind = SignInFailed if fault.get("status") == 401 else Unavailable
    ends(lambda: company.client.write("POST", ISSUES, {"title": "x"}), kind)
    assert company.asked(ISSUES) == 0


def test_threads_that_need_a_token_at_once_wait_for_one(company: Company) -> None:
    company.client.read("/repos/acme/ops")
    company.github.end_app_tokens()
    company.wait(hours=2)
    before, start = company.asked(), threading.Barrier(6)

    def read() -> str:
        start.wait()
        return str(company.client.read("/repos/acme/ops")["full_name"])

    with ThreadPoolExecutor(6) as pool:
        found = [each.result() for each in [pool.submit(read) for _ in range(6)]]
    assert found == ["acme/ops"] * 6
    assert company.asked() - before == 1


def test_a_repository_without_the_app_is_named_with_the_way_to_install_it(company: Company) -> None:
    """It is no proof that anything was deleted, as NotThere would be."""
    refused = ends(lambda: company.client.read("/repos/acme/web/issues/1"), Rejected)
    assert refused.words == "the GitHub App followthrough is not installed on acme/web"
    assert "/apps/followthrough/installations/new" in refused.mend
    company.github.install_app("followthrough", "acme", ["acme/web"])
    assert company.client.read("/repos/acme/web")["name"] == "web"


def test_an_app_that_was_installed_anew_is_found_again(company: Company) -> None:
    company.client.read("/repos/acme/ops")
    company.github.uninstall_app(company.acme)
    again = company.github.install_app("followthrough", "acme")
    company.wait(hours=1)
    company.sandbox.reset_calls()
    assert company.client.read("/repos/acme/ops")["name"] == "ops"
    assert company.asked(f"installations/{again}/access_tokens") == 1


def test_an_app_that_was_uninstalled_while_its_token_was_good_says_so(company: Company) -> None:
    company.client.read("/repos/acme/ops")
    company.github.uninstall_app(company.acme)
    lost = ends(lambda: company.client.read("/repos/acme/ops"), Unavailable)
    assert "was uninstalled from acme" in lost.words
    refused = ends(lambda: company.client.read("/repos/acme/ops"), Rejected)
    assert "is not installed on acme/ops" in refused.words


def test_a_repository_that_was_taken_out_of_the_installation_is_no_deleted_ticket(
    company: Company,
) -> None:
    company.client.write("POST", ISSUES, {"title": "x"})
    company.client.read(f"{ISSUES}/1")
    (there,) = [each for each in company.github.apps.installed if each.id == company.acme]
    there.repositories = frozenset({"acme/web"})
    refused = ends(lambda: company.client.read(f"{ISSUES}/1"), Rejected)
    assert "is not installed on acme/ops" in refused.words


def test_a_suspended_installation_says_who_mends_it(company: Company) -> None:
    company.github.suspend_app(company.acme)
    refused = ends(lambda: company.client.read("/repos/acme/ops"), SignInFailed)
    assert "suspended" in refused.words
    assert "installed GitHub Apps" in refused.mend


def test_a_wrong_key_a_wrong_id_and_a_wrong_clock_are_faults_of_the_sign_in(
    company: Company,
) -> None:
    other = company.github.add_app("other", GRANTED)
    wrong = [
        company.sign_in(key=other["pem"]),
        company.sign_in(app_id="4711"),
        company.sign_in(key="no key at all"),
        company.sign_in(key=company.told["pem"][:300]),
    ]
    for client in wrong:
        refused = ends(client.login, SignInFailed, company.told["pem"][40:90], "no key at all")
        assert refused.mend
    signer = AppKey(
        str(company.told["id"]), company.told["pem"], lambda: START + timedelta(hours=1)
    )
    ahead = GitHubClient(company.sandbox.github_url, signer, clock=lambda: START)
    ends(Installations(ahead).login, SignInFailed)


def test_what_the_app_may_not_do_is_refused_with_what_would_do(company: Company) -> None:
    company.github.apps.by_slug["followthrough"].permissions = {"issues": "read"}
    refused = ends(lambda: company.client.write("POST", ISSUES, {"title": "x"}), SignInFailed)
    assert "issues=write" in refused.mend


def test_what_is_about_no_repository_is_refused_before_it_is_sent(company: Company) -> None:
    ends(lambda: company.client.read("/user/repos"), Rejected)
    assert company.sandbox.calls == []


def test_tasks_of_a_type_are_one_request_of_an_app_as_well(company: Company) -> None:
    """No list of an organisation is asked for: nothing says whose token it would take."""
    company.github.issue_types = {"acme": ["Task"]}
    tracker = GitHubTracker("github", company.client)
    target = TaskTarget("github", "acme/ops", "Task", ())
    tasks = [
        CreateTask(f"task:k:{n}", target, f"{n}", "", Kind.PREVENTIVE, None, None) for n in (1, 2)
    ]
    results = list(tracker.create_tasks(tasks))
    assert [(result.error, result.unset) for result in results] == [(None, ())] * 2
    (made,) = [call for call in company.sandbox.writes() if "access_tokens" not in call.path]
    assert made.mutations == 2


def test_doctor_reads_what_the_app_may_do(company: Company) -> None:
    tracker = GitHubTracker("github", company.client)
    found = list(tracker.check({"acme/ops": Use(), "acme/web": Use()}))
    words = [finding.what for finding in found]
    assert "signed in as followthrough[bot]" in words
    assert "acme/ops: served by the App's installation on acme" in words
    (fault,) = [finding for finding in found if not finding.ok]
    assert fault.what == "acme/web: the GitHub App followthrough is not installed on acme/web"
    company.github.apps.by_slug["followthrough"].permissions = {"issues": "read"}
    lacks = [f for f in tracker.check({"acme/ops": Use()}) if "the App has" in f.what]
    assert [f.ok for f in lacks] == [False, True, True, True, True]
    assert lacks[0].to_write
    assert "Issues: write" in lacks[0].mend


def test_doctor_tells_what_the_app_asks_for_and_nobody_has_accepted(company: Company) -> None:
    company.github.apps.by_slug["followthrough"].permissions = {**GRANTED, "issues": "read"}
    company.github.ask_permissions("followthrough", GRANTED)
    (fault,) = found_by_doctor(company.client)
    words = "acme/ops: the App has read to Issues, not write: "
    assert fault[1].startswith(words)
    assert fault[1].endswith(". It asks for that, and nobody has accepted it there")
    there = f"/settings/installations/{company.acme}."
    begins = "An owner of acme accepts the new permissions in its settings, under GitHub Apps: "
    assert fault[2].startswith(begins)
    assert fault[2].endswith(there)
    company.github.accept_permissions(company.acme)
    assert found_by_doctor(company.client) == []


def test_what_was_accepted_since_its_token_was_fetched_is_done_at_the_next_try(
    company: Company,
) -> None:
    company.github.apps.by_slug["followthrough"].permissions = {**GRANTED, "issues": "read"}
    company.github.ask_permissions("followthrough", GRANTED)
    refused = ends(lambda: company.client.write("POST", ISSUES, {"title": "x"}), SignInFailed)
    assert "accepts the new permissions in the organisation's settings" in refused.mend
    company.github.accept_permissions(company.acme)
    company.client.write("POST", ISSUES, {"title": "x"})


def found_by_doctor(client: GitHubClient) -> list[tuple[str, str, str]]:
    found = GitHubTracker("github", client).check({"acme/ops": Use()})
    return [(f.kind, f.what, f.mend) for f in found if not f.ok]


def test_doctor_tells_a_suspended_installation_by_its_repository(company: Company) -> None:
    company.github.suspend_app(company.acme)
    ((kind, what, mend),) = found_by_doctor(company.client)
    assert kind == "permission"
    assert what.startswith("acme/ops: ")
    assert "suspended" in what
    assert "installed GitHub Apps" in mend


def test_doctor_tells_a_wrong_key_and_a_wrong_clock_as_a_sign_in_that_fails(
    company: Company,
) -> None:
    other = company.github.add_app("other", GRANTED)
    told, pem = company.told, company.told["pem"]
    late = AppKey(str(told["id"]), pem, lambda: START + timedelta(hours=1))
    ahead = GitHubClient(company.sandbox.github_url, late, clock=lambda: START)
    for client in (
        company.sign_in(key=other["pem"]),
        company.sign_in(app_id="4711"),
        company.sign_in(key="no key at all"),
        GitHubClient(company.sandbox.github_url, Installations(ahead), clock=lambda: START),
    ):
        ((kind, what, mend),) = found_by_doctor(client)
        assert kind == "sign-in"
        assert what.startswith("sign-in: ")
        assert mend.endswith("and whether this machine's clock is right.")


def test_what_all_installations_serve_is_listed_the_last_pushed_to_first(company: Company) -> None:
    tracker = GitHubTracker("github", company.client)
    assert {place.key for place in tracker.places()} == {"acme/ops", "globex/ops"}
    company.wait(hours=1)
    for number in range(120):
        company.github.add_repo(f"globex/part-{number}")
    assert len(list(tracker.places())) == 122
    assert next(tracker.places()).key.startswith("globex/part-")
    assert {call.account for call in company.books.calls[-6:]} == {"", "acme", "globex"}
    company.github.suspend_app(company.globex)
    assert [place.key for place in tracker.places()] == ["acme/ops"]


def test_an_app_that_serves_nothing_is_told_with_the_way_to_install_it(company: Company) -> None:
    tracker = GitHubTracker("github", company.client)
    company.github.suspend_app(company.acme)
    company.github.suspend_app(company.globex)
    with pytest.raises(Rejected, match="followthrough is suspended wherever it is installed"):
        next(tracker.places())
    company.github.uninstall_app(company.acme)
    company.github.uninstall_app(company.globex)
    with pytest.raises(Rejected, match="is installed nowhere yet") as refused:
        next(tracker.places())
    assert "/apps/followthrough/installations/new" in refused.value.mend


def test_deliveries_of_the_apps_own_webhook_are_asked_for_again(company: Company) -> None:
    address = "http://127.0.0.1:9/webhooks/github"  # nobody listens
    told = company.github.add_app("hooked", GRANTED, ["issues"], url=address, secret="s")
    company.github.install_app("hooked", "acme")
    company.github.open_issue("acme/ops", "Down", "kim")
    assert company.sandbox.hooks.drain()
    client = company.sign_in(str(told["id"]), told["pem"])
    kept = GitHubRedelivery(client, ["acme/ops"], "/webhooks/github")
    (missed,) = kept.missed(START - timedelta(hours=1))
    assert isinstance(missed, MissedDelivery)
    assert (missed.event, missed.handle) == ("issues", "/app/hook/deliveries/1/attempts")
    kept.ask_again(missed.handle)
    assert company.sandbox.hooks.drain()
    assert len(company.sandbox.hooks.attempts) == 2
    (noted,) = AppWebhook(client, {}, "/webhooks/github").check()
    assert "the App's webhook: its last delivery (issues) did not arrive" in noted.what


def test_an_app_whose_webhook_leads_elsewhere_or_nowhere_is_noted(company: Company) -> None:
    hook = AppWebhook(company.client, {}, "/webhooks/github")
    (noted,) = hook.check()
    assert noted.what == "the App's webhook does not send to /webhooks/github"
    assert "the webhook URL" in noted.mend


def test_an_apps_webhook_gets_our_secret_and_its_owner_the_events(
    company: Company,
) -> None:
    address = "http://127.0.0.1:9/webhooks/github"
    told = company.github.add_app("hooked", GRANTED, ["issues"], url=address)
    company.github.install_app("hooked", "acme")
    client = company.sign_in(str(told["id"]), told["pem"])
    heard = {"acme/ops": frozenset({Hears.TICKETS}), "acme/web": frozenset({Hears.FILES})}
    here, by_hand = AppWebhook(client, heard, address).to_install()
    assert (here.step, by_hand.step) == (Step.UPDATE, Step.BY_HAND)
    assert "Subscribe to issue_comment, milestone, push" in by_hand.mend
    assert here.do is not None
    here.do("new-secret")
    events = ("issues", "issue_comment", "milestone", "push")
    company.github.apps.by_slug["hooked"].events = events
    (kept,) = AppWebhook(client, heard, address).to_install()
    assert kept.step is Step.KEEP
    (renewed,) = AppWebhook(client, heard, address).to_install(anew=True)
    assert renewed.step is Step.UPDATE
    (left,) = AppWebhook(client, heard, address).to_remove()
    assert left.step is Step.BY_HAND


def test_an_apps_webhook_without_a_secret_is_a_fault(company: Company) -> None:
    """GitHub tells of a secret that there is one, and signs nothing without."""
    address = "https://followthrough.acme.example/webhooks/github"
    told = company.github.add_app("hooked", GRANTED, ["issues"], url=address)
    client = company.sign_in(str(told["id"]), told["pem"])
    hook = AppWebhook(client, {}, address)
    (noted,) = hook.check()
    assert (noted.ok, noted.kind) == (False, FindingKind.WEBHOOK_SECRET)
    assert "no secret" in noted.what
    (deed,) = hook.to_install()
    assert (deed.step, deed.words) == (Step.UPDATE, noted.what.partition(": ")[2])
    assert deed.do is not None
    deed.do("a-secret")
    (right,) = AppWebhook(client, {}, address).check()
    assert right.ok


def test_an_apps_webhook_that_leads_to_another_service_is_left_to_its_owner(
    company: Company,
) -> None:
    """It has one only: what is led here hears of nothing there."""
    old = "https://production.acme.example/webhooks/github"
    new = "https://staging.acme.example/webhooks/github"
    told = company.github.add_app("hooked", GRANTED, ["issues"], url=old, secret="theirs")
    hook = AppWebhook(company.sign_in(str(told["id"]), told["pem"]), {}, new)
    for anew in (False, True):
        (deed,) = hook.to_install(anew=anew)
        assert (deed.step, deed.do) == (Step.BY_HAND, None)
        assert deed.words == f"it sends to {old}, not to {new}"
        assert old in deed.mend
        assert new in deed.mend
    (noted,) = hook.check()
    assert (noted.kind, noted.mend) == (FindingKind.WEBHOOK_ADDRESS, deed.mend)


def test_an_app_without_a_webhook_is_left_to_its_owner(company: Company) -> None:
    (deed,) = AppWebhook(company.client, {}, "https://here.acme.example/webhooks/x").to_install()
    assert (deed.step, deed.words) == (Step.BY_HAND, "there is none")
    assert "Webhook → Active" in deed.mend
    assert "https://here.acme.example/webhooks/x" in deed.mend


def rename(company: Company) -> None:
    app = company.github.apps.by_slug.pop("followthrough")
    app.slug = "followthrough-two"
    company.github.apps.by_slug[app.slug] = app
    company.github.add_user(app.login)


def test_an_app_that_was_renamed_is_known_by_its_new_name(company: Company) -> None:
    """By which its own comments and issues are told from other people's."""
    company.client.login()
    rename(company)
    company.wait(minutes=11)
    assert company.client.login() == "followthrough-two[bot]"


def test_what_an_app_made_right_after_it_was_renamed_is_found_when_its_answer_is_lost(
    company: Company,
) -> None:
    """It is looked for within the ten minutes for which its old name is believed."""
    tracker = GitHubTracker("github", company.client)
    company.client.login()
    rename(company)
    incident = company.github.open_issue("acme/ops", "Outage", by="kim")
    made = company.client.write("POST", ISSUES, {"title": "x", "body": marked("x", "task:i:1")})
    ticket = tracker.find(f"acme/ops#{incident}")
    comment = {"body": marked("y", "comment:i")}
    company.client.write("POST", f"{ISSUES}/{incident}/comments", comment)
    found = tracker.find_created(Lost(("task:i:1",), "acme/ops", ticket, START))
    assert [ref.key for ref in found.values()] == [f"acme/ops#{made['number']}"]
    assert tracker.find_comment(ticket, "comment:i") is not None


def test_a_repository_that_was_renamed_is_still_served(company: Company) -> None:
    company.github.rename_repo("acme/ops", "acme/operations")
    company.github.install_app("followthrough", "acme")
    assert company.client.repository("acme/ops").name == "acme/operations"


def test_a_repository_that_was_transferred_is_served_by_its_new_owners_installation(
    company: Company,
) -> None:
    """Also while the one that served it until now is still believed to."""
    made = company.client.write("POST", ISSUES, {"title": "before"})
    company.github.rename_repo("acme/ops", "globex/moved")
    assert company.client.read(f"{ISSUES}/{made['number']}")["title"] == "before"
    company.client.write("POST", ISSUES, {"title": "after"})
    titles = [issue.title for issue in company.github.repo("globex/moved").issues.values()]
    assert titles == ["before", "after"]
    assert company.books.calls[-1].books == "github@globex"


def test_a_write_to_a_transferred_repository_is_done_once(company: Company) -> None:
    company.client.read("/repos/acme/ops")
    company.github.rename_repo("acme/ops", "globex/moved")
    company.client.write("POST", ISSUES, {"title": "after"})
    assert len(company.github.repo("globex/moved").issues) == 1


def test_a_repository_that_was_transferred_to_where_the_app_is_not_is_no_deleted_ticket(
    company: Company,
) -> None:
    made = company.client.write("POST", ISSUES, {"title": "x"})
    company.github.rename_repo("acme/ops", "initech/ops")
    refused = ends(lambda: company.client.read(f"{ISSUES}/{made['number']}"), Rejected)
    assert refused.words == "the GitHub App followthrough is not installed on acme/ops"
    assert "If it was transferred to another owner, install the App there" in refused.mend


def test_doctor_tells_the_new_name_of_a_transferred_repository(company: Company) -> None:
    company.github.rename_repo("acme/ops", "globex/moved")
    ((kind, what, mend),) = found_by_doctor(company.client)
    assert (kind, what) == ("place", "acme/ops: is called globex/moved now")
    assert mend == "Write its new name in the rules."


def test_what_is_gone_below_a_served_repository_is_not_there(company: Company) -> None:
    ends(lambda: company.client.read(f"{ISSUES}/99"), NotThere)
