"""Whenever the tick comes, and however often, the audits are the same in the end.

People do the same each time: what they do with a measure is told by what was done with it before,
and not by dates. In between time passes as it likes, and the tick comes late, twice, three times at
once, or not at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from builders import NOON, ticket
from core.test_audits import DAY, asks, incident, measure, rules, says, settled
from core.test_occurrences import Clock, Look, look, opened
from hypothesis import given, settings
from hypothesis import strategies as st

from service.jobs import TIMING
from service.routing import INCIDENT_JOB
from service.store import Store
from service.tick import put_plan
from workflows.effects import CreateTask
from workflows.model import Incident
from workflows.rungs import Audit, Verdict
from workflows.snapshots import Progress

RULES = rules()


@dataclass(frozen=True)
class Act:
    """What somebody does next, so many days after they could: the audit that is open is judged, or
    the measure is opened again, or waived for good, while an audit is planned or open. A measure
    that was opened again is done again a week later."""

    what: Verdict | Progress
    days: int
    planned: bool = False


ACTS = st.one_of(
    st.builds(Act, st.sampled_from(Verdict), st.integers(0, 40)),
    st.builds(
        Act,
        st.sampled_from([Progress.OPEN, Progress.OPEN, Progress.WONT_DO]),
        st.integers(0, 20),
        st.booleans(),
    ),
)
LIVES = st.lists(st.lists(ACTS, max_size=5), min_size=1, max_size=3)
LOOKS = st.lists(
    st.builds(Look, st.integers(0, 24 * 20), st.integers(0, 3), st.booleans()), max_size=30
)


@dataclass
class Life:
    """One measure, in an incident of its own, and what is still to happen to it."""

    id: str
    acts: list[Act]
    status: Progress = Progress.DONE
    since: datetime = NOON
    ready: datetime | None = None  # since when the next act can be done

    def next_at(self, known: Incident) -> datetime | None:
        """When something is done next, if the time for it can be told by now."""
        if self.status is Progress.OPEN:
            return self.since + 7 * DAY
        live = next((audit for audit in known.audits if audit.lives), None)
        if not self.acts or live is None:
            return None
        if self.acts[0].planned and live.ticket is None:
            # before it is due, so that it never opens
            return live.since + min(self.acts[0].days * DAY, (live.opens - live.since) / 2)
        if live.ticket is None or self.ready is None:
            return None
        return self.ready + self.acts[0].days * DAY


@dataclass
class World:
    """The store, the clock, and how often each ticket was created."""

    store: Store
    clock: Clock
    lives: list[Life]
    created: Counter[str] = field(default_factory=Counter)
    early: list[Audit] = field(default_factory=list)

    def known(self, life: Life) -> Incident:
        with self.store.read() as tx:
            record = tx.incidents.get(life.id)
        assert record is not None
        return record.incident

    def turn(self, life: Life, **readings: Any) -> None:
        """The incident's turn: what its ticket says of the measure is read, and all that is asked
        for is done."""
        known, now = self.known(life), self.clock()
        claim = measure(life.status, life.since)
        item = replace(known.actions[0], status=claim.status, said=claim.said)
        if known.actions[0].status != item.status:
            known = replace(known, actions=(item, *known.actions[1:]))
        known, done = settled(known, now, RULES, **readings)
        self.created.update(each.key for each in done if isinstance(each, CreateTask))
        asked = [audit for audit in known.audits if audit.ticket is not None]
        self.early += [audit for audit in asked if audit.opens > now]
        if life.ready is None and any(audit.lives for audit in asked):
            life.ready = now
        with self.store.write() as tx:
            tx.incidents.save(known, RULES.hash)
            put_plan(tx, known, RULES)

    def act(self, life: Life, at: datetime) -> None:
        """Somebody does it at that time, and the service hears of it at once."""
        self.clock.now = max(self.clock.now, at)
        life.ready = None
        if life.status is Progress.OPEN:
            life.status, life.since = Progress.DONE, self.clock.now
            self.turn(life)
            return
        act = life.acts.pop(0)
        if isinstance(act.what, Verdict):
            self._judge(life, act.what)
        else:
            life.status, life.since = act.what, self.clock.now
            self.turn(life)

    def _judge(self, life: Life, verdict: Verdict) -> None:
        known = self.known(life)
        live = next(audit for audit in known.audits if audit.lives)
        if live.ticket is None:
            return  # nothing is open that could be judged
        word = says(f"/audit {verdict}", self.clock.now)
        self.turn(life, audits=[asks(known, replace(word, id=f"{live.round}.{live.rung}"))])
        if verdict is Verdict.NOT_EFFECTIVE:
            life.status, life.since = Progress.OPEN, self.clock.now

    def jobs(self) -> None:
        """The turns that were asked for."""
        for life in self.lives:
            with self.store.write() as tx:
                job = tx.jobs.get(INCIDENT_JOB, f"github/I_{life.id}")
                claim = tx.jobs.claim(job.id, TIMING.lease) if job else None
            if claim is not None:
                self.turn(life)
                with self.store.write() as tx:
                    tx.jobs.finish(claim)

    def until(self, end: datetime) -> None:
        """People do what they do before that time."""
        while (soonest := self._soonest()) is not None and soonest[0] <= end:
            self.act(soonest[1], soonest[0])
        self.clock.now = max(self.clock.now, end)

    def _soonest(self) -> tuple[datetime, Life] | None:
        times = [(life.next_at(self.known(life)), life) for life in self.lives]
        known = [(at, life) for at, life in times if at is not None]
        return min(known, key=lambda each: (each[0], each[1].id), default=None)

    def tick(self, each: Look) -> None:
        self.until(self.clock.now + timedelta(hours=each.hours))
        look(self.store, self.clock, replace(each, hours=0))
        self.jobs()

    def to_the_end(self) -> None:
        """The tick comes when something is due, and people do all that they have to do."""
        for _ in range(200):
            look(self.store, self.clock, Look(0, 1, at_once=False))
            self.jobs()
            with self.store.read() as tx:
                due = tx.occurrences.next_due()
            soonest = self._soonest()
            if due is None and soonest is None:
                return
            self.until(min(at for at in (due, soonest and soonest[0]) if at is not None))
        raise AssertionError("it does not end")


def end(lives: Sequence[Sequence[Act]], looks: Sequence[Look]) -> set[tuple[object, ...]]:
    """Which audits there are in the end, and what became of them."""
    with opened(Clock()) as store:
        clock = store.clock
        assert isinstance(clock, Clock)
        world = World(store, clock, [Life(f"i{n}", list(acts)) for n, acts in enumerate(lives)])
        for life in world.lives:
            ref = replace(ticket().ref, id=f"I_{life.id}", key=f"acme/ops#{life.id}")
            with store.write() as tx:
                tx.incidents.save(incident(measure(), id=life.id, ticket=ref), RULES.hash)
            world.turn(life)
        for each in looks:
            world.tick(each)
        world.to_the_end()
        assert world.early == []
        assert [key for key, times in world.created.items() if times > 1] == []
        found = [(life, audit) for life in world.lives for audit in world.known(life).audits]
        keys = {f"audit:{life.id}:{':'.join(map(str, a.place))}" for life, a in found if a.ticket}
        assert keys == {key for key in world.created if key.startswith("audit:")}
        return {
            (life.id, *a.place, a.step, a.ticket is not None, a.verdict, a.ended, a.led_to)
            for life, a in found
        }


def the_same(lives: list[list[Act]], looks: list[Look]) -> None:
    assert end(lives, looks) == end(lives, [])


@settings(max_examples=6, deadline=None)
@given(LIVES, LOOKS)
def test_the_audits_are_the_same_for_any_ticks(lives: list[list[Act]], looks: list[Look]) -> None:
    the_same(lives, looks)


@pytest.mark.many
@pytest.mark.timeout(7200)
def test_the_audits_are_the_same_for_two_thousand_ways_to_tick() -> None:
    settings(max_examples=2000, deadline=None)(given(LIVES, LOOKS)(the_same))()
