"""What is said behind the status of an action item that ended, wherever that is shown.

Our own words, days and keys of tickets, and nothing that people wrote.
"""

from __future__ import annotations

import re

from workflows.model import ActionItem
from workflows.snapshots import Progress, Side
from workflows.tasks import TaskState

UNPROVEN = "unproven"
NO_REASON = "without a reason"

#: How a remark reads behind a status, to be told from what people write there.
_REMARK = re.compile(
    rf"(?<!\s)\s*\((?:{UNPROVEN}|{NO_REASON}|waived until [\d-]+|waiver ended [\d-]+|of [^()]+)\)$"
)


def remark(item: ActionItem) -> str:
    """What is to be said of how it ended, "" for nothing; also while its ticket was not read."""
    proof = item.proof
    if proof.rests or is_unread(item):
        return ""
    match proof.end:
        case Progress.DONE:
            return "" if proof.evidence else UNPROVEN
        case Progress.WONT_DO if proof.waiver is None:
            return NO_REASON
        case Progress.WONT_DO if proof.waiver is not None:
            ended = proof.waiver.expired
            return f"waiver ended {proof.waiver.until}" if ended else _until(item)
        case Progress.DUPLICATE:
            return f"of {proof.duplicate_of}" if proof.duplicate_of else ""
        case _:
            return ""


def _until(item: ActionItem) -> str:
    return f"waived until {item.proof.waiver.until}" if item.proof.waiver else ""


def with_remark(item: ActionItem) -> str:
    """Its status with the remark, "" before anybody said how far it is."""
    said = remark(item)
    return f"{item.status} ({said})" if said and item.status else item.status


def without_remark(status: str) -> str:
    """A status as it stood before a remark was put behind it."""
    return _REMARK.sub("", status)


def unread(item: ActionItem) -> list[Side]:
    """The sides whose tickets are to be read whole before anything is said of how it ended."""
    if not item.proof.counts:
        return []
    sides = ((Side.TASK, item.task), (Side.TWIN, item.twin))
    return [
        side
        for side, ref in sides
        if ref is not None and side not in item.proof.read and not is_gone(item, side)
    ]


def is_unread(item: ActionItem) -> bool:
    return bool(unread(item))


def may_be_proven(item: ActionItem, side: Side, state: TaskState) -> bool:
    """Whether a ticket that lacks words on how its item ended has changed since it was read
    whole."""
    read = item.proof.read.get(side)
    return item.proof.lacks and read is not None and state.updated > read


def is_gone(item: ActionItem, side: Side) -> bool:
    """Whether the ticket of that side is known to be deleted or hidden."""
    return side in item.sides and bool(item.sides[side].gone)
