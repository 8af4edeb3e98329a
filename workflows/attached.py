"""Evidence that is attached to an incident: a link with its time, kind and source, and never what
stands behind it. The link is not followed, and all of its words are somebody else's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LONGEST_TITLE, LONGEST_URL, LONGEST_SOURCE = 300, 2000, 100

#: So many are kept of one incident: a timeline is for reading.
MOST = 200


class EvidenceKind(StrEnum):
    """Where it is from."""

    MONITORING = "monitoring"
    SUPPORT = "support"
    RELEASE_NOTES = "release-notes"
    CUSTOMER_FEEDBACK = "customer-feedback"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Attached:
    """One link: what it shows happened `at` that time (UTC); `source` names where it is from, ""
    where nobody said; attached `by` whom."""

    id: int
    kind: EvidenceKind
    url: str
    title: str
    at: datetime
    source: str
    by: str
