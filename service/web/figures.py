"""The figures as pages, and what is behind each as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response, abort, render_template, request, url_for

from service.store import Transaction
from service.web import WebContainer
from service.web.drawing import drawn
from service.web.sign_in import sight
from workflows import figures, indicators, lengths
from workflows.counts import Group, Length, Owners, Scope
from workflows.periods import NoPeriod, presets, read_period
from workflows.pictures import Figure

_LONGEST = 200

#: What a spreadsheet reads as the beginning of a formula.
#: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")

Make = Callable[[Transaction, Scope], Figure]


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure of the list: what it is called there, and how it is made."""

    title: str
    make: Make


def _frequency(group: Group) -> Make:
    return lambda tx, scope: figures.frequency(
        group, scope.period, tx.figures.opened(scope, group), tx.now.date()
    )


def _length(length: Length) -> Make:
    def make(tx: Transaction, scope: Scope) -> Figure:
        found = tx.figures.lengths(scope, length)
        each = tx.figures.measured(scope, length) if lengths.alone(found) else ()
        return lengths.lengths(length, scope.period, found, each, tx.now.date())

    return make


def _actions(owners: Owners) -> Make:
    return lambda tx, scope: figures.actions(
        owners, tx.figures.due(scope, owners), tx.figures.undated(scope)
    )


def _audits(tx: Transaction, scope: Scope) -> Figure:
    return figures.audits(scope.period, tx.figures.asked(scope))


def _verdicts(tx: Transaction, scope: Scope) -> Figure:
    return figures.verdicts(scope.period, tx.figures.judged(scope), tx.now.date())


def _recurrence(tx: Transaction, scope: Scope) -> Figure:
    return figures.recurrence(scope.period, tx.figures.opened(scope), tx.now.date())


def _indicators(tx: Transaction, scope: Scope) -> Figure:
    found = (
        *(tx.figures.due(scope), tx.figures.asked(scope)),
        *(tx.figures.opened(scope), tx.figures.lengths(scope, Length.RESOLVE)),
    )
    return indicators.indicators(scope.period, found, tx.now.date())


#: The first is what one sees first.
FIGURES: Final[Mapping[str, Shown]] = {
    "indicators": Shown("Leading beside lagging", _indicators),
    "severities": Shown("Incidents by severity", _frequency(Group.SEVERITY)),
    "services": Shown("Incidents by service", _frequency(Group.SERVICE)),
    "time-to-detect": Shown("Time to detect", _length(Length.DETECT)),
    "time-to-acknowledge": Shown("Time to acknowledge", _length(Length.ACKNOWLEDGE)),
    "time-to-mitigate": Shown("Time to mitigate", _length(Length.MITIGATE)),
    "time-to-resolve": Shown("Time to resolve", _length(Length.RESOLVE)),
    "actions-by-team": Shown("Action items by team", _actions(Owners.TEAM)),
    "actions-by-kind": Shown("Action items by kind", _actions(Owners.KIND)),
    "audits": Shown("Audits due", _audits),
    "verdicts": Shown("Verdicts", _verdicts),
    "recurrence": Shown("Recurrence", _recurrence),
}


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("figures", __name__)

    @routes.get("/figures", defaults={"name": next(iter(FIGURES))})
    @routes.get("/figures/<name>")
    def figure(name: str) -> str:
        shown = _known(name)
        with container.store.read() as tx:
            scope = _scope(tx)
            found = shown.make(tx, scope)
            teams, today = tx.figures.teams(scope), tx.now.date()
        pictures = [drawn(each, f"picture-{n}", _page) for n, each in enumerate(found.pictures, 1)]
        return render_template(
            "figures.html",
            name=name,
            figure=found,
            pictures=list(zip(found.pictures, pictures, strict=True)),
            figures=FIGURES,
            scope=scope,
            asked=_asked(scope),
            presets=presets(today),
            teams=teams,
        )

    @routes.get("/figures/<name>.csv")
    def as_csv(name: str) -> Response:
        shown = _known(name)
        with container.store.read() as tx:
            scope = _scope(tx)
            found = shown.make(tx, scope)
        period = scope.period
        file = f"{name}-{period.first}-{period.last}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{file}"'}
        return Response(table(found), content_type="text/csv; charset=utf-8", headers=headers)

    return routes


def table(figure: Figure) -> str:
    """The table of a figure as RFC 4180 has it, its values in the units that stand in its head.
    Nothing in it is a formula to a spreadsheet."""
    written = io.StringIO()
    rows = csv.writer(written)
    named = zip(figure.head, figure.units, strict=True)
    rows.writerow([_inert(f"{name} ({unit})" if unit else name) for name, unit in named])
    for row in figure.rows:
        rows.writerow([_inert(cell.value) for cell in row])
    return written.getvalue()


def _inert(value: str | int | float | None) -> str | int | float | None:
    if isinstance(value, str) and value.startswith(_FORMULAS):
        return f"'{value}"
    return value


def _page(incident: str) -> str:
    return url_for("pages.incident", incident_id=incident)


def _known(name: str) -> Shown:
    shown = FIGURES.get(name)
    if shown is None:
        abort(404)
    return shown


def _scope(tx: Transaction) -> Scope:
    """What the address asks for, as far as whoever reads may see it."""
    first, last, team, service = (
        request.args.get(name, "").strip()[:_LONGEST] for name in ("from", "to", "team", "service")
    )
    try:
        period = read_period(first, last, tx.now.date())
    except NoPeriod as error:
        abort(400, f"{error}.")
    return Scope(period, sight(), team, service)


def _asked(scope: Scope) -> dict[str, str]:
    """The scope as the parameters of an address."""
    found = {"from": str(scope.period.first), "to": str(scope.period.last)}
    if scope.team:
        found["team"] = scope.team
    if scope.service:
        found["service"] = scope.service
    return found
