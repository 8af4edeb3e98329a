"""Writes of the API: one transaction each, and done once however often one is sent with the same
``Idempotency-Key``."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from flask import Response, abort, request
from marshmallow import Schema

from service.store import Store, Transaction
from service.store.answers import Kept
from service.web.sign_in import actor

HEADER = "Idempotency-Key"

_KEY = re.compile(r"[\x21-\x7e]{1,200}")

#: What is done, and comes of it.
Act = Callable[[Transaction], object]


def once(store: Store, act: Act, schema: Schema, status: int, hidden: frozenset[str]) -> Response:
    """Do it, and answer with what it came to. Sent again with its key, within a day, it is answered
    as before and not done; what is `hidden` is then null, because it is kept nowhere."""
    key = request.headers.get(HEADER)
    if key is None:
        with store.write() as tx:
            return answered(schema.dump(act(tx)), status)
    if not _KEY.fullmatch(key):
        abort(422, f"{HEADER}: 1 to 200 visible ASCII characters.")
    with store.write() as tx:
        kept = tx.answers.claim(str(actor().token or ""), key, _fingerprint())
    if not kept.mine:
        return _as_before(kept)
    try:
        with store.write() as tx:
            body: Any = schema.dump(act(tx))
            without = {name: None if name in hidden else value for name, value in body.items()}
            if not tx.answers.keep(kept.claim, status, without):
                abort(409, "It took too long, and was sent again meanwhile: send it once more.")
    except BaseException:
        with store.write() as tx:
            tx.answers.release(kept.claim)
        raise
    return answered(body, status)


def answered(body: object, status: int) -> Response:
    """JSON as the API answers it."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text.encode(errors="replace") + b"\n", status, mimetype="application/json")


def _as_before(kept: Kept) -> Response:
    if kept.fingerprint != _fingerprint():
        abort(422, f"{HEADER}: another request was sent with this key; take a new one.")
    if kept.status is None:
        abort(409, "A request with this key is being worked on: send it again in a moment.")
    return answered(kept.body, kept.status)


def _fingerprint() -> str:
    """What tells this request from others: its method, address and body."""
    parts = (request.method, request.full_path, request.mimetype)
    told = hashlib.sha256("\n".join(parts).encode(errors="replace"))
    told.update(request.get_data())
    return told.hexdigest()
