"""`followthrough dead-letters`: what was refused or could not be read, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import click

from service import acts
from service import dead_letters as letters
from service.commands.reading import (
    give_up,
    opened_store,
    program,
    read_rules,
    typist,
)
from service.container import doors
from service.dead_letters import DeadLetter, LetterKind, NoSuchLetter
from service.explain import plain, sent
from service.store import Transaction
from service.store.codec import dump
from workflows.timeline import stamp

_connection = click.option("--connection", help="Only those of this connection.")


@click.group("dead-letters", short_help="See what was refused; replay it or give it up.")
def dead_letters() -> None:
    """See what a tracker refused and what could not be read; replay it or give it up."""


@dead_letters.command("list", short_help="List all dead letters.")
@_connection
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program to read.")
def list_letters(connection: str | None, as_json: bool) -> None:
    """List all dead letters: what was wanted, what the tracker said, and what to do."""
    with opened_store() as store, store.read() as tx:
        found = list(letters.dead_letters(tx, connection))
    if as_json:
        click.echo(json.dumps([dump(DeadLetter, each) for each in found], indent=2))
        return
    for each in found:
        for line in _told(each):
            click.echo(plain(line))
        click.echo()
    if not found:
        click.echo("There is no dead letter.", err=True)
        return
    noun = "1 dead letter" if len(found) == 1 else f"{len(found)} dead letters"
    click.echo(f"{noun}. Once the cause is mended: `{program()} dead-letters replay ID`, or --all.")
    click.echo(f"To give one up: `{program()} dead-letters drop ID --why …`.")


@dead_letters.command()
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program to read.")
def show(id: str, as_json: bool) -> None:
    """Show the dead letter ID (e12, d34) in full."""
    with opened_store() as store, store.read() as tx, _known():
        found = letters.letter(tx, id)
        delivered = _sent(tx, found)
    if as_json:
        click.echo(json.dumps(dump(DeadLetter, found), indent=2))
        return
    for line in _told(found):
        click.echo(plain(line))
    if delivered:
        click.echo(f"\n{delivered}")


@dead_letters.command()
@click.argument("id", required=False)
@click.option("--all", "every", is_flag=True, help="All of them, after a mend.")
@_connection
def replay(id: str | None, every: bool, connection: str | None) -> None:
    """Try the dead letter ID again, or --all. Nothing is created twice by it."""
    if (id is None) is not every:
        raise click.UsageError("Name one dead letter, or say --all.")
    if connection is not None and not every:
        raise click.UsageError("--connection goes with --all.")
    with opened_store() as store, store.write() as tx, _known():
        ids = [each.id for each in letters.dead_letters(tx, connection)] if id is None else [id]
        found = [letters.letter(tx, each) for each in ids]
        done = [each.id for each in found if acts.replay_letter(tx, typist(), each)]
        still = [letters.letter(tx, each.id) for each in found if each.id not in done]
    for each in still:
        click.echo(plain(f"{each.id} is no dead letter: {each.standing}."))
    if done:
        them = "it is" if len(done) == 1 else "they are"
        click.echo(f"{', '.join(done)}: {them} tried again as soon as a worker runs.")
    elif not ids:
        click.echo("There is no dead letter.", err=True)


@dead_letters.command(short_help="Give a dead letter up.")
@click.argument("id")
@click.option("--why", required=True, help="The reason, which stays on record.")
def drop(id: str, why: str) -> None:
    """Give the dead letter ID up: the incident goes on without it, and says so."""
    reason = " ".join(why.split())
    if not reason:
        raise click.UsageError("Say why; the reason stays on record.")
    with opened_store() as store, store.write() as tx, _known():
        done = acts.drop_letter(tx, typist(), letters.letter(tx, id), why=reason)
        found = letters.letter(tx, id)
    if not done:
        give_up(plain(f"{found.id} is no dead letter: {found.standing}."))
    click.echo(f"{found.id} is given up.")


@contextmanager
def _known() -> Iterator[None]:
    try:
        yield
    except NoSuchLetter as error:
        give_up(
            f"{str(error)[:1].upper()}{str(error)[1:]}.", f"See `{program()} dead-letters list`."
        )


def _told(letter: DeadLetter) -> Iterator[str]:
    margin = " " * 6
    about = f"{letter.ticket.key}  {_line(letter.title)}" if letter.ticket else letter.connection
    yield f"{letter.id:<5} {about}"
    yield (
        f"{margin}Could not {_line(letter.wanted)}"
        if letter.waits
        else (f"{margin}To {_line(letter.wanted)}: {_line(letter.standing)}")
    )
    if letter.kind is LetterKind.EFFECT:
        times = "1 time" if letter.attempts == 1 else f"{letter.attempts} times"
        yield f"{margin}Tried {times}, last at {stamp(letter.at)} UTC, through {letter.connection}"
    else:
        yield f"{margin}Received {stamp(letter.at)} UTC from {letter.connection}"
    if letter.words:
        said = "The tracker said" if letter.kind is LetterKind.EFFECT else "Because"
        yield f"{margin}{said}: {_line(letter.words)}"
    if letter.mend:
        yield f"{margin}→ {_line(letter.mend)}"


def _sent(tx: Transaction, letter: DeadLetter) -> str:
    """What was delivered, as far as it may be shown; "" for an effect."""
    if letter.kind is LetterKind.EFFECT:
        return ""
    return sent(tx, doors(read_rules(None)[1]), int(letter.id[1:]))


def _line(text: str) -> str:
    """In one line, so that no title can pass for another letter."""
    return " ".join(text.split())
