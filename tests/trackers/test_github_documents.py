"""Documents as pull requests and as issues, against the sandbox's GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import responses
from builders import lost_document

from integrations.document_store import DocumentStore
from integrations.github.adapter import GitHubTracker
from integrations.github.client import GitHubClient
from integrations.github.graphql import GraphQL
from integrations.github.issue_documents import GitHubIssueDocuments
from integrations.github.marker import BODY_LIMIT, due_in, key_in, marked
from integrations.github.pull_requests import GitHubPullRequestDocuments
from integrations.sandbox import Sandbox
from integrations.tracker import NotThere, OutcomeUnknown, Rejected, StaleVersion
from workflows.effects import CreateDocument, CreateTask, DocumentTarget, TaskTarget
from workflows.model import DocumentRef, DocumentState, DocumentStatus, Kind, TicketRef

TOKEN = "ghp_bot_of_acme"
REPO = "acme/postmortems"
PATH = "postmortems/2026/acme ops-42.md"
BRANCH = "followthrough/document-k3v9"
INCIDENT = TicketRef(
    "acme-github", "I_1", "acme/ops#42", "https://github.example/acme/ops/issues/42"
)
TEXT = """# Checkout down

## Timeline

<!-- followthrough:begin timeline -->
nothing yet
<!-- followthrough:end timeline -->

## What went well
"""


#: A story of one of the two kinds of server.
WITH_GRAPHQL = pytest.mark.parametrize("sandbox", ["graphql"], indirect=True)
REST_ONLY = pytest.mark.parametrize("sandbox", ["rest"], indirect=True)


@pytest.fixture(params=["graphql", "rest"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A server as github.com is, and one with REST only."""
    with Sandbox() as sandbox:
        hub = sandbox.github
        hub.graphql = request.param == "graphql"
        hub.add_user("acme-bot", token=TOKEN)
        hub.add_repo(REPO, collaborators={"acme-bot": "write", "kim": "write"})
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> GitHubClient:
    client = GitHubClient(sandbox.github_url, TOKEN)
    client.repository(REPO)
    GraphQL(client).abilities(REPO)
    sandbox.reset_calls()
    return client


@pytest.fixture
def pulls(client: GitHubClient) -> GitHubPullRequestDocuments:
    return GitHubPullRequestDocuments(client)


@pytest.fixture
def issues(client: GitHubClient) -> GitHubIssueDocuments:
    return GitHubIssueDocuments("acme-github", client)


def wanted(kind: str, key: str = "document:k3v9", text: str = TEXT) -> CreateDocument:
    target = DocumentTarget(kind, "acme-github", REPO, PATH, labels=("postmortem",))
    return CreateDocument(key, target, "Postmortem: Checkout down", text, INCIDENT)


PULL, ISSUE = wanted("github-pull-request"), wanted("github-issue")


def test_both_are_document_stores(client: GitHubClient) -> None:
    stores: list[DocumentStore] = [
        GitHubPullRequestDocuments(client),
        GitHubIssueDocuments("acme-github", client),
    ]
    assert [store.kind for store in stores] == ["github-pull-request", "github-issue"]


def number(document: DocumentState) -> int:
    return int(document.ref.url.rsplit("/", 1)[-1])


def counted(sandbox: Sandbox) -> tuple[int, int]:
    return len(sandbox.writes()), len(sandbox.reads())


def since() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=1)


# --- pull requests ------------------------------------------------------------------------------


def test_a_draft_pull_request_is_opened_with_one_read_and_three_writes_or_one(
    pulls: GitHubPullRequestDocuments, sandbox: Sandbox
) -> None:
    made = pulls.create(PULL)
    assert counted(sandbox) == (1 if sandbox.github.graphql else 3, 1)
    assert made.status is DocumentStatus.DRAFT
    assert made.regions == {"timeline": "nothing yet"}
    assert made.headings == {"timeline": "Timeline"}
    assert made.ref.id == f"{REPO}#1:{BRANCH}:{PATH}"
    assert key_in(made.text) == "document:k3v9"
    assert pulls.read(made.ref, {}) == made


def test_asking_twice_finds_the_first_one(
    pulls: GitHubPullRequestDocuments, sandbox: Sandbox
) -> None:
    assert pulls.find(PULL, lost_document(PULL, since())) is None
    made = pulls.create(PULL)
    assert pulls.create(PULL) == made
    assert pulls.find(PULL, lost_document(PULL, since())) == made
    assert len(sandbox.github.repos[REPO].issues) == 1


@REST_ONLY
@pytest.mark.parametrize("step", [r"/git/refs", r"/contents/", r"/pulls"])
def test_wherever_the_answer_was_lost_asking_again_ends_in_one_document(
    pulls: GitHubPullRequestDocuments, sandbox: Sandbox, step: str
) -> None:
    method = "PUT" if "contents" in step else "POST"
    sandbox.fail_next(method, step, after_effect=True, drop_connection=True)
    with pytest.raises(OutcomeUnknown):
        pulls.create(PULL)
    made = pulls.find(PULL, lost_document(PULL, since())) or pulls.create(PULL)
    assert pulls.read(made.ref, {}) == made
    place = sandbox.github.repos[REPO]
    assert len(place.issues) == 1
    assert set(place.branches) == {"main", BRANCH}


def test_somebody_elses_file_is_not_overwritten(
    pulls: GitHubPullRequestDocuments, sandbox: Sandbox
) -> None:
    sandbox.github.push(REPO, PATH, "# Mine\n", "kim")
    with pytest.raises(Rejected, match="already"):
        pulls.create(PULL)


def test_where_drafts_are_not_offered_the_pull_request_is_a_ready_one(
    pulls: GitHubPullRequestDocuments, sandbox: Sandbox
) -> None:
    sandbox.github.repos[REPO].drafts = False
    assert pulls.create(PULL).status is DocumentStatus.IN_REVIEW


def test_regions_are_written_with_one_write_and_no_read(
    pulls: GitHubPullRequestDocuments, sandbox: Sandbox
) -> None:
    made = pulls.create(PULL)
    sandbox.reset_calls()
    written = pulls.write(made, {"timeline": "| 08:12 | it broke |"})
    assert counted(sandbox) == (1, 0)
    assert pulls.write(written, {"timeline": "| 08:12 | it broke |"}) is written
    assert counted(sandbox) == (1, 0)
    assert pulls.read(made.ref, {}) == written
    assert written.text == (made.text or "").replace("nothing yet", "| 08:12 | it broke |")


def test_a_persons_edit_is_noticed_and_kept(
    pulls: GitHubPullRequestDocuments, sandbox: Sandbox
) -> None:
    made = pulls.create(PULL)
    text = (made.text or "").replace("What went well\n", "What went well\n\nThe run book.\n")
    sandbox.github.push(REPO, PATH, text, "kim", branch=BRANCH)
    with pytest.raises(StaleVersion):
        pulls.write(made, {"timeline": "new"})
    written = pulls.write(pulls.read(made.ref, {}), {"timeline": "new"})
    assert written.text == text.replace("nothing yet", "new")


def test_line_ends_stay_as_people_have_them(
    pulls: GitHubPullRequestDocuments, sandbox: Sandbox
) -> None:
    made = pulls.create(PULL)
    text = (made.text or "").replace("\n", "\r\n")
    sandbox.github.push(REPO, PATH, text, "kim", branch=BRANCH)
    written = pulls.write(pulls.read(made.ref, {}), {"timeline": "new"})
    assert written.text == text.replace("nothing yet", "new")


def test_draft_ready_merged_and_declined_are_told_apart(
    pulls: GitHubPullRequestDocuments, sandbox: Sandbox
) -> None:
    made = pulls.create(PULL)
    sandbox.github.ready_for_review(REPO, number(made), "kim")
    assert pulls.read(made.ref, {}).status is DocumentStatus.IN_REVIEW
    sandbox.github.merge(REPO, number(made), "kim")
    published = pulls.read(made.ref, {})
    assert published.status is DocumentStatus.PUBLISHED
    assert published.text == made.text
    other = pulls.create(
        CreateDocument(
            "document:z9", DocumentTarget(pulls.kind, "", REPO, "other.md"), "O", TEXT, INCIDENT
        )
    )
    sandbox.github.close_pull(REPO, number(other), "kim")
    declined = pulls.read(other.ref, {})
    assert declined.status is DocumentStatus.DECLINED
    with pytest.raises(Rejected, match="declined"):
        pulls.write(declined, {"timeline": "new"})


def test_a_declined_documents_deleted_branch_is_no_fault(
    pulls: GitHubPullRequestDocuments, sandbox: Sandbox
) -> None:
    made = pulls.create(PULL)
    sandbox.github.close_pull(REPO, number(made), "kim")
    del sandbox.github.repos[REPO].branches[BRANCH]
    declined = pulls.read(made.ref, {"timeline": "Timeline"})
    assert (declined.status, declined.text) == (DocumentStatus.DECLINED, None)
    assert declined.headings == {"timeline": "Timeline"}


def test_after_the_merge_changes_go_to_one_standing_update(
    pulls: GitHubPullRequestDocuments, sandbox: Sandbox
) -> None:
    made = pulls.create(PULL)
    sandbox.github.ready_for_review(REPO, number(made), "kim")
    sandbox.github.merge(REPO, number(made), "kim")
    with pytest.raises(StaleVersion):  # our branch is gone: it must be read again
        pulls.write(made, {"timeline": "first"})
    first = pulls.write(pulls.read(made.ref, {}), {"timeline": "first"})
    assert pulls.read(made.ref, {}) == first
    second = pulls.write(first, {"timeline": "second"})
    assert pulls.read(made.ref, {}) == second
    place = sandbox.github.repos[REPO]
    assert len(place.issues) == 2
    assert place.commits[place.branches["main"]].tree[PATH].decode() == made.text
    sandbox.github.merge(REPO, 2, "kim")
    assert pulls.read(made.ref, {}).regions == {"timeline": "second"}


def test_a_write_after_an_unnoticed_merge_is_not_lost_on_the_old_branch(sandbox: Sandbox) -> None:
    now = [datetime.now(UTC)]
    pulls = GitHubPullRequestDocuments(
        GitHubClient(sandbox.github_url, TOKEN, clock=lambda: now[0])
    )
    made = pulls.create(PULL)
    sandbox.github.ready_for_review(REPO, number(made), "kim")
    sandbox.github.merge(REPO, number(made), "kim", delete_branch=False)
    now[0] += timedelta(minutes=2)
    with pytest.raises(StaleVersion):
        pulls.write(made, {"timeline": "new"})
    pulls.write(pulls.read(made.ref, {}), {"timeline": "new"})
    assert pulls.read(made.ref, {}).regions == {"timeline": "new"}


def test_a_deleted_file_is_not_there(pulls: GitHubPullRequestDocuments, sandbox: Sandbox) -> None:
    made = pulls.create(PULL)
    sandbox.github.push(REPO, PATH, None, "kim", branch=BRANCH)
    with pytest.raises(NotThere):
        pulls.read(made.ref, {})


def test_a_branch_left_behind_by_an_update_starts_again() -> None:
    api = "https://api.github.com:443/repos/acme/postmortems"
    pulls = GitHubPullRequestDocuments(GitHubClient("https://api.github.com", TOKEN))
    known = DocumentState(
        ref=_ref(),
        regions={"timeline": "nothing yet"},
        headings={},
        status=DocumentStatus.PUBLISHED,
        text=TEXT,
    )
    with responses.RequestsMock() as hub:
        hub.get(f"{api}/pulls", json=[])
        hub.get(api, json={"full_name": REPO, "default_branch": "main"})
        hub.get(f"{api}/git/ref/heads/main", json={"object": {"sha": "a" * 40}})
        hub.post(f"{api}/git/refs", status=422, json={"message": "Reference already exists"})
        hub.patch(f"{api}/git/refs/heads/{BRANCH}-updates", json={})
        hub.put(f"{api}/contents/a.md", json={"content": {"sha": "v2"}, "commit": {"sha": "c2"}})
        hub.post(f"{api}/pulls", status=201, json={"number": 9, "html_url": "x"})
        written = pulls.write(known, {"timeline": "new"})
    assert written.ref.version == "v2"


def _ref() -> DocumentRef:
    return DocumentRef(PULL.target.kind, f"{REPO}#7:{BRANCH}:a.md", "https://x.example", "v1")


def test_one_closed_incident_with_five_tasks_keeps_its_budget(
    pulls: GitHubPullRequestDocuments, client: GitHubClient, sandbox: Sandbox
) -> None:
    sandbox.github.open_issue(REPO, "Checkout down", "kim")
    tracker = GitHubTracker("acme-github", client)
    incident = tracker.find(f"{REPO}#1")
    tracker.fetch(incident)  # asks what Kim may, which is then known for a while
    sandbox.reset_calls()
    tracker.fetch(incident)
    document = pulls.create(PULL)
    target = TaskTarget("acme-github", REPO)
    tasks = [
        CreateTask(f"task:k:{n}", target, "T", "", Kind.PREVENTIVE, incident, document.ref)
        for n in range(5)
    ]
    for task, result in zip(tasks, tracker.create_tasks(tasks), strict=True):
        assert result.ref is not None
        if not result.linked:
            tracker.link(incident, result.ref, task.title, task.key)
    pulls.write(document, {"timeline": "| AI-1 |"})
    tracker.write_comment(incident, "It is all there.", "comment:k", None)
    assert counted(sandbox) == (1 + 1 + 2 if sandbox.github.graphql else 3 + 2 * 5 + 2, 3)


# --- issues -------------------------------------------------------------------------------------


def test_an_issue_is_a_document_too(issues: GitHubIssueDocuments, sandbox: Sandbox) -> None:
    made = issues.create(ISSUE)
    assert counted(sandbox) == (1, 0)
    assert made.status is DocumentStatus.DRAFT
    assert made.regions == {"timeline": "nothing yet"}
    assert made.ref.ticket is not None
    assert made.ref.ticket.key == f"{REPO}#1"
    assert issues.read(made.ref, {}) == made
    assert issues.find(ISSUE, lost_document(ISSUE, since())) == made
    other = wanted("github-issue", key="document:z9")
    assert issues.find(other, lost_document(other, since())) is None


def test_an_issue_is_read_before_it_is_written(
    issues: GitHubIssueDocuments, sandbox: Sandbox
) -> None:
    made = issues.create(ISSUE)
    sandbox.reset_calls()
    written = issues.write(made, {"timeline": "new"})
    assert counted(sandbox) == (1, 1)
    assert written.regions == {"timeline": "new"}
    edited = (written.text or "").replace("well\n", "well\n\nThe run book.\n")
    sandbox.github.edit(REPO, 1, "kim", body=edited.replace("\n", "\r\n"))
    with pytest.raises(StaleVersion):
        issues.write(written, {"timeline": "newer"})
    assert issues.read(made.ref, {}).text == edited


def test_an_issues_state_is_the_documents(issues: GitHubIssueDocuments, sandbox: Sandbox) -> None:
    made = issues.create(ISSUE)
    sandbox.github.label(REPO, 1, "in-review", "kim")
    assert issues.read(made.ref, {}).status is DocumentStatus.IN_REVIEW
    sandbox.github.close(REPO, 1, "kim")
    assert issues.read(made.ref, {}).status is DocumentStatus.PUBLISHED
    sandbox.github.close(REPO, 1, "kim", state_reason="not_planned")
    assert issues.read(made.ref, {}).status is DocumentStatus.DECLINED
    with pytest.raises(Rejected, match="declined"):
        issues.write(made, {"timeline": "new"})
    sandbox.github.delete(REPO, 1, "kim")
    with pytest.raises(NotThere):
        issues.read(made.ref, {})


def test_a_lost_answer_is_settled_by_the_marker(
    issues: GitHubIssueDocuments, sandbox: Sandbox
) -> None:
    sandbox.fail_next("POST", r"/issues$", after_effect=True, drop_connection=True)
    with pytest.raises(OutcomeUnknown):
        issues.create(ISSUE)
    found = issues.find(ISSUE, lost_document(ISSUE, since()))
    assert found is not None
    assert found.ref.url.endswith("/issues/1")


def test_a_timeline_too_long_for_an_issue_keeps_its_changes_of_status(
    issues: GitHubIssueDocuments,
) -> None:
    head = ["| Time (UTC) | Who | What | Basis | Source |", "| --- | --- | --- | --- | --- |"]
    words = [f"| 08:{n % 60:02} | kim | {'word ' * 40} | reported | - |" for n in range(500)]
    labels = ["| 09:00 | kim | label: sev1 | recorded | - |"] * 3
    closed = "| 09:30 | kim | status: open → closed | recorded | - |"
    timeline = "\n".join([*head, *words, *labels, closed])
    made = issues.create(wanted("github-issue", text=TEXT.replace("nothing yet", timeline)))
    assert len(made.text or "") <= BODY_LIMIT
    lines = made.regions["timeline"].split("\n")
    assert lines[:2] == head
    assert lines.count(labels[0]) == 3
    assert closed in lines
    kept = sum("| reported |" in line for line in lines)
    assert kept > 200
    assert lines[-1].startswith(f"*{500 - kept} more rows do not fit here")


# --- the marker ---------------------------------------------------------------------------------


def test_a_body_too_long_is_cut_but_never_its_marker() -> None:
    due = datetime(2026, 12, 1, tzinfo=UTC).date()
    body = marked("word " * 20_000, "task:k3v9:2", due)
    assert len(body) <= BODY_LIMIT
    assert (key_in(body), due_in(body)) == ("task:k3v9:2", due)
    assert "shortened" in body


def test_of_several_markers_the_last_is_ours() -> None:
    assert key_in(marked("> <!-- followthrough task:a:1 -->", "task:b:2")) == "task:b:2"
    assert key_in("<!-- followthrough:begin timeline -->") is None
    assert key_in(None) is None


def test_a_due_line_survives_the_web_editor_and_nonsense_does_not() -> None:
    line = "**Due:** 2026-12-01 <!-- followthrough:due -->"
    assert str(due_in(f"x\r\n{line}\r\ny")) == "2026-12-01"
    assert due_in(line.replace("12-01", "13-45")) is None
    assert due_in("**Due:** 2026-12-01") is None
