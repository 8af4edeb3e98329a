"""The first page: what needs somebody, or one person, and the incidents that move."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, render_template

from service.store.boards import ActionView, AuditView, Sieve
from service.web import WebContainer
from service.web.boards import sieve_asked
from service.web.operation import MOST_SHOWN, failing
from service.web.sign_in import actor
from workflows.model import Outlook

#: So many incidents of each outlook are shown.
MOST_MOVING = 10

#: Reviews that are due within this time are told of.
SOON = timedelta(days=3)


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("overview", __name__)

    @routes.get("/")
    def overview() -> str:
        teams, person = actor().teams, sieve_asked().person
        sieve = Sieve(person=person, teams=teams)
        with container.store.read() as tx:
            found = None if person else failing(tx, teams)
            conflicts = tx.conflicts.first(MOST_SHOWN, teams, person)
            conflicts_count = tx.conflicts.count(teams, person)
            late = tx.boards.actions(ActionView.OVERDUE, sieve, MOST_SHOWN)
            asked = tx.boards.audits(AuditView.OPEN, sieve, MOST_SHOWN)
            actions = tx.boards.action_counts(sieve, [ActionView.OVERDUE])
            audits = tx.boards.audit_counts(sieve, [AuditView.OPEN])
            soon = tx.now.date() + SOON
            reviews = [] if person else tx.boards.reviews_due(soon, MOST_SHOWN, teams)
            today = tx.now.date()
            moving = [
                record
                for outlook in (Outlook.WAITING, Outlook.WATCHING)
                for record in tx.incidents.page(outlook=outlook, teams=teams, limit=MOST_MOVING)
            ]
            total = sum(tx.incidents.counts(teams).values())
        return render_template(
            "overview.html",
            person=person,
            failing=found,
            conflicts=conflicts,
            conflicts_count=conflicts_count,
            late=late,
            late_count=actions[ActionView.OVERDUE],
            asked=asked,
            asked_count=audits[AuditView.OPEN],
            reviews=reviews,
            today=today,
            moving=[record.incident for record in moving],
            total=total,
            most=MOST_SHOWN,
        )

    return routes
