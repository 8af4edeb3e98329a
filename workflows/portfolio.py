"""The portfolio audit: each quarter, what all measures of a team came to.

It asks what the audit of one measure cannot: what is late again and again, what was decided not to
be done, and what nobody looked at. Counted for the quarter is what happened in it; what is open,
late or in doubt is told as it stands when the ticket is opened.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from workflows.calendars import Calendar
from workflows.effects import CreateTask
from workflows.ladder import steps
from workflows.markup import excerpt, inert, one_line, plain_title
from workflows.model import Incident, Kind
from workflows.people import handle_of
from workflows.policy import Policy, TaskDestination, Team
from workflows.quarters import Quarter
from workflows.remarks import UNPROVEN, remark
from workflows.rungs import Audit, Verdict
from workflows.taken import LONGEST_NAME, ONLY_SOME, Listed, Taken, listed, overdue, taken
from workflows.targets import target_of
from workflows.team_books import TeamBook, portfolio_key
from workflows.team_schedule import portfolio_at

#: So many rows of each list are in the ticket: all lists at their longest fit into what the
#: smallest field for a description holds (32,767 characters).
MOST_ROWS = 10

LABELS = ("portfolio",)

_WORDS = {
    Verdict.EFFECTIVE: "effective",
    Verdict.PARTLY: "effective in part",
    Verdict.NOT_EFFECTIVE: "not effective",
}

_Judged = tuple[Taken, Audit]


@dataclass(frozen=True, slots=True)
class Portfolio:
    """What there is to say of the measures of a team, on the day `today`, for a quarter: those that
    are `late`, and `open` in time; `done` in the quarter; `judged` in it; whose verdict is in doubt
    (`suspect`); `waived`; done without evidence (`unproven`); done and never judged (`unjudged`);
    and whose audit is `overdue`."""

    team: Team
    quarter: Quarter
    today: date
    late: Sequence[Taken]
    open: Sequence[Taken]
    done: Sequence[Taken]
    judged: Sequence[_Judged]
    suspect: Sequence[_Judged]
    waived: Sequence[Taken]
    unproven: Sequence[Taken]
    unjudged: Sequence[Taken]
    overdue: Sequence[_Judged]

    @property
    def says_nothing(self) -> bool:
        """Whether there is nothing to look at: no measure that anything is to be said of."""
        lists = (self.late, self.open, self.done, self.waived, self.unproven, self.unjudged)
        return not any((*lists, self.judged, self.suspect, self.overdue))


def gather(
    incidents: Sequence[Incident],
    tellable: Collection[str],
    team: Team,
    quarter: Quarter,
    today: date,
) -> Portfolio:
    """What there is to say of the team's incidents. `tellable` are those of which words may be
    repeated in the ticket, by our id."""
    measures, calendar = taken(incidents, tellable), team.calendar
    audits = [(each, audit) for each in measures for audit in each.audits]
    return Portfolio(
        team,
        quarter,
        today,
        late=[each for each in measures if each.is_late(today)],
        open=[each for each in measures if each.is_open and not each.is_late(today)],
        done=[m for m in measures if (day := m.done_on(calendar)) and quarter.holds(day)],
        judged=[
            (each, audit)
            for each, audit in audits
            if audit.verdict and audit.at and quarter.holds(calendar.day_of(audit.at))
        ],
        suspect=[(each, audit) for each, audit in audits if audit.suspect],
        waived=sorted((each for each in measures if each.is_waived), key=_last_day),
        unproven=[each for each in measures if remark(each.item) == UNPROVEN],
        unjudged=[each for each in measures if each.is_done and _is_unjudged(each, team)],
        overdue=[(each, audit) for each, audit in audits if overdue(audit, today)],
    )


def _is_unjudged(each: Taken, team: Team) -> bool:
    """Whether the rules ask for an audit of it and none was ever judged."""
    asked = steps(team, each.item.kind, each.incident.severity)
    return bool(asked) and not any(audit.verdict for audit in each.audits)


def opening(found: Portfolio, book: TeamBook, policy: Policy) -> CreateTask:
    """The wish that opens the ticket. It is the manager's, where the tracker knows them."""
    team, to = found.team, destination(found.team)
    kind, boss = policy.connections[to.connection], team.manager
    return CreateTask(
        key=portfolio_key(book, found.quarter),
        target=target_of(to, LABELS),
        title=title(found),
        text=text(found),
        kind=Kind.DETECTIVE,
        incident=None,
        document=None,
        owner=handle_of(boss, kind, policy, None, "", "") if boss else None,
        owner_name=boss,
    )


def destination(team: Team) -> TaskDestination:
    """Where the tickets of a team go that belong to no incident: where its audits do."""
    return team.audits.destination if team.audits else team.postmortem.tasks


def title(found: Portfolio) -> str:
    return plain_title(f"Portfolio audit {found.quarter}: the measures of {found.team.name}")


# --- the text -------------------------------------------------------------------------------------


def text(found: Portfolio, most: int | None = MOST_ROWS) -> str:
    """The ticket's description, in Markdown; with `most` rows of each list, all for None."""
    parts = [_lead(found), _counts(found), *_lists(found, most)]
    return "\n\n".join([*parts, f"## What to do\n\n{_to_do(found)}"])


def _lead(found: Portfolio) -> str:
    quarter, calendar = found.quarter, found.team.calendar
    lead = (
        f"**What the measures of {inert(found.team.name)} came to in {quarter}**"
        f" ({quarter.begins} up to {quarter.ends}), and how they stand on {found.today}, as far as"
        " was told."
    )
    if found.today < quarter.ends:  # the holidays after it need not be known
        return lead
    day = calendar.day_of(portfolio_at(quarter, calendar))
    return f"{lead} This was to be opened on {day}." if found.today > day else lead


def _counts(found: Portfolio) -> str:
    came = Counter(audit.verdict for _, audit in found.judged)
    calendar = found.team.calendar
    after = sum(
        1
        for each in found.done
        if (day := each.done_on(calendar)) and each.item.due and each.item.due < day
    )
    late = len(found.late)
    rows = [
        ("Open measures", f"{late + len(found.open)}, of them {late} late"),
        (f"Done in {found.quarter}", f"{len(found.done)}, of them {after} after the due date"),
        (
            f"Verdicts in {found.quarter}",
            ", ".join(f"{came[verdict]} {words}" for verdict, words in _WORDS.items()),
        ),
        ("Verdicts in doubt", str(len(found.suspect))),
        ("Waived", str(len(found.waived))),
        ("Done, and unproven", str(len(found.unproven))),
        ("Done, and never judged", str(len(found.unjudged))),
        ("Audits overdue", str(len(found.overdue))),
    ]
    return "\n".join(["| | |", "| --- | --- |", *(f"| **{name}** | {n} |" for name, n in rows)])


def _lists(found: Portfolio, most: int | None) -> Iterator[str]:
    today, calendar = found.today, found.team.calendar
    verdict = partial(_verdict, calendar=calendar)
    bad = [each for each in found.judged if each[1].verdict is not Verdict.EFFECTIVE]
    yield from _table(
        found,
        "Late",
        ("Owner", "Due", "Days late"),
        listed(found.late, lambda m: _row(m, m.owner, m.due, m.days_late(today)), most),
    )
    yield from _table(
        found, "Open", ("Owner", "Due"), listed(found.open, lambda m: _row(m, m.owner, m.due), most)
    )
    yield from _table(
        found,
        "Not effective, or in part only",
        ("Verdict", "What follows"),
        listed(bad, _on_audit(verdict, _follows), most),
    )
    yield from _table(
        found,
        "Verdicts in doubt",
        ("Verdict", "Why"),
        listed(found.suspect, _on_audit(verdict, _doubt), most),
    )
    waived = listed(found.waived, lambda each: _waived(each, found), most)
    yield from _table(found, "Waived", ("Owner", "Until"), waived)
    unproven = listed(found.unproven, lambda m: _row(m, m.owner), most)
    yield from _table(found, "Done, and unproven", ("Owner",), unproven)
    yield from _table(
        found,
        "Done, and never judged",
        ("Owner", "Its audit"),
        listed(found.unjudged, lambda m: _row(m, m.owner, _next_audit(m, calendar)), most),
    )
    yield from _table(
        found,
        "Audits overdue",
        ("Asked of", "Due"),
        listed(found.overdue, _on_audit(_reviewer, _audit_due), most),
    )


def _table(found: Portfolio, name: str, columns: Sequence[str], rows: Listed) -> Iterator[str]:
    if not rows.count:
        return
    head = ("Measure", "What", *columns)
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head), *rows.rows]
    if rows.more:
        command = f"followthrough portfolio {_typed(found.team.name)} --quarter {found.quarter}"
        lines += ["", f"and {rows.more} more: `{command} --all` lists them."]
    yield "\n".join([f"## {name}", "", *lines])


def _typed(name: str) -> str:
    return shlex.quote(one_line(name).replace("`", "'"))


def _row(each: Taken, *cells: str) -> str:
    return f"| {' | '.join((each.name, each.title, *cells))} |"


def _last_day(each: Taken) -> date:
    """Until when it is waived; what was never given a reason comes first."""
    waiver = each.item.proof.waiver
    return waiver.until if waiver else date.min


def _waived(each: Taken, found: Portfolio) -> str:
    """Its row; that it has no reason is said only where one was asked for and the ticket read."""
    waiver = each.item.proof.waiver
    if waiver is None:
        asked = found.team.waivers is not None
        return _row(each, each.owner, (asked and remark(each.item)) or "—")
    ending = waiver.expired or waiver.until < found.quarter.next.ends
    note = " (over)" if waiver.expired else " (ends soon)" if ending else ""
    return _row(each, each.owner, f"{waiver.until}{note}")


def _on_audit(*cells: Callable[[Taken, Audit], str]) -> Callable[[_Judged], str]:
    """The row of a measure with what each of the `cells` says of its audit."""
    return lambda pair: _row(pair[0], *(cell(*pair) for cell in cells))


def _verdict(_: Taken, audit: Audit, calendar: Calendar) -> str:
    when = f", {calendar.day_of(audit.at)}" if audit.at else ""
    return f"{_WORDS[audit.verdict]}{when}" if audit.verdict else "—"


def _follows(each: Taken, audit: Audit) -> str:
    if audit.led_to is None:
        return "—"
    again = audit.led_to == each.item.number
    return "it is to be done again" if again else f"AI-{audit.led_to}"


def _doubt(each: Taken, audit: Audit) -> str:
    return inert(excerpt(audit.suspect, 160)) if each.told else ONLY_SOME


def _next_audit(each: Taken, calendar: Calendar) -> str:
    living = next((audit for audit in each.audits if audit.lives), None)
    if living is None:
        return "none is planned"
    return "is open" if living.ticket else f"opens on {calendar.day_of(living.opens)}"


def _reviewer(each: Taken, audit: Audit) -> str:
    return inert(excerpt(audit.reviewer or "nobody", LONGEST_NAME)) if each.told else "—"


def _audit_due(each: Taken, audit: Audit) -> str:
    return audit.due.isoformat() if audit.due and each.told else "—"


def _to_do(found: Portfolio) -> str:
    """What people are asked to do, by what there is."""
    ask: list[str] = []
    if found.late:
        ask.append(
            "**Late:** ask each owner for a date that holds; or close the task so that it is not to"
            " be done, and say why. What is late for the second quarter needs another owner, or a"
            " smaller step."
        )
    if any(each.item.owner is None for each in (*found.late, *found.open)):
        ask.append("**Without an owner:** give each of them one.")
    if any(audit.verdict is not Verdict.EFFECTIVE for _, audit in found.judged):
        ask.append("**Not effective:** see that what follows is under way.")
    if found.suspect:
        ask.append(
            "**In doubt:** the same happened again. See that the audit that asks once more is"
            " answered from what happened since."
        )
    if found.waived:
        ask.append("**Waived:** does the reason still hold? If it does not, open the task again.")
    if found.unproven:
        ask.append(
            "**Unproven:** ask each owner for a link to what shows that it is done; or, where"
            " nothing does, open the task again."
        )
    if found.unjudged:
        ask.append(
            "**Never judged:** where no audit is planned, have somebody who does not own the"
            " measure look whether it works."
        )
    if found.overdue:
        ask.append("**Overdue audits:** give the verdict, or find another reviewer.")
    ask.append("Close this ticket when that is done. Nothing is read from it.")
    return "\n".join(f"{n}. {each}" for n, each in enumerate(ask, 1))
