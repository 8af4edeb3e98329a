"""`followthrough reconcile` and `followthrough drift`: what nobody told of, and what was done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from service.closings import ask_for_closings
from service.commands.reading import opened_store, program, read_rules, rules_option, typist
from service.comparing import Found, Result, mark
from service.container import comparison
from service.explain import plain
from service.jobs import AWAITED
from service.store.codec import Json, dump
from service.store.drifts import DriftRecord
from workflows.drift import TICKET, Drift, in_words
from workflows.timeline import stamp


@click.command(short_help="Look through every place with tasks now.")
@click.option("--dry-run", is_flag=True, help="Only show what differs; nothing is changed.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program to read.")
@rules_option
def reconcile(dry_run: bool, as_json: bool, rules_file: Path | None) -> None:
    """Look through every place with remediation tasks now, and set right what nobody told of.

    Shows each task that differs from what was agreed on with it; a worker reads it again and does
    the rest. Where closed milestones are kept in sync, those are looked at too. The trackers'
    limits are kept to, also while the service runs. Ends with 1 when a place could not be looked
    through.
    """
    settings, rules = read_rules(rules_file)
    results: list[Result] = []
    with opened_store() as store:
        for result in comparison(settings, rules, store).everywhere():
            results.append(result)
            if not dry_run:
                with store.write() as tx:
                    mark(tx, result.found, AWAITED)
        if not dry_run:
            with store.write() as tx:
                ask_for_closings(tx, rules.policy, "asked for by reconcile")
                after: Json = {"found": len(results)}
                tx.changes.add(typist(), "reconcile", "all places", None, after)
    if as_json:
        click.echo(json.dumps([dump(Result, each) for each in results], indent=2))
    else:
        for line in _told(results, dry_run):
            click.echo(plain(line))
    if any(result.failed for result in results):
        raise SystemExit(1)


@click.command(short_help="List differences that nobody had told of.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program to read.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many."
)
def drift(as_json: bool, limit: int) -> None:
    """List what was found to differ although nobody had told of it, and what was done about it.

    The latest first. Asks the database only.
    """
    with opened_store() as store, store.read() as tx:
        found = tx.drifts.page(limit)
    if as_json:
        click.echo(json.dumps([dump(DriftRecord, each) for each in found], indent=2))
        return
    for each in found:
        became = each.became.value if each.became else "waits to be read again"
        click.echo(
            plain(f"{stamp(each.found_at)} UTC  {_name(each.key, each.item, each.incident)}")
        )
        click.echo(plain(f"    {_difference(each.drift)}: {became}"))
    if not found:
        click.echo("Nothing differed that had not been told of.", err=True)


def _told(results: list[Result], dry_run: bool) -> Iterator[str]:
    for result in results:
        for found in result.found:
            yield _name(found.ref.key, found.item, found.incident) + _standing(found)
            for each in found.drifts:
                yield f"    {_difference(each)}"
            if not found.drifts:
                yield "    nothing is known to differ: it is read to be sure"
        if result.failed:
            yield f"{result.place} of {result.connection} was not looked through: {result.failed}"
    if not results:
        yield "No task is known yet."
        return
    count = sum(len(result.found) for result in results)
    places = "1 place" if len(results) == 1 else f"{len(results)} places"
    tasks = {0: "No task differs", 1: "1 task differs"}.get(count, f"{count} tasks differ")
    yield f"{tasks} in {places}."
    if count and dry_run:
        yield f"Nothing was changed. `{program()} reconcile` has it set right."
    elif count:
        yield f"A worker reads them again; `{program()} drift` tells what was done."


def _name(key: str, item: str, incident: str) -> str:
    return f"{key} ({item} of {incident})"


def _standing(found: Found) -> str:
    if found.told:
        return ", told already and about to be read"
    return ", changed only now" if found.fresh else ""


def _difference(drift: Drift) -> str:
    since = f", since {stamp(drift.since)} UTC" if drift.since else ""
    if drift.what == TICKET:
        now = f"is {drift.found} now" if drift.found else "is not where it was"
        return f"the ticket {now}{since}"
    return f"{drift.what}: {in_words(drift.agreed)} → {in_words(drift.found)}{since}"
