"""The pages: incidents, one incident with its explanation, deliveries and what to do with one.

They read and, for deliveries, replay or drop; everything is drawn on the server, without scripts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from service import dead_letters
from service.accepting import NotAcceptable, accept
from service.explain import explain, in_words, sent, standing
from service.jobs import PROMPT
from service.redelivery import LONGEST_KEPT, REDELIVERY_JOB, next_asked
from service.routing import INCIDENT_JOB, incident_subject
from service.store.deliveries import DeliveryState
from service.web import WebContainer, judging
from service.web.course import course
from service.web.letters import reason
from service.web.sign_in import who
from workflows.audit_text import CRITERIA
from workflows.model import ActionItem, Incident, Outlook, Phase, Proposal, Way
from workflows.proposals import details, number_in
from workflows.remarks import with_remark
from workflows.timeline import figures, length_in_words

PAGE = 50

#: So many entries of an incident's history stand open; those before are unfolded.
LATEST = 8

#: What a database takes as an id; a larger number is nothing's.
LARGEST_ID = 2**63 - 1

#: Who a person on the page is: there is one token, and no name behind it.
_WHOEVER = "somebody with the admin token"

Word = TypeVar("Word", bound=StrEnum)


def tasks(actions: Sequence[ActionItem]) -> Sequence[ActionItem]:
    """The action items that have a task."""
    return [item for item in actions if item.task is not None]


def told_figures(incident: Incident) -> list[tuple[str, str | None, str]]:
    """Each figure with its length in words, None where it is not known, and its span."""

    def words(length: timedelta | None) -> str | None:
        return None if length is None else length_in_words(length)

    return [(name, words(length), between) for name, length, between in figures(incident.moments)]


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("pages", __name__)
    routes.add_app_template_filter(tasks, "tasks")
    routes.add_app_template_filter(with_remark, "with_remark")
    routes.add_app_template_filter(in_words, "in_words")
    routes.add_app_template_filter(standing, "standing")
    routes.add_app_template_filter(details, "details")
    _incidents(routes, container)
    _trying_again(routes, container)
    _proposals(routes, container)
    _deliveries(routes, container)
    return routes


def _incidents(routes: Blueprint, container: WebContainer) -> None:
    @routes.get("/incidents")
    def incidents() -> str:
        outlook = _one_of(Outlook, request.args.get("outlook"))
        with container.store.read() as tx:
            cursor = request.args.get("before")
            before = tx.incidents.get(cursor) if cursor else None
            found = tx.incidents.page(outlook=outlook, before=before, limit=PAGE + 1)
            counts = tx.incidents.counts()
        records, more = found[:PAGE], len(found) > PAGE
        return render_template(
            "incidents.html",
            incidents=[record.incident for record in records],
            older=records[-1].incident.id if more else None,
            paged=before is not None,
            outlook=outlook,
            outlooks=list(Outlook),
            counts=counts,
            total=sum(counts.values()),
        )

    @routes.get("/incidents/<incident_id>")
    def incident(incident_id: str) -> str:
        with container.store.read() as tx:
            found = explain(tx, incident_id)
            said = tx.judgements.of_incident(incident_id)
            last = tx.versions.last(incident_id)
            now = tx.now
        if found is None:
            abort(404, "There is no incident with this id.")
        return render_template(
            "incident.html",
            explained=found,
            incident=found.incident,
            figures=told_figures(found.incident),
            course=course(found.incident.moments),
            latest=LATEST,
            published=last.number if last else 0,
            measures=judging.shown(found.incident, said, container.people, container.doors, now),
            verdicts=CRITERIA,
        )


def _trying_again(routes: Blueprint, container: WebContainer) -> None:
    @routes.post("/incidents/<incident_id>/retry")
    def retry(incident_id: str) -> Response:
        with container.store.write() as tx:
            found = explain(tx, incident_id)
            if found is None:
                abort(404, "There is no incident with this id.")
            for effect in found.refused:
                dead_letters.replay(tx, f"e{effect.id}", by=who())
            ticket = found.incident.ticket
            tx.jobs.touch(
                INCIDENT_JOB, incident_subject(ticket.connection, ticket.id), priority=PROMPT
            )
        flash("It is tried again now.")
        return redirect(url_for("pages.incident", incident_id=incident_id), 303)


def _proposals(routes: Blueprint, container: WebContainer) -> None:
    @routes.post("/incidents/<incident_id>/accept")
    def accept_proposal(incident_id: str) -> Response:
        number = number_in(request.form.get("proposal", ""))
        if number is None:
            abort(400, "Say which proposal, such as P-2.")
        with container.store.write() as tx:
            record = tx.incidents.get(incident_id)
            if record is None:
                abort(404, "There is no incident with this id.")
            try:
                accepted = accept(tx, record, number, by=_WHOEVER, way=Way.PAGE)
            except NotAcceptable as error:
                abort(409, f"Nothing was done: {error}.")
        flash(_accepted(accepted, record.incident))
        return redirect(url_for("pages.incident", incident_id=incident_id), 303)


def _accepted(proposal: Proposal, incident: Incident) -> str:
    when = "now" if incident.phase is not Phase.OPEN else "once the ticket is closed again"
    return f"{proposal.name} is accepted, and becomes an action item {when}."


def _deliveries(routes: Blueprint, container: WebContainer) -> None:
    @routes.get("/deliveries")
    def deliveries() -> str:
        state = _one_of(DeliveryState, request.args.get("state"))
        before = request.args.get("before", type=int)
        if before is not None and before > LARGEST_ID:
            before = None
        with container.store.read() as tx:
            found = tx.deliveries.page(state=state, before=before, limit=PAGE + 1)
            counts = tx.deliveries.counts()
            missed = tx.redeliveries.lately_missing(tx.now - LONGEST_KEPT)
            looks = {name: tx.jobs.get(REDELIVERY_JOB, name) for name in sorted(container.doors)}
        shown = found[:PAGE]
        return render_template(
            "deliveries.html",
            deliveries=shown,
            older=shown[-1].id if len(found) > PAGE else None,
            paged=before is not None,
            state=state,
            states=[each for each in DeliveryState if counts.get(each)],
            counts=counts,
            total=sum(counts.values()),
            doors=_addresses(container),
            missed=[(each, next_asked(each)) for each in missed],
            looks={name: job for name, job in looks.items() if job and job.reason},
        )

    @routes.get(f"/deliveries/<int(max={LARGEST_ID}):number>")
    def delivery(number: int) -> str:
        with container.store.read() as tx:
            found, envelope = tx.deliveries.get(number), tx.deliveries.envelope(number)
            record = tx.incidents.get(found.incident_id) if found and found.incident_id else None
            body = sent(tx, container.doors, number)
        if found is None or envelope is None:
            abort(404, "There is no delivery with this number.")
        return render_template(
            "delivery.html",
            delivery=found,
            size=len(envelope.body),
            body=body,
            incident=record.incident if record else None,
        )

    @routes.post(f"/deliveries/<int(max={LARGEST_ID}):number>/replay")
    def replay(number: int) -> Response:
        with container.store.write() as tx:
            found = tx.deliveries.replay(number)
        return _acted(number, found, "It will be worked on again.")

    @routes.post(f"/deliveries/<int(max={LARGEST_ID}):number>/drop")
    def drop(number: int) -> Response:
        why = reason()
        with container.store.write() as tx:
            found = tx.deliveries.drop(number, why)
        return _acted(number, found, "It is dropped.")


def _acted(number: int, found: bool, words: str) -> Response:
    if not found:
        abort(404, "There is no delivery with this number.")
    flash(words)
    return redirect(url_for("pages.delivery", number=number), 303)


def _addresses(container: WebContainer) -> Mapping[str, bool]:
    """Where each connection's webhooks are to be sent, and whether they are let in there."""
    base = container.public_url or ""
    return {
        f"{base}/webhooks/{name}": door.verify is not None
        for name, door in sorted(container.doors.items())
    }


def _one_of(words: type[Word], said: str | None) -> Word | None:
    return next((word for word in words if word == said), None)
