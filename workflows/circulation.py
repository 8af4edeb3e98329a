"""The recording and the summary of a review: what the document says of them, and when that goes to
those who could not be there.

As soon as both are there, of a document that counts. Where it was published with one of them, the
facilitator is asked for the other, once, when the review's date has passed; and if that does not
come, the one goes alone. Once for each publication at most, and never the same twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b

from workflows.markup import addresses, as_said, words_of
from workflows.model import DocumentStatus, Incident, Phase
from workflows.notices import MISSING, SUMMARY, Notice, of_kind
from workflows.policy import Team
from workflows.review import is_said
from workflows.sections import by_heading, sections

#: So many business days the facilitator has, before what is there goes alone.
GRACE = 5

_AT_ONCE = datetime.min.replace(tzinfo=UTC)
_NOT_PUBLISHED = "draft"

_OWN = re.compile(r"\b(summary of the review|review summary)\b", re.IGNORECASE)
_ANY = re.compile(r"\b(executive )?summary\b", re.IGNORECASE)
_RECORDING = re.compile(
    r"^ {0,3}(?:[-*+][ \t]+)?[*_]*recording[*_]*[ \t]*:[*_]*[ \t]*(?P<said>\S.*)$", re.IGNORECASE
)
_HELP = re.compile(r"^\s*([_*])[^_*].*\1\s*$")


@dataclass(frozen=True, slots=True)
class Said:
    """What a document says of its review. `recording` is the address, or why there is none, and
    `summary` a text (Markdown), both as people wrote them; "" where nothing is said."""

    recording: str = ""
    summary: str = ""

    @property
    def is_whole(self) -> bool:
        return bool(self.recording and self.summary)

    @property
    def digest(self) -> str:
        words = "".join(filter(str.isalnum, f"{self.recording}{self.summary}")).casefold()
        return blake2b(words.encode(), digest_size=8).hexdigest()


@lru_cache(maxsize=16)
def said(text: str) -> Said:
    """What this Markdown text says: a line ``Recording: https://…``, and the text below the heading
    *Summary of the review*, or where that is empty below one that only says *summary*."""
    found = sections(text)
    lines = (line for section in found for _, line in section.prose)
    recordings = (match["said"] for line in lines if (match := _RECORDING.match(line)))
    recording = next((each for each in recordings if is_said(each)), "")
    address = next(addresses(recording), "") or as_said(recording).strip()
    return Said(address, _summary(text, _OWN) or _summary(text, _ANY))


def _summary(text: str, heading: re.Pattern[str]) -> str:
    section = by_heading(sections(text), heading)
    lines = section.prose if section else ()
    own = [line for _, line in lines if not _HELP.match(line) and not _RECORDING.match(line)]
    words = words_of("\n".join(own)).strip()
    return words if is_said(words) else ""


def of_document(incident: Incident) -> Said:
    """What the incident's document says, as far as that counts."""
    document = incident.postmortem
    if document is None or document.text is None or not document.rows_count:
        return Said()
    return said(document.text)


def may_be_told(incident: Incident) -> bool:
    """Whether people may be told anything of it that they did not ask for."""
    return incident.phase is Phase.CLOSED and not incident.muted and not incident.restricted


def waits(incident: Incident) -> bool:
    """Whether nothing is to be said of the review now: the text is that of an update, which nobody
    merged yet."""
    return incident.postmortem is not None and incident.postmortem.is_update


def begun(incident: Incident, now: datetime) -> Notice:
    """What was there when the rules first asked: what was published before goes to nobody."""
    publication = _publication(incident)
    about = (publication, of_document(incident).digest) if publication != _NOT_PUBLISHED else ()
    return Notice(SUMMARY, 0, about, now)


def to_circulate(incident: Incident, team: Team, now: datetime) -> tuple[str, ...]:
    """What tells the publication that is to be circulated at `now` from others; nothing where none
    is."""
    at = _circulates_at(incident, team)
    due = at is not None and at <= now
    return (_publication(incident), of_document(incident).digest) if due else ()


def to_ask_for(incident: Incident, team: Team, now: datetime) -> tuple[str, ...]:
    """What the facilitator is to be asked for at `now`: that, for which publication."""
    at = _asks_at(incident, team)
    return (_publication(incident),) if at is not None and at <= now else ()


def awaited(incident: Incident, team: Team) -> Iterator[tuple[str, str, datetime]]:
    """What comes with time alone: its key, what it is, and when (UTC). Raises HolidaysUnknown."""
    if not may_be_told(incident):
        return
    steps = (
        ("ask", "the review's recording and summary are looked for", _asks_at(incident, team)),
        ("circulate", "what there is of the review is sent", _circulates_at(incident, team)),
    )
    for step, what, at in steps:
        if at is not None and at is not _AT_ONCE:
            yield f"circulation:{incident.id}:{step}:{at:%Y-%m-%dT%H:%M:%S}", what, at


def _publication(incident: Incident) -> str:
    """What tells the present publication of the document from others."""
    document = incident.postmortem
    if document is None or document.status is not DocumentStatus.PUBLISHED:
        return _NOT_PUBLISHED
    granted = [str(each.id) for each in incident.publishings if each.done]
    return document.ref.published or next(reversed(granted), "published")


def _is_read(incident: Incident) -> bool:
    document = incident.postmortem
    living = (DocumentStatus.DRAFT, DocumentStatus.IN_REVIEW, DocumentStatus.PUBLISHED)
    if document is None or document.text is None or waits(incident):
        return False
    return document.status in living


def _asks_at(incident: Incident, team: Team) -> datetime | None:
    """When the facilitator is to be asked for what is missing; None where that is not so."""
    published = _publication(incident) != _NOT_PUBLISHED
    before = [each.about for each in of_kind(incident.notices, SUMMARY) if each.about]
    if team.participants.circulate is None or not published or not _is_read(incident) or before:
        return None
    if of_kind(incident.notices, MISSING) or of_document(incident).is_whole:
        return None
    if incident.review_due is None:
        return _AT_ONCE
    calendar = team.calendar
    day = calendar.business_days_after(calendar.business_days_after(incident.review_due, 0), 1)
    return calendar.speak_at(calendar.opening(day))


def _circulates_at(incident: Incident, team: Team) -> datetime | None:
    """When what the document says is to be circulated; None where it is not."""
    found = of_document(incident)
    if team.participants.circulate is None or not _is_read(incident):
        return None
    sent = {each for notice in of_kind(incident.notices, SUMMARY) for each in notice.about}
    if found == Said() or _publication(incident) in sent or found.digest in sent:
        return None
    if found.is_whole:
        return _AT_ONCE
    asked = [each.at for each in of_kind(incident.notices, MISSING) if each.at is not None]
    if not asked or _publication(incident) == _NOT_PUBLISHED:
        return None
    calendar = team.calendar
    day = calendar.business_days_after(calendar.day_of(asked[0]), GRACE)
    return calendar.speak_at(calendar.opening(day))
