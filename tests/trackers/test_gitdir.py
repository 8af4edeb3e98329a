"""Documents in a local git repository, against real git."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from builders import lost_document

from integrations.document_store import DocumentStore
from integrations.gitdir.adapter import GitDirectoryDocuments
from integrations.tracker import NotThere, Rejected, StaleVersion, Unavailable
from workflows.effects import CreateDocument, DocumentTarget
from workflows.model import DocumentState, DocumentStatus, TicketRef

SINCE = datetime(2026, 11, 20, tzinfo=UTC)
PATH = "postmortems/2026/inc-42.md"
TEXT = """# Checkout down

## Timeline

<!-- followthrough:begin timeline -->
nothing yet
<!-- followthrough:end timeline -->

## What went well

"""


def wanted(root: Path, path: str = PATH, key: str = "document:k3v9") -> CreateDocument:
    return CreateDocument(
        key=key,
        target=DocumentTarget("git-directory", "", str(root), path),
        title="Postmortem: Checkout down",
        text=TEXT,
        incident=TicketRef("acme-jira", "10042", "INC-42", "https://acme.example/browse/INC-42"),
    )


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def log(root: Path) -> list[str]:
    return git(root, "log", "--format=%s", "--reverse").splitlines()


@pytest.fixture
def store() -> GitDirectoryDocuments:
    return GitDirectoryDocuments()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "documents"


@pytest.fixture
def document(store: GitDirectoryDocuments, root: Path) -> DocumentState:
    any_store: DocumentStore = store
    return any_store.create(wanted(root))


def test_an_absent_directory_becomes_a_repository_with_the_document(
    document: DocumentState, root: Path
) -> None:
    assert log(root) == ["Postmortem of INC-42"]
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "log", "-1", "--format=%an <%ae>") == "Followthrough <followthrough@localhost>"
    assert document.regions == {"timeline": "nothing yet"}
    assert document.headings == {"timeline": "Timeline"}
    assert document.status is DocumentStatus.DRAFT
    assert document.ref.url == (root / PATH).as_uri()
    assert document.ref.version == git(root, "hash-object", PATH)


def test_asking_twice_finds_the_first_one(
    store: GitDirectoryDocuments, document: DocumentState, root: Path
) -> None:
    assert store.create(wanted(root)) == document
    assert store.find(wanted(root), lost_document(wanted(root), SINCE)) == document
    assert (
        store.find(
            wanted(root.parent / "elsewhere"),
            lost_document(wanted(root.parent / "elsewhere"), SINCE),
        )
        is None
    )
    assert log(root) == ["Postmortem of INC-42"]


def test_a_crash_before_the_commit_is_mended_by_asking_again(
    store: GitDirectoryDocuments, document: DocumentState, root: Path
) -> None:
    git(root, "update-ref", "-d", "HEAD")
    git(root, "rm", "--cached", "--quiet", PATH)
    assert store.find(wanted(root), lost_document(wanted(root), SINCE)) == document
    assert log(root) == ["Postmortem of INC-42"]


def test_asking_twice_leaves_edits_to_those_who_made_them(
    store: GitDirectoryDocuments, document: DocumentState, root: Path
) -> None:
    with (root / PATH).open("a") as file:
        file.write("We had a run book.\n")
    assert "run book" in (store.create(wanted(root)).text or "")
    assert log(root) == ["Postmortem of INC-42"]


def test_somebody_elses_file_is_not_taken_over(
    store: GitDirectoryDocuments, document: DocumentState, root: Path
) -> None:
    with pytest.raises(Rejected, match="already"):
        store.create(wanted(root, key="document:z9"))
    assert (
        store.find(wanted(root, "other.md"), lost_document(wanted(root, "other.md"), SINCE)) is None
    )


def test_regions_are_written_and_everything_else_is_kept(
    store: GitDirectoryDocuments, document: DocumentState, root: Path
) -> None:
    written = store.write(document, {"timeline": "| 08:12 | it broke |"})
    assert written.regions == {"timeline": "| 08:12 | it broke |"}
    assert written.text == (document.text or "").replace("nothing yet", "| 08:12 | it broke |")
    assert (root / PATH).read_text() == written.text
    assert store.version(document.ref) == written.ref.version != document.ref.version
    assert log(root)[-1] == f"Bring {PATH} up to date"


def test_writing_what_is_there_commits_nothing(
    store: GitDirectoryDocuments, document: DocumentState, root: Path
) -> None:
    assert store.write(document, {"timeline": "nothing yet"}) == document
    assert len(log(root)) == 1


def test_an_edit_since_it_was_read_is_noticed(
    store: GitDirectoryDocuments, document: DocumentState, root: Path
) -> None:
    with (root / PATH).open("a") as file:
        file.write("We had a run book.\n")
    with pytest.raises(StaleVersion):
        store.write(document, {"timeline": "new"})


def test_an_uncommitted_edit_is_committed_on_its_own_before_ours(
    store: GitDirectoryDocuments, document: DocumentState, root: Path
) -> None:
    with (root / PATH).open("a") as file:
        file.write("We had a run book.\n")
    (root / "notes.txt").write_text("staged by somebody")
    git(root, "add", "notes.txt")
    store.write(store.read(document.ref, {}), {"timeline": "new"})
    assert log(root)[1:] == ["Edits found in the working tree", f"Bring {PATH} up to date"]
    assert "run book" in git(root, "show", f"HEAD~1:{PATH}")
    assert git(root, "status", "--porcelain") == "A  notes.txt"


def test_line_ends_stay_as_people_have_them(
    store: GitDirectoryDocuments, document: DocumentState, root: Path
) -> None:
    file = root / PATH
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    store.write(store.read(document.ref, {}), {"timeline": "new"})
    assert file.read_bytes().count(b"\n") == file.read_bytes().count(b"\r\n") > 0


def test_a_deleted_file_is_not_there(
    store: GitDirectoryDocuments, document: DocumentState, root: Path
) -> None:
    (root / PATH).unlink()
    with pytest.raises(NotThere):
        store.read(document.ref, {})
    with pytest.raises(NotThere):
        store.version(document.ref)


@pytest.mark.parametrize(
    "path", ["../out.md", "/etc/passwd", "a/../../b.md", ".git/config", ".GIT/hooks/x", "", "a\nb"]
)
def test_a_path_that_leads_out_is_refused(
    store: GitDirectoryDocuments, root: Path, path: str
) -> None:
    with pytest.raises(Rejected, match="no path"):
        store.create(wanted(root, path))
    assert not root.exists()


def test_a_symbolic_link_is_not_followed(
    store: GitDirectoryDocuments, document: DocumentState, root: Path, tmp_path: Path
) -> None:
    (root / "elsewhere").symlink_to(tmp_path)
    with pytest.raises(Rejected, match="symbolic link"):
        store.create(wanted(root, "elsewhere/x.md"))
    assert not (tmp_path / "x.md").exists()


def test_a_directory_of_other_files_is_left_alone(store: GitDirectoryDocuments, root: Path) -> None:
    root.mkdir()
    (root / "holiday.jpg").write_bytes(b"")
    with pytest.raises(Rejected, match="no git repository"):
        store.create(wanted(root))


def test_hooks_and_the_callers_git_environment_have_no_say(
    store: GitDirectoryDocuments,
    document: DocumentState,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hook = root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    written = store.write(document, {"timeline": "new"})
    monkeypatch.delenv("GIT_DIR")
    assert git(root, "show", f"HEAD:{PATH}") + "\n" == written.text


def test_names_that_look_like_options_or_patterns_are_names(
    store: GitDirectoryDocuments, root: Path
) -> None:
    store.create(wanted(root, "--force.md"))
    store.create(wanted(root, "[a]*.md", key="document:z9"))
    assert git(root, "ls-files").splitlines() == ["--force.md", "[a]*.md"]


def test_processes_that_write_at_the_same_time_wait_for_each_other(root: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from test_gitdir import GitDirectoryDocuments, wanted\n"
        "for n in range(4):\n"
        "    key = f'document:{sys.argv[2]}{n}'\n"
        "    GitDirectoryDocuments().create(wanted(Path(sys.argv[1]), f'{key[9:]}.md', key))\n"
    )
    known = os.pathsep.join(path for path in (str(Path(__file__).parent), *sys.path) if path)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(root), name],
            env=os.environ | {"PYTHONPATH": known},
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "abc"
    ]
    said = [process.communicate()[1] for process in processes]
    assert said == [""] * 3
    assert len(log(root)) == 12
    assert git(root, "status", "--porcelain") == ""


def test_a_repository_in_use_by_another_git_is_asked_again_later(
    store: GitDirectoryDocuments, document: DocumentState, root: Path
) -> None:
    (root / ".git" / "index.lock").touch()
    with pytest.raises(Unavailable, match="lock"):
        store.write(document, {"timeline": "new"})
