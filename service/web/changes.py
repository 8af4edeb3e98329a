"""The audit log as a page: who changed what, for admins."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime

from flask import Blueprint, render_template

from service.store.codec import Json
from service.web import WebContainer
from service.web.pages import PAGE, id_before

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", re.ASCII)


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("changes", __name__)
    routes.add_app_template_filter(each_value, "each_value")

    @routes.get("/changes")
    def changes() -> str:
        before = id_before()
        with container.store.read() as tx:
            found = tx.changes.page(PAGE + 1, before)
        shown = found[:PAGE]
        return render_template(
            "changes.html",
            found=shown,
            older=shown[-1].id if len(found) > PAGE else None,
            paged=before is not None,
        )

    return routes


def each_value(data: Json) -> Iterator[tuple[str, str | datetime]]:
    """One side of a change, name by name; "" is the name of what has none. Words are told as they
    are, moments as such, "" where there is nothing; all else as JSON has it."""
    for name, value in data.items() if isinstance(data, dict) else [("", data)]:
        if isinstance(value, str) and _MOMENT.fullmatch(value):
            yield name, _moment(value)
        elif isinstance(value, str):
            yield name, value
        else:
            yield name, "" if value is None else json.dumps(value, ensure_ascii=False)


def _moment(value: str) -> str | datetime:
    """What looks like a moment and is none, such as a 31st of February, stays a word."""
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return value
