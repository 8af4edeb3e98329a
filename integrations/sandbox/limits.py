"""The budgets that the vendors enforce. Off by default; by the world's clock, so time may fly."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from integrations.sandbox.faults import (
    GITHUB_ABOUT_LIMITS,
    GITHUB_PRIMARY,
    GITHUB_SECONDARY,
    JIRA_LIMITED,
    Fault,
)

HOUR = 3600.0


class _Limits:
    """Every limit is at least 1."""

    def __post_init__(self) -> None:
        for limit in fields(self):  # type: ignore[arg-type]
            if getattr(self, limit.name) < 1:
                raise ValueError(f"{limit.name} is {getattr(self, limit.name)}; at least 1")


@dataclass(frozen=True, slots=True)
class GitHubLimits(_Limits):
    """For each account: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api

    Which requests count as content creation GitHub does not list. Here every POST, PUT, PATCH
    and DELETE does, unless it is a search; and each field of a GraphQL mutation, as if it were one.
    What GraphQL allows in an hour is counted for itself, and not here."""

    creations_per_minute: int = 80
    creations_per_hour: int = 500
    points_per_minute: int = 900
    graphql_points_per_minute: int = 2000
    concurrent: int = 100
    requests_per_hour: int = 5000


@dataclass(frozen=True, slots=True)
class JiraLimits(_Limits):
    """For each issue (writes whose address names it) and each endpoint with its method, whoever
    asks: https://developer.atlassian.com/cloud/jira/platform/rate-limiting/"""

    issue_writes_per_2_seconds: int = 20
    issue_writes_per_30_seconds: int = 100
    reads_per_second: int = 100
    writes_per_second: int = 50


@dataclass(frozen=True, slots=True)
class Request:
    """What is counted of a request. `endpoint` is its route, `issue` the Jira issue it names."""

    dialect: str
    account: str
    method: str
    path: str
    write: bool
    endpoint: str = ""
    issue: str = ""
    mutations: int = 0

    @property
    def is_graphql(self) -> bool:
        return self.path.endswith("/graphql")


@dataclass(frozen=True, slots=True)
class Violation:
    """A request that was over a budget, and refused."""

    dialect: str
    account: str
    budget: str
    path: str
    at: datetime


class Window:
    """What was spent of a budget in the last `seconds`."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit, self.length = limit, timedelta(seconds=seconds)
        self._spent: deque[tuple[datetime, int]] = deque()
        self._sum = 0

    def left(self, now: datetime) -> int:
        while self._spent and self._spent[0][0] <= now - self.length:
            self._sum -= self._spent.popleft()[1]
        return self.limit - self._sum

    def wait(self, now: datetime, cost: int) -> float:
        """The seconds until there is room for it; 0 when there is."""
        missing = cost - self.left(now)
        if missing <= 0:
            return 0.0
        for moment, spent in self._spent:
            missing -= spent
            if missing <= 0:
                return (moment + self.length - now).total_seconds()
        return self.length.total_seconds()

    def spend(self, now: datetime, cost: int) -> None:
        self._spent.append((now, cost))
        self._sum += cost


class Limits:
    """The budgets in force. Whoever asks holds the world's lock.

    A refused request spends nothing and is a violation, and stays on the list."""

    def __init__(self, github: GitHubLimits | None = None, jira: JiraLimits | None = None) -> None:
        self.github, self.jira = github, jira
        self.violations: list[Violation] = []
        self._windows: dict[tuple[str, str], Window] = {}
        self._hours: dict[str, tuple[datetime, int]] = {}
        self._under_way: Counter[str] = Counter()

    def enforced(self, dialect: str) -> bool:
        return getattr(self, dialect, None) is not None

    def admit(self, asked: Request, now: datetime) -> Fault | None:
        """Count the request as begun, or say how it is refused. What is begun is `done` later."""
        if asked.dialect == "github" and self.github is not None:
            return self._admit_to_github(self.github, asked, now)
        if asked.dialect == "jira" and self.jira is not None:
            return self._admit_to_jira(self.jira, asked, now)
        return None

    def done(self, asked: Request) -> None:
        if asked.dialect == "github":
            self._under_way[asked.account] -= 1

    def not_modified(self, asked: Request, now: datetime) -> None:
        """A 304 "does not count against your primary rate limit"; of the points nothing is said.
        https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
        """
        start, used = self._hour(asked.account, now)
        self._hours[asked.account] = (start, max(0, used - 1))

    def headers(self, asked: Request, now: datetime) -> Mapping[str, str]:
        """What an answer tells of the budgets."""
        if asked.dialect == "github" and self.github is not None and not asked.is_graphql:
            return self._hour_headers(self.github, asked.account, now)
        if asked.dialect == "jira" and self.jira is not None:
            budget = self._endpoint(self.jira, asked)
            return _jira_headers(budget.limit, budget.left(now))
        return {}

    # --- GitHub -------------------------------------------------------------------------------

    def _admit_to_github(self, limits: GitHubLimits, asked: Request, now: datetime) -> Fault | None:
        start, used = self._hour(asked.account, now)
        if used >= limits.requests_per_hour and not asked.is_graphql:
            self._violated(asked, "requests_per_hour", now)
            return _github_refusal(429, GITHUB_PRIMARY.format(asked.account))
        if self._under_way[asked.account] >= limits.concurrent:
            self._violated(asked, "concurrent", now)
            return _github_refusal(403, GITHUB_SECONDARY, 1.0)
        made = max(asked.mutations, 1)
        creations = (
            ("creations_per_minute", limits.creations_per_minute, 60.0, made),
            ("creations_per_hour", limits.creations_per_hour, HOUR, made),
        )
        points = 5 if asked.write else 1
        name = "graphql_points_per_minute" if asked.is_graphql else "points_per_minute"
        budgets = (
            *(creations if asked.write else ()),
            (name, getattr(limits, name), 60.0, points),
        )
        windows = [
            (self._window(name, asked.account, limit, seconds), name, cost)
            for name, limit, seconds, cost in budgets
        ]
        for window, name, cost in windows:
            if wait := window.wait(now, cost):
                self._violated(asked, name, now)
                status = 403 if name.startswith("creations") else 429
                return _github_refusal(status, GITHUB_SECONDARY, wait)
        for window, _, cost in windows:
            window.spend(now, cost)
        if not asked.is_graphql:
            self._hours[asked.account] = (start, used + 1)
        self._under_way[asked.account] += 1
        return None

    def _hour(self, account: str, now: datetime) -> tuple[datetime, int]:
        """The primary budget is one of whole hours, which begin with the first request: all of
        it is back at the time that x-ratelimit-reset tells."""
        start, used = self._hours.get(account, (now, 0))
        return (start, used) if now < start + timedelta(seconds=HOUR) else (now, 0)

    def _hour_headers(self, limits: GitHubLimits, account: str, now: datetime) -> dict[str, str]:
        start, used = self._hour(account, now)
        reset = math.ceil(start.timestamp() + HOUR)
        return {
            "x-ratelimit-limit": str(limits.requests_per_hour),
            "x-ratelimit-remaining": str(limits.requests_per_hour - used),
            "x-ratelimit-used": str(used),
            "x-ratelimit-reset": str(reset),
            "x-ratelimit-resource": "core",
        }

    # --- Jira ---------------------------------------------------------------------------------

    def _endpoint(self, limits: JiraLimits, asked: Request) -> Window:
        limit = limits.writes_per_second if asked.write else limits.reads_per_second
        return self._window("endpoint", f"{asked.method} {asked.endpoint}", limit, 1.0)

    def _admit_to_jira(self, limits: JiraLimits, asked: Request, now: datetime) -> Fault | None:
        name = "writes_per_second" if asked.write else "reads_per_second"
        windows = [(self._endpoint(limits, asked), name, "jira-burst-based")]
        if asked.write and asked.issue:
            for seconds in (2, 30):
                name = f"issue_writes_per_{seconds}_seconds"
                window = self._window(name, asked.issue, getattr(limits, name), seconds)
                windows.append((window, name, "jira-per-issue-on-write"))
        for window, name, reason in windows:
            if wait := window.wait(now, 1):
                self._violated(asked, name, now)
                return _jira_refusal(window, reason, wait, now)
        for window, _, _ in windows:
            window.spend(now, 1)
        return None

    # --- both ---------------------------------------------------------------------------------

    def _window(self, name: str, subject: str, limit: int, seconds: float) -> Window:
        found = self._windows.get((name, subject))
        if found is None:
            found = self._windows[name, subject] = Window(limit, seconds)
        return found

    def _violated(self, asked: Request, budget: str, now: datetime) -> None:
        self.violations.append(Violation(asked.dialect, asked.account, budget, asked.path, now))


def _github_refusal(status: int, words: str, wait: float | None = None) -> Fault:
    """A secondary limit tells Retry-After, here until there is room again (GitHub does not say
    how it reckons); the primary one is told by the x-ratelimit headers of every answer."""
    headers = {} if wait is None else {"Retry-After": str(max(1, math.ceil(wait)))}
    body = {"message": words, "documentation_url": GITHUB_ABOUT_LIMITS}
    return Fault(status=status, body=body, headers=headers)


def _jira_refusal(window: Window, reason: str, wait: float, now: datetime) -> Fault:
    """X-RateLimit-Reset is to the minute (https://jira.atlassian.com/browse/JRACLOUD-69262), so
    that Retry-After is the better one to go by."""
    seconds = max(1, math.ceil(wait))
    reset = (now + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%MZ")
    headers = {"Retry-After": str(seconds), "RateLimit-Reason": reason, "X-RateLimit-Reset": reset}
    headers |= _jira_headers(window.limit, window.left(now))
    return Fault(status=429, body={"errorMessages": [JIRA_LIMITED], "errors": {}}, headers=headers)


def _jira_headers(limit: int, left: int) -> dict[str, str]:
    """NearLimit: less than a fifth is left."""
    told = {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": str(left)}
    return told | {"X-RateLimit-NearLimit": "true" if left < limit / 5 else "false"}
