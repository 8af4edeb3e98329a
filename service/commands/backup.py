"""`followthrough backup` and `followthrough restore`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from service import backups
from service.clock import clock_of
from service.commands.reading import data_in_use, give_up, opened_store, program, read_settings
from service.commands.starting import data_taken
from service.store import Transaction
from service.store.workers import ALIVE_FOR

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("backup", short_help="Write the database into one file.")
@click.argument("file", type=_FILE)
def backup_command(file: Path) -> None:
    """Write all that the service keeps into the new FILE, while it runs or not.

    The database is copied as it stands at one moment, and looked through. FILE is readable by its
    owner only, and no file is ever replaced. Ends with 1, and without a FILE, where that fails.
    """
    settings = read_settings()
    try:
        contents = backups.take(settings, file)
    except backups.Refused as refused:
        give_up(refused.words, refused.mend)
    size = file.stat().st_size / 1_000_000
    click.echo(f"{file}: {_incidents(contents.incidents)}, {size:,.1f} MB. It is in order.")


@click.command("restore", short_help="Go on from a backup.")
@click.argument("file", type=_FILE, required=False)
@click.option("--replace", is_flag=True, help="Where a database is; it is kept beside the new one.")
@click.option(
    "--done", is_flag=True, help="Without FILE: the database was put back by other means, note it."
)
def restore_command(file: Path | None, replace: bool, done: bool) -> None:
    """Let the service go on from the backup FILE. It must not run.

    What it did in the trackers after the backup was taken is looked for there, and not done again.
    PostgreSQL is put back with its own tools, and then this is told of it with --done.
    """
    settings = read_settings()
    if done == (file is not None):
        give_up("Name the FILE of a backup, or --done after another tool put the database back.")
    if file is None:
        with data_in_use(), data_taken(settings), opened_store() as store, store.write() as tx:
            _need_nobody(tx)
            taken_at = tx.restorations.mark()
        click.echo(f"Noted. {_goes_on(taken_at)}")
        return
    with data_in_use(), data_taken(settings):
        try:
            restored = backups.put_back(settings, file, clock_of(settings), replace=replace)
        except backups.Refused as refused:
            give_up(refused.words, refused.mend)
    click.echo(f"Restored: {_incidents(restored.contents.incidents)}.")
    if restored.aside is not None:
        click.echo(f"The database that was there is kept as {restored.aside}.")
    click.echo(_goes_on(restored.taken_at))


def _need_nobody(tx: Transaction) -> None:
    """Give up while a worker is heard of: its job would be given to another one, too."""
    if alive := tx.workers.alive():
        named = ", ".join(f"process {each.pid} on {each.host}" for each in alive)
        give_up(
            f"Workers were heard of in the last {ALIVE_FOR.seconds} seconds: {named}.",
            "Stop every web and worker process, and try again. Where none runs, the database was"
            " put back as it was moments ago: try again in a minute.",
        )


def _goes_on(taken_at: datetime) -> str:
    at = taken_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return (
        f"What the service did after {at} is looked for in the trackers before it is done again."
        " Tokens that were revoked since then count again:"
        f" `{program()} tokens list` shows them."
    )


def _incidents(count: int) -> str:
    return f"{count:,} incident{'' if count == 1 else 's'}"
