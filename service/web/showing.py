"""How values look on a page: times, lengths, links to elsewhere."""

from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import urlsplit

from flask import Flask
from markupsafe import Markup

from workflows.timeline import stamp


def time(at: datetime | None) -> Markup | str:
    """ "2026-12-07 12:00 UTC", readable by machines too; a dash where there is none."""
    if at is None:
        return Markup('<span class="none">—</span>')
    machine = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup('<time datetime="{}">{} UTC</time>').format(machine, stamp(at))


def day(at: date | None) -> Markup:
    if at is None:
        return Markup('<span class="none">—</span>')
    return Markup('<time datetime="{0}">{0}</time>').format(at.isoformat())


def link(words: str, url: str) -> Markup:
    """A link to an address that a tracker gave, or only the words when following it could do
    anything but open a web page."""
    try:
        parts = urlsplit(url)
        safe = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        safe = False
    if not safe:
        return Markup("<span>{}</span>").format(words)
    return Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(url, words)


def install(app: Flask) -> None:
    """Make these the filters ``time``, ``day`` and ``linked`` of the templates."""
    app.add_template_filter(time, "time")
    app.add_template_filter(day, "day")
    app.add_template_filter(link, "linked")
