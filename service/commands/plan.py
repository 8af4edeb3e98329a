"""`followthrough plan`: what would be created for a ticket, without writing anything."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from textwrap import TextWrapper, indent

import click

from integrations.tracker import Tracker, TrackerError
from service.clock import utc_now
from service.commands.reading import give_up, read_rules, rules_option
from service.container.trackers import Trackers
from service.data import UnusableData
from service.explain import plain
from service.planning import (
    NoSuchTicket,
    NotAnIncident,
    Plan,
    PlannedDocument,
    PlannedTask,
    SeveralTickets,
    find_ticket,
    make_plan,
)
from service.store.codec import dump
from workflows.model import Incident
from workflows.policy import Mode
from workflows.timeline import stamp

_WIDEST = 100
_INDENT = "  "
_NAMES = 12  # as wide as the longest name of a fact


@click.command(short_help="Show what would be created for a ticket.")
@click.argument("ticket")
@click.option(
    "--connection", help="The connection that TICKET belongs to, if several might know it."
)
@click.option("--text", "with_text", is_flag=True, help="Show the document and comment in full.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program to read.")
@rules_option
def plan(
    ticket: str,
    connection: str | None,
    with_text: bool,
    as_json: bool,
    rules_file: Path | None,
) -> None:
    """Show what would be created for TICKET: document, tasks, comment, where and with which fields.

    TICKET is a key (INC-42, acme/ops#42) or an address, closed or still open. Nothing is written
    anywhere, so a token that may only read is enough. Ends with 1 when it is not an incident.
    """
    settings, rules = read_rules(rules_file)
    trackers = Trackers(rules, utc_now)
    try:
        ref = find_ticket(ticket, _asked(trackers, connection))
        found = make_plan(ref, trackers, settings, utc_now)
    except SeveralTickets as error:
        known = [f"  --connection {ref.connection}   {ref.key}  {ref.url}" for ref in error.found]
        give_up(f"{ticket} is a ticket of several connections. Say which one:", *known)
    except NoSuchTicket as error:
        lines = [line for name, why in error.why.items() for line in _failed(name, why)]
        give_up(f"No connection knows {ticket}.", *lines)
    except NotAnIncident as error:
        give_up(f"{plain(error.ref.key)} is not an incident: {plain(str(error))}.", error.ref.url)
    except TrackerError as error:
        give_up(*_failed(ticket, error))
    except UnusableData as error:
        give_up(str(error))
    if as_json:
        click.echo(json.dumps(dump(Plan, found), indent=2))
        return
    for line in _told(found, with_text):
        click.echo(line)


def _asked(trackers: Trackers, connection: str | None) -> dict[str, Tracker]:
    known = dict(trackers.by_connection)
    if connection is None:
        return known
    if connection not in known:
        give_up(f"No connection is called {connection}. The rules have: {', '.join(known)}.")
    return {connection: known[connection]}


def _failed(what: str, error: TrackerError) -> Iterator[str]:
    yield f"  {what}: {plain(error.words)}"
    if error.mend:
        yield f"    → {error.mend}"


# --- in words -------------------------------------------------------------------------------------


def _told(found: Plan, with_text: bool) -> Iterator[str]:
    yield from _header(found)
    yield ""
    if found.standing:
        yield from _wrapped(found.standing)
        yield from _wrapped(_IF_CLOSED if found.counts else _IF_COUNTED)
    elif found.document or found.tasks:
        yield "This would be created:"
    if found.document:
        yield from _document(found.document)
        yield from _review(found.incident, found.known)
    elif found.incident.postmortem:
        yield from _standing_document(found)
    yield from _tasks(found)
    yield from _proposals(found.incident)
    yield from _refused(found)
    yield from _links_and_comment(found, with_text)
    if found.document and with_text:
        yield from _heading("The document's text")
        yield indent(plain(found.document.text.strip()), _INDENT)
    yield ""
    yield from _wrapped(_closing(found))


def _header(found: Plan) -> Iterator[str]:
    yield click.style(plain(f"{found.ticket.key}  {_line(found.title)}"), bold=True)
    yield plain(found.ticket.url)
    incident = found.incident
    facts = [
        f"incident of team {incident.team}",
        incident.severity or "severity unknown",
        incident.service,
        f"owner {incident.owner.name}" if incident.owner else "no owner",
    ]
    if incident.closed and not found.open:
        facts.append(f"closed {stamp(incident.closed)} UTC")
    yield from _wrapped(" · ".join(fact for fact in facts if fact))


def _document(document: PlannedDocument) -> Iterator[str]:
    yield from _heading("Postmortem")
    yield from _fact("title", document.title)
    yield from _fact("as", " ".join(filter(None, (document.kind, _bracketed(document.issue_type)))))
    yield from _fact("in", _where(document.place, document.connection))
    yield from _fact("file", document.path)
    yield from _fact("labels", ", ".join(document.labels))


def _review(incident: Incident, known: bool) -> Iterator[str]:
    if incident.synthesis_due:
        yield from _fact("synthesis due", incident.synthesis_due.isoformat())
    yield from _fact("review due", incident.review_due.isoformat() if incident.review_due else "")
    if not known:
        told = ", ".join(incident.roles)
        yield from _fact("roles", f"{told}: drawn from the rota when it is set up" if told else "")
        return
    for role, person in incident.roles.items():
        yield from _fact(role, person)


def _standing_document(found: Plan) -> Iterator[str]:
    document = found.incident.postmortem
    if document is None:
        return
    yield from _heading("Postmortem (it is there already)")
    yield from _fact("at", document.ref.url)
    yield from _fact("status", document.status.value)
    yield from _fact("to update", ", ".join(found.regions))
    yield from _review(found.incident, known=True)
    for item in found.incident.actions:
        if item.task and item.task.url:
            yield from _fact(item.name, f"{item.task.key}  {_line(item.title)}")


def _tasks(found: Plan) -> Iterator[str]:
    if not found.tasks:
        if found.document:
            yield from _heading("Tasks")
            yield from _wrapped(
                "None yet: nobody wrote an ACTION: line or an open checklist item on the ticket,"
                " and the rules have no standard action for it.",
                _INDENT,
            )
        return
    yield from _heading(f"Tasks ({len(found.tasks)})")
    for number, task in enumerate(found.tasks):
        if number:
            yield ""
        yield from _task(task, found)


def _task(task: PlannedTask, found: Plan) -> Iterator[str]:
    yield from _wrapped(f"{task.name}  {_line(task.title)}", _INDENT, _INDENT * 4)
    facts = (
        ("in", _where(task.place, task.connection)),
        ("type", task.issue_type),
        ("kind", task.kind),
        ("owner", _owner(task)),
        ("due", task.due or "not set"),
        ("milestone", task.milestone or ""),
        ("labels", ", ".join(task.labels)),
        ("measure", task.success_measure or ""),
        ("links", f"{found.ticket.key}, the postmortem"),
        ("from", _SOURCES.get(task.source, task.source)),
        *(("left out", what) for what in task.unset),
    )
    for name, value in facts:
        yield from _fact(name, value, _INDENT * 4)


def _proposals(incident: Incident) -> Iterator[str]:
    if incident.proposals:
        yield from _heading("Proposed, and not created")
    for proposal in incident.proposals:
        words = f"{_line(proposal.title)} (by {_line(proposal.by)}: {proposal.why})"
        yield from _wrapped(words, _INDENT, _INDENT * 2)


def _refused(found: Plan) -> Iterator[str]:
    if found.refused:
        yield from _heading("What the service would refuse to do")
    for why in found.refused:
        yield from _wrapped(why, _INDENT)


_IF_CLOSED = "If it were closed now, this would be created:"
_IF_COUNTED = "If it counted nevertheless, this would be created:"
_SOURCES = {
    "ticket": "the ticket's description",
    "comment": "a comment on the ticket",
    "rule": "the rules' standard actions",
    "document": "the postmortem",
}


def _owner(task: PlannedTask) -> str:
    if task.owner is None:
        return f"nobody ({task.owner_name} was named)" if task.owner_name else "nobody"
    named = task.owner_name if task.owner_name != task.owner else ""
    return " ".join(filter(None, (task.owner, _bracketed(named or ""))))


def _links_and_comment(found: Plan, with_text: bool) -> Iterator[str]:
    if found.links:
        yield from _heading("Links")
        yield from _fact("to show", f"{', '.join(found.links)} on {found.ticket.key}")
    if found.comment is None:
        return
    yield from _heading(f"Comment on {found.ticket.key}")
    if with_text:
        yield indent(plain(found.comment.strip()), _INDENT)
    else:
        words = "One, kept up to date: where the postmortem and tasks are, and what comes next."
        yield from _wrapped(words, _INDENT)


def _closing(found: Plan) -> str:
    team = found.incident.team
    nothing = "Nothing was written."
    if found.standing is None and not (found.document or found.tasks or found.links):
        nothing = "Nothing new would be created. " + nothing
    if found.mode is Mode.PLAN:
        return (
            f"{nothing} Team {team} is in mode: plan, so the service writes nothing either;"
            " set mode: act in the rules when you like what you see."
        )
    if found.standing is None:
        return f"{nothing} Team {team} is in mode: act, so the running service does this itself."
    return nothing


def _heading(text: str) -> Iterator[str]:
    yield ""
    yield click.style(plain(text), bold=True)


def _fact(name: str, value: str, margin: str = _INDENT) -> Iterator[str]:
    """A name and its value in two columns; nothing where there is no value."""
    if value:
        start = f"{margin}{name:<{_NAMES}}"
        yield from _wrapped(_line(value), start, " " * len(start))


def _wrapped(text: str, first: str = "", others: str | None = None) -> list[str]:
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    wrapper = TextWrapper(
        max(width, 40),
        initial_indent=first,
        subsequent_indent=first if others is None else others,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapper.wrap(plain(text))


def _where(place: str, connection: str) -> str:
    return f"{place}, by the connection {connection}" if connection else place


def _bracketed(text: str) -> str:
    return f"({text})" if text else ""


def _line(text: str) -> str:
    return " ".join(text.split())
