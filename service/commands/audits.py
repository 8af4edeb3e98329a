"""`followthrough audits`: what was asked of measures, what is asked, and what will be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

import click

from service.commands.reading import find_or_give_up, opened_store
from service.explain import plain
from service.store.codec import Json, dump
from workflows.model import Incident
from workflows.rungs import Audit

#: In which order they are listed: what waits for somebody first.
_ORDER = ("overdue", "open", "planned")


@click.command()
@click.argument("ticket", required=False)
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program to read.")
def audits(ticket: str | None, as_json: bool) -> None:
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


def _told(found: Sequence[tuple[Incident, Audit]], now: datetime) -> Iterator[str]:
    for team in dict.fromkeys(incident.team for incident, _ in found):
        yield team
        here = [(i, audit) for i, audit in found if i.team == team]
        for incident, audit in sorted(here, key=lambda each: _rank(each[1], now)):
            yield f"  {_standing(audit, now):<14}{_line(incident, audit)}"


def _rank(audit: Audit, now: datetime) -> tuple[int, datetime]:
    word = _standing(audit, now)
    return _ORDER.index(word) if word in _ORDER else len(_ORDER), audit.opens


def _standing(audit: Audit, now: datetime) -> str:
    late = audit.overdue_at
    return "overdue" if late is not None and late <= now else audit.standing


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
    named["standing"] = _standing(audit, now)
    return {**named, **whole} if isinstance(whole, dict) else named
