"""`followthrough trackers`: how each tracker stands, and what waits for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from service.commands.reading import opened_store, read_rules, rules_option
from service.container import limits
from service.explain import plain
from service.standings import Answers, Standing, standings
from service.store.codec import dump
from workflows.timeline import length_in_words


@click.command(short_help="Show how each tracker stands.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program to read.")
@rules_option
def trackers(as_json: bool, rules_file: Path | None) -> None:
    """Show how each tracker stands: down or not, what of its limits is used, and what waits.

    Read from what the service knows; nothing is asked of a tracker. Ends with 1 when one is down.
    """
    _, rules = read_rules(rules_file)
    with opened_store() as store, store.read() as tx:
        found = standings(tx, limits(rules))
    if as_json:
        click.echo(json.dumps([dump(Standing, each) for each in found], indent=2))
    else:
        for standing in found:
            for line in _told(standing):
                click.echo(plain(line))
    if any(standing.answers is Answers.NO for standing in found):
        raise SystemExit(1)


def _told(standing: Standing) -> Iterator[str]:
    circuit = standing.circuit
    since = f" since {_at(circuit.since)}: {circuit.why}" if circuit.probe_at else ""
    yield f"{standing.connection}: {standing.answers}{since}"
    if circuit.probe_at:
        yield f"  one call looks at {_at(circuit.probe_at)} whether it is back"
    for used in standing.used:
        within = length_in_words(used.length)
        yield f"  {used.budget}: {used.used} of {used.most} used in the last {within}"
    if circuit.quota:
        quota = circuit.quota
        yield f"  requests: {quota.left} of {quota.limit} left until {_at(quota.reset)}"
    for pause in standing.pauses:
        what = pause.scope or "everything"
        yield f"  no more of {what} until {_at(pause.until)}: {pause.why}"
    if standing.waiting:
        yield f"  {standing.waiting} waiting, the first of them:"
    for wait in standing.next:
        yield f"    {wait.ticket} until {_at(wait.until)}: {wait.why or 'no reason given'}"


def _at(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at else "?"
