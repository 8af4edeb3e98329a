"""Publications of a postmortem: what is kept of each, and who asked for one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Publishing:
    """Somebody asked to publish a document whose store cannot tell of it by itself.

    `id` tells one from another, however often each is read. `answer` is what became of it in
    words, "" until it was answered; `accepted` is the store's token of the text that is to be
    published by it, "" where it was refused. It is published once that is `kept` as a version.
    """

    id: int
    by: str
    at: datetime
    answer: str = ""
    accepted: str = ""
    kept: bool = True

    @property
    def done(self) -> bool:
        """Whether the document was published by it."""
        return bool(self.accepted) and self.kept


@dataclass(frozen=True, slots=True)
class Publication:
    """A text as it was published: `at` (UTC), `by` whom, in which `commit`; the last two are ""
    where the store does not know."""

    text: str
    at: datetime
    by: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """A publication as it is kept, never to be changed: `number` is its n in ``vn``, counted from
    1 within its incident, `digest` the SHA-256 of its text in UTF-8."""

    number: int
    publication: Publication
    digest: str

    @property
    def name(self) -> str:
        return f"v{self.number}"


def digest(text: str) -> str:
    """The SHA-256 of a text, in hex: what tells one version from another."""
    return hashlib.sha256(text.encode()).hexdigest()
