"""What the rules say of the pre-read of a team's quarterly review."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.fields import OrOff, Section, Within
from workflows.policy import PrereadRules


class PrereadSection(Section):
    review = Within()
    before = Within()


def preread_section() -> OrOff:
    return OrOff(PrereadSection, "{review: 10 business days, before: 3 business days}")


def build_preread(team: Mapping[str, Any]) -> PrereadRules | None:
    """None where they are off, as they are unless asked for. What the rules do not say is as it is
    shipped."""
    asked = team.get("preread")
    return None if asked is None else PrereadRules(**asked)
