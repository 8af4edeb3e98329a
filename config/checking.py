"""What measures may name: checks whose results are posted, repositories whose files are looked at.

As in `config.checks`, a part that was not readable is passed over: it has its complaint already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from config.problems import Complaint, Place, spelled, suggestion
from config.secrets import SecretSource
from workflows.policy import CheckRules

#: What is shipped: a check that runs each week is missed a day later.
SILENT_AFTER = timedelta(days=8)

#: So long a name may be: it is a part of an address.
LONGEST_NAME = 100


def check_checks(rules: Mapping[str, Any]) -> Iterator[Complaint]:
    """Everything about checks that is wrong between the parts of `rules`, as the schema loaded
    them."""
    connections: Mapping[str, Any] = rules.get("connections", {})
    first: dict[str, Place] = {}
    for name, team in rules.get("teams", {}).items():
        checks, place = team.get("checks"), ("teams", name, "checks")
        if not checks:
            continue
        if checks.get("names") and "token" not in checks:
            message = "has no token, so nobody can post a result"
            yield Complaint(place, message, "write token: {env: NAME}")
        if team.get("audits", {}) is None and (checks.get("names") or checks.get("repositories")):
            message = "can open no audit: the audits of the team are off"
            yield Complaint(place, message, "take out audits: off, or the checks")
        for check in checks.get("names", {}):
            there = (*place, "names", check)
            other = first.setdefault(check, there)
            if other != there:  # the address of a check says its name alone
                message = f"is the name of another check, {spelled(other)}"
                yield Complaint(there, message, "give one of them another name")
            if len(check) > LONGEST_NAME:
                yield Complaint(there, f"is longer than {LONGEST_NAME} characters", "shorten it")
        yield from _check_repositories(checks, (*place, "repositories"), connections)


def _check_repositories(
    checks: Mapping[str, Any], place: Place, connections: Mapping[str, Any]
) -> Iterator[Complaint]:
    said: set[str] = set()
    keep_files = [name for name, each in connections.items() if each.get("kind") == "github"]
    for n, kept in enumerate(checks.get("repositories", ())):
        connection, repository = kept.get("connection"), kept.get("repository", "").casefold()
        if connection is not None and connection not in keep_files:
            what = "keeps no files" if connection in connections else "is no connection"
            right = suggestion(connection, keep_files) if keep_files else "add a connection to one"
            yield Complaint((*place, n, "connection"), f"“{connection}” {what}", right)
        if repository and repository in said:
            yield Complaint((*place, n, "repository"), "is listed twice", "keep one of them")
        said.add(repository)


def build_checks(team: Mapping[str, Any]) -> CheckRules:
    """The checks of a team; none where the rules name none."""
    checks = team.get("checks", {})
    return CheckRules(
        silent_after={
            name: check.get("silent_after", SILENT_AFTER)
            for name, check in checks.get("names", {}).items()
        },
        repositories={
            kept["repository"]: kept["connection"] for kept in checks.get("repositories", ())
        },
    )


def token_sources(data: Mapping[str, Any]) -> Iterator[tuple[Place, SecretSource]]:
    """Where the token of each team's checks stands."""
    for name, team in data.get("teams", {}).items():
        token = team.get("checks", {}).get("token")
        if token is not None:
            yield ("teams", name, "checks", "token"), token
