"""What `doctor` looks at in a directory that postmortems are to be kept in. Nothing is made."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from integrations.tracker import Finding


def check(place: str) -> Iterator[Finding]:
    """Is git installed; is the directory a repository, or can it become one; may we write."""
    if shutil.which("git") is None:
        yield Finding(False, "git is not installed", "Install git.")
    root = Path(place).expanduser().resolve()
    if not root.exists():
        yield _will_be_made(root)
        return
    if not root.is_dir():
        mend = "Name a directory in the rules."
        yield Finding(False, f"{root} is no directory", mend)
        return
    repository = (root / ".git").exists()
    if not repository and any(root.iterdir()):
        mend = "Run git init there, or name an empty directory in the rules."
        yield Finding(False, f"{root} holds files and is no git repository", mend)
        return
    kind = "a git repository" if repository else "empty, and will become a git repository"
    yield Finding(True, f"{root} is {kind}")
    if not os.access(root, os.W_OK | os.X_OK):
        yield Finding(False, f"{root} may not be written", _RIGHTS)


_RIGHTS = "Give the user that runs the service the right to write there."


def _will_be_made(root: Path) -> Finding:
    nearest = next(parent for parent in root.parents if parent.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Finding(True, f"{root} will be made with the first postmortem")
    return Finding(False, f"{root} cannot be made: {nearest} may not be written", _RIGHTS)
