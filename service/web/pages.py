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

from service import acts
from service.accepting import NotAcceptable
from service.explain import explain, in_words, sent, standing
from service.redelivery import LONGEST_KEPT, REDELIVERY_JOB, next_asked
from service.store import Transaction
from service.store.claims import Job
from service.store.deliveries import DeliveryState
from service.web import WebContainer, judging
from service.web.course import course
from service.web.letters import reason
from service.web.sign_in import actor
from workflows.audit_text import CRITERIA
from workflows.model import ActionItem, Incident, Outlook, Phase, Proposal
from workflows.proposals import details, number_in
from workflows.remarks import with_remark
from workflows.timeline import figures, length_in_words

PAGE = 50

#: So many entries of an incident's history stand open; those before are unfolded.
LATEST = 8

#: What a database takes as an id; a larger number is nothing's.
LARGEST_ID = 2**63 - 1

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
        teams = actor().teams
        with container.store.read() as tx:
            cursor = request.args.get("before")
            before = tx.incidents.get(cursor) if cursor else None
            if before and not actor().sees(before.incident.team):
                before = None  # as if there were none
            found = tx.incidents.page(outlook=outlook, teams=teams, before=before, limit=PAGE + 1)
            counts = tx.incidents.counts(teams)
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
            acts.try_again(tx, actor(), found)
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
                accepted = acts.accept_proposal(tx, actor(), record, number)
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
        before = id_before()
        teams = actor().teams
        with container.store.read() as tx:
            found = tx.deliveries.page(state=state, teams=teams, before=before, limit=PAGE + 1)
            counts = tx.deliveries.counts(teams)
            # nobody knows whose it was that never came
            missed = tx.redeliveries.lately_missing(tx.now - LONGEST_KEPT) if teams is None else []
            looks = _looks(tx, container) if teams is None else {}
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
            looks=looks,
        )

    @routes.get(f"/deliveries/<int(max={LARGEST_ID}):number>")
    def delivery(number: int) -> str:
        with container.store.read() as tx:
            found, envelope = tx.deliveries.get(number), tx.deliveries.envelope(number)
            record = tx.incidents.get(found.incident_id) if found and found.incident_id else None
            body = sent(tx, container.doors, number)
        if found is None:
            abort(404, "There is no delivery with this number.")
        return render_template(
            "delivery.html",
            delivery=found,
            size=len(envelope.body) if envelope else None,
            body=body,
            incident=record.incident if record else None,
        )

    @routes.post(f"/deliveries/<int(max={LARGEST_ID}):number>/replay")
    def replay(number: int) -> Response:
        with container.store.write() as tx:
            found = acts.replay_delivery(tx, actor(), number)
        return _acted(number, found, "It will be worked on again.")

    @routes.post(f"/deliveries/<int(max={LARGEST_ID}):number>/drop")
    def drop(number: int) -> Response:
        why = reason()
        with container.store.write() as tx:
            found = acts.drop_delivery(tx, actor(), number, why)
        return _acted(number, found, "It is dropped.")


def id_before() -> int | None:
    """The id before which an older page begins, as its link says; None for the first page."""
    before = request.args.get("before", type=int)
    return None if before is None or before > LARGEST_ID else before


def _acted(number: int, found: bool, words: str) -> Response:
    if not found:
        abort(404, "There is no delivery with this number.")
    flash(words)
    return redirect(url_for("pages.delivery", number=number), 303)


def _looks(tx: Transaction, container: WebContainer) -> dict[str, Job]:
    """Where it is asked for what never came, by connection, and something is to be told of that."""
    jobs = ((name, tx.jobs.get(REDELIVERY_JOB, name)) for name in sorted(container.doors))
    return {name: job for name, job in jobs if job and job.reason}


def _addresses(container: WebContainer) -> Mapping[str, bool]:
    """Where each connection's webhooks are to be sent, and whether they are let in there."""
    base = container.public_url or ""
    return {
        f"{base}/webhooks/{name}": door.verify is not None
        for name, door in sorted(container.doors.items())
    }


def _one_of(words: type[Word], said: str | None) -> Word | None:
    return next((word for word in words if word == said), None)
