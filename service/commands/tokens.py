"""`followthrough tokens` and `followthrough changes`: who may do what, and who did."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import click

from service import tokens as service
from service.commands.reading import (
    give_up,
    opened_store,
    program,
    read_rules,
    rules_option,
    typist,
)
from service.explain import facts, plain
from service.store.codec import Json
from service.store.tokens import Token
from service.tokens import NotGiven, standing
from workflows.rights import Role
from workflows.timeline import stamp

_DAYS = re.compile(r"([0-9]{1,4})d")

#: Of more tokens than this, the latest are listed.
_MOST = 1000


@click.group(short_help="Make, list and revoke tokens.")
def tokens() -> None:
    """Make, list and revoke the tokens that open the API and the pages."""


@tokens.command()
@click.option("--name", required=True, help="What it is called in the audit log.")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--team", "teams", multiple=True, help="Whose incidents it sees; otherwise all.")
@click.option("--expires", default="90d", show_default=True, help="After how many days.")
@rules_option
def create(
    name: str, role: str, teams: tuple[str, ...], expires: str, rules_file: Path | None
) -> None:
    """Make a token and show it, this once. Ends with 1, and makes none, where that cannot be."""
    days = _DAYS.fullmatch(expires.strip())
    if days is None:
        give_up(f"{expires} is no length in days: write it as 90d.")
    if teams:
        known = read_rules(rules_file)[1].policy.teams
        for team in teams:
            if team not in known:
                give_up(f"The rules have no team {team}. They have: {', '.join(known)}")
    with opened_store() as store, store.write() as tx:
        valid, seen = timedelta(days=int(days[1])), frozenset(teams) if teams else None
        try:
            text, token = service.create(tx, typist(), name, Role(role), seen, valid)
        except NotGiven as error:
            give_up(f"No token was made: {error}.")
    click.echo(text)
    until = stamp(token.expires)
    click.echo(plain(f"Token {token.id}, {token.name}, until {until} UTC."), err=True)
    click.echo("It is shown this once: only a digest of it is kept.", err=True)


@tokens.command("list", short_help="List tokens, the latest first.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program to read.")
def list_tokens(as_json: bool) -> None:
    """List tokens, the latest first: what each may do, until when, and when it was used last."""
    with opened_store() as store, store.read() as tx:
        found, now = tx.tokens.page(_MOST), tx.now
    if as_json:
        click.echo(json.dumps([_data(each) for each in found], indent=2))
        return
    for each in found:
        teams = "all teams" if each.teams is None else ", ".join(sorted(each.teams))
        used = f"used {stamp(each.used)} UTC" if each.used else "never used"
        until = f"until {stamp(each.expires)} UTC"
        how = f"{standing(each, now):<8}{each.role.value:<7}"
        click.echo(plain(f"{each.id:>4}  {how} {each.name}  {teams}  {until}  {used}"))
    if not found:
        click.echo(f"None. `{program()} tokens create` makes one.", err=True)


def _data(token: Token) -> dict[str, Json]:
    teams: Json = None if token.teams is None else [*sorted(token.teams)]
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role.value,
        "teams": teams,
        "created": token.created.isoformat(),
        "created_by": token.created_by,
        "expires": token.expires.isoformat(),
        "used": token.used.isoformat() if token.used else None,
        "revoked": token.revoked.isoformat() if token.revoked else None,
    }


@tokens.command(short_help="Revoke a token.")
@click.argument("number", metavar="ID", type=click.IntRange(1))
def revoke(number: int) -> None:
    """Revoke the token ID: it opens nothing any more, and who is signed in by it is signed out.

    Ends with 1 where there is none, or it was revoked before.
    """
    with opened_store() as store, store.write() as tx:
        done = service.revoke(tx, typist(), number)
    if not done:
        give_up(f"There is no token {number} to revoke.")
    click.echo(f"Token {number} is revoked.")


@click.command("changes", short_help="List what people changed.")
@click.option("--who", help="Only of those whose name begins so.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program to read.")
def changes_command(who: str | None, limit: int, as_json: bool) -> None:
    """List what people changed, the latest first: by a page, the API or a command."""
    with opened_store() as store, store.read() as tx:
        found = tx.changes.page(limit, who=who)
    if as_json:
        data = [{**asdict(each), "at": each.at.isoformat()} for each in found]
        click.echo(json.dumps(data, indent=2))
        return
    for each in found:
        click.echo(plain(f"{stamp(each.at)} UTC  {each.who}: {each.action}, {each.subject}"))
        for name, side in (("before", each.before), ("after", each.after)):
            if side is not None:
                click.echo(plain(f"    {name:<7}{facts(side)}"))
    if not found:
        click.echo("None.", err=True)
