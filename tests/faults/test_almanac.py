"""What judges a year of audits sees what it says it sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from almanac import (
    DAY,
    DONE,
    EFFECTIVE,
    ENDED,
    GONE,
    NOT_EFFECTIVE,
    OPEN,
    OVERDUE,
    PARTLY,
    VERDICT,
    WAIVED,
    Asked,
    Change,
    Count,
    Look,
    Rules,
    Said,
    Story,
    judge,
)

START = datetime(2027, 1, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULES = Rules("UTC", frozenset(), (30, 90), business=False, lengthen=False)  # 90 is a Sunday


def day(count: float) -> datetime:
    return START + count * DAY


def looks(*absent: int) -> list[Look]:
    """One each day, an hour after noon, which did all there was to do; but not on these days."""
    days = [n for n in range(200) if n not in absent]
    return [Look(day(n) + HOUR, day(n) + 2 * HOUR, whole=True) for n in days]


def asked(on: float, rung: int, word: str = "", **values: object) -> Asked:
    """An audit that was opened in the look of that day, and judged on the fifth day after it with
    all that follows, as far as nothing else is said."""
    at = day(on) + 1.5 * HOUR
    base = Asked(f"audit {rung}", 1, rung, rung, at, ("noor",))
    if word:
        heard = day(on + 5) + 1.5 * HOUR
        base.said, base.closed, base.notes = [Said(day(on + 5), word)], heard, ((VERDICT, heard),)
    else:
        base.notes = ((OVERDUE, day(on + 15) + 1.5 * HOUR),)
    return replace(base, **values)  # type: ignore[arg-type]


def story(*audits: Asked, changes: tuple[Change, ...] = (), **values: object) -> Story:
    """A measure that was done on the first day, and was so long open."""
    told = [Change(day(-9), OPEN), Change(START, DONE), *changes]
    return replace(Story("AI-1", "kim", RULES, told, list(audits)), **values)  # type: ignore[arg-type]


RIGHT = story(asked(30, 1, EFFECTIVE), asked(91, 2, EFFECTIVE))


def wrong(told: Story, seen: list[Look] | None = None) -> str:
    return "\n".join(judge(told, looks() if seen is None else seen))


def test_where_all_is_well_there_is_nothing_to_say() -> None:
    count = Count()
    assert judge(RIGHT, looks(), count) == []
    assert count.of["opened"] == count.of[EFFECTIVE] == 2


def test_an_audit_that_is_missing_is_seen() -> None:
    assert "nothing opened" in wrong(story(asked(30, 1, EFFECTIVE)))


def test_one_that_was_opened_twice_is_seen() -> None:
    assert "nothing was to be asked" in wrong(replace(RIGHT, asked=[*RIGHT.asked, asked(91, 2)]))


def test_one_that_came_a_day_early_is_seen() -> None:
    assert "was due" in wrong(story(asked(29, 1)))


def test_one_that_another_step_was_due_for_is_seen() -> None:
    assert "was due, not" in wrong(story(asked(30, 1, EFFECTIVE), asked(91, 2, step=1)))


def test_one_that_came_while_nobody_was_at_work_is_seen() -> None:
    assert "nobody was at work" in wrong(story(asked(30, 1)), looks(30))


@pytest.mark.parametrize("state", [OPEN, WAIVED, GONE])
def test_one_of_a_measure_that_is_not_done_any_more_is_seen(state: str) -> None:
    changes = (Change(day(10), state),)
    assert wrong(story(changes=changes)) == ""
    assert f"of a measure that is {state}" in wrong(story(asked(30, 1), changes=changes))


def test_one_that_is_due_in_an_absence_comes_with_the_next_look_and_not_later() -> None:
    late = story(asked(45, 1))
    assert wrong(late, looks(*range(28, 45))) == ""
    assert "nothing opened" in wrong(late, looks(*range(28, 44)))


def test_of_a_look_that_was_cut_short_nothing_is_demanded() -> None:
    cut = [replace(each, whole=each.begun.day % 7 == 0) for each in looks()]
    first = next(n for n, each in enumerate(cut) if each.whole and each.begun >= day(31))
    for on in (30, first):
        assert wrong(story(asked(on, 1)), cut[:50]) == ""
    assert "nothing opened" in wrong(story(asked(first + 1, 1)), cut[:50])


def test_one_that_a_look_opened_and_did_not_live_to_write_down_is_overdue_as_its_ticket_says() -> (
    None
):
    cut = [replace(each, whole=each.begun != day(30) + HOUR) for each in looks(*range(31, 50))]
    for on, right in ((44, False), (50, True), (51, False), (65, False)):
        told = asked(30, 1, notes=((OVERDUE, day(on) + 1.5 * HOUR),))
        assert (wrong(story(told), cut) == "") is right, on


def test_one_whose_opening_was_decided_and_then_held_up_has_the_due_date_of_that_day() -> None:
    cut = [replace(each, whole=each.begun != day(30) + HOUR) for each in looks(*range(31, 40))]
    for on, right in ((44, False), (45, True), (56, True), (57, False)):  # opened ten days late
        told = asked(40, 1, notes=((OVERDUE, day(on) + 1.5 * HOUR),))
        assert (wrong(story(told), cut) == "") is right, on
    late = [replace(each, whole=each.begun != day(30) + HOUR) for each in looks(*range(31, 50))]
    for on, right in ((51, False), (65, True)):  # its due date was over by then
        told = asked(50, 1, notes=((OVERDUE, day(on) + 1.5 * HOUR),))
        assert (wrong(story(told), late) == "") is right, on


def test_it_is_asked_from_the_beginning_once_it_is_done_again() -> None:
    changes = (Change(day(10), OPEN), Change(day(20), DONE))
    assert wrong(story(asked(50, 1), changes=changes)) == ""
    assert "was due" in wrong(story(asked(30, 1), changes=changes))


def test_an_open_one_of_a_reopened_measure_must_be_told_and_closed() -> None:
    told = day(35) + 1.5 * HOUR
    changes = (Change(day(35), OPEN),)
    assert wrong(story(asked(30, 1, closed=told, notes=((ENDED, told),)), changes=changes)) == ""
    assert "was not told" in wrong(story(asked(30, 1, closed=told), changes=changes))
    assert "is not closed" in wrong(story(asked(30, 1, notes=((ENDED, told),)), changes=changes))


def test_after_partly_the_same_is_asked_after_the_same_time_and_the_gap_has_one_ticket() -> None:
    again = asked(65, 2, step=1)
    assert wrong(story(asked(30, 1, PARTLY, follow_ups=("a",)), again)) == ""
    assert "was due" in wrong(story(asked(30, 1, PARTLY, follow_ups=("a",)), asked(64, 2, step=1)))
    for gaps in ((), ("a", "b")):
        assert "follow-ups" in wrong(story(asked(30, 1, PARTLY, follow_ups=gaps), again))


def test_what_is_not_effective_must_be_open_again_or_have_a_successor() -> None:
    failed = asked(30, 1, NOT_EFFECTIVE)
    back = (Change(day(35) + 1.5 * HOUR, OPEN, ours=True),)
    assert wrong(story(failed, changes=back)) == ""
    assert "not opened again" in wrong(story(failed))
    assert "0 successors" in wrong(story(failed, takes_back=False))
    assert wrong(story(replace(failed, successors=("a",)), takes_back=False)) == ""


def test_what_was_waived_after_it_was_found_not_effective_may_stay_so() -> None:
    failed = asked(30, 1, NOT_EFFECTIVE)
    since = (Change(day(35) + HOUR / 2, WAIVED),)
    assert wrong(story(failed, changes=since, takes_back=False)) == ""
    before = (Change(day(34), WAIVED),)
    assert wrong(story(failed, changes=before, takes_back=False)) != ""


def test_what_follows_a_verdict_must_be_told_and_the_ticket_closed() -> None:
    end = asked(91, 2, EFFECTIVE)
    assert "nobody was told" in wrong(story(asked(30, 1, EFFECTIVE, notes=()), end))
    assert "not closed" in wrong(story(asked(30, 1, EFFECTIVE, closed=None), end))


def test_a_late_one_must_be_told_so_once() -> None:
    assert "is overdue" in wrong(story(asked(30, 1, notes=())))
    twice = (OVERDUE, day(46)), (OVERDUE, day(60))
    assert "2 times" in wrong(story(asked(30, 1, notes=twice)))


def test_one_that_is_told_so_too_early_or_on_a_sunday_is_seen() -> None:
    for on in (45, 48):  # its due date is over on the 45th day, at midnight; the 48th is a Sunday
        at = day(on) - 13 * HOUR
        assert "that it is overdue" in wrong(story(asked(30, 1, notes=((OVERDUE, at),))))


def test_one_that_is_found_late_on_a_sunday_is_told_when_the_team_opens_and_not_at_dawn() -> None:
    dawn = Look(day(48.5) + HOUR, day(48.5) + 2 * HOUR, whole=True)
    seen = sorted([*looks(45, 46, 47), dawn], key=lambda look: look.begun)
    on_monday, on_tuesday = (((OVERDUE, day(n) + 1.5 * HOUR),) for n in (49, 50))
    assert wrong(story(asked(30, 1, notes=on_monday)), seen) == ""
    assert "is overdue" in wrong(story(asked(30, 1, notes=on_tuesday)), seen)
    without_sunday = [look for look in seen if look.begun != day(48) + HOUR]
    assert "is overdue" in wrong(story(asked(30, 1, notes=on_monday)), without_sunday)


def test_one_that_opened_on_a_sunday_is_seen() -> None:
    assert "was due" in wrong(story(asked(30, 1, EFFECTIVE), asked(90, 2)))


def test_the_team_is_spoken_to_by_its_own_clock() -> None:
    rules = Rules("Asia/Tokyo", frozenset({date(2027, 1, 4)}), (), False, False, quiet=(20, 8))
    friday = datetime(2027, 1, 1, 10, 59, tzinfo=UTC)  # a minute before eight in the evening
    assert rules.spoken(friday) == friday
    tuesday = datetime(2027, 1, 5, 0, tzinfo=UTC)
    assert rules.spoken(friday + HOUR) == tuesday
    assert rules.overdue(friday) == datetime(2027, 1, 15, 15, tzinfo=UTC) + 3 * DAY


def test_one_that_the_owner_is_asked_for_is_seen() -> None:
    assert "the owner's own" in wrong(story(asked(30, 1, assignees=("kim",))))


def test_business_days_are_counted_where_the_team_is() -> None:
    holidays = frozenset({date(2027, 1, 6)})
    rules = Rules("Asia/Tokyo", holidays, (3,), business=True, lengthen=True)
    late = datetime(2027, 1, 1, 16, tzinfo=UTC)  # on Saturday, there
    assert rules.dates(late, 3)[1:] == [late + 5 * DAY, late + 15 * DAY, late + 35 * DAY]
