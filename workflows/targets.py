"""Where the rules have tickets created, as effects say it."""

from __future__ import annotations

from workflows.effects import TaskTarget
from workflows.policy import TaskDestination


def target_of(to: TaskDestination, labels: tuple[str, ...]) -> TaskTarget:
    """The destination for a ticket that gets these labels."""
    fill = tuple(to.statuses.fill.items())
    return TaskTarget(to.connection, to.place, to.issue_type, labels, fill)
