"""Fields of tickets by the names that the rules have for them."""

from __future__ import annotations

from collections.abc import Mapping

from workflows.policy import same_word


def said_in(fields: Mapping[str, str], name: str) -> str:
    """What the field of this id or name says, "" for nothing. A name counts however it is
    written: "Root cause" is "root  cause"."""
    if name in fields:
        return fields[name]
    wanted = same_word(name)
    return next((value for known, value in fields.items() if same_word(known) == wanted), "")
