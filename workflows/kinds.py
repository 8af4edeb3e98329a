"""What remediations are for, and what they change."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What a remediation is for (Google SRE's *mitigate / prevent / detect*, CAPA's words)."""

    CORRECTIVE = "corrective"
    PREVENTIVE = "preventive"
    DETECTIVE = "detective"


class Area(StrEnum):
    """Where a remediation changes something."""

    PROCESS = "process"
    TOOLING = "tooling"
    POLICY = "policy"
