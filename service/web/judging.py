"""The part of an incident's page that asks whether its measures work, and the form that answers."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, abort, flash, redirect, request, url_for
from markupsafe import Markup, escape
from werkzeug.wrappers import Response

from service import acts
from service.judging import NotJudgeable, until_then
from service.web import WebContainer, showing
from service.web.sign_in import actor
from workflows.audit_text import follows
from workflows.audits import of_item
from workflows.calendars import USUAL
from workflows.judging import COUNTS, cannot_be_answered, independent, no_more
from workflows.markup import addresses
from workflows.model import Incident
from workflows.policy import KnownPerson
from workflows.rungs import Audit, Judgement, Verdict

_PLACE = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Told:
    """One audit as it is shown. `judges` are who may judge it, `said` what was written down of it
    and does not stand as its verdict, `waits` why nothing of that can be answered for now, "" where
    it can, `led_to` what the verdict led to, in words."""

    audit: Audit
    asks: bool
    overdue: bool
    judges: Sequence[str]
    said: Sequence[Judgement]
    waits: str
    led_to: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure with all its audits, the latest first."""

    name: str
    title: str
    success: str
    owner: str
    audits: Sequence[Told]


def shown(
    incident: Incident,
    said: Sequence[Judgement],
    people: Sequence[KnownPerson],
    connections: Container[str],
    now: datetime,
) -> list[Measure]:
    """The measures of an incident that were ever audited, or will be, as the page shows them at
    `now` (UTC). `said`: what was written down here of its audits; `connections`: those of the
    rules. The page knows no calendar of a team: what is overdue, and days, it tells by UTC."""
    answers = {one.id: one for one in incident.judgements}
    known = [answers.get(one.id, one) for one in said]
    found = []
    for item in incident.actions:
        audits = [
            _told(incident, audit, known, people, connections, now)
            for audit in of_item(incident, item.number)
        ]
        if audits:
            measure = item.success_measure or ""
            found.append(Measure(item.name, item.title, measure, item.owner or "", audits[::-1]))
    return found


def _told(
    incident: Incident,
    audit: Audit,
    said: Sequence[Judgement],
    people: Sequence[KnownPerson],
    connections: Container[str],
    now: datetime,
) -> Told:
    late = audit.overdue_at(USUAL)
    return Told(
        audit=audit,
        asks=audit.ticket is not None and not no_more(audit),
        overdue=late is not None and late <= now,
        judges=[person.name for person in independent(incident, audit, people)],
        said=[one for one in said if one.place == audit.place and one.answer != COUNTS],
        waits=cannot_be_answered(incident, audit, connections),
        led_to=follows(incident, audit, USUAL) if audit.verdict is not None else "",
    )


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("judging", __name__)
    routes.add_app_template_filter(with_links, "with_links")

    @routes.post("/incidents/<incident_id>/judge")
    def give_verdict(incident_id: str) -> Response:
        match = _PLACE.fullmatch(request.form.get("audit", ""))
        if match is None:
            abort(400, "Say which audit of which measure.")
        verdict = next((v for v in Verdict if v == request.form.get("verdict")), None)
        if verdict is None:
            abort(400, "Say which verdict: effective, partly or not-effective.")
        item, round, rung = map(int, match.groups())
        place = (item, round, rung)
        with container.store.write() as tx:
            record = tx.incidents.get(incident_id)
            if record is None:
                abort(404, "There is no incident with this id.")
            try:
                told = acts.give_verdict(
                    tx,
                    actor(),
                    record,
                    place,
                    verdict,
                    (request.form.get("evidence", ""), request.form.get("link", "")),
                    by=request.form.get("by", ""),
                    people=container.people,
                )
            except NotJudgeable as error:
                abort(409, f"Nothing was done: {error}.")
        holds = "It holds as soon as the audit's ticket was read, and says nothing else."
        flash(f"{told}. {holds}{until_then(record.incident, place, container.doors)}")
        where = url_for("pages.incident", incident_id=incident_id, _anchor="audits")
        return redirect(where, 303)

    return routes


def with_links(text: str) -> Markup:
    """What somebody gave as evidence, with the addresses in it as links."""
    done, rest = Markup(), text
    for url in addresses(text):
        before, _, rest = rest.partition(url)
        done += escape(before) + showing.link(url, url)
    return done + escape(rest)
