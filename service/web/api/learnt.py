"""What incidents teach: patterns, architecture reviews, figures, search, imported postmortems."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import abort, url_for
from marshmallow import Schema, fields, validate

from service.store import Transaction
from service.store.search import Hit
from service.web import WebContainer
from service.web.api import paging
from service.web.api.learning_schemas import (
    PAGE_OF,
    FigureNameSchema,
    FigureSchema,
    FoundSchema,
    ImportedSchema,
    PatternSchema,
    ReviewSchema,
    WholePatternSchema,
)
from service.web.api.operations import Operations
from service.web.api.shown import Shown
from service.web.figures import FIGURES
from service.web.patterns import PAGE
from service.web.sign_in import actor, sight
from workflows.counts import Scope
from workflows.patterns import Against, Here
from workflows.periods import NoPeriod, Period, read_period
from workflows.pictures import Figure
from workflows.projection import Part, Projection
from workflows.queries import LONGEST, parse
from workflows.recurrence import normal
from workflows.team_books import Review

#: So far a ranked list is leafed through.
LAST, LAST_HIT = 10_000, 400


class PatternsIn(paging.Paged):
    team = fields.String(load_default="")
    service = fields.String(load_default="", metadata={"description": "In any spelling."})


class ReviewsIn(paging.Paged):
    team = fields.String(load_default="")


class FigureIn(Schema):
    first = fields.Date(data_key="from", load_default=None)
    last = fields.Date(data_key="to", load_default=None, metadata={"description": "In it."})
    team = fields.String(load_default="")
    service = fields.String(load_default="")


class SearchIn(paging.Paged):
    q = fields.String(
        required=True,
        validate=validate.Length(min=1, max=LONGEST),
        metadata={"description": 'conn* "retry storm" -vendor service:checkout after:2026-01-01'},
    )


def operations(container: WebContainer) -> tuple[Operations, ...]:
    return (
        _patterns(Operations(container, "patterns", "Factors that recur"), container),
        _reviews(Operations(container, "architecture-reviews", "Of factors that recur")),
        _figures(Operations(container, "figures", "What was counted")),
        _search(Operations(container, "search", "Incidents by their words")),
        _imported(Operations(container, "imported", "Postmortems written elsewhere")),
    )


# --- patterns -------------------------------------------------------------------------------------


def _patterns(api: Operations, container: WebContainer) -> Operations:
    @api.get("/patterns", PAGE_OF[PatternSchema], query=PatternsIn)
    def list(tx: Transaction, asked: dict[str, Any]) -> object:
        """List factors that more than one incident names: what recurs and is not answered first."""
        which = {"team": asked["team"], "service": normal(asked["service"])}

        def found(limit: int, skip: int) -> Any:
            return tx.patterns.page(container.learning, sight(), **which, limit=limit, skip=skip)

        return paging.ranked(asked, found, LAST)

    @api.get("/patterns/<name>", WholePatternSchema)
    def one(tx: Transaction, name: str) -> object:
        """Get one factor: where it was named, its newest incidents, and what was done."""
        name = normal(name)
        where = tx.patterns.where(name, sight())
        if not where:
            abort(404)
        counted = tx.patterns.page(container.learning, sight(), name=name, limit=1)
        incidents = tx.patterns.incidents(name, sight(), PAGE)
        return {
            "name": name,
            "said": tx.patterns.said(name, sight()),
            "counted": counted[0] if counted else None,
            "incidents_count": sum(each.incidents for each in where),
            "where": [_here(each) for each in where[:PAGE]],
            "incidents": incidents,
            "measures": [_against(each) for each in tx.patterns.against(incidents)[:PAGE]],
        }

    return api


def _here(each: Here) -> Shown:
    return {
        "team": each.team,
        "service": each.service_words,
        "incidents": each.incidents,
        "quarters": each.quarters,
    }


def _against(each: Against) -> Shown:
    told = {"incident": each.incident_id, "incident_key": each.key, "proved": each.proved}
    return {**asdict(each), **told}


def _reviews(api: Operations) -> Operations:
    @api.get("/architecture-reviews", PAGE_OF[ReviewSchema], query=ReviewsIn)
    def list(tx: Transaction, asked: dict[str, Any]) -> object:
        """List architecture reviews, of each team the latest first; of each factor and service the
        last one."""
        every = [
            _review(book.team, review)
            for book in tx.teams.all()
            if actor().sees(book.team) and asked["team"] in ("", book.team)
            for review in sorted(book.reviews, key=lambda each: each.asked, reverse=True)
        ]
        return paging.ranked(asked, lambda limit, skip: every[skip : skip + limit], LAST)

    return api


def _review(team: str, each: Review) -> Shown:
    state = "to be opened" if each.is_pending else "opened" if each.ticket else "given up"
    told = {"service": each.service, "factor": each.factor, "round": each.round}
    return {"team": team, **told, "asked": each.asked, "state": state, "ticket": each.ticket}


# --- figures --------------------------------------------------------------------------------------


def _figures(api: Operations) -> Operations:
    @api.get("/figures", PAGE_OF[FigureNameSchema])
    def list(tx: Transaction) -> object:  # noqa: ARG001 - as of all that read
        """List the figures that there are."""
        return paging.whole([{"name": n, "title": f.title} for n, f in FIGURES.items()])

    @api.get("/figures/<name>", FigureSchema, query=FigureIn)
    def one(tx: Transaction, asked: dict[str, Any], name: str) -> object:
        """Get one as a table, for four quarters unless days are named."""
        figure = FIGURES.get(name)
        if figure is None:
            abort(404)
        first, last = (str(day) if day else "" for day in (asked["first"], asked["last"]))
        try:
            period = read_period(first, last, tx.now.date())
        except NoPeriod as error:
            abort(422, f"{error}.")
        scope = Scope(period, sight(), asked["team"], asked["service"])
        return {**_figure(figure.make(tx, scope), period), **_addresses(name, scope)}

    return api


def _figure(figure: Figure, period: Period) -> Shown:
    columns = zip(figure.head, figure.units, strict=True)
    return {
        "name": figure.name,
        "title": figure.title,
        "words": figure.words,
        "notes": figure.notes,
        "period": period,
        "columns": [{"name": name, "unit": unit} for name, unit in columns],
        "rows": [[cell.value for cell in row] for row in figure.rows],
        "empty": figure.empty,
    }


def _addresses(name: str, scope: Scope) -> Shown:
    """Where the figure stands for people, and as a file."""
    said: dict[str, Any] = {"from": str(scope.period.first), "to": str(scope.period.last)}
    said |= {"team": scope.team} if scope.team else {}
    said |= {"service": scope.service} if scope.service else {}
    page, csv = (url_for(f"figures.{each}", name=name, **said) for each in ("figure", "as_csv"))
    return {"page": page, "csv": csv}


# --- search ---------------------------------------------------------------------------------------


def _search(api: Operations) -> Operations:
    @api.get("/search", FoundSchema, query=SearchIn)
    def find(tx: Transaction, asked: dict[str, Any]) -> object:
        """Find incidents, and imported postmortems, by their words: the best match first."""
        query = parse(asked["q"])
        skip = paging.skipped(asked, LAST_HIT)
        found = tx.search.find(query, sight(), limit=asked["limit"], skip=skip)
        following = skip + asked["limit"]
        more = found.more and following <= LAST_HIT
        return {
            "items": [_hit(each) for each in found.hits],
            "next": paging.write(following) if more else None,
            "lacking": found.lacking,
            "understood": query.understood,
            "told": query.told,
        }

    return api


def _hit(each: Hit) -> Shown:
    return {
        **{name: getattr(each, name) for name in ("id", "key", "url", "team", "service")},
        "severity": each.severity,
        "restricted": each.restricted,
        "imported": each.imported,
        "opened": each.opened,
        "document_url": each.document_url,
        "title": "".join(text for text, _ in each.title),
        "excerpts": [
            {
                "part": excerpt.part,
                "title": excerpt.title,
                "segments": [{"text": text, "found": found} for text, found in excerpt.segments],
            }
            for excerpt in each.excerpts
        ],
    }


def _imported(api: Operations) -> Operations:
    @api.get("/imported/<id>", ImportedSchema)
    def one(tx: Transaction, id: str) -> object:
        """Get a postmortem that was written elsewhere and imported."""
        kept = tx.learning.kept(id)
        if kept is None or not kept.facts.imported:
            abort(404)
        return _file(kept)

    return api


def _file(kept: Projection) -> Shown:
    of = kept.facts
    return {
        **{name: getattr(of, name) for name in ("id", "key", "title", "team", "service")},
        "severity": of.severity,
        "opened": of.opened,
        "labels": kept.labels,
        "sections": [each for each in kept.passages if each.part is Part.SECTION],
    }
