"""People are reminded of what is due: before and after, never in quiet hours, never in a flood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from begun import begun
from faults.test_crashes import Crash, die_at, rise_again
from measures import OPS, InJira, Measure, OnGitHub
from stage import Stage, Staging

from service import dead_letters
from workflows.snapshots import Progress

#: The stories begin on Monday, 7 December 2026, at noon UTC.
SAY = "alert on depth due:2026-12-18"  # a Friday
DIALECTS = {
    "github": (OnGitHub, {}),
    "jira cloud": (InJira, {}),
    "data center": (InJira, {"deployment": "datacenter"}),
}
Making = Callable[..., Measure]


#: Data Center's decisions are the same as Cloud's; its words have tests of their own.
EACH = [
    pytest.param(name, marks=[pytest.mark.long] if name == "data center" else [])
    for name in DIALECTS
]


@pytest.fixture(params=EACH, ids=[name.replace(" ", "-") for name in DIALECTS])
def made(request: pytest.FixtureRequest, staged: Staging) -> Making:
    """A task that is due on Friday of next week, in each dialect, on a stage with these parts."""
    kind, parts = DIALECTS[request.param]

    def make(say: str = SAY, **changed: Any) -> Measure:
        stage = staged(**{**kind.parts, **parts, **changed})
        return begun(stage, kind, say)

    return make


@pytest.fixture
def task(made: Making) -> Measure:
    return made()


def until(measure: Measure, day: int, hour: float = 9, month: int = 12) -> None:
    """Let time pass up to that day of December 2026, at that hour UTC, a day at a time."""
    year = 2026 if month == 12 else 2027
    end = datetime(year, month, day, tzinfo=UTC) + timedelta(hours=hour, minutes=1)
    stage = measure.stage
    while (left := end - stage.clock()) > timedelta(0):
        stage.wait(min(left, timedelta(days=1)))


def notes(measure: Measure) -> list[str]:
    """Our reminders on the task."""
    said = measure.notes(measure.task_key)
    return [note for note in said if "**Reminder:**" in note or "**Overdue:**" in note]


def written(measure: Measure) -> list[int]:
    """Which reminders of the task the service knows to be written."""
    return [each.n for each in measure.incident.reminders if each.what == "AI-1"]


def test_the_owner_is_reminded_three_business_days_before(task: Measure) -> None:
    until(task, 15, 8.5)
    assert notes(task) == []
    until(task, 15)
    (note,) = notes(task)
    assert "is due on 2026-12-18" in note
    assert "kim" in note.partition("**Reminder:**")[0]  # called by the tracker's own mention
    assert "noor" not in note
    until(task, 18, 23)
    assert len(notes(task)) == 1


def test_after_the_date_three_times_and_the_last_goes_to_the_manager_too(made: Making) -> None:
    task = made(manager="Noor Aziz")
    until(task, 18, 23)
    before = len(notes(task))
    until(task, 21)  # the next business day
    until(task, 27)
    assert len(notes(task)) == before + 1
    until(task, 28)  # five business days later
    assert len(notes(task)) == before + 2
    assert all("noor" not in note for note in notes(task))
    until(task, 4, month=1)
    last = notes(task)[-1]
    called = last.partition("**Overdue:**")[0]
    assert ("kim" in called, "noor" in called) == (True, True)
    assert "last reminder of that date." in last
    until(task, 28, month=2)
    assert len(notes(task)) == before + 3


def test_a_date_that_moves_moves_its_reminders(task: Measure) -> None:
    until(task, 15)
    task.stage.restart()
    set_due(task, "2027-01-15")
    task.stage.settle()
    until(task, 11, month=1)
    assert len(notes(task)) == 1
    until(task, 12, month=1)
    assert "is due on 2027-01-15" in notes(task)[1]


def test_what_is_done_is_not_reminded_of(task: Measure) -> None:
    until(task, 16)
    task.done()
    until(task, 15, month=1)
    assert len(notes(task)) == 1


@pytest.mark.parametrize("what", ["done", "waived", "deleted", "muted"])
def test_nobody_is_reminded_of_what_changed_while_nobody_listened(task: Measure, what: str) -> None:
    """The webhook is lost, and the reminder is due before anything is polled."""
    hooks = task.stage.sandbox.hooks
    hooks.enabled = False
    key = task.task_key
    if what == "done":
        task.close(key, by="kim")
    elif what == "waived":
        task.set_aside(key, by="kim")
    elif what == "deleted":
        task.delete(key)
    else:
        task.label(key, "followthrough-mute", by="kim")
    hooks.enabled = True
    task.stage.clock.wait(timedelta(days=8))
    task.stage.settle()
    assert task.item.muted == (what == "muted")
    assert task.item.status == {"done": Progress.DONE, "waived": Progress.WONT_DO}.get(what, "")
    assert written(task) == []
    if what != "deleted":
        assert notes(task) == []


def test_a_muted_incident_reminds_nobody(task: Measure) -> None:
    task.label(task.key, "followthrough-mute", by="kim")
    task.stage.settle()
    until(task, 15, month=1)
    assert notes(task) == []


def test_after_three_weeks_without_the_service_one_reminder_is_written_and_the_owner_is_first(
    made: Making,
) -> None:
    task = made(manager="Noor Aziz")
    task.stage.clock.wait(timedelta(days=21 + 11))  # both dates of two reminders and more
    task.stage.restart()
    task.stage.settle()
    task.stage.settle()
    assert len(notes(task)) == 1
    assert "Noor" not in notes(task)[0]
    until(task, 15, 8.9, month=1)  # five business days after Friday, the 8th
    assert len(notes(task)) == 1
    until(task, 15, 9, month=1)
    assert len(notes(task)) == 2


def test_a_reminder_whose_answer_is_lost_is_not_written_twice(task: Measure) -> None:
    until(task, 15, 8)
    comments = r"/comments?$"
    task.stage.sandbox.fail_next("POST", comments, after_effect=True, drop_connection=True)
    until(task, 15, 12)
    task.stage.wait(timedelta(hours=1))
    assert len(notes(task)) == 1
    assert written(task) == [0]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    "commit",
    [pytest.param(n, marks=[] if n in (2, 5) else [pytest.mark.long]) for n in range(1, 8)],
)
def test_a_reminder_is_written_once_wherever_the_process_dies(
    task: Measure, commit: int, before: bool
) -> None:
    until(task, 15, 8)
    task.stage.clock.wait(timedelta(hours=2))
    die_at(task.stage, commit, before=before)
    with pytest.raises(Crash):
        task.stage.settle()
    rise_again(task.stage)
    assert len(notes(task)) == 1
    assert written(task) == [0]


def test_after_a_reminder_that_was_refused_and_dropped_the_next_follows(task: Measure) -> None:
    stage = task.stage
    until(task, 21, 8)
    before = len(notes(task))
    stage.sandbox.fail_next("POST", r"/comments?$", status=400)
    until(task, 27)
    with stage.store.write() as tx:
        (letter,) = dead_letters.dead_letters(tx)
        assert dead_letters.drop(tx, letter.id, by="kim", why="it is locked")
    until(task, 1, month=1)
    assert len(notes(task)) == before
    until(task, 4, month=1)  # five business days after it was dropped
    assert len(notes(task)) == before + 1


# --- quiet hours and limits -----------------------------------------------------------------------

QUIET = 'calendars: {night: {quiet: "18:00-10:00", opens: "10:00", holidays: [2026-12-15]}}\n'


def test_nothing_is_said_in_quiet_hours_or_on_a_holiday(made: Making) -> None:
    task = made(people=QUIET, calendar="night")
    set_due(task, "2026-12-17")  # three business days before: Friday the 11th
    task.stage.settle()
    until(task, 11, 9.5)
    assert notes(task) == []
    until(task, 11, 10)
    assert len(notes(task)) == 1


def test_what_the_quiet_hours_begin_before_is_said_when_they_end(made: Making) -> None:
    """The service was down until the evening."""
    task = made(people=QUIET, calendar="night")
    task.stage.clock.wait(datetime(2026, 12, 14, 20, tzinfo=UTC) - task.stage.clock())
    task.stage.settle()
    assert notes(task) == []
    until(task, 16, 9)  # the 15th is a holiday
    assert notes(task) == []
    until(task, 16, 10)
    assert len(notes(task)) == 1


def test_what_the_tracker_would_not_take_by_day_is_not_tried_again_by_night(made: Making) -> None:
    task = made(people=QUIET, calendar="night")
    set_due(task, "2026-12-17")
    task.stage.settle()
    until(task, 11, 9)
    task.stage.sandbox.fail_next("POST", r"/comments?$", status=503, times=1000)
    until(task, 11, 17)
    task.stage.sandbox.world.next_faults.clear()
    task.stage.clock.wait(timedelta(hours=2))
    task.stage.settle()
    until(task, 14, 9)
    assert notes(task) == []
    until(task, 14, 10)
    assert len(notes(task)) == 1


@pytest.mark.parametrize("dialect", EACH)
def test_nobody_is_reminded_of_more_than_the_limit_on_a_day(tmp_path: Path, dialect: str) -> None:
    kind, parts = DIALECTS[dialect]
    limit = {"reminders": "{daily_limit: 2}", "manager": "Lee Park"}
    with Stage(tmp_path, **{**kind.parts, **parts, **limit}) as stage:
        task = kind(stage, say="alert on depth due:2026-12-23")
        for what in ("age", "errors"):
            task._incident(f"ACTION: alert on {what} due:2026-12-23 @kim [preventive]")
        two = "".join(f"ACTION: {each} due:2026-12-23 @lee [preventive]\n" for each in "ab")
        task._incident(two.replace("@lee", "@lee@acme.example") if kind is InJira else two)
        stage.settle()
        until(task, 18)
        assert per_day(stage) == {("2026-12-18", "Kim Ito"): 2, ("2026-12-18", "Lee Park"): 2}
        until(task, 20, 23)
        assert len(per_day(stage)) == 2  # not on a Sunday
        until(task, 21)
        assert per_day(stage)["2026-12-21", "Kim Ito"] == 1


def per_day(stage: Stage) -> dict[tuple[str, str], int]:
    """How many reminders of tasks were written, by day and owner."""
    return Counter(
        (f"{said.at:%Y-%m-%d}", item.owner or "")
        for incident in stage.incidents()
        for item in incident.actions
        for said in incident.reminders
        if said.what == item.name
    )


# --- the review -----------------------------------------------------------------------------------


def about_review(measure: Measure) -> list[str]:
    """Our reminders on the incident's ticket."""
    return [note for note in measure.notes(measure.key) if "review of the postmortem" in note]


def test_the_facilitator_is_reminded_of_the_review_on_the_incidents_ticket(task: Measure) -> None:
    until(task, 11)  # closed on Monday, due within five business days
    (note,) = about_review(task)
    facilitator = {"Kim Ito": "kim", "Noor Aziz": "noor"}[task.incident.roles["facilitator"]]
    assert facilitator in note.partition("**Reminder:**")[0]
    assert "is due on 2026-12-14" in note
    until(task, 14)
    until(task, 15)
    assert "was due on 2026-12-14" in about_review(task)[2]
    until(task, 28)
    assert len(about_review(task)) == 3


def test_our_reminders_are_nobodys_words(task: Measure) -> None:
    until(task, 15)
    before = task.incident
    task.comment(task.key, "Nothing new.", by="noor")
    task.stage.wait(timedelta(minutes=5))
    after = task.incident
    assert after.postmortem is not None
    assert "Nothing new" in after.postmortem.wrote["timeline"]
    for text in after.postmortem.wrote.values():
        assert "Reminder" not in text
        assert "review of the postmortem" not in text
    assert (after.actions, after.proposals) == (before.actions, before.proposals)


def test_a_reminder_of_the_review_whose_answer_is_lost_is_not_written_twice(task: Measure) -> None:
    until(task, 11, 8)
    path = r"/comments?$"
    task.stage.sandbox.fail_next("POST", path, after_effect=True, drop_connection=True)
    until(task, 11, 12)
    task.comment(task.key, "Nothing new.", by="noor")  # the ticket is read before it is known
    task.stage.wait(timedelta(hours=1))
    assert len(about_review(task)) == 1
    assert [each.what for each in task.incident.reminders] == ["review"]
    assert task.incident.postmortem is not None
    assert "Reminder" not in task.incident.postmortem.wrote["timeline"]


def test_without_reminders_nobody_is_told_anything(made: Making) -> None:
    task = made(reminders="off")
    until(task, 15, month=1)
    assert notes(task) == about_review(task) == []


def set_due(measure: Measure, day: str) -> None:
    """Somebody sets another due date on the task."""
    if isinstance(measure, OnGitHub):
        issue = measure._issue(measure.task_key)
        body = issue.body.replace("2026-12-18", day)
        measure.github.edit(OPS, measure._number(measure.task_key), by="kim", body=body)
    else:
        assert isinstance(measure, InJira)
        measure.jira.edit(measure.task_key, "5b10-kim", duedate=day)
