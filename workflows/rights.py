"""Who may do what: three roles, one above the other, and the teams whose things somebody sees."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

#: The teams that somebody sees, None for all of them.
Teams = frozenset[str] | None

#: How long a token can be valid.
LONGEST_VALID = timedelta(days=366)

LONGEST_NAME = 60


class Role(StrEnum):
    """What somebody may do; each may do what those before it may."""

    VIEWER = "viewer"  # reads
    EDITOR = "editor"  # judges, accepts, settles, attaches evidence, publishes
    ADMIN = "admin"  # replays, drops, and gives out tokens

    def reaches(self, least: Role) -> bool:
        """Whether this role may do what asks for at least that one."""
        order = tuple(Role)
        return order.index(self) >= order.index(least)


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever asks: their `name` on record, what they may do, and whose incidents they see.
    `token` is the id of their API token, None for whoever has the admin token or a shell. `way`
    is how they came ("web page", "API", "command line")."""

    name: str
    role: Role
    teams: Teams
    way: str
    token: int | None = None

    @property
    def signed(self) -> str:
        """How what they did is signed: ``kim (web page)``."""
        return f"{self.name} ({self.way})"

    def sees(self, team: str | None) -> bool:
        """Whether they may see what is this team's; None: nobody knows whose it is."""
        return may_see(self.teams, team)


def may_see(teams: Collection[str] | None, team: str | None) -> bool:
    """Whether what is this team's is among these `teams`. What is of no known team is seen only by
    those who see all: it may turn out to be anybody's."""
    return teams is None or (team is not None and team in teams)


def wrong_with_token(name: str, teams: Teams, valid: timedelta) -> str:
    """Why a token cannot be made so, in words that end a sentence; "" where it can."""
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        return f"a token's name has 1 to {LONGEST_NAME} printable characters"
    if teams is not None and not teams:
        return "a token of no team at all would see nothing: name one, or leave teams out for all"
    if not timedelta() < valid <= LONGEST_VALID:
        return f"a token is valid for 1 to {LONGEST_VALID.days} days"
    return ""


def lives(expires: datetime, revoked: datetime | None, now: datetime) -> bool:
    """Whether a token opens anything at `now` (all times UTC)."""
    return revoked is None and now < expires
