"""The gate that every call to a tracker passes: what the call costs, and how it was answered.

Adapters say what a call costs and what its answer told of limits, in the vendor's terms turned
into `workflows.budgets`; whoever keeps the gate decides whether the call may be made now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from workflows.budgets import Budget


@dataclass(frozen=True, slots=True)
class Cost:
    """`units` of a budget; `subject` where it is counted for each of something (an issue, an
    endpoint) and not for the whole account."""

    budget: Budget
    units: int = 1
    subject: str = ""

    @property
    def scope(self) -> str:
        """What a pause of this budget is known by."""
        return f"{self.budget.name} {self.subject}".strip()


@dataclass(frozen=True, slots=True)
class Call:
    """One request about to be made. `account` is whose limits it counts against, where the tracker
    keeps those of one connection for each of several accounts. `asks`: it changes nothing, whatever
    its verb."""

    connection: str
    verb: str
    path: str
    costs: tuple[Cost, ...] = ()
    account: str = ""
    asks: bool = False

    @property
    def books(self) -> str:
        """What all that limits it is kept under."""
        return f"{self.connection}@{self.account}" if self.account else self.connection

    @property
    def writes(self) -> bool:
        return self.verb != "GET" and not self.asks


@dataclass(frozen=True, slots=True)
class Quota:
    """What an answer said of the account's allowance: `left` of `limit` until `reset` (UTC)."""

    limit: int
    left: int
    reset: datetime


@dataclass(frozen=True, slots=True)
class Pause:
    """The tracker wants no more of this for now. `scope` "" is all calls of the connection, else
    a cost's scope; `told` is when it allows the next (UTC), None where it did not say."""

    why: str
    scope: str = ""
    told: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """How a call came back. `failing`: the tracker itself is in trouble, or nobody answered.
    `status` is that of the answer, 0 where there was none."""

    failing: bool = False
    why: str = ""
    quota: Quota | None = None
    pause: Pause | None = None
    status: int = 0


#: Says how the call was answered; a call that says nothing was not answered.
Report = Callable[[Answered], None]


class Gate(Protocol):
    """Whoever decides whether a call may be made now."""

    def passing(self, call: Call) -> AbstractContextManager[Report]:
        """Around the call. Raises RateLimited or Unavailable when it may not be made now; then
        nothing was sent."""


class OpenGate:
    """Lets everything through: for commands that only look, where no service keeps the books."""

    @contextmanager
    def passing(self, call: Call) -> Iterator[Report]:  # noqa: ARG002
        yield lambda _: None


OPEN = OpenGate()
