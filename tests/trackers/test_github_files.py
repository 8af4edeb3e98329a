"""Files that measures keep, as GitHub shows them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses
from builders import NOON

from integrations.files import FileSeen
from integrations.github.client import GitHubClient
from integrations.github.files import GitHubFiles
from integrations.github.webhook import normalise
from integrations.sandbox import Sandbox
from integrations.tracker import Envelope, NotThere, SignInFailed, Unavailable
from workflows.watched import Fault

PLACE, WORKFLOW = "acme/ops", ".github/workflows/drill.yml"
TOKEN = "github-token-9c1e"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(clock=lambda: NOON) as made:
        made.github.add_user("bot", token=TOKEN)
        made.github.add_repo(
            PLACE,
            private=True,
            collaborators={"bot": "admin", "kim": "write"},
            files={WORKFLOW: "on: schedule\n", "docs/a b#1.md": "x", "README.md": "y"},
        )
        yield made


@pytest.fixture
def files(sandbox: Sandbox) -> GitHubFiles:
    return GitHubFiles(GitHubClient(sandbox.github_url, TOKEN, clock=lambda: NOON))


@pytest.mark.parametrize("path", ["README.md", "docs", "docs/a b#1.md", WORKFLOW])
def test_what_is_there_is_there(files: GitHubFiles, path: str) -> None:
    assert files.look(PLACE, path) == FileSeen()


def test_what_was_removed_is_told_with_the_commit_that_did(
    sandbox: Sandbox, files: GitHubFiles
) -> None:
    sha = sandbox.github.push(PLACE, WORKFLOW, None, by="kim")
    seen = files.look(PLACE, WORKFLOW)
    assert seen.fault is Fault.REMOVED
    assert seen.words == f"the last commit that touched it is {sha[:12]}"
    assert seen.url.endswith(f"/commit/{sha}")


def test_what_never_was_is_removed_and_no_commit_is_named(files: GitHubFiles) -> None:
    assert files.look(PLACE, "nowhere.md") == FileSeen(
        Fault.REMOVED, "no commit there knows it", ""
    )


@pytest.mark.parametrize("state", ["disabled_manually", "disabled_inactivity"])
def test_a_workflow_that_is_switched_off_does_not_run(
    sandbox: Sandbox, files: GitHubFiles, state: str
) -> None:
    sandbox.github.switch_workflow(PLACE, WORKFLOW, state)
    seen = files.look(PLACE, WORKFLOW)
    assert (seen.fault, seen.words) == (Fault.DISABLED, f"its state is {state}")
    sandbox.github.switch_workflow(PLACE, WORKFLOW, "active")
    assert files.look(PLACE, WORKFLOW) == FileSeen()


def test_a_server_without_actions_tells_only_that_the_file_is_there(
    sandbox: Sandbox, files: GitHubFiles
) -> None:
    sandbox.fail_next("GET", "/actions/workflows/", status=404)
    assert files.look(PLACE, WORKFLOW) == FileSeen()


def test_a_file_that_is_too_large_to_be_sent_is_there() -> None:
    api, large = "https://api.github.com:443/repos/acme/ops", {"code": "too_large"}
    words = "This API returns blobs up to 1 MB in size. The requested blob is too large to fetch"
    with responses.RequestsMock() as hub:
        hub.get(api, json={"full_name": PLACE, "default_branch": "main"})
        hub.get(f"{api}/contents/dump.sql", status=403, json={"message": words, "errors": [large]})
        client = GitHubClient("https://api.github.com", TOKEN, clock=lambda: NOON)
        assert GitHubFiles(client).look(PLACE, "dump.sql") == FileSeen()


def test_a_repository_that_is_hidden_or_gone_tells_nothing_of_its_files(
    sandbox: Sandbox, files: GitHubFiles
) -> None:
    with pytest.raises(NotThere):
        files.look("acme/hidden", "README.md")
    assert files.look(PLACE, "README.md") == FileSeen()
    del sandbox.github.repos[PLACE]  # within the ten minutes in which it is remembered
    with pytest.raises(NotThere):
        files.look(PLACE, "README.md")


def test_a_refusal_or_a_failure_is_no_removal(sandbox: Sandbox, files: GitHubFiles) -> None:
    for status, error in ((403, SignInFailed), (502, Unavailable)):
        sandbox.fail_next("GET", "/contents/", status=status)
        with pytest.raises(error):
            files.look(PLACE, "README.md")


def test_a_renamed_repository_keeps_its_files(sandbox: Sandbox, files: GitHubFiles) -> None:
    sandbox.github.rename_repo(PLACE, "acme/operations")
    assert files.look(PLACE, "docs/a b#1.md") == FileSeen()


def pushed(sandbox: Sandbox, branch: str) -> str | None:
    sandbox.github.hook(PLACE, "http://127.0.0.1:9/webhooks/github", "secret")
    sandbox.hooks.enabled = False
    sandbox.github.push(PLACE, "README.md", "z", by="kim", branch=branch)
    sent = sandbox.hooks.log[-1]
    return normalise(Envelope(sent.id, sent.event, sent.body)).pushed_to


def test_a_push_to_the_default_branch_counts_and_one_to_another_does_not(sandbox: Sandbox) -> None:
    assert pushed(sandbox, "main") == PLACE
    assert pushed(sandbox, "draft") is None


def told(files: GitHubFiles, address: str = "/webhooks/github") -> list[tuple[bool, str]]:
    return [(each.ok, each.what) for each in files.check([PLACE], address)]


def test_doctor_hears_that_all_is_well_and_whether_pushes_are_told(
    sandbox: Sandbox, files: GitHubFiles
) -> None:
    sandbox.github.hook(PLACE, "https://ft.example/webhooks/github", "secret", events=["issues"])
    assert told(files)[1] == (True, f"{PLACE}: no webhook of its own tells of pushes")
    sandbox.github.hook(PLACE, "https://ft.example/webhooks/github", "secret", events=["push"])
    assert told(files) == [
        (True, f"{PLACE}: files that measures keep can be looked at"),
        (True, f"{PLACE}: a webhook tells of pushes"),
    ]


def test_doctor_hears_which_permission_is_missing(sandbox: Sandbox, files: GitHubFiles) -> None:
    sandbox.fail_next("GET", "/commits", status=403)
    [finding] = files.check([PLACE], "/webhooks/github")
    assert (finding.ok, "Contents: read" in finding.mend) == (False, True)
    sandbox.fail_next("GET", "/actions/workflows", status=403)
    findings = list(files.check([PLACE], "/webhooks/github"))
    [finding] = [each for each in findings if not each.ok]
    assert "Actions: read" in finding.mend
