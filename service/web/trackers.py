"""The page of trackers: which one is down, what may still be asked of each, and what waits."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, render_template

from service.standings import standings
from service.web import WebContainer
from workflows.timeline import length_in_words


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("trackers", __name__)
    routes.add_app_template_filter(_length, "span")

    @routes.get("/trackers")
    def trackers() -> str:
        with container.store.read() as tx:
            found = standings(tx, container.limits)
        return render_template("trackers.html", standings=found)

    return routes


def _length(length: timedelta) -> str:
    return length_in_words(length)
