"""What people plan with: the pre-read of a quarterly review, and the export of measures."""

from __future__ import annotations

from flask import Blueprint, Response, abort, render_template, request

from service.web import WebContainer
from service.web.sign_in import actor
from workflows.export import Format, in_order, written
from workflows.preread import in_short, parts, title
from workflows.quarters import quarter_of, read_quarter
from workflows.sight import Sight

_TYPES = {
    Format.CSV: "text/csv; charset=utf-8; header=present",
    Format.JSON: "application/json",
    Format.MARKDOWN: "text/markdown; charset=utf-8",
}


def sight() -> Sight:
    """What whoever asks may read here: that of their teams. What only some may read of an incident
    is left out, because these lists are passed on."""
    return Sight(actor().teams)


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("planning", __name__)
    _preread(routes, container)
    _export(routes, container)
    return routes


def _preread(routes: Blueprint, container: WebContainer) -> None:
    @routes.get("/preread")
    def preread() -> str:
        """Of the team and quarter in the address; of the present quarter where it names none."""
        team, said = request.args.get("team", ""), request.args.get("quarter", "")
        with container.store.read() as tx:
            today = tx.now.date()
            quarter = read_quarter(said) if said else quarter_of(today)
            if quarter is None:
                abort(400, "Write the quarter as 2026Q4.")
            teams = tx.prereads.teams(sight())
            if team and team not in teams:
                abort(404, "There is no team of this name.")
            found = tx.prereads.of(team, quarter, today, sight()) if team else None
        return render_template(
            "preread.html",
            teams=teams,
            team=team,
            quarter=quarter,
            found=found,
            title=title(team, quarter),
            in_short=in_short(found) if found else "",
            parts=list(parts(found)) if found else [],
        )


def _export(routes: Blueprint, container: WebContainer) -> None:
    @routes.get("/export/measures.<ending>")
    def measures(ending: str) -> Response:
        as_ = next((each for each in Format if each == ending), None)
        if as_ is None:
            abort(404, "Measures are exported as .csv, .json or .md.")
        team = request.args.get("team") or None
        with container.store.read() as tx:
            found = tx.exports.measures(sight(), team, ended="all" in request.args)
        pieces = written(in_order(found, container.severities), as_)
        answer = Response("".join(pieces), mimetype=None, content_type=_TYPES[as_])
        answer.headers["Content-Disposition"] = f'attachment; filename="measures.{as_.value}"'
        return answer
