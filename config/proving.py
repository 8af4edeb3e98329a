"""What the rules ask of an action item that ended: evidence that it is done, a reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.fields import OrOff, Section, Texts, Within
from workflows.model import Kind
from workflows.policy import EvidenceRules, WaiverRules


class EvidenceSection(Section):
    ask = Texts(choices=tuple(kind.value for kind in Kind))


class WaiversSection(Section):
    last = Within()


def evidence_section() -> OrOff:
    return OrOff(EvidenceSection, "{ask: [preventive]}")


def waivers_section() -> OrOff:
    return OrOff(WaiversSection, "{last: 180 days}")


def build_evidence(team: Mapping[str, Any]) -> EvidenceRules | None:
    """None where it is off. What the rules do not say is as it is shipped."""
    evidence = team.get("evidence", {})
    if evidence is None:
        return None
    if "ask" not in evidence:
        return EvidenceRules()
    return EvidenceRules(frozenset(map(Kind, evidence["ask"])))


def build_waivers(team: Mapping[str, Any]) -> WaiverRules | None:
    """None where they are off. What the rules do not say is as it is shipped."""
    waivers = team.get("waivers", {})
    return None if waivers is None else WaiverRules(**waivers)
