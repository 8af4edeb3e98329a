"""`followthrough backfill`: incidents of the past, taken up."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import click

from config.rules import Rules
from integrations.tracker import TrackerError
from service import backfilling
from service.backfill_plans import BackfillPlan
from service.backfilling import (
    AlreadyRunning,
    Progress,
    in_words,
    lost_in_words,
    span_in_words,
)
from service.commands.reading import (
    give_up,
    opened_store,
    program,
    read_rules,
    rules_option,
    typist,
)
from service.container import history
from service.explain import plain
from service.outcomes import sentence
from service.store import Store
from service.store.backfills import Backfill, BackfillState
from service.store.codec import dump
from workflows.backfilling import Wish, places
from workflows.policy import Mode

LOOK_EVERY = 2.0  # seconds between two looks at how far it is
MOST_STUCK = 20

_day = click.DateTime(["%Y-%m-%d"])


@click.group(
    invoke_without_command=True, short_help="Take up incidents closed before the team's start."
)
@click.option("--team", "teams", multiple=True, help="Whose; several times for several. All else.")
@click.option("--connection", default="", help="Only those of this connection.")
@click.option("--from", "first", type=_day, help="The first day (UTC) on which they were closed.")
@click.option("--to", "last", type=_day, help="The last such day.")
@click.option("--plan", "only_plan", is_flag=True, help="Only show what would be done.")
@click.option("--documents", is_flag=True, help="Create their documents, too.")
@click.option("--tasks", is_flag=True, help="And the tasks of those; needs --documents.")
@click.option("--no-wait", is_flag=True, help="Do not watch it: a worker does it in any case.")
@click.option("--json", "as_json", is_flag=True, help="The plan for a program to read.")
@rules_option
@click.pass_context
def backfill(
    context: click.Context,
    teams: tuple[str, ...],
    connection: str,
    first: datetime | None,
    last: datetime | None,
    only_plan: bool,
    documents: bool,
    tasks: bool,
    no_wait: bool,
    as_json: bool,
    rules_file: Path | None,
) -> None:
    """Take up incidents that were closed before their team's `start_from`.

    They are recorded as their tickets tell of them, to be searched, counted and found related.
    Nothing is created in a tracker unless --documents, and with it --tasks, asks for it. The
    workers do it, within their part of what the trackers allow; Ctrl-C stops them, and `backfill
    resume` has them go on. It ends with 1 where a place could not be listed. --plan writes nothing.
    """
    if context.invoked_subcommand is not None:
        return
    since, until = _period(first, last)
    if tasks and not documents:
        raise click.UsageError("Tasks link to their document: add --documents.")
    settings, rules = read_rules(rules_file)
    _check(rules, teams, connection)
    with opened_store() as store:
        wish = Wish(
            at=store.clock(),
            since=since,
            until=until,
            teams=teams or tuple(rules.policy.teams),
            documents=documents,
            tasks=tasks,
        )
        if not places(wish, rules.policy, connection):
            give_up(f"{', '.join(wish.teams)}: no incidents on {connection}.")
        if only_plan:
            try:
                found = history(settings, rules, store).plan(wish, connection)
            except TrackerError as error:
                give_up("An incident could not be read:", sentence(error))
            _show(found, wish, rules, as_json)
            return
        try:
            with store.write() as tx:
                number = backfilling.begin(tx, wish, rules.policy, connection, typist())
        except AlreadyRunning as error:
            _running(error)
        click.echo(f"Backfill {number} has begun; a running worker does it.")
        if not no_wait:
            _watch(store, number)


@backfill.command(short_help="Show how far a backfill is.")
@click.argument("number", type=int, required=False)
def status(number: int | None) -> None:
    """Show how far the backfill of this NUMBER is, or the last one. Asks the database only."""
    with opened_store() as store:
        found = _of(store, number)
        with store.read() as tx:
            told = backfilling.progress(tx, found)
            stuck = tx.backfills.stuck(found.id, MOST_STUCK)
    for line in _asked(found):
        click.echo(plain(line))
    click.echo(plain(in_words(told)))
    for place in told.lost:
        click.echo(plain(f"  {lost_in_words(place)}"))
    for each in stuck:
        click.echo(plain(f"  {each.key} waits for a person: {each.words}"))


@backfill.command(short_help="Have the running backfill stop.")
def stop() -> None:
    """Have the running backfill read no more tickets; what it has begun ends."""
    with opened_store() as store, store.write() as tx:
        running = tx.backfills.latest(BackfillState.RUNNING)
        if running is None:
            give_up("No backfill is running.")
        backfilling.stop(tx, running, typist())
    click.echo(_stopped(running.id))


@backfill.command(short_help="Have a backfill go on that stopped, or ended without a place.")
@click.argument("number", type=int, required=False)
@click.option("--no-wait", is_flag=True, help="Do not watch it.")
def resume(number: int | None, no_wait: bool) -> None:
    """Have the backfill of this NUMBER go on where it was, or the last one that can.

    It was stopped, or it ended and places could not be listed: these are asked anew.
    """
    with opened_store() as store:
        found = _resumable(store) if number is None else _of(store, number)
        with store.read() as tx:
            told = backfilling.progress(tx, found)
        if found.state is not BackfillState.STOPPED and not told.ended_without:
            give_up(f"Backfill {found.id} is {found.state.value}.")
        try:
            with store.write() as tx:
                backfilling.resume(tx, found, typist())
        except AlreadyRunning as error:
            _running(error)
        click.echo(f"Backfill {found.id} goes on.")
        if not no_wait:
            _watch(store, found.id)


def _period(first: datetime | None, last: datetime | None) -> tuple[datetime, datetime]:
    """From the first of these days until after the last, in UTC."""
    if first is None or last is None:
        raise click.UsageError("Say which: --from 2025-01-01 --to 2025-12-31.")
    if last < first:
        raise click.UsageError("--to is before --from.")
    return first.replace(tzinfo=UTC), last.replace(tzinfo=UTC) + timedelta(days=1)


def _check(rules: Rules, teams: tuple[str, ...], connection: str) -> None:
    known = rules.policy.teams
    for team in teams:
        if team not in known:
            give_up(f"No team is called {team}. The rules have: {', '.join(known)}.")
    if connection and connection not in rules.connections:
        names = ", ".join(rules.connections)
        give_up(f"No connection is called {connection}. The rules have: {names}.")


def _of(store: Store, number: int | None) -> Backfill:
    """The backfill of this number, or the last one."""
    with store.read() as tx:
        found = tx.backfills.latest() if number is None else tx.backfills.get(number)
    if found is None:
        give_up(
            "There was no backfill yet." if number is None else f"There is no backfill {number}."
        )
    return found


def _resumable(store: Store) -> Backfill:
    with store.read() as tx:
        found = tx.backfills.resumable()
    if found is None:
        give_up("There is no stopped backfill, and none that ended without a place.")
    return found


def _running(error: AlreadyRunning) -> NoReturn:
    number = error.running.id
    give_up(
        f"Backfill {number} is running, and there is one at a time.",
        f"`{program()} backfill status` says how far it is, `{program()} backfill stop` stops it.",
    )


def _watch(store: Store, number: int) -> None:
    """Tell how far it is until it is done, or stopped by whomever. Ctrl-C stops it. Exits with 1
    where it ended without a place."""
    shown = ""
    try:
        while True:
            with store.read() as tx:
                found = tx.backfills.get(number)
                told = backfilling.progress(tx, found) if found else None
            if found is None or told is None:
                return
            if (line := in_words(told)) != shown:
                click.echo(plain(line))
                shown = line
            if found.state is not BackfillState.RUNNING:
                break
            time.sleep(LOOK_EVERY)
    except KeyboardInterrupt:
        with store.write() as tx:
            found = tx.backfills.get(number)
            if found is not None and found.state is BackfillState.RUNNING:
                backfilling.stop(tx, found, typist())
        click.echo(f"\n{_stopped(number)}")
        return
    _tell_lost(told)


def _tell_lost(told: Progress) -> None:
    for place in told.lost:
        click.echo(plain(f"  {lost_in_words(place)}"))
    if told.ended_without:
        click.echo(f"Mend that, then `{program()} backfill resume {told.backfill.id}`.")
        raise SystemExit(1)


def _stopped(number: int) -> str:
    return f"Backfill {number} is stopped; `{program()} backfill resume` has it go on."


# --- in words -------------------------------------------------------------------------------------


def _asked(found: Backfill) -> Iterator[str]:
    wish = found.wish
    last = wish.until - timedelta(days=1)
    what = "recorded" + ", with documents" * wish.documents + " and tasks" * wish.tasks
    yield (
        f"Backfill {found.id}, asked for by {found.by}: incidents of {', '.join(wish.teams)} closed"
        f" {wish.since:%Y-%m-%d} to {last:%Y-%m-%d}, {what}"
    )


def _show(found: BackfillPlan, wish: Wish, rules: Rules, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(dump(BackfillPlan, found), indent=2))
    else:
        for line in _told(found, wish, rules):
            click.echo(plain(line))
    if any(place.failed for place in found.places):
        raise SystemExit(1)


def _told(found: BackfillPlan, wish: Wish, rules: Rules) -> Iterator[str]:
    for place in found.places:
        if place.failed:
            yield f"{place.place} of {place.connection} could not be listed: {place.failed}"
        else:
            known = f", {place.known} of them known already" if place.known else ""
            yield (
                f"{place.place} of {place.connection}: {place.tickets} tickets,"
                f" {place.incidents} of them incidents of the period{known}"
            )
    if not found.incidents:
        yield "Nothing would be recorded."
        return
    by = ", ".join(f"{count} {severity}" for severity, count in found.severities.items())
    yield f"Recorded would be {found.incidents} ({by})."
    whole = found.read_whole == found.incidents
    tasks = f"{found.tasks} tasks" if whole else f"about {found.tasks} tasks"
    asked = {
        (False, False): "Created would be nothing. With --documents {d}, with --tasks too {t}.",
        (True, False): "Created would be {d}. With --tasks too {t}.",
        (True, True): "Created would be {d} and {t}.",
    }[wish.documents, wish.tasks]
    yield asked.format(d=f"{found.documents} documents", t=tasks)
    if not whole:
        yield f"(The tasks are counted by {found.read_whole} incidents that were read whole.)"
    creating = wish.documents
    takes = timedelta(seconds=found.seconds_creating if creating else found.seconds)
    bound = found.bound_creating if creating else found.bound
    yield (
        f"That is about {found.reads} reads"
        + (" and a write for each that is created, at least" if creating else "")
        + f". It takes {span_in_words(takes)} or more"
        + (f", by a backfill's part of what is allowed ({bound})." if bound else ".")
    )
    for name in wish.teams:
        if creating and rules.policy.teams[name].mode is Mode.PLAN:
            yield f"{name} only plans: what is created would wait until it acts."
    yield f"Nothing was written. {found.calls} calls were made to find this out."
