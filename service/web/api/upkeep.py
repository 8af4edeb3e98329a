"""For whoever runs the service: deliveries, dead letters, tokens and the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from flask import abort
from marshmallow import fields, validate

from service import acts, dead_letters
from service import tokens as token_service
from service.dead_letters import DeadLetter, NoSuchLetter
from service.explain import GONE, sent
from service.store import Transaction
from service.store.deliveries import Delivery, DeliveryState
from service.tokens import NotGiven
from service.web import WebContainer
from service.web.api import paging, shown
from service.web.api.operations import Operations
from service.web.api.schemas import (
    PAGE_OF,
    ChangeSchema,
    DeliverySchema,
    LetterSchema,
    NewTokenSchema,
    TokenSchema,
    WholeDeliverySchema,
)
from service.web.api.values import Given, Line, one_of
from service.web.pages import LARGEST_ID
from service.web.sign_in import actor
from workflows.rights import LONGEST_NAME, LONGEST_VALID, Role

_ID = f"int(max={LARGEST_ID})"


class DeliveriesIn(paging.Paged):
    state = one_of(DeliveryState, load_default=None)
    connection = fields.String(load_default=None)


class LettersIn(paging.Paged):
    connection = fields.String(load_default=None)


class ChangesIn(paging.Paged):
    who = fields.String(load_default=None, metadata={"description": "How the name begins."})


class WhyIn(Given):
    why = Line(500, required=True, metadata={"description": "It stays on record."})


class TokenIn(Given):
    name = Line(LONGEST_NAME, required=True)
    role = one_of(Role, required=True)
    teams = fields.List(
        Line(200),
        load_default=None,
        allow_none=True,
        validate=validate.Length(min=1, max=100),
        metadata={"description": "Whose incidents it sees; null or left out: all."},
    )
    days = fields.Integer(
        strict=True,
        load_default=90,
        validate=validate.Range(min=1, max=LONGEST_VALID.days),
        metadata={"description": "How long it is valid."},
    )


def operations(container: WebContainer) -> tuple[Operations, ...]:
    return (
        _deliveries(Operations(container, "deliveries", "What trackers told of"), container),
        _letters(Operations(container, "dead-letters", "What waits for a person")),
        _tokens(Operations(container, "tokens", "API tokens")),
        _changes(Operations(container, "changes", "The audit log")),
    )


def _deliveries(api: Operations, container: WebContainer) -> Operations:
    @api.get("/deliveries", PAGE_OF[DeliverySchema], query=DeliveriesIn)
    def list(tx: Transaction, asked: dict[str, Any]) -> object:
        """List deliveries, the latest first."""
        which = {"state": asked["state"], "connection": asked["connection"]}

        def found(limit: int, before: int | None) -> Sequence[Delivery]:
            return tx.deliveries.page(teams=actor().teams, before=before, limit=limit, **which)

        page = paging.numbered(asked, found)
        return {**page, "items": [shown.delivery(each) for each in page["items"]]}

    @api.get(f"/deliveries/<{_ID}:number>", WholeDeliverySchema)
    def one(tx: Transaction, number: int) -> object:
        """Get one, with what may be shown of what was sent."""
        return {**_delivery(tx, number), "sent": sent(tx, container.doors, number)}

    @api.write(f"/deliveries/<{_ID}:number>/replay", DeliverySchema)
    def replay(tx: Transaction, number: int) -> object:
        """Have one worked on again, from the recorded bytes."""
        if not acts.replay_delivery(tx, actor(), number):
            abort(404, GONE if tx.deliveries.get(number) else None)
        return _delivery(tx, number)

    @api.write(f"/deliveries/<{_ID}:number>/drop", DeliverySchema, body=WhyIn)
    def drop(tx: Transaction, sent: dict[str, Any], number: int) -> object:
        """Give one up."""
        if not acts.drop_delivery(tx, actor(), number, sent["why"]):
            abort(404)
        return _delivery(tx, number)

    return api


def _delivery(tx: Transaction, number: int) -> shown.Shown:
    found = tx.deliveries.get(number)
    if found is None:
        abort(404)
    return shown.delivery(found)


def _letters(api: Operations) -> Operations:
    @api.get("/dead-letters", PAGE_OF[LetterSchema], query=LettersIn)
    def list(tx: Transaction, asked: dict[str, Any]) -> object:
        """List what waits for a person: effects first, then deliveries, the earliest first."""
        found = dead_letters.dead_letters(tx, asked["connection"], actor().teams)
        page = paging.following(asked, found, _place)
        return {**page, "items": [shown.letter(each) for each in page["items"]]}

    @api.get("/dead-letters/<id>", LetterSchema)
    def one(tx: Transaction, id: str) -> object:
        """Get one."""
        return shown.letter(_letter(tx, id))

    @api.write("/dead-letters/<id>/replay", LetterSchema)
    def replay(tx: Transaction, id: str) -> object:
        """Want one again, once its cause is mended."""
        return _done(tx, id, partial(acts.replay_letter, tx, actor()))

    @api.write("/dead-letters/<id>/drop", LetterSchema, body=WhyIn)
    def drop(tx: Transaction, sent: dict[str, Any], id: str) -> object:
        """Give one up; its incident goes on without it."""
        return _done(tx, id, partial(acts.drop_letter, tx, actor(), why=sent["why"]))

    return api


def _place(letter: DeadLetter) -> tuple[int, ...]:
    return (int(letter.id[0] == "d"), int(letter.id[1:]))


def _letter(tx: Transaction, id: str) -> DeadLetter:
    try:
        return dead_letters.letter(tx, id)
    except NoSuchLetter:
        abort(404)


def _done(tx: Transaction, id: str, act: Any) -> shown.Shown:
    found = _letter(tx, id)
    if not act(letter=found):
        abort(409, f"Nothing was done: it is {found.standing}.")
    return shown.letter(_letter(tx, found.id))


def _tokens(api: Operations) -> Operations:
    @api.get("/tokens", PAGE_OF[TokenSchema], query=paging.Paged)
    def list(tx: Transaction, asked: dict[str, Any]) -> object:
        """List tokens, the latest first."""
        page = paging.numbered(asked, tx.tokens.page)
        return {**page, "items": [shown.token(each, tx.now) for each in page["items"]]}

    @api.write("/tokens", NewTokenSchema, body=TokenIn, status=201, hidden=("token",))
    def create(tx: Transaction, sent: dict[str, Any]) -> object:
        """Make one. It is shown in this answer and never again."""
        teams = None if sent["teams"] is None else frozenset(sent["teams"])
        valid = timedelta(days=sent["days"])
        try:
            text, token = token_service.create(
                tx, actor(), sent["name"], sent["role"], teams, valid
            )
        except NotGiven as error:
            abort(409, f"Nothing was done: {error}.")
        return shown.token(token, tx.now, text)

    @api.write(f"/tokens/<{_ID}:number>", TokenSchema, method="DELETE")
    def revoke(tx: Transaction, number: int) -> object:
        """Revoke one: it opens nothing any more. It stays in the list."""
        token_service.revoke(tx, actor(), number)
        found = tx.tokens.get(number)
        if found is None:
            abort(404)
        return shown.token(found, tx.now)

    return api


def _changes(api: Operations) -> Operations:
    @api.get("/changes", PAGE_OF[ChangeSchema], query=ChangesIn)
    def list(tx: Transaction, asked: dict[str, Any]) -> object:
        """List what people changed, the latest first."""
        return paging.numbered(asked, partial(tx.changes.page, who=asked["who"]))

    return api
