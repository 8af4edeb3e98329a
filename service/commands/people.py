"""`followthrough people`: who is who across trackers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import click

from service.commands.reading import opened_store, read_rules, rules_option
from service.explain import plain
from service.store.codec import dump
from service.who import RULES, Account, Who, who_is_who


@click.command("people", short_help="Show who is who across trackers.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program to read.")
@rules_option
def people_command(as_json: bool, rules_file: Path | None) -> None:
    """Show who is who across trackers, and who is known in one tracker alone.

    Read from the rules and from what the service has seen; nothing is asked of a tracker.
    """
    _, rules = read_rules(rules_file)
    with opened_store() as store, store.read() as tx:
        found = who_is_who(tx.people.all(), tx.people.in_vain(), rules.policy)
    if as_json:
        click.echo(json.dumps(dump(Who, found), indent=2))
        return
    for line in _told(found):
        click.echo(plain(line))


def _told(found: Who) -> Iterator[str]:
    yield "Told across trackers"
    for person in found.mapped:
        accounts = [_account(account) for account in person.accounts]
        accounts += [f"{kind}: not known" for kind in person.unknown]
        yield f"  {_line(person.name)}  {', '.join(accounts)}"
    if not found.mapped:
        yield "  nobody"
    if found.unmapped:
        yield ""
        yield "Known in one tracker alone, and never set as owner in another"
    for one in found.unmapped:
        name = "" if one.name == one.handle else f"{_line(one.name)}  "
        where = f", named in {one.ticket}" if one.ticket else ""
        left = " (left)" if one.left else ""
        yield f"  {name}{one.connection}: {_line(one.handle)}{left}{where}"
        yield f"    → under people in the rules: {one.line}"
    if found.in_vain:
        yield ""
        yield "Looked for, and not found"
    for asked in found.in_vain:
        at = asked.asked_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        words = f": {_line(asked.words)}" if asked.words else ""
        yield f"  {asked.connection}: {_line(asked.word)} (by {asked.way}), {at}{words}"


def _account(account: Account) -> str:
    by = "" if account.way == RULES else f" (by {account.way})"
    left = " (left)" if account.left else ""
    return f"{account.kind}: {_line(account.handle)}{by}{left}"


def _line(text: str) -> str:
    """In one line, so that no name can pass for another entry."""
    return " ".join(text.split())
