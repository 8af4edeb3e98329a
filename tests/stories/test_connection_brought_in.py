"""A connection that comes with other rules: what its tracker delivers before the worker has read
them waits; what waited too long is told, and taken up by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import pytest
from stage import (
    GITHUB_INCIDENTS,
    GITHUB_TASKS,
    JIRA_INCIDENTS,
    JIRA_ISSUE,
    JIRA_TASKS,
    PULL_REQUEST,
    Stage,
    Staging,
    rules_text,
)

from config.rules import Rules, load
from config.watching import TRY_AGAIN, WatchedRules
from service import dead_letters, stranding
from service.app import create_app
from service.container import Container, Web, build, web_of
from service.container.live import LiveContainer, LiveWeb
from service.dead_letters import DeadLetter
from service.jobs import TIMING, ClaimedJob, JobEnd, Later, record_end
from service.ruling import SAY_EVERY, Ruling
from service.running import Runner
from service.store.deliveries import JOB, Delivery, DeliveryState
from service.stranding import AGAIN, WAIT_FOR


class Installation:
    """A web process and a worker on two machines, each with a copy of the rules: they have GitHub,
    and Jira is brought in."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.with_jira = stage.rules_file.read_text()
        self.refused: list[str] = []
        parts = {"incidents": GITHUB_INCIDENTS, "document": PULL_REQUEST, "tasks": GITHUB_TASKS}
        text = rules_text(stage.sandbox, **parts, mode="act", limits="none")
        self.without_jira = re.sub(r"  jira:\n(    .*\n)+", "", text, count=1)
        self.files = {name: stage.directory / f"{name}.yaml" for name in ("web", "worker")}
        self.edit("web", "worker", jira=False)
        rules = load(self.files["web"], stage.environ)

        def web_anew(found: Rules) -> Web:
            return web_of(stage.settings, found, stage.store)

        def worker_anew(found: Rules) -> Container:
            return build(stage.settings, found, store=stage.store, clock=stage.clock)

        live = LiveWeb(web_anew(rules), web_anew)
        assert stage._address is not None
        stage._address.serve(create_app(live))
        self.live = LiveContainer(worker_anew(rules), worker_anew)
        watched = WatchedRules(self.files["web"], rules, environ=stage.environ)
        self.web = Ruling(stage.store, watched, "web 1 on one", live.take)
        watched = WatchedRules(self.files["worker"], rules, lambda _: self.refused, stage.environ)
        take, begin = self.live.take, self.live.begin
        self.worker = Ruling(stage.store, watched, "worker 1 on two", take, begin)
        self.runner = Runner(stage.store, self.live, may_claim=self.worker.holds)
        self.look(self.web, self.worker)

    def edit(self, *names: str, jira: bool = True) -> None:
        for name in names:
            self.files[name].write_text(self.with_jira if jira else self.without_jira)

    def look(self, *rulings: Ruling, times: int = SAY_EVERY) -> None:
        for ruling in rulings:
            for _ in range(times):
                ruling.look()

    def wait(self, length: timedelta = timedelta()) -> None:
        """Let time pass and both processes look at their rules, then let the worker work."""
        self.stage.clock.wait(length)
        self.look(self.web, self.worker)
        assert self.stage.sandbox.hooks.drain()
        self.runner.run()
        assert self.stage.sandbox.hooks.drain()

    def closed(self) -> None:
        jira = self.stage.sandbox.jira
        key = jira.create_issue("INC", "Down", by="5b10-kim", customfield_10050={"value": "SEV-2"})
        jira.comment(key, "ACTION: alert on the queue", by="5b10-noor")
        jira.transition(key, "Resolved", by="5b10-kim")
        self.wait()

    def tasks(self) -> int:
        issues = self.stage.sandbox.jira.issues.values()
        return len([each for each in issues if each.type == "Task"])

    def delivered(self, state: DeliveryState) -> Sequence[Delivery]:
        with self.stage.store.read() as tx:
            return tx.deliveries.page(connection="jira", state=state)

    def letters(self) -> list[DeadLetter]:
        with self.stage.store.read() as tx:
            return list(dead_letters.dead_letters(tx))

    def reasons(self) -> set[str | None]:
        with self.stage.store.read() as tx:
            jobs = [tx.jobs.get(JOB, str(each.id)) for each in self.delivered(RECEIVED)]
        return {each.reason for each in jobs if each is not None}

    def pauses(self) -> set[timedelta]:
        """How long until those that wait are looked at again."""
        with self.stage.store.read() as tx:
            jobs = [tx.jobs.get(JOB, str(each.id)) for each in self.delivered(RECEIVED)]
        now = self.stage.clock()
        return {each.due_at - now for each in jobs if each is not None}

    def claimed(self, kind: str, subject: str) -> ClaimedJob:
        """This job, as the worker claims it."""
        with self.stage.store.write() as tx:
            job = tx.jobs.claim(tx.jobs.touch(kind, subject), TIMING.lease)
        assert job is not None
        return job

    def ended(self, job: ClaimedJob, end: JobEnd) -> None:
        with self.stage.store.write() as tx:
            record_end(tx, job, end)


RECEIVED, STRANDED = DeliveryState.RECEIVED, DeliveryState.STRANDED


@pytest.fixture
def two(staged: Staging) -> Installation:
    return Installation(staged(incidents=JIRA_INCIDENTS, document=JIRA_ISSUE, tasks=JIRA_TASKS))


def test_what_comes_in_before_the_worker_has_read_the_rules_waits_for_them(
    two: Installation,
) -> None:
    two.closed()
    assert not two.delivered(RECEIVED), "there is no such door yet"
    two.edit("web")
    two.wait()
    two.closed()
    assert len(two.delivered(RECEIVED)) >= 3
    assert two.reasons() == {
        "these rules have no connection jira, and web 1 on one has read others"
    }
    two.wait(WAIT_FOR / 2)
    assert two.letters() == []
    assert min(two.pauses()) > WAIT_FOR / 10, "longer with its age"
    two.edit("worker")
    two.wait(WAIT_FOR / 8)
    two.wait(AGAIN)
    assert two.letters() == []
    assert not two.delivered(RECEIVED)
    assert not two.delivered(STRANDED)
    assert two.tasks() == 2, "of that which no door was open for, too: it is polled"


def test_what_waits_for_a_connection_is_looked_at_as_soon_as_rules_have_it(
    two: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it has waited; what waits for a tracker goes on waiting."""
    monkeypatch.setattr(stranding, "AT_ONCE", 2)  # several steps
    two.edit("web")
    two.wait()
    two.closed()
    two.wait(WAIT_FOR / 2)
    assert min(two.pauses()) > WAIT_FOR / 10
    *_, other = two.delivered(RECEIVED)
    job = two.claimed(JOB, str(other.id))
    later = two.stage.clock() + WAIT_FOR
    two.ended(job, Later(later, "jira does not answer"))
    with two.stage.store.write() as tx:
        assert tx.deliveries.hurry(["these rules have no connection github,"], 100) == 0
    two.edit("worker")
    two.wait()
    (left,) = two.delivered(RECEIVED)
    assert left == other
    assert two.reasons() == {"jira does not answer"}
    assert two.tasks() >= 1


def test_a_door_of_rules_that_the_worker_refuses_loses_nothing_either(two: Installation) -> None:
    """The web process asks no tracker who may read what, and so it does not see it."""
    two.refused = ["Team payments: everybody may read OPS."]
    two.edit("web", "worker")
    two.wait()
    two.closed()
    assert two.letters() == []
    two.wait(WAIT_FOR)
    waiting = two.letters()
    assert {each.words for each in waiting} == {
        "the rules in force do not have the connection jira"
    }
    assert all("taken up by itself" in each.mend for each in waiting)
    assert two.tasks() == 0
    two.refused = []  # somebody closed the project
    two.look(two.worker, times=TRY_AGAIN)
    two.wait()
    assert two.letters() == []
    assert two.tasks() == 1


def test_a_connection_that_is_taken_out_and_brought_back_takes_up_what_came_last(
    two: Installation,
) -> None:
    two.edit("web", "worker")
    two.wait()
    jira = two.stage.sandbox.jira
    jira.create_issue("INC", "Down", by="5b10-kim")
    assert two.stage.sandbox.hooks.drain()
    assert two.delivered(RECEIVED)
    two.edit("web", "worker", jira=False)
    two.wait()
    assert two.delivered(STRANDED), "nobody has rules that have it"
    assert len(two.letters()) == len(two.delivered(STRANDED))
    two.edit("web", "worker")
    two.wait()
    assert two.letters() == []
    assert not two.delivered(RECEIVED)
    assert not two.delivered(STRANDED)


def test_a_delivery_that_was_looked_at_while_the_rules_came_in_force_does_not_strand_after(
    two: Installation,
) -> None:
    """Its job began under the old rules, and ends after the new ones took up what had stranded."""
    two.edit("web")
    two.look(two.web)
    two.closed()
    two.web.stop()
    two.stage.clock.wait(AGAIN)
    number = str(two.delivered(RECEIVED)[-1].id)
    job = two.claimed(JOB, number)
    end = two.live[JOB](job)
    assert not isinstance(end, Later), "nobody is ahead"
    two.edit("worker")
    two.look(two.worker)
    two.ended(job, end)
    assert number in {str(each.id) for each in two.delivered(RECEIVED)}
    two.wait(AGAIN)
    assert two.letters() == []
    assert not two.delivered(RECEIVED)


def test_an_incident_whose_turn_ends_under_rules_without_its_connection_strands_no_more_either(
    two: Installation,
) -> None:
    two.edit("web", "worker")
    two.wait()
    two.stage.sandbox.jira.create_issue("INC", "Down", by="5b10-kim")
    assert two.stage.sandbox.hooks.drain()
    job = two.claimed(JOB, str(two.delivered(RECEIVED)[0].id))
    two.ended(job, two.live[JOB](job))
    two.edit("web", "worker", jira=False)
    two.look(two.web, two.worker)
    subject = two.delivered(DeliveryState.DONE)[0].subject
    assert subject is not None
    job, turn = two.claimed("incident", subject), two.live["incident"]
    two.edit("web", "worker")
    two.look(two.web, two.worker)
    assert isinstance(turn(job), Later), "those in force have the connection"
    assert two.letters() == []
