"""What an incident waits for in days: dates counted the way its team counts them, and the
occurrences that come due.

A plan is made of the incident's state and the rules, and of nothing else: no clock is asked, and
what came due before is not known here. So it is the same whenever it is made, and the store can
compare it with what is planned already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from workflows import check_times, waivers
from workflows.calendars import Calendar
from workflows.circulation import awaited as awaited_of_review
from workflows.model import DocumentStatus, Incident, Phase
from workflows.policy import Mode, Policy, Team
from workflows.reminder_times import awaited
from workflows.spans import after as after


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that comes due once: at `due` (UTC) the incident has a turn, in which the decision
    sees to it. `what` tells people. The `key`, made of our own ids, says which it is, whenever that
    is due: one that came due does not come again under another date."""

    key: str
    what: str
    due: datetime


def plan(incident: Incident, policy: Policy) -> tuple[Occurrence, ...]:
    """Everything that the incident waits for in days, as it stands now, whether its time has come
    or not. Nothing while the team only plans: what came due then would have come for nobody.

    Raises HolidaysUnknown.
    """
    team = policy.teams.get(incident.team)
    if team is None or team.mode is Mode.PLAN:
        return ()
    days = (*reviews(incident, team), *_audits(incident, team), *_reminders(incident, team))
    sent = (Occurrence(*each) for each in awaited_of_review(incident, team))
    return (*days, *_checks(incident, team), *_waivers(incident, team), *sent)


def _audits(incident: Incident, team: Team) -> Iterator[Occurrence]:
    """The opening of each audit that is planned, and the end of what an open one has as its time.
    The date is part of the key: a measure that is done again later is audited again."""
    if incident.phase is Phase.GONE or incident.postmortem is None:
        return
    for audit in incident.audits:
        if (waits := audit.next_at(team.calendar)) is not None:
            what, due = waits
            place = ":".join(map(str, audit.place))
            key = f"audit:{incident.id}:{place}:{what}:{due:%Y-%m-%dT%H:%M:%S}"
            yield Occurrence(key, f"{audit.name} {what}", due)


def _reminders(incident: Incident, team: Team) -> Iterator[Occurrence]:
    """The next reminders of each task. The time is part of the key: other rules may move it after
    it came, and then it comes again."""
    for each in awaited(incident, team):
        key = f"{each.key(incident)}:{each.at:%Y-%m-%dT%H:%M:%S}"
        which = f"reminder {each.n} after it" if each.n else "the reminder before it"
        yield Occurrence(key, f"{each.what} is due on {each.due}: {which}", each.at)


def _checks(incident: Incident, team: Team) -> Iterator[Occurrence]:
    """The silence of checks and the daily look at files. The time is part of the key: each result
    and each look moves it."""
    for each in check_times.awaited(incident, team):
        source, name = each.watched.place
        key = f"watched:{incident.id}:{source}:{name}:{each.due:%Y-%m-%dT%H:%M:%S}"
        yield Occurrence(key, each.what, each.due)


def _waivers(incident: Incident, team: Team) -> Iterator[Occurrence]:
    """The end of each waiver. Renewed, it has another date, and so another key."""
    if incident.phase is not Phase.GONE:
        yield from (Occurrence(*each) for each in waivers.ends(incident, team))


def reviews(incident: Incident, team: Team) -> Iterator[Occurrence]:
    """Both steps of the review, while they are not done: in review, the synthesis is there."""
    document = incident.postmortem
    if document is None or incident.phase is not Phase.CLOSED or incident.muted:
        return
    if document.status is DocumentStatus.DRAFT and incident.synthesis_due:
        yield from _step("synthesis", incident.synthesis_due, incident, team.calendar)
    living = (DocumentStatus.DRAFT, DocumentStatus.IN_REVIEW)
    if document.status in living and incident.review_due:
        yield from _step("review", incident.review_due, incident, team.calendar)


def _step(step: str, due: date, incident: Incident, calendar: Calendar) -> Iterator[Occurrence]:
    """On the business day before, on the day, and on the business day after it; each when the team
    may be spoken to. A date that is no business day counts on the next one. What would be due
    before the incident was closed, or on that day, is left out."""
    day = calendar.business_days_after(due, 0)
    before, later = calendar.business_day_before(due), calendar.business_days_after(day, 1)
    for name, on, what in (
        ("before", before, f"the {step} is due on {due}"),
        ("due", day, f"the {step} is due: {due}"),
        ("overdue", later, f"the {step} is overdue: it was due on {due}"),
    ):
        if name != "before" or (incident.closed and on > calendar.day_of(incident.closed)):
            at = calendar.speak_at(calendar.opening(on))
            yield Occurrence(f"{step}:{incident.id}:{name}", what, at)
