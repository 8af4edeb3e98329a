"""Processes agree in the database which rules are in force, and work under no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Event, Thread

import pytest
from databases import without
from ruled import ENVIRONMENT, RIGHT, team, written
from stage import StoryClock

from config.rules import Rules, load
from config.watching import WatchedRules
from service.jobs import ClaimedJob, Done, JobEnd
from service.ruling import SAY_EVERY, Ruling, this_process
from service.running import Runner
from service.store import Store
from service.store.ruling import ALIVE_FOR, KEPT_FOR


class Machine:
    """A machine with rules of its own, and perhaps a worker."""

    def __init__(self, company: Company, name: str, directory: Path) -> None:
        self.company = company
        self.name = name
        self.directory = written(directory, RIGHT)
        self.did: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.asked = 0

    def edit(self, *names: str) -> None:
        """Its teams are payments, and these."""
        for file in self.directory.glob("*.yaml"):
            file.unlink()
        teams = {f"{name}.yaml": team(name) for name in names}
        written(self.directory, {**RIGHT, "web.yaml": "", **teams})

    def start(self) -> None:
        rules = load(self.directory, ENVIRONMENT)
        self.rules = rules
        watched = WatchedRules(self.directory, rules, environ=ENVIRONMENT)
        self.ruling = Ruling(self.company.store, watched, self.name, self._take, self._begin)
        self.runner = Runner(
            self.company.store, {"incident": self._handle}, may_claim=self.ruling.holds
        )
        self.ruling.look()

    def stop(self) -> None:
        self.ruling.stop()

    def look(self) -> None:
        """As often as it takes to see a change, and to say that it is alive."""
        for _ in range(SAY_EVERY):
            self.ruling.look()

    def works(self) -> bool:
        """Whether it does what is asked for."""
        before = len(self.did)
        with self.company.store.write() as tx:
            number = tx.jobs.touch("incident", "hub/1")
        self.runner.run(number)
        return len(self.did) > before

    def _take(self, rules: Rules) -> None:
        self.rules = rules

    def _begin(self) -> None:
        self.asked += 1

    def _handle(self, job: ClaimedJob) -> JobEnd:
        self.meanwhile()
        self.did.append(" ".join(self.rules.policy.teams))
        return Done()


class Company:
    """Two machines over one database."""

    def __init__(self, directory: Path) -> None:
        self.clock = StoryClock(datetime(2026, 12, 7, 12, 0, tzinfo=UTC))
        self.store = Store(f"sqlite:///{directory / 'company.db'}", self.clock)
        self.store.migrate()
        self.one = Machine(self, "worker 1 on one", directory / "one")
        self.two = Machine(self, "worker 1 on two", directory / "two")

    def in_force(self) -> tuple[str, str]:
        with self.store.read() as tx:
            found = tx.ruling.in_force()
        assert found is not None
        return found.by, found.why

    def journal(self) -> list[str]:
        with self.store.read() as tx:
            return [entry.text for entry in tx.journal.of_rules(20)]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    made = Company(tmp_path)
    yield made
    made.store.close()


def test_a_changed_rule_is_in_force_after_two_looks_and_the_other_machine_waits(
    company: Company,
) -> None:
    one, two = company.one, company.two
    one.start()
    two.start()
    assert (one.works(), two.works()) == (True, True)
    one.edit("ops")
    one.look()
    assert company.in_force() == (one.name, "they were changed")
    two.look()
    assert (one.works(), two.works()) == (True, False)
    two.edit("ops")
    two.look()
    assert two.works()
    assert two.did == ["payments web", "ops payments"]
    assert company.in_force()[0] == one.name
    assert (one.asked, two.asked) == (2, 2)  # what is asked for at each start, once more


def test_a_worker_that_starts_late_with_old_rules_waits(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = company.one, company.two
    two.start()
    two.stop()
    one.edit("ops")
    one.start()
    assert two.asked == 1
    two.start()
    assert not two.works()
    assert two.asked == 1
    told = capsys.readouterr().out
    assert told.count("waits: other rules are in force") == 1
    assert one.name in told
    for _ in range(20):  # and time alone changes nothing
        company.clock.wait(timedelta(seconds=10))
        one.look()
        two.look()
    assert (one.works(), two.works()) == (True, False)
    two.edit("ops")
    two.look()
    assert two.works()
    assert two.asked == 2


def test_going_back_to_older_rules_is_a_change_like_any_other(company: Company) -> None:
    one, two = company.one, company.two
    one.start()
    two.start()
    for rules in (("ops",), ("web",)):
        for machine in (one, two):
            machine.edit(*rules)
            machine.look()
    assert company.in_force() == (one.name, "they were changed")
    assert (one.works(), two.works()) == (True, True)


def test_rules_that_were_put_back_while_all_were_stopped_are_in_force_at_once(
    company: Company,
) -> None:
    one, two = company.one, company.two
    for rules in (("web",), ("ops",)):
        one.edit(*rules)
        one.start()
        one.stop()
    two.start()
    assert company.in_force() == (two.name, "nobody was left who has read those that were in force")
    assert two.works()


def test_a_restart_does_not_hand_the_rules_to_whoever_waits(company: Company) -> None:
    one, two = company.one, company.two
    two.start()
    one.edit("ops")
    one.start()
    two.look()
    one.stop()
    two.look()
    assert not two.works()
    one.start()
    assert one.works()
    two.look()
    assert not two.works()


def test_whoever_waits_takes_over_from_those_that_do_not_come_back(company: Company) -> None:
    one, two = company.one, company.two
    two.start()
    one.edit("ops")
    one.start()
    two.look()
    company.clock.wait(max(KEPT_FOR, ALIVE_FOR))  # killed: not a word was said
    two.look()
    assert two.works()
    one.start()  # and it comes back after all
    assert (one.works(), two.works()) == (False, True)


def test_two_that_have_other_rules_for_good_do_not_fight(company: Company) -> None:
    one, two = company.one, company.two
    one.start()
    two.edit("ops")
    two.start()
    for _ in range(30):
        company.clock.wait(timedelta(seconds=10))
        one.look()
        two.look()
    with company.store.read() as tx:
        assert [entry.text[: len(one.name)] for entry in tx.journal.of_rules(20)] == [
            one.name,
            two.name,
        ]
    assert (one.works(), two.works()) == (False, True)


def test_two_containers_with_the_name_of_one_host_are_not_taken_for_one_another() -> None:
    assert this_process("worker") != this_process("worker")


def test_a_job_in_flight_ends_under_the_rules_it_began_with_and_the_next_begins_under_the_new(
    company: Company,
) -> None:
    one = company.one
    one.start()
    began: list[str] = []

    def edited_meanwhile() -> None:
        one.meanwhile = lambda: None
        before = one.rules.policy.hash
        with company.store.write() as tx:
            tx.jobs.touch("incident", "hub/2")
        one.edit("ops")
        one.look()
        began.extend([before, one.rules.policy.hash])

    one.meanwhile = edited_meanwhile
    assert one.works()
    assert began[0] != began[1]
    assert len(one.did) == 2  # the thread went on with what was due


def test_a_worker_claims_nothing_more_once_another_put_other_rules_in_force(
    company: Company,
) -> None:
    one, two = company.one, company.two
    one.start()
    two.start()

    def other_meanwhile() -> None:
        one.edit("ops")
        one.look()
        with company.store.write() as tx:
            tx.jobs.touch("incident", "hub/2")

    two.meanwhile = other_meanwhile
    assert two.works()
    assert len(two.did) == 1
    with company.store.read() as tx:
        assert tx.jobs.unfinished() == 1


def test_rules_that_cannot_be_used_are_told_once_with_since_when_and_change_nothing(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = company.one, company.two
    one.start()
    two.start()
    for machine in (one, two):
        (machine.directory / "web.yaml").write_text("teams: {web: {}}")
        machine.look()
        machine.look()
    assert (one.works(), two.works()) == (True, True)
    assert one.did == ["payments web"]
    with company.store.read() as tx:
        read = tx.ruling.alive()
    assert [each.process for each in read] == [one.name, two.name]
    assert all("teams.web.start_from: is missing" in each.problems[0] for each in read)
    assert all(each.wrong_since is not None for each in read)
    assert capsys.readouterr().out.count("the rules there cannot be used") == 2
    wrong = [line for line in company.journal() if "cannot be used" in line]
    assert len(wrong) == 2  # they are in two directories, and so in other words
    for machine in (one, two):
        machine.edit("web")
        machine.look()
    assert company.journal()[-1] == "The rules can be used again."
    assert company.journal().count("The rules can be used again.") == 1


def test_a_rotated_secret_is_taken_without_other_rules_coming_in_force(company: Company) -> None:
    one = company.one
    one.directory.joinpath("token").write_text("first")
    hub = RIGHT["connections.yaml"].replace("env: TOKEN", "file: token")
    written(one.directory, {"connections.yaml": hub})
    one.start()
    before = company.journal()
    one.directory.joinpath("token").write_text("second")
    one.look()
    assert one.rules.connections["hub"].auth.token.reveal() == "second"
    assert one.works()
    assert company.journal() == before


def test_who_is_started_with_rules_that_were_read_long_ago_begins_with_those_of_now(
    company: Company,
) -> None:
    """As a child that is started again by a parent which has read them once."""
    one, two = company.one, company.two
    two.start()
    read_long_ago = two.rules
    two.edit("ops")
    two.look()
    company.clock.wait(timedelta(minutes=5))  # all children are gone
    watched = WatchedRules(two.directory, read_long_ago, environ=ENVIRONMENT)
    taken: list[Rules] = []
    child = Ruling(company.store, watched, one.name, taken.append, lambda: None)
    child.start()
    child.stop()
    assert [list(rules.policy.teams) for rules in taken] == [["ops", "payments"]]
    assert len(company.journal()) == 2  # it put nothing else in force on the way


def test_a_worker_whose_database_takes_nothing_ends_all_the_same(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    company.one.start()
    without(company.store, "rules_read")
    company.one.stop()
    assert "rules not left to others" in capsys.readouterr().out


def test_a_database_that_is_away_is_told_once_and_not_at_each_look(
    company: Company, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.ruling.LOOK_EVERY", 0.01)
    company.one.start()
    without(company.store, "rules_in_force")
    looks, look = count(1), company.one.ruling.look
    several = Event()

    def counted() -> None:
        if next(looks) > 4:
            several.set()
        look()

    monkeypatch.setattr(company.one.ruling, "look", counted)
    thread = Thread(target=company.one.ruling._run)
    thread.start()
    assert several.wait(10)
    company.one.stop()
    thread.join()
    assert capsys.readouterr().out.count("[error ") == 1


def test_who_only_shows_puts_nothing_in_force(company: Company) -> None:
    one = company.one
    rules = load(one.directory, ENVIRONMENT)
    taken: list[Rules] = []
    watched = WatchedRules(one.directory, rules, environ=ENVIRONMENT)
    web = Ruling(company.store, watched, "web 1 on one", taken.append)
    web.look()
    one.edit("ops")
    web.look()
    web.look()
    with company.store.read() as tx:
        assert tx.ruling.in_force() is None
        (said,) = tx.ruling.alive()
    assert said.hash == taken[0].policy.hash
    assert not said.decides


def test_others_know_that_a_process_is_ahead_before_it_works_by_its_rules(
    company: Company,
) -> None:
    """A door may open with them: what comes in by it is met by workers that have others."""
    rules = load(company.one.directory, ENVIRONMENT)
    ahead: list[str | None] = []

    def take(_: Rules) -> None:
        with company.store.read() as tx:
            ahead.append(tx.ruling.other(rules.policy.hash))

    watched = WatchedRules(company.one.directory, rules, environ=ENVIRONMENT)
    web = Ruling(company.store, watched, "web 1 on one", take)
    web.look()
    company.one.edit("ops")
    web.look()
    web.look()
    assert ahead == ["web 1 on one"]


def test_rules_in_force_are_held_while_their_only_holder_takes_others(company: Company) -> None:
    """Else whoever waits would put its old ones in force, as if nobody was left."""
    one, two = company.one, company.two
    two.start()
    two.stop()
    one.edit("ops")
    one.start()
    two.start()
    took = one._take
    met: list[tuple[str, str]] = []

    def take(rules: Rules) -> None:
        two.look()
        met.append(company.in_force())
        with company.store.read() as tx:
            assert [each.process for each in tx.ruling.alive()] == [one.name, two.name]
        took(rules)

    one.ruling._take = take
    before = company.in_force()
    one.edit("ops", "search")
    one.look()
    assert met == [before]
    assert company.in_force() == (one.name, "they were changed")
    assert (one.works(), two.works()) == (True, False)
    with company.store.read() as tx:
        assert tx.ruling.other(two.rules.policy.hash) == one.name


def test_a_worker_claims_nothing_while_it_takes_other_rules(company: Company) -> None:
    """Those before are in force still, and what it claims would be done by the others."""
    one = company.one
    one.start()
    took = one._take
    claims: list[bool] = []

    def take(rules: Rules) -> None:
        took(rules)
        with company.store.read() as tx:
            claims.append(one.ruling.holds(tx))

    one.ruling._take = take
    one.edit("ops")
    one.look()
    assert claims == [False]
    assert one.works()


def test_rules_that_cannot_be_taken_leave_those_before_and_are_tried_again(
    company: Company,
) -> None:
    one = company.one
    one.start()
    before = one.rules

    def refuse(_: Rules) -> None:
        raise OSError("no room left")

    one.ruling._take = refuse
    one.edit("ops")
    one.ruling.look()
    with pytest.raises(OSError, match="no room"):
        one.ruling.look()
    assert one.works()
    assert one.rules is before
    one.ruling._take = one._take
    one.look()
    assert one.works()
    assert one.rules is not before


def test_a_look_that_waits_for_a_tracker_does_not_keep_a_worker_from_ending(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.ruling.LOOK_EVERY", 0.01)
    monkeypatch.setattr("service.ruling.STOP_WITHIN", 0.05)
    asking, answered = Event(), Event()
    taken: list[Rules] = []

    def slow(_: Rules) -> list[str]:
        asking.set()
        answered.wait(20)
        return []

    one = company.one
    watched = WatchedRules(one.directory, load(one.directory, ENVIRONMENT), slow, ENVIRONMENT)
    ruling = Ruling(company.store, watched, one.name, taken.append, lambda: None)
    ruling.start()
    one.edit("ops")
    assert asking.wait(10)
    ruling.stop()
    assert ruling._thread.is_alive()
    with company.store.read() as tx:
        assert tx.ruling.alive() == []
    answered.set()
    ruling._thread.join()
    assert taken == []
    with company.store.read() as tx:
        assert tx.ruling.alive() == [], "and it does not say that it is alive"
