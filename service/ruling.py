"""The rules that a process works under: those it has read last, once they are in force.

Each process looks at its rules every few seconds. Rules that changed and are right are taken as a
whole; those that are not change nothing, and it is said what is wrong and since when. Workers
agree in the database which rules are in force (`workflows.agreement`), and claim no job under
others.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace

import structlog

from config.rules import Rules
from config.watching import WatchedRules
from service.store import DATABASE_FAULTS, Store, Transaction
from service.store.journal import ABOUT_RULES, EntryKind
from service.store.ruling import Reading
from workflows.agreement import Act, Verdict, Why, judge

log = structlog.get_logger(__name__)

LOOK_EVERY = 2.0  # seconds between two looks at the rules
SAY_EVERY = 5  # looks: so often a process says that it is alive
STOP_WITHIN = 5.0  # seconds for a look to end; it may be asking trackers who may read what


def this_process(kind: str) -> str:
    """How this process is called where it can be told from all others that are alive. Containers
    may share the name of their host, and each counts its processes from 1; two of one name would
    each take what the other says for its own words."""
    return f"{process_name(kind, socket.gethostname(), os.getpid())} ({uuid.uuid4().hex[:8]})"


def process_name(kind: str, host: str, pid: int) -> str:
    """What that name begins with, which is what people look for."""
    return f"{kind} {pid} on {host}"


class Ruling:
    """The rules of the process that is called `process`.

    `take` has the process work by these rules, as a whole, from its next job or request on. `begin`
    asks for what is to be asked for under new rules, as at each start; a process that has none
    decides nothing, and only shows.
    """

    def __init__(
        self,
        store: Store,
        watched: WatchedRules,
        process: str,
        take: Callable[[Rules], None],
        begin: Callable[[], None] | None = None,
    ) -> None:
        self._store = store
        self._watched = watched
        self._process = process
        self._take = take
        self._begin = begin
        self._rules = watched.rules
        self._act = Act.START
        self._begun = self._waits = self._taking = False
        self._looks = 0
        self._said = self._reading = Reading(
            process, begin is not None, self._rules.policy.hash, store.clock()
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rules", daemon=True)

    def start(self) -> None:
        """Look before this returns, and then go on in a thread. What was read for this process may
        be old, where another has read it and started us: so it looks twice."""
        self._watched.look()
        self.look()
        self._thread.start()

    def stop(self) -> None:
        """Look no more, and leave the rules to others. A database that is away is no reason to end
        otherwise: then we count as alive a little longer. Neither is a tracker that does not answer
        a look: what that finds is not taken any more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_WITHIN)
        try:
            with self._store.write() as tx:
                tx.ruling.gone(self._process)
        except DATABASE_FAULTS as error:
            log.warning("rules not left to others", why=type(error).__name__)

    def holds(self, tx: Transaction) -> bool:
        """Whether the rules that this process works under are in force: else it claims no job. Not
        while it takes others: what it claimed would be done by rules that nobody put in force."""
        return not self._taking and tx.ruling.hash_in_force() == self._rules.policy.hash

    def look(self) -> None:
        """Look once at the rules, and at what is in force."""
        self._watched.look()
        if self._stopping.is_set():
            return
        if self._watched.rules is not self._rules:
            self._take_over(self._watched.rules)
        self._tell_problems()
        verdict = self._agree()
        self._act = Act.NONE
        self._tell_wait(waits=verdict is Verdict.WAIT)
        if self._begin is not None and verdict is not Verdict.WAIT and not self._begun:
            self._begin()
            self._begun = True

    def _take_over(self, rules: Rules) -> None:
        """Work by these. It is said before: once a door of theirs is open, whoever meets what came
        in by it is to know that somebody is ahead."""
        hash = rules.policy.hash
        reading = replace(self._reading, hash=hash, read_at=self._store.clock())
        with self._store.write() as tx:
            tx.ruling.takes(self._said, hash)
        self._taking = True
        try:
            self._take(rules)
            self._rules = rules
        finally:
            self._taking = False
        if self._watched.late:  # nobody changed them now, and others may have gone on since
            self._act = Act.START
        elif self._act is not Act.START:
            self._act = Act.CHANGE
        self._begun = False
        self._reading = reading
        log.info("new rules read", rules=hash)

    def _run(self) -> None:
        failed = False
        while not self._stopping.wait(LOOK_EVERY):
            try:
                self.look()
            except Exception as error:  # such as a database that is away: look again
                if not failed:
                    log.error("rules not looked at; it is tried again", exc_info=error)
                failed = True
                continue
            if failed:
                log.warning("rules can be looked at again")
            failed = False

    # --- agreeing -----------------------------------------------------------------------------

    def _agree(self) -> Verdict:
        """What comes of our rules; and say that we are alive and what we have read, where that is
        news or due. Otherwise only reads."""
        self._looks += 1
        with self._store.read() as tx:
            verdict, _ = self._judged(tx)
        due = self._looks % SAY_EVERY == 1 or self._reading != self._said
        if verdict is not Verdict.PUT and not due:
            return verdict
        with self._store.write() as tx:
            verdict, why = self._judged(tx)
            if why is not None:
                self._put(tx, why)
            self._note_problems(tx)
            tx.ruling.say(self._reading)
        self._said = self._reading
        return verdict

    def _judged(self, tx: Transaction) -> tuple[Verdict, Why | None]:
        if self._begin is None:
            return Verdict.HOLD, None
        own = self._rules.policy.hash
        return judge(own, self._act, tx.ruling.known(own, self._process))

    def _put(self, tx: Transaction, why: Why) -> None:
        rules = self._rules.policy.hash
        tx.ruling.put(rules, self._process, why)
        words = f"{self._process} put the rules {shown(rules)} in force: {why}."
        tx.journal.add(None, EntryKind.NOTE, words, {ABOUT_RULES: rules})
        log.info("rules in force", rules=rules, why=why.value)

    def _tell_wait(self, *, waits: bool) -> None:
        if waits and not self._waits:
            with self._store.read() as tx:
                in_force = tx.ruling.in_force()
            log.warning(
                "waits: other rules are in force",
                rules=self._rules.policy.hash,
                in_force=in_force and in_force.hash,
                by=in_force and in_force.by,
                mend="give this process the same rules; it reads them by itself",
            )
        elif self._waits and not waits:
            log.info("waits no more: these rules are in force", rules=self._rules.policy.hash)
        self._waits = waits

    # --- rules that cannot be used ------------------------------------------------------------

    def _tell_problems(self) -> None:
        problems = self._watched.problems
        if problems == self._reading.problems:
            return
        since = self._reading.wrong_since or self._store.clock()
        self._reading = replace(
            self._reading, problems=problems, wrong_since=since if problems else None
        )
        if problems:
            log.error("the rules there cannot be used; those before stay", problems=problems)
        else:
            log.info("the rules there can be used again")

    def _note_problems(self, tx: Transaction) -> None:
        """Into the journal, once for all processes that look at the same rules."""
        problems = self._reading.problems
        if problems == self._said.problems:
            return
        others = [each for each in tx.ruling.alive() if each.process != self._process]
        if any(each.problems == problems if problems else each.problems for each in others):
            return
        words = "The rules can be used again."
        if problems:
            words = f"The rules cannot be used, and those before stay: {'; '.join(problems)}"
        data = {ABOUT_RULES: self._rules.policy.hash}
        tx.journal.add(None, EntryKind.NOTE, words, data)


def shown(rules: str) -> str:
    """A hash as people compare it."""
    return rules[:12]
