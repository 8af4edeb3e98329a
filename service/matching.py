"""Whether a team's rules fit any ticket: a rule that is right by itself, and that nothing matches,
is most often not what was meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from integrations.findings import Finding, Kind
from integrations.tracker import Tracker, TrackerError
from workflows.policy import IncidentSource, Policy, Team
from workflows.triage import recognise

#: So far back, and so many tickets at most, a rule is tried.
LOOKED_BACK = timedelta(days=90)
MOST_TRIED = 300


def check_match(
    team: Team, source: IncidentSource, policy: Policy, tracker: Tracker, now: datetime
) -> Iterator[Finding]:
    """A few reads: tickets as lists show them, the latest updated first."""
    days = f"{LOOKED_BACK.days} days"
    only = replace(policy, teams={team.name: replace(team, incidents=(source,))})
    tried, why = 0, Counter[str]()
    try:
        for ticket in islice(tracker.history(source.place, now - LOOKED_BACK, now), MOST_TRIED):
            tried += 1
            found = recognise(ticket, only)
            if not isinstance(found, str):
                told = f"the last incident of {source.place} is {ticket.ref.key}"
                yield Finding(True, told, kind=Kind.NO_MATCH)
                return
            why[found] += 1
    except TrackerError as error:
        told = f"{source.place}: its latest tickets could not be looked through: {error.words}"
        yield Finding(False, told, error.mend, kind=Kind.REACH)
        return
    if not tried:
        told = f"{source.place} had no ticket in the last {days} to try the rules on"
        yield Finding(True, told, kind=Kind.NO_MATCH)
        return
    ((most, _),) = why.most_common(1)
    tickets = "its only ticket" if tried == 1 else f"any of its {tried} latest tickets"
    yield Finding(
        False,
        f"incidents of {source.place}: the rules do not fit {tickets} of the last {days}; "
        f"most often: {most}",
        "Correct match: of this source under incidents: in the rules; `followthrough plan TICKET` "
        "says of any ticket why it is no incident.",
        kind=Kind.NO_MATCH,
    )
