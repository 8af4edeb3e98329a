"""The tick: what came due of all that incidents and teams wait for in days gets its turn.

An occurrence is taken, and the job of its incident or team asked for, in one transaction. So it
comes once, whether ticks are late, double or many at a time, and after a stop of any length. What
is to be done about it is decided in that turn, from what holds by then.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from service import owners
from service.clock import Clock
from service.jobs import AWAITED, ClaimedJob, Done, JobEnd, Later
from service.lease import Lease
from service.recurrences import compare
from service.routing import INCIDENT_JOB, incident_subject
from service.store import Store, Transaction
from service.store.codec import Json
from service.store.journal import EntryKind
from service.store.owners import OfTeam
from service.store.teams import JOB as TEAM_JOB
from workflows.calendars import HolidaysUnknown
from workflows.model import Incident
from workflows.policy import Mode, Policy, Team
from workflows.schedule import plan
from workflows.team_books import TeamBook
from workflows.team_reviews import reviewing
from workflows.team_schedule import begun, plan_team

log = structlog.get_logger()

TICK_JOB = "tick"
DUE, PLANS = "due", "plans"  # its two subjects

#: So many occurrences are taken, or incidents planned, in one transaction.
AT_ONCE = 100

#: A tick comes when the next occurrence is due, and this often in any case: clocks are set.
LONGEST_REST = timedelta(hours=1)


def put_plan(tx: Transaction, incident: Incident, policy: Policy) -> None:
    """Plan what the incident waits for, in the transaction that saves it, and have the tick come
    in time. Raises HolidaysUnknown."""
    _come_in_time(tx, tx.occurrences.put(incident.id, plan(incident, policy)))


def put_team_plan(tx: Transaction, book: TeamBook, team: Team | None) -> None:
    """The same of a team, which is None where the rules know it no more."""
    wanted = plan_team(book, team, tx.now) if team else ()
    _come_in_time(tx, tx.occurrences.put(OfTeam(book.team), wanted))


def _come_in_time(tx: Transaction, soonest: datetime | None) -> None:
    if soonest is not None:
        tx.jobs.touch(TICK_JOB, DUE, due_at=soonest, reason=_NEXT)


_NEXT = "the next occurrence is due"


class Tick:
    """Runs the jobs of kind ``tick``: ``due`` takes what is due, ``plans`` plans all incidents and
    teams anew, which other rules may have changed, and compares incidents that never were."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        clock: Clock,
    ) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock

    def start(self) -> None:
        """Ask for both now, as at each start of a worker."""
        with self._store.write() as tx:
            for subject in (DUE, PLANS):
                tx.jobs.touch(TICK_JOB, subject)

    def run(self, job: ClaimedJob) -> JobEnd:
        with Lease(self._store, job).held() as lease:
            if job.subject == PLANS:
                self._plan_all(lease)
                self._plan_teams(lease)
                return Done()
        if self.tick() == AT_ONCE:
            return Later(self._clock(), "more is due")
        with self._store.read() as tx:
            following = tx.occurrences.next_due()
        rest = self._clock() + LONGEST_REST
        return Later(min(following or rest, rest), _NEXT)

    def tick(self) -> int:
        """Take what is due, and ask for a turn of each that waited for it; returns how
        many it were, `AT_ONCE` at most. Where nothing is due, it only reads."""
        with self._store.read() as tx:
            if not tx.occurrences.anything_due():
                return 0
        with self._store.write() as tx:
            taken = tx.occurrences.take(AT_ONCE)
            for each in taken:
                what = each.occurrence.what
                if isinstance(each.owner, OfTeam):
                    tx.jobs.touch(TEAM_JOB, each.owner.name, priority=AWAITED, reason=what)
                else:
                    subject = incident_subject(each.connection, each.ticket_id)
                    tx.jobs.touch(INCIDENT_JOB, subject, priority=AWAITED, reason=what)
                data: dict[str, Json] = {"occurrence": each.occurrence.key}
                owners.note(tx, each.owner, EntryKind.DUE, what, data)
        log.info("came due", occurrences=len(taken))
        return len(taken)

    def _plan_all(self, lease: Lease) -> None:
        """Plan each incident that has a document. Where that is not possible, its own turn says
        why. One that was decided under other rules gets a turn: these may ask something new of
        what is done long since."""
        with self._store.read() as tx:
            ids = [record.incident.id for record in tx.incidents.with_document()]
        for start in range(0, len(ids), AT_ONCE):
            with self._store.write() as tx:
                lease.extend(tx)
                for incident_id in ids[start : start + AT_ONCE]:
                    if (record := tx.incidents.get(incident_id)) is None:
                        continue
                    self._plan(tx, record.incident)
                    if record.policy_hash != self._policy.hash:
                        _decide_anew(tx, record.incident)

    def _plan_teams(self, lease: Lease) -> None:
        """Plan what each team waits for, which begins with that; and nothing any more of those that
        the rules no longer know. One that acts and lacks something gets its turn: other rules may
        have mended it."""
        with self._store.write() as tx:
            lease.extend(tx)
            books = {book.team: book for book in tx.teams.all()}
            for name in dict.fromkeys((*books, *self._policy.teams)):
                team = self._policy.teams.get(name)
                known = books.get(name)
                book = begun(
                    known or TeamBook(name, tx.restorations.name_of("team", name)), team, tx.now
                )
                book = reviewing(book, team, self._policy, tx.now)
                if book != known:
                    tx.teams.save(book)
                put_team_plan(tx, book, team)
                acts = team is not None and team.mode is Mode.ACT
                if acts and (book.reviews_from or tx.effects.not_done(OfTeam(name))):
                    tx.jobs.touch(TEAM_JOB, name, reason="something may be left to do")

    def _plan(self, tx: Transaction, incident: Incident) -> None:
        try:
            put_plan(tx, incident, self._policy)
            compare(tx, incident)
        except HolidaysUnknown as unknown:
            subject = incident_subject(incident.ticket.connection, incident.ticket.id)
            tx.jobs.touch(INCIDENT_JOB, subject, reason=str(unknown))


def _decide_anew(tx: Transaction, incident: Incident) -> None:
    """Nothing is read for it that nobody told of: one edit of the rules would have all read that
    there ever was."""
    subject = incident_subject(incident.ticket.connection, incident.ticket.id)
    tx.jobs.touch(INCIDENT_JOB, subject, reason="the rules changed", whole=False)
