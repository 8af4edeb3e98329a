"""The first page: what needs somebody, and the incidents that move."""

from __future__ import annotations

from flask import Blueprint, render_template

from service.web import WebContainer
from service.web.operation import MOST_SHOWN, failing
from workflows.apart import apart
from workflows.model import Outlook

#: So many incidents of each outlook are shown.
MOST_MOVING = 10


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("overview", __name__)

    @routes.get("/")
    def overview() -> str:
        with container.store.read() as tx:
            found = failing(tx)
            conflicts = [
                (record.incident, each)
                for record in tx.incidents.apart()
                for each in apart(record.incident, tx.now)
                if each.waits
            ]
            moving = [
                record
                for outlook in (Outlook.WAITING, Outlook.WATCHING)
                for record in tx.incidents.page(outlook=outlook, limit=MOST_MOVING)
            ]
            total = sum(tx.incidents.counts().values())
        return render_template(
            "overview.html",
            failing=found,
            conflicts=conflicts,
            moving=[record.incident for record in moving],
            total=total,
            most=MOST_SHOWN,
        )

    return routes
