"""The boards: all action items, and all audits, by how they stand."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from flask import Blueprint, render_template, request

from service.store.boards import ActionView, AuditView, Sieve
from service.web import WebContainer
from service.web.pages import PAGE
from service.web.sign_in import actor
from workflows.kinds import Kind

#: Nobody reads further by turning pages; whoever looks for something narrows the list.
LAST_PAGE = 200

_LONGEST = 200

View = TypeVar("View", bound=StrEnum)


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("boards", __name__)

    @routes.get("/actions")
    def actions() -> str:
        view, sieve, page = _view(ActionView), sieve_asked(), _page()
        with container.store.read() as tx:
            found = tx.boards.actions(view, sieve, PAGE + 1, page * PAGE)
            counts = tx.boards.action_counts(sieve)
            twins = tx.boards.twins([of.id for of, _ in found[:PAGE]])
            teams, today = tx.boards.teams(sieve.teams), tx.now.date()
        return render_template(
            "actions.html",
            found=found[:PAGE],
            twins=twins,
            today=today,
            **_facts(view, sieve, page, len(found) > PAGE),
            counts=counts,
            teams=teams,
            kinds=[kind.value for kind in Kind],
        )

    @routes.get("/audits")
    def audits() -> str:
        view, sieve, page = _view(AuditView), sieve_asked(), _page()
        with container.store.read() as tx:
            found = tx.boards.audits(view, sieve, PAGE + 1, page * PAGE)
            counts = tx.boards.audit_counts(sieve)
            teams, today = tx.boards.teams(sieve.teams), tx.now.date()
        return render_template(
            "audit_board.html",
            found=found[:PAGE],
            today=today,
            **_facts(view, sieve, page, len(found) > PAGE),
            counts=counts,
            teams=teams,
            kinds=[kind.value for kind in Kind],
        )

    return routes


def sieve_asked() -> Sieve:
    """What the address narrows a list to, of what whoever asks may see."""
    names = ("team", "person", "kind", "service")
    team, person, kind, service = (request.args.get(n, "").strip()[:_LONGEST] for n in names)
    return Sieve(team, person, kind, service, actor().teams)


def _view(views: type[View]) -> View:
    """The view that the address names, otherwise the first one."""
    asked = request.args.get("show")
    return next((view for view in views if view == asked), next(iter(views)))


def _page() -> int:
    return min(max(request.args.get("page", 0, type=int), 0), LAST_PAGE)


def _facts(view: StrEnum, sieve: Sieve, page: int, more: bool) -> dict[str, object]:
    """What both boards show of how they are narrowed; `narrowed` is it as parts of an address."""
    said = {"team": sieve.team, "person": sieve.person, "kind": sieve.kind}
    said["service"] = sieve.service
    narrowed = {name: value for name, value in said.items() if value}
    return {
        "view": view,
        "views": list(type(view)),
        "sieve": sieve,
        "narrowed": narrowed,
        "page": page,
        "more": more and page < LAST_PAGE,
    }
