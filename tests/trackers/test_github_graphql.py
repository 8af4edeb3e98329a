"""Several writes in one request, and what is done when one of them fails: against the sandbox."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from builders import lost_document, lost_tasks
from conftest import needs
from graphql import build_schema, parse, validate
from npm import text_of

from integrations.gate import Answered, Call, OpenGate, Report
from integrations.github import creation, graphql, proposing
from integrations.github.adapter import GitHubTracker
from integrations.github.budgets import CONTENT, GRAPHQL_POINTS
from integrations.github.client import GitHubClient
from integrations.github.graphql import Abilities
from integrations.github.pull_requests import GitHubPullRequestDocuments
from integrations.sandbox import Sandbox
from integrations.sandbox.limits import GitHubLimits
from integrations.tracker import OutcomeUnknown, RateLimited, SignInFailed, TaskResult
from workflows.effects import CreateDocument, CreateTask, DocumentTarget, TaskTarget
from workflows.model import DocumentRef, DocumentStatus, Kind, TicketRef

TOKEN = "ghp_bot_of_acme"
REPO, PATH, BRANCH = "acme/ops", "postmortems/a.md", "followthrough/document-k3v9"
DOCUMENT = DocumentRef("github-pull-request", "acme/postmortems#7:b:p", "https://x.example", "")

#: GitHub's own schema, as its SDK ships it. Issue types are newer than this version of it.
SCHEMA = ("@octokit/graphql-schema", "15.26.1")
INTEGRITY = (
    "sha512-RFDC2MpRBd4AxSRvUeBIVeBU7ojN/SxDfALUd7iVYOSeEK3gZaqR2MGOysj4Zh2xj2RY5fQAUT+"
    "Oqq7hWTraMA=="
)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        hub = sandbox.github
        hub.add_user("acme-bot", token=TOKEN)
        people = {"acme-bot": "write", "kim": "write"}
        hub.add_repo(REPO, private=True, collaborators=people, labels=("incident", "remediation"))
        hub.add_repo("other/ops", collaborators=people, labels=("remediation",))
        hub.open_issue(REPO, "Checkout down", "kim", "", ["incident"])
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> GitHubClient:
    return GitHubClient(sandbox.github_url, TOKEN)


@pytest.fixture
def tracker(client: GitHubClient) -> GitHubTracker:
    return GitHubTracker("acme-github", client)


@pytest.fixture
def incident(tracker: GitHubTracker, sandbox: Sandbox) -> TicketRef:
    ref = tracker.find(f"{REPO}#1")
    tracker.at_once("acme/ops")
    list(tracker.create_tasks([a_task(0, ref)]))  # warms the caches
    sandbox.reset_calls()
    return ref


def a_task(number: int, incident: TicketRef, place: str = REPO, type: str = "") -> CreateTask:
    target = TaskTarget("acme-github", place, type, ("remediation",))
    return CreateTask(
        f"task:k3v9:{number}", target, f"Remedy {number}", "", Kind.PREVENTIVE, incident, DOCUMENT
    )


def five(incident: TicketRef) -> list[CreateTask]:
    return [a_task(number, incident) for number in range(1, 6)]


def created(tracker: GitHubTracker, tasks: list[CreateTask]) -> dict[str, TaskResult]:
    return {result.key.rpartition(":")[2]: result for result in tracker.create_tasks(tasks)}


def titles(sandbox: Sandbox) -> list[str]:
    return [issue.title for issue in sandbox.github.repos[REPO].issues.values()][2:]


def writes(sandbox: Sandbox) -> list[str]:
    return [call.path.rpartition("/")[2] for call in sandbox.writes()]


# --- tasks --------------------------------------------------------------------------------------


def test_five_tasks_are_one_request_and_sub_issues_of_their_incident(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    results = created(tracker, five(incident))
    assert [(call.mutations, call.is_write) for call in sandbox.calls] == [(5, True)]
    assert all(result.linked and not result.unset for result in results.values())
    for number, result in results.items():
        assert result.ref == tracker.find(result.ref.key if result.ref else "")
        assert tracker.look(result.ref).title == f"Remedy {number}"
    children = sandbox.github.repos[REPO].issues[1].children
    assert [child.title for child in children[1:]] == titles(sandbox)


def test_one_that_fails_is_created_by_itself_and_the_others_are_not_touched(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    sandbox.github.refuse_field("t2", "UNPROCESSABLE", "Assignee is not valid")
    results = created(tracker, five(incident))
    assert writes(sandbox) == ["graphql", "issues"]
    assert sorted(titles(sandbox)) == [f"Remedy {n}" for n in range(1, 6)]
    assert {n for n, result in results.items() if not result.linked} == {"3"}
    assert all(result.ref and not result.error for result in results.values())


def test_one_that_is_refused_for_good_says_so_in_the_words_of_rest(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    sandbox.github.refuse_field("t0", "FORBIDDEN")
    words = "Resource not accessible by personal access token"
    sandbox.fail_next("POST", "/issues$", status=403, body={"message": words})
    results = created(tracker, five(incident))
    assert isinstance(results["1"].error, SignInFailed)
    assert [n for n, result in results.items() if result.ref] == ["2", "3", "4", "5"]


@pytest.mark.parametrize("type", ["RATE_LIMITED", "RATE_LIMIT"])
def test_one_that_is_one_too_many_waits_and_is_not_tried_at_once(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef, type: str
) -> None:
    sandbox.github.refuse_field("t4", type, "API rate limit already exceeded for user ID 1.")
    results = created(tracker, five(incident))
    assert isinstance(results["5"].error, RateLimited)
    assert len(sandbox.writes()) == 1
    assert len(titles(sandbox)) == 4


class Told(OpenGate):
    def __init__(self) -> None:
        self.calls: list[tuple[Call, Answered]] = []

    @contextmanager
    def passing(self, call: Call) -> Iterator[Report]:
        yield lambda answered: self.calls.append((call, answered))


def test_a_refusal_with_status_200_is_one(sandbox: Sandbox, incident: TicketRef) -> None:
    gate = Told()
    client = GitHubClient(sandbox.github_url, TOKEN, gate=gate, limited=True)
    tracker = GitHubTracker("acme-github", client)
    list(tracker.create_tasks([a_task(9, incident)]))
    body = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}
    headers = {"Retry-After": "30"}
    sandbox.fail_next("POST", "/graphql", status=200, body=body, headers=headers)
    before = titles(sandbox)
    asked = datetime.now(UTC)
    results = created(tracker, five(incident))
    for result in results.values():
        assert isinstance(result.error, RateLimited)
        assert result.error.retry_at >= asked + timedelta(seconds=29)
    call, answered = gate.calls[-1]
    assert answered.pause is not None
    assert {(cost.budget, cost.units) for cost in call.costs} >= {(CONTENT, 5), (GRAPHQL_POINTS, 5)}
    assert titles(sandbox) == before


@pytest.mark.parametrize("status", [200, 403])
def test_points_of_graphql_that_are_used_up_keep_nothing_from_rest(
    sandbox: Sandbox, incident: TicketRef, status: int
) -> None:
    gate = Told()
    client = GitHubClient(sandbox.github_url, TOKEN, gate=gate, limited=True)
    tracker = GitHubTracker("acme-github", client)
    list(tracker.create_tasks([a_task(9, incident)]))
    error = {"type": "RATE_LIMIT", "message": "API rate limit already exceeded for user ID 1."}
    body = {"errors": [error], "message": error["message"]}
    headers = {"x-ratelimit-resource": "graphql", "x-ratelimit-remaining": "0"}
    headers["x-ratelimit-reset"] = str(int(datetime.now(UTC).timestamp()) + 1800)
    sandbox.fail_next("POST", "/graphql", status=status, body=body, headers=headers)
    gate.calls.clear()
    assert all(result.ref for result in created(tracker, five(incident)).values())
    pauses = [answered.pause for _, answered in gate.calls if answered.pause]
    assert [pause.scope for pause in pauses] == [GRAPHQL_POINTS.name]


def test_what_the_gate_does_not_let_through_to_graphql_goes_by_rest(
    sandbox: Sandbox, incident: TicketRef
) -> None:
    class Paused(OpenGate):
        @contextmanager
        def passing(self, call: Call) -> Iterator[Report]:
            if any(cost.budget == GRAPHQL_POINTS for cost in call.costs):
                raise RateLimited("used up", retry_at=datetime.now(UTC) + timedelta(hours=1))
            yield lambda _: None

    client = GitHubClient(sandbox.github_url, TOKEN, gate=Paused(), limited=True)
    tracker = GitHubTracker("acme-github", client)
    assert all(result.ref for result in created(tracker, five(incident)).values())
    assert GitHubPullRequestDocuments(client).create(WANTED).text == the_one_document(sandbox)


def test_of_a_document_that_was_cut_off_only_the_rest_is_unknown(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    sandbox.github.refuse_field("t2", "")
    tasks = five(incident)
    results = created(tracker, tasks)
    assert [n for n, result in results.items() if result.ref] == ["1", "2"]
    lost = [task for task in tasks if results[task.key[-1]].error]
    assert all(isinstance(results[task.key[-1]].error, OutcomeUnknown) for task in lost)
    assert len(sandbox.writes()) == 1, "nothing of unknown outcome is repeated"
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert set(tracker.find_created(lost_tasks(tasks, since))) == {"task:k3v9:1", "task:k3v9:2"}


def test_after_a_lost_answer_all_are_unknown_and_found_by_their_parent(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    sandbox.fail_next("POST", "/graphql", after_effect=True, drop_connection=True)
    tasks = five(incident)
    results = created(tracker, tasks)
    assert all(isinstance(result.error, OutcomeUnknown) for result in results.values())
    late = datetime.now(UTC) + timedelta(days=1)  # so that no list could show them
    assert len(tracker.find_created(lost_tasks(tasks, late))) == 5


def test_one_that_fails_for_an_unknown_cause_goes_by_itself_once_it_was_looked_for(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    sandbox.github.refuse_field("t2", "NEWER_THAN_WE_ARE", "No.", times=9)
    tasks = five(incident)
    results = created(tracker, tasks)
    assert isinstance(results["3"].error, OutcomeUnknown)
    assert writes(sandbox) == ["graphql"], "nothing of unknown outcome is repeated"
    assert all(result.ref for n, result in results.items() if n != "3")
    assert created(tracker, [tasks[2]])["3"].ref is not None
    assert writes(sandbox) == ["graphql", "issues"]


@pytest.mark.parametrize("type", ["VALIDATION", "NEWER_THAN_WE_ARE"])
def test_what_its_parent_did_not_take_may_be_there_and_is_looked_for_before_it_is_repeated(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef, type: str
) -> None:
    words = "Parent cannot have more than 100 sub-issues"
    sandbox.github.refuse_field("t0", type, words)
    result = created(tracker, [a_task(1, incident)])["1"]
    assert isinstance(result.error, OutcomeUnknown)
    assert result.error.words == words
    assert writes(sandbox) == ["graphql"]


def test_a_full_parent_is_left_out_and_said_and_not_asked_again(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    parent = sandbox.github.repos[REPO].issues[1]
    parent.children = parent.children * 100
    assert isinstance(created(tracker, [a_task(1, incident)])["1"].error, OutcomeUnknown)
    result = created(tracker, [a_task(1, incident)])["1"]
    assert result.ref is not None
    assert result.unset == (f"sub-issue: {REPO}#1 does not take it",)
    assert writes(sandbox) == ["graphql", "graphql"]
    sandbox.reset_calls()
    tracker.link(incident, result.ref, "", "")
    assert sandbox.calls == []


def test_a_task_of_another_owner_has_no_parent(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    result = created(tracker, [a_task(1, incident, "other/ops")])["1"]
    assert (result.linked, result.unset, result.error) == (False, (), None)
    assert sandbox.github.repos["other/ops"].issues[1].parent is None


def test_an_audits_ticket_and_a_mirror_are_no_sub_issues(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    task = a_task(1, incident)
    other = CreateTask("twin:k3v9:1", task.target, "Twin", "", task.kind, incident, DOCUMENT)
    (result,) = tracker.create_tasks([other])
    assert (result.linked, result.error) == (False, None)


def test_where_an_id_is_not_to_be_had_rest_needs_none(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    sandbox.fail_next("POST", "/graphql", status=403)
    sandbox.github.issue_types = {"acme": ["Task"]}
    result = created(tracker, [a_task(1, incident, type="Task")])["1"]
    assert (result.error, result.unset) == (None, ())
    assert writes(sandbox) == ["issues"]


def test_a_label_that_is_not_there_is_made_once(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    target = TaskTarget("acme-github", REPO, "", ("preventive",))
    tasks = [
        CreateTask(f"task:k3v9:{n}", target, f"Remedy {n}", "", Kind.PREVENTIVE, incident, None)
        for n in (1, 2)
    ]
    assert all(not result.unset for result in tracker.create_tasks(tasks))
    assert writes(sandbox) == ["labels", "graphql"]


def test_an_older_server_makes_them_together_but_without_a_parent(sandbox: Sandbox) -> None:
    sandbox.github.sub_issues = False
    tracker = GitHubTracker("acme-github", GitHubClient(sandbox.github_url, TOKEN))
    results = created(tracker, five(tracker.find(f"{REPO}#1")))
    assert {(result.linked, result.error) for result in results.values()} == {(False, None)}
    assert writes(sandbox) == ["graphql"]


def test_a_server_without_graphql_is_asked_once_a_day(sandbox: Sandbox) -> None:
    now = [datetime.now(UTC)]
    sandbox.github.graphql = False
    client = GitHubClient(sandbox.github_url, TOKEN, clock=lambda: now[0])
    tracker = GitHubTracker("acme-github", client)
    assert [tracker.at_once("acme/ops") for _ in range(3)] == [1, 1, 1]
    assert [call.status for call in sandbox.calls] == [404]
    sandbox.github.graphql = True  # it was upgraded
    now[0] += timedelta(days=1)
    assert tracker.at_once("acme/ops") == 10


def test_an_answer_that_tells_nothing_of_what_it_can_is_not_believed(
    sandbox: Sandbox, tracker: GitHubTracker
) -> None:
    body = {"data": None, "errors": [{"message": "Something went wrong."}]}
    sandbox.fail_next("POST", "/graphql", status=200, body=body)
    assert [tracker.at_once("acme/ops") for _ in range(2)] == [1, 10]


def test_a_server_that_lost_graphql_meanwhile_takes_them_one_by_one(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    sandbox.github.graphql = False
    results = created(tracker, five(incident))
    assert all(result.ref for result in results.values())
    assert writes(sandbox) == ["graphql", *["issues"] * 5]
    assert tracker.at_once("acme/ops") == 1


def test_a_document_that_an_older_server_does_not_understand_was_not_begun(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    sandbox.github.sub_issues = False  # it was rolled back since it was asked
    results = created(tracker, five(incident))
    assert all(result.ref and not result.error for result in results.values())
    assert writes(sandbox) == ["graphql", *["issues"] * 5]
    created(tracker, [a_task(6, incident)])
    assert writes(sandbox)[6:] == ["graphql"], "it was asked again what it can"


@pytest.mark.parametrize(
    "error",
    [
        {"path": ["mutation", "t0", "foobar"], "extensions": {"code": "undefinedField"}},
        {"path": ["fragment Made", "fullDatabaseId"], "extensions": {"code": "undefinedField"}},
        {"path": ["mutation Make", "t0"]},
        {"extensions": {"value": {}, "problems": [{"path": ["parentIssueId"]}]}},
    ],
)
def test_an_error_of_the_document_is_told_from_one_of_a_write(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef, error: dict[str, object]
) -> None:
    body = {"errors": [{"message": "Field 'foobar' doesn't exist on type 'Issue'"} | error]}
    sandbox.fail_next("POST", "/graphql", status=200, body=body)
    results = created(tracker, five(incident))
    assert all(result.ref and not result.error for result in results.values())


def test_what_is_made_together_counts_one_by_one(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    sandbox.enforce(github=GitHubLimits(creations_per_minute=4))
    results = created(tracker, five(incident))
    assert all(isinstance(result.error, RateLimited) for result in results.values())
    assert [violation.budget for violation in sandbox.violations] == ["creations_per_minute"]


# --- issue types --------------------------------------------------------------------------------


def test_an_issue_type_is_set_where_the_owner_has_it(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    sandbox.github.issue_types = {"acme": ["Task"]}
    result = created(tracker, [a_task(1, incident, type="task")])["1"]
    assert (result.unset, result.linked) == ((), True)
    assert result.ref is not None
    assert tracker.fetch(result.ref).type == "Task"


@pytest.mark.parametrize("types", [{"acme": ["Bug"]}, {}])
def test_one_that_the_owner_does_not_have_is_left_out_and_said(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef, types: dict[str, list[str]]
) -> None:
    sandbox.github.issue_types = types
    result = created(tracker, [a_task(1, incident, type="Task")])["1"]
    assert result.ref is not None
    assert result.unset[0].startswith("issue type: ")


def test_over_rest_a_type_that_is_dropped_in_silence_is_said(sandbox: Sandbox) -> None:
    sandbox.github.graphql, sandbox.github.issue_types = False, {"acme": ["Task"]}
    tracker = GitHubTracker("acme-github", GitHubClient(sandbox.github_url, TOKEN))
    incident = tracker.find(f"{REPO}#1")
    assert created(tracker, [a_task(1, incident, type="Task")])["1"].unset == ()
    sandbox.github.repos[REPO].members["acme-bot"] = "read"
    told = created(tracker, [a_task(2, incident, type="Task")])["2"].unset
    assert any(line.startswith("issue type: Task dropped by GitHub") for line in told)


# --- documents ----------------------------------------------------------------------------------


@pytest.fixture
def pulls(client: GitHubClient, sandbox: Sandbox) -> GitHubPullRequestDocuments:
    pulls = GitHubPullRequestDocuments(client)
    client.repository(REPO)
    graphql.GraphQL(client).abilities("acme/ops")
    sandbox.reset_calls()
    return pulls


INCIDENT = TicketRef("acme-github", "I_1", f"{REPO}#1", "https://github.example/acme/ops/issues/1")
WANTED = CreateDocument(
    "document:k3v9",
    DocumentTarget("github-pull-request", "acme-github", REPO, PATH),
    "Postmortem: Checkout down",
    "# Checkout down\n",
    INCIDENT,
)


def the_one_document(sandbox: Sandbox) -> str:
    """The text of the one pull request's file; its commit is the only one on its branch."""
    place = sandbox.github.repos[REPO]
    (pull,) = [issue.pull for issue in place.issues.values() if issue.pull]
    commit = place.commits[pull.head_sha]
    assert pull.head == BRANCH
    assert commit.parent == place.branches["main"]
    return commit.tree[PATH].decode()


def test_a_document_is_one_read_and_one_write(
    pulls: GitHubPullRequestDocuments, sandbox: Sandbox
) -> None:
    made = pulls.create(WANTED)
    assert [(call.mutations, call.is_write) for call in sandbox.calls] == [(0, False), (3, True)]
    assert made.status is DocumentStatus.DRAFT
    assert the_one_document(sandbox) == made.text
    assert pulls.read(made.ref, {}) == made


@pytest.mark.parametrize("step", ["branch", "commit", "pull"])
def test_a_step_that_fails_is_gone_on_from_over_rest(
    pulls: GitHubPullRequestDocuments, sandbox: Sandbox, step: str
) -> None:
    type = "BRANCH_PROTECTION_RULE_VIOLATION" if step == "commit" else "VALIDATION"
    sandbox.github.refuse_field(step, type)
    made = pulls.create(WANTED)
    assert the_one_document(sandbox) == made.text
    assert pulls.read(made.ref, {}) == made


@pytest.mark.parametrize("step", ["branch", "commit", "pull", ""])
def test_one_that_was_cut_off_or_lost_is_found_or_gone_on_from(
    pulls: GitHubPullRequestDocuments, sandbox: Sandbox, step: str
) -> None:
    if step:
        sandbox.github.refuse_field(step, "")
    else:
        sandbox.fail_next("POST", "createPullRequest", after_effect=True, status=502)
    with pytest.raises(OutcomeUnknown):
        pulls.create(WANTED)
    since = datetime.now(UTC) - timedelta(minutes=1)
    made = pulls.find(WANTED, lost_document(WANTED, since)) or pulls.create(WANTED, again=True)
    assert the_one_document(sandbox) == made.text
    assert pulls.read(made.ref, {}) == made


@pytest.mark.parametrize("step", ["branch", "commit"])
def test_one_that_fails_for_an_unknown_cause_is_done_step_by_step_next_time(
    pulls: GitHubPullRequestDocuments, sandbox: Sandbox, step: str
) -> None:
    sandbox.github.refuse_field(step, "NEWER_THAN_WE_ARE", "No.", times=9)
    with pytest.raises(OutcomeUnknown):
        pulls.create(WANTED)
    made = pulls.create(WANTED, again=True)
    assert the_one_document(sandbox) == made.text


def test_a_pull_request_that_was_closed_is_not_opened_a_second_time(
    pulls: GitHubPullRequestDocuments, sandbox: Sandbox
) -> None:
    made = pulls.create(WANTED)
    sandbox.github.close_pull(REPO, 2, "kim")
    assert pulls.create(WANTED).status is DocumentStatus.DECLINED
    assert pulls.create(WANTED).ref.id == made.ref.id


# --- the documents themselves -------------------------------------------------------------------


@pytest.mark.wide
def test_all_that_is_asked_is_valid_by_githubs_own_schema() -> None:
    needs("npm")
    try:
        schema = build_schema(text_of(*SCHEMA, INTEGRITY, "schema.graphql"), assume_valid=True)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"npm cannot fetch {SCHEMA[0]}: {error.stderr.decode()[:200]}")
    inputs = dict.fromkeys(("t0", "t1"))
    asked = [graphql._ABILITIES, proposing._LOOK, proposing._PROPOSE]
    asked += [creation._document(inputs, Abilities(parents=parents)) for parents in (False, True)]
    for document in asked:
        assert validate(schema, parse(document)) == []
