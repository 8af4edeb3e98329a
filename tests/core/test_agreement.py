"""Which rules are in force where processes have read different ones; and that nobody fights."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.agreement import Act, Known, Verdict, Why, judge

OLD, NEW = "old", "new"


@pytest.mark.parametrize(
    ("act", "known", "verdict"),
    [
        (Act.START, Known(None), (Verdict.PUT, Why.FIRST)),
        (Act.NONE, Known(OLD, ever=True), (Verdict.HOLD, None)),
        # A change counts, also back to what was in force before.
        (Act.CHANGE, Known(NEW, held=True, held_lately=True), (Verdict.PUT, Why.CHANGED)),
        (Act.CHANGE, Known(NEW, ever=True, held=True), (Verdict.PUT, Why.CHANGED)),
        # A start with rules that nobody has seen is how new ones are brought.
        (Act.START, Known(NEW, held=True, held_lately=True), (Verdict.PUT, Why.NEW)),
        # A start with rules that were replaced is late.
        (Act.START, Known(NEW, ever=True, held=True, held_lately=True), (Verdict.WAIT, None)),
        # All were stopped, the rules were put back, and the first is started.
        (Act.START, Known(NEW, ever=True, held_lately=True), (Verdict.PUT, Why.LEFT)),
        # The other may only be starting again.
        (Act.NONE, Known(NEW, ever=True, held_lately=True), (Verdict.WAIT, None)),
        (Act.NONE, Known(NEW, ever=True), (Verdict.PUT, Why.LEFT)),
        # Whoever waits does not take over because of time alone.
        (Act.NONE, Known(NEW, held=True, held_lately=True), (Verdict.WAIT, None)),
    ],
)
def test_what_comes_of_rules_that_were_read(
    act: Act, known: Known, verdict: tuple[Verdict, Why | None]
) -> None:
    assert judge(OLD, act, known) == verdict


@dataclass
class Company:
    """Machines that have rules, some of which run a process that has read them."""

    files: list[str]
    read: dict[int, str] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    why: Counter[Why] = field(default_factory=Counter)

    def look(self, machine: int, act: Act) -> Verdict:
        own = self.read[machine]
        in_force = self.history[-1] if self.history else None
        held = any(read == in_force for other, read in self.read.items() if other != machine)
        verdict, why = judge(own, act, Known(in_force, own in self.history, held, held))
        if why is not None:
            self.history.append(own)
            self.why[why] += 1
        return verdict

    def start(self, machine: int) -> None:
        self.read[machine] = self.files[machine]
        self.look(machine, Act.START)

    def all_look(self) -> list[Verdict]:
        verdicts = []
        for machine in sorted(self.read):
            changed = self.read[machine] != self.files[machine]
            self.read[machine] = self.files[machine]
            verdicts.append(self.look(machine, Act.CHANGE if changed else Act.NONE))
        return verdicts


steps = st.lists(
    st.tuples(
        st.sampled_from(["edit", "start", "stop", "look"]),
        st.integers(0, 2),
        st.sampled_from(["a", "b", "c"]),
    ),
    max_size=40,
)


@given(steps)
def test_whatever_is_edited_started_and_stopped_somebody_works_and_nobody_fights(
    lived: list[tuple[str, int, str]],
) -> None:
    company, edits = Company(["a"] * 3), 0
    for step, machine, rules in lived:
        if step == "edit":
            edits += company.files[machine] != rules
            company.files[machine] = rules
        elif step == "start":
            company.start(machine)
        elif step == "stop":
            company.read.pop(machine, None)
        else:
            company.all_look()
    company.all_look()
    settled = list(company.history)
    verdicts = company.all_look()
    assert company.history == settled  # left alone, they put nothing else in force
    assert not verdicts or Verdict.HOLD in verdicts  # and somebody works
    assert company.why[Why.CHANGED] <= edits  # each edit is one act at most
    assert company.why[Why.NEW] + company.why[Why.FIRST] <= 3  # and each set comes by a start once


@given(steps)
def test_once_all_have_the_same_rules_all_work(lived: list[tuple[str, int, str]]) -> None:
    company = Company(["a", "b", "c"])
    for step, machine, rules in lived:
        if step == "edit":
            company.files[machine] = rules
        elif step == "start":
            company.start(machine)
        elif step == "stop":
            company.read.pop(machine, None)
        else:
            company.all_look()
    company.files = ["b"] * 3
    company.all_look()
    assert set(company.all_look()) <= {Verdict.HOLD}
