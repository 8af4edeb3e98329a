"""`followthrough audits`: what was asked of measures, what is asked, and what will be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import click

from service import acts
from service.commands.listing import Listing
from service.commands.reading import (
    find_or_give_up,
    give_up,
    item_number,
    opened_store,
    read_rules,
    rules_option,
    typist,
    user,
)
from service.explain import plain
from service.judging import NotJudgeable, until_then
from service.store.codec import Json, dump
from workflows.audits import of_item, standing_at
from workflows.model import Incident
from workflows.rungs import Audit, Verdict

#: In which order they are listed: what waits for somebody first.
_ORDER = ("overdue", "open", "planned")


@click.group(cls=Listing)
def audits() -> None:
    """Look at the audits of measures, and judge one.

    `followthrough audits` lists them all, `followthrough audits INC-42` those of one incident.
    """


@audits.command("list", short_help="List the audits of measures, by team.")
@click.argument("ticket", required=False)
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program to read.")
def list_audits(ticket: str | None, as_json: bool) -> None:
    """List the audits of measures, by team: overdue, open, planned, and what was judged.

    Of the incident TICKET, or of all. Asks the database only.
    """
    with opened_store() as store, store.read() as tx:
        records = [find_or_give_up(tx, ticket)] if ticket else tx.incidents.audited()
        now = tx.now
    found = [(record.incident, audit) for record in records for audit in record.incident.audits]
    if as_json:
        click.echo(json.dumps([_data(incident, audit, now) for incident, audit in found], indent=2))
        return
    for line in _told(found, now):
        click.echo(plain(line))
    if not found:
        click.echo("None: an audit is planned when a measure is done.", err=True)


@audits.command("judge")
@click.argument("ticket")
@click.argument("item")
@click.option("--effective", metavar="EVIDENCE", help="It works, as this shows.")
@click.option("--partly", metavar="EVIDENCE", help="It helps, and something is left.")
@click.option("--not-effective", metavar="EVIDENCE", help="It does not work.")
@click.option("--link", default="", help="Where the evidence can be seen.")
@click.option("--by", help="Who judges, as the rules name them; otherwise whoever types.")
@rules_option
def judge_command(
    ticket: str,
    item: str,
    effective: str | None,
    partly: str | None,
    not_effective: str | None,
    link: str,
    by: str | None,
    rules_file: Path | None,
) -> None:
    """Give the verdict on the open audit of a measure.

    ITEM is the measure (AI-1) of the incident TICKET. Ends with 1, and does nothing, where no
    audit of it is open, it was judged already, or whoever judges owns it.
    """
    said = {
        Verdict.EFFECTIVE: effective,
        Verdict.PARTLY: partly,
        Verdict.NOT_EFFECTIVE: not_effective,
    }
    given = [(verdict, words) for verdict, words in said.items() if words is not None]
    if len(given) != 1:
        give_up("Give one of --effective, --partly and --not-effective, with what was seen.")
    _, rules = read_rules(rules_file)
    [(verdict, words)], number = given, item_number(item)
    with opened_store() as store, store.write() as tx:
        record = find_or_give_up(tx, ticket)
        audit = _asked(record.incident, number)
        try:
            told = acts.give_verdict(
                tx,
                typist(),
                record,
                audit.place,
                verdict,
                (words, link),
                by=by or user(),
                people=rules.policy.people,
            )
        except NotJudgeable as error:
            give_up(f"Nothing was done: {error}.")
    waits = until_then(record.incident, audit.place, rules.connections)
    click.echo(plain(f"{told}. It holds as soon as a worker has read the audit's ticket.{waits}"))


def _asked(incident: Incident, number: int) -> Audit:
    """The measure's audit that asks, else its last one. Where it has none, the program ends."""
    own = of_item(incident, number)
    if not own:
        give_up(f"No audit of AI-{number} of {incident.ticket.key} was opened, or is planned.")
    return next((audit for audit in own if audit.lives), own[-1])


def _told(found: Sequence[tuple[Incident, Audit]], now: datetime) -> Iterator[str]:
    for team in dict.fromkeys(incident.team for incident, _ in found):
        yield team
        here = [(i, audit) for i, audit in found if i.team == team]
        for incident, audit in sorted(here, key=lambda each: _rank(each[1], now)):
            yield f"  {standing_at(audit, now):<14}{_line(incident, audit)}"


def _rank(audit: Audit, now: datetime) -> tuple[int, datetime]:
    word = standing_at(audit, now)
    return _ORDER.index(word) if word in _ORDER else len(_ORDER), audit.opens


def _line(incident: Incident, audit: Audit) -> str:
    parts = [f"{audit.name} of {incident.ticket.key}"]
    parts += [audit.ticket.key] if audit.ticket else [f"opens {audit.opens:%Y-%m-%d}"]
    if audit.lives and audit.due is not None:
        parts.append(f"due {audit.due.isoformat()}, asked of {audit.reviewer or 'nobody'}")
    if audit.by:
        when = f" on {audit.at:%Y-%m-%d}" if audit.at else ""
        parts.append(f"by {audit.by}{when}")
    parts += [f"suspect: {audit.suspect}"] if audit.suspect else []
    parts += [audit.ended] if audit.ended else []
    return "  ".join(parts)


def _data(incident: Incident, audit: Audit, now: datetime) -> dict[str, Json]:
    whole = dump(Audit, audit)
    named: dict[str, Json] = {"team": incident.team, "incident": incident.ticket.key}
    named["standing"] = standing_at(audit, now)
    return {**named, **whole} if isinstance(whole, dict) else named
