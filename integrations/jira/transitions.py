"""A status is set by transitions, found at run time: one where it is enough, else several.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-transitions-post
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from integrations.jira.client import Refused
from integrations.jira.screens import answers
from integrations.jira.statuses import Target
from integrations.jira.workflow import Standing, Way, Workflows
from integrations.tracker import OutcomeUnknown, RateLimited, Rejected, Unavailable
from workflows.model import Status, StatusCategory, TicketRef
from workflows.tasks import StatusWish

#: The most transitions that one change of status takes.
MOST_STEPS = 5

_ORDER = (StatusCategory.NEW, StatusCategory.IN_PROGRESS, StatusCategory.DONE)


@dataclass(frozen=True, slots=True)
class Moved:
    """How it ended: `status` is what the ticket has now, where that is known; `refused` says why
    it is not what was wished, "" when it is."""

    status: Status | None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class _Route:
    first: Way
    last: Way
    steps: int


class _Outdated(Exception):
    """What was known of the issue or its workflow is not true any more: it stands `here`."""

    def __init__(self, here: Standing) -> None:
        self.here = here


def bring(workflows: Workflows, ref: TicketRef, wish: StatusWish, here: Standing) -> Moved:
    """Bring the issue, which was just read and stands `here`, into the status that is wished for.

    Raises as any call does; OutcomeUnknown also where it was moved a part of the way and the call
    for the next step was certainly without effect.
    """
    return _Walk(workflows, ref, wish).walk(here)


class _Walk:
    def __init__(self, workflows: Workflows, ref: TicketRef, wish: StatusWish) -> None:
        self._flows, self._ref = workflows, ref
        self._target = Target(wish)
        self._visited: list[str] = []
        self._read: set[str] = set()
        self._held: dict[str, bool] = {}

    def walk(self, here: Standing) -> Moved:
        try:
            return self._walk(here)
        except (Unavailable, RateLimited) as error:
            if len(self._visited) < 2:
                raise
            raise OutcomeUnknown(f"{self._so_far()} {error.words}", mend=error.mend) from error

    def _walk(self, here: Standing) -> Moved:
        self._visited = [here.status.name]
        while not self._target.is_met_by(here.status):
            fits = self._target.fits(here.status.name, here.status.category)
            way = self._better(here) if fits else self._step(here)
            if way is None:
                return self._stuck(here)
            try:
                here = self._take(here, way)
            except Rejected as no:
                if isinstance(no, Refused) or len(self._visited) > 1:
                    return Moved(self._moved_to(here), self._told(no))
                raise
            except _Outdated as told:  # once for a status: then its ways are read, not remembered
                here = told.here
                self._visited[-1] = here.status.name
                continue
            if self._target.fits(way.to, way.category):
                break
        return Moved(here.status)

    # --- choosing ---------------------------------------------------------------------------

    def _step(self, here: Standing) -> Way | None:
        """The next transition: along what is known, else to where nothing is known yet. Before
        the latter, which moves the issue only to learn, what it is offered is asked again."""
        ways = self._ways(here)
        way = self._toward(here, ways)
        if way is None and here.status.name not in self._read:
            ways = self._ways(here, again=True)
            way = self._toward(here, ways)
        return way or self._exploring(here, ways)

    def _better(self, here: Standing) -> Way | None:
        """Where the status is of the kind already, but says something else of it: one transition
        to where it says what is wished."""
        for again in (False, True):
            fitting = self._fitting(self._ways(here, again=again))
            better = [w for w in fitting if self._reason(w) or not self._target.strangeness(w.to)]
            better = self._usable(better)
            if better:
                return min(better, key=self._rank)
            if here.status.name in self._read:
                break
        return None

    def _ways(self, here: Standing, *, again: bool = False) -> tuple[Way, ...]:
        known = self._flows.known(here, here.status.name)
        if known is None or (again and here.status.name not in self._read):
            known = self._flows.read_ways(self._ref, here)
            self._read.add(here.status.name)
        return known

    def _toward(self, here: Standing, ways: tuple[Way, ...]) -> Way | None:
        if direct := self._usable(self._fitting(ways)):
            return min(direct, key=self._rank)
        ends = [route for route in self._routes(here, ways) if self._fitting([route.last])]
        best = min(ends, key=lambda r: (r.steps, self._rank(r.last)), default=None)
        return best.first if best else None

    def _exploring(self, here: Standing, ways: tuple[Way, ...]) -> Way | None:
        """The way to the nearest status of which it is not known where it leads; rather one that
        is not done, and of the wished category or next to it. What is closed is not reopened
        only to learn whether it can be closed otherwise."""
        wanted = _ORDER.index(self._target.category or StatusCategory.IN_PROGRESS)
        done = StatusCategory.DONE
        closed = here.status.category is done and self._target.category is done

        def cost(route: _Route) -> tuple[int, bool, int]:
            at = _ORDER.index(route.last.category)
            return route.steps, route.last.category is done, abs(wanted - at)

        unknown = [
            route
            for route in self._routes(here, ways)
            if self._flows.known(here, route.last.to) is None
            and self._passable(route.last)
            and route.steps < self._left()
            and (route.last.category is done or not closed)
        ]
        best = min(unknown, key=cost, default=None)
        return best.first if best else None

    def _routes(self, here: Standing, ways: tuple[Way, ...]) -> Iterator[_Route]:
        """Breadth first over what is known, never twice through a status."""
        seen = set(self._visited)
        queue = deque(_Route(way, way, 1) for way in self._usable(ways))
        while queue:
            route = queue.popleft()
            if route.last.to in seen:
                continue
            seen.add(route.last.to)
            yield route
            onward = self._flows.known(here, route.last.to)
            if onward and self._passable(route.last) and route.steps < self._left():
                steps = route.steps + 1
                queue.extend(_Route(route.first, way, steps) for way in self._usable(onward))

    def _fitting(self, ways: Iterable[Way]) -> list[Way]:
        return [way for way in ways if self._target.fits(way.to, way.category)]

    def _left(self) -> int:
        return MOST_STEPS + 1 - len(self._visited)

    def _passable(self, way: Way) -> bool:
        """A status that is done is not on the way to one that is not, and *Won't Do* is not on the
        way to *Closed*."""
        done = StatusCategory.DONE
        same_kind = self._target.category is done and self._target.strangeness(way.to) < 2
        return way.category is not done or same_kind

    def _rank(self, way: Way) -> tuple[bool, int, bool, bool]:
        """The less the better: a usual name or a fitting resolution, then the more usual name, then
        the resolution; what every issue is offered before what depends on the issue."""
        strange, silent = self._target.strangeness(way.to), self._reason(way) is None
        return strange > 0 and silent, strange, silent, way.conditional

    def _reason(self, way: Way) -> str | None:
        screen = way.fields.get("resolution")
        if screen is None:
            return None
        names = [str(one.get("name")) for one in screen.get("allowedValues") or ()]
        return self._target.reason(names, needed=False)

    # --- screens ----------------------------------------------------------------------------

    def _usable(self, ways: Iterable[Way]) -> list[Way]:
        return [way for way in ways if not self._lacking(way)]

    def _lacking(self, way: Way) -> str:
        """What a transition's screen demands and nobody has a value for, in words."""
        lacking = answers(self._flows.site, self._target, way).lacking
        self._ask(lacking)
        return "; ".join(words for id, words in lacking.items() if not self._held[id])

    def _ask(self, ids: Iterable[str]) -> None:
        """See to it that it is known whether the issue has a value in these fields."""
        if unasked := [id for id in ids if id not in self._held]:
            self._held |= self._flows.holds(self._ref, unasked)

    def _fields(self, way: Way) -> dict[str, Any]:
        """What is sent with a transition; a value that somebody gave the issue already stays."""
        found = answers(self._flows.site, self._target, way).fields
        filled = [id for id in found if id != "resolution"]
        self._ask(filled)
        return {id: value for id, value in found.items() if not self._held.get(id)}

    # --- going ------------------------------------------------------------------------------

    def _take(self, here: Standing, way: Way) -> Standing:
        fields = self._fields(way)
        body: dict[str, Any] = {"transition": {"id": way.id}}
        if fields:
            body["fields"] = fields
        try:
            self._flows.site.client.post(f"/issue/{self._ref.id}/transitions", body)
        except Refused:
            self._expect(here, way)
            raise
        reason = fields.get("resolution", {}).get("name")
        done = way.category is StatusCategory.DONE
        status = Status(way.to, way.category, reason if done else None)
        self._visited.append(way.to)
        return Standing(here.place, here.type, status)

    def _expect(self, here: Standing, way: Way) -> None:
        """Raises _Outdated unless a refused transition is offered to the issue, as was believed:
        then the refusal is a validator's."""
        if here.status.name in self._read:
            return
        now = self._flows.read_standing(self._ref)
        ways = self._flows.read_ways(self._ref, now)
        self._read.add(now.status.name)
        if now.status.name != here.status.name or way not in ways:
            raise _Outdated(now)

    # --- telling ----------------------------------------------------------------------------

    def _moved_to(self, here: Standing) -> Status | None:
        return here.status if len(self._visited) > 1 else None

    def _so_far(self) -> str:
        if len(self._visited) < 2:
            return ""
        return f"It was moved from {self._visited[0]!r} to {self._visited[-1]!r}, and then:"

    def _told(self, no: Rejected) -> str:
        return f"{self._so_far()} {no.words}".strip()

    def _stuck(self, here: Standing) -> Moved:
        status = here.status
        if self._target.fits(status.name, status.category):
            if not self._target.denied_by(status):
                return Moved(status)
            words = f"it is {status.name!r} as {status.reason!r}, and no transition changes that"
            return Moved(status, words)
        ways = self._flows.known(here, status.name) or ()
        fitting = self._fitting(ways)
        demands = [words for way in fitting or ways if (words := self._lacking(way))]
        offered = ", ".join(dict.fromkeys(way.to for way in ways)) or "nothing"
        words = f"no way from {status.name!r} to {self._target}: it offers {offered}"
        if ways and self._left() < 2:
            words += f", and more than {MOST_STEPS} steps are not taken"
        words = "; ".join(demands if fitting and demands else [words, *demands])
        return Moved(self._moved_to(here), f"{self._so_far()} {words}".strip())
