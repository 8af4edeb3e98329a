"""How far a remediation is, between the words of a tracker and ours."""

from __future__ import annotations

from collections.abc import Mapping

from workflows.model import Status, StatusCategory
from workflows.policy import StatusWords, same_word
from workflows.snapshots import Progress
from workflows.tasks import StatusWish

#: Words for why a ticket was closed without the work being done, as trackers ship with them.
_REASONS = {
    Progress.WONT_DO: (
        *("won't do", "won't fix", "wontfix", "not planned", "declined", "rejected"),
        *("cannot reproduce", "incomplete"),
    ),
    Progress.DUPLICATE: ("duplicate",),
    Progress.DONE: ("done", "fixed", "completed", "resolved"),
}

_BY_CATEGORY = {
    StatusCategory.NEW: Progress.OPEN,
    StatusCategory.IN_PROGRESS: Progress.IN_PROGRESS,
    StatusCategory.DONE: Progress.DONE,
}

#: What is said instead where a side cannot say something, the nearest first.
_NEAREST = {
    Progress.OPEN: (),
    Progress.IN_PROGRESS: (Progress.OPEN,),
    Progress.IN_REVIEW: (Progress.IN_PROGRESS, Progress.OPEN),
    Progress.DONE: (),
    Progress.WONT_DO: (Progress.DONE,),
    Progress.DUPLICATE: (Progress.WONT_DO, Progress.DONE),
}


def read_status(status: Status, readings: Mapping[str, Progress]) -> Progress:
    """What a ticket's status means: by its name where the rules say so, else by why it was closed
    and by its category."""
    named = {same_word(name): progress for name, progress in readings.items()}
    if (known := named.get(same_word(status.name))) is not None:
        return known
    if status.category is StatusCategory.DONE:
        reason = same_word(status.reason or "").replace("’", "'")
        for progress, words in _REASONS.items():
            if reason in words:
                return progress
    return _BY_CATEGORY[status.category]


def readings(words: StatusWords) -> dict[str, Progress]:
    """Every name that the rules give, with what it means."""
    return {name: progress for progress, names in words.names.items() for name in names}


def as_said(progress: Progress, words: StatusWords) -> Progress:
    """The same, as far as a destination can tell it apart."""
    if progress in words.says:
        return progress
    return next((near for near in _NEAREST[progress] if near in words.says), progress)


def status_wish(progress: Progress, words: StatusWords) -> StatusWish:
    """What a ticket is asked to become."""
    reasons = _REASONS.get(progress, ())
    return StatusWish(progress, words.names.get(progress, ()), reasons, words.fill, readings(words))


def read_word(text: str) -> Progress | None:
    """What a person means who writes a status into the document; None for other words."""
    wanted = same_word(text).replace("’", "'")  # as editors write it
    for progress in Progress:
        if wanted == same_word(progress.value):
            return progress
    return _OTHER_WORDS.get(wanted)


_OTHER_WORDS = {
    "to do": Progress.OPEN,
    "todo": Progress.OPEN,
    "new": Progress.OPEN,
    "waiting": Progress.OPEN,
    "reopened": Progress.OPEN,
    "started": Progress.IN_PROGRESS,
    "doing": Progress.IN_PROGRESS,
    "wip": Progress.IN_PROGRESS,
    "review": Progress.IN_REVIEW,
    "closed": Progress.DONE,
    "completed": Progress.DONE,
    "resolved": Progress.DONE,
    "fixed": Progress.DONE,
    "wontfix": Progress.WONT_DO,
    "won't fix": Progress.WONT_DO,
    "not planned": Progress.WONT_DO,
    "cancelled": Progress.WONT_DO,
    "canceled": Progress.WONT_DO,
    "declined": Progress.WONT_DO,
    "duplicate": Progress.DUPLICATE,
}
