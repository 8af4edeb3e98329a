"""What Jira Cloud limits, what a call costs, and what an answer says of it.

https://developer.atlassian.com/cloud/jira/platform/rate-limiting/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from integrations.gate import Answered, Cost, Pause
from integrations.http import date_of
from integrations.tracker import RateLimited, TrackerError
from workflows.budgets import Budget, Window

_SECOND = timedelta(seconds=1)

#: Burst limits count for each endpoint, and writes to one issue are limited besides: 20 in 2
#: seconds, 100 in 30 seconds.
READS = Budget("reads of", (Window(100, _SECOND),))
WRITES = Budget("writes of", (Window(50, _SECOND),))
ISSUE = Budget(
    "writes to issue", (Window(20, timedelta(seconds=2)), Window(100, timedelta(seconds=30)))
)

_ISSUE_IN_PATH = re.compile(r"/issue/(?P<id>\d+|[A-Za-z]\w*-\d+)(?=/|$)")
_NAMED = re.compile(r"(?<=/)(\d+|[A-Z][A-Z0-9_]*(-\d+)?)(?=/|$)")


def costs(verb: str, path: str) -> tuple[Cost, ...]:
    """What one request costs on Cloud; Data Center's limits are its administrator's, and told by
    its answers alone."""
    endpoint = _NAMED.sub("…", path)
    if verb == "GET":
        return (Cost(READS, subject=endpoint),)
    issue = _ISSUE_IN_PATH.search(path)
    cost = Cost(WRITES, subject=f"{verb} {endpoint}")
    return (cost, Cost(ISSUE, subject=issue["id"])) if issue else (cost,)


def answered(
    status: int,
    headers: Mapping[str, str],
    error: TrackerError | None,
    costs: tuple[Cost, ...],
) -> Answered:
    """What an answer, with its headers in lower-case names, says of limits; `status` 0 where
    nobody answered."""
    dated = date_of(headers.get("date", ""))
    if isinstance(error, RateLimited):
        named = "retry-after" in headers or "x-ratelimit-reset" in headers
        scope = _scope(headers.get("ratelimit-reason", ""), costs)
        pause = Pause(error.words, scope, error.retry_at if named else None)
        return Answered(pause=pause, status=status, dated=dated, near=True)
    failing = status == 0 or status >= 500
    why = error.words if error and failing else ""
    return Answered(failing, why, status=status, dated=dated, near=_near(headers))


def _near(headers: Mapping[str, str]) -> bool:
    """Cloud says so itself; Data Center tells what is left of its bucket, where it limits.
    https://confluence.atlassian.com/adminjiraserver/adjusting-your-code-for-rate-limiting-987143384.html
    """
    if (told := headers.get("x-ratelimit-nearlimit")) is not None:
        return told.casefold() == "true"
    most, left = (headers.get(f"x-ratelimit-{name}", "") for name in ("limit", "remaining"))
    return most.isdecimal() and left.isdecimal() and int(left) < int(most) / 5


def _scope(reason: str, costs: tuple[Cost, ...]) -> str:
    """A quota means all of the account; a burst its endpoint; writes to an issue that issue."""
    wanted = {"jira-per-issue-on-write": (ISSUE,), "jira-burst-based": (READS, WRITES)}.get(reason)
    return next((cost.scope for cost in costs if wanted and cost.budget in wanted), "")
