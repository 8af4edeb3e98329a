"""`followthrough review` and `followthrough publish`: what a postmortem lacks; publishing it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from service import acts
from service.commands.reading import (
    find_or_give_up,
    give_up,
    opened_store,
    program,
    read_rules,
    rules_option,
    typist,
)
from service.explain import cut, plain
from workflows.perspectives import unheard
from workflows.publishing import advised
from workflows.review import Missing, missing
from workflows.wording import Advice


@click.command("review", short_help="Show what a postmortem lacks.")
@click.argument("ticket")
@rules_option
def review_command(ticket: str, rules_file: Path | None) -> None:
    """Show what the postmortem of TICKET lacks before it can be published, which of its sentences
    blame, and which perspectives have not answered.

    It is looked through as it was last read. Ends with 1 while something is missing; the rest is
    advice.
    """
    _, rules = read_rules(rules_file)
    with opened_store() as store, store.read() as tx:
        incident = find_or_give_up(tx, ticket).incident
    lacks = missing(incident)
    if lacks is None:
        give_up(f"The postmortem of {incident.ticket.key} was not read yet.")
    for line in (*_lines(lacks), *_wording(advised(incident, rules.policy.people))):
        click.echo(plain(line))
    if silent := unheard(incident):
        click.echo(f"Not heard yet, as advice: {', '.join(silent)}")
    if lacks:
        raise SystemExit(1)
    click.echo("Nothing is missing.", err=True)


@click.command("publish", short_help="Publish a postmortem that is a local file.")
@click.argument("ticket")
def publish_command(ticket: str) -> None:
    """Publish the postmortem of TICKET, where its own place has no way to say that it is.

    That is a file in a local directory: others are merged, or closed. Ends with 1, and publishes
    nothing, while something is missing; what that is, is listed.
    """
    with opened_store() as store, store.write() as tx:
        answer = acts.publish_document(tx, typist(), find_or_give_up(tx, ticket))
    if not answer.granted:
        give_up(*_lines(answer.missing), answer.words)
    click.echo(plain(answer.words))
    click.echo(f"A worker does it as soon as one runs; `{program()} versions {ticket}` lists it.")


def _lines(lacks: Iterable[Missing]) -> Iterator[str]:
    for each in lacks:
        yield f"{each.where}: {each.what}"
        yield f"  → {each.write}"


def _wording(found: Iterable[Advice]) -> Iterator[str]:
    for each in found:
        where = f"line {each.line}" if each.line else "somewhere"
        yield f"Wording, {where}: {cut(each.sentence)}"
        yield f"  “{each.phrase}”: {each.why}"
        yield f"  → {each.better}"
