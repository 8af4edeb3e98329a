"""Files that postmortems were imported from. What they teach is kept like an incident's; nothing
else ever comes of them: they have no ticket, no turn and no effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy import insert as sql_insert

from service.store.learning import Learning
from service.store.learning_tables import facts, imported
from workflows.imported import id_of, project_file
from workflows.projection import SHAPE


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was imported: its `path` below the directory, with ``/``, and the `digest` of
    its bytes. `team` is "" where nobody named one."""

    path: str
    digest: str
    team: str
    text: str

    @property
    def id(self) -> str:
        return id_of(self.path)


class Imports:
    """Keeping them."""

    def __init__(self, connection: Connection, now: datetime, learning: Learning) -> None:
        self._connection = connection
        self._now = now
        self._learning = learning

    def put(self, file: File) -> None:
        """Keep the file, in the place of the one at its path."""
        self._connection.execute(delete(imported).where(imported.c.id == file.id))
        row = {"id": file.id, "path": file.path, "digest": file.digest, "team": file.team}
        row |= {"text": file.text, "imported_at": self._now}  # type: ignore[dict-item]
        self._connection.execute(sql_insert(imported).values(**row))
        self._learn(file)

    def forget(self, path: str) -> None:
        self._learning.forget(id_of(path))
        self._connection.execute(delete(imported).where(imported.c.path == path))

    def get(self, id: str) -> File | None:
        row = self._connection.execute(select(imported).where(imported.c.id == id)).first()
        return File(row.path, row.digest, row.team, row.text) if row else None

    def known(self) -> dict[str, tuple[str, str]]:
        """The digest and the team of each file, by its path."""
        rows = self._connection.execute(
            select(imported.c.path, imported.c.digest, imported.c.team).order_by(imported.c.path)
        )
        return {row.path: (row.digest, row.team) for row in rows}

    def unlearnt(self, most: int) -> Sequence[str]:
        """Files (our ids) whose rows are of an earlier shape; `most` at once."""
        old = select(facts.c.id).where(facts.c.imported, facts.c.shape != SHAPE)
        return self._connection.scalars(old.order_by(facts.c.id).limit(most)).all()

    def learn_again(self, id: str) -> None:
        """Make the rows of this file anew."""
        if (file := self.get(id)) is not None:
            self._learn(file)

    def _learn(self, file: File) -> None:
        synonyms = self._learning.synonyms()
        self._learning.put(project_file(file.path, file.team, file.text, synonyms))
