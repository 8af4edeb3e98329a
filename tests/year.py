"""A year of two teams, their measures and the audits of these, while the service is away for days,
dies at any commit, and is killed.

Time is simulated, and everything else is real: adapters, store and web in this process, or a worker
process of its own, which goes by the same clock (`FOLLOWTHROUGH_CLOCK`).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from types import FrameType, TracebackType
from typing import Self

from almanac import DAY, Count, Look, judge
from almanac import Rules as AuditRules
from folk import MINUTE, WAY_BACK, Desk, Folk, GitHubDesk, JiraDesk
from inprocess import Address
from stage import GITHUB_INCIDENTS, GITHUB_ISSUE, HOOKS, JIRA_INCIDENTS, TOKENS, Stage, StoryClock

from config.rules import Rules, load
from integrations.sandbox.acme import BOT_EMAIL
from service.container import Container, build
from service.jobs import TIMING, record_end
from service.store import Store, Transaction
from service.tick import TICK_JOB, Tick

#: What no business day of Tokyo, and of New York, is in this year.
TOKYO = frozenset({date(2027, 1, 1), date(2027, 2, 11), date(2027, 5, 3), date(2027, 5, 4)})
NEW_YORK = frozenset({date(2027, 1, 1), date(2027, 1, 18), date(2027, 5, 31), date(2027, 7, 5)})

ABSENCES = (0.3, 1, 2, 5, 8, 13, 20, 20)  # days

OFTEN = 10  # times that a commit is made in a year

#: A process that makes no call for so many seconds has nothing to do.
IDLE = 1.5
PATIENT = 300.0  # seconds until a process must have made its first call


class YearClock(StoryClock):
    """A story's clock that also runs by itself, for as long as another process goes by it."""

    _ahead: timedelta | None = None

    def __call__(self) -> datetime:
        if self._ahead is not None:
            with self._lock:
                self._now = datetime.now(UTC) + self._ahead
        return super().__call__()

    def run(self) -> timedelta:
        """From now on it runs; returns by how much it is ahead of the present."""
        ahead = self() - datetime.now(UTC)
        self._ahead = ahead
        return ahead

    def stand(self) -> None:
        """It stands still again."""
        self()
        self._ahead = None


class Crash(BaseException):
    """The process is gone; nothing may catch this."""


@dataclass(frozen=True)
class Site:
    """A commit, told by the kind of job, the function that makes it and the kind of effect that it
    is about, if any; and its side."""

    job: str
    function: str
    effect: str
    before: bool

    def __str__(self) -> str:
        side = "before" if self.before else "after"
        return " ".join(filter(None, (side, self.job, self.function, self.effect)))


@dataclass
class Deaths:
    """Lets the service die at commits: where it died least often so far, and at each about
    `everywhere` that it makes `OFTEN`."""

    everywhere: Sequence[str] = ()
    seen: Counter[Site] = field(default_factory=Counter)
    died: Counter[Site] = field(default_factory=Counter)
    job: str = ""
    _left: int | None = None
    _wanted: Sequence[Site] = ()
    _dead: bool = False
    _over: bool = False

    def aim(self, dice: random.Random, late: bool) -> None:
        """It is to die where it did least often, the first time it comes there, or a later one; or
        where it must and never did, whatever it comes to first of that: what is rare, or comes late
        in a look, would have its turn after all else. When it is `late`, only this is left."""
        survived = self.survived()
        self._wanted = survived if late or dice.random() < 0.5 else ()
        self._left = 0 if self._wanted else dice.choice((0, 0, 1, 2, 4))

    def survived(self) -> list[Site]:
        """The commits about `everywhere` that were made `OFTEN`, and at which it never died."""
        often = [site for site, times in self.seen.items() if times >= OFTEN]
        of_them = [site for site in often if any(word in f"{site} " for word in self.everywhere)]
        return [site for site in of_them if not self.died[site]]

    def live(self) -> None:
        """No more deaths, until the next is aimed at."""
        self._left, self._wanted, self._dead = None, (), False

    def end(self) -> None:
        """There are no more deaths at all: commits from now on do not count."""
        self._over = True

    def wrap(self, store: Store) -> None:
        write = store.write

        @contextmanager
        def dying(*, beside: bool = False) -> Iterator[Transaction]:
            if threading.current_thread() is not threading.main_thread():  # the web process, ticks
                with write(beside=beside) as tx:
                    yield tx
                return
            if self._dead:  # not even what cleans up is written any more
                raise Crash
            function, effect = _who(sys._getframe(2))
            with write(beside=beside) as tx:
                yield tx
                self._meet(Site(self.job, function, effect, before=True))
            self._meet(Site(self.job, function, effect, before=False))

        store.write = dying  # type: ignore[method-assign]

    def _meet(self, site: Site) -> None:
        if self._over:
            return
        self.seen[site] += 1
        if self._left is None or not self._is_meant(site):
            return
        self._left -= 1
        if self._left < 0:
            self.died[site] += 1
            self._dead = True
            raise Crash

    def _is_meant(self, site: Site) -> bool:
        if self._wanted:
            return site in self._wanted
        return self.died[site] <= self._fewest

    @property
    def _fewest(self) -> int:
        return min(self.died[site] for site in self.seen)


def _who(frame: FrameType | None) -> tuple[str, str]:
    """The function that opened the transaction, and the kind of effect that it is about."""
    while frame is not None and "contextlib" in frame.f_code.co_filename:
        frame = frame.f_back
    assert frame is not None
    about = frame.f_locals.get("record") or next(iter(frame.f_locals.get("records") or ()), None)
    key = str(getattr(about, "key", ""))
    path = Path(frame.f_code.co_filename)
    name = f"{path.parent.name}/{path.name}:{frame.f_code.co_name}"
    return name, key.partition(":")[0]


class TwoTeams(Stage):
    """Payments in Jira, and platform on GitHub, whose calendars and ladders differ."""

    def __init__(self, directory: Path, die_everywhere: Sequence[str]) -> None:
        self.deaths = Deaths(die_everywhere)
        self._rules: Rules | None = None
        clock = YearClock(datetime(2026, 12, 7, 12, tzinfo=UTC))
        super().__init__(directory, clock=clock, poll_seconds=86400, sockets=True)
        jira = self.sandbox.jira
        jira.add_field(WAY_BACK, "May be opened again", "string")
        ways = [
            {"name": "To Do", "to": "To Do", "from": ["In Progress"]},
            {"name": "Done", "to": "Done", "from": ["To Do"], "asks": ["resolution"]},
            {"name": "Again", "to": "To Do", "from": ["Done"], "condition": WAY_BACK},
        ]
        jira.change_workflow("OPS", ways)
        self.deaths.wrap(self.store)

    def restart(self, **changed: str) -> Container:
        if self._rules is None:
            self.rules_file.write_text(rules_text(self.sandbox.jira_url, self.sandbox.github_url))
            self._rules = load(self.rules_file, self.environ)
        self.container = build(
            self.settings, self._rules, store=self.store, clock=self.clock, wait=self._let_pass
        )
        return self.container

    def _run_due(self) -> bool:
        self.deaths.job = ""
        with self.store.write() as tx:
            ids = tx.jobs.due(50)
        for number in ids:
            self.deaths.job = ""
            with self.store.write() as tx:
                job = tx.jobs.claim(number, TIMING.lease)
            if job is None:
                continue
            self.deaths.job = job.kind
            end = self.container.handlers[job.kind](job)
            with self.store.write() as tx:
                record_end(tx, job, end)
        return bool(ids)

    def three_ticks(self) -> None:
        """Three processes tick at once, each with a store of its own, until nothing is due."""
        policy, clock = self.container.rules.policy, self.clock
        others = [Store(self.store.url, clock) for _ in range(2)]
        together = threading.Barrier(3)

        def tick(store: Store) -> None:
            together.wait()
            while Tick(store, policy, clock).tick():
                pass

        threads = [threading.Thread(target=tick, args=(store,)) for store in others]
        for thread in threads:
            thread.start()
        self.deaths.job = TICK_JOB
        try:
            tick(self.store)
        finally:
            for thread, store in zip(threads, others, strict=True):
                thread.join()
                store.close()

    def to_its_end(self) -> None:
        """Work, and wait for whatever is to be looked at again within the hour."""
        for _ in range(40):
            self.settle()
            soon = self._soon()
            if soon is None:
                return
            self.clock.wait(soon - self.clock() + timedelta(seconds=1))
        raise AssertionError("the service does not come to rest")

    def _soon(self) -> datetime | None:
        with self.store.read() as tx:
            waiting = tx.jobs.waiting("")
        until = self.clock() + timedelta(hours=1)
        found = [j.due_at for j in waiting if j.kind in ("incident", "delivery", "closing")]
        return min((at for at in found if at <= until), default=None)


class WorkerProcess:
    """``followthrough worker`` itself, over the same data and by the same clock."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        clock = stage.directory / "clock"
        assert isinstance(stage.clock, YearClock)
        clock.write_text(str(stage.clock.run().total_seconds()))
        kept = {name: value for name, value in os.environ.items() if "FOLLOWTHROUGH" not in name}
        self._output = (stage.directory / "worker.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "service", "worker"],
            cwd=stage.directory,
            env={
                **kept,
                **TOKENS,
                **HOOKS,
                "PYTHONPATH": str(Path(__file__).parents[1]),
                "FOLLOWTHROUGH_DATA": str(stage.settings.data.absolute()),
                "FOLLOWTHROUGH_RULES": str(stage.rules_file.absolute()),
                "FOLLOWTHROUGH_CLOCK": str(clock.absolute()),
                "FOLLOWTHROUGH_POLL_SECONDS": "86400",
            },
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
        )

    def work(self, calls: int) -> int:
        """Wait until it has made so many calls, or makes no more; returns how many it made."""
        world = self._stage.sandbox.world
        begun, last, since = len(world.calls), len(world.calls), time.monotonic()
        while len(world.calls) - begun < calls:
            assert self._process.poll() is None, "the worker ended by itself"
            if len(world.calls) > last:
                last, since = len(world.calls), time.monotonic()
            if time.monotonic() - since > (IDLE if last > begun else PATIENT):
                break
            time.sleep(0.001)
        return len(world.calls) - begun

    def kill(self) -> None:
        """With -9, by its group's id; and wait until the trackers have done what it asked last."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._output.close()
        world, last = self._stage.sandbox.world, -1
        while last != len(world.calls):
            last = len(world.calls)
            time.sleep(0.05)
        assert isinstance(self._stage.clock, YearClock)
        self._stage.clock.stand()


@dataclass(frozen=True)
class Plan:
    """How a year goes: each time before it works to its end the service dies up to `deaths` times,
    and `kills` times in all as a process. People do everything `haste` times as often.

    It goes on, by a half at most, until all kills were and until the service died at each commit
    about `everywhere` that it made `OFTEN`.
    """

    seed: int
    incidents: int
    days: int
    kills: int = 0
    deaths: int = 3
    haste: int = 1
    everywhere: tuple[str, ...] = ()


@dataclass
class Outcome:
    """What is `wrong`, and what happened: `killed` as many calls after its first as a process had
    made then."""

    wrong: list[str]
    count: Counter[str]
    looks: list[Look]
    deaths: Deaths
    killed: list[int]
    calls: int
    measures: int


class Year:
    """One year in a directory of its own."""

    def __init__(self, plan: Plan, directory: Path) -> None:
        self.plan, self._dice = plan, random.Random(plan.seed)
        self.stage = TwoTeams(directory, plan.everywhere)
        self.looks: list[Look] = []
        self.killed: list[int] = []
        desks: list[Desk] = [JiraDesk(self.stage), GitHubDesk(self.stage)]
        self.folk = Folk(desks, rules_of, self._dice, haste=plan.haste)
        self._end = self.stage.clock() + plan.days * DAY
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.stage)
        for served in (self.stage.sandbox, self.stage):  # a real worker asks them by socket
            address = Address(served.url)
            assert served._server.app is not None
            address.serve(served._server.app)
            self._stack.callback(address.release)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def play(self) -> Outcome:
        """From the first incident to the judge."""
        stage, end = self.stage, self._end
        self.folk.have_incidents(self.plan.incidents)
        self.look()
        self.folk.resolve_incidents()
        self.look()
        self.folk.find_tickets()
        every = self.plan.days * DAY / (self.plan.kills + 1)
        next_kill = stage.clock() + every
        while stage.clock() < end or self._goes_on():
            self._absent()
            if self.plan.kills > len(self.killed) and stage.clock() >= next_kill:
                next_kill += every
                self.be_killed()
                self._absent(longest=self._dice.choice((0, 20)))
            for _ in range(self._dice.randint(0, self.plan.deaths)):
                self.die()
                self._absent(longest=self._dice.choice((0, 0, 0, 1, 20)))
            self.look()
        stage.deaths.end()
        for _ in range(2):
            self.look()
            stage.clock.wait(21 * DAY)
        self.look()
        return self.outcome()

    def _goes_on(self) -> bool:
        if self.stage.clock() >= self._end + self.plan.days * DAY / 2:
            return False
        return len(self.killed) < self.plan.kills or bool(self.stage.deaths.survived())

    def outcome(self) -> Outcome:
        count = Count()
        stories = self.folk.stories()
        wrong = [words for story in stories for words in judge(story, self.looks, count)]
        calls = len(self.stage.sandbox.calls)
        killed = list(self.killed)
        return Outcome(wrong, count.of, self.looks, self.stage.deaths, killed, calls, len(stories))

    def _absent(self, longest: float = 20) -> None:
        """The service is away for up to so many days, as a rule with its web process: what happens
        then, nobody tells."""
        hooks = self.stage.sandbox.hooks
        hooks.enabled = self._dice.random() < 0.3
        self.stage.clock.wait(5 * MINUTE)  # by then no lease is held by who died
        days = min(self._dice.choice(ABSENCES), longest, self.plan.days / 4)
        self.folk.live(days * self._dice.uniform(0.5, 1) * DAY)
        assert hooks.drain()
        hooks.enabled = True

    # --- the service -------------------------------------------------------------------------

    def look(self) -> None:
        """A process starts, does all that is to be done, and ends."""
        begun, whole = self.stage.clock(), False
        try:
            self.stage.restart()
            self.stage.deaths.job = "start"
            self.stage.container.start()
            self.stage.three_ticks()
            self.stage.to_its_end()
            whole = True
        except Crash:
            pass
        finally:
            self.stage.deaths.live()
        self._looked(begun, whole)

    def die(self) -> None:
        """It dies at a commit, if it comes to the one that was chosen."""
        self.stage.deaths.aim(self._dice, late=self.stage.clock() >= self._end)
        self.look()

    def be_killed(self) -> None:
        """A real process starts and is killed, in the middle of its calls as a rule."""
        begun = self.stage.clock()
        process = WorkerProcess(self.stage)
        try:
            self.killed.append(process.work(self._dice.randint(1, 120)))
        finally:
            process.kill()
        assert self.stage.sandbox.hooks.drain()
        self._looked(begun, whole=False)

    def _looked(self, begun: datetime, whole: bool) -> None:
        self.looks.append(Look(begun, self.stage.clock(), whole))
        self.folk.whole_looks += whole


# --- the rules ------------------------------------------------------------------------------------


def rules_of(desk: Desk, kind: str, severity: str) -> AuditRules:
    """The same that `rules_text` says."""
    corrective, sev3 = kind == "corrective", severity == "sev3"
    ladder: tuple[int, ...]
    if isinstance(desk, JiraDesk):
        ladder, business = (() if sev3 else (30, 90)), False
        if corrective:
            ladder = (30,)
        elif severity == "sev1":
            ladder, business = (20, 60, 120), True
        goes_on = not corrective
        return AuditRules("Asia/Tokyo", TOKYO, ladder, business, goes_on, quiet=(20, 8))
    ladder = () if corrective else (10, 30, 60) if severity == "sev1" else (25, 75, 150)
    return AuditRules("America/New_York", NEW_YORK, ladder, False, lengthen=False, within=5)


def rules_text(jira: str, github: str) -> str:
    """Two teams with different calendars, trackers and ladders."""

    def inner(text: str, depth: int) -> str:
        return ("\n" + " " * depth).join(text.strip().splitlines())

    def days(of: frozenset[date]) -> str:
        return f"[{', '.join(map(str, sorted(of)))}]"

    return dedent(f"""\
        connections:
          jira:
            kind: jira
            url: {jira}
            auth: {{type: basic, user: {BOT_EMAIL}, token: {{env: JIRA_TOKEN}}}}
            webhook_secrets: [{{env: JIRA_HOOK}}]
          github:
            kind: github
            url: {github}
            limits: none
            auth: {{type: token, token: {{env: GITHUB_TOKEN}}}}
            webhook_secrets: [{{env: GITHUB_HOOK}}]
        calendars:
          tokyo: {{zone: Asia/Tokyo, holidays: {days(TOKYO)}, quiet: "20:00-08:00"}}
          new-york: {{zone: America/New_York, holidays: {days(NEW_YORK)}}}
        teams:
          payments:
            mode: act
            start_from: 2026-12-01
            calendar: tokyo
            reminders: off
            sync: {{document_every: 0 minutes}}
            incidents:
              {inner(JIRA_INCIDENTS, 14)}
            postmortem:
              document: {GITHUB_ISSUE}
              tasks: {{connection: jira, project: OPS, issue_type: Task}}
            audits:
              ladder:
                sev1: [20 business days, 60 business days, 120 business days]
                sev3: []
                default: [30 days, 90 days]
              reviewers: [Kim Ito, Noor Aziz]
          platform:
            mode: act
            start_from: 2026-12-01
            calendar: new-york
            reminders: off
            sync: {{document_every: 0 minutes}}
            incidents:
              {inner(GITHUB_INCIDENTS, 14)}
            postmortem:
              document: {GITHUB_ISSUE}
              tasks: {{connection: github, repository: acme/ops, labels: [remediation]}}
            audits:
              ladder: {{sev1: [10 days, 30 days, 60 days], default: [25 days, 75 days, 150 days]}}
              corrective: off
              lengthen: off
              within: 5 business days
              reviewers: [Kim Ito, Noor Aziz]
              verdicts: {{effective: [completed]}}
        people:
          - {{name: Kim Ito, email: kim@acme.example, jira: 5b10-kim, github: kim}}
          - {{name: Noor Aziz, email: noor@acme.example, jira: 5b10-noor, github: noor}}
        """)
