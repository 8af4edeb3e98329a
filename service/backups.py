"""A backup of the embedded database, and how it is put back.

Trackers go on while a database is put back to an older state. What the service did there since the
backup was taken is found, and not done again: `service.store.restorations`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from config.settings import Settings
from service.clock import Clock
from service.data import UnusableData, database_file, made
from service.store import Store
from service.store.backup import (
    Contents,
    Locked,
    NotADatabase,
    NotReadable,
    copy,
    examine,
    is_open,
    put_in_place,
)
from service.store.migrations import knows


class Refused(Exception):
    """It is not done; `words` say why, and `mend` what to do."""

    def __init__(self, words: str, mend: str) -> None:
        super().__init__(words)
        self.words = words
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back: `contents` as in the backup, which knows what was done until `taken_at`
    (UTC); the database that was there before is kept as `aside`, None where there was none."""

    contents: Contents
    taken_at: datetime
    aside: Path | None


def take(settings: Settings, target: Path) -> Contents:
    """Copy the database into the new file `target`, readable by its owner only, while the service
    runs or not. There is no `target` unless all of it is there and in order. Raises Refused."""
    source = _file(settings, "pg_dump")
    if not source.exists():
        raise Refused(
            f"There is no database at {source.absolute()}.",
            "Run this where the service was started, or set FOLLOWTHROUGH_DATA.",
        )
    if target.exists():
        raise Refused(f"{target} is there already.", "A backup never replaces another one.")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        contents = copy(source, part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        os.link(part, target)  # unlike a rename, it replaces nothing that came there meanwhile
    except NotADatabase as error:
        words = f"{source.absolute()} cannot be copied: {error}."
        raise Refused(words, "Restore the last backup that is in order.") from None
    except Locked as error:
        words = f"{source.absolute()} cannot be read: {error}, by somebody who keeps it for long."
        raise Refused(words, "Try again, or end what has it open: `fuser` names it.") from None
    except NotReadable as error:
        words = f"{source.absolute()} cannot be read: {error}."
        raise Refused(words, "Run this as the user that the service runs as.") from None
    except OSError as error:
        words = f"{target} cannot be written: {error.strerror}."
        mend = "Name a file in a directory where there is room, and this user may write."
        raise Refused(words, mend) from None
    finally:
        part.unlink(missing_ok=True)
    return contents


def put_back(settings: Settings, backup: Path, clock: Clock, *, replace: bool) -> Restored:
    """Let the service go on from the backup. The caller keeps `followthrough up` from starting.
    Raises Refused where a process has the database open, where one is there and is not to be
    replaced, or where the backup cannot be used; then nothing was changed. Raises UnusableData."""
    at = _file(settings, "pg_restore")
    made(at.parent)
    _need_room(at, replace)
    part = at.with_name(f".{at.name}.restoring")
    part.unlink(missing_ok=True)  # of one that was stopped in the middle
    try:
        contents = _copied(backup, part)
        taken_at = _marked(part, clock)
        _give_to_owner(part, at if at.exists() else at.parent)
        _need_room(at, replace)  # the copy took its time, and somebody may have started meanwhile
        aside = at.with_name(f"{at.name}.before-{clock():%Y%m%dT%H%M%S}")
        had_one = at.exists()
        put_in_place(part, at, aside)
    except OSError as error:
        raise UnusableData(f"{at.absolute()} cannot be replaced: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
    return Restored(contents, taken_at, aside if had_one else None)


def _file(settings: Settings, tool: str) -> Path:
    file = database_file(settings)
    if file is None:
        raise Refused(
            "The rows are in PostgreSQL, which has tools of its own for this.",
            f"Use {tool}: docs/how-to/back-up-and-restore.md says how.",
        )
    return file


def _need_room(at: Path, replace: bool) -> None:
    """Raises Refused unless the database may be put there."""
    if not at.exists():
        return
    if not replace:
        raise Refused(
            f"There is a database at {at.absolute()} already.",
            "With --replace the backup takes its place, and it is kept beside it.",
        )
    if is_open(at):
        raise Refused(
            f"Something works with {at.absolute()}.",
            "Stop the service, every web and worker process of it, and try again.",
        )


def _copied(backup: Path, part: Path) -> Contents:
    """Raises Refused, OSError."""
    mend = "Name a file that `followthrough backup` wrote."
    if not backup.is_file():
        raise Refused(f"There is no file {backup}.", mend)
    try:
        found = examine(backup)
        if not knows(found.revision):
            raise Refused(
                f"{backup} was written by a newer version (its schema is {found.revision}).",
                "Restore it with that version or a later one.",
            )
        return copy(backup, part)
    except NotADatabase as error:
        raise Refused(f"{backup} is no backup that is in order: {error}.", mend) from None
    except NotReadable as error:
        mend = "Let the user that the service runs as read it."
        raise Refused(f"{backup} cannot be read: {error}.", mend) from None


def _marked(part: Path, clock: Clock) -> datetime:
    """Bring the copy up to date, and note that it is an older state."""
    store = Store(f"sqlite:///{part}", clock)
    try:
        store.migrate()
        with store.write() as tx:
            taken_at = tx.restorations.mark()
    finally:
        store.close()
    if is_open(part):
        raise RuntimeError(f"{part} is open after it was closed")
    return taken_at


def _give_to_owner(part: Path, like: Path) -> None:
    """The service's user goes on with it, also where root restores."""
    known = like.stat()
    with suppress(PermissionError):  # who is not root owns it already, or may not give it away
        os.chown(part, known.st_uid, known.st_gid)
