"""What the rules do in a project or repository, as `doctor` asks its tracker about it."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.snapshots import Field
from workflows.tasks import StatusWish


@dataclass(frozen=True, slots=True)
class Creation:
    """Tickets of `issue_type` that are created for the `rule`, such as
    ``teams.payments.postmortem.tasks``; `fill` are values for fields that must have one, by name
    or id. `done` is what they are asked to become once they are done, where we do that."""

    issue_type: str
    fill: tuple[tuple[str, str], ...] = ()
    rule: str = ""
    done: StatusWish | None = None


@dataclass(frozen=True, slots=True)
class NamedStatus:
    """A status that the `rule` names, such as ``teams.payments.postmortem.tasks.statuses.done``:
    one of any of the `issue_types`, or of any at all where there are none."""

    name: str
    rule: str
    issue_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """What is created in a place, which fields of it are `kept` in sync, whether milestones are
    closed, which statuses the rules name there, and whether documents are `proposed` there as pull
    requests. A place that is only watched has nothing of it but the statuses."""

    creations: tuple[Creation, ...] = ()
    kept: frozenset[Field] = frozenset()
    closes: bool = False
    statuses: tuple[NamedStatus, ...] = ()
    proposed: bool = False

    def types(self) -> tuple[str, ...]:
        """The issue types that are created, each once."""
        return tuple(dict.fromkeys(each.issue_type for each in self.creations if each.issue_type))
