"""`followthrough explain` and `followthrough deliveries`: look at what the store knows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from textwrap import indent

import click

from service import acts
from service.commands.reading import find_or_give_up, give_up, opened_store, read_rules, typist
from service.container import doors
from service.explain import GONE, Explanation, cut, explain, in_words, plain, sent
from service.store.codec import dump
from service.store.deliveries import Delivery, DeliveryState
from workflows.apart import Apart
from workflows.choices import EMPTY
from workflows.model import ActionItem, Proposal
from workflows.proposals import details
from workflows.remarks import with_remark
from workflows.snapshots import Side

_MARGIN = " " * 32  # as wide as a time and a kind


@click.command("explain", short_help="Show what happened to an incident, and why.")
@click.argument("ticket")
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program to read.")
def explain_command(ticket: str, as_json: bool) -> None:
    """Show what happened to TICKET and why: every delivery, decision, effect and outcome.

    TICKET is a key (INC-42, acme/ops#42), an address, or the incident's own id. Ends with 1 when
    nothing is known by that name.
    """
    with opened_store() as store, store.read() as tx:
        record = find_or_give_up(tx, ticket)
        found = explain(tx, record.incident.id)
    if found is None:
        raise LookupError(record.incident.id)
    if as_json:
        click.echo(json.dumps(dump(Explanation, found), indent=2))
    else:
        for line in _told(found):
            click.echo(plain(line))


def _told(found: Explanation) -> Iterator[str]:
    yield from _header(found)
    if found.refused or (found.job and found.job.failures):
        yield ""
        yield "Needs you"
        for effect in found.refused:
            yield f"  e{effect.id}  Could not {in_words(effect.wish)}: {cut(effect.words)}"
            if effect.mend:
                yield f"  → {effect.mend}"
        if found.job and found.job.failures:
            yield f"  Work on it failed {found.job.failures} times in a row: {found.job.reason}"
            yield f"  → it is tried again at {_at(found.job.due_at)}"
    yield ""
    for entry in found.entries:
        mark = "!" if entry.trouble else " "
        yield f"{_at(entry.at)}{mark} {entry.kind.value:<9} {_line(entry.title)}"
        if entry.detail:
            yield indent(entry.detail, _MARGIN)
        if entry.mend:
            yield indent(f"→ {entry.mend}", _MARGIN)
    if not found.entries:
        yield "Nothing is on record yet."


def _header(found: Explanation) -> Iterator[str]:
    incident = found.incident
    yield f"{incident.ticket.key}  {_line(incident.title)}"
    yield incident.ticket.url
    facts = [incident.severity or "severity unknown", incident.service, f"team {incident.team}"]
    closed = f" {_at(incident.closed)}" if incident.closed else ""
    facts.append(f"ticket {incident.phase.value}{closed}")
    yield " · ".join(fact for fact in facts if fact)
    until = f", until {_at(incident.waiting_until)}" if incident.waiting_until else ""
    yield incident.outlook.value + (
        f": {incident.waiting_for}{until}" if incident.waiting_for else ""
    )
    if incident.given_up:
        yield f"no postmortem: {_line(incident.given_up)}"
    if incident.postmortem:
        yield f"postmortem {incident.postmortem.status.value}: {incident.postmortem.ref.url}"
        yield from (f"  {conflict}" for conflict in incident.postmortem.conflicts)
    yield from (f"ahead {_at(each.due)}: {each.what}" for each in found.ahead)
    for item in incident.actions:
        yield from _action(item)
        yield from _differs([each for each in found.apart if each.item == item.number])
    for proposal in incident.proposals:
        yield _proposal(proposal)


def _action(item: ActionItem) -> Iterator[str]:
    without = _line(item.given_up) or "no task yet"
    task = f"{item.task.key} {item.task.url}" if item.task else without
    due = f", due {item.due}" if item.due else ""
    facts = f"{item.kind.value}, {item.owner or 'nobody'}{due}"
    yield f"{item.name}  {_line(item.title)} ({facts}): {task}"
    if item.status:
        yield f"      {with_remark(item)}{_because(item)}"
    yield from (f"      not set: {what}" for what in item.unset)


def _because(item: ActionItem) -> str:
    """What stands behind its end: where evidence is, or why it was waived and by whom."""
    links = [each.url or "a link that only some may read" for each in item.proof.evidence]
    known = item.proof.waiver
    said = f"by {known.by}: {known.reason}" if known else ", ".join(links)
    return f": {_line(said)}" if said else ""


def _differs(fields: Sequence[Apart]) -> Iterator[str]:
    """A small table of what each side says last, where they differ."""
    if not fields:
        return
    sides = [side for side in Side if any(side in each.says for each in fields)]
    rows = [("", "holds", *(side.value for side in sides))]
    for each in fields:
        said = (_value(each.says[side]) if side in each.says else "—" for side in sides)
        mark = "! " if each.waits else ""
        rows.append((f"{mark}{each.field}", _value(each.holds), *said))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"      {'  '.join(cells)}".rstrip()


def _value(value: str | None) -> str:
    return EMPTY if value is None else _line(value)


def _proposal(proposal: Proposal) -> str:
    said = ", ".join(filter(None, (_line(proposal.title), details(proposal))))
    mend = f"; {proposal.instead}" if proposal.instead else ""
    # One that an earlier version wrote down has no number until its ticket is read again.
    name = f"{proposal.name}  " if proposal.number else ""
    return f"{name}proposed: {said} (by {_line(proposal.by)}: {proposal.why}{mend})"


@click.group(short_help="See what trackers told of; replay or drop it.")
def deliveries() -> None:
    """Look at what trackers told of by webhook; replay or drop one.

    ID is the number that `deliveries list` shows.
    """


@deliveries.command("list")
@click.option(
    "--state",
    type=click.Choice([state.value for state in DeliveryState]),
    help="Only those in this state.",
)
@click.option("--connection", help="Only those of this connection.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many."
)
def list_deliveries(state: str | None, connection: str | None, limit: int) -> None:
    """List the latest deliveries, the newest first.

    A line for each: ID, when it came, state, connection, event, and why it is in that state.
    """
    wanted = DeliveryState(state) if state else None
    with opened_store() as store, store.read() as tx:
        found = tx.deliveries.page(connection=connection, state=wanted, limit=limit)
    for delivery in found:
        facts = f"{delivery.id:>6}  {_at(delivery.received_at)}  {delivery.state.value:<10}"
        click.echo(plain(f"{facts}  {delivery.connection}  {delivery.event}  {delivery.why}"))
    if not found:
        click.echo("None.", err=True)


@deliveries.command()
@click.argument("number", metavar="ID", type=int)
@click.option("--raw", is_flag=True, help="Only what was sent, byte for byte, nothing withheld.")
def show(number: int, raw: bool) -> None:
    """Show the delivery ID: what is known of it, and what was sent.

    The words of comments, and of tickets that only some may read, are withheld.
    """
    with opened_store() as store, store.read() as tx:
        delivery, envelope = tx.deliveries.get(number), tx.deliveries.envelope(number)
        told = "" if raw else sent(tx, doors(read_rules(None)[1]), number)
    if delivery is None:
        give_up(f"There is no delivery {number}.")
    if raw:
        if envelope is None:
            give_up(GONE)
        click.echo(envelope.body)
        return
    for name, value in _facts(delivery):
        click.echo(plain(f"{name + ':':<12} {value}"))
    if envelope is not None:
        click.echo(f"{'Size:':<12} {len(envelope.body):,} bytes")
    click.echo(f"\n{told}")


def _facts(delivery: Delivery) -> Iterator[tuple[str, str]]:
    yield "Delivery", str(delivery.id)
    yield "Connection", delivery.connection
    yield "Event", delivery.event
    yield "Sender's id", delivery.delivery_id
    again = " (sent again at our asking)" if delivery.asked_for else ""
    again = again or (" (sent again)" if delivery.repeated else "")
    yield "Received", _at(delivery.received_at) + again
    if delivery.repeats:
        yield "Came again", "1 time" if delivery.repeats == 1 else f"{delivery.repeats} times"
    yield "State", delivery.state.value + (f": {delivery.why}" if delivery.why else "")
    if delivery.handled_at:
        yield "Handled", _at(delivery.handled_at)
    if delivery.incident_id:
        yield "Incident", delivery.incident_id


@deliveries.command()
@click.argument("number", metavar="ID", type=int)
def replay(number: int) -> None:
    """Have the delivery ID worked on again, from what was recorded of it."""
    with opened_store() as store, store.write() as tx:
        found = acts.replay_delivery(tx, typist(), number)
        gone = tx.deliveries.get(number) is not None
    if not found:
        give_up(GONE if gone else f"There is no delivery {number}.")
    click.echo(f"Delivery {number} will be worked on again as soon as a worker runs.")


@deliveries.command()
@click.argument("number", metavar="ID", type=int)
@click.option("--why", required=True, help="The reason, which stays on record.")
def drop(number: int, why: str) -> None:
    """Give up the delivery ID: nobody works on it until it is replayed."""
    with opened_store() as store, store.write() as tx:
        found = acts.drop_delivery(tx, typist(), number, why)
    if not found:
        give_up(f"There is no delivery {number}.")
    click.echo(f"Delivery {number} is dropped.")


def _line(text: str) -> str:
    """In one line, so that no title can pass for an entry, and not at any length."""
    return cut(" ".join(text.split()))


def _at(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
