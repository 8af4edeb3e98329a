"""What became of two of the measures, one in Jira and one in GitHub, half a year later, and of one
of them when its incident came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from service.demo.measures import Measure
from service.demo.returning import Return
from service.demo.scene import KIM, LEE, MALLORY, NOOR, Actor, Scene, heading, service_did, told
from service.demo.stories import OPS
from service.demo.watching import Watch
from workflows.calendars import USUAL
from workflows.model import TicketRef
from workflows.rungs import Audit, Verdict
from workflows.snapshots import Progress

#: What happens on one day of the story takes no longer.
_A_FEW_HOURS = timedelta(hours=3)

_PEOPLE = {who.name: who for who in (KIM, NOOR, LEE)}


@dataclass(frozen=True, slots=True)
class Months:
    """The story, from the day on which `alert` (in Jira) and `caches` (in GitHub) are done."""

    scene: Scene
    watch: Watch
    alert: Measure
    caches: Measure

    def play(self) -> str:
        """Tell it; returns the key of the incident that comes last. Raises WentWrong."""
        again = Return(self.scene, self.watch, self.alert)
        heading("4 · Half a year later: do the measures work?")
        told(
            "A measure that is done has been built; whether it works is another question. It is"
            " asked 30, 90 and 180 days later by an audit: a ticket for somebody who does not own"
            " the measure."
        )
        self.watch.pause(self.alert.key)
        self.scene.go_on_to(datetime.now(UTC))
        again.name_factor()
        self._done()
        start = self.scene.clock()
        self._move_to(start, 30)
        for each in (self.alert, self.caches):
            self._tell_opened(each)
        self._effective_by_label()
        self._nobody_obeys_a_stranger()
        self._effective_by_comment()
        self._move_to(start, 90)
        for each in (self.alert, self.caches):
            self._tell_opened(each)
        self._effective_by_label()
        self._not_effective()
        self._move_to(start, 180)
        self._tell_opened(self.alert)
        self._effective_by_label()
        self._nothing_is_asked()
        self._done_again()
        self._move_to(start, 200)
        return self._comes_back(again)

    def _comes_back(self, again: Return) -> str:
        planned = self.alert.audits[-1]
        key = again.happen()
        self._rest()
        again.find_out(key)
        self._rest()
        again.tell_doubt(key, planned)
        again.judge()
        self._rest()
        again.tell_gap()
        return key

    # --- time ---------------------------------------------------------------------------------

    def _move_to(self, start: datetime, days: int) -> None:
        then = start + timedelta(days=days)
        to = max(map(USUAL.speak_at, (then, then + _A_FEW_HOURS)))  # nobody is asked on a Sunday
        self.scene.go_on_to(to)
        when = f"{to:%Y-%m-%d}: {days} days after{', past a weekend' if to > then else ''}"
        heading(f"{when}; the clock of trackers and service was moved")
        self._rest()

    # --- what people do, and what comes of it -------------------------------------------------

    def _done(self) -> None:
        self._close_both()
        for each in (self.alert, self.caches):
            (audit,) = each.audits
            item = each.item
            each.need(item.status == Progress.DONE, f"{item.name} is not done")
            service_did(f"plans the first audit of {item.name} of {each.key}: {_day(audit.opens)}")

    def _close_both(self) -> None:
        task = self.alert.task.key
        self.scene.on(NOOR, f"is done with {task} in Jira: “{self.alert.title}”")
        self.scene.sandbox.jira.transition(task, "Done", by=NOOR.jira)
        self._close_caches()
        self._rest()

    def _close_caches(self) -> None:
        task = self.caches.task.key
        self.scene.on(LEE, f"closes {task} in GitHub: “{self.caches.title}”")
        self.scene.sandbox.github.close(OPS, _number(task), by=LEE.github)

    def _tell_opened(self, measure: Measure) -> None:
        audit, ref = measure.asked
        ticket, due = self.watch.ticket(ref), audit.due
        measure.need(due is not None and not ticket.closed, f"{ref.key} is not open")
        measure.need(audit.reviewer not in ("", audit.owner), f"{ref.key} has no reviewer")
        service_did(f"opens {ref.key}: {ticket.title}")
        service_did(f"reviewer: {audit.reviewer}, not the owner ({audit.owner}); due: {due}")
        service_did(ref.url)

    def _effective_by_label(self) -> None:
        audit, ref = self.alert.asked
        who = _PEOPLE[audit.reviewer]
        self.scene.on(who, f"gives {ref.key} the label audit:effective")
        labels = list(self.watch.ticket(ref).labels)
        self.scene.sandbox.jira.edit(ref.key, who.jira, labels=[*labels, "audit:effective"])
        self._rest()
        self._passed(self.alert, audit, ref)

    def _effective_by_comment(self) -> None:
        audit, ref = self.caches.asked
        because = "three caches were full since, and no agent stopped: https://ci.acme.example/4711"
        self._command(_PEOPLE[audit.reviewer], ref, f"/audit effective because {because}")
        self._passed(self.caches, audit, ref)

    def _nobody_obeys_a_stranger(self) -> None:
        audit, ref = self.caches.asked
        self._command(MALLORY, ref, "/audit not-effective because I say so")
        judged = self.caches.asked[0]
        self.caches.need(judged.place == audit.place, f"{ref.key} was judged by a stranger")
        self.caches.need(len(judged.answers) == 1, "the stranger's comment was not refused")
        self._need_told(self.caches, ref, judged.answers[0].text)
        service_did(f"answers that it does not count: {judged.answers[0].text}")

    def _not_effective(self) -> None:
        measure, (audit, ref) = self.caches, self.caches.asked
        because = "agent 4 stopped on a full cache again: https://ci.acme.example/4944"
        self._command(_PEOPLE[audit.reviewer], ref, f"/audit not-effective because {because}")
        judged = next(each for each in measure.audits if each.place == audit.place)
        item, task = measure.item, measure.task
        measure.need(judged.verdict is Verdict.NOT_EFFECTIVE, f"{ref.key} is {judged.standing}")
        measure.need(item.status == Progress.OPEN, f"{item.name} did not come back")
        measure.need(not self.watch.ticket(task).closed, f"{task.key} was not opened again")
        measure.need(self.watch.ticket(ref).closed is not None, f"{ref.key} was not closed")
        service_did(f"brings the measure back: {task.key} is open again, and {item.owner}'s")
        service_did(task.url)
        self._need_told(measure, ref, "Verdict: not-effective")
        self._need_in_document(measure, ref)
        service_did(f"says so in the postmortem and on {ref.key}, which it closes")

    def _nothing_is_asked(self) -> None:
        asked, task = [audit for audit in self.caches.audits if audit.lives], self.caches.task
        self.caches.need(not asked, f"{task.key} is open, and yet audited")
        service_did(f"asks nothing about {task.key}: it is open, so there is no effect to look at")

    def _done_again(self) -> None:
        self._close_caches()
        self._rest()
        audit = self.caches.audits[-1]
        self.caches.need((audit.round, audit.rung) == (2, 1), f"no new round: {audit.name}")
        service_did(f"begins the second round: {audit.name} opens on {_day(audit.opens)}")

    def _passed(self, measure: Measure, audit: Audit, ref: TicketRef) -> None:
        judged = next(each for each in measure.audits if each.place == audit.place)
        following = measure.audits[-1]
        measure.need(judged.verdict is Verdict.EFFECTIVE, f"{ref.key} is {judged.standing}")
        measure.need(judged.by == audit.reviewer, f"{ref.key} was judged by {judged.by}")
        measure.need(self.watch.ticket(ref).closed is not None, f"{ref.key} was not closed")
        measure.need(following.step == audit.step + 1, f"nothing follows {audit.name}")
        service_did(f"notes the verdict, closes {ref.key}, plans the next: {_day(following.opens)}")

    def _command(self, who: Actor, ref: TicketRef, text: str) -> None:
        stranger = "(a stranger) " if who is MALLORY else ""
        self.scene.on(who, f"{stranger}comments on {ref.key}: “{text}”")
        self.scene.sandbox.github.comment(OPS, _number(ref.key), text, by=who.github)
        self._rest()

    def _need_told(self, measure: Measure, ref: TicketRef, words: str) -> None:
        comments = [comment.text for comment in self.watch.ticket(ref).comments]
        measure.need(any(words in text for text in comments), f"{ref.key} does not say “{words}”")

    def _need_in_document(self, measure: Measure, ref: TicketRef) -> None:
        document = self.watch.incident(measure.key).postmortem
        text = self.watch.text(document) if document else ""
        measure.need(ref.key in text, f"the postmortem of {measure.key} does not name {ref.key}")

    def _rest(self) -> None:
        """Let the service do what is due, and a quarter of an hour pass: an issue that is a
        document is written once a minute at most."""
        self.watch.pause(self.alert.key)
        self.scene.go_on_to(self.scene.clock() + timedelta(minutes=15))
        self.watch.rest(self.alert.key)
        self.watch.pause(self.alert.key)


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def _number(key: str) -> int:
    return int(key.rpartition("#")[2])
