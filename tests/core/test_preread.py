"""What a team reads before its quarterly review, and when it gets that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from builders import policy
from core.test_teams import PAYMENTS
from quarter import NOW, TODAY, Kept, again, asks, done, item, on, postmortem, verdict

from service.commands.preread import as_html
from service.store import Store
from workflows.calendars import USUAL, Calendar
from workflows.effects import CreateTask, Hold
from workflows.events import TaskCreated
from workflows.model import TicketRef
from workflows.policy import PrereadRules, Span, SpanUnit
from workflows.preread import MOST, Preread, as_markdown, parts, title
from workflows.proven import Proof, Waiver
from workflows.quarters import Quarter
from workflows.rungs import Verdict
from workflows.sight import NOTHING, Sight
from workflows.snapshots import Progress
from workflows.team_books import TeamBook, fold_team
from workflows.team_schedule import begun, plan_team, preread_at
from workflows.team_turn import Heard, TeamDecision, decide_team, due

Q4 = Quarter(2026, 4)
ALL = Sight(None)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}", lambda: NOW)
    store.migrate()
    yield Kept(store)
    store.close()


def of(kept: Kept, sight: Sight = ALL, without: tuple[str, ...] = ()) -> Preread:
    with kept.store.read() as tx:
        return tx.prereads.of("payments", Q4, TODAY, sight, without)


def said(kept: Kept, part: str, **how: Any) -> list[str]:
    """The lines of a part, as words."""
    found = [each for each in parts(of(kept, **how)) if each.title.startswith(part)]
    lines = [line for each in found for line in each.lines]
    return ["".join(e if isinstance(e, str) else e.words for e in line) for line in lines]


# --- what it says ---------------------------------------------------------------------------------


def test_what_works_comes_first_with_who_owned_and_who_judged_it(kept: Kept) -> None:
    kept.incident(1, done(owner="Kim Ito"), audits=(verdict(1, Verdict.EFFECTIVE),))
    assert next(parts(of(kept))).title == "Worth celebrating"
    assert said(kept, "Worth") == [
        "AI-1 of INC-1 “Alert on queue depth” works: owned by Kim Ito, judged by Noor Aziz on"
        " 2026-11-25"
    ]


def test_who_contributed_is_told_by_what_they_did(kept: Kept) -> None:
    kept.incident(1, done(owner="Kim Ito"), done(2, owner="Kim Ito"), done(3, owner="Lee Park"))
    kept.incident(2, done(), audits=(verdict(1, Verdict.PARTLY),))
    assert said(kept, "Who contributed") == [
        "Got measures done: Kim Ito (2), Lee Park (1)",
        "Judged measures: Noor Aziz (1)",
    ]


def test_late_measures_are_told_by_owner_with_the_one_that_is_longest(kept: Kept) -> None:
    old, new = date(2026, 11, 1), date(2026, 12, 1)
    kept.incident(1, item(due=new, owner="Kim"), item(2, due=old, owner="Kim"), item(3, due=new))
    kept.incident(2, item(due=date(2027, 1, 1), owner="Lee"))
    assert said(kept, "Late") == [
        "Kim: 2 late, the longest AI-2 of INC-1 “Alert on queue depth”, due 2026-11-01",
        "nobody: 1 late, the longest AI-3 of INC-1 “Alert on queue depth”, due 2026-12-01",
    ]


def test_what_came_again_names_the_earlier_one_unless_that_may_not_be_told(kept: Kept) -> None:
    kept.incident(1, restricted=True)
    kept.incident(2)
    kept.incident(3, recurrences=(again("k2"),))
    kept.incident(4, recurrences=(again("k1"),), opened=on(11, 1))
    assert said(kept, "What came again") == [
        "INC-3 “Checkout is slow 3” came again after INC-2",
        "INC-4 “Checkout is slow 4” came again",
    ]


def test_a_factor_is_a_pattern_from_the_second_time_on(kept: Kept) -> None:
    kept.incident(1, postmortem=postmortem("Slow disk", "Nobody told"))
    kept.incident(2, postmortem=postmortem("Slow disk"), opened=on(11, 9))
    kept.incident(3, postmortem=postmortem("Nobody told"), opened=on(9, 9))
    assert said(kept, "Factors") == ["slow disk came 2 times, last in INC-2"]


def test_audits_waivers_and_doubts_are_told(kept: Kept) -> None:
    waiver = Waiver("it goes away", "Kim", on(10, 1), date(2027, 2, 1), "a comment")
    waived = Proof(Progress.WONT_DO, 1, on(10, 1), waiver=waiver)
    kept.incident(1, done(), audits=(asks(1, date(2026, 12, 1)),))
    kept.incident(2, done(), audits=(verdict(1, Verdict.EFFECTIVE, suspect="INC-3 is the same"),))
    kept.incident(3, item(status="won't do", proof=waived))
    (waits,) = said(kept, "Audits")
    (doubt,) = said(kept, "Verdicts in doubt")
    (ends,) = said(kept, "Waivers")
    assert waits.endswith("was to be judged by 2026-12-01, asked of Noor Aziz")
    assert doubt.endswith("was effective, and is in doubt: INC-3 is the same")
    assert ends.endswith("is waived until 2027-02-01")


def test_questions_are_made_of_what_was_found(kept: Kept) -> None:
    first = verdict(1, Verdict.PARTLY, at=on(9, 25))
    kept.incident(7, done(), audits=(first, verdict(1, Verdict.PARTLY, 2)))
    kept.incident(8, item(due=date(2026, 11, 1)), done(2), audits=(verdict(2, Verdict.PARTLY),))
    questions = said(kept, "Questions")
    assert questions[0].startswith("AI-1 of INC-7 “Alert on queue depth” was judged partly")
    assert "AI-1 of INC-8 “Alert on queue depth” is 49 days late" in questions[-1]
    assert not any("AI-2 of INC-8" in each for each in questions), "once is no pattern"


def test_what_lies_outside_of_the_quarter_is_not_counted(kept: Kept) -> None:
    early = on(9, 30)
    kept.incident(1, done(done_at=early), audits=(verdict(1, Verdict.EFFECTIVE, at=early),))
    kept.incident(2, opened=early)
    found = of(kept)
    assert (found.done, found.verdicts, found.proven.count) == ({}, {}, 0)
    assert sum(found.incidents.values()) == 1


def test_what_somebody_may_not_see_is_neither_told_nor_counted(kept: Kept) -> None:
    full = {"audits": (verdict(1, Verdict.EFFECTIVE, suspect="x"), asks(2, date(2026, 12, 1)))}
    items = (done(), done(2), item(3, due=date(2026, 12, 1)))
    kept.incident(1, *items, **full, restricted=True)
    kept.incident(2, *items, **full, team="ads")
    kept.incident(3, *items, **full)
    assert of(kept, without=("k3",)).says_nothing
    assert of(kept, NOTHING).says_nothing
    assert of(kept).late_by.count == 1
    assert sum(of(kept).verdicts.values()) == 1


def test_it_fits_two_pages_however_much_there_is(kept: Kept) -> None:
    for n in range(1, 30):
        late, works = item(2, "x" * 300, due=date(2026, 11, n), owner=f"P{n}"), done()
        audits = (verdict(1, Verdict.EFFECTIVE, suspect="w " * 200), verdict(1, Verdict.PARTLY, 2))
        kept.incident(n, works, late, audits=audits, title="t " * 200)
    text = as_markdown(of(kept))
    assert len(text.splitlines()) < 110, "blank lines too"
    assert max(map(len, text.splitlines())) < 600
    assert f"- and {29 - MOST} more" in text


HOSTILE = '<img src=x onerror=alert(1)> [x](javascript:1) | @kim\n# h "'


def test_hostile_words_are_words_in_markdown_and_in_the_file_alone(kept: Kept) -> None:
    late = item(1, HOSTILE, due=date(2026, 12, 1), owner=HOSTILE)
    kept.incident(9)
    ref = TicketRef("jira", "1", key=HOSTILE, url="javascript:alert(1)")
    kept.incident(1, late, ticket=ref, title=HOSTILE, recurrences=(again("k9"),), postmortem=None)
    text, page = as_markdown(of(kept)), as_html(of(kept))
    assert "<img" not in text.replace("\\<img", "")
    assert not any(line.startswith("# ") for line in text.splitlines())
    assert "<img" not in page
    assert "javascript:alert(1)" not in page


# --- when it opens --------------------------------------------------------------------------------

RULES = policy()
ASKED = replace(PAYMENTS, preread=PrereadRules(), audits=None, reminders=None)
BOOK = TeamBook("payments", "t3v9", preread=Q4)


def days(count: int) -> Span:
    return Span(count, SpanUnit.BUSINESS_DAYS)


def at(year: int, month: int, day: int, hour: int = 9) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def test_it_opens_some_business_days_before_the_review_and_never_within_the_quarter() -> None:
    free = Calendar(holidays=frozenset({date(2027, 1, 1), date(2027, 1, 13)}))
    assert preread_at(Q4, PrereadRules(), free).date() == date(2027, 1, 12)
    assert preread_at(Q4, PrereadRules(days(1), days(9)), free).date() == date(2027, 1, 4)


def test_it_is_planned_only_for_teams_whose_rules_ask_for_it() -> None:
    now = at(2026, 12, 20)
    asked = begun(TeamBook("payments", "t3v9"), ASKED, now)
    assert asked.preread == Q4
    (planned,) = plan_team(asked, ASKED, now)
    assert planned.what == "the pre-read 2026Q4"
    assert planned.due == preread_at(Q4, PrereadRules(), USUAL)
    assert begun(asked, replace(ASKED, preread=None), now).preread is None
    assert plan_team(asked, replace(ASKED, preread=None), now) == ()


def decided(kept: Kept, now: datetime, **heard: Any) -> TeamDecision:
    found = due(BOOK, ASKED, (), now)
    told = Heard(**{"held": {}, "preread": of(kept), **heard})
    return decide_team(BOOK, found, [], ASKED, RULES, told, now)


def test_its_ticket_is_wished_for_once_its_time_has_come_and_not_again(kept: Kept) -> None:
    kept.incident(1, item(due=date(2026, 12, 1)))
    opens = preread_at(Q4, PrereadRules(), USUAL)
    assert decided(kept, at(2027, 1, 4)).effects == ()
    (wish,) = decided(kept, opens).effects
    assert isinstance(wish, CreateTask)
    assert (wish.key, wish.title) == ("preread:t3v9:2026Q4", title("payments", Q4))
    assert "AI-1 of [INC-1]" in wish.text or "AI-1 of INC-1" in wish.text
    ref = kept.incident(2).ticket
    book = fold_team(TaskCreated(wish.key, ref, linked=False), BOOK)
    assert (book.preread, [each.quarter for each in book.prereads]) == (Quarter(2027, 1), [Q4])
    assert not due(book, ASKED, (), opens)


def test_without_anything_to_say_or_once_given_up_the_next_quarter_is_waited_for(
    kept: Kept,
) -> None:
    opens = preread_at(Q4, PrereadRules(), USUAL)
    empty = decided(kept, opens)
    assert (empty.effects, empty.book.preread) == ((), Quarter(2027, 1))
    kept.incident(1)
    hold = Hold("dropped by noor", given_up=True)
    dropped = decided(kept, opens, held={"preread:t3v9:2026Q4": hold})
    assert (dropped.effects, dropped.book.preread) == ((), Quarter(2027, 1))
