"""What differs of an action item's ticket without anybody having told, and what became of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import builders

from workflows.documents import digest
from workflows.drift import TICKET, Became, Drift, became, compare, compare_rows, missing
from workflows.events import TaskGone, TaskRead
from workflows.hearing import hear_tasks
from workflows.model import (
    ActionItem,
    DocumentRef,
    DocumentStatus,
    Incident,
    Kind,
    Origin,
    Person,
    Phase,
    Postmortem,
    Status,
    StatusCategory,
)
from workflows.policy import FieldRules, Prefer, SyncRules
from workflows.snapshots import Agreement, Claim, Field, Said, Side
from workflows.tasks import TaskState

POLICY = builders.policy()
NOW = builders.at(60)
REF = builders.task_ref(1)
BASE = {Field.OWNER: "kim", Field.STATUS: "open", Field.MILESTONE: None, Field.DUE: None}


def an_item(**values: Any) -> ActionItem:
    """Kim's, agreed with its ticket in all."""
    said = {Field.OWNER: Claim(Side.TASK, Said("Kim Ito", builders.at(0)))}
    item = ActionItem(
        1, Origin("comment", "c1"), "Alert on depth", Kind.CORRECTIVE, owner="Kim Ito", task=REF
    )
    ours = {Field.OWNER: "Kim Ito", Field.STATUS: "open", Field.MILESTONE: None, Field.DUE: None}
    sides = {Side.TASK: Agreement(base=BASE, ours=ours)}
    return replace(item, said=said, sides=sides, **values)


def an_incident(item: ActionItem | None = None, **values: Any) -> Incident:
    ticket = builders.ticket().ref
    incident = Incident("inc", "payments", ticket, "Slow", Phase.CLOSED, **values)
    return replace(incident, actions=(item or an_item(),))


def a_state(**values: Any) -> TaskState:
    """The ticket, as agreed."""
    state = TaskState(
        ref=REF,
        place="acme/ops",
        title="Alert on depth",
        status=Status("open", StatusCategory.NEW),
        updated=builders.at(30),
        owners=(builders.KIM,),
    )
    return replace(state, **values)


def read(incident: Incident, state: TaskState, policy: Any = POLICY) -> Incident:
    """The incident after its turn."""
    team = policy.teams["payments"]
    return hear_tasks(incident, [TaskRead(1, Side.TASK, state)], team, policy, NOW)[0]


def done(before: Incident, after: Incident, what: str = "owner", policy: Any = POLICY) -> Any:
    return became(before, after, (1, Side.TASK), what, policy, NOW)


# --- what differs -------------------------------------------------------------------------------


def test_a_ticket_that_is_as_agreed_does_not_differ() -> None:
    assert not compare(an_incident(), a_state(), POLICY, NOW).differs


def test_each_field_that_differs_is_named_with_both_values_and_the_trackers_time() -> None:
    state = a_state(owners=(builders.NOOR,), milestones=("Q1",))
    assert compare(an_incident(), state, POLICY, NOW).drifts == (
        Drift("owner", "kim", "noor", builders.at(30)),
        Drift("milestone", None, "Q1", builders.at(30)),
    )


def test_a_ticket_that_was_never_heard_is_expected_as_the_record_says() -> None:
    unheard = an_incident(replace(an_item(), sides={}))
    assert not compare(unheard, a_state(), POLICY, NOW).differs
    assert compare(unheard, a_state(owners=()), POLICY, NOW).differs


def test_what_a_ticket_cannot_say_does_not_differ() -> None:
    state = a_state(owners=(), silent=(Field.OWNER,))
    assert not compare(an_incident(), state, POLICY, NOW).differs


def test_what_is_not_kept_in_sync_does_not_differ() -> None:
    assert not compare(an_incident(), a_state(title="Alert"), POLICY, NOW).differs


def test_what_is_left_alone_does_not_differ_until_that_is_over() -> None:
    item = an_item()
    resting = {Field.OWNER: NOW + timedelta(minutes=1)}
    item = replace(item, sides={Side.TASK: replace(item.sides[Side.TASK], resting=resting)})
    state = a_state(owners=(builders.NOOR,))
    assert not compare(an_incident(item), state, POLICY, NOW).differs
    assert compare(an_incident(item), state, POLICY, NOW + timedelta(minutes=2)).differs


def test_a_second_assignee_is_to_be_read_and_no_drift() -> None:
    compared = compare(an_incident(), a_state(owners=(builders.KIM, builders.NOOR)), POLICY, NOW)
    assert compared.drifts == ()
    assert compared.differs


def test_a_list_that_is_older_than_what_was_read_tells_of_no_drift() -> None:
    late = a_state(owners=(builders.NOOR,))
    compared = compare(an_incident(), late, POLICY, NOW, builders.at(31))
    assert compared.drifts == ()
    assert compared.differs


def test_a_list_that_shows_just_what_we_wrote_over_tells_of_no_drift() -> None:
    item, late = an_item(), a_state(owners=(builders.NOOR,), milestones=("Q1",))
    agreement = replace(item.sides[Side.TASK], replaced={Field.OWNER: "noor"})
    wrote = an_incident(replace(item, sides={Side.TASK: agreement}))
    (drift,) = compare(wrote, late, POLICY, NOW, late.updated).drifts
    assert drift.what == "milestone"
    assert len(compare(wrote, late, POLICY, NOW, builders.at(29)).drifts) == 2


def test_a_ticket_with_another_key_has_moved() -> None:
    moved = replace(REF, key="acme/tools#9")
    (drift,) = compare(an_incident(), a_state(ref=moved), POLICY, NOW).drifts
    assert drift == Drift(TICKET, REF.key, "acme/tools#9", builders.at(30))


def test_the_ticket_of_a_team_that_is_no_more_is_left_alone() -> None:
    stranded = replace(an_incident(), team="gone")
    assert not compare(stranded, a_state(owners=()), POLICY, NOW).differs


def test_a_ticket_that_is_known_as_gone_is_not_missed_again_and_differs_once_it_is_back() -> None:
    gone = hear_tasks(
        an_incident(),
        [TaskGone(1, Side.TASK, "deleted")],
        POLICY.teams["payments"],
        POLICY,
        NOW,
    )[0]
    assert missing(an_incident(), REF) == Drift(TICKET, REF.key, None, None)
    assert missing(gone, REF) is None
    (back,) = compare(gone, a_state(), POLICY, NOW).drifts
    assert back == Drift(TICKET, None, REF.key, builders.at(30))
    assert done(gone, read(gone, a_state()), TICKET) is Became.FOLLOWED


# --- what became of it --------------------------------------------------------------------------


def test_what_only_the_ticket_changed_is_taken_over() -> None:
    before = an_incident()
    assert done(before, read(before, a_state(owners=(builders.NOOR,)))) is Became.TAKEN_OVER


def test_what_the_ticket_may_not_say_is_written_over() -> None:
    rules = SyncRules(fields={Field.OWNER: FieldRules(frozenset({Side.DOCUMENT}))})
    policy = builders.policy(sync=rules)
    before = an_incident()
    after = read(before, a_state(owners=(builders.NOOR,)), policy)
    assert done(before, after, policy=policy) is Became.WRITTEN_OVER


def test_what_both_changed_to_different_values_is_a_conflict() -> None:
    lee = Person("lee", "Lee Park")
    before = an_incident(replace(an_item(), owner="Noor Aziz"))
    assert done(before, read(before, a_state(owners=(lee,)))) is Became.CONFLICT
    rules = {Field.OWNER: FieldRules(prefer=Prefer.DOCUMENT)}
    kept = builders.policy(sync=SyncRules(fields=rules))
    assert done(before, read(before, a_state(owners=(lee,)), kept), policy=kept) is Became.CONFLICT


def test_what_both_changed_to_the_same_value_is_agreed_on() -> None:
    before = an_incident(replace(an_item(), owner="Noor Aziz"))
    assert done(before, read(before, a_state(owners=(builders.NOOR,)))) is Became.AGREED


def test_what_was_changed_back_before_it_was_read_is_equal_again() -> None:
    before = an_incident()
    assert done(before, read(before, a_state())) is Became.EQUAL_AGAIN


def test_what_keeps_flipping_is_left_alone() -> None:
    item, rules = an_item(), POLICY.teams["payments"].sync
    flips = tuple(NOW - timedelta(seconds=n) for n in range(rules.flips - 1, 0, -1))
    agreement = replace(
        item.sides[Side.TASK], replaced={Field.OWNER: "noor"}, flips={Field.OWNER: flips}
    )
    before = an_incident(replace(item, sides={Side.TASK: agreement}))
    assert done(before, read(before, a_state(owners=(builders.NOOR,)))) is Became.LEFT_ALONE


def test_a_ticket_that_is_where_it_was_was_never_missing() -> None:
    before = an_incident()
    assert done(before, read(before, a_state()), TICKET) is None


# --- rows ---------------------------------------------------------------------------------------


def table(owner: str) -> str:
    head = (
        "| ID | Action | Kind | Owner | Milestone | Due | Status |\n|---|---|---|---|---|---|---|"
    )
    return f"{head}\n| AI-1 | Alert on depth | corrective | {owner} | — | — | open |"


def with_document(**values: Any) -> Incident:
    ref = DocumentRef("github-pull-request", "1", "https://git.example/1", "v1")
    seen = {"actions": table("Kim Ito")}
    known = Postmortem("github", ref, DocumentStatus.DRAFT, seen, seen, seen, {}, **values)
    return replace(an_incident(), postmortem=known)


def test_a_row_that_reads_otherwise_than_last_time_differs_in_that_field() -> None:
    now = {"actions": table("Noor Aziz")}
    drift = Drift("owner", "Kim Ito", "Noor Aziz", None)
    assert compare_rows(with_document(), now) == {"AI-1": (drift,)}
    assert compare_rows(with_document(), {"actions": table("Kim Ito")}) == {}


def test_our_own_write_whose_answer_never_came_is_no_drift() -> None:
    now = {"actions": table("Noor Aziz")}
    asked = {"actions": (digest(now["actions"]),)}
    assert compare_rows(with_document(asked=asked), now) == {}
