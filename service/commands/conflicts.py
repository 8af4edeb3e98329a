"""`followthrough conflicts`: what the sides of action items do not agree on, and settling it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from service import acts
from service.choosing import NotChoosable
from service.commands.listing import Listing
from service.commands.reading import (
    find_or_give_up,
    give_up,
    item_number,
    opened_store,
    program,
    typist,
)
from service.explain import plain
from service.store import Transaction
from service.store.incidents import IncidentRecord
from workflows.apart import Apart, apart, whence
from workflows.choices import in_words
from workflows.model import Incident
from workflows.snapshots import Field
from workflows.timeline import stamp

_FIELD = click.Choice([field.value for field in Field], case_sensitive=False)


@click.group(cls=Listing, short_help="List what sides do not agree on, and settle it.")
def conflicts() -> None:
    """Look at what the sides of action items do not agree on, and settle it.

    `followthrough conflicts` lists all of it, `followthrough conflicts INC-42` that of one
    incident.
    """


@conflicts.command("list", short_help="List open conflicts, and what was not taken.")
@click.argument("ticket", required=False)
def list_conflicts(ticket: str | None) -> None:
    """List open conflicts, values that a tracker would not take, and fields that are left alone
    because they kept flipping; of TICKET, or of all incidents."""
    with opened_store() as store, store.read() as tx:
        records = [find_or_give_up(tx, ticket)] if ticket else tx.incidents.apart()
        now = tx.now
    told = [
        line
        for record in records
        for each in apart(record.incident, now)
        if each.waits
        for line in _told(record.incident, each)
    ]
    for line in told:
        click.echo(plain(line))
    if not told:
        click.echo("None: nothing waits for somebody to choose.", err=True)


@conflicts.command("choose", short_help="Settle a conflict: say which value holds.")
@click.argument("ticket")
@click.argument("item")
@click.argument("field", type=_FIELD)
@click.argument("number", type=click.IntRange(min=1), required=False)
@click.option("--value", help='The value itself, as in --value "Kim Lee"; --value "" for nothing.')
def choose_command(
    ticket: str, item: str, field: str, number: int | None, value: str | None
) -> None:
    """Settle a conflict: the claim NUMBER of the list, or the --value, holds from now on.

    ITEM is an action item (AI-1) of the incident TICKET. Ends with 1, and does nothing, when
    nobody said that value.
    """
    if (number is None) == (value is None):
        give_up("Give either the number of a claim, or --value.")
    with opened_store() as store, store.write() as tx:
        record = find_or_give_up(tx, ticket)
        which = number if number is not None else (value or None)
        _settle(tx, record, item, field, which)


@conflicts.command("resume", short_help="Keep a field in sync that was left alone.")
@click.argument("ticket")
@click.argument("item")
@click.argument("field", type=_FIELD)
def resume_command(ticket: str, item: str, field: str) -> None:
    """Keep a FIELD in sync again that is left alone, and try again a value that was refused.

    ITEM is an action item (AI-1) of the incident TICKET. Ends with 1, and does nothing, when the
    field is neither.
    """
    with opened_store() as store, store.write() as tx:
        record = find_or_give_up(tx, ticket)
        try:
            told = acts.resume_field(tx, typist(), record, item_number(item), Field(field))
        except NotChoosable as error:
            give_up(f"Nothing was done: {error}.")
    click.echo(plain(f"{told} A worker does it as soon as one runs."))


def _settle(
    tx: Transaction, record: IncidentRecord, item: str, field: str, which: str | int | None
) -> None:
    try:
        told = acts.choose_value(tx, typist(), record, item_number(item), Field(field), which)
    except NotChoosable as error:
        give_up(f"Nothing was done: {error}.")
    click.echo(plain(told))


def _told(incident: Incident, each: Apart) -> Iterator[str]:
    key, name = incident.ticket.key, f"{each.name} {each.field}"
    how = f"{program()} conflicts %s {key} {name}"
    if each.conflict is not None:
        holds = in_words(each.conflict.kept)
        yield f"{key}  {name}: changed on two sides; {holds} holds until somebody chooses"
        for number, claim in enumerate(each.conflict.claims, 1):
            yield f"  {number}  {in_words(claim.said.value)}  {whence(claim)}"
        yield f"  → {how % 'choose'} NUMBER"
    for side, stuck in (each.stuck or {}).items():
        yield f"{key}  {name}: the {side} would not take {in_words(stuck.value)}: {stuck.words}"
    for side, until in (each.resting or {}).items():
        says = f"{in_words(each.says[side])} there, " if side in each.says else ""
        told = f"it kept being changed back on the {side}; {says}{in_words(each.holds)} here"
        yield f"{key}  {name}: {told}; left alone until {stamp(until)} UTC"
    if each.stuck or each.resting:
        yield f"  → {how % 'resume'}"
