"""The rules, read and checked whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from config.auditing import check_audits
from config.build import Auth, AuthType, ConnectionRules, build_connection, build_policy
from config.calendars import build_calendars, check_calendars, ending
from config.checking import check_checks, token_sources
from config.checks import cross_check
from config.fields import messages
from config.gathering import gather
from config.learning import check_learning, check_patterns
from config.overlaps import find_overlaps
from config.participants import check_participants
from config.positions import read
from config.problems import Complaint, Place, Problem, RulesError
from config.releasing import check_releases
from config.schema import RulesSection
from config.secrets import NoSecret, Secret, SecretPlace, SecretSource, read_secret
from config.signing_in import secret_key
from config.syncing import check_sync
from config.template import DEFAULT_TEMPLATE, is_file, load_template
from workflows.documents import BadTemplate
from workflows.policy import Policy

__all__ = ["Auth", "AuthType", "ConnectionRules", "Problem", "Rules", "RulesError", "load"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decided. `warnings` are sentences about what is allowed and perhaps not
    meant; `check_tokens` are what the results of a team's checks are posted with; `files` are all
    that were read for it."""

    policy: Policy
    connections: Mapping[str, ConnectionRules]
    warnings: tuple[str, ...] = field(default=(), compare=False)
    check_tokens: Mapping[str, Secret] = field(default_factory=dict)
    files: tuple[Path, ...] = field(default=(), compare=False)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every secret that the rules lead to; no log and no page may show one."""
        of_connections = (s for each in self.connections.values() for s in each.secrets)
        return (*of_connections, *self.check_tokens.values())


def load(path: Path, environ: Mapping[str, str] | None = None) -> Rules:
    """Read the rules at `path`, a file or a directory of them, with secrets from `environ`
    (os.environ when None) and from files beside the rules.

    Raises RulesError with every problem there is, each at its line. Asks nothing of any tracker.
    """
    gathered = gather(path)
    source = gathered.source
    complaints = list(source.complaints)
    if source.data is None or isinstance(source.data, dict):
        written = source.data or {}
    else:
        written = {}
        complaints.append(Complaint((), "must be a group of keys", "begin with connections:"))
    data, wrong = _read_shape(_over_shipped(written))
    complaints += wrong
    if gathered.problems:  # what else is wrong may be, only because a file could not be understood
        known = (each for each in complaints if len(each.place) > 1)
        known_problems = map(source.positions.problem, known)
        raise RulesError((*gathered.problems, *gathered.twice, *known_problems))
    told = {complaint.place for complaint in complaints}  # "missing" to a check: it was unreadable
    checked = (*cross_check(data), *check_sync(data, told), *check_audits(data))
    checked = (*checked, *check_calendars(data, told), *check_checks(data))
    checked = (*checked, *check_participants(data), *check_learning(data), *check_patterns(data))
    checked = (*checked, *check_releases(data))
    complaints += [found for found in checked if found.place not in told]
    overlaps = find_overlaps(data)
    complaints += overlaps.complaints
    base = gathered.base
    environ = os.environ if environ is None else environ
    secrets, wrong = _read_secrets(data, environ, base)
    complaints += wrong
    tokens, wrong = _read_check_tokens(data, environ, base)
    complaints += wrong
    templates, wrong = _read_templates(data, base)
    complaints += wrong
    if complaints or gathered.twice:
        found_problems = map(source.positions.problem, dict.fromkeys(complaints))
        raise RulesError((*gathered.twice, *found_problems))
    connections = {
        name: build_connection(name, connection, *secrets[name])
        for name, connection in data["connections"].items()
    }
    policy = build_policy(data, connections, templates, base)
    soon = ending(build_calendars(data), datetime.now(UTC).date())
    warnings = (*_warnings(data), *overlaps.warnings, *soon)
    named = (*gathered.files, *_named_files(data, base))
    return Rules(policy, connections, warnings, tokens, named)


def _over_shipped(written: Mapping[str, Any]) -> dict[str, Any]:
    """What was written, over what is shipped.

    Severities of one's own replace the shipped ones of the same name; once one has another
    name, it is another scale, and only what was written counts.
    """
    with as_file(files("config") / "rules.yaml") as path:
        shipped: dict[str, Any] = read(path).data
    own = written.get("severities")
    if isinstance(own, dict) and own.keys() <= shipped["severities"].keys():
        written = {**written, "severities": shipped["severities"] | own}
    return shipped | dict(written)


def _read_shape(data: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[Complaint]]:
    """What the schema could read, and what it could not."""
    try:
        return RulesSection().load(data), []
    except ValidationError as error:
        readable = error.valid_data if isinstance(error.valid_data, dict) else {}
        return readable, [Complaint(*found) for found in messages(error)]


_Secrets = tuple[Secret, tuple[Secret, ...]]


def _read_secrets(
    data: Mapping[str, Any], environ: Mapping[str, str], base: Path
) -> tuple[dict[str, _Secrets], list[Complaint]]:
    """For each connection its token and webhook secrets, and which could not be read."""
    complaints: list[Complaint] = []
    found: dict[Place, Secret] = {}
    for place, source in _secret_sources(data):
        try:
            found[place] = read_secret(source, environ, base)
        except NoSecret as error:
            complaints.append(Complaint(place, str(error), error.mend))
    if complaints:
        return {}, complaints
    return {
        name: (
            found[_auth_place(name, connection)],
            tuple(
                found["connections", name, "webhook_secrets", n]
                for n in range(len(connection.get("webhook_secrets", ())))
            ),
        )
        for name, connection in data.get("connections", {}).items()
        if _auth_place(name, connection) in found
    }, []


def _auth_place(name: str, connection: Mapping[str, Any]) -> Place:
    """Where the secret stands with which the connection signs in."""
    return ("connections", name, "auth", secret_key(connection.get("auth", {})))


def _secret_sources(data: Mapping[str, Any]) -> Iterator[tuple[Place, SecretSource]]:
    for name, connection in data.get("connections", {}).items():
        place = _auth_place(name, connection)
        if (source := connection.get("auth", {}).get(place[-1])) is not None:
            yield place, source
        for n, source in enumerate(connection.get("webhook_secrets", ())):
            yield ("connections", name, "webhook_secrets", n), source


def _read_check_tokens(
    data: Mapping[str, Any], environ: Mapping[str, str], base: Path
) -> tuple[dict[str, Secret], list[Complaint]]:
    """The token of each team's checks, and which could not be read."""
    found: dict[str, Secret] = {}
    complaints: list[Complaint] = []
    for place, source in token_sources(data):
        try:
            found[str(place[1])] = read_secret(source, environ, base)
        except NoSecret as error:
            complaints.append(Complaint(place, str(error), error.mend))
    return found, complaints


def _read_templates(data: Mapping[str, Any], base: Path) -> tuple[dict[str, str], list[Complaint]]:
    """Each team's template, and which cannot be used."""
    found: dict[str, str] = {}
    complaints: list[Complaint] = []
    for name, team in data.get("teams", {}).items():
        template = team.get("postmortem", {}).get("template", DEFAULT_TEMPLATE)
        try:
            found[name] = load_template(template, base)
        except BadTemplate as error:
            place = ("teams", name, "postmortem", "template")
            complaints.append(Complaint(place, str(error), "mend the template, or name another"))
    return found, complaints


def _named_files(data: Mapping[str, Any], base: Path) -> Iterator[Path]:
    """The files that the rules name: of secrets and of templates."""
    for _, source in (*_secret_sources(data), *token_sources(data)):
        if source.place is SecretPlace.FILE:
            yield base / source.name
    for team in data["teams"].values():
        template = team["postmortem"].get("template", DEFAULT_TEMPLATE)
        if is_file(template):
            yield base / template


def _warnings(data: Mapping[str, Any]) -> Iterator[str]:
    for name, connection in data["connections"].items():
        if not connection["webhook_secrets"]:
            yield f"{name} has no webhook_secrets: changes are found by polling only"
    for name, team in data["teams"].items():
        if not team["postmortem"].get("when", {}).get("severity"):
            continue
        for n, source in enumerate(team["incidents"]):
            if "severity" not in source:
                place = f"teams.{name}.incidents[{n}]"
                yield f"{place} does not say where the severity stands: its incidents will wait"
