"""What stands against working by rules that are right by themselves."""

from __future__ import annotations

import structlog

from config.rules import Rules
from config.settings import Settings
from service.container.trackers import Trackers

log = structlog.get_logger(__name__)


def refusals(settings: Settings, rules: Rules) -> list[str]:
    """Everything that stands against these rules, line by line."""
    return [*of_present(settings, rules), *of_privacy(rules)]


def of_privacy(rules: Rules) -> list[str]:
    """Where the rules send what only some may read to where everybody may, line by line.

    A team that only plans copies nothing, so it is only warned; so is one of whose places nobody
    can tell now, because the same is asked again before each copy.
    """
    objections = list(Trackers(rules).audiences.of_rules(rules.policy))
    for each in objections:
        if not each.final:
            log.warning(
                "who may read the postmortems and tasks",
                team=each.team.name,
                words=each.why.words,
                mend=each.why.mend,
            )
    return [
        line
        for each in objections
        if each.final
        for line in (f"Team {each.team.name}: {each.why.words}.", f"  → {each.why.mend}")
    ]


def of_present(settings: Settings, rules: Rules) -> list[str]:
    """Where a clock's file is named and a tracker is not played on this machine: a service that
    takes today for a day next year would write that into real tickets. Rules name no other machine
    with http://."""
    far = [name for name, each in rules.connections.items() if not each.url.startswith("http://")]
    if settings.clock is None or not far:
        return []
    return [
        f"FOLLOWTHROUGH_CLOCK moves time, and {', '.join(far)} would be written to.",
        "Unset it: it is for `followthrough demo --audits` only.",
    ]
