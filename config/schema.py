"""The shape of the rules file: which keys there are and what each may hold.

What one key means for another (is this person known, does this kind of document fit that
connection) is not seen here but in `config.checks`.
"""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError

from config.calendars import WEEKDAYS
from config.digests import DigestSection
from config.fields import (
    Count,
    Day,
    Group,
    Lasting,
    Listed,
    Named,
    OrOff,
    ReadFrom,
    SecretFrom,
    SecretsFrom,
    Section,
    SpansByName,
    Text,
    TextByName,
    Texts,
    TextsByName,
    TimesOrOff,
    Within,
    WithinOrOff,
    YesNo,
    needed,
)
from config.learning import LearningSection
from config.participants import CustomersSection, PerspectivesSection
from config.prereading import preread_section
from config.problems import said
from config.proving import evidence_section, waivers_section
from config.releasing import FAIL_ON
from config.signing_in import AuthSection
from config.times import ClockTime, DayHours, Days, Spells, Zone
from workflows.model import Area, Kind
from workflows.policy import Mode, Prefer, SourceKind
from workflows.rungs import Verdict
from workflows.snapshots import Progress, Side

CONNECTION_KINDS = ("jira", "github", "confluence")
DOCUMENT_KINDS = (
    *("github-pull-request", "github-issue", "jira-issue", "confluence-page"),
    "git-directory",
)
KINDS = tuple(kind.value for kind in Kind)
SIDES = tuple(side.value for side in Side)
PEOPLE_BY = ("email", "login")

_PROJECT = r"[A-Z][A-Z0-9_]*"
_REPOSITORY = r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+"
#: Of one person it begins with ~: https://confluence.atlassian.com/doc/space-keys-829076188.html
_SPACE = r"~?[A-Za-z0-9][A-Za-z0-9._:-]*"


def _project() -> Text:
    return Text(pattern=_PROJECT, mend="write the project's key in capitals, such as INC")


def _repository(**options: Any) -> Text:
    return Text(pattern=_REPOSITORY, mend="write owner/name, such as acme/ops", **options)


class Address(Text):
    """The base address of a tracker's API, without the slash at its end."""

    def read(self, value: Any) -> str:
        url = super().read(value)
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https"):
            hint = "write it as https://acme.atlassian.net"
            raise ValidationError(said("is not an address", hint))
        if parts.username is not None or parts.query or parts.fragment:
            hint = "leave out user, password, ? and #; credentials belong to auth"
            raise ValidationError(said("holds more than an address", hint))
        if parts.scheme == "http" and not is_loopback(host):
            hint = "write https:// (http is for this machine only)"
            raise ValidationError(said("would send the token unencrypted", hint))
        if host in ("github.com", "www.github.com"):
            hint = "write https://api.github.com"
            raise ValidationError(said("is GitHub's page, not its API", hint))
        if host.endswith(".ghe.com") and not host.startswith("api."):
            raise ValidationError(
                said("is GitHub's page, not its API", f"write https://api.{host}")
            )
        return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class ConnectionSection(Section):
    kind = Text(choices=CONNECTION_KINDS, **needed("kind: jira, github or confluence"))
    url = Address(**needed("url: https://…"))
    deployment = Text(choices=("cloud", "datacenter"))
    limits = Text(choices=("github.com", "none"))
    auth = Group(AuthSection, **needed("auth: {type: …, token: {env: NAME}}"))
    webhook_secrets = SecretsFrom(load_default=list)


class MatchSection(Section):
    issue_type = Texts(load_default=())
    labels = Texts(load_default=())
    components = Texts(load_default=())
    fields_ = TextsByName(data_key="fields", load_default=dict)
    headings = TextsByName(load_default=dict)


class ExceptSection(Section):
    reason = Texts()
    resolution = Texts()


class ClosedSection(Section):
    status_category = Text(choices=("done",))
    status = Texts(load_default=())
    reason = Texts()
    resolution = Texts()
    except_ = Group(ExceptSection, data_key="except")


def _moment() -> ReadFrom:
    return ReadFrom(SourceKind.FIELD, SourceKind.HEADING, SourceKind.STATUS, SourceKind.LABEL)


class MomentsSection(Section):
    started = _moment()
    detected = _moment()
    acknowledged = _moment()
    mitigated = _moment()
    resolved = _moment()


class IncidentsSection(Section):
    connection = Text(**needed("connection: the name of one of the connections"))
    project = _project()
    repository = _repository()
    match = Group(MatchSection)
    closed = Group(ClosedSection)
    severity = ReadFrom(SourceKind.FIELD, SourceKind.LABEL, SourceKind.HEADING)
    service = ReadFrom(SourceKind.FIELD, SourceKind.LABEL, SourceKind.HEADING, SourceKind.COMPONENT)
    moments = Group(MomentsSection)
    writers = Texts()


class WhenSeveritySection(Section):
    severity = Texts(load_default=())


class WhenSection(WhenSeveritySection):
    service = Texts(load_default=())


class DocumentSection(Section):
    kind = Text(choices=DOCUMENT_KINDS, **needed(f"kind: one of {', '.join(DOCUMENT_KINDS)}"))
    connection = Text()
    project = _project()
    repository = _repository()
    space = Text(pattern=_SPACE, mend="write the space's key, such as OPS")
    directory = Text()
    path = Text()
    parent = Text()
    issue_type = Text()
    labels = Texts(load_default=())
    fill = TextByName()


class TwinSection(Section):
    connection = Text(**needed("connection: the name of one of the connections"))
    project = _project()
    repository = _repository()
    issue_type = Text()
    labels = Texts(load_default=())
    statuses = TextsByName(names=tuple(progress.value for progress in Progress))
    fill = TextByName()


class TasksSection(TwinSection):
    twin = Group(TwinSection)


class StandardActionSection(Section):
    when = Group(WhenSection)
    title = Text(**needed("title: what is to be done"))
    kind = Text(choices=KINDS, **needed(f"kind: one of {', '.join(KINDS)}"))
    area = Text(choices=tuple(area.value for area in Area))
    owner = Text()
    milestone = Text()
    success_measure = Text()


class PostmortemSection(Section):
    when = Group(WhenSeveritySection)
    document = Group(DocumentSection, **needed("document: {kind: …}"))
    tasks = Group(TasksSection, **needed("tasks: {connection: …}"))
    template = Text()
    standard_actions = Listed(StandardActionSection, load_default=list)


class RotaSection(Section):
    facilitator = Texts()
    scribe = Texts()
    reviewer = Texts()


class SyncFieldSection(Section):
    from_ = Texts(choices=SIDES, data_key="from")
    prefer = Text(choices=tuple(prefer.value for prefer in Prefer))


def _synced() -> OrOff:
    return OrOff(SyncFieldSection, "{from: [task, document], prefer: newest}")


class SyncSection(Section):
    owner = _synced()
    milestone = _synced()
    status = _synced()
    due = _synced()
    title = _synced()
    document_every = Lasting(zero=True)
    flips = Count()
    window = Lasting()
    rest = Lasting()
    close_milestones = YesNo()


class AuditDestinationSection(Section):
    connection = Text(**needed("connection: the name of one of the connections"))
    project = _project()
    repository = _repository()
    issue_type = Text()
    statuses = TextsByName(names=tuple(progress.value for progress in Progress))
    fill = TextByName()


class AuditsSection(Section):
    ladder = SpansByName()
    corrective = WithinOrOff()
    within = Within()
    lengthen = TimesOrOff()
    reviewers = Texts()
    destination = Group(AuditDestinationSection)
    labels = Texts()
    verdicts = TextsByName(names=tuple(verdict.value for verdict in Verdict))
    verdict_field = Text()
    portfolio = YesNo()


class RemindersSection(Section):
    before = Within()
    every = Within()
    times = Count()
    daily_limit = Count()
    digest = OrOff(DigestSection, '{day: monday, at: "09:00", as: comment}')


class CheckSection(Section):
    silent_after = Lasting()


class KeptSection(Section):
    connection = Text(**needed("connection: the name of one of the connections"))
    repository = _repository(**needed("repository: acme/ops"))


class ChecksSection(Section):
    token = SecretFrom()
    names = Named(CheckSection, load_default=dict)
    repositories = Listed(KeptSection, load_default=list)


class ReleaseSection(KeptSection):
    service = Text(**needed("service: checkout, as incidents name it"))
    fail_on = Texts(choices=FAIL_ON)


class TeamSection(Section):
    mode = Text(choices=tuple(mode.value for mode in Mode), load_default=Mode.PLAN.value)
    start_from = Day(**needed("start_from: 2026-12-01; incidents closed before it are left alone"))
    manager = Text()
    rota = Group(RotaSection)
    incidents = Listed(IncidentsSection, **needed("incidents: a list of what is watched"))
    postmortem = Group(PostmortemSection, **needed("postmortem: {document: …, tasks: …}"))
    sync = Group(SyncSection)
    audits = OrOff(AuditsSection, "{ladder: {default: [30 days, 90 days]}}")
    reminders = OrOff(RemindersSection, "{before: 3 business days, times: 3}")
    checks = Group(ChecksSection)
    evidence = evidence_section()
    waivers = waivers_section()
    preread = preread_section()
    release_checks = Listed(ReleaseSection, load_default=list)
    perspectives = Group(PerspectivesSection)
    circulate = Texts()
    customers = Group(CustomersSection)
    calendar = Text()


class CalendarSection(Section):
    zone = Zone()
    country = Text()
    subdivision = Text()
    holidays = Days()
    weekend = Texts(choices=WEEKDAYS)
    quiet = DayHours()
    opens = ClockTime()


class ActionsWithinSection(Section):
    corrective = Within()
    preventive = Within()
    detective = Within()


class SeveritySection(Section):
    aliases = Texts(load_default=())
    synthesis_within = Within()
    review_within = Within()
    actions_within = Group(ActionsWithinSection)


class PersonSection(Section):
    name = Text(**needed("name: how people call them"))
    email = Text(pattern=r"[^@\s]+@[^@\s]+", mend="write it as kim@acme.example")
    jira = Text()
    github = Text()
    away = Spells(load_default=())


class RulesSection(Section):
    connections = Named(ConnectionSection, **needed("connections: your Jira and GitHub"))
    teams = Named(TeamSection, **needed("teams: whose incidents are watched"))
    severities = Named(SeveritySection, **needed("severities: {sev1: …}"))
    people = Listed(PersonSection, load_default=list)
    people_by = Texts(choices=PEOPLE_BY)
    calendars = Named(CalendarSection)
    learning = Group(LearningSection)
