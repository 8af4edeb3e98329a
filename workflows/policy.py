"""What the teams decided, as data: triggers, destinations, people and time limits.

Built and cross-checked by `config.rules`; nothing here knows where it was written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from workflows.calendars import USUAL, Calendar
from workflows.learning_rules import LearningRules
from workflows.model import Area, Kind
from workflows.participants import Participants
from workflows.release_rules import ReleaseRules
from workflows.rungs import Verdict
from workflows.snapshots import Field, Progress, Side


class SourceKind(StrEnum):
    """The places on a ticket where a value may stand."""

    FIELD = "field"  # a custom field, by name or id
    LABEL = "label"  # the first label that matches a glob
    HEADING = "heading"  # the text under a heading of the body, as issue forms write it
    COMPONENT = "component"  # the first component
    STATUS = "status"  # (moments only) the first time this status was reached


@dataclass(frozen=True, slots=True)
class ValueSource:
    """Where a value is read: ``{field: customfield_10050}``, ``{label: "sev*"}`` …"""

    kind: SourceKind
    name: str


@dataclass(frozen=True, slots=True)
class Match:
    """Which tickets are incidents: all that is named must hold; empty names nothing."""

    issue_types: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    components: frozenset[str] = frozenset()
    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)
    headings: Mapping[str, frozenset[str]] = field(default_factory=dict)


#: Close reasons that ask for no postmortem unless the rules say otherwise (compared as in
#: `same_word`): GitHub's state reasons, and the resolutions that Jira ships with.
SET_ASIDE_REASONS = frozenset(
    {"not planned", "duplicate", "won't do", "won't fix", "wontfix", "cannot reproduce"}
)


@dataclass(frozen=True, slots=True)
class Closing:
    """When a ticket counts as closed. `statuses` empty: any status of the category done.

    `reasons` empty: any reason but those of `excepted`.
    """

    statuses: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    excepted: frozenset[str] = SET_ASIDE_REASONS


@dataclass(frozen=True, slots=True)
class IncidentSource:
    """One project or repository that is watched, and how its tickets are read.

    `moments` maps ``started``, ``detected``, ``acknowledged``, ``mitigated``, ``resolved``.
    `writers` are the roles whose members may cause effects by what they write, where the tracker
    has roles; empty: any role but those of onlookers.
    """

    connection: str
    place: str
    match: Match = Match()
    closed: Closing = Closing()
    severity: ValueSource | None = None
    service: ValueSource | None = None
    moments: Mapping[str, ValueSource] = field(default_factory=dict)
    writers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DocumentDestination:
    """Where postmortems go. `path` may hold {year}, {month}, {incident}, {severity}, {service};
    `fill` holds values for fields that must have one, by name or id."""

    kind: str
    connection: str
    place: str
    path: str = ""
    issue_type: str = ""
    labels: tuple[str, ...] = ()
    fill: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StatusWords:
    """How one destination says a status. `says` is what it can tell apart, anything else is said
    as the nearest of these; `names` are its own names for one (the first is set, all are read);
    `fill` holds values for fields that must have one, by name or id."""

    says: frozenset[Progress] = frozenset(Progress)
    names: Mapping[Progress, tuple[str, ...]] = field(default_factory=dict)
    fill: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskDestination:
    connection: str
    place: str
    issue_type: str = ""
    labels: tuple[str, ...] = ()
    statuses: StatusWords = StatusWords()


@dataclass(frozen=True, slots=True)
class StandardAction:
    """An action that the rules ask for. Empty `severities` or `services`: for all. `title` may hold
    {incident}, {severity}, {service}."""

    title: str
    kind: Kind
    severities: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    area: Area | None = None
    owner: str | None = None
    milestone: str | None = None
    success_measure: str | None = None


@dataclass(frozen=True, slots=True)
class PostmortemRules:
    """Which incidents get a postmortem, and what is set up. Empty `severities`: all known ones.

    `template` is Jinja text (see `workflows.documents`), already loaded.
    """

    severities: frozenset[str]
    document: DocumentDestination
    tasks: TaskDestination
    template: str
    standard_actions: tuple[StandardAction, ...] = ()
    twin: TaskDestination | None = None


class Mode(StrEnum):
    PLAN = "plan"  # shows what it would do, writes nothing
    ACT = "act"


class Prefer(StrEnum):
    """Which of two different edits of one field holds."""

    NEWEST = "newest"
    TASK = "task"
    TWIN = "twin"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class FieldRules:
    """How one field is kept equal. `counts` are the sides whose edits count, every side is
    written; with none the field is not kept in sync."""

    counts: frozenset[Side] = frozenset(Side)
    prefer: Prefer = Prefer.NEWEST


def _usual_fields() -> Mapping[Field, FieldRules]:
    """Titles are people's own words for their own ticket."""
    return {f: FieldRules(frozenset() if f is Field.TITLE else frozenset(Side)) for f in Field}


@dataclass(frozen=True, slots=True)
class SyncRules:
    """How a team's tasks are kept in sync. A document is written once in `document_every` at most;
    a field that flips `flips` times within `window` is left alone for `rest`."""

    fields: Mapping[Field, FieldRules] = field(default_factory=_usual_fields)
    document_every: timedelta = timedelta(minutes=1)
    flips: int = 6
    window: timedelta = timedelta(minutes=10)
    rest: timedelta = timedelta(hours=1)
    close_milestones: bool = False


class SpanUnit(StrEnum):
    DAYS = "days"
    BUSINESS_DAYS = "business days"


@dataclass(frozen=True, slots=True)
class Span:
    count: int
    unit: SpanUnit


@dataclass(frozen=True, slots=True)
class AuditRules:
    """When and where it is asked whether the measures of a team still work.

    `ladder` says by severity how long after a preventive or detective measure is done each audit
    opens, `usual` the same for any other severity; after the last one the time between two grows
    `lengthen` times, up to a year (0: there are no more). A corrective one is audited once,
    `corrective` after it is done (None: never). An audit is due `within` that time of its opening.
    `reviewers` take turns. `verdicts` are the tracker's own words for one, for a status, for why it
    is closed, or for the value of `verdict_field` ("" for none). `portfolio`: each quarter a ticket
    asks for a look at all measures of the team.
    """

    destination: TaskDestination
    ladder: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    usual: tuple[Span, ...] = ()
    corrective: Span | None = None
    within: Span = Span(10, SpanUnit.BUSINESS_DAYS)
    lengthen: int = 2
    reviewers: tuple[str, ...] = ()
    verdicts: Mapping[Verdict, tuple[str, ...]] = field(default_factory=dict)
    verdict_field: str = ""
    portfolio: bool = True


@dataclass(frozen=True, slots=True)
class DigestRules:
    """When a team gets its weekly digest: on the `weekday`, as `date.weekday` counts, `at` that
    time; as a ticket of its own, or as a comment on one ticket for all of them."""

    weekday: int = 0
    at: time = time(9)
    as_ticket: bool = False


@dataclass(frozen=True, slots=True)
class PrereadRules:
    """How long after a quarter its `review` is, and how long `before` that the pre-read opens."""

    review: Span = Span(10, SpanUnit.BUSINESS_DAYS)
    before: Span = Span(3, SpanUnit.BUSINESS_DAYS)


@dataclass(frozen=True, slots=True)
class ReminderRules:
    """When people are reminded of a task: `before` its due date, after it and then `every` so
    often, `times` after it; each `daily_limit` times a day at most. `digest`: None for never."""

    before: Span = Span(3, SpanUnit.BUSINESS_DAYS)
    every: Span = Span(5, SpanUnit.BUSINESS_DAYS)
    times: int = 3
    daily_limit: int = 5
    digest: DigestRules | None = DigestRules()


@dataclass(frozen=True, slots=True)
class CheckRules:
    """What the measures of a team may name: checks, by name with how long without any result counts
    as silence, and repositories, by ``owner/name`` with their connection. Nothing else is asked of
    the network because somebody wrote its name down."""

    silent_after: Mapping[str, timedelta] = field(default_factory=dict)
    repositories: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EvidenceRules:
    """Of which kinds of action items that are done evidence is asked for."""

    ask: frozenset[Kind] = frozenset({Kind.PREVENTIVE})


@dataclass(frozen=True, slots=True)
class WaiverRules:
    """How long a waiver holds (`last`) that names no end date."""

    last: Span = Span(180, SpanUnit.DAYS)


@dataclass(frozen=True, slots=True)
class SeverityRules:
    """One severity. `aliases` are other words for it ("SEV-1", "Critical")."""

    name: str
    aliases: frozenset[str] = frozenset()
    review_within: Span | None = None
    actions_within: Mapping[Kind, Span] = field(default_factory=dict)
    synthesis_within: Span | None = None


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """Somebody across systems; `handles` maps a connection's kind to the handle there.

    `found` are the kinds whose handle the rules do not name, each with the way by which it was
    found (one of `Policy.people_by`). `written`: the rules name this person. `away`: the spells,
    first and last day, in which they take no part.
    """

    name: str
    email: str | None = None
    handles: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[str, str] = field(default_factory=dict)
    written: bool = True
    away: tuple[tuple[date, date], ...] = ()

    def is_away(self, day: date) -> bool:
        return any(first <= day <= last for first, last in self.away)


@dataclass(frozen=True, slots=True)
class Met:
    """Whom the trackers named, beside the rules' people; made by `workflows.people.with_seen`.

    All words and handles are in the form of `same_word`. `by_handle`: who is told across trackers
    and has this handle in those of a kind. `by_word`: the rules' people by whatever the rules
    call them, and such others by name and address. `names`: what the record calls those who are
    known in one kind alone, by kind and handle; `alone`: the same people, by names that are nobody
    else's. `handles`: what a word means in one kind, None where it means several. `emails`:
    addresses, by kind and handle. `spoken`: all names that are more than a handle.
    """

    by_handle: Mapping[tuple[str, str], KnownPerson] = field(default_factory=dict)
    by_word: Mapping[str, KnownPerson] = field(default_factory=dict)
    names: Mapping[tuple[str, str], str] = field(default_factory=dict)
    handles: Mapping[tuple[str, str], str | None] = field(default_factory=dict)
    alone: Mapping[str, KnownPerson] = field(default_factory=dict)
    emails: Mapping[tuple[str, str], str] = field(default_factory=dict)
    spoken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Team:
    name: str
    mode: Mode
    start_from: datetime
    incidents: tuple[IncidentSource, ...]
    postmortem: PostmortemRules
    manager: str | None = None
    rota: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sync: SyncRules = SyncRules()
    audits: AuditRules | None = None
    reminders: ReminderRules | None = None
    checks: CheckRules = CheckRules()
    evidence: EvidenceRules | None = None
    waivers: WaiverRules | None = None
    participants: Participants = field(default_factory=Participants)
    calendar: Calendar = USUAL
    preread: PrereadRules | None = None
    release_checks: tuple[ReleaseRules, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything decided. `connections` maps a connection's name to its kind; `hash` changes
    with any decision, and each decision taken keeps the hash it was taken under. `people_by` is
    how people may be told across trackers besides `people`: by ``email``, by ``login``. `met` is
    no decision, and no part of the hash: whom the trackers named so far. Nor is `served`: how often
    which person had which role lately, by (role, name)."""

    teams: Mapping[str, Team]
    severities: Mapping[str, SeverityRules]
    people: tuple[KnownPerson, ...]
    connections: Mapping[str, str]
    hash: str
    people_by: frozenset[str] = frozenset({"email"})
    learning: LearningRules = field(default_factory=LearningRules)
    met: Met = Met()
    served: Mapping[tuple[str, str], int] = field(default_factory=dict)


def same_word(text: str) -> str:
    """The form in which words of people and trackers are compared: "Won't  Do" → "won't do",
    "not_planned" → "not planned"."""
    return " ".join(text.replace("_", " ").split()).casefold()


def known_person(policy: Policy, said: str, kind: str = "") -> KnownPerson | None:
    """The person whom somebody means by a name, an e-mail address or a handle of any tracker that
    the rules name. A handle that was only found means somebody in a tracker of its `kind`: in
    another it may be anybody's."""
    wanted = same_word(said.removeprefix("@"))
    if (kind, wanted) in policy.met.by_handle:
        return policy.met.by_handle[kind, wanted]
    if policy.met.by_word:
        return policy.met.by_word.get(wanted)
    return next((person for person in policy.people if wanted in written_words(person)), None)


def written_words(person: KnownPerson) -> set[str]:
    """The words by which the rules let somebody be named anywhere."""
    written = (h for kind, h in person.handles.items() if kind not in person.found)
    return {same_word(word) for word in (person.name, person.email or "", *written) if word}
