"""Documents as files in a local git repository, through the ``git`` command.

People edit the files with whatever they like; a saved file counts, committed or not. Everything
that is written here is committed, and nothing else is: what people have staged stays staged.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from integrations.tracker import Lost, NotThere, Rejected, StaleVersion, Unavailable
from workflows.documents import region_headings, regions, replace_regions
from workflows.effects import CreateDocument
from workflows.model import DocumentRef, DocumentState
from workflows.versions import Publication

_MARKER = re.compile(r"<!-- followthrough (?P<key>[^\s<>]{1,200}) -->")
_SECONDS = 30

#: Foreign hooks do not run, and nothing waits for a passphrase or rewrites line ends.
_ALWAYS = ("commit.gpgsign=false", "core.hooksPath=/dev/null", "core.autocrlf=false")


@dataclass(frozen=True, slots=True)
class _File:
    """A file in its repository; as text (``/repository//path``) it is the document's id."""

    root: Path
    path: str

    def __str__(self) -> str:
        return f"{self.root}//{self.path}"

    @property
    def full(self) -> Path:
        return self.root / self.path

    @classmethod
    def of(cls, ref: DocumentRef) -> _File:
        root, _, path = ref.id.rpartition("//")
        return cls(Path(root), path)


class GitDirectoryDocuments:
    """Documents of the kind ``git-directory``; a target's `place` is the repository's directory.

    A document's version is the blob id of the file as it is saved. Every document is a draft.
    Raises the TrackerError family only; asking again after any error is safe.
    """

    kind = "git-directory"

    def create(self, wanted: CreateDocument, *, again: bool = False) -> DocumentState:  # noqa: ARG002
        """Write and commit the file, or find the one with the same key. A directory that is
        absent or empty becomes a repository."""
        file = _file(wanted)
        _directory(file.root)
        with _alone(file.root):
            _repository(file.root)
            document = self._find(file, wanted)
            if document is not None:
                return document
            text = f"{wanted.text.rstrip()}\n\n<!-- followthrough {wanted.key} -->\n"
            _save(file, text)
            self._commit(file, _message(wanted))
            return self._state(file, text)

    def find(self, wanted: CreateDocument, lost: Lost) -> DocumentState | None:  # noqa: ARG002
        """The file at the target's path if it carries the key. Rejected if another is there.

        An attempt that ended between saving and committing is finished.
        """
        file = _file(wanted)
        with _alone(file.root):
            return self._find(file, wanted)

    def read(self, ref: DocumentRef, headings: Mapping[str, str]) -> DocumentState:  # noqa: ARG002
        """The file as it is saved."""
        file = _File.of(ref)
        return self._state(file, _load(file))

    def write(self, known: DocumentState, regions: Mapping[str, str]) -> DocumentState:
        """Replace the regions and commit. Edits that nobody committed are committed first, on
        their own. StaleVersion when the saved file is not as known."""
        file = _File.of(known.ref)
        with _alone(file.root):
            before = _load(file)
            if _blob_id(before) != known.ref.version:
                raise StaleVersion(f"{file.path} was edited since it was read")
            text = replace_regions(before, regions)
            if "\r\n" in before:  # replace_regions speaks LF only; people's lines stay as they end
                text = text.replace("\n", "\r\n")
            if text == before:
                return known
            self._commit(file, "Edits found in the working tree")
            _save(file, text)
            self._commit(file, f"Bring {file.path} up to date")
            return replace(self._state(file, text), status=known.status)

    def version(self, ref: DocumentRef) -> str | None:
        """The version of the saved file, without running git."""
        return _blob_id(_load(_File.of(ref)))

    def place_of(self, ref: DocumentRef) -> str:  # noqa: ARG002
        """None of any tracker: whoever may read this machine's files may read it."""
        return ""

    def publications(self, ref: DocumentRef, known: frozenset[str]) -> Sequence[Publication]:  # noqa: ARG002
        """The file as it was when somebody asked to publish it, which `ref.version` tells.
        Edits that nobody committed are committed first, on their own. Who asked, and when, the
        file does not know: the commit's time stands in."""
        file = _File.of(ref)
        with _alone(file.root):
            text = _load(file)
            if _blob_id(text) != ref.version:
                raise Rejected(
                    f"{file.path} was edited in the moment in which it was published",
                    mend="Publish it again.",
                )
            self._commit(file, "Edits found in the working tree")
            told = _git(file.root, "log", "-1", "--format=%H %cI", "--", file.path)
        commit, _, at = told.strip().partition(" ")
        return (Publication(text, datetime.fromisoformat(at), commit=commit),)

    def _find(self, file: _File, wanted: CreateDocument) -> DocumentState | None:
        try:
            text = _load(file)
        except NotThere:
            return None
        if wanted.key not in _MARKER.findall(text):
            raise Rejected(
                f"there is a file at {file.path} already that this postmortem did not make",
                mend="Move that file, or change the document's path in the rules.",
            )
        if not _git(file.root, "log", "--all", "-1", "--format=%H", "--", file.path):
            self._commit(file, _message(wanted))
        return self._state(file, text)

    def _state(self, file: _File, text: str) -> DocumentState:
        ref = DocumentRef(self.kind, str(file), file.full.as_uri(), _blob_id(text))
        return DocumentState(ref, regions(text), region_headings(text), text=text)

    def _commit(self, file: _File, message: str) -> None:
        """Commit this one file if it differs from the last commit."""
        if not _git(file.root, "status", "--porcelain", "--ignored", "--", file.path):
            return
        _git(file.root, "add", "--force", "--", file.path)
        _git(file.root, "commit", "--quiet", f"--message={message}", "--only", "--", file.path)


def _message(wanted: CreateDocument) -> str:
    return f"Postmortem of {wanted.incident.key}"


def _file(wanted: CreateDocument) -> _File:
    """The target as a file. Rejected when the path leads out of its directory."""
    path = PurePosixPath(wanted.target.path)
    parts = [part.lower() for part in path.parts]
    escapes = path.is_absolute() or ".." in parts or ".git" in parts or not parts
    if escapes or re.search(r"[\x00-\x1f\x7f\\]", wanted.target.path):
        raise Rejected(
            f"{wanted.target.path!r} is no path inside the directory",
            mend="Write a relative path without '..' in the rules.",
        )
    return _File(Path(wanted.target.place).expanduser().resolve(), str(path))


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """While no other thread or process of ours is at work in this repository: git refuses the
    second of two that commit at once, in words that sound as if it were broken. Where nothing is
    there yet, nothing is to be kept apart."""
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _directory(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(error) from None


def _repository(root: Path) -> None:
    if (root / ".git").exists():
        return
    try:
        empty = not any(root.iterdir())
    except OSError as error:
        raise _refused(error) from None
    if not empty:
        raise Rejected(
            f"{root} holds files and is no git repository",
            mend="Run git init there, or name an empty directory.",
        )
    _git(root, "init", "--quiet", "--initial-branch=main")


def _git(root: Path, *arguments: str) -> str:
    """What git says. The environment's own GIT_* (we may run inside a hook) do not reach it."""
    settings = [word for setting in _ALWAYS for word in ("-c", setting)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "LC_ALL": "C",
        **{f"GIT_{who}_NAME": "Followthrough" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "followthrough@localhost" for who in ("AUTHOR", "COMMITTER")},
    }
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *settings, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise Unavailable("git is not installed", mend="Install git.") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"git {arguments[0]} took longer than {_SECONDS} seconds") from None
    if done.returncode == 0:
        return done.stdout.decode(errors="replace")
    words = " ".join(done.stderr.decode(errors="replace").split())[:500]
    if ".lock'" in words:  # somebody's own git is at work in the same repository
        raise Unavailable(words, mend="If no git is running there, remove the lock file.")
    raise Rejected(f"git {arguments[0]}: {words}", mend="Mend the repository, then replay it.")


def _load(file: _File) -> str:
    """The file's text as it is saved, its line ends kept."""
    _refuse_symlinks(file)
    try:
        return file.full.read_bytes().decode()
    except (FileNotFoundError, NotADirectoryError):
        raise NotThere(f"{file.full} is not there") from None
    except UnicodeDecodeError:
        raise Rejected(f"{file.path} is not UTF-8 text", mend="Save it as UTF-8.") from None
    except OSError as error:
        raise _refused(error) from None


def _save(file: _File, text: str) -> None:
    """Replace the file in one step: a reader, or a crash, sees the old text or the new one."""
    _refuse_symlinks(file)
    try:
        file.full.parent.mkdir(parents=True, exist_ok=True)
        mode = file.full.stat().st_mode & 0o777 if file.full.exists() else 0o644
        handle, name = tempfile.mkstemp(dir=file.full.parent, prefix=".followthrough-")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(text.encode())
                out.flush()
                os.fsync(out.fileno())
            Path(name).chmod(mode)
            Path(name).replace(file.full)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise _refused(error) from None


def _refuse_symlinks(file: _File) -> None:
    """A link in the repository could lead a write anywhere."""
    step = file.root
    for part in PurePosixPath(file.path).parts:
        step = step / part
        if step.is_symlink():
            raise Rejected(
                f"{step} is a symbolic link", mend="Replace it by a real directory or file."
            )


def _refused(error: OSError) -> Rejected:
    return Rejected(
        f"{error.filename}: {error.strerror}", mend="Look at the directory's owner and rights."
    )


def _blob_id(text: str) -> str:
    """What ``git hash-object`` says, without a process. It names content, it secures nothing."""
    data = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
