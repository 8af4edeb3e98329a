"""People edit everywhere at once while nothing works well.

One remedy, in a town as it was when that had just been set up. Whatever the order of edits,
webhooks, lost answers and turns: no edit is written over without a word of it; and after quiet and
one look through everything no two places show different values, no edit is gone without a later
one over it or a conflict that names it, no ticket is made again, and nothing is written any more.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from judge import Judged
from town import PLACES, STRANGER, Edit, Value, coarse
from towns import CHARTERS, Charter, Town, Towns

VALUES: dict[str, list[Value]] = {
    "owner": ["Kim Ito", "Noor Aziz", None, STRANGER],
    "milestone": ["Q1", "Q2", None],
    "status": ["open", "in progress", "in review", "done", "won't do"],
    "due": ["2027-01-15", "2027-02-01", None],
    "title": ["alert on depth", "alert on age", "alert on both"],
}
STEPS = 10

#: One of the machine's few fields, and one of its values.
field, value = st.integers(0, 1), st.integers(0, 4)
place, places = st.sampled_from(PLACES), st.permutations(PLACES)
seconds = st.sampled_from([0, 1, 5, 20])
SOMETIMES = st.sampled_from([True, True, False])

#: The write of a remedy there, as method and path.
WRITES = {
    "github": ("PATCH", "/github/.*/issues/"),
    "jira": ("PUT", "/jira/.*/issue/"),
    "row": ("PUT", "/github/.*/contents/"),
}


class Machine(RuleBasedStateMachine):
    """One remedy in the town of one charter, begun anew."""

    towns: Towns
    sockets: bool
    did: Counter[str]
    town: Town
    remedy: Judged

    @initialize(
        charter=st.sampled_from(CHARTERS),
        fields=st.lists(st.integers(0, 4), min_size=1, max_size=2),
        meeting=st.none() | st.tuples(st.tuples(value, value), places, seconds, SOMETIMES),
    )
    def an_incident_is_closed(
        self,
        charter: Charter,
        fields: list[int],
        meeting: tuple[tuple[int, int], list[str], int, bool] | None,
    ) -> None:
        """Two people may meet while all is quiet: then the rules tell who is right."""
        self.fields = [charter.fields[each % len(charter.fields)] for each in fields]
        self.charter = charter
        self.town = self.towns.of(charter, sockets=self.sockets)
        self.remedy = self.town.begin_anew()
        self.hooks = self.town.stage.sandbox.hooks
        self.first = len(self.hooks.log)
        self.amid: tuple[str, str, str, Value] | None = None
        self.work = self.town.at_work(self.heard)
        self.work.__enter__()
        if meeting is not None:
            self.two_people_edit_the_same_field_and_one_of_them_is_not_heard(0, *meeting)

    # --- people, one at a time ---

    @rule(place=place, field=field, value=value, told=SOMETIMES)
    def somebody_edits(self, place: str, field: int, value: int, told: bool) -> None:
        self.say(place, field, value, told=told)

    @rule()
    def somebody_is_assigned_besides(self) -> None:
        self.remedy.joins()

    @rule()
    def somebody_writes_a_row_that_nobody_can_read(self) -> None:
        self.remedy.scribbles()

    @precondition(lambda self: not self.remedy.gone)
    @rule(place=st.sampled_from(["github", "jira"]), told=SOMETIMES)
    def somebody_deletes_a_ticket(self, place: str, told: bool) -> None:
        before, self.hooks.enabled = self.hooks.enabled, self.hooks.enabled and told
        self.remedy.deletes(place)
        self.hooks.enabled = before

    # --- people who meet ---

    @rule(
        field=field, values=st.tuples(value, value), places=places, seconds=seconds, first=SOMETIMES
    )
    def two_people_edit_the_same_field_and_one_of_them_is_not_heard(
        self, field: int, values: tuple[int, int], places: list[str], seconds: int, first: bool
    ) -> None:
        known, quiet, stood = len(self.remedy.edits), self.is_quiet(), self.remedy.shown()
        self.town.stage.clock.wait(timedelta(seconds=2))  # not in one moment with what was before
        self.say(places[0], field, values[0], told=first)
        self.town.stage.clock.wait(timedelta(seconds=seconds))
        self.say(places[1], field, values[1], told=not first)
        self.the_service_works()
        met = self.remedy.edits[known:]
        old = {place: said[self.fields[field % len(self.fields)]] for place, said in stood.items()}
        old_ones = {old.get(place) for place in ("row", *places[:2])}
        new = {edit.value for edit in met if not edit.back} - old_ones
        if quiet and len(new) == 2:
            self.the_service_looks_for_what_nobody_told()
            none(self.unlike_the_rules(met, seconds))

    def is_quiet(self) -> bool:
        """Whether all places agree, and nothing keeps the service from hearing."""
        stage = self.town.stage
        with stage.sandbox.world.lock, stage.store.read() as tx:
            undisturbed = not stage.sandbox.world.next_faults and not tx.traffic.all_paused()
        return undisturbed and self.hooks.enabled and self.remedy.is_at_rest(self.charter.fields)

    def unlike_the_rules(self, met: list[Edit], seconds: int) -> list[str]:
        """What is wrong after two edits met where all had agreed. Of a status not every place can
        tell that it changed; and a row has no clock.
        """
        field = met[0].field
        if field == "status" or any((e.place, field) in self.charter.ignored for e in met):
            return []
        if not self.remedy.are_all_told_of(met):
            return [f"no conflict tells of {met}"]
        preferred = self.charter.preferred.get(field)
        holds = next((edit for edit in met if edit.place == preferred), None)
        if holds is None and seconds > 1 and "row" not in {edit.place for edit in met}:
            holds = met[-1]
        shown = {place: said[field] for place, said in self.remedy.shown().items()}
        if holds is None or shown[holds.place] == holds.value:
            return []
        return [f"{holds} should hold: {shown}"]

    @rule(field=field, values=st.tuples(value, value), places=places, works=st.booleans())
    def somebody_edits_there_and_back(
        self, field: int, values: tuple[int, int], places: list[str], works: bool
    ) -> None:
        name = self.fields[field % len(self.fields)]
        before = self.remedy.shown().get(places[0], {}).get(name)
        self.say(places[0], field, values[0])
        if works:
            self.the_service_works()
        self.edit(places[0], name, before, told=False)
        self.say(places[1], field, values[1])
        self.the_service_works()

    @rule(field=field, values=st.tuples(value, value), places=places, seconds=seconds)
    def a_webhook_comes_after_a_newer_edit_that_is_not_heard(
        self, field: int, values: tuple[int, int], places: list[str], seconds: int
    ) -> None:
        sent = len(self.hooks.log)
        self.say(places[0], field, values[0], told=False)
        late = self.hooks.log[sent:]
        self.town.stage.clock.wait(timedelta(seconds=seconds))
        self.say(places[seconds % 2], field, values[1], told=False)
        for delivery in late:
            self.hooks.redeliver(delivery)
        self.the_service_works()

    @rule(field=field, values=st.tuples(value, value), places=places, lost=st.booleans())
    def somebody_edits_right_after_our_call_failed(
        self, field: int, values: tuple[int, int], places: list[str], lost: bool
    ) -> None:
        self.fail(*WRITES[places[1]], lost=lost)
        self.say(places[0], field, values[0])
        self.the_service_works()
        self.say(places[1], field, values[1], told=False)
        self.time_passes(20)

    @rule(field=field, values=st.tuples(value, value), places=places, third=st.booleans())
    def somebody_edits_while_the_service_reads(
        self, field: int, values: tuple[int, int], places: list[str], third: bool
    ) -> None:
        name = self.fields[field % len(self.fields)]
        there = places[2 if third else 1]
        self.amid = (places[0], there, name, self.another(there, name, values[1]))
        self.say(places[0], field, values[0])
        self.the_service_works()
        self.amid = None

    def heard(self, method: str, path: str) -> None:
        """A request was answered: who waited for that edits now, and nobody tells of it."""
        if self.amid and method == "GET" and self.remedy.is_of(self.amid[0], path):
            _, place, field, value = self.amid
            self.amid = None
            self.edit(place, field, value, told=False, amid=True)

    def say(self, place: str, field: int, value: int, *, told: bool = True) -> None:
        name = self.fields[field % len(self.fields)]
        self.edit(place, name, self.another(place, name, value), told=told)

    def another(self, place: str, name: str, value: int) -> Value:
        """One of the values that can be said there, and do not stand there already."""
        now = self.remedy.shown().get(place, {}).get(name)
        others = [
            each
            for each in VALUES[name]
            if each != now
            and (name != "status" or coarse(place, each) == each)
            and (place != "jira" or each != STRANGER)
        ]
        return others[value % len(others)]

    def edit(self, place: str, field: str, value: Value, *, told: bool, amid: bool = False) -> None:
        """Somebody edits; the webhook is lost unless somebody is told."""
        before, self.hooks.enabled = self.hooks.enabled, self.hooks.enabled and told
        self.remedy.edit(place, field, value, amid=amid)
        self.hooks.enabled = before

    # --- the service, and what it depends on ---

    @rule()
    def the_service_works(self) -> None:
        self.town.stage.settle()
        self.remedy.look()

    @rule()
    def the_service_looks_for_what_nobody_told(self) -> None:
        self.town.stage.poll()
        self.remedy.look()

    @rule()
    def webhooks_are_lost(self) -> None:
        self.hooks.enabled = False

    @rule()
    def webhooks_come_again(self) -> None:
        self.hooks.enabled = True

    @rule(number=st.integers(0, 30))
    def an_old_webhook_comes_late_or_twice(self, number: int) -> None:
        sent = self.hooks.log[self.first :]
        if sent:
            self.hooks.redeliver(sent[number % len(sent)])

    @rule(seconds=st.sampled_from([1, 20, 70]))
    def time_passes(self, seconds: int) -> None:
        self.town.stage.wait(timedelta(seconds=seconds))
        self.remedy.look()

    @rule(
        method=st.sampled_from(["PATCH", "PUT", "POST", "GET"]),
        where=st.sampled_from(["/github/", "/jira/"]),
        after=st.booleans(),
    )
    def a_call_will_fail(self, method: str, where: str, after: bool) -> None:
        self.fail(method, where, lost=after and method != "GET")

    def fail(self, method: str, where: str, *, lost: bool) -> None:
        """The next such call is refused; or done, and its answer is lost."""
        self.town.stage.sandbox.fail_next(
            method, where, status=502, after_effect=lost, drop_connection=lost
        )

    # --- what holds ---

    @invariant()
    def nothing_is_written_over_without_a_word(self) -> None:
        none(self.remedy.written_over())

    def teardown(self) -> None:
        if not hasattr(self, "work"):
            return
        self.did.update({"stories": 1, "edits": len(self.remedy.edits)})
        try:
            self.hooks.enabled = True
            self.town.stage.settle()
            self.remedy.mends()
            self.town.grow_quiet()
            none(self.remedy.disagreements(self.charter.fields))
            none(self.remedy.lost())
            none(self.remedy.from_nowhere(self.charter.fields))
            none(self.remedy.written_over())
            none(self.remedy.made_again())
            none(self.town.writes_when_nothing_happens())
        finally:
            self.work.__exit__(None, None, None)


def none(found: list[str]) -> None:
    assert not found, "\n".join(found)


def play(towns: Towns, runs: int, *, sockets: bool = False) -> Counter[str]:
    """So many runs, and what was done in them. Raises AssertionError with the shortest story in
    which something was lost."""
    did: Counter[str] = Counter()
    run_state_machine_as_test(
        type("Played", (Machine,), {"towns": towns, "sockets": sockets, "did": did}),
        settings=settings(
            max_examples=runs,
            stateful_step_count=STEPS,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return did
