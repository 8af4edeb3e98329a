"""`followthrough accept`: make an action item of what somebody only proposed."""

from __future__ import annotations

import click

from service import acts
from service.accepting import NotAcceptable
from service.commands.reading import find_or_give_up, give_up, opened_store, typist
from service.explain import plain
from workflows.model import Phase
from workflows.proposals import number_in


@click.command("accept", short_help="Make an action item of a proposal.")
@click.argument("ticket")
@click.argument("proposal")
def accept_command(ticket: str, proposal: str) -> None:
    """Make an action item of PROPOSAL (P-2) of the incident TICKET.

    TICKET is a key (INC-42, acme/ops#42), an address, or the incident's own id; `followthrough
    explain` lists its proposals. Ends with 1, and does nothing, when there is no such proposal.
    """
    number = number_in(proposal)
    if number is None:
        give_up(f"{proposal} is no proposal's name: write it as P-2.")
    with opened_store() as store, store.write() as tx:
        record = find_or_give_up(tx, ticket)
        try:
            found = acts.accept_proposal(tx, typist(), record, number)
        except NotAcceptable as error:
            give_up(plain(f"Nothing was done: {error}."))
    click.echo(plain(f"{found.name} is accepted: {found.title}"))
    if record.incident.phase is Phase.OPEN:
        click.echo("It becomes an action item once the ticket is closed again.")
    else:
        click.echo("It becomes an action item as soon as a worker runs.")
