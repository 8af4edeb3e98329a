"""`followthrough patterns`: factors that recur, listed or as Markdown files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from service.commands.reading import give_up, opened_store, read_rules, rules_option
from service.explain import plain
from service.store import Transaction
from workflows.learning_rules import LearningRules
from workflows.pattern_text import MARK, MOST, Entry, files
from workflows.patterns import Pattern
from workflows.sight import Sight

_AT_ONCE = 200


@click.command(short_help="List factors that more than one incident names.")
@click.option("--team", help="Of this team alone.")
@click.option(
    "--markdown",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the pattern library into this directory.",
)
@rules_option
def patterns(team: str | None, directory: Path | None, rules_file: Path | None) -> None:
    """List contributing factors that more than one incident names, what matters most first.

    With --markdown, one file for each and an index are written; files that were written so before
    and are of no pattern any more are removed. Restricted incidents are left out of them.
    """
    _, rules = read_rules(rules_file)
    learning = rules.policy.learning
    if team is not None and team not in rules.policy.teams:
        give_up(f"The rules have no team {team}. They have: {', '.join(rules.policy.teams)}.")
    sight = Sight(None if team is None else frozenset({team}), restricted=directory is None)
    with opened_store() as store, store.read() as tx:
        if directory is not None:
            entries = [_entry(tx, each, sight) for each in _all(tx, learning, sight)]
            quarters = [str(each) for each in tx.patterns.quarters]
            _write(directory, files(entries, quarters))
            return
        found = list(_all(tx, learning, sight))
    for each in found:
        click.echo(plain(_line(each)))
    if not found:
        click.echo("None: no factor was named by two incidents.", err=True)


def _all(tx: Transaction, learning: LearningRules, sight: Sight) -> Iterator[Pattern]:
    skip = 0
    while some := tx.patterns.page(learning, sight, limit=_AT_ONCE, skip=skip):
        yield from some
        skip += len(some)


def _entry(tx: Transaction, pattern: Pattern, sight: Sight) -> Entry:
    incidents = tx.patterns.incidents(pattern.name, sight, MOST)
    where, against = tx.patterns.where(pattern.name, sight), tx.patterns.against(incidents)
    return Entry(pattern, where, incidents, against)


def _line(each: Pattern) -> str:
    tally = each.tally
    done = f"{tally.measures} measures, {tally.effective} effective, {tally.open} open"
    return f"{each.name}  {each.state}  {each.incidents} incidents, {each.lately} lately; {done}"


def _write(directory: Path, texts: Mapping[str, str]) -> None:
    """Write the files whose text differs, and remove those of ours that are no more. Where a file
    stands in the way that is not ours, nothing is written, and the program ends with 1."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        ours = {path.name for path in directory.glob("*.md") if _is_ours(path)}
        foreign = [n for n in texts if n not in ours and (directory / n).exists()]
        if foreign:
            give_up(f"Nothing was written: {directory / foreign[0]} is none of the library's.")
        for name, text in texts.items():
            path = directory / name
            if name not in ours or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8", newline="\n")
        for name in ours - texts.keys():
            (directory / name).unlink()
    except OSError as error:
        give_up(f"{directory} cannot be written: {error.strerror}.")
    click.echo(f"{len(texts) - 1} patterns are in {directory}.")


def _is_ours(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().rstrip("\n") == MARK
