"""What a command's own calls tell of a tracker: how far its clock is from ours, and how much of
what it allows is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from integrations.findings import Finding, Kind
from integrations.gate import Answered, Call, Quota, Report
from service.clock import Clock

#: A token of an app is good only where the clocks agree to a minute, and what is asked for "since"
#: a time is looked for with some room, not with any:
#: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
TOLERATED = timedelta(minutes=1)

#: Less than this part of an hour's requests is little.
LITTLE = 0.1


@dataclass(slots=True)
class _Told:
    """`ahead` is by how much the tracker's clock is ahead of ours, by the answer that shows it
    best: a Date is in whole seconds, and each answer takes its time."""

    ahead: timedelta | None = None
    quota: Quota | None = None
    near: bool = False


class Listening:
    """An `integrations.gate.Gate` that lets everything through, and listens."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[str, _Told] = {}

    @contextmanager
    def passing(self, call: Call) -> Iterator[Report]:
        def report(answer: Answered) -> None:
            told = self._told.setdefault(call.connection, _Told())
            if answer.dated is not None:
                ahead = answer.dated - self._clock()
                known = told.ahead
                told.ahead = ahead if known is None else min(known, ahead, key=abs)
            told.quota = answer.quota or told.quota
            told.near = told.near or answer.near

        yield report

    def findings(self, connection: str) -> Iterator[Finding]:
        """What was told so far; nothing of one that was not called."""
        told = self._told.get(connection, _Told())
        if told.ahead is not None:
            yield _clock(told.ahead)
        if told.quota is not None:
            yield _quota(told.quota)
        if told.near:
            mend = "Wait for it to pass; if it does not, look who else uses this account."
            words = "the tracker says that little is left of what it allows this account"
            yield Finding(False, words, mend, kind=Kind.RATE)


def _clock(ahead: timedelta) -> Finding:
    seconds = round(ahead.total_seconds())
    if abs(ahead) <= TOLERATED:
        return Finding(True, "its clock agrees with the one of this machine", kind=Kind.CLOCK)
    which = "ahead of" if seconds > 0 else "behind"
    words = f"its clock is {abs(seconds)} seconds {which} the one of this machine"
    mend = "Set the clock of this machine by NTP (timedatectl says how it stands)."
    return Finding(False, words, mend, kind=Kind.CLOCK)


def _quota(quota: Quota) -> Finding:
    until = f"until {quota.reset:%H:%M} UTC"
    words = f"{quota.left} of {quota.limit} requests an hour are left {until}"
    if quota.left >= quota.limit * LITTLE:
        return Finding(True, words, kind=Kind.RATE)
    mend = "Wait until then, and give the service an account of its own: others use up this one's."
    return Finding(False, words, mend, kind=Kind.RATE)
