"""What is chosen where the sides of an action item do not agree, and what is told of that."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from builders import at, task_ref, ticket

from workflows.apart import apart, in_comment, newly_apart
from workflows.audience import side_of
from workflows.choices import claim_of, hear, settle
from workflows.model import (
    ActionItem,
    DocumentRef,
    DocumentStatus,
    Incident,
    Kind,
    Origin,
    Phase,
    Postmortem,
    TicketRef,
)
from workflows.postmortem import comment, link_title
from workflows.snapshots import Agreement, Choice, Claim, Conflict, Field, Said, Side, Stuck

NOW = at(120)
CLAIMS = (Claim(Side.TASK, Said("Noor", at(80))), Claim(Side.DOCUMENT, Said("Lee", at(85))))
ITEM = ActionItem(
    1,
    Origin("comment", "c1"),
    "Tell Zebra",
    Kind.CORRECTIVE,
    owner="Lee",
    task=task_ref(1),
    said={Field.OWNER: CLAIMS[1]},
    conflicts=(Conflict(Field.OWNER, CLAIMS, "Lee"),),
)
NOOR = Choice(1, 1, Field.OWNER, "Noor", "sam", at(100))


def incident(item: ActionItem = ITEM) -> Incident:
    base = Incident("i1", "payments", ticket().ref, "", Phase.CLOSED)
    return replace(base, actions=(item,))


def settled(*choices: Choice, item: ActionItem = ITEM) -> Incident:
    return settle(hear(incident(item), choices), NOW)[0]


def answers(incident: Incident) -> list[str]:
    return [one.answer for one in incident.choices]


def test_a_choice_is_taken_in_once_however_often_it_is_read() -> None:
    after = settled(NOOR)
    assert after.actions[0].owner == "Noor"
    later = replace(after.actions[0], owner="Kim")
    after = replace(after, actions=(later,))
    again = hear(after, [NOOR])
    assert again == after
    assert settle(again, NOW) == (after, [])


def test_a_chosen_value_still_comes_from_the_side_that_said_it() -> None:
    """Who may read it depends on that, and not on who chose."""
    assert side_of(settled(NOOR).actions[0], Field.OWNER) is Side.TASK
    assert settled(NOOR).actions[0].said[Field.OWNER].said.by == "sam"


def test_choosing_what_holds_already_ends_the_conflict() -> None:
    after = settled(replace(NOOR, value="Lee"))
    assert after.actions[0].owner == "Lee"
    assert after.actions[0].conflicts == ()


def test_what_nobody_says_any_more_when_the_turn_comes_is_answered_and_changes_nothing() -> None:
    after = settled(replace(NOOR, value="Kim"), replace(NOOR, id=2, item=7))
    assert after.actions == (ITEM,)
    assert answers(after) == [
        "“Kim” is none of what was said of AI-1 owner: choose “Noor” (1) or “Lee” (2)",
        "there is no AI-7",
    ]


def test_a_value_in_another_case_is_meant_only_where_one_is_like_it() -> None:
    both = (*CLAIMS, Claim(Side.TWIN, Said("NOOR", at(90))))
    assert claim_of(Conflict(Field.OWNER, CLAIMS, "Lee"), "noor") == CLAIMS[0]
    assert claim_of(Conflict(Field.OWNER, both, "Lee"), "noor") is None
    assert claim_of(Conflict(Field.OWNER, both, "Lee"), "NOOR") == both[2]


def test_resuming_wakes_that_field_on_every_side_and_no_other() -> None:
    def side(**values: datetime) -> Agreement:
        rest = {Field(name): until for name, until in values.items()}
        stuck = {field: Stuck("x", "no") for field in rest}
        return Agreement(base={}, resting=rest, stuck=stuck, flips=dict.fromkeys(rest, (NOW,)))

    sides = {Side.TASK: side(owner=at(200), due=at(200)), Side.TWIN: side(owner=at(300))}
    after = settled(replace(NOOR, value=None, resumes=True), item=replace(ITEM, sides=sides))
    [item] = after.actions
    assert item.sides[Side.TASK] == side(due=at(200))
    assert item.sides[Side.TWIN] == side()
    assert item.conflicts == ITEM.conflicts
    assert answers(after) == ["kept in sync again"]


def test_a_conflict_is_news_when_it_begins_and_when_somebody_says_a_further_value() -> None:
    def news(before: Incident | None, after: Incident) -> list[Field]:
        return [field for _, field, _ in newly_apart(before, after, NOW)]

    third = Conflict(Field.OWNER, (*CLAIMS, Claim(Side.TWIN, Said("Kim", at(90)))), "Kim")
    assert news(incident(replace(ITEM, conflicts=())), incident()) == [Field.OWNER]
    assert news(None, incident()) == [Field.OWNER]
    assert news(incident(), incident()) == []
    assert news(incident(), incident(replace(ITEM, conflicts=(third,)))) == [Field.OWNER]
    assert news(incident(), incident(replace(ITEM, conflicts=()))) == []


def test_a_circuit_is_news_once_and_is_over_after_its_rest() -> None:
    rests = replace(
        ITEM, conflicts=(), sides={Side.TASK: Agreement(resting={Field.OWNER: at(180)})}
    )
    before, after = incident(replace(ITEM, conflicts=())), incident(rests)
    [(_, _, text)] = newly_apart(before, after, NOW)
    assert text == (
        "AI-1 owner: it kept being changed back on the task, and is left alone there"
        " until 2026-12-07 15:00 UTC"
    )
    assert list(newly_apart(after, after, NOW)) == []
    assert [each.waits for each in apart(after, NOW)] == [True]
    assert apart(after, at(181)) == ()


def test_a_title_that_was_said_elsewhere_is_not_repeated_on_the_incident_ticket() -> None:
    def comment_of(side: Side, task: TicketRef) -> str:
        item = replace(
            ITEM, conflicts=(), task=task, said={Field.TITLE: Claim(side, Said("x", NOW))}
        )
        assert link_title(item) == "AI-1"
        ref = DocumentRef("git", "x", "https://git.example/x", "")
        document = Postmortem("docs", ref, DocumentStatus.DRAFT, {}, {}, {}, {})
        return comment(replace(incident(item), postmortem=document), {})

    elsewhere = TicketRef("jira", "10001", "PAY-1", "https://jira.example/browse/PAY-1")
    assert "Zebra" in comment_of(Side.TASK, task_ref(1)), "whoever reads this reads that"
    assert "Zebra" not in comment_of(Side.TASK, elsewhere)
    assert "Zebra" not in comment_of(Side.DOCUMENT, task_ref(1))
    assert link_title(ITEM) == "Tell Zebra"


def test_what_was_first_written_into_the_document_is_the_documents_and_else_is_the_tickets() -> (
    None
):
    unknown = Claim(Side.DOCUMENT, Said("Zebra", datetime.min.replace(tzinfo=UTC)))
    conflict = Conflict(Field.OWNER, (unknown, CLAIMS[0]), "Noor")
    item = replace(ITEM, conflicts=(conflict,), said={})
    [line] = in_comment(incident(item), item)
    assert "“Zebra” (as it was first written)" in line
    row = replace(item, origin=Origin("document", "row-1"))
    [line] = in_comment(incident(row), row)
    assert "Zebra" not in line
    assert "what the postmortem says (document), “Noor”" in line
    [line] = in_comment(replace(incident(item), restricted=True), item)
    assert "Zebra" not in line
    assert "Noor" not in line
