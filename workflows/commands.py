"""Commands in comments: the first line of a comment, outside of quotes and code."""

from __future__ import annotations

import re
from hashlib import blake2b

from workflows.actions import prose
from workflows.markup import as_said
from workflows.model import Comment


def spoken(comment: Comment) -> list[str]:
    """The lines of a comment that are neither quoted nor code, without empty ones, if the first of
    all its lines is one of them; none otherwise: what stands further down is no command."""
    lines = [as_said(line).strip() for line in prose(comment.text) if line.strip()]
    written = next((line for line in comment.text.split("\n") if line.strip()), "")
    return lines if lines and as_said(written).strip() == lines[0] else []


_FENCE = re.compile(r"(?:`{3,}|~{3,})\s*\w*")


def shown(comment: Comment) -> str:
    """The first line of a comment without the marks of a quote or of code, which people also type
    where they mean nothing to the tracker."""
    lines = (as_said(line).lstrip("> \t").rstrip() for line in comment.text.split("\n"))
    said = next((line for line in lines if line and not _FENCE.fullmatch(line)), "")
    return said.strip("`").strip()


def short(*parts: object) -> str:
    """An id that can stand in a key."""
    return blake2b("\n".join(map(str, parts)).encode(), digest_size=5).hexdigest()
