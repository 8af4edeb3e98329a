"""What a change on one side comes to: directions, preferences, people, conflicts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from builders import KIM, NOOR, at, change, policy
from sides import DANA, DUE, MILESTONE, NOW, OWNER, STATUS, TASK, TWIN, WORDS, Remedy

from workflows.events import FieldsWritten
from workflows.folding import fold
from workflows.model import Person, Status, StatusCategory
from workflows.policy import FieldRules, Prefer
from workflows.snapshots import Said, Side
from workflows.sync import choose

ANN = Person("ann", "ann")


@pytest.fixture
def remedy() -> Remedy:
    return Remedy()


# --- directions ---------------------------------------------------------------------------------


def test_what_one_ticket_says_is_taken_over_and_told_to_the_other(remedy: Remedy) -> None:
    assert remedy.hears(TWIN, owners=(NOOR,), milestones=("Q1",)) == [
        "AI-1 owner: “Kim Ito” → “Noor Aziz”, by the twin",
        "AI-1 milestone: nothing → “Q1”, by the twin",
    ]
    assert remedy.item.owner == "Noor Aziz"
    assert remedy.wants(TASK) == {MILESTONE: "Q1"}  # nobody knows her in Jira
    assert remedy.wants(TWIN) == {}


def test_who_changed_it_and_when_is_kept(remedy: Remedy) -> None:
    notes = remedy.hears(TWIN, 90, due=date(2027, 2, 1), changes=(change("due", None, "x", 75),))
    assert notes == ["AI-1 due: “2027-01-01” → “2027-02-01”, by the twin (Kim Ito)"]
    assert remedy.item.said[DUE].said == Said("2027-02-01", at(75), "Kim Ito")


def test_an_edit_where_edits_do_not_count_is_put_back() -> None:
    remedy = Remedy(due=FieldRules(frozenset({TASK})))
    told = remedy.hears(TWIN, due=date(2027, 2, 1))
    assert told == ["AI-1 due: “2027-02-01” on the twin does not count: it is put back"]
    assert remedy.item.due == date(2027, 1, 1)
    assert remedy.wants(TWIN) == {DUE: "2027-01-01"}
    assert remedy.hears(TWIN) == []


def test_a_field_that_is_off_is_nobodys_business() -> None:
    remedy = Remedy(due=FieldRules(frozenset()))
    assert remedy.hears(TWIN, due=date(2027, 2, 1)) == []
    assert remedy.item.due == date(2027, 1, 1)
    assert remedy.wants(TWIN) == {}


def test_a_row_says_what_is_kept_nowhere_else() -> None:
    remedy = Remedy(due=FieldRules(frozenset()))
    remedy.reads("2027-01-01", "2027-03-01")
    assert remedy.item.due == date(2027, 3, 1)
    assert remedy.wants(TASK) == {}


def test_an_echo_of_our_own_write_is_no_change(remedy: Remedy) -> None:
    remedy.hears(TASK, milestones=("Q1",))
    remedy.answers(TWIN)
    before = remedy.item
    assert remedy.hears(TWIN, 61, milestones=("Q1",)) == []
    assert remedy.item.said == before.said
    assert remedy.wants(TWIN) == remedy.wants(TASK) == {}


def test_a_write_whose_answer_never_came_is_recognised_when_it_is_read(remedy: Remedy) -> None:
    remedy.hears(TASK, milestones=("Q1",))
    assert remedy.wants(TWIN) == {MILESTONE: "Q1"}
    assert remedy.hears(TWIN, 61, milestones=("Q1",)) == []
    assert remedy.wants(TWIN) == {}
    assert remedy.item.conflicts == ()


def test_a_ticket_that_cannot_speak_of_a_field_did_not_empty_it(remedy: Remedy) -> None:
    assert remedy.hears(TASK, due=None, owners=(), silent=(DUE, OWNER)) == []
    assert (remedy.item.due, remedy.item.owner) == (date(2027, 1, 1), "Kim Ito")
    assert remedy.hears(TASK, silent=(OWNER,)) == ["AI-1 due: “2027-01-01” → nothing, by the task"]


# --- people -------------------------------------------------------------------------------------


def test_somebody_whom_the_rules_do_not_know_is_named_where_they_were_named(remedy: Remedy) -> None:
    remedy.hears(TASK, owners=(DANA,))
    assert remedy.item.owner == "Dana Doe"
    assert remedy.wants(TASK) == {}  # and not {owner: "Dana Doe"}, which is no account there
    assert remedy.wants(TWIN) == {}


def test_an_owner_who_cannot_be_said_on_a_side_is_lost_to_a_later_owner_as_a_conflict(
    remedy: Remedy,
) -> None:
    remedy.hears(TASK, 60, owners=(DANA,))
    assert remedy.hears(TWIN, 61) == []
    assert remedy.item.owner == "Dana Doe"
    remedy.hears(TWIN, 62, owners=(NOOR,))
    assert remedy.item.owner == "Noor Aziz"
    claims = remedy.item.conflicts[0].claims
    assert [(c.side, c.said.value) for c in claims] == [(TASK, "Dana Doe"), (TWIN, "Noor Aziz")]


def test_a_handle_in_other_capitals_is_the_same_person() -> None:
    rules = policy()
    kim = replace(rules.people[0], handles={"github": "KIM", "jira": "5b10"})
    remedy = Remedy(replace(rules, people=(kim, *rules.people[1:])))
    assert remedy.hears(TWIN) == []
    assert remedy.wants(TWIN) == {}


def test_who_is_assigned_beside_the_owner_stays_so(remedy: Remedy) -> None:
    assert remedy.hears(TWIN, owners=(ANN, KIM)) == []
    assert remedy.item.sides[TWIN].also[OWNER] == ("ann",)
    remedy.hears(TWIN, owners=(ANN,))
    assert remedy.item.owner == "ann"


# --- conflicts ----------------------------------------------------------------------------------

MAY, JUNE = date(2027, 5, 1), date(2027, 6, 1)


def both(remedy: Remedy, task: float = 60, twin: float = 61) -> Remedy:
    """The due date becomes May on the task, and June on the twin."""
    remedy.hears(TASK, task, due=MAY)
    remedy.hears(TWIN, twin, due=JUNE, changes=(change("due", None, "", twin),))
    return remedy


def test_the_newest_of_two_edits_holds_and_both_are_kept_with_who_and_when(remedy: Remedy) -> None:
    both(remedy)
    assert remedy.notes[-1] == (
        "AI-1 due: both changed, “2027-05-01” (the task) and “2027-06-01” (the twin):"
        " “2027-06-01” holds"
    )
    conflict = remedy.item.conflicts[0]
    assert (conflict.field, conflict.kept) == (DUE, "2027-06-01")
    assert [(c.side, c.said) for c in conflict.claims] == [
        (TASK, Said("2027-05-01", at(60))),
        (TWIN, Said("2027-06-01", at(61), "Kim Ito")),
    ]
    assert remedy.wants(TASK) == {DUE: "2027-06-01"}


def test_an_older_edit_that_is_heard_later_does_not_hold(remedy: Remedy) -> None:
    both(remedy, task=60, twin=59)
    assert remedy.item.due == MAY
    assert remedy.wants(TWIN) == {DUE: "2027-05-01"}
    assert remedy.item.conflicts[0].kept == "2027-05-01"


@pytest.mark.parametrize(
    ("prefer", "task", "twin", "holds"),
    [
        (Prefer.TASK, 60, 99, MAY),
        (Prefer.TWIN, 60, 59, JUNE),
        (Prefer.DOCUMENT, 60, 61, JUNE),  # neither is there: the newest
        (Prefer.DOCUMENT, 60, 59, MAY),
        (Prefer.NEWEST, 60, 60, MAY),  # in one moment: the task's
    ],
)
def test_the_rules_say_which_edit_holds(
    prefer: Prefer, task: float, twin: float, holds: date
) -> None:
    remedy = both(Remedy(due=FieldRules(prefer=prefer)), task, twin)
    assert remedy.item.due == holds
    assert len(remedy.item.conflicts[0].claims) == 2


def test_a_third_edit_joins_the_conflict(remedy: Remedy) -> None:
    both(remedy)
    remedy.reads("2027-01-01", "2027-07-01")
    values = [claim.said.value for claim in remedy.item.conflicts[0].claims]
    assert values == ["2027-05-01", "2027-06-01", "2027-07-01"]
    assert remedy.item.due == date(2027, 7, 1)


def test_an_edit_older_than_a_claim_joins_the_conflict_and_does_not_settle_it() -> None:
    remedy = both(Remedy(due=FieldRules(prefer=Prefer.TASK)), task=60, twin=90)
    remedy.hears(TASK, 80, due=date(2027, 7, 1))
    assert remedy.item.due == date(2027, 7, 1)
    values = [claim.said.value for claim in remedy.item.conflicts[0].claims]
    assert values == ["2027-05-01", "2027-06-01", "2027-07-01"]


def test_what_is_said_again_elsewhere_is_as_new_as_that(remedy: Remedy) -> None:
    remedy.hears(TASK, 60, due=MAY)
    remedy.reads("2027-01-01", "2027-05-01")  # heard now, a day later
    remedy.hears(TWIN, 90, due=JUNE)
    assert remedy.item.due == MAY
    assert remedy.item.said[DUE].side is Side.DOCUMENT


def test_an_edit_at_an_unknown_time_is_no_later_one_than_what_another_side_said_since(
    remedy: Remedy,
) -> None:
    """GitHub tells only when an issue last changed at all. It said Q1, and so did Jira after that:
    whether it was emptied before or after Jira was set, nobody can tell."""
    remedy.hears(TWIN, milestones=("Q1",))
    remedy.hears(TASK, 61, milestones=("Q1",))
    remedy.hears(TWIN, 63, milestones=())
    assert claimed(remedy) == {"Q1", None}


def test_it_is_one_where_we_wrote_that_there_before(remedy: Remedy) -> None:
    remedy.hears(TASK, milestones=("Q1",))
    remedy.now = at(61)
    remedy.answers(TWIN)
    remedy.hears(TWIN, 63, milestones=())
    assert (remedy.item.milestone, remedy.item.conflicts) == (None, ())


def test_a_third_edit_in_the_moment_in_which_both_tickets_said_the_same_is_a_conflict(
    remedy: Remedy,
) -> None:
    """Of GitHub whole seconds are known: it may have been set last of the three."""
    remedy.hears(TWIN, milestones=("Q1",))
    remedy.hears(TASK, 60.005, milestones=("Q1",))
    remedy.hears(TASK, 60.010, milestones=("Q2",))
    assert claimed(remedy) == {"Q1", "Q2"}


def test_a_ticket_in_the_moment_of_a_row_that_it_cannot_tell_apart_is_a_conflict(
    remedy: Remedy,
) -> None:
    """GitHub was open all the time while the row said *in progress*, and *open* again."""
    remedy.hears(TWIN, 59)
    remedy.now = at(60.010)
    remedy.reads("| open |", "| in progress |")
    remedy.reads("| in progress |", "| open |")
    remedy.hears(TWIN, 60, status=Status("closed", StatusCategory.DONE, "completed"))
    assert claimed(remedy) == {"open", "done"}


def test_what_we_wrote_there_before_the_row_said_it_once_more_makes_nothing_later(
    remedy: Remedy,
) -> None:
    """Jira does not tell when our write was made, only by when it certainly was."""
    remedy.now = at(60.001)
    remedy.reads("2027-01-01", "2027-05-01")
    remedy.now = at(60.030)
    remedy.answers(TWIN)
    remedy.now = at(60.002)
    remedy.reads("2027-05-01", "2027-06-01")
    remedy.reads("2027-06-01", "2027-05-01")
    remedy.hears(TWIN, 60.001, due=date(2027, 7, 1))
    assert claimed(remedy) == {"2027-05-01", "2027-07-01"}


def test_nor_does_what_we_wrote_before_that_was_said_there_and_back_in_one_second(
    remedy: Remedy,
) -> None:
    """GitHub's Q1 was carried to Jira; then it said Q2, and Q1 again."""
    remedy.hears(TWIN, milestones=("Q1",))
    remedy.answers(TASK)
    remedy.hears(TWIN, milestones=("Q2",))
    remedy.hears(TWIN, milestones=("Q1",))
    remedy.hears(TASK, 60.005, milestones=("Q3",))
    assert claimed(remedy) == {"Q1", "Q3"}


def claimed(remedy: Remedy) -> set[str | None]:
    return {claim.said.value for conflict in remedy.item.conflicts for claim in conflict.claims}


def test_a_conflict_that_is_heard_again_is_told_once(remedy: Remedy) -> None:
    both(remedy, twin=59)
    assert remedy.hears(TWIN, 59) == []
    assert remedy.hears(TASK, 60) == []
    assert len(remedy.item.conflicts) == 1


def test_a_later_edit_closes_a_conflict(remedy: Remedy) -> None:
    both(remedy)
    remedy.answers(TASK)
    remedy.hears(TASK, 70, due=date(2027, 8, 1))
    assert remedy.item.due == date(2027, 8, 1)
    assert remedy.item.conflicts == ()


def test_the_end_of_our_own_write_does_not_close_a_conflict(remedy: Remedy) -> None:
    both(remedy)
    remedy.answers(TASK)
    remedy.hears(TASK, 70, due=JUNE)
    assert len(remedy.item.conflicts) == 1


def test_choosing_closes_a_conflict_and_the_choice_is_written(remedy: Remedy) -> None:
    both(remedy)
    remedy.answers(TASK)
    merged = choose(remedy.item, DUE, "2027-05-01", "Kim Ito", NOW)
    remedy.item_is(merged.item)
    assert merged.notes == ("AI-1 due: Kim Ito chose “2027-05-01”",)
    assert remedy.item.conflicts == ()
    assert remedy.wants(TASK) == remedy.wants(TWIN) == {DUE: "2027-05-01"}
    assert remedy.item.said[DUE].said == Said("2027-05-01", NOW, "Kim Ito")


def test_a_chosen_value_is_still_known_as_its_sides(remedy: Remedy) -> None:
    remedy.hears(TASK, 60, owners=(DANA,))
    remedy.hears(TWIN, 61, owners=(NOOR,))
    remedy.item_is(choose(remedy.item, OWNER, "Dana Doe", "Kim Ito", NOW).item)
    assert remedy.item.said[OWNER].side is TASK
    assert remedy.hears(TASK, 62) == []
    assert remedy.item.owner == "Dana Doe"
    assert remedy.wants(TASK) == {}


def test_in_progress_in_one_tracker_and_closed_before_in_the_other_is_a_conflict(
    remedy: Remedy,
) -> None:
    """GitHub is told nothing of progress: that it stands at open there tells nothing."""
    remedy.hears(TASK, 60, status=Status("Doing", StatusCategory.IN_PROGRESS))
    assert remedy.wants(TWIN) == {}
    done = Status("closed", StatusCategory.DONE, "completed")
    remedy.hears(TWIN, 59, status=done)
    assert remedy.item.status == "in progress"
    assert [c.said.value for c in remedy.item.conflicts[0].claims] == ["in progress", "done"]
    assert remedy.wants(TWIN) == {STATUS: "open"}


def test_what_is_remembered_of_a_title_that_changes_daily_does_not_grow_for_ever() -> None:
    remedy = Remedy(title=FieldRules())
    for day in range(50):
        remedy.hears(TASK, 60 + day, title=f"Alert on depth, day {day}")
        remedy.answers(TWIN)
    assert len(remedy.item.titles) < 15
    assert WORDS in remedy.item.titles


def test_a_conflict_keeps_the_latest_claims_and_the_one_that_holds() -> None:
    remedy = Remedy(milestone=FieldRules(prefer=Prefer.DOCUMENT))
    remedy.reads("| — | 2027-01-01 |", "| Q0 | 2027-01-01 |")
    for day in range(50):  # nothing is written: the team only plans
        remedy.hears(TWIN, 60 + day, milestones=(f"Q{day + 1}",))
    (conflict,) = remedy.item.conflicts
    assert conflict.kept == remedy.item.milestone == "Q0"
    said = [claim.said.value for claim in conflict.claims]
    assert len(said) < 15
    assert {"Q0", "Q50"} <= set(said)


def test_who_is_assigned_besides_does_not_become_the_owner_because_the_owner_goes(
    remedy: Remedy,
) -> None:
    remedy.hears(TWIN, owners=(KIM, NOOR))
    remedy.reads("| Kim Ito |", "| — |")
    assert remedy.wants(TWIN) == {OWNER: None}
    remedy.answers(TWIN)
    assert remedy.hears(TWIN, 1450, owners=(NOOR,)) == []  # the echo of that
    assert remedy.item.owner is None
    remedy.hears(TWIN, 1500, owners=(ANN, NOOR))
    assert remedy.item.owner == "ann"


def test_nor_does_who_was_first_seen_there_when_we_wrote(remedy: Remedy) -> None:
    remedy.reads("| Kim Ito |", "| — |")
    answer = FieldsWritten("set:abc:1:twin", {OWNER: None}, {}, at(1441), {OWNER: ("noor",)})
    remedy.incident = fold(answer, remedy.incident)
    assert remedy.hears(TWIN, 1450, owners=(NOOR,)) == []
    assert remedy.item.owner is None
