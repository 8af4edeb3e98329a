"""The protocol of what keeps files that measures name: are they there, and do they run?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from integrations.tracker import Finding
from workflows.watched import Fault


@dataclass(frozen=True, slots=True)
class FileSeen:
    """How a file was found to be: with a `fault`, or with none. `words` say more of the fault, and
    `url` leads to it, "" where there is nothing to say."""

    fault: Fault | None = None
    words: str = ""
    url: str = ""


class Files(Protocol):
    """The repositories behind one connection."""

    def look(self, place: str, path: str) -> FileSeen:
        """The file or directory at `path` as it is now, on the branch that counts in the repository
        `place`. A repository that is hidden or deleted tells nothing of its files: NotThere."""

    def check(self, places: Sequence[str], address: str) -> Iterator[Finding]:
        """Whether files of these repositories can be looked at, and whether webhooks that lead to
        `address` tell what is pushed; for `doctor`."""
