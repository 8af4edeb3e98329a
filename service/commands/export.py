"""`followthrough export`: what others plan with, in files that they can read."""

from __future__ import annotations

from pathlib import Path

import click

from service.commands.reading import give_up, opened_store, read_rules, rules_option
from service.explain import plain
from workflows.export import Format, in_order, written
from workflows.sight import Sight

_FORMATS = {"csv": Format.CSV, "json": Format.JSON, "markdown": Format.MARKDOWN}


@click.group()
def export() -> None:
    """Write what others plan with."""


@export.command("measures", short_help="Write the open measures for a planning tool.")
@click.option("--team", help="Of this team only.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(_FORMATS)),
    default="csv",
    show_default=True,
    help="How they are written.",
)
@click.option("--all", "ended", is_flag=True, help="Those that ended, too.")
@rules_option
def export_measures(team: str | None, format_: str, ended: bool, rules_file: Path | None) -> None:
    """Write the open measures by team, milestone and priority to standard output.

    Those of restricted incidents are left out. Asks the database only.
    """
    _, rules = read_rules(rules_file)
    policy = rules.policy
    if team is not None and team not in policy.teams:
        give_up(f"The rules have no team {team}. They have: {', '.join(policy.teams)}.")
    with opened_store() as store, store.read() as tx:
        found = tx.exports.measures(Sight(None), team, ended=ended)
    as_ = _FORMATS[format_]
    for piece in written(in_order(found, tuple(policy.severities)), as_):
        click.echo(piece if as_ is Format.CSV else plain(piece), nl=False)
