"""Which status of a Jira workflow is the one that is wished for.

Every project names its statuses itself; only their category is the same everywhere. Names decide
where the rules give some, whatever they mean by them; otherwise the category does, and words that
are usual for a status or a resolution tell several of one category apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workflows.model import Status, StatusCategory
from workflows.policy import same_word
from workflows.snapshots import Progress
from workflows.tasks import StatusWish

_CATEGORIES: Mapping[str, StatusCategory] = {
    Progress.OPEN: StatusCategory.NEW,
    Progress.IN_PROGRESS: StatusCategory.IN_PROGRESS,
    Progress.IN_REVIEW: StatusCategory.IN_PROGRESS,
    Progress.DONE: StatusCategory.DONE,
    Progress.WONT_DO: StatusCategory.DONE,
    Progress.DUPLICATE: StatusCategory.DONE,
}

#: How statuses and resolutions are usually called, as `same_word` writes them.
_NAMES: Mapping[str, tuple[str, ...]] = {
    Progress.OPEN: ("to do", "todo", "open", "backlog", "new", "reopened"),
    Progress.IN_PROGRESS: ("in progress", "doing", "in development", "started"),
    Progress.IN_REVIEW: ("in review", "review", "code review", "under review"),
    Progress.DONE: ("done", "resolved", "closed", "completed", "complete", "fixed"),
    Progress.WONT_DO: (
        "won't do",
        "won't fix",
        "wontfix",
        "declined",
        "canceled",
        "cancelled",
        "rejected",
        "not planned",
        "abandoned",
    ),
    Progress.DUPLICATE: ("duplicate", "duplicated", "closed as duplicate"),
}

#: Progresses whose statuses are never taken for another's: *Won't Do* is not done.
_APART = frozenset({Progress.WONT_DO, Progress.DUPLICATE})


class Target:
    """What a `StatusWish` means among the statuses and resolutions of a site."""

    def __init__(self, wish: StatusWish) -> None:
        self._wish = wish
        self._names = {same_word(name) for name in wish.names}
        self._readings = {same_word(name): told for name, told in wish.readings.items()}
        self.category = _CATEGORIES.get(wish.progress)

    def __str__(self) -> str:
        if self._wish.names:
            return f"one of {', '.join(self._wish.names)}"
        return f"a status for {str(self._wish.progress)!r}"

    def fits(self, name: str, category: StatusCategory) -> bool:
        """Whether a status may be where the ticket ends."""
        if self._names:
            return same_word(name) in self._names
        if (read := self._readings.get(same_word(name))) is not None:
            return read == self._wish.progress
        told = _meaning(name)
        apart = told in _APART and told != self._wish.progress
        return category is self.category and not apart

    def is_met_by(self, status: Status) -> bool:
        """Whether nothing is left to wish for: the status fits, and neither its name nor its
        resolution says something else of the kind ("done" where "won't do" is wanted). What the
        rules say of a name holds, whatever the resolution."""
        if not self.fits(status.name, status.category):
            return False
        if self._readings.get(same_word(status.name)) == self._wish.progress:
            return True
        if self._is_reason(status.reason):
            return True
        named = bool(self._names) or not self._differs(status.name)
        return named and not self.denied_by(status)

    def denied_by(self, status: Status) -> bool:
        """Whether it is closed for a reason that is another progress's."""
        return not self._is_reason(status.reason) and self._differs(status.reason or "")

    def strangeness(self, name: str) -> int:
        """0 for a name as it is usual for what is wished, 2 for one of something else, else 1."""
        told = self._means(name)
        return 1 if told is None else 0 if told == self._wish.progress else 2

    def reason(self, allowed: Sequence[str], *, needed: bool) -> str | None:
        """The resolution to set, among those that are allowed: the first of the wish's reasons,
        and where one is `needed` anyhow, one that means the same, then "Done", then any."""
        known = {same_word(name): name for name in allowed}
        words = [same_word(reason) for reason in self._wish.reasons]
        if needed:
            words += [*_NAMES.get(self._wish.progress, ()), "done", *known]
        return next((known[word] for word in words if word in known), None)

    @property
    def fill(self) -> Mapping[str, str]:
        """Values that the rules have for fields that a transition demands."""
        return self._wish.fill

    def _is_reason(self, reason: str | None) -> bool:
        words = {same_word(word) for word in self._wish.reasons}
        return reason is not None and same_word(reason) in words

    def _means(self, name: str) -> str | None:
        return self._readings.get(same_word(name)) or _meaning(name)

    def _differs(self, word: str) -> bool:
        return _meaning(word) not in (None, self._wish.progress)


def _meaning(word: str) -> str | None:
    """The progress that a status or resolution of this name usually stands for."""
    plain = same_word(word).replace("’", "'")
    return next((progress for progress, names in _NAMES.items() if plain in names), None)
