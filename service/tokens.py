"""API tokens: made, shown once, found by what was given, revoked."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from service.store import Transaction
from service.store.codec import Json
from service.store.tokens import USED_EVERY, Token
from workflows.rights import Actor, Role, Teams, wrong_with_token

#: What each begins with, so that whoever finds one, or looks for leaked ones, knows what it is.
PREFIX = "ft_"

#: 256 bits: nobody guesses one, and so a plain digest of it can be kept.
BYTES = 32


class NotGiven(ValueError):
    """The token is not made; the message says why."""


def create(
    tx: Transaction, actor: Actor, name: str, role: Role, teams: Teams, valid: timedelta
) -> tuple[str, Token]:
    """A new token, which is never seen again, and what is known of it. Raises NotGiven."""
    name = name.strip()
    if why := wrong_with_token(name, teams, valid):
        raise NotGiven(why)
    if tx.tokens.living(name):
        raise NotGiven(f"there is a token {name} that still opens: revoke it, or take another name")
    text = PREFIX + secrets.token_urlsafe(BYTES)
    number = tx.tokens.add(text, name, role, teams, tx.now + valid, actor.signed)
    token = tx.tokens.get(number)
    if token is None:
        raise LookupError(number)
    tx.changes.add(actor, "create token", f"token {number} {name}", None, _told(token))
    return text, token


def revoke(tx: Transaction, actor: Actor, number: int) -> bool:
    """From now on it opens nothing. False when there is none, or it was revoked before."""
    before = tx.tokens.get(number)
    if before is None or not tx.tokens.revoke(number):
        return False
    after = replace(before, revoked=tx.now)
    subject = f"token {number} {before.name}"
    tx.changes.add(actor, "revoke token", subject, _told(before), _told(after))
    return True


def standing(token: Token, now: datetime) -> str:
    """How it stands, in a word."""
    if token.revoked is not None:
        return "revoked"
    return "valid" if token.lives(now) else "expired"


def use_is_news(token: Token, now: datetime) -> bool:
    """Whether that it is used now is to be written down."""
    return token.used is None or now - token.used >= USED_EVERY


def _told(token: Token) -> Json:
    teams: Json = None if token.teams is None else [*sorted(token.teams)]
    return {
        "role": token.role.value,
        "teams": teams,
        "expires": token.expires.isoformat(),
        "revoked": token.revoked.isoformat() if token.revoked else None,
    }
