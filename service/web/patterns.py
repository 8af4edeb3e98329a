"""The pages of patterns: contributing factors that recur, and what was done about each."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request

from service.web import WebContainer
from service.web.sign_in import sight
from workflows.patterns import RULE, State
from workflows.recurrence import normal

#: So many patterns, and incidents of one, are shown at once.
PAGE = 50
_LAST_PAGE = 1000


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("patterns", __name__)
    _all(routes, container)
    _one(routes, container)
    return routes


def _all(routes: Blueprint, container: WebContainer) -> None:
    @routes.get("/patterns")
    def patterns() -> str:
        team, service = request.args.get("team", ""), normal(request.args.get("service", ""))
        page = min(max(request.args.get("page", default=1, type=int), 1), _LAST_PAGE)
        with container.store.read() as tx:
            found = tx.patterns.page(
                container.learning,
                sight(),
                team=team,
                service=service,
                limit=PAGE + 1,
                skip=(page - 1) * PAGE,
            )
            teams, quarters = tx.patterns.teams(sight()), tx.patterns.quarters
        return render_template(
            "patterns.html",
            patterns=found[:PAGE],
            more=len(found) > PAGE,
            page=page,
            quarters=[str(each) for each in quarters],
            team=team,
            teams=teams,
            service=service,
            rule=RULE,
            rules=container.learning.counted,
            unanswered=State.UNANSWERED,
            answered=State.ANSWERED,
        )


def _one(routes: Blueprint, container: WebContainer) -> None:
    @routes.get("/patterns/<name>")
    def pattern(name: str) -> str:
        name = normal(name)
        with container.store.read() as tx:
            where = tx.patterns.where(name, sight())
            if not where:
                abort(404, "No incident that you may see names this factor.")
            counted = tx.patterns.page(container.learning, sight(), name=name, limit=1)
            incidents = tx.patterns.incidents(name, sight(), PAGE)
            against = tx.patterns.against(incidents)
            said, quarters = tx.patterns.said(name, sight()), tx.patterns.quarters
        return render_template(
            "pattern.html",
            name=name,
            said=said,
            counted=counted[0] if counted else None,
            where=where[:PAGE],
            total=sum(each.incidents for each in where),
            quarters=[str(each) for each in quarters],
            incidents=incidents,
            against=against[:PAGE],
            measures=len(against),
            rules=container.learning.counted,
            unanswered=State.UNANSWERED,
            answered=State.ANSWERED,
        )
