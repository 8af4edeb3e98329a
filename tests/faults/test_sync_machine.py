"""People edit everywhere at once while nothing works well, and in the end all places agree.

Whatever the order of edits, webhooks, lost answers and turns: after quiet and one look through
everything no two places show different values, no edit is gone without a later one over it or a
conflict that names it, and nothing is written any more.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from town import Remedy, Town

VALUES: dict[str, list[str | None]] = {
    "owner": ["Kim Ito", "Noor Aziz", None],
    "milestone": ["Q1", "Q2", None],
    "status": ["open", "in progress", "in review", "done", "won't do"],
    "due": ["2027-01-15", "2027-02-01", None],
}


#: One of the machine's few fields, a value, and whether the webhook arrives.
edit = rule(
    field=st.integers(0, 1),
    value=st.integers(0, 4),
    told=st.sampled_from([True, True, False]),
)


class Machine(RuleBasedStateMachine):
    """One remedy. A town is shared by a few, one after another: to found one takes a while, and
    so it does to look through all that an old one has."""

    towns: Towns
    town: Town

    @initialize(fields=st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=2))
    def an_incident_is_closed(self, fields: list[str]) -> None:
        self.fields = fields  # few, so that edits meet
        self.town = self.towns.next()
        self.remedy = Remedy(self.town.stage)
        self.first = len(self.town.stage.sandbox.hooks.log)

    @edit
    def somebody_edits_the_issue(self, field: int, value: int, told: bool) -> None:
        self.say("github", field, value, told)

    @edit
    def somebody_edits_the_ticket(self, field: int, value: int, told: bool) -> None:
        self.say("jira", field, value, told)

    @edit
    def somebody_edits_the_row(self, field: int, value: int, told: bool) -> None:
        self.say("row", field, value, told)

    def say(self, place: str, field: int, value: int, told: bool) -> None:
        """Somebody edits; the webhook is lost unless somebody is told."""
        hooks = self.town.stage.sandbox.hooks
        before, hooks.enabled = hooks.enabled, hooks.enabled and told
        name = self.fields[field % len(self.fields)]
        self.remedy.edit(place, name, VALUES[name][value % len(VALUES[name])])
        hooks.enabled = before

    @rule()
    def somebody_is_assigned_besides(self) -> None:
        self.remedy.joins()

    @rule()
    def somebody_writes_a_row_that_nobody_can_read(self) -> None:
        self.remedy.scribbles()

    @rule()
    def the_service_works(self) -> None:
        self.town.stage.settle()
        if self.town.all_is_well():
            self.remedy.heard()

    @rule()
    def webhooks_are_lost(self) -> None:
        self.town.stage.sandbox.hooks.enabled = False

    @rule()
    def webhooks_come_again(self) -> None:
        self.town.stage.sandbox.hooks.enabled = True

    @rule(number=st.integers(0, 30))
    def an_old_webhook_comes_late_or_twice(self, number: int) -> None:
        hooks = self.town.stage.sandbox.hooks
        sent = hooks.log[self.first :]
        if sent:
            hooks.redeliver(sent[number % len(sent)])

    @rule(seconds=st.sampled_from([1, 20, 70]))
    def time_passes(self, seconds: int) -> None:
        self.town.stage.wait(timedelta(seconds=seconds))

    @rule(
        method=st.sampled_from(["PATCH", "PUT", "POST", "GET"]),
        where=st.sampled_from(["/github/", "/jira/"]),
        after=st.booleans(),
    )
    def a_call_will_fail(self, method: str, where: str, after: bool) -> None:
        after = after and method != "GET"
        self.town.stage.sandbox.fail_next(
            method, where, status=502, after_effect=after, drop_connection=after
        )

    def teardown(self) -> None:
        if not hasattr(self, "remedy"):
            return
        self.town.stage.sandbox.hooks.enabled = True
        self.town.stage.settle()
        self.remedy.mends()
        self.town.grow_quiet()
        assert self.remedy.disagreements() == []
        assert self.remedy.lost() == []
        assert self.town.writes_when_nothing_happens() == []


class Towns:
    """A new town for every few remedies."""

    SHARED = 3

    def __init__(self, *, sockets: bool) -> None:
        self._sockets = sockets
        self._town: Town | None = None
        self._remedies = 0

    def next(self) -> Town:
        if self._town is None or self._remedies % self.SHARED == 0:
            self.close()
            self._town = Town(sockets=self._sockets)
        self._remedies += 1
        return self._town

    def close(self) -> None:
        if self._town is not None:
            self._town.close()
            self._town = None


def play(runs: int, *, sockets: bool = False) -> None:
    towns = Towns(sockets=sockets)
    try:
        run_state_machine_as_test(
            type("Played", (Machine,), {"towns": towns}),
            settings=settings(
                max_examples=runs,
                stateful_step_count=12,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        towns.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("lot", range(8))
def test_whatever_people_and_trackers_do_all_places_agree_in_the_end(lot: int) -> None:
    play(25)


@pytest.mark.timeout(600)
def test_so_they_do_over_sockets() -> None:
    play(20, sockets=True)


@pytest.mark.many
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("lot", range(200))
def test_so_they_do_five_thousand_times(lot: int) -> None:
    play(25)
