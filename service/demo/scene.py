"""What the stories are told with: the sandbox's time, and lines on the terminal."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from textwrap import wrap

import click

from integrations.sandbox import Sandbox
from service.demo.ground import Ground

_WIDTH = 100
_MARGIN = " " * 17


@dataclass(frozen=True, slots=True)
class Actor:
    """One of the company, as both trackers know them."""

    name: str
    jira: str
    github: str

    @property
    def first(self) -> str:
        return self.name.split()[0]


KIM = Actor("Kim Ito", "5b10-kim", "kim")
NOOR = Actor("Noor Aziz", "5b10-noor", "noor")
LEE = Actor("Lee Park", "5b10-lee", "lee")
MALLORY = Actor("Mallory", "", "mallory")


class StoryClock:
    """The sandbox's time: it jumps to the hours that the stories name, and runs on between."""

    def __init__(self, start: datetime) -> None:
        self._lock = threading.Lock()
        self._story, self._real = start, time.monotonic()

    def __call__(self) -> datetime:
        with self._lock:
            # No two things happen at once, however fast the story is told: trackers date to the
            # millisecond, and what was first must be seen to be.
            self._story += timedelta(milliseconds=1)
            return self._story + timedelta(seconds=time.monotonic() - self._real)

    def jump(self, to: datetime) -> None:
        """Go on from `to`; never back."""
        now = self()
        with self._lock:
            self._story, self._real = max(to, now), time.monotonic()


@dataclass(frozen=True, slots=True)
class Scene:
    """Where the stories happen: on `day`, in `sandbox`."""

    sandbox: Sandbox
    ground: Ground
    clock: StoryClock
    day: date

    def at(self, hour: str, who: Actor, does: str) -> None:
        """It is now `hour` (UTC, as 09:12), and somebody does something."""
        moment = self.moment(hour)
        self.clock.jump(moment)
        _say(f"  {hour}  {who.first:<8}", does)

    def on(self, who: Actor, does: str) -> None:
        """Somebody does something, at whatever time it is by now."""
        _say(f"  {self.clock():%m-%d}  {who.first:<8}", does)

    def go_on_to(self, moment: datetime) -> None:
        """Move the time of all, of trackers and of the service, to `moment` (UTC); never back."""
        self.clock.jump(moment)
        self.ground.set_clock(self.clock() - datetime.now(UTC))

    def moment(self, hour: str) -> datetime:
        return datetime.combine(self.day, time_of_day.fromisoformat(hour), UTC)

    def due(self, days: int) -> str:
        return (self.day + timedelta(days=days)).isoformat()


def heading(words: str) -> None:
    click.echo(f"\n{click.style(words, bold=True)}")


def told(words: str) -> None:
    """Tell what is to be known before one reads on."""
    for line in wrap(words, _WIDTH - 2):
        click.echo(f"  {line}")


def service_did(words: str) -> None:
    """Tell what Followthrough did."""
    _say(f"         {click.style('→', fg='green')}       ", words)


def _say(margin: str, words: str) -> None:
    lines = wrap(words, _WIDTH - len(_MARGIN), break_long_words=False, break_on_hyphens=False)
    click.echo(margin + ("\n" + _MARGIN).join(lines))
