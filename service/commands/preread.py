"""`followthrough preread`: what a team reads before it meets for its quarterly review."""

from __future__ import annotations

from pathlib import Path

import click
from jinja2 import Environment, PackageLoader

from service.clock import clock_of
from service.commands.reading import give_up, opened_store, read_rules, rules_option
from service.explain import plain
from service.web import showing
from workflows.preread import Preread, as_markdown, in_short, parts, title
from workflows.quarters import quarter_of, read_quarter
from workflows.sight import Sight


@click.command(short_help="Write the pre-read of a quarterly review.")
@click.option("--team", required=True, help="Of which team.")
@click.option("--quarter", help="Of which quarter, as 2026Q4; otherwise of the present one.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["markdown", "html"]),
    default="markdown",
    help="How; as Markdown. HTML is one file that prints well.",
)
@rules_option
def preread(team: str, quarter: str | None, format_: str, rules_file: Path | None) -> None:
    """Write the pre-read of a team's quarterly review: what went well and who did it, what came
    again, what is late or in doubt, and questions for the meeting.

    Restricted incidents are left out. Asks the database only.
    """
    settings, rules = read_rules(rules_file)
    if team not in rules.policy.teams:
        give_up(f"The rules have no team {team}. They have: {', '.join(rules.policy.teams)}.")
    today = clock_of(settings)().date()
    asked = read_quarter(quarter) if quarter else quarter_of(today)
    if asked is None:
        give_up(f"{quarter} is no quarter.", "Write it as 2026Q4.")
    with opened_store() as store, store.read() as tx:
        found = tx.prereads.of(team, asked, today, Sight(None))
    if format_ == "html":
        click.echo(plain(as_html(found)))
    else:
        click.echo(plain(f"# {title(team, asked)}\n\n{as_markdown(found)}"))


def as_html(found: Preread) -> str:
    """A page that needs nothing beside itself."""
    templates = Environment(
        loader=PackageLoader("service.web"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters["linked"] = showing.link
    templates.filters["in_whole_days"] = showing.in_whole_days
    return templates.get_template("preread_alone.html").render(
        own=False,
        found=found,
        title=title(found.team, found.quarter),
        in_short=in_short(found),
        parts=list(parts(found)),
    )
