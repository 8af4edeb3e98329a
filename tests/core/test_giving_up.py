"""What a person gave up is decided without, and wanted again when they change their mind."""

from __future__ import annotations

from dataclasses import replace

from builders import at, closed, comment, policy, ticket

from workflows.effects import CreateDocument, CreateTask, Hold, LinkTask, WriteComment, WriteRegions
from workflows.events import TicketRead
from workflows.lifecycle import decide
from workflows.model import Incident, Outlook, Ticket
from workflows.rehearsal import rehearse
from workflows.standing import Decision

NOW = at(1440)

POLICY = policy()
WHY = "given up by kim: the queue is gone"
GIVEN_UP = Hold(WHY, given_up=True)
REFUSED = Hold("Severity is required", refused=True)
#: Of severity 2, so that the rules add no action of their own.
TICKET = closed(
    ticket(labels=("incident", "sev2")), comments=(comment("ACTION: one\nACTION: two"),)
)


def set_up() -> Incident:
    """The incident with its document, and no task yet."""
    incident = rehearse(TicketRead(TICKET), None, POLICY, new_id="abc", now=NOW).incident
    assert incident is not None
    items = tuple(replace(item, task=None, linked=False) for item in incident.actions)
    return replace(incident, actions=items)


def judge(
    incident: Incident | None, held: dict[str, Hold] | None, read: Ticket = TICKET
) -> Decision:
    return decide(TicketRead(read), incident, POLICY, new_id="abc", now=NOW, held=held)


def known(decision: Decision) -> Incident:
    assert decision.incident is not None
    return decision.incident


def text(decision: Decision) -> str:
    (wish,) = [effect for effect in decision.effects if isinstance(effect, WriteComment)]
    return wish.text


def tasks(decision: Decision) -> list[str]:
    return [effect.key for effect in decision.effects if isinstance(effect, CreateTask)]


def test_a_task_that_was_given_up_is_not_asked_for_and_the_others_are() -> None:
    decision = judge(set_up(), {"task:abc:1": GIVEN_UP, "task:abc:2": REFUSED})
    assert tasks(decision) == ["task:abc:2"]
    incident = known(decision)
    assert [item.given_up for item in incident.actions] == [WHY, ""]
    assert incident.outlook is Outlook.WAITING
    assert incident.waiting_for == REFUSED.why
    assert "- AI-1 one — given up by kim: the queue is gone" in text(decision)
    assert "- [ ] AI-2 two — no task yet: Severity is required" in text(decision)
    (regions,) = [e for e in decision.effects if isinstance(e, WriteRegions)]
    assert "given up" in regions.regions["actions"]


def test_with_all_that_was_refused_given_up_the_incident_is_done() -> None:
    given_up = {"task:abc:1": GIVEN_UP, "task:abc:2": GIVEN_UP}
    decision = judge(set_up(), given_up)
    assert tasks(decision) == []
    assert known(decision).waiting_for == "what was asked for to be done"  # the document says so
    decision = judge(set_up(), {**given_up, "regions:abc": GIVEN_UP})
    assert known(decision).outlook is Outlook.DONE


def test_what_was_given_up_is_wanted_again_when_it_is_so_no_longer() -> None:
    once = known(judge(set_up(), {"task:abc:1": GIVEN_UP}))
    again = judge(once, {})
    assert tasks(again) == ["task:abc:1", "task:abc:2"]
    assert known(again).actions[0].given_up == ""


def test_where_nobody_looks_what_was_given_up_stays_so() -> None:
    """A plan is made without the record of effects."""
    once = known(judge(set_up(), {"task:abc:1": GIVEN_UP}))
    assert tasks(judge(once, None)) == ["task:abc:2"]


def test_an_action_that_has_its_task_is_not_given_up() -> None:
    incident = rehearse(TicketRead(TICKET), None, POLICY, new_id="abc", now=NOW).incident
    decision = judge(incident, {"task:abc:1": GIVEN_UP})
    assert known(decision).actions[0].given_up == ""


def test_without_the_document_nothing_else_is_asked_for_but_the_comment() -> None:
    first = judge(None, {})
    assert [type(effect) for effect in first.effects] == [CreateDocument]
    decision = judge(known(first), {"document:abc": GIVEN_UP})
    assert [type(effect) for effect in decision.effects] == [WriteComment]
    assert "sets nothing up for this incident: given up by kim" in text(decision)
    assert known(decision).outlook is Outlook.DONE
    assert known(decision).given_up == WHY
    assert any("nothing else, is set up" in why for why in decision.reasons)
    again = judge(known(decision), {})
    assert [type(effect) for effect in again.effects] == [CreateDocument]


def test_a_link_that_was_given_up_keeps_nothing_waiting() -> None:
    incident = rehearse(TicketRead(TICKET), None, POLICY, new_id="abc", now=NOW).incident
    assert incident is not None
    items = tuple(replace(item, linked=False) for item in incident.actions)
    given_up = {f"link:abc:{item.number}": GIVEN_UP for item in items}
    decision = judge(replace(incident, actions=items), given_up)
    assert [e.key for e in decision.effects if isinstance(e, LinkTask)] == list(given_up)
    assert known(decision).outlook is Outlook.DONE
    assert text(decision)


def test_hostile_words_of_whoever_gives_up_are_inert() -> None:
    why = Hold("given up by kim: fixes #3 @everyone <b>", given_up=True)
    told = text(judge(set_up(), {"task:abc:1": why}))
    assert "@everyone" not in told
    assert "<b>" not in told
