"""`followthrough portfolio`: what a team's portfolio audit would say, and what it gets next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from service.clock import clock_of
from service.commands.reading import give_up, opened_store, read_rules, rules_option
from service.explain import plain
from service.store import Transaction
from workflows.policy import Team
from workflows.portfolio import MOST_ROWS, gather, text, title
from workflows.quarters import Quarter, quarter_of, read_quarter

#: So many lines of what was done for the team are shown.
_MOST_LINES = 10


@click.command(short_help="Show what a team's portfolio audit would say.")
@click.argument("team")
@click.option("--quarter", help="Of which quarter, as 2026Q4; otherwise of the present one.")
@click.option("--all", "whole", is_flag=True, help="Every row, and not the first of each list.")
@rules_option
def portfolio(team: str, quarter: str | None, whole: bool, rules_file: Path | None) -> None:
    """Show what the portfolio audit of TEAM would say if it were opened now.

    Nothing is written anywhere, and nothing is asked of any tracker. The ticket itself leaves out
    what not all of its readers may read.
    """
    settings, rules = read_rules(rules_file)
    known = rules.policy.teams.get(team)
    if known is None:
        give_up(f"The rules have no team {team}. They have: {', '.join(rules.policy.teams)}.")
    asked = read_quarter(quarter) if quarter else None
    if quarter and asked is None:
        give_up(f"{quarter} is no quarter.", "Write it as 2026Q4.")
    today = known.calendar.day_of(clock_of(settings)())
    with opened_store() as store, store.read() as tx:
        incidents = tx.incidents.of_team(team)
        lines = list(_standing(tx, known))
    told = {incident.id for incident in incidents if not incident.restricted}
    found = gather(incidents, told, known, asked or quarter_of(today), today)
    if found.says_nothing:
        click.echo(f"There is nothing to say of {plain(team)}: no ticket would be opened.")
    else:
        click.echo(plain(f"{title(found)}\n\n{text(found, None if whole else MOST_ROWS)}"))
    for line in lines:
        click.echo(plain(line))


def _standing(tx: Transaction, team: Team) -> Iterator[str]:
    """What was opened, what comes next, and what was done lately."""
    book = tx.teams.get(team.name)
    opened: dict[Quarter, str] = {e.quarter: e.ticket.url for e in book.portfolios} if book else {}
    yield ""
    for quarter, url in opened.items():
        yield f"{quarter} is {url}"
    for each in tx.occurrences.of_team(team.name):
        if each.taken_at is None:
            yield f"{each.occurrence.due:%Y-%m-%d %H:%M} UTC: {each.occurrence.what}"
    for entry in tx.journal.of_team(team.name, _MOST_LINES):
        yield f"{entry.at:%Y-%m-%d %H:%M} UTC: {entry.text}"
