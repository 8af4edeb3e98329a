"""What the rules do in a project or repository, as `doctor` asks its tracker about it."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.snapshots import Field


@dataclass(frozen=True, slots=True)
class Creation:
    """Tickets of `issue_type` that are created for the `rule`, such as
    ``teams.payments.postmortem.tasks``; `fill` are values for fields that must have one, by name
    or id."""

    issue_type: str
    fill: tuple[tuple[str, str], ...] = ()
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """What is created in a place, which fields of it are `kept` in sync, and whether milestones
    are closed. A place that is only watched has nothing of it."""

    creations: tuple[Creation, ...] = ()
    kept: frozenset[Field] = frozenset()
    closes: bool = False

    def types(self) -> tuple[str, ...]:
        """The issue types that are created, each once."""
        return tuple(dict.fromkeys(each.issue_type for each in self.creations if each.issue_type))
