"""The release check, shown by itself on each change that is proposed for a repository of the rules.

A webhook tells of a change, and it is remembered; a job of the repository shows what the check of
its service comes to on each that is open, and again whenever that is something else. What came of
it is an effect of the team's: once it is refused it waits for a person, as any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import structlog

from integrations.reviewed import ShowsChecks
from integrations.tracker import Notice, NotThere, Rejected, TrackerError
from service.clock import Clock
from service.jobs import PROMPT, ClaimedJob, Done, JobEnd, Later
from service.lease import Lease
from service.outcomes import RUNNABLE, retry_at, sentence
from service.store import Store, Transaction
from service.store.candidates import Candidate
from service.store.codec import dump, fingerprint
from service.store.journal import EntryKind
from service.store.owners import OfTeam
from workflows.effects import Check, Effect, ShowRelease
from workflows.events import ReleaseShown
from workflows.policy import Mode, Policy, Team
from workflows.release import CONTEXT, About, Release, status, stops
from workflows.release_rules import ReleaseRules
from workflows.sight import Sight

log = structlog.get_logger()

RELEASE_JOB = "release"

#: So often it is looked whether the check comes to something else: a measure that is done, or late
#: since this morning, is seen after this time at most.
EVERY = timedelta(minutes=10)

#: Where people read of what stops a release: the board, and what of it is shown.
_PAGES = {
    About.LATE: ("actions", "overdue"),
    About.OPEN: ("actions", "open"),
    About.SUSPECT: ("audits", "suspect"),
    About.OVERDUE: ("audits", "overdue"),
}

_UNKNOWN = "no incident of this service is known"


def release_subject(connection: str, place: str) -> str:
    """The subject of the one job that shows checks in a repository: its case says nothing."""
    return f"{place.casefold()}@{connection}"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a repository shows, and whose rules say so."""

    rules: ReleaseRules
    team: Team

    @property
    def subject(self) -> str:
        return release_subject(self.rules.connection, self.rules.place)


def by_subject(policy: Policy) -> Mapping[str, Shown]:
    """Every repository that shows a release check."""
    found = (Shown(each, team) for team in policy.teams.values() for each in team.release_checks)
    return {each.subject: each for each in found}


def hear(tx: Transaction, shown: Mapping[str, Shown], connection: str, notice: Notice) -> bool:
    """Remember a change that was proposed, and have its check shown; whether it is to be."""
    if notice.proposed is None or notice.place is None:
        return False
    subject = release_subject(connection, notice.place)
    if subject not in shown:
        return False
    tx.candidates.tell(connection, notice.place, notice.proposed)
    tx.jobs.touch(RELEASE_JOB, subject, priority=PROMPT, reason=notice.why)
    return True


class Releasing:
    """Runs the jobs of kind ``release``. `public_url` is where people reach our pages, None where
    nobody may be sent there."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        shows: Mapping[str, ShowsChecks],
        public_url: str | None,
        clock: Clock,
    ) -> None:
        self._store = store
        self._shown = by_subject(policy)
        self._shows = shows
        self._public_url = public_url
        self._clock = clock

    def start(self) -> None:
        """Ask for each now, as at each start of a worker: the rules may say something else."""
        with self._store.write() as tx:
            tx.jobs.touch_each(RELEASE_JOB, list(self._shown))

    def run(self, job: ClaimedJob) -> JobEnd:
        shown = self._shown.get(job.subject)
        if shown is None or shown.team.mode is Mode.PLAN:
            return Done()
        with Lease(self._store, job).held() as lease:
            return self._run(shown, lease)

    def _run(self, shown: Shown, lease: Lease) -> JobEnd:
        rules = shown.rules
        with self._store.read() as tx:
            there = tx.candidates.open_at(rules.connection, rules.place)
            found = tx.releases.of(rules.service, tx.now.date(), Sight(None)) if there else None
        if not there:
            return Done()
        wish = self._wish(rules, found)
        lacking = [each for each in there if each.shows != _stands(wish, each)]
        later = self._bring(shown.team, wish, lacking, lease) if lacking else None
        return later or Later(self._clock() + EVERY, "the check is compared again")

    def _bring(
        self, team: Team, wish: ShowRelease, lacking: Sequence[Candidate], lease: Lease
    ) -> Later | None:
        """Ask for it, and do it unless it waits: for its time, which is returned, or for somebody
        to mend what was refused."""
        with self._store.write() as tx:
            lease.extend(tx)
            tx.effects.ask(OfTeam(team.name), [wish])
            record = tx.effects.get(wish.key)
        if record is None or record.state not in RUNNABLE:
            return None
        if record.due_at is not None and record.due_at > self._clock():
            return Later(record.due_at, record.words)
        return self._show(team, wish, lacking, lease)

    def _wish(self, rules: ReleaseRules, found: Release | None) -> ShowRelease:
        """What is to be shown: counts, and where people with a token read more. Without any
        incident nothing can stop a release; a service that is misspelt shows that."""
        key = f"release:{release_subject(rules.connection, rules.place)}"
        where = (key, rules.connection, rules.place)
        if found is None:
            return ShowRelease(*where, Check.SUCCESS, _UNKNOWN)
        check, words = status(found, rules.fail_on)
        return ShowRelease(*where, check, words, self._page(rules, found))

    def _page(self, rules: ReleaseRules, found: Release) -> str:
        if self._public_url is None:
            return ""
        first = next(iter(stops(found, rules.fail_on)), About.OPEN)
        board, show = _PAGES[first]
        query = urlencode({"show": show, "service": rules.service}, errors="replace")
        return f"{self._public_url}/{board}?{query}"

    def _show(
        self, team: Team, wish: ShowRelease, lacking: Sequence[Candidate], lease: Lease
    ) -> Later | None:
        """Show it on each. None where it stands everywhere, or waits for a person; to show it a
        second time does no harm, so a call whose answer never came is made again."""
        with self._store.write() as tx:
            lease.extend(tx)
            tx.effects.begin([wish.key])
        for each in lacking:
            try:
                self._show_on(wish, each)
            except TrackerError as error:
                return self._failed(team, wish, error, lease)
            with self._store.write() as tx:
                lease.extend(tx)
                stands = _stands(wish, each)
                tx.candidates.show(wish.connection, wish.place, each.number, stands)
        with self._store.write() as tx:
            lease.extend(tx)
            if (record := tx.effects.get(wish.key)) is not None:
                tx.effects.done(record, ReleaseShown(wish.key))
        log.info("release check shown", place=wish.place, changes=len(lacking), words=wish.words)
        return None

    def _show_on(self, wish: ShowRelease, each: Candidate) -> None:
        """On a commit that is no more there, nothing can be shown, and nobody looks for it."""
        shows = self._shows[wish.connection]
        try:
            shows.show(wish.place, each.commit, CONTEXT, wish.check, wish.words, wish.page)
        except NotThere as error:
            log.info("no such commit", place=wish.place, commit=each.commit, words=error.words)

    def _failed(
        self, team: Team, wish: ShowRelease, error: TrackerError, lease: Lease
    ) -> Later | None:
        refused, at = isinstance(error, Rejected), retry_at(error, self._clock())
        with self._store.write() as tx:
            lease.extend(tx)
            if refused:
                tx.effects.reject(wish.key, error.words, error.mend)
                text = f"the release check in {wish.place} is refused: {sentence(error)}"
                data = {"key": wish.key, "team": team.name}
                tx.journal.add(None, EntryKind.EFFECT, text, data)
            else:
                tx.effects.retry(wish.key, at, error.words, error.mend)
        log.warning("release check not shown", place=wish.place, words=error.words)
        return None if refused else Later(at, sentence(error))


def _stands(wish: ShowRelease, on: Candidate) -> str:
    """What is remembered of a change that shows just this."""
    return f"{fingerprint(dump(Effect, wish))} {on.commit}"
