"""When it is asked whether a measure works, and what the answers lead to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from builders import KIM, NOON, NOOR, closed, comment, document, policy, task_ref
from hypothesis import given, settings
from hypothesis import strategies as st
from in_force import acts_in_markdown, markdown_shape, payloads

from service.store.codec import dump, load
from workflows import audit_text
from workflows.action_table import table
from workflows.audits import held_up, plan, to_be_sure_of, to_be_withdrawn
from workflows.calendars import USUAL, Calendar
from workflows.effects import CreateTask, Effect, SetFields, WriteNote
from workflows.events import (
    AuditRead,
    Sent,
    TaskCreated,
    TaskGone,
    TaskRead,
    TaskReading,
    TicketUnchanged,
)
from workflows.folding import fold
from workflows.ladder import LONGEST, interval_before, opens_at
from workflows.lifecycle import decide
from workflows.model import (
    ActionItem,
    Change,
    Comment,
    Incident,
    Kind,
    Origin,
    Person,
    Phase,
    Postmortem,
    Status,
    StatusCategory,
    Ticket,
)
from workflows.moments import Moments
from workflows.policy import (
    AuditRules,
    FieldRules,
    KnownPerson,
    Policy,
    Span,
    SpanUnit,
    SyncRules,
    TaskDestination,
    Team,
)
from workflows.rehearsal import pretend
from workflows.rungs import Audit, Verdict
from workflows.snapshots import Agreement, Claim, Field, Progress, Said, Side, Stuck
from workflows.standing import Decision
from workflows.tasks import TaskState

DAY = timedelta(days=1)
OPS = TaskDestination("github", "acme/ops", labels=("audit",))


def days(*counts: int) -> tuple[Span, ...]:
    return tuple(Span(count, SpanUnit.DAYS) for count in counts)


RULES = AuditRules(
    OPS,
    ladder={"sev3": ()},
    usual=days(30, 90, 180),
    corrective=days(30)[0],
    reviewers=("Kim Ito", "Noor Aziz"),
)

REVIEWED = replace(RULES, reviewers=("Kim Ito", "Lee Park", "Noor Aziz"))


def team(audits: AuditRules) -> Team:
    return next(iter(rules(audits).teams.values()))


def rules(audits: AuditRules | None = RULES, **team: Any) -> Policy:
    whole = policy()
    changed = replace(whole.teams["payments"], audits=audits, **team)
    return replace(whole, teams={"payments": changed})


def measure(status: Progress = Progress.DONE, at: datetime = NOON, **values: Any) -> ActionItem:
    """A preventive measure of Kim's, which its ticket says is done."""
    said = {Field.STATUS: Claim(Side.TASK, Said(status.value, at, "Kim Ito"))}
    base = ActionItem(
        1, Origin("ticket", "I_42"), "Alert on depth", Kind.PREVENTIVE, owner="Kim Ito"
    )
    base = replace(base, task=task_ref(1), linked=True, status=status.value, said=said)
    stands = Agreement({Field.STATUS: "done"}, {Field.STATUS: "done"}, place="acme/ops")
    return replace(base, **{"sides": {Side.TASK: stands}, **values})


def incident(*items: ActionItem, **values: Any) -> Incident:
    shown = document("# Postmortem\n\nhttps://only.example/people-read-it\n")
    known = Postmortem(
        "docs", shown.ref, shown.status, shown.regions, shown.regions, {}, {}, shown.text
    )
    base = Incident(
        "k3v9w", "payments", closed().ref, "Checkout answers 500", Phase.CLOSED, severity="sev1"
    )
    moments = Moments(NOON, NOON, NOON, NOON, NOON, NOON + timedelta(hours=1))
    return replace(base, postmortem=known, actions=items, moments=moments, **values)


def asked(known: Incident, now: datetime, policy: Policy, **readings: Any) -> Decision:
    audits, read = readings.pop("audits", ()), as_known(known, now, policy)
    told = {reading.audit for reading in audits}
    read["audits"] = [*audits, *(each for each in read["audits"] if each.audit not in told)]
    readings = {**read, **readings}
    return decide(TicketUnchanged(), known, policy, new_id="new", now=now, **readings)


def as_known(known: Incident, now: datetime, policy: Policy) -> dict[str, list[Any]]:
    """What a turn reads though nobody told of it; nothing of it is news."""
    opening = set(to_be_sure_of(known, now))
    tasks = [unchanged(item) for item in known.actions if item.task in opening]
    over = to_be_withdrawn(known, policy.teams["payments"])
    return {"tasks": tasks, "audits": [unsaid(audit) for audit in over]}


def unchanged(item: ActionItem) -> TaskReading:
    assert item.task is not None
    if words := item.sides[Side.TASK].gone:
        return TaskGone(item.number, Side.TASK, words)
    stands = Status("open", StatusCategory.NEW)
    state = TaskState(item.task, "acme/ops", item.title, stands, NOON, silent=tuple(Field))
    return TaskRead(item.number, Side.TASK, state)


def settled(
    known: Incident, now: datetime, policy: Policy, **readings: Any
) -> tuple[Incident, list[Effect]]:
    """A turn to its end in which everything succeeds; what it did for the first time. `readings`
    are of what was told."""
    done: dict[str, Effect] = {}
    for _ in range(50):
        looked = as_known(known, now, policy)
        decision = asked(known, now, policy, **readings)
        readings = {}
        assert decision.incident is not None
        known = decision.incident
        wish = next((each for each in decision.effects if each.key not in done), None)
        if wish is not None:
            done[wish.key] = wish
            known = fold(pretend(wish, known, now), known)
        elif as_known(known, now, policy) == looked:
            return known, list(done.values())
    raise AssertionError("it does not come to rest")


def opened(known: Incident | None = None, policy: Policy | None = None) -> Incident:
    """The first audit of the measure has its ticket."""
    policy = policy or rules()
    known, _ = settled(known or incident(measure()), NOON, policy)
    known, _ = settled(known, NOON + 30 * DAY, policy)
    assert known.audits[0].ticket is not None
    return known


def asks(known: Incident, *comments: Comment, **values: Any) -> AuditRead:
    """The ticket of the latest audit as it is read, with these comments."""
    audit = next(each for each in reversed(known.audits) if each.ticket)
    read = unsaid(audit)
    return replace(read, ticket=replace(read.ticket, comments=comments, **values))


def unsaid(audit: Audit) -> AuditRead:
    """The ticket of an audit on which nobody said anything."""
    assert audit.ticket is not None
    ticket = Ticket(
        ref=audit.ticket,
        place="acme/ops",
        title="Audit",
        text="",
        status=Status("open", StatusCategory.NEW),
        created=NOON,
        updated=NOON,
    )
    return AuditRead(audit.place, ticket)


def says(text: str, at: datetime = NOON + 31 * DAY, author: Person | None = NOOR) -> Comment:
    return replace(comment(text), at=at, author=author)


# --- the ladder -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "after"), [(1, 30), (2, 90), (3, 180), (4, 360), (5, 720), (6, 1085), (7, 1450)]
)
def test_intervals_grow_past_the_ladder_up_to_a_year(step: int, after: int) -> None:
    assert opens_at(step, NOON, team(RULES), Kind.PREVENTIVE, "sev1") == NOON + after * DAY


def test_a_ladder_ends_where_the_rules_let_it() -> None:
    ends = replace(RULES, lengthen=0)
    assert opens_at(4, NOON, team(ends), Kind.DETECTIVE, "sev1") is None
    assert opens_at(2, NOON, team(RULES), Kind.CORRECTIVE, "sev1") is None
    assert opens_at(1, NOON, team(RULES), Kind.PREVENTIVE, "sev3") is None


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 800), min_size=1, max_size=5, unique=True).map(sorted),
    st.integers(1, 4),
    st.integers(1, 12),
)
def test_each_step_is_later_than_the_one_before_and_never_more_than_a_year_past_the_ladder(
    counts: list[int], lengthen: int, step: int
) -> None:
    ladder = replace(RULES, usual=days(*counts), lengthen=lengthen)
    here = opens_at(step, NOON, team(ladder), Kind.PREVENTIVE, "sev1")
    following = opens_at(step + 1, NOON, team(ladder), Kind.PREVENTIVE, "sev1")
    assert here is not None
    assert following is not None
    assert following > here
    last = max([b - a for a, b in zip([0, *counts], counts, strict=False)])
    if step >= len(counts):
        assert following - here <= max(LONGEST, last * DAY)


SPANS = st.builds(
    Span, st.integers(1, 40), st.sampled_from([SpanUnit.DAYS, SpanUnit.BUSINESS_DAYS])
)


@given(st.lists(SPANS, min_size=1, max_size=4), st.integers(0, 6))
def test_a_ladder_of_days_and_business_days_never_runs_backwards(
    ladder: list[Span], weekday: int
) -> None:
    mixed, done = team(replace(RULES, usual=tuple(ladder))), NOON + weekday * DAY
    last = done
    for step in range(1, 8):
        here = opens_at(step, done, mixed, Kind.PREVENTIVE, "sev1")
        assert here is not None
        assert here - last >= DAY
        assert interval_before(step, done, mixed, Kind.PREVENTIVE, "sev1") == here - last
        last = here


def test_an_audit_that_was_judged_late_is_not_followed_at_once_by_the_next() -> None:
    known = opened()
    late = NOON + 100 * DAY
    known, _ = settled(known, late, rules(), audits=[asks(known, says("/audit effective", late))])
    assert known.audits[1].opens == late + 30 * DAY  # half of the 60 days between 30 and 90


# --- rounds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "item",
    [
        measure(Progress.OPEN),
        measure(Progress.WONT_DO),
        measure(Progress.DUPLICATE),
        measure(given_up="given up by Kim"),
        measure(sides={Side.TASK: Agreement(gone="Not Found")}),
    ],
    ids=["not done", "won't do", "duplicate", "given up", "deleted"],
)
def test_what_is_not_done_or_waived_or_gone_has_no_audit(item: ActionItem) -> None:
    known, done = settled(incident(item), NOON + 400 * DAY, rules())
    assert known.audits == ()
    assert not [wish for wish in done if isinstance(wish, CreateTask)]


def test_a_measure_is_done_since_its_tracker_said_so() -> None:
    known, _ = settled(incident(measure(at=NOON - 5 * DAY)), NOON, rules())
    assert known.actions[0].done_at == NOON - 5 * DAY
    assert known.audits[0].next_at(USUAL) == ("opens", NOON + 25 * DAY)


def test_nothing_opens_while_the_incidents_ticket_is_gone() -> None:
    known, _ = settled(incident(measure()), NOON, rules())
    known, done = settled(replace(known, phase=Phase.GONE), NOON + 60 * DAY, rules())
    assert not [wish for wish in done if isinstance(wish, CreateTask)]


def test_an_incident_that_was_saved_before_there_were_audits_loads_and_begins_its_rounds() -> None:
    data = json.loads(json.dumps(dump(Incident, incident(measure()))))
    del data["audits"], data["actions"][0]["done_at"]
    known, notes = plan(load(Incident, data), rules().teams["payments"], NOON + DAY)
    assert [audit.opens for audit in known.audits] == [NOON + 30 * DAY]
    assert "AI-1, audit 1.1 opens on 2027-01-06" in notes[0]


def test_audits_are_saved_and_read_as_they_are() -> None:
    known = opened()
    known, _ = settled(known, NOON + 31 * DAY, rules(), audits=[asks(known, says("/audit what"))])
    assert load(Incident, json.loads(json.dumps(dump(Incident, known)))) == known


def test_who_takes_the_measure_over_before_the_ticket_is_there_does_not_review_it() -> None:
    known, _ = settled(incident(measure()), NOON, rules())
    decision = asked(known, NOON + 30 * DAY, rules())
    assert decision.incident is not None
    assert decision.incident.audits[0].reviewer == "Noor Aziz"
    taken = replace(decision.incident.actions[0], owner="Noor Aziz")
    decision = asked(replace(decision.incident, actions=(taken,)), NOON + 31 * DAY, rules())
    (wish,) = (each for each in decision.effects if isinstance(each, CreateTask))
    assert wish.owner_name == "Kim Ito"
    assert wish.due == date(2027, 1, 20)  # as it was when it was first asked for


def test_one_whose_opening_was_held_up_past_its_due_date_is_due_later() -> None:
    known, _ = settled(incident(measure()), NOON, rules())
    decision = asked(known, NOON + 30 * DAY, rules())
    for days_late in (13, 14, 15):  # 2027-01-20 is the last day of the due date
        now = NOON + (30 + days_late) * DAY
        assert decision.incident is not None
        decision = asked(decision.incident, now, rules())
        (wish,) = (each for each in decision.effects if isinstance(each, CreateTask))
        assert wish.due == (date(2027, 1, 20) if days_late < 15 else date(2027, 2, 4))


def test_one_that_came_due_before_it_was_planned_opens_only_after_its_measure_was_read() -> None:
    """Nobody looked for 40 days: that the measure was done is heard when its audit is late."""
    before, now = incident(measure()), NOON + 40 * DAY
    decision = asked(before, now, rules())
    assert decision.incident is not None
    (planned,) = decision.incident.audits
    assert planned.opens < now
    assert not [each for each in decision.effects if isinstance(each, CreateTask)]
    assert task_ref(1) in to_be_sure_of(decision.incident, now)

    undone = with_status(decision.incident, Progress.OPEN, now)
    assert not [each for each in settled(undone, now, rules())[1] if isinstance(each, CreateTask)]
    again = asked(decision.incident, now, rules())
    assert len([each for each in again.effects if isinstance(each, CreateTask)]) == 1


def unread(known: Incident, now: datetime, policy: Policy, **readings: Any) -> Decision:
    """What is decided while nothing can be read but this."""
    return decide(TicketUnchanged(), known, policy, new_id="new", now=now, **readings)


def creates(decision: Decision) -> list[CreateTask]:
    return [each for each in decision.effects if isinstance(each, CreateTask)]


def test_none_is_opened_before_each_ticket_of_its_measure_was_read() -> None:
    both = measure(twin=task_ref(2), mirrored=(Side.TASK, Side.TWIN))
    known, now = settled(incident(both), NOON, rules())[0], NOON + 30 * DAY
    assert to_be_sure_of(known, now) == [task_ref(1), task_ref(2)]
    task = unchanged(both)
    twin = replace(task, side=Side.TWIN)
    for read in ([], [task], [twin]):
        decision = unread(known, now, rules(), tasks=read)
        assert creates(decision) == []
        assert decision.incident is not None
        assert decision.incident.audits[0].due is None
    asked_for = unread(known, now, rules(), tasks=[task, twin])
    assert len(creates(asked_for)) == 1
    assert asked_for.incident is not None  # held up, and asked for again by a later turn
    assert creates(unread(asked_for.incident, now + DAY, rules(), tasks=[twin])) == []


def test_that_a_measure_cannot_be_read_because_the_rules_lost_its_connection_is_said() -> None:
    known = settled(incident(measure()), NOON, rules())[0]
    assert held_up(known, {"jira"}, NOON + 29 * DAY) == []
    assert held_up(known, {"github"}, NOON + 30 * DAY) == []
    (why,) = held_up(known, {"jira"}, NOON + 30 * DAY)
    assert why.startswith(
        "an audit waits for acme/ops#101 to be read: the rules have no connection"
    )


def in_the_row(known: Incident) -> Incident:
    """Somebody opens the measure in the document."""
    assert known.postmortem is not None
    base = table(known.actions)
    seen = base.replace("| done |", "| open |")
    shown = replace(known.postmortem, base={"actions": base}, seen={"actions": seen})
    return replace(known, postmortem=shown)


def of_a_low_severity(known: Incident) -> Incident:
    return replace(known, severity="sev3")


def given_up(known: Incident) -> Incident:
    return replace(known, actions=(replace(known.actions[0], given_up="given up by Kim"),))


def reopened(known: Incident) -> Incident:
    return with_status(known, Progress.OPEN, NOON + 32 * DAY)


@pytest.mark.parametrize("change", [in_the_row, of_a_low_severity, given_up, reopened])
def test_one_is_withdrawn_only_after_its_ticket_was_read_whatever_ends_it(
    change: Callable[[Incident], Incident],
) -> None:
    known, now = change(opened()), NOON + 33 * DAY
    decision = unread(known, now, rules())
    assert decision.incident is not None
    assert decision.incident.audits[0].lives
    team = rules().teams["payments"]
    assert to_be_withdrawn(decision.incident, team) == [decision.incident.audits[0]]
    heard, _ = settled(decision.incident, now, rules(), audits=[asks(known, says("/audit partly"))])
    assert heard.audits[0].verdict is Verdict.PARTLY
    after, _ = settled(decision.incident, now, rules())
    assert after.audits[0].ended


def test_nobody_is_told_that_an_audit_is_overdue_which_is_to_be_withdrawn() -> None:
    known = with_status(opened(), Progress.OPEN, NOON + 32 * DAY)
    decision = unread(known, NOON + 60 * DAY, rules())
    assert not [each for each in decision.effects if isinstance(each, WriteNote)]


def test_where_the_rules_lost_an_audits_connection_nobody_waits_for_its_ticket() -> None:
    known = with_status(opened(), Progress.OPEN, NOON + 32 * DAY)
    lost = replace(rules(), connections={"docs": "github"})
    decision = unread(known, NOON + 33 * DAY, lost)
    assert decision.incident is not None
    assert decision.incident.audits[0].ended


# --- verdicts -------------------------------------------------------------------------------------


def test_not_effective_opens_the_measures_ticket_again() -> None:
    known = opened()
    known, done = settled(
        known, NOON + 31 * DAY, rules(), audits=[asks(known, says("/audit not-effective"))]
    )
    (wish,) = (each for each in done if isinstance(each, SetFields))
    assert wish.task == task_ref(1)
    assert wish.status is not None
    assert wish.status.progress is Progress.OPEN
    assert known.actions[0].status == "open"
    assert len(known.actions) == 1


def test_not_effective_asks_for_a_successor_where_statuses_are_not_kept_in_sync() -> None:
    fields = {**SyncRules().fields, Field.STATUS: FieldRules(frozenset())}
    apart = rules(sync=SyncRules(fields=fields))
    known = opened(policy=apart)
    known, done = settled(
        known, NOON + 31 * DAY, apart, audits=[asks(known, says("/audit not-effective"))]
    )
    assert known.actions[0].status == "done"
    assert known.actions[1].title.startswith("Replace AI-1")
    assert known.audits[0].led_to == 2
    assert len(known.audits) == 1  # what failed is asked nothing more
    created = [each for each in done if isinstance(each, CreateTask)]
    assert known.audits[0].ticket is not None
    assert known.audits[0].ticket.key in created[0].text


def test_a_measure_that_its_tracker_does_not_take_back_gets_a_successor_once() -> None:
    known = opened()
    known, _ = settled(
        known, NOON + 31 * DAY, rules(), audits=[asks(known, says("/audit not-effective"))]
    )
    stuck = Agreement(
        {Field.STATUS: "done"}, stuck={Field.STATUS: Stuck("open", "no way back")}, place="acme/ops"
    )
    item = replace(known.actions[0], sides={Side.TASK: stuck})
    known, _ = settled(replace(known, actions=(item,)), NOON + 32 * DAY, rules())
    known, _ = settled(known, NOON + 33 * DAY, rules())
    assert [each.title.split(":")[0] for each in known.actions] == [
        "Alert on depth",
        "Replace AI-1",
    ]


@pytest.mark.parametrize("said", ["/audit effective because", "/AUDIT Effective."])
def test_a_command_is_read_in_any_case_and_without_evidence(said: str) -> None:
    known = opened()
    known, _ = settled(known, NOON + 31 * DAY, rules(), audits=[asks(known, says(said))])
    assert known.audits[0].verdict is Verdict.EFFECTIVE
    assert known.audits[0].evidence == ""


def test_evidence_is_what_stands_behind_because_and_below() -> None:
    known = opened()
    text = "/audit effective because it fired twice\n\n> a quote\n\nhttps://graphs.example/1"
    known, _ = settled(known, NOON + 31 * DAY, rules(), audits=[asks(known, says(text))])
    assert known.audits[0].evidence == "it fired twice https://graphs.example/1"


def test_of_several_verdicts_the_first_said_holds_in_whatever_order_they_are_read() -> None:
    known = opened()
    first = replace(says("/audit effective because one", NOON + 31 * DAY), id="a")
    second = replace(says("/audit partly because two", NOON + 32 * DAY), id="b")
    for order in ((first, second), (second, first)):
        after, _ = settled(known, NOON + 33 * DAY, rules(), audits=[asks(known, *order)])
        assert after.audits[0].verdict is Verdict.EFFECTIVE
        assert [answer.text for answer in after.audits[0].answers] == [
            "it was judged already: effective, by Noor Aziz"
        ]


def test_what_is_internal_is_not_heard() -> None:
    known = opened()
    hidden = replace(says("/audit effective"), internal=True)
    known, _ = settled(known, NOON + 31 * DAY, rules(), audits=[asks(known, hidden)])
    assert known.audits[0].verdict is None
    assert known.audits[0].answers == ()


def test_of_a_restricted_ticket_the_verdict_counts_and_its_words_are_told_nowhere() -> None:
    known = opened()
    read = asks(known, says("/audit effective because secret"), restricted=True)
    known, _ = settled(known, NOON + 31 * DAY, rules(), audits=[read])
    assert known.audits[0].verdict is Verdict.EFFECTIVE
    assert "secret" not in known.audits[0].evidence


def test_a_label_that_nobody_is_known_to_have_set_does_not_count() -> None:
    known = opened()
    read = asks(known, labels=("audit:effective",))
    known, _ = settled(known, NOON + 31 * DAY, rules(), audits=[read])
    assert known.audits[0].verdict is None
    assert known.audits[0].answers[0].text == "nobody can tell who said so"


def test_strangers_are_answered_once_and_whose_right_was_not_known_counts_later() -> None:
    known, now = opened(), NOON + 31 * DAY
    asking = [
        replace(says("/audit effective because so"), id=f"s{n}", may_write=False) for n in range(30)
    ]
    known, done = settled(known, now, rules(), audits=[asks(known, *asking)])
    assert [e.text for e in done if isinstance(e, WriteNote)] == [
        audit_text.refused("who wrote it may not write in this tracker")
    ]
    why = "who may write could not be found out"
    noor = replace(says("/audit effective because it fired"), id="c9")
    unsure = [*asking, *(replace(noor, id=f"c{n}", may_write=False) for n in range(7, 10))]
    for hour in range(2):
        read = asks(known, *unsure, writers_unknown=why)
        known, done = settled(known, now + timedelta(hours=hour), rules(), audits=[read])
        told = [e.text for e in done if isinstance(e, WriteNote)]
        assert told == ([] if hour else [audit_text.refused(why)])
    assert known.audits[0].verdict is None
    known, _ = settled(known, now + DAY, rules(), audits=[asks(known, *asking, noor)])
    assert known.audits[0].verdict is Verdict.EFFECTIVE


@pytest.mark.parametrize(
    "shown",
    [
        {"labels": ("audit:effective",)},
        {"status": Status("Verified", StatusCategory.NEW)},
        {"fields": {"Audit verdict": "effective"}},
    ],
    ids=["label", "status", "field"],
)
def test_what_nobody_is_known_to_have_said_is_answered_once_though_each_answer_moves_the_ticket(
    shown: dict[str, Any],
) -> None:
    words = {Verdict.EFFECTIVE: ("Verified",)}
    ours = rules(replace(RULES, verdict_field="Audit verdict", verdicts=words))
    known, notes = opened(policy=ours), list[WriteNote]()
    for hour in range(4):
        now = NOON + 31 * DAY + timedelta(hours=hour)
        read = asks(known, updated=now, **shown)
        known, done = settled(known, now, ours, audits=[read])
        notes += [each for each in done if isinstance(each, WriteNote)]
    assert [each.text for each in notes] == [audit_text.refused("nobody can tell who said so")]


def test_a_field_that_the_rules_call_by_its_id_is_found_among_the_changes() -> None:
    ours = rules(replace(RULES, verdict_field="customfield_10042"))
    known, at = opened(policy=ours), NOON + 31 * DAY
    values = {"customfield_10042": "effective", "Audit verdict": "effective"}
    change = Change(at, NOOR, "Audit verdict", None, "effective", field_id="customfield_10042")
    read = asks(known, fields=values, changes=(change,), updated=at + DAY)
    known, _ = settled(known, at + DAY, ours, audits=[read])
    assert (known.audits[0].verdict, known.audits[0].by) == (Verdict.EFFECTIVE, "Noor Aziz")
    assert known.audits[0].at == at


@pytest.mark.parametrize(
    ("field", "value"), [("Audit verdict", "Not effective"), ("Audit verdict", "Failed")]
)
def test_a_field_says_the_verdict_in_its_words_or_the_rules(field: str, value: str) -> None:
    words: Mapping[Verdict, Sequence[str]] = {Verdict.NOT_EFFECTIVE: ("Failed",)}
    ours = rules(
        replace(RULES, verdict_field=field, verdicts={v: tuple(w) for v, w in words.items()})
    )
    known = opened(policy=ours)
    set_at = NOON + 31 * DAY
    read = asks(known, fields={field: value}, changes=(Change(set_at, NOOR, field, None, value),))
    known, _ = settled(known, set_at, ours, audits=[read])
    assert (known.audits[0].verdict, known.audits[0].at) == (Verdict.NOT_EFFECTIVE, set_at)


def test_a_former_owner_who_owned_it_when_the_audit_opened_does_not_judge_it() -> None:
    known = opened()
    given = replace(known.actions[0], owner="Noor Aziz")
    known = replace(known, actions=(given,))
    read = asks(known, says("/audit effective", author=KIM))
    known, _ = settled(known, NOON + 31 * DAY, rules(), audits=[read])
    assert known.audits[0].verdict is None


@pytest.mark.parametrize("status", [Progress.WONT_DO, Progress.DUPLICATE])
def test_an_older_verdict_leaves_a_measure_waived_that_was_so_since(status: Progress) -> None:
    known = with_status(opened(), status, NOON + 32 * DAY)
    read = asks(known, says("/audit not-effective", NOON + 31 * DAY))
    known, done = settled(known, NOON + 33 * DAY, rules(), audits=[read])
    assert known.audits[0].verdict is Verdict.NOT_EFFECTIVE
    assert [item.status for item in known.actions] == [status.value]
    assert not [each for each in done if isinstance(each, SetFields)]
    (note,) = (each.text for each in done if isinstance(each, WriteNote))
    assert "AI-1 was waived meanwhile, and is left so" in note


def test_what_is_not_effective_and_was_deleted_since_has_a_successor() -> None:
    known = opened()
    gone = replace(known.actions[0], sides={Side.TASK: Agreement(gone="Not Found")})
    known = replace(known, actions=(gone,))
    read = asks(known, says("/audit not-effective", NOON + 31 * DAY))
    known, _ = settled(known, NOON + 33 * DAY, rules(), audits=[read])
    assert known.actions[1].title.startswith("Replace AI-1")
    assert known.audits[0].led_to == 2


def test_a_measure_that_is_in_work_again_is_not_put_back_by_an_older_verdict() -> None:
    known = with_status(opened(), Progress.IN_PROGRESS, NOON + 32 * DAY)
    read = asks(known, says("/audit not-effective", NOON + 31 * DAY))
    known, done = settled(known, NOON + 33 * DAY, rules(), audits=[read])
    assert (known.actions[0].status, known.audits[0].led_to) == ("in progress", 1)
    assert not [each for each in done if isinstance(each, SetFields)]


@pytest.mark.parametrize(("on", "counts"), [(31.5, True), (32, True), (32.5, False)])
def test_a_verdict_counts_if_it_was_given_while_the_measure_was_done(
    on: float, counts: bool
) -> None:
    """Both are heard in one turn."""
    known = with_status(opened(), Progress.OPEN, NOON + 32 * DAY)
    read = asks(known, says("/audit partly", NOON + on * DAY))
    known, done = settled(known, NOON + 33 * DAY, rules(), audits=[read])
    assert (known.audits[0].verdict is not None) is counts
    assert len(known.actions) == 1 + counts
    told = " ".join(each.text for each in done if isinstance(each, WriteNote))
    assert ("AI-1 was open already when it was given" in told) is not counts


def test_whoever_quotes_a_verdict_to_thank_for_it_is_not_answered() -> None:
    known = opened()
    said = replace(says("/audit effective because it fired"), id="a")
    thanks = replace(says("> /audit effective because it fired\n\nThanks", NOON + 32 * DAY), id="b")
    known, _ = settled(known, NOON + 33 * DAY, rules(), audits=[asks(known, said)])
    known, done = settled(known, NOON + 33 * DAY, rules(), audits=[asks(known, said, thanks)])
    assert known.audits[0].answers == ()
    assert not [each for each in done if isinstance(each, WriteNote)]


@pytest.mark.parametrize("text", ["/audit great", "> /audit effective"])
def test_who_mends_a_command_in_its_comment_is_told_once_that_a_new_one_is_needed(
    text: str,
) -> None:
    known, notes = opened(), list[str]()
    first = replace(says(text), id="a")
    mended = replace(first, text="/audit effective because it fired", edited=True)
    for day, said in enumerate((first, first, mended, mended), 31):
        now = NOON + day * DAY
        known, done = settled(known, now, rules(), audits=[asks(known, said)])
        notes += [each.text for each in done if isinstance(each, WriteNote)]
    assert known.audits[0].verdict is None
    assert len(notes) == 2
    assert "the comment was edited; write a new one" in notes[1]


def test_a_comment_that_judged_may_be_edited_in_peace() -> None:
    known = opened()
    said = replace(says("/audit effective because it fired"), id="a")
    known, _ = settled(known, NOON + 31 * DAY, rules(), audits=[asks(known, said)])
    edited = replace(said, text=f"{said.text} twice", edited=True)
    known, done = settled(known, NOON + 32 * DAY, rules(), audits=[asks(known, edited)])
    assert known.audits[0].evidence == "it fired"
    assert not [each for each in done if isinstance(each, WriteNote)]


# --- not made, or made and not heard of -----------------------------------------------------------


def test_one_that_was_moot_before_it_was_made_counts_as_a_round() -> None:
    known, _ = settled(incident(measure()), NOON, rules())
    held_up = asked(known, NOON + 30 * DAY, rules()).incident
    assert held_up is not None
    undone = with_status(held_up, Progress.OPEN, NOON + 31 * DAY)
    known, done = settled(undone, NOON + 31 * DAY, rules())
    assert [each.moot for each in done if isinstance(each, CreateTask)] == [True]
    assert known.audits[0].standing == "withdrawn"
    known, _ = settled(with_status(known, Progress.DONE, NOON + 32 * DAY), NOON + 32 * DAY, rules())
    known, done = settled(known, NOON + 70 * DAY, rules())
    assert [each.key for each in done if isinstance(each, CreateTask)] == ["audit:k3v9w:1:2:1"]


def test_none_is_made_while_the_incidents_ticket_is_gone_and_it_is_once_that_is_back() -> None:
    known, _ = settled(incident(measure()), NOON, rules())
    held_up = asked(known, NOON + 30 * DAY, rules()).incident
    assert held_up is not None
    gone = replace(held_up, phase=Phase.GONE)
    (wish,) = creates(asked(gone, NOON + 31 * DAY, rules()))
    assert wish.moot  # looked for, because it may have been made, and not made
    known, _ = settled(gone, NOON + 31 * DAY, rules())
    assert [(each.ticket, each.due, each.lives) for each in known.audits] == [(None, None, True)]
    known, done = settled(replace(known, phase=Phase.CLOSED), NOON + 40 * DAY, rules())
    # the key of what was never made is spent
    assert [each.key for each in done if isinstance(each, CreateTask)] == ["audit:k3v9w:1:1:2"]
    assert known.audits[0].step == 1


def test_one_that_is_found_is_due_when_its_ticket_says_and_names_whom_that_names() -> None:
    known, _ = settled(incident(measure()), NOON, rules())
    first = asked(known, NOON + 30 * DAY, rules())
    assert first.incident is not None
    (wish,) = creates(first)
    taken = replace(first.incident.actions[0], owner="Noor Aziz")
    later = asked(replace(first.incident, actions=(taken,)), NOON + 50 * DAY, rules()).incident
    assert later is not None
    moved = later.audits[0]
    assert (moved.due, moved.reviewer, moved.owner) != (wish.due, "Noor Aziz", "Kim Ito")
    sent = Sent(wish.due, wish.owner_name or "", wish.measure_owner)
    found = fold(TaskCreated(wish.key, task_ref(9), False, sent=sent), later).audits[0]
    assert (found.due, found.reviewer, found.owner) == (wish.due, "Noor Aziz", "Kim Ito")


@pytest.mark.parametrize("away_on", [date(2027, 1, 6), date(2027, 1, 20)])
@pytest.mark.parametrize("who", ["Lee Park", "Noor Aziz"])
def test_whoever_is_away_when_it_opens_or_is_due_does_not_review_it(
    who: str, away_on: date
) -> None:
    known, _ = settled(incident(measure()), NOON, rules(REVIEWED))
    assert reviewer(known, {who: away_on}) == ({"Lee Park", "Noor Aziz"} - {who}).pop()


def test_where_all_reviewers_are_away_one_is_asked_all_the_same() -> None:
    known, _ = settled(incident(measure()), NOON, rules(REVIEWED))
    on = date(2027, 1, 6)
    assert reviewer(known, {"Lee Park": on, "Noor Aziz": on}) == reviewer(known, {})


def reviewer(known: Incident, away: Mapping[str, date]) -> str | None:
    """Who is asked on the 30th day, where these are away on those days."""
    ours = rules(REVIEWED)
    spells = {name: ((day, day),) for name, day in away.items()}
    people = (*ours.people, KnownPerson("Lee Park", None, {"github": "lee"}))
    people = tuple(replace(each, away=spells.get(each.name, ())) for each in people)
    (wish,) = creates(asked(known, NOON + 30 * DAY, replace(ours, people=people)))
    return wish.owner_name


# --- once, for any pattern ------------------------------------------------------------------------

STATUSES = [Progress.DONE, Progress.OPEN, Progress.WONT_DO]
ACTS = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 60)),
    st.tuples(st.just("status"), st.sampled_from(STATUSES)),
    st.tuples(st.just("judge"), st.sampled_from(list(Verdict))),
    st.tuples(st.just("delete"), st.none()),
)


def with_status(known: Incident, status: Progress, now: datetime) -> Incident:
    """Somebody moves the measure's ticket, and that was read."""
    item = known.actions[0]
    said = {Field.STATUS: Claim(Side.TASK, Said(status.value, now, "Kim Ito"))}
    stands = replace(item.sides[Side.TASK], base={Field.STATUS: status.value})
    item = replace(item, status=status.value, said=said, sides={Side.TASK: stands})
    return replace(known, actions=(item, *known.actions[1:]))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(ACTS, st.booleans()), max_size=12))
def test_each_audit_opens_once_and_none_for_what_is_not_done(
    acts: list[tuple[tuple[str, Any], bool]],
) -> None:
    known, now, created = incident(measure()), NOON, dict[str, datetime]()
    for (what, value), idle in acts:
        if what == "wait":
            now += value * DAY
        elif what == "status":
            known = with_status(known, value, now)
        elif what == "delete":
            gone = replace(known.actions[0].sides[Side.TASK], gone="Not Found")
            item = replace(known.actions[0], sides={Side.TASK: gone})
            known = replace(known, actions=(item, *known.actions[1:]))
        reads = []
        if what == "judge" and any(a.ticket and a.lives for a in known.audits):
            said = replace(says(f"/audit {value}", now), id=f"c{now:%j}{len(created)}")
            reads = [asks(known, said)]
        if idle and not reads:
            continue  # the service is down
        known, done = settled(known, now, rules(), audits=reads)
        for wish in done:
            if isinstance(wish, CreateTask) and wish.key.startswith("audit:"):
                assert wish.key not in created
                created[wish.key] = now
                number = int(wish.key.split(":")[2])
                item = next(each for each in known.actions if each.number == number)
                assert item.status == Progress.DONE.value
                assert not item.sides[Side.TASK].gone
    places = [audit.place for audit in known.audits]
    assert len(set(places)) == len(places)
    assert sum(audit.lives for audit in known.audits if audit.item == 1) <= 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 40), max_size=15))
def test_however_often_somebody_looks_the_end_is_the_same(steps: list[int]) -> None:
    """Looked at at any times, and once at the end, all that was planned is the same; only when it
    was opened is not."""
    total = 200
    known, often, now = incident(measure()), rules(), NOON
    for step in steps:
        if now + step * DAY > NOON + total * DAY:
            break
        now += step * DAY
        known, _ = settled(known, now, often)
    known, _ = settled(known, NOON + total * DAY, often)
    once, _ = settled(incident(measure()), NOON + total * DAY, often)

    def planned(audit: Audit) -> tuple[object, ...]:
        return (audit.place, audit.step, audit.since, audit.opens, audit.ticket is not None)

    assert [planned(a) for a in known.audits] == [planned(a) for a in once.audits]


# --- words ----------------------------------------------------------------------------------------


def test_the_ticket_names_what_was_linked_in_the_incident_and_not_in_the_document() -> None:
    known = opened()
    assert known.postmortem is not None
    evidence = {"evidence": "- <https://graphs.example/queue> — from a comment"}
    shown = replace(known.postmortem, wrote=evidence)
    item, audit = known.actions[0], known.audits[0]
    text = audit_text.text(known, item, audit, shown, rules().teams["payments"])
    assert "<https://graphs.example/queue>" in text
    assert "https://only.example" not in text
    assert "nobody wrote one down" in text


def test_days_are_those_of_the_teams_calendar() -> None:
    by = rules(calendar=Calendar("Pacific/Auckland"))
    decision = asked(incident(measure()), NOON, by)  # there it is the next day by then
    assert "AI-1, audit 1.1 opens on 2027-01-07" in "; ".join(decision.reasons)
    known = decision.incident
    assert known is not None
    (audit,) = known.audits
    assert "| 2027-01-07 |" in audit_text.region([audit], by.teams["payments"].calendar)
    assert known.postmortem is not None
    item = known.actions[0]
    text = audit_text.text(known, item, audit, known.postmortem, by.teams["payments"])
    assert "was done on 2026-12-08" in text
    assert "from 2026-12-08 (since the measure was done)" in text
    assert "at least to 2027-01-07" in text
    judged = replace(audit, verdict=Verdict.EFFECTIVE, by="Noor Aziz", at=NOON + 31 * DAY)
    row = audit_text.region([judged], by.teams["payments"].calendar)
    assert "by Noor Aziz, 2027-01-08" in row


def told(words: str) -> str:
    """The ticket of an audit of a measure that says these words, everywhere where it can."""
    item = measure(title=words, success_measure=words, owner=words)
    known = opened(incident(item, title=words, service=words))
    assert known.postmortem is not None
    team = rules(manager=words).teams["payments"]
    ticket = audit_text.text(known, known.actions[0], known.audits[0], known.postmortem, team)
    judged = replace(known.audits[0], verdict=Verdict.EFFECTIVE, by=words, ended=words)
    notes = [
        audit_text.withdrawn(judged),
        audit_text.overdue(replace(judged, reviewer=words), team),
        audit_text.refused(words),
        audit_text.verdict(known, judged, USUAL),
        audit_text.region([replace(judged, reviewer=words)], USUAL),
    ]
    return "\n\n".join([ticket, *notes])


@pytest.mark.parametrize("some", [payloads()[n::10] for n in range(10)], ids=range(10))
def test_hostile_words_do_nothing_in_an_audit(some: Sequence[str]) -> None:
    ours = ["acme/ops#42", "acme/ops#101"]
    plain = markdown_shape(told("word"), "https://git.example")
    for payload in some:
        text = told(payload)
        assert markdown_shape(text, "https://git.example") == plain, payload
        assert not acts_in_markdown(text, ours), payload
