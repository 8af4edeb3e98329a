"""Where the release check of a service is shown by itself: on what is proposed for a repository."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.release import USUAL, Fail


@dataclass(frozen=True, slots=True)
class ReleaseRules:
    """The check of the `service`, as incidents name it, is shown on each change that is proposed
    for the repository `place` behind the connection. `fail_on` is what stops a release there."""

    connection: str
    place: str
    service: str
    fail_on: tuple[Fail, ...] = USUAL
