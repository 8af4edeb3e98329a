"""Postmortems from a directory of Markdown files: which are new, and keeping them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from service.store import Transaction
from service.store.imports import File

#: A larger file is hardly a postmortem.
LARGEST = 1024 * 1024
ENDINGS = (".md", ".markdown")


class Comes(StrEnum):
    """What an import does with a file."""

    NEW = "new"
    CHANGED = "changed"
    MOVED = "moved"
    SAME = "as it was"
    TWICE = "there already"
    TOO_LARGE = "too large"


@dataclass(frozen=True, slots=True)
class Coming:
    """A file, and what is to be done with it; `other` is where its text stood, or stands."""

    path: str
    how: Comes
    file: File | None = None
    other: str = ""


def files_below(directory: Path) -> Iterator[tuple[str, bytes]]:
    """The Markdown files below it, each by its path with ``/``, in the order of these; what is
    hidden is left out. Of one that is too large only so much is read."""
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.suffix.lower() in ENDINGS and path.is_file() and not hidden:
            with path.open("rb") as file:
                yield name.as_posix(), file.read(LARGEST + 1)


def planned(
    found: Sequence[tuple[str, bytes]], known: Mapping[str, tuple[str, str]], team: str
) -> Iterator[Coming]:
    """What is to be done with each file that was found, where these are `known`. The text of a
    file is kept once: at another path it was moved there, unless it still stands at both."""
    here = {path for path, _ in found}
    by_digest = {digest: path for path, (digest, _) in known.items()}
    for path, data in found:
        digest = hashlib.sha256(data).hexdigest()
        other = by_digest.get(digest, path)
        file = File(path, digest, team, _text(data))
        if len(data) > LARGEST:
            yield Coming(path, Comes.TOO_LARGE)
        elif known.get(path) == (digest, team):
            yield Coming(path, Comes.SAME)
        elif path in known:
            yield Coming(path, Comes.CHANGED, file)
        elif other == path:
            by_digest[digest] = path
            yield Coming(path, Comes.NEW, file)
        elif other in here:
            yield Coming(path, Comes.TWICE, other=other)
        else:
            yield Coming(path, Comes.MOVED, file, other)


def keep(tx: Transaction, coming: Coming) -> None:
    """Do what was planned for it."""
    if coming.how is Comes.MOVED:
        tx.imports.forget(coming.other)
    if coming.file is not None:
        tx.imports.put(coming.file)


def _text(data: bytes) -> str:
    """Every byte counts: what is no UTF-8 is read as Latin-1, which has a letter for each. No
    database keeps the character 0."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\0", "\N{REPLACEMENT CHARACTER}")
