"""What an incident teaches, as rows to count and to search in: everything that the pages, figures,
patterns and the search look at. It is made of the incident alone, anew whenever that is saved.

Texts stay as they were written, in Markdown. Whoever shows one escapes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from workflows.documents import is_mark
from workflows.model import ActionItem, DocumentStatus, Incident, Phase
from workflows.quarters import quarter_of
from workflows.recurrence import FACTOR, LONGEST_NAME, TAG, normal
from workflows.review import factors
from workflows.rungs import Audit
from workflows.sections import sections
from workflows.snapshots import Progress
from workflows.timeline import figures

#: Counted up whenever `project` makes something else of the same incident: rows of an earlier
#: shape are made anew when a worker starts.
SHAPE = 3

_NO_DOCUMENT = (DocumentStatus.DECLINED, DocumentStatus.GONE)
_ENDS = (Progress.DONE, Progress.WONT_DO, Progress.DUPLICATE)


class What(StrEnum):
    """What a label says of an incident."""

    TAG = "tag"
    FACTOR = "factor"


class Part(StrEnum):
    """Where a passage stands."""

    INCIDENT = "incident"
    SECTION = "section"
    ACTION = "action"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Facts:
    """One incident. Moments are UTC. The four lengths are in seconds, measured between what
    `workflows.timeline.figures` says, None where a moment is missing; `quarter` is the one in which
    it was opened, by UTC, "" where that is not known. `document` is the postmortem's status, ""
    without one, and `published` when its first version was. `team_words`, `service_words` and
    `severity_words` are how these are compared. `imported`: it is no incident that is watched, but
    what a file tells of one. One whose ticket is gone counts as `restricted`: it was deleted, or
    hidden, and nobody can tell any more who may read it. `recurrence_of` is the incident (our id)
    that it may be again, "" for none: of several the one that was found first."""

    id: str
    key: str
    url: str
    title: str
    team: str
    team_words: str
    service: str
    service_words: str
    severity: str
    severity_words: str
    restricted: bool
    imported: bool
    phase: str
    outlook: str
    opened: datetime | None
    closed: datetime | None
    started: datetime | None
    detected: datetime | None
    acknowledged: datetime | None
    mitigated: datetime | None
    resolved: datetime | None
    to_detect: int | None
    to_acknowledge: int | None
    to_mitigate: int | None
    to_resolve: int | None
    quarter: str
    felt: bool
    document: str
    document_url: str
    published: datetime | None
    review_due: date | None
    recurrence_of: str


@dataclass(frozen=True, slots=True)
class Label:
    """A tag or a contributing factor: `name` is what it is counted under, in normal words and after
    the rules' synonyms; `said` what was written."""

    what: What
    name: str
    said: str


@dataclass(frozen=True, slots=True)
class Measure:
    """One action item. `status` is how far it is, "" before anybody said; `open` whether something
    is still to be done; `title_words` how its title is compared. `proven`: there is evidence that
    it was done, None where the rules ask for none or it is not done. `waived_until` is the last day
    of a waiver that holds. `verdict` is the latest of its present round, "" before the first, and
    `suspect` says why that is in doubt. `priority` is the severity of its incident."""

    item: int
    title: str
    title_words: str
    kind: str
    area: str
    owner: str
    team: str
    service_words: str
    priority: str
    due: date | None
    milestone: str
    success_measure: str
    status: str
    open: bool
    done_at: datetime | None
    proven: bool | None
    waived_until: date | None
    task_key: str
    task_url: str
    verdict: str
    suspect: str
    origin: str


@dataclass(frozen=True, slots=True)
class Audited:
    """One audit of a measure. `standing` is planned, open, its verdict, or withdrawn; `asks`
    whether it waits for a verdict, or is going to. It `opens` at that moment (UTC), and its ticket
    is to be answered by the day `due`, None before it was opened: past that it is overdue while it
    `asks`."""

    item: int
    round: int
    rung: int
    standing: str
    asks: bool
    opens: datetime
    due: date | None
    team: str
    reviewer: str
    owner: str
    verdict: str
    at: datetime | None
    by: str
    evidence: str
    suspect: str
    because: str
    led_to: int | None
    ended: str
    ticket_key: str
    ticket_url: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A text to search in. `title` is the heading of a section, the name of a measure or an audit.
    The `ordinal` counts the passages of one part from 0."""

    part: Part
    ordinal: int
    title: str
    words: str


@dataclass(frozen=True, slots=True)
class Projection:
    """All that is kept of one incident to learn from."""

    facts: Facts
    labels: tuple[Label, ...]
    measures: tuple[Measure, ...]
    audits: tuple[Audited, ...]
    passages: tuple[Passage, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its measures."""
        return tuple(sorted({each.kind for each in self.measures}))


def project(
    incident: Incident, synonyms: Mapping[str, str], published: datetime | None = None
) -> Projection:
    """The incident as rows. `synonyms` maps words of tags and factors to those that they are
    counted under, both normal; `published` is when its first version was kept (UTC)."""
    labels = sorted(_labels(incident, synonyms), key=lambda each: (each.what, each.name))
    passages = (
        *_action_passages(incident),
        *_audit_passages(incident),
        Passage(Part.INCIDENT, 0, incident.ticket.key, incident.title),
        *section_passages(_text(incident) or _history(incident)),
    )
    return Projection(
        facts=_facts(incident, published),
        labels=tuple(labels),
        measures=tuple(_measure(incident, item) for item in incident.actions),
        audits=tuple(_audit(incident, audit) for audit in incident.audits),
        passages=passages,
    )


def severity_words(severity: str) -> str:
    """How severities are compared: "SEV-1" and "sev 1" are one."""
    return "".join(filter(str.isalnum, severity)).casefold()[:LONGEST_NAME]


def _text(incident: Incident) -> str:
    """What the postmortem says, "" where there is none that counts."""
    document = incident.postmortem
    if document is None or document.status in _NO_DOCUMENT:
        return ""
    return document.text or ""


def _history(incident: Incident) -> str:
    """What the ticket tells of an incident of the past that has no document."""
    told = incident.backfilled.history if incident.backfilled else ""
    return f"## Timeline\n\n{told}" if told else ""


def _facts(incident: Incident, published: datetime | None) -> Facts:
    moments, document, service = incident.moments, incident.postmortem, incident.service or ""
    spans = [span for _, span, _ in figures(moments)]
    lengths = [None if span is None else int(span.total_seconds()) for span in spans]
    opened = incident.opened or moments.opened
    earlier = [each for each in incident.recurrences if each.earlier and not each.withdrawn]
    return Facts(
        id=incident.id,
        key=incident.ticket.key,
        url=incident.ticket.url,
        title=incident.title,
        team=incident.team,
        team_words=normal(incident.team),
        service=service[:LONGEST_NAME],
        service_words=normal(service),
        severity=(incident.severity or "")[:LONGEST_NAME],
        severity_words=severity_words(incident.severity or ""),
        restricted=incident.restricted or incident.phase is Phase.GONE,
        imported=False,
        phase=incident.phase.value,
        outlook=incident.outlook.value,
        opened=opened,
        closed=incident.closed,
        started=moments.started,
        detected=moments.detected,
        acknowledged=moments.acknowledged,
        mitigated=moments.mitigated,
        resolved=moments.resolved,
        to_detect=lengths[0],
        to_acknowledge=lengths[1],
        to_mitigate=lengths[2],
        to_resolve=lengths[3],
        quarter=str(quarter_of(opened.date())) if opened else "",
        felt=incident.felt,
        document=document.status.value if document else "",
        document_url=document.ref.url if document else "",
        published=published,
        review_due=incident.review_due,
        recurrence_of=min(earlier, key=lambda e: (e.found, e.other)).other if earlier else "",
    )


def _labels(incident: Incident, synonyms: Mapping[str, str]) -> Iterator[Label]:
    """Each tag and factor once, as it was written first: a factor in the document before one on the
    ticket, whose labels are kept in normal words only."""
    said = [(What.FACTOR, words) for words in factors(_text(incident))]
    for tag in incident.tags:
        what, mark = (What.FACTOR, FACTOR) if tag.startswith(FACTOR) else (What.TAG, TAG)
        said.append((what, tag.removeprefix(mark)))
    yield from labels_of(said, synonyms)


def labels_of(said: list[tuple[What, str]], synonyms: Mapping[str, str]) -> Iterator[Label]:
    """The labels that these words come to, each name once for what it says."""
    seen: set[tuple[What, str]] = set()
    for what, words in said:
        name = normal(words)
        name = synonyms.get(name, name)
        if name and (what, name) not in seen:
            seen.add((what, name))
            yield Label(what, name, words)


def _measure(incident: Incident, item: ActionItem) -> Measure:
    proof = item.proof
    own = [each for each in incident.audits if each.item == item.number]
    present = max((each.round for each in own), default=0)
    judged = [each for each in own if each.round == present and each.verdict is not None]
    last = max(judged, key=lambda each: each.rung, default=None)
    waiver = proof.waiver if proof.counts and proof.end is Progress.WONT_DO else None
    asked = proof.counts and proof.end is Progress.DONE
    return Measure(
        item=item.number,
        title=item.title,
        title_words=normal(item.title),
        kind=item.kind.value,
        area=item.area.value if item.area else "",
        owner=item.owner or "",
        team=incident.team,
        service_words=normal(incident.service or ""),
        priority=incident.severity or "",
        due=item.due,
        milestone=item.milestone or "",
        success_measure=item.success_measure or "",
        status=item.status,
        open=not item.given_up and item.status not in _ENDS,
        done_at=item.done_at if item.done_at is not None else _ended(item),
        proven=not proof.lacks if asked else None,
        waived_until=waiver.until if waiver and not waiver.expired else None,
        task_key=item.task.key if item.task else "",
        task_url=item.task.url if item.task else "",
        verdict=last.verdict.value if last and last.verdict else "",
        suspect=last.suspect if last else "",
        origin=item.origin.source,
    )


def _ended(item: ActionItem) -> datetime | None:
    """Since when it is done, where the rules ask for evidence but for no audits."""
    return item.proof.since if item.proof.end is Progress.DONE else None


def _audit(incident: Incident, audit: Audit) -> Audited:
    return Audited(
        item=audit.item,
        round=audit.round,
        rung=audit.rung,
        standing=audit.standing,
        asks=audit.lives,
        opens=audit.opens,
        due=audit.due,
        team=incident.team,
        reviewer=audit.reviewer,
        owner=audit.owner,
        verdict=audit.verdict.value if audit.verdict else "",
        at=audit.at,
        by=audit.by,
        evidence=audit.evidence,
        suspect=audit.suspect,
        because=audit.because,
        led_to=audit.led_to,
        ended=audit.ended,
        ticket_key=audit.ticket.key if audit.ticket else "",
        ticket_url=audit.ticket.url if audit.ticket else "",
    )


# --- passages -------------------------------------------------------------------------------------


def section_passages(text: str) -> Iterator[Passage]:
    """What stands below each heading, whole: code and quotes too, which are evidence, but not the
    marks of our regions."""
    lines, ordinal = text.split("\n"), 0
    for section in sections(text):
        below = lines[section.line : section.end]
        words = "\n".join(line for line in below if not is_mark(line)).strip()
        if words or section.title:
            yield Passage(Part.SECTION, ordinal, section.title, words)
            ordinal += 1


def _action_passages(incident: Incident) -> Iterator[Passage]:
    for ordinal, item in enumerate(incident.actions):
        waiver = item.proof.waiver
        said = (
            *(item.title, item.success_measure, item.owner, item.milestone),
            *(item.task.key if item.task else None, waiver.reason if waiver else None),
        )
        words = "\n".join(part for part in said if part)
        yield Passage(Part.ACTION, ordinal, item.name, words)


def _audit_passages(incident: Incident) -> Iterator[Passage]:
    told = [each for each in incident.audits if each.verdict is not None or each.ticket is not None]
    for ordinal, audit in enumerate(told):
        said = (
            *(audit.standing, audit.evidence, audit.by or audit.reviewer, audit.suspect),
            audit.ticket.key if audit.ticket else "",
        )
        words = "\n".join(part for part in said if part)
        yield Passage(Part.AUDIT, ordinal, audit.name, words)
