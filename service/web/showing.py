"""How values look on a page: times in the reader's zone, lengths, links to elsewhere."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import cache
from itertools import zip_longest
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from flask import Flask, g, request
from markupsafe import Markup

from workflows.tickets import TicketRef
from workflows.timeline import stamp

_DAY = re.compile(r"\b(\d{4}-\d\d-\d\d)\b", re.ASCII)

#: The cookie that holds the zone in which somebody reads times.
ZONE_COOKIE = "followthrough_zone"


@cache
def zones() -> frozenset[str]:
    """The zones that a reader can choose, by their names in the time zone database: those of
    places. https://data.iana.org/time-zones/theory.html#naming"""
    places = (name for name in available_timezones() if "/" in name)
    return frozenset(n for n in places if not n.startswith(("Etc/", "SystemV/", "US/")))


def zone() -> ZoneInfo | None:
    """The zone that whoever asks has chosen; None for UTC alone."""
    if "zone" not in g:
        chosen = request.cookies.get(ZONE_COOKIE, "")
        g.zone = ZoneInfo(chosen) if chosen in zones() else None
    found: ZoneInfo | None = g.zone
    return found


def time(at: datetime | None) -> Markup | str:
    """ "2026-12-07 12:00 UTC", readable by machines too; a dash where there is none. In a zone that
    the reader chose, "2026-12-07 13:00 CET" with "12:00 UTC" beside, which names its day where that
    is another one."""
    if at is None:
        return Markup('<span class="none">—</span>')
    machine = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    chosen = zone()
    if chosen is None:
        return Markup('<time datetime="{}">{} UTC</time>').format(machine, stamp(at))
    there, here = at.astimezone(chosen), at.astimezone(UTC)
    beside = f"{here:%H:%M} UTC" if there.date() == here.date() else f"{stamp(at)} UTC"
    return Markup('<time datetime="{}">{}</time> <span class="utc">{}</span>').format(
        machine, f"{there:%Y-%m-%d %H:%M} {_abbreviated(there)}", beside
    )


def _abbreviated(at: datetime) -> str:
    """ "CET"; "UTC+03" where the zone has no letters but only its distance."""
    name = at.tzname() or ""
    return name if name[:1].isalpha() else f"UTC{name}"


def day(at: date | None) -> Markup:
    if at is None:
        return Markup('<span class="none">—</span>')
    return Markup('<time datetime="{0}">{0}</time>').format(at.isoformat())


def in_whole_days(text: str) -> Markup:
    """A text whose days, such as 2026-12-07, are not broken between two lines."""
    pieces = _DAY.split(text)
    shown = [Markup('<span class="piece">{}</span>').format(each) for each in pieces[1::2]]
    return Markup().join(e for pair in zip_longest(pieces[::2], shown, fillvalue="") for e in pair)


def link(words: str, url: str, kind: str = "") -> Markup:
    """A link to an address that a tracker gave, or only the words when following it could do
    anything but open a web page. `kind` is its class in the style sheet."""
    shown = Markup(' class="{}"').format(kind) if kind else Markup()
    try:
        parts = urlsplit(url)
        safe = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        safe = False
    if not safe:
        return Markup("<span{}>{}</span>").format(shown, words)
    return Markup('<a href="{}" rel="noopener noreferrer"{}>{}</a>').format(url, shown, words)


def ticket(ref: TicketRef) -> Markup:
    """The key of a ticket as a link to it, in one piece."""
    return link(ref.key, ref.url, "key")


def install(app: Flask) -> None:
    """Make these filters of the templates: ``time``, ``day``, ``in_whole_days``, ``linked`` and
    ``ticket``."""
    app.add_template_filter(time, "time")
    app.add_template_filter(day, "day")
    app.add_template_filter(link, "linked")
    app.add_template_filter(in_whole_days, "in_whole_days")
    app.add_template_filter(ticket, "ticket")
