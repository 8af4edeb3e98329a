"""From rules that were found right to the policy and the connections; nothing here can fail."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from config.auditing import build_audits
from config.calendars import build_calendars
from config.checking import build_checks
from config.checks import PLACE_KEY, TRACKERS, person_names
from config.digests import build_digest
from config.learning import build_learning
from config.participants import build_participants
from config.prereading import build_preread
from config.proving import build_evidence, build_waivers
from config.releasing import build_releases
from config.secrets import Secret
from workflows.calendars import USUAL, Calendar
from workflows.model import Area, Kind
from workflows.policy import (
    SET_ASIDE_REASONS,
    Closing,
    DocumentDestination,
    FieldRules,
    IncidentSource,
    KnownPerson,
    Match,
    Mode,
    Policy,
    PostmortemRules,
    Prefer,
    ReminderRules,
    SeverityRules,
    StandardAction,
    StatusWords,
    SyncRules,
    TaskDestination,
    Team,
    same_word,
)
from workflows.snapshots import Field, Progress, Side

DEFAULT_PATH = "postmortems/{year}/{incident}.md"
DEFAULT_ISSUE_TYPE = "Task"

_ENDS = frozenset({Progress.DONE, Progress.WONT_DO, Progress.DUPLICATE})
#: What each kind of tracker can tell apart without being told any names. GitHub's issues are open
#: or closed, for a reason: https://docs.github.com/en/rest/issues/issues#update-an-issue
#: Jira's statuses are of three categories, and a resolution says how it ended:
#: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-workflow-status-categories/
#: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-resolutions/
_SAYS = {
    "github": frozenset({Progress.OPEN}) | _ENDS,
    "jira": frozenset({Progress.OPEN, Progress.IN_PROGRESS}) | _ENDS,
}


class AuthType(StrEnum):
    BASIC = "basic"  # user and token, as Jira Cloud takes API tokens
    BEARER = "bearer"  # a personal access token, as Jira Data Center takes them
    TOKEN = "token"  # noqa: S105  (a personal access token, as GitHub takes them)
    APP = "app"  # a GitHub App, which signs in with a private key


@dataclass(frozen=True, slots=True)
class Auth:
    """How an account signs in. `user` is the account of basic and the id of an App, else "";
    `token` is the secret: of an App its private key (PEM)."""

    type: AuthType
    token: Secret
    user: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionRules:
    """One tracker or wiki, through one account. `url` has no slash at its end.

    `deployment` is ``cloud``, ``datacenter`` or None (to be detected), not for GitHub.
    No `webhook_secrets`: no webhook is accepted, and polling alone finds what changed.
    `limited`: whether github.com's limits are kept to, None for what the address says.
    """

    name: str
    kind: str
    url: str
    auth: Auth
    webhook_secrets: tuple[Secret, ...] = ()
    deployment: str | None = None
    limited: bool | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Everything that no log and no page may show."""
        return (self.auth.token, *self.webhook_secrets)


def build_connection(
    name: str, data: Mapping[str, Any], token: Secret, webhook_secrets: tuple[Secret, ...]
) -> ConnectionRules:
    auth = data["auth"]
    return ConnectionRules(
        name=name,
        kind=data["kind"],
        url=data["url"],
        auth=Auth(AuthType(auth["type"]), token, auth.get("app_id", auth.get("user", ""))),
        webhook_secrets=webhook_secrets,
        deployment=data.get("deployment"),
        limited=data["limits"] == "github.com" if "limits" in data else None,
    )


def build_policy(
    rules: Mapping[str, Any],
    connections: Mapping[str, ConnectionRules],
    templates: Mapping[str, str],
    base: Path,
) -> Policy:
    """The policy, with its hash. `templates` maps a team to its template's text; directories
    are relative to `base`. People are named by their `name`, however the rules named them."""
    names = person_names(rules["people"])
    calendars = build_calendars(rules)

    def named(who: str) -> str:
        return names[same_word(who)]

    policy = Policy(
        teams={
            name: replace(
                _team(name, team, rules["connections"], templates[name], base, named),
                calendar=_calendar(team, calendars),
            )
            for name, team in rules["teams"].items()
        },
        severities={name: _severity(name, s) for name, s in rules["severities"].items()},
        people=tuple(_person(person) for person in rules["people"]),
        connections={n: each.kind for n, each in connections.items() if each.kind in TRACKERS},
        hash="",
        people_by=frozenset(rules.get("people_by", ("email",))),
        learning=build_learning(rules),
    )
    return replace(policy, hash=_hash(policy, connections))


def _team(
    name: str,
    team: Mapping[str, Any],
    connections: Mapping[str, Any],
    template: str,
    base: Path,
    named: Callable[[str], str],
) -> Team:
    postmortem = team["postmortem"]
    tasks = postmortem["tasks"]
    return Team(
        name=name,
        mode=Mode(team["mode"]),
        start_from=team["start_from"],
        incidents=tuple(_source(source, connections) for source in team["incidents"]),
        postmortem=PostmortemRules(
            severities=frozenset(postmortem.get("when", {}).get("severity", ())),
            document=_document(postmortem["document"], base),
            tasks=_tasks(tasks, connections),
            template=template,
            standard_actions=tuple(
                _action(action, named) for action in postmortem["standard_actions"]
            ),
            twin=_tasks(tasks["twin"], connections) if "twin" in tasks else None,
        ),
        manager=named(team["manager"]) if "manager" in team else None,
        rota={
            role: tuple(named(who) for who in people)
            for role, people in team.get("rota", {}).items()
        },
        sync=_sync(team.get("sync", {})),
        audits=build_audits(
            team,
            _tasks(tasks, connections),
            lambda to: _tasks({"labels": (), **to}, connections),
            named,
        ),
        reminders=_reminders(team.get("reminders", {})),
        checks=build_checks(team),
        evidence=build_evidence(team),
        waivers=build_waivers(team),
        preread=build_preread(team),
        release_checks=build_releases(team),
        participants=build_participants(team, named),
    )


def _reminders(reminders: Mapping[str, Any] | None) -> ReminderRules | None:
    """None where they are off. What the rules do not say is as it is shipped."""
    if reminders is None:
        return None
    digest = build_digest(reminders.get("digest", {}))
    return ReminderRules(**{**reminders, "digest": digest})


def _calendar(team: Mapping[str, Any], calendars: Mapping[str, Calendar]) -> Calendar:
    return calendars[team["calendar"]] if "calendar" in team else USUAL


def _source(source: Mapping[str, Any], connections: Mapping[str, Any]) -> IncidentSource:
    match = source.get("match", {})
    return IncidentSource(
        connection=source["connection"],
        place=source[PLACE_KEY[connections[source["connection"]]["kind"]]],
        match=Match(
            issue_types=frozenset(match.get("issue_type", ())),
            labels=frozenset(match.get("labels", ())),
            components=frozenset(match.get("components", ())),
            fields={name: frozenset(v) for name, v in match.get("fields_", {}).items()},
            headings={name: frozenset(v) for name, v in match.get("headings", {}).items()},
        ),
        closed=_closing(source.get("closed", {})),
        severity=source.get("severity"),
        service=source.get("service"),
        moments=source.get("moments", {}),
        writers=frozenset(source.get("writers", ())),
    )


def _closing(closed: Mapping[str, Any]) -> Closing:
    """`reason` and `resolution` are GitHub's and Jira's words for one thing.

    Without `except`, what is set aside by default is, unless it is asked for by name.
    """
    statuses = frozenset(closed.get("status", ()))
    reasons = _reasons(closed)
    if "except_" in closed:
        return Closing(statuses, reasons, _reasons(closed["except_"]))
    asked = {same_word(word) for word in statuses | reasons}
    return Closing(statuses, reasons, SET_ASIDE_REASONS - asked)


def _reasons(part: Mapping[str, Any]) -> frozenset[str]:
    return frozenset((*part.get("reason", ()), *part.get("resolution", ())))


def _document(document: Mapping[str, Any], base: Path) -> DocumentDestination:
    kind = document["kind"]
    if kind == "git-directory":
        place = str((base / document["directory"]).resolve())
    else:
        place = next(document[key] for key in PLACE_KEY.values() if key in document)
    path = document.get("parent", "")
    if kind in ("git-directory", "github-pull-request"):
        path = document.get("path", DEFAULT_PATH)
    return DocumentDestination(
        kind=kind,
        connection=document.get("connection", ""),
        place=place,
        path=path,
        issue_type=document.get("issue_type", DEFAULT_ISSUE_TYPE) if kind == "jira-issue" else "",
        labels=document["labels"],
        fill=tuple(document.get("fill", {}).items()),
    )


def _tasks(tasks: Mapping[str, Any], connections: Mapping[str, Any]) -> TaskDestination:
    kind = connections[tasks["connection"]]["kind"]
    return TaskDestination(
        connection=tasks["connection"],
        place=tasks[PLACE_KEY[kind]],
        issue_type=tasks.get("issue_type", DEFAULT_ISSUE_TYPE if kind == "jira" else ""),
        labels=tasks["labels"],
        statuses=_statuses(tasks, kind),
    )


def _statuses(tasks: Mapping[str, Any], kind: str) -> StatusWords:
    """What a kind of tracker says by itself, and what the rules have names for."""
    names = {Progress(progress): words for progress, words in tasks.get("statuses", {}).items()}
    return StatusWords(_SAYS[kind].union(names), names, tasks.get("fill", {}))


def _sync(sync: Mapping[str, Any]) -> SyncRules:
    usual = SyncRules()
    fields = {field: _synced(sync[field]) for field in Field if field in sync}
    others = {key: value for key, value in sync.items() if key not in list(Field)}
    return replace(usual, fields={**usual.fields, **fields}, **others)


def _synced(part: Mapping[str, Any] | None) -> FieldRules:
    """One field; None where it is off. A group that names no sides names all."""
    if part is None:
        return FieldRules(counts=frozenset())
    sides = frozenset(map(Side, part.get("from_", Side)))
    return FieldRules(sides, Prefer(part.get("prefer", Prefer.NEWEST)))


def _action(action: Mapping[str, Any], named: Callable[[str], str]) -> StandardAction:
    when = action.get("when", {})
    return StandardAction(
        title=action["title"],
        kind=Kind(action["kind"]),
        severities=frozenset(when.get("severity", ())),
        services=frozenset(when.get("service", ())),
        area=Area(action["area"]) if "area" in action else None,
        owner=named(action["owner"]) if "owner" in action else None,
        milestone=action.get("milestone"),
        success_measure=action.get("success_measure"),
    )


def _severity(name: str, severity: Mapping[str, Any]) -> SeverityRules:
    within = severity.get("actions_within", {})
    return SeverityRules(
        name=name,
        aliases=frozenset(severity["aliases"]),
        synthesis_within=severity.get("synthesis_within"),
        review_within=severity.get("review_within"),
        actions_within={Kind(kind): span for kind, span in within.items()},
    )


def _person(person: Mapping[str, Any]) -> KnownPerson:
    handles = {kind: person[kind] for kind in PLACE_KEY if kind in person}
    return KnownPerson(person["name"], person.get("email"), handles, away=person["away"])


def _hash(policy: Policy, connections: Mapping[str, ConnectionRules]) -> str:
    """The SHA-256 of everything decided, in one spelling; a secret is not part of it, so that
    rotating one is no new decision."""
    text = json.dumps([_plain(policy), _plain(connections)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return None
    if is_dataclass(value) and not isinstance(value, type):
        found = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
        return {key: inner for key, inner in found.items() if key != "webhook_secrets"}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.isoformat() if isinstance(value, date | time) else value
