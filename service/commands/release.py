"""`followthrough release-check`: what one should know of a service before it is released."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from integrations.reviewed import ShowsChecks
from integrations.tracker import TrackerError
from service.commands.reading import give_up, opened_store, read_rules, rules_option
from service.container import shown_checks
from service.explain import plain
from service.store import Store
from workflows.release import CONTEXT, USUAL, Fail, Release, as_data, as_lines, status, stops
from workflows.sight import Sight

STOPPED, WRONG, UNKNOWN = 1, 2, 3  # how it ends

_NOTHING = "none"
_COMMIT = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+)@([0-9a-f]{7,64})")


@click.command("release-check", short_help="List what is known of a service before a release.")
@click.option("--service", required=True, help="Of which service, as incidents name it.")
@click.option(
    "--fail-on",
    type=click.Choice([*(each.value for each in Fail), _NOTHING]),
    multiple=True,
    help="What stops the release; may be given several times. Otherwise late and suspect.",
)
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program to read.")
@click.option(
    "--github", "commit", metavar="OWNER/NAME@SHA", help="Show it on this commit, as a status."
)
@click.option("--connection", help="By which connection; otherwise by the only one there is.")
@rules_option
def release_check(
    service: str,
    fail_on: tuple[str, ...],
    as_json: bool,
    commit: str | None,
    connection: str | None,
    rules_file: Path | None,
) -> None:
    """List what is known of a service before it is released: failure modes that came, preventive
    measures that are late or open, verdicts in doubt, and overdue audits.

    Ends with 0 where nothing stops the release, 1 where something does, 2 where it could not be
    checked or shown, and 3 where no incident of such a service is known. Restricted incidents are
    left out. Asks the database only, unless the commit is to show it.
    """
    if _NOTHING in fail_on and len(fail_on) > 1:
        raise click.UsageError("--fail-on none stands alone.")
    place = _COMMIT.fullmatch(commit) if commit else None
    if commit and place is None:
        raise click.UsageError("Write --github as acme/checkout@ and the commit's SHA.")
    asked = tuple(Fail(each) for each in fail_on if each != _NOTHING) if fail_on else USUAL
    with _wrong_ends_with_two(), opened_store() as store:
        with store.read() as tx:
            found = tx.releases.of(service, tx.now.date(), Sight(None))
        if found is not None and place is not None:
            show(store, found, asked, (place[1], place[2]), connection, rules_file)
    if found is None:
        click.echo(plain(f"No incident of a service {service} is known."), err=True)
        raise SystemExit(UNKNOWN)
    if as_json:
        click.echo(json.dumps(as_data(found, asked), indent=2))
    else:
        for line in as_lines(found, asked):
            click.echo(plain(line))
    if stops(found, asked):
        raise SystemExit(STOPPED)


def show(
    store: Store,
    found: Release,
    fail_on: tuple[Fail, ...],
    commit: tuple[str, str],
    connection: str | None,
    rules_file: Path | None,
) -> None:
    """Show it on the `commit`, a repository and a SHA."""
    settings, rules = read_rules(rules_file)
    shows = _by(connection, shown_checks(settings, rules, store))
    check, words = status(found, fail_on)
    try:
        shows.show(*commit, CONTEXT, check, words)
    except TrackerError as error:
        give_up(*filter(None, (error.words, error.mend)))


def _by(connection: str | None, known: Mapping[str, ShowsChecks]) -> ShowsChecks:
    """The connection that somebody named, or the only one that can. Otherwise the program ends."""
    if connection is None and len(known) == 1:
        return next(iter(known.values()))
    if connection is None or connection not in known:
        names = ", ".join(known) or "none"
        give_up(f"Say with --connection which one shows it. These can: {names}.")
    return known[connection]


@contextmanager
def _wrong_ends_with_two() -> Iterator[None]:
    """Rules, settings or a database that cannot be used end other commands with 1, which means here
    that something stops the release."""
    try:
        yield
    except SystemExit as end:
        raise SystemExit(WRONG if end.code == 1 else end.code) from None
