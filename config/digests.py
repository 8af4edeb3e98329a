"""When a team gets its weekly digest, as the rules say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.calendars import WEEKDAYS
from config.fields import Section, Text
from config.times import ClockTime
from workflows.policy import DigestRules

#: As what a digest is written.
COMMENT, TICKET = "comment", "ticket"


class DigestSection(Section):
    """`day` and not `on`, which YAML 1.1 reads as true: https://yaml.org/type/bool.html"""

    day = Text(choices=WEEKDAYS)
    at = ClockTime()
    as_ = Text(choices=(COMMENT, TICKET), data_key="as")


def build_digest(digest: Mapping[str, Any] | None) -> DigestRules | None:
    """None where it is off. What the rules do not say is as it is shipped."""
    if digest is None:
        return None
    usual = DigestRules()
    return DigestRules(
        WEEKDAYS.index(digest["day"]) if "day" in digest else usual.weekday,
        digest.get("at", usual.at),
        digest.get("as_", COMMENT) == TICKET,
    )
