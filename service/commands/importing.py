"""`followthrough import`: postmortems that were written elsewhere."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from service.commands.reading import opened_store
from service.explain import plain
from service.importing import Comes, Coming, files_below, keep, planned
from workflows.imported import read


@click.group("import", short_help="Take over postmortems written elsewhere.")
def import_command() -> None:
    """Take over postmortems that were written elsewhere, to be found by the search."""


@import_command.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--team", default="", help="Whose they are; otherwise no team's.")
@click.option("--plan", "only_plan", is_flag=True, help="Show what would come, and keep nothing.")
def markdown(directory: Path, team: str, only_plan: bool) -> None:
    """Import the Markdown files below DIRECTORY, each a postmortem.

    Done again, only what is new or changed is imported; what is gone there stays. No ticket, no
    task and no reminder ever comes of them.
    """
    found = list(files_below(directory))
    with opened_store() as store:
        with store.read() as tx:
            coming = list(planned(found, tx.imports.known(), team))
        for each in coming:
            for line in _told(each, whole=only_plan):
                click.echo(plain(line))
        if not only_plan:
            for each in coming:
                with store.write() as tx:
                    keep(tx, each)
    counts = Counter(each.how for each in coming)
    click.echo(", ".join(f"{counts[how]} {how}" for how in Comes if counts[how]) or "no files")
    if counts[Comes.TOO_LARGE]:
        sys.exit(1)


def _told(coming: Coming, *, whole: bool) -> list[str]:
    """A line about it, and below it what was understood of it."""
    if coming.how is Comes.SAME:
        return []
    other = f" ({coming.other})" if coming.other else ""
    lines = [f"{coming.path}: {coming.how}{other}"]
    if whole and coming.file is not None:
        written = read(coming.path, coming.file.text)
        told = {
            "title": written.title,
            "day": str(written.day or ""),
            "severity": written.severity,
            "service": written.service,
            "tags": ", ".join(written.tags),
            "factors": "; ".join(written.factors),
            "actions": "; ".join(each.title for each in written.actions),
        }
        lines += [f"  {name}: {words or '(not found)'}" for name, words in told.items()]
    return lines
