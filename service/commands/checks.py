"""`followthrough check`: post a result from CI, and list what is known of checks and kept files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

import click
import requests

from config.rules import Rules
from config.schema import is_loopback
from config.secrets import Secret
from service.commands.reading import give_up, opened_store, read_rules, read_settings, rules_option
from service.explain import plain
from service.store import Transaction
from service.store.codec import Json
from service.web.checks import PREFIX
from workflows.checks import places
from workflows.watched import Result, Source

#: How long the service may take to answer, in seconds.
PATIENCE = 30


@click.group(short_help="Post results of checks, and list them.")
def check() -> None:
    """Results of checks that measures name, and what is known of them."""


@check.command()
@click.argument("name")
@click.option("--passed", "status", flag_value="passed", help="It passed.")
@click.option("--failed", "status", flag_value="failed", help="It failed.")
@click.option("--summary", help="What there is to say of it, 500 characters at most.")
@click.option("--url", help="Where one can look: of the run, for instance.")
@click.option("--run", help="Your own name for this run: posted twice, it counts once.")
@click.option("--to", help="The service's address; otherwise FOLLOWTHROUGH_PUBLIC_URL.")
def post(
    name: str,
    status: str | None,
    summary: str | None,
    url: str | None,
    run: str | None,
    to: str | None,
) -> None:
    """Post a result of the check NAME to the service.

    The token of the team's checks is read from FOLLOWTHROUGH_CHECK_TOKEN. Ends with 1 when the
    result was not recorded.
    """
    settings = read_settings()
    if status is None:
        give_up("Say --passed or --failed.")
    if settings.check_token is None:
        give_up("FOLLOWTHROUGH_CHECK_TOKEN is not set: it is the token of the team's checks.")
    base = to or settings.public_url or f"http://127.0.0.1:{settings.port}"
    host = urlsplit(base).hostname if "://" in base else None
    if not host or not base.startswith(("https://", "http://")):
        give_up(f"{base} is not an address such as https://followthrough.acme.example.")
    if base.startswith("http://") and not is_loopback(host):
        give_up("The token would be sent unencrypted: write https://.")
    told = {"status": status, "summary": summary, "url": url, "run": run}
    try:
        answer = requests.post(
            f"{base.rstrip('/')}{PREFIX}{quote(name, safe='')}",
            json={key: value for key, value in told.items() if value is not None},
            auth=_bearing(settings.check_token),
            timeout=PATIENCE,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        give_up(f"{base} could not be reached: {type(error).__name__}.")
    words = _said(answer)
    if answer.status_code not in (200, 202):
        give_up(f"Not recorded ({answer.status_code}): {words}.")
    click.echo(f"{name} {status}: {plain(words)}.")


def _bearing(token: Secret) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """What signs a request in by this token. A header alone would give way to ~/.netrc:
    https://requests.readthedocs.io/en/latest/user/authentication/#netrc-authentication"""

    def signed(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token.reveal()}"
        return request

    return signed


def _said(answer: requests.Response) -> str:
    """What the service answered, in words."""
    try:
        told = answer.json()
    except ValueError:
        return "the answer is not of this service"
    if not isinstance(told, dict):
        return "the answer is not of this service"
    errors = told.get("errors")
    parts = [f"{key}: {why}" for key, why in errors.items()] if isinstance(errors, dict) else []
    return "; ".join([str(told.get("status", "no reason given")), *parts]).rstrip(".")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a check or a kept file: its last `said` "" before the first. `named` are the
    measures that name it, as ``AI-2 of INC-42``."""

    team: str
    source: Source
    name: str
    said: str
    at: datetime | None
    summary: str
    named: tuple[str, ...]


@check.command("list", short_help="List the checks, with the last result of each.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program to read.")
@rules_option
def list_checks(as_json: bool, rules_file: Path | None) -> None:
    """List the checks of the rules and the files that measures keep: the last result, when it was,
    and which measures name it. Asks the database only."""
    _, rules = read_rules(rules_file)
    with opened_store() as store, store.read() as tx:
        found = list(_known(tx, rules))
    if as_json:
        click.echo(json.dumps([_data(each) for each in found], indent=2))
        return
    for each in found:
        when = f" {each.at:%Y-%m-%d %H:%M} UTC" if each.at else ""
        click.echo(plain(f"{each.name}  {each.said or 'no result yet'}{when}  {each.summary}"))
        click.echo(plain(f"  named by {', '.join(each.named) or 'no measure'}"))
    if not found:
        click.echo("None: the rules name no checks.", err=True)


def _known(tx: Transaction, rules: Rules) -> Iterator[Known]:
    """The checks of each team in their order, then the files that its measures keep."""
    named: dict[tuple[str, Source, str], list[str]] = {}
    files: dict[tuple[str, str], Known] = {}
    for incident in (record.incident for record in tx.incidents.naming()):
        team = rules.policy.teams.get(incident.team)
        if team is None:
            continue
        for item in incident.actions:
            for place in places(item, team):
                measure = f"{item.name} of {incident.ticket.key}"
                named.setdefault((team.name, *place), []).append(measure)
        for each in incident.watched:
            if each.source is Source.FILE:
                said = each.fault.value if each.fault else "there" if each.at else ""
                said = f"not looked at ({each.unread})" if each.unread else said
                seen = Known(team.name, *each.place, said, each.at, each.summary, ())
                files[team.name, each.name] = seen
    for team in rules.policy.teams.values():
        results = tx.checks.latest(list(team.checks.silent_after))
        for name in team.checks.silent_after:
            by = named.get((team.name, Source.CHECK, name), ())
            yield _of_check(team.name, name, results.get(name), tuple(by))
        for (of_team, source, name), by in named.items():
            if of_team == team.name and source is Source.FILE:
                unseen = Known(of_team, source, name, "", None, "", ())
                yield replace(files.get((of_team, name), unseen), named=tuple(by))


def _of_check(team: str, name: str, result: Result | None, by: tuple[str, ...]) -> Known:
    if result is None:
        return Known(team, Source.CHECK, name, "", None, "", by)
    said = "passed" if result.passed else "failed"
    return Known(team, Source.CHECK, name, said, result.at, result.summary, by)


def _data(each: Known) -> dict[str, Json]:
    return {
        "team": each.team,
        "source": each.source.value,
        "name": each.name,
        "said": each.said,
        "at": each.at.isoformat() if each.at else None,
        "summary": each.summary,
        "named": list(each.named),
    }
