"""`followthrough related`: incidents that may have to do with one, and saying that one has not."""

from __future__ import annotations

import click

from service import acts
from service.commands.reading import find_or_give_up, give_up, opened_store, program, typist
from service.explain import plain
from service.related import NotDismissable, related
from service.store import Transaction
from service.store.incidents import IncidentRecord
from workflows.sight import EVERYTHING


@click.command("related", short_help="List incidents that may be related.")
@click.argument("ticket")
@click.option("--dismiss", "other", metavar="INC-7", help="It has nothing to do with TICKET.")
@click.option("--because", "why", default="", help="Why it has not; kept with your name.")
@click.option("--take-back", "again", metavar="INC-7", help="Somebody dismissed it, and erred.")
def related_command(ticket: str, other: str | None, why: str, again: str | None) -> None:
    """List incidents that may have to do with TICKET, each with the reason.

    With --dismiss, one of them is proposed no more, for neither of the two; and where both counted
    as a recurrence, they do so no more. Ends with 1, and does nothing, without a reason. With
    --take-back, that counts no more.
    """
    if other is not None and again is not None:
        raise click.UsageError("--dismiss and --take-back exclude each other.")
    if other is None and again is None:
        with opened_store() as store, store.read() as tx:
            _list(tx, find_or_give_up(tx, ticket))
        return
    with opened_store() as store, store.write() as tx:
        record = find_or_give_up(tx, ticket)
        try:
            if again is not None:
                known = _dismissed(tx, record, again)
                told = acts.take_back_dismissal(tx, typist(), record, known)
            else:
                known = _other(tx, record, other or "")
                told = acts.dismiss_related(tx, typist(), record, known, why)
        except NotDismissable as error:
            give_up(f"Nothing was done: {error}.")
    click.echo(plain(told))


def _list(tx: Transaction, record: IncidentRecord) -> None:
    found = related(tx, record.incident, EVERYTHING)
    for each in found:
        click.echo(plain(f"{each.known.key}  {each.known.title}"))
        click.echo(plain(f"  {each.why}"))
    for id, said in tx.dismissals.of_incident(record.incident.id).items():
        kept = tx.learning.kept(id)
        key = kept.facts.key if kept else id
        click.echo(plain(f"{key}  dismissed by {said.by}, {said.at:%Y-%m-%d}: {said.why}"))
    if found:
        key = record.incident.ticket.key
        how = f"{program()} related {key} --dismiss {found[0].known.key} --because WHY"
        click.echo(plain(f"→ {how}"))
    else:
        click.echo("None.", err=True)


def _other(tx: Transaction, record: IncidentRecord, typed: str) -> str:
    """The id of the incident that is meant; among those that are proposed, an imported one may be
    named by its key too."""
    proposed = related(tx, record.incident, EVERYTHING)
    ids = [each.known.id for each in proposed if typed in (each.known.key, each.known.id)]
    return ids[0] if len(ids) == 1 else find_or_give_up(tx, typed).incident.id


def _dismissed(tx: Transaction, record: IncidentRecord, typed: str) -> str:
    """The same among those that were dismissed."""
    said = tx.dismissals.of_incident(record.incident.id)
    known = {id: kept.facts.key for id in said if (kept := tx.learning.kept(id)) is not None}
    ids = [id for id, key in known.items() if typed in (id, key)]
    return ids[0] if len(ids) == 1 else find_or_give_up(tx, typed).incident.id
