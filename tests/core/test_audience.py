"""On which ways words travel, and what is told of a ticket that only some may read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from builders import at, closed, comment, policy, task_ref, ticket

from workflows.audience import (
    WITHHELD_ACTION,
    Passage,
    Spot,
    exposure,
    passages,
    passages_of,
    place_is_shared,
    told_service,
    withheld,
)
from workflows.effects import CreateTask, Effect, SetFields, TaskTarget, WriteRegions
from workflows.events import TicketRead
from workflows.lifecycle import decide
from workflows.model import (
    ActionItem,
    DocumentRef,
    Incident,
    Kind,
    Origin,
    Phase,
    TicketRef,
)
from workflows.policy import (
    FieldRules,
    SourceKind,
    StandardAction,
    SyncRules,
    TaskDestination,
    Team,
    ValueSource,
)
from workflows.snapshots import Claim, Conflict, Field, Progress, Said, Side
from workflows.tasks import StatusWish

NOW = at(1440)

OPS, WEBSITE = Spot("github", "acme/ops"), Spot("github", "acme/website")
PAY = Spot("jira", "PAY")


def payments(tasks: str = "acme/ops") -> Team:
    team = policy().teams["payments"]
    rules = team.postmortem
    return replace(team, postmortem=replace(rules, tasks=replace(rules.tasks, place=tasks)))


def test_words_travel_to_each_destination_that_is_elsewhere() -> None:
    document = Passage("postmortems", OPS, Spot("docs", "repo"))
    assert list(passages(payments())) == [document], "tasks stay where the incidents are"
    assert list(passages(payments("acme/website"))) == [
        document,
        Passage("remediation tasks", OPS, WEBSITE),
    ]


def twinned(*counting: Side) -> Team:
    """Tasks in a project, their twins in acme/website; a status counts on these sides."""
    team = payments()
    rules = replace(
        team.postmortem,
        tasks=TaskDestination("jira", "PAY"),
        twin=TaskDestination("github", "acme/website"),
    )
    sync = SyncRules(fields={Field.STATUS: FieldRules(frozenset(counting))})
    return replace(team, postmortem=rules, sync=sync)


def test_a_twin_is_one_more_destination() -> None:
    assert list(passages(twinned())) == [
        Passage("postmortems", OPS, Spot("docs", "repo")),
        Passage("remediation tasks", OPS, PAY),
        Passage("twins of remediation tasks", OPS, WEBSITE),
    ]


@pytest.mark.parametrize(
    ("side", "way"),
    [
        (Side.TASK, Passage("twins of remediation tasks", PAY, WEBSITE)),
        (Side.TWIN, Passage("remediation tasks", WEBSITE, PAY)),
    ],
)
def test_what_is_edited_on_a_task_or_its_twin_travels_to_the_other_where_it_counts(
    side: Side, way: Passage
) -> None:
    assert set(passages(twinned(side))) - set(passages(twinned())) == {way}
    assert passages(twinned(Side.DOCUMENT)) == passages(twinned())


def test_a_way_that_two_things_take_is_named_once() -> None:
    """The incident stands where the task's twin does, and both send words to the task."""
    team = twinned(Side.TWIN)
    beside = replace(team.postmortem, twin=TaskDestination("github", "acme/ops"))
    ways = passages(replace(team, postmortem=beside))
    assert ways.count(Passage("remediation tasks", OPS, PAY)) == 1


def test_what_is_written_on_a_task_later_travels_as_when_it_was_created() -> None:
    wish = SetFields("fields:1", task_ref(1), "acme/website", {Field.TITLE: "Tell Zebra"})
    incident = Incident("i1", "payments", ticket().ref, "", Phase.CLOSED)
    assert list(passages_of(wish, incident, OPS, None)) == [
        Passage("remediation tasks", OPS, Spot(task_ref(1).connection, "acme/website"))
    ]


TASKED = ActionItem(1, Origin("comment", "c1"), "Tell Zebra", Kind.CORRECTIVE, task=task_ref(1))
TWIN = TicketRef("jira", "10009", "PAY-9", "https://jira.example/browse/PAY-9")


def said(side: Side, field: Field = Field.OWNER) -> Incident:
    """An incident with one item, whose task stands in acme/ops and its twin in PAY; a field of it
    was said on this side."""
    claim = Claim(side, Said("Kim", at(60)))
    item = replace(TASKED, twin=TWIN, said={field: claim})
    incident = Incident("i1", "payments", ticket().ref, "", Phase.CLOSED)
    return replace(incident, actions=(item,))


POSTMORTEMS = Spot("docs", "repo")
TASKS = {(1, Side.TASK): OPS, (1, Side.TWIN): PAY}


def ways(wish: Effect, incident: Incident) -> set[Passage]:
    return set(passages_of(wish, incident, WEBSITE, POSTMORTEMS, TASKS))


@pytest.mark.parametrize(
    ("side", "source"),
    [(Side.TASK, OPS), (Side.TWIN, PAY), (Side.DOCUMENT, None)],
)
def test_a_row_takes_what_was_said_on_a_ticket_along(side: Side, source: Spot | None) -> None:
    own = Passage("postmortems", WEBSITE, POSTMORTEMS)
    extra = {Passage("postmortems", source, POSTMORTEMS)} if source else set()
    assert ways(WriteRegions("regions:i1", {"actions": ""}), said(side)) == {own} | extra
    assert ways(WriteRegions("regions:i1", {"facts": ""}), said(side)) == {own}


@pytest.mark.parametrize(
    ("side", "source"),
    [(Side.TASK, OPS), (Side.TWIN, None), (Side.DOCUMENT, POSTMORTEMS)],
)
def test_what_is_set_in_a_ticket_comes_from_where_it_was_said(
    side: Side, source: Spot | None
) -> None:
    own = Passage("twins of remediation tasks", WEBSITE, PAY)
    extra = {Passage("twins of remediation tasks", source, PAY)} if source else set()
    wish = SetFields("set:i1:1:twin", TWIN, "PAY", {Field.OWNER: "5b10"})
    assert ways(wish, said(side)) == {own} | extra
    assert ways(wish, said(side, Field.DUE)) == {own}, "that field is not set"
    status = StatusWish(Progress.DONE)
    assert ways(replace(wish, values={}, status=status), said(side, Field.STATUS)) == {own} | extra


def test_a_twin_is_created_with_what_was_said_on_the_task_since() -> None:
    incident, rules = said(Side.TASK), TaskTarget("jira", "PAY")
    document = DocumentRef("git", "x", "", "")
    wish = CreateTask(
        "twin:i1:1", rules, "", "", Kind.CORRECTIVE, incident.ticket, document, owner="5b10"
    )
    assert ways(wish, incident) == {
        Passage("twins of remediation tasks", WEBSITE, PAY),
        Passage("twins of remediation tasks", OPS, PAY),
    }


@pytest.mark.parametrize(
    ("keys", "shared"),
    [
        (("acme/ops#42", "acme/ops#7"), True),
        (("OPS-42", "OPS-7"), True),
        (("acme/ops#42", "acme/website#42"), False),
        (("OPS-1", "OPS2-1"), False),
        (("10042", "10043"), False),
    ],
)
def test_tickets_that_are_numbered_together_stand_in_one_place(
    keys: tuple[str, str], shared: bool
) -> None:
    one, other = (TicketRef("github", key, key, "") for key in keys)
    assert place_is_shared(one, other) == shared
    assert not place_is_shared(one, replace(other, connection="elsewhere"))


def test_what_stays_on_this_machine_travels_nowhere() -> None:
    team = payments()
    here = replace(team.postmortem.document, connection="", place="/srv/postmortems")
    team = replace(team, postmortem=replace(team.postmortem, document=here))
    assert list(passages(team)) == []


def test_an_exposure_is_told_with_both_places_and_the_mend() -> None:
    words, mend = exposure(Passage("postmortems", OPS, WEBSITE))
    assert words == (
        "everybody may read acme/website (github) and not everybody acme/ops (github):"
        " postmortems may not go from here to there"
    )
    assert mend == (
        "Make acme/website private, or give the rules a place for postmortems"
        " that not everybody may read."
    )


@pytest.mark.parametrize(
    ("kind", "said", "told"),
    [
        (SourceKind.COMPONENT, "checkout", "checkout"),
        (SourceKind.HEADING, "the Zebra account", None),
        (SourceKind.LABEL, "zebra", None),
        (SourceKind.FIELD, "search", "search"),
        (SourceKind.FIELD, None, None),
    ],
)
def test_a_restricted_tickets_service_is_told_where_everybody_knows_the_word(
    kind: SourceKind, said: str | None, told: str | None
) -> None:
    team = payments()
    asked = StandardAction("Ask {service}", Kind.DETECTIVE, services=frozenset({"search"}))
    team = replace(team, postmortem=replace(team.postmortem, standard_actions=(asked,)))
    source = replace(team.incidents[0], service=ValueSource(kind, "Service"))
    assert told_service(said, source, team) == told


def test_a_restricted_tickets_action_items_keep_what_is_nobodys_words() -> None:
    first = Claim(Side.DOCUMENT, Said("Zebra", datetime.min.replace(tzinfo=UTC)))
    item = ActionItem(
        1,
        Origin("comment", "c1"),
        "Tell Zebra",
        Kind.CORRECTIVE,
        owner="somebody at Zebra",
        milestone="Zebra",
        success_measure="Zebra knows",
        unset=("due: 'Zebra' is not a date",),
        task=task_ref(1),
        conflicts=(
            Conflict(Field.OWNER, (first, Claim(Side.TASK, Said("Kim Ito", NOW))), "Zebra"),
        ),
    )
    mine = replace(item, number=2, owner="Kim Ito")
    rule = replace(item, number=3, origin=Origin("rule", "Detect sooner"))
    incident = Incident("i1", "payments", ticket().ref, "", Phase.CLOSED)
    incident = replace(incident, actions=(item, mine, rule))
    after = withheld(incident, ticket(restricted=True), policy())
    assert "Zebra" not in str(after.actions[:2])
    assert [claim.said.value for claim in after.actions[0].conflicts[0].claims] == ["Kim Ito"]
    assert [action.title for action in after.actions[:2]] == [WITHHELD_ACTION] * 2
    assert [action.owner for action in after.actions[:2]] == [None, "Kim Ito"]
    assert after.actions[0].task == task_ref(1)
    assert after.actions[2] == rule
    assert withheld(incident, ticket(), policy()) == incident
    hidden = ticket(comments=(comment("ACTION: Tell Zebra", internal=True),))
    assert withheld(incident, hidden, policy()).actions[0].title == WITHHELD_ACTION


def test_a_task_that_was_not_made_yet_is_made_without_its_words() -> None:
    said = comment("ACTION: Tell Zebra @kim")
    before = decide(TicketRead(closed(comments=(said,))), None, policy(), new_id="i1", now=NOW)
    assert before.incident is not None
    secret = closed(comments=(said,), restricted=True)
    decision = decide(TicketRead(secret), before.incident, policy(), new_id="i1", now=NOW)
    assert "Zebra" not in str(decision)
    assert decision.incident is not None
    assert decision.incident.actions[0].title == WITHHELD_ACTION
