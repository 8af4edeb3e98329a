"""Our own ids of incidents and teams: opaque, and short enough to be typed."""

from __future__ import annotations

import secrets

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # no l, o, 0, 1: ids are read aloud and typed
LENGTH = 10  # 49 bits


def new_id() -> str:
    """One that nothing has: of an incident that is only rehearsed."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
