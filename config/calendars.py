"""Calendars: what is wrong with them in the rules, and what is made of them.

The holidays of countries come from the library `holidays`, which is given as data to what decides.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from datetime import date, time, timedelta
from functools import cache
from typing import Any

import holidays

from config.problems import Complaint, Place, suggestion
from workflows.calendars import USUAL, Calendar

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

#: The years whose holidays a country's calendar holds. What is due after them cannot be told, and
#: says so; before them only the weekend and the days that the rules name are free.
FIRST_YEAR, LAST_YEAR = 2010, 2040

_SOON = timedelta(days=366)


def check_calendars(rules: Mapping[str, Any], told: Container[Place]) -> Iterator[Complaint]:
    """Everything about calendars that is wrong between the parts of `rules`, as the schema loaded
    them; `told` are the places that it could not read."""
    calendars: Mapping[str, Any] = rules.get("calendars", {})
    for name, calendar in calendars.items():
        yield from _check(calendar, ("calendars", name), told)
    for name, team in rules.get("teams", {}).items():
        wanted = team.get("calendar")
        if wanted is not None and wanted not in calendars:
            right = suggestion(wanted, list(calendars)) if calendars else "write it under calendars"
            yield Complaint(("teams", name, "calendar"), f"no calendar is called “{wanted}”", right)


def _check(
    calendar: Mapping[str, Any], place: Place, told: Container[Place]
) -> Iterator[Complaint]:
    if (*place, "country") not in told:
        yield from _check_country(calendar, place)
    if len(set(calendar.get("weekend", ()))) == len(WEEKDAYS):
        message = "leaves no business day in the week"
        yield Complaint((*place, "weekend"), message, "leave a day out")
    quiet, opens = calendar.get("quiet"), calendar.get("opens", USUAL.opens)
    if quiet is not None and quiet.hold(opens) and (*place, "opens") not in told:
        message = f"it opens at {opens:%H:%M}, in its quiet hours"
        at = "opens" if "opens" in calendar else "quiet"
        yield Complaint((*place, at), message, "write another time as opens")


def _check_country(calendar: Mapping[str, Any], place: Place) -> Iterator[Complaint]:
    country, part = calendar.get("country"), calendar.get("subdivision")
    if country is None:
        if part is not None:
            yield Complaint((*place, "subdivision"), "is of no country", "write country: DE")
        return
    known = _countries()
    if country not in known:
        right = f"write {country.upper()}" if country.upper() in known else "write it as DE"
        message = f"“{country}” is no country whose holidays are known"
        yield Complaint((*place, "country"), message, right)
    elif part is not None and part not in known[country]:
        right = suggestion(part, known[country]) if known[country] else "remove it"
        yield Complaint((*place, "subdivision"), f"{country} has no “{part}”", right)


def ending(calendars: Mapping[str, Calendar], today: date) -> Iterator[str]:
    """A warning for each calendar whose holidays are known for less than a year more."""
    for name, calendar in calendars.items():
        until = calendar.known_until
        if until is not None and until < today + _SOON:
            yield (
                f"calendars.{name} knows its holidays until {until} only: what is due later cannot"
                " be counted before a newer version is installed"
            )


def build_calendars(rules: Mapping[str, Any]) -> dict[str, Calendar]:
    """The calendars of rules that were found right, by name."""
    return {name: _build(calendar) for name, calendar in rules.get("calendars", {}).items()}


def _build(calendar: Mapping[str, Any]) -> Calendar:
    days, until = frozenset[date](), None
    if "country" in calendar:
        days, until = _holidays(calendar["country"], calendar.get("subdivision"))
    weekend = calendar.get("weekend")
    opens: time = calendar.get("opens", USUAL.opens)
    return Calendar(
        zone=calendar.get("zone", USUAL.zone),
        holidays=days.union(calendar.get("holidays", ())),
        weekend=USUAL.weekend if weekend is None else frozenset(map(WEEKDAYS.index, weekend)),
        quiet=calendar.get("quiet"),
        opens=opens,
        known_until=until,
    )


@cache
def _countries() -> Mapping[str, tuple[str, ...]]:
    """The countries (ISO 3166-1 alpha-2) whose holidays are known, each with its parts."""
    known = holidays.list_supported_countries(include_aliases=False)
    return {country: tuple(parts) for country, parts in known.items()}


@cache
def _holidays(country: str, part: str | None) -> tuple[frozenset[date], date]:
    """The public holidays, and the last day of the years in which they are known. The library has
    none for years that it does not cover, and says so in `end_year`."""
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    found = holidays.country_holidays(country, subdiv=part, years=years)
    return frozenset(found), date(min(LAST_YEAR, found.end_year), 12, 31)
