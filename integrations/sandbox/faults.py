"""What goes wrong in a sandbox: the next call that matches, or a share of all calls, by a seed."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Self

DIALECTS = ("jira", "github", "confluence")
# https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#rate-limit-errors
GITHUB_SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)
GITHUB_PRIMARY = "API rate limit exceeded for user ID {}."
GITHUB_ABOUT_LIMITS = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"
JIRA_LIMITED = "Rate limit exceeded."


@dataclass(slots=True)
class Fault:
    """Something that goes wrong with the next `times` calls that match.

    `after_effect`: the call is done first and only its answer is spoilt. `drop_connection`: no
    answer at all. Both together are the lost answer that no client can tell from a lost call.
    """

    method: str = "*"
    path: re.Pattern[str] = re.compile("")
    status: int = 500
    after_effect: bool = False
    drop_connection: bool = False
    times: int = 1
    body: dict[str, Any] = field(
        default_factory=lambda: {"message": "The sandbox was told to fail."}
    )
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Faults:
    """The knobs, all off by default. Shares are from 0 to 1. One call or one delivery meets at
    most one fault of its kind, so that each share is exact; being slow comes on top.

    calls: `resets` cuts the connection before any effect, `throttled` refuses (asking to wait
    `throttled_seconds`), `server_errors` answers 500, 502 or 503 (half of the writes take effect
    nevertheless), `lost_answers` is of the writes: done, then cut. `slow` answers come
    `slow_seconds` of real time late. Until `down_until`, or `down[dialect]`, each call is cut.

    lags, in seconds of the world's clock: for `search_lag` after its last change an issue is not
    found by JQL, for `list_lag` not in GitHub's lists of issues and pull requests, and for
    `reference_lag` a cross-reference is not on the timeline. What is asked for by its number is
    never late. (An index rather shows the issue as it was before; here a changed one is hidden
    whole, which is the harder case.)

    webhooks: `hooks_dropped` are lost, `hooks_duplicated` sent twice, `hooks_delayed` sent
    `hooks_delay_seconds` of real time late, `hooks_reordered` sent after the following one.
    """

    lost_answers: float = 0.0
    resets: float = 0.0
    throttled: float = 0.0
    throttled_seconds: int = 60
    server_errors: float = 0.0
    slow: float = 0.0
    slow_seconds: float = 1.0
    search_lag: float = 0.0
    list_lag: float = 0.0
    reference_lag: float = 0.0
    down_until: datetime | None = None
    down: Mapping[str, datetime] = field(default_factory=dict)
    hooks_dropped: float = 0.0
    hooks_duplicated: float = 0.0
    hooks_delayed: float = 0.0
    hooks_delay_seconds: float = 1.0
    hooks_reordered: float = 0.0

    def __post_init__(self) -> None:
        seconds = ("_seconds", "_lag")
        for knob in fields(self):
            value = getattr(self, knob.name)
            if not isinstance(value, int | float):
                continue
            most = math.inf if knob.name.endswith(seconds) else 1
            if not 0 <= value <= most:
                raise ValueError(f"{knob.name} is {value}; it goes from 0 to {most}")
        for kind in (self.of_calls(write=True), self.of_hooks()):
            if sum(kind.values()) > 1 + 1e-9:
                raise ValueError(f"{' + '.join(kind)} are more than 1 together")
        if unknown := set(self.down) - set(DIALECTS):
            raise ValueError(f"down knows {' and '.join(DIALECTS)}, not {unknown.pop()!r}")
        for until in (self.down_until, *self.down.values()):
            if until is not None and until.tzinfo is None:
                raise ValueError(f"{until} has no time zone")

    @classmethod
    def from_json(cls, knobs: Mapping[str, Any]) -> Self:
        """The knobs as the control endpoint gets them, times in ISO 8601."""
        given = dict(knobs)
        if until := given.get("down_until"):
            given["down_until"] = datetime.fromisoformat(until)
        down = given.get("down") or {}
        given["down"] = {name: datetime.fromisoformat(until) for name, until in down.items()}
        return cls(**given)

    def of_calls(self, write: bool) -> dict[str, float]:
        shares = {name: getattr(self, name) for name in ("resets", "throttled", "server_errors")}
        return shares | ({"lost_answers": self.lost_answers} if write else {})

    def of_hooks(self) -> dict[str, float]:
        kinds = ("dropped", "duplicated", "delayed", "reordered")
        return {kind: getattr(self, f"hooks_{kind}") for kind in kinds}

    def is_down(self, dialect: str, now: datetime) -> bool:
        ends = (self.down_until, self.down.get(dialect))
        return any(until is not None and now < until for until in ends)


class Chance:
    """The knobs with their dice. One seed and one order of calls make one run, so whoever throws
    holds the world's lock. Calls, delays and webhooks have dice of their own: turning a knob of
    one kind leaves the others' fates as they were."""

    def __init__(self, faults: Faults | None = None, seed: int = 0) -> None:
        self.faults, self.seed = faults or Faults(), seed
        self._calls, self._slow, self._hooks = (
            random.Random(f"{seed}/{what}")  # noqa: S311 - a run to be repeated, not a secret
            for what in ("calls", "slow", "hooks")
        )

    def of_call(self, dialect: str, write: bool, now: datetime) -> Fault | None:
        if self.faults.is_down(dialect, now):
            return Fault(drop_connection=True)
        fate = _throw(self._calls, self.faults.of_calls(write))
        if fate == "resets":
            return Fault(drop_connection=True)
        if fate == "lost_answers":
            return Fault(after_effect=True, drop_connection=True)
        if fate == "server_errors":
            status = self._calls.choice((500, 502, 503))
            body = {"message": "Server Error", "errorMessages": ["Server Error"], "errors": {}}
            done = write and self._calls.random() < 0.5
            return Fault(status=status, after_effect=done, body=body)
        if fate == "throttled":
            polite = self._calls.random() < 0.5
            if dialect != "github":
                return _jira_throttled(self.faults.throttled_seconds, polite, now)
            status = self._calls.choice((403, 429))
            spent = not polite and self._calls.random() < 0.5
            return _github_throttled(status, self.faults.throttled_seconds, polite, spent, now)
        return None

    def delay(self) -> float:
        """How many seconds of real time this answer comes late."""
        slow = self._slow.random() < self.faults.slow
        return self.faults.slow_seconds if slow else 0.0

    def of_hook(self) -> str:
        """dropped, duplicated, delayed, reordered or nothing."""
        return _throw(self._hooks, self.faults.of_hooks())


def _throw(dice: random.Random, shares: Mapping[str, float]) -> str:
    """One throw decides between all that may happen; an empty text when nothing does."""
    thrown = dice.random()
    for name, share in shares.items():
        if thrown < share:
            return name
        thrown -= share
    return ""


def _jira_throttled(seconds: int, polite: bool, now: datetime) -> Fault:
    """https://developer.atlassian.com/cloud/jira/platform/rate-limiting/#rate-limit-responses"""
    headers = {"RateLimit-Reason": "jira-burst-based"}
    if polite:
        reset = (now + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%MZ")
        headers |= {"Retry-After": str(seconds), "X-RateLimit-Reset": reset}
    body = {"errorMessages": [JIRA_LIMITED], "errors": {}}
    return Fault(status=429, body=body, headers=headers)


def _github_throttled(status: int, seconds: int, polite: bool, spent: bool, now: datetime) -> Fault:
    """403 or 429; with Retry-After, or with the time at which the hour's budget comes back, or
    with neither, which means a minute:
    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit"""
    reset = now + timedelta(seconds=seconds if spent else 3600)
    headers = {"x-ratelimit-limit": "5000", "x-ratelimit-resource": "core"}
    headers |= {"x-ratelimit-remaining": "0" if spent else "4321"}
    headers |= {"x-ratelimit-used": "5000" if spent else "679"}
    headers |= {"x-ratelimit-reset": str(math.ceil(reset.timestamp()))}
    headers |= {"Retry-After": str(seconds)} if polite else {}
    words = GITHUB_PRIMARY.format(1) if spent else GITHUB_SECONDARY
    return Fault(
        status=status,
        body={"message": words, "documentation_url": GITHUB_ABOUT_LIMITS},
        headers=headers,
    )
