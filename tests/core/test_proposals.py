"""What strangers write is proposed, and whoever may write accepts what was shown, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from builders import at, closed, comment, policy, ticket
from hypothesis import given
from hypothesis import strategies as st

from workflows.actions import lines_of
from workflows.effects import CreateTask, WriteComment
from workflows.events import TicketRead
from workflows.lifecycle import decide
from workflows.model import (
    Acceptance,
    ActionLine,
    Comment,
    Incident,
    Kind,
    Origin,
    Person,
    Phase,
    Proposal,
    Ticket,
    Way,
)
from workflows.proposals import hear, number_in, numbered
from workflows.rehearsal import Rehearsal, rehearse
from workflows.remediation import MOST_PROPOSALS

NOW = at(1440)

POLICY = policy()
MALLORY = Person("mallory", "Mallory")
RULES = ["Detect acme/ops#42 sooner"]  # what the rules ask for at each incident


def stranger(text: str, id: str = "s1", minutes: float = 20) -> Comment:
    return comment(text, id, minutes, author=MALLORY, may_write=False)


def insider(text: str, id: str = "c1", minutes: float = 100) -> Comment:
    return comment(text, id, minutes)


def play(read: Ticket, known: Incident | None = None) -> Rehearsal:
    return rehearse(TicketRead(read), known, POLICY, new_id="abc", now=NOW)


def of(rehearsal: Rehearsal) -> Incident:
    assert rehearsal.incident is not None
    return rehearsal.incident


def titles(rehearsal: Rehearsal) -> list[str]:
    return [effect.title for effect in rehearsal.effects if isinstance(effect, CreateTask)]


def names(incident: Incident) -> dict[str, str]:
    return {proposal.name: proposal.title for proposal in incident.proposals}


def told(rehearsal: Rehearsal) -> str:
    return next(e.text for e in reversed(rehearsal.effects) if isinstance(e, WriteComment))


def proposed(*comments: Comment) -> Incident:
    """The incident after it was closed with these comments."""
    return of(play(closed(comments=comments)))


def after(incident: Incident, *comments: Comment) -> Rehearsal:
    return play(closed(comments=comments), incident)


# --- proposing --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "ACTION: pay me",
        "* **ACTION:** pay me @kim due:2026-12-20 [preventive]",
        "- [ ] pay me",
        "## Actions\n- [ ] pay me",
        "> ACTION: not this\nACTION: pay me",
    ],
)
@pytest.mark.parametrize("place", ["comment", "description"])
def test_a_strangers_line_creates_nothing_wherever_it_stands(text: str, place: str) -> None:
    if place == "comment":
        read = closed(comments=(stranger(text),))
    else:
        read = closed(text=text, author=MALLORY, author_may_write=False)
    rehearsal = play(read)
    assert titles(rehearsal) == RULES
    assert names(of(rehearsal)) == {"P-1": "pay me"}


def test_a_title_is_no_line_whoever_wrote_it() -> None:
    assert titles(play(closed(title="ACTION: pay me"))) == RULES


def test_the_comment_and_the_number_say_all_that_a_proposal_asks_for() -> None:
    line = 'ACTION: pay @mallory due:2026-12-20 [preventive] milestone:Q1 measure:"paid"'
    text = told(play(closed(comments=(stranger(line),))))
    assert (
        "- P-1 “pay”, owner mallory, due 2026-12-20, kind preventive, milestone Q1, measure paid"
        " (by Mallory: may not write in this tracker)"
    ) in text
    assert "`/accept P-1`" in text


def test_why_nobody_may_write_is_said_when_that_is_not_known() -> None:
    read = closed(comments=(stranger("ACTION: x"),), writers_unknown="roles are hidden. Show them")
    assert "(by Mallory: roles are hidden. Show them)" in told(play(read))


def test_a_strangers_line_about_an_item_that_is_there_changes_nothing() -> None:
    first = of(play(closed(comments=(insider("ACTION: one"),))))
    second = after(
        first, insider("ACTION: one"), stranger("ACTION: AI-1 two\nACTION: One\n- [ ] AI-1 done")
    )
    assert of(second).actions == first.actions
    assert of(second).proposals == ()
    assert titles(second) == []


def test_a_strangers_line_that_an_insider_says_too_is_the_insiders_and_no_proposal() -> None:
    incident = proposed(stranger("ACTION: one"), insider("ACTION: one"))
    assert [item.title for item in incident.actions] == ["one", *RULES]
    assert incident.actions[0].origin == Origin("comment", "c1")
    assert names(incident) == {}


def test_an_insiders_quote_of_a_strangers_line_does_nothing() -> None:
    quoted = "> ACTION: pay me\n> /accept P-1\n\nNo.\n```\nACTION: pay me\n/accept P-1\n```"
    first = proposed(stranger("ACTION: pay me"), insider(quoted))
    second = after(first, stranger("ACTION: pay me"), insider(quoted))
    assert titles(second) == []
    assert names(of(second)) == {"P-1": "pay me"}
    assert of(second).acceptances == ()


def test_code_that_shows_a_fence_is_code_to_its_end() -> None:
    assert lines_of("````\n```\nACTION: no\n```\n````\nACTION: yes") == [ActionLine("yes")]
    assert lines_of("~~~\n```\nACTION: no\n~~~\nACTION: yes") == [ActionLine("yes")]
    assert lines_of("```\n    ```\nACTION: no\n```\nACTION: yes") == [ActionLine("yes")]
    assert lines_of("``` a`b ```\nACTION: yes") == [ActionLine("yes")]


def test_who_loses_access_keeps_the_items_that_are_there_and_proposes_from_then_on() -> None:
    first = of(play(closed(comments=(insider("ACTION: one"),))))
    lost = comment("ACTION: one\nACTION: two", "c1", 100, may_write=False)
    second = after(first, lost)
    assert of(second).actions == first.actions
    assert names(of(second)) == {"P-1": "two"}


# --- numbers ----------------------------------------------------------------------------------


def test_a_line_whose_text_changes_is_another_proposal() -> None:
    first = proposed(stranger("ACTION: one\nACTION: two"))
    assert names(first) == {"P-1": "one", "P-2": "two"}
    second = of(after(first, stranger("ACTION: two\nACTION: drop the tables")))
    assert names(second) == {"P-2": "two", "P-3": "drop the tables"}
    third = of(after(second, stranger("ACTION: one\nACTION: two")))
    assert names(third) == {"P-4": "one", "P-2": "two"}


def test_the_same_title_with_another_owner_is_another_proposal() -> None:
    first = proposed(stranger("ACTION: one @kim"))
    assert names(of(after(first, stranger("ACTION: one @mallory")))) == {"P-2": "one"}


def _line(word: str) -> Proposal:
    return Proposal(Origin("comment", "s1"), word, "Mallory", "no", line=ActionLine(word))


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=5), max_size=8))
def test_a_number_belongs_to_one_text_for_ever_and_a_standing_line_keeps_it(
    edits: list[list[str]],
) -> None:
    incident = Incident("abc", "payments", ticket().ref, "Slow", Phase.CLOSED)
    meant: dict[int, str] = {}
    for edit in edits:
        before = incident
        incident = numbered(incident, map(_line, edit))
        assert [p.title for p in incident.proposals] == edit
        for proposal in incident.proposals:
            assert meant.setdefault(proposal.number, proposal.title) == proposal.title
        for word in edit:
            had = {p.number for p in before.proposals if p.title == word}
            has = {p.number for p in incident.proposals if p.title == word}
            assert had <= has or has <= had
        assert numbered(incident, map(_line, edit)) == incident


# --- accepting --------------------------------------------------------------------------------


def test_accepting_makes_exactly_the_item_that_the_proposal_says_once() -> None:
    line = stranger('ACTION: one @kim due:2026-12-20 [preventive] measure:"2 min"\nACTION: two')
    second = after(proposed(line), line, insider("Good idea.\n\n/accept P-1"))
    item = of(second).actions[-1]
    assert titles(second) == ["one"]
    assert (item.origin, item.title, item.owner) == (Origin("comment", "s1"), "one", "Kim Ito")
    assert (item.due, item.kind, item.success_measure) == (
        date(2026, 12, 20),
        Kind.PREVENTIVE,
        "2 min",
    )
    assert names(of(second)) == {"P-2": "two"}
    why = f"Noor Aziz accepted P-1 by a comment (2026-12-07 13:40 UTC): {item.name}, one"
    assert why in second.reasons
    third = after(of(second), line, insider("/accept P-1"), insider("/ACCEPT p-1.", "c2", 110))
    assert titles(third) == []
    assert of(third).actions == of(second).actions
    assert f"Noor Aziz: P-1 is {item.name} already" in told(third)


def test_several_can_be_accepted_in_one_line() -> None:
    lines = stranger("ACTION: one\nACTION: two\nACTION: three")
    second = after(proposed(lines), lines, insider("- no list\n/accept P-3, P-1"))
    assert titles(second) == ["three", "one"]
    assert len({item.origin for item in of(second).actions}) == 3


def test_of_two_proposals_that_say_the_same_one_is_accepted() -> None:
    both = (stranger("ACTION: one"), stranger("ACTION: One", "s2"))
    second = after(proposed(*both), *both, insider("/accept P-1 P-2"))
    assert titles(second) == ["one"]
    assert names(of(second)) == {}


@pytest.mark.parametrize(
    "said",
    [
        stranger("/accept P-1", "s2"),
        replace(insider("/accept P-1"), internal=True),
        insider("> /accept P-1"),
        insider("    /accept P-1"),
        insider("~~~\n/accept P-1\n~~~"),
        insider("Shall we /accept P-1"),
        insider("/accept P-1 and P-2"),
        insider("/acceptP-1"),
        insider("/accept P-１"),
    ],
    ids=lambda said: said.text,
)
def test_what_does_not_accept(said: Comment) -> None:
    line = stranger("ACTION: one")
    second = after(proposed(line), line, said)
    assert titles(second) == []
    assert names(of(second)) == {"P-1": "one"}
    assert of(second).acceptances == ()


def test_a_proposal_that_was_edited_since_is_not_accepted_and_that_is_said() -> None:
    first = proposed(stranger("ACTION: add an alert"))
    second = after(first, stranger("ACTION: drop the tables"), insider("/accept P-1"))
    assert titles(second) == []
    assert names(of(second)) == {"P-2": "drop the tables"}
    assert "Noor Aziz: P-1 does not stand any more as it was shown" in told(second)
    assert any("nothing is done" in why for why in second.reasons)


def test_a_number_that_is_not_there_yet_never_accepts_what_gets_it_later() -> None:
    early = insider("/accept P-1")
    first = play(closed(comments=(early, stranger("ACTION: one"))))
    assert "Noor Aziz: there is no P-1" in told(first)
    second = after(of(first), early, stranger("ACTION: one"))
    assert titles(second) == []
    assert names(of(second)) == {"P-1": "one"}
    third = after(of(second), early, stranger("ACTION: one"), insider("/accept P-1", "c2", 120))
    assert titles(third) == ["one"]


def test_who_deletes_the_comment_has_read_the_answer() -> None:
    first = play(closed(comments=(insider("/accept P-9"),)))
    assert "there is no P-9" in told(first)
    assert "there is no P-9" not in told(after(of(first), insider("Sorry.", "c2")))


def test_an_edit_of_an_item_is_not_accepted_and_what_to_do_instead_is_said() -> None:
    first = of(play(closed(comments=(insider("ACTION: one"),))))
    second = after(first, insider("ACTION: one, better"))
    assert names(of(second)) == {"P-1": "one, better"}
    assert "/accept" not in told(second)
    third = after(of(second), insider("ACTION: one, better"), insider("/accept P-1", "c2", 120))
    assert titles(third) == []
    assert "change the task of AI-1, or write a new ACTION: line" in told(third)


def test_a_strangers_edit_of_what_was_accepted_changes_nothing() -> None:
    line = stranger("ACTION: add an alert")
    accepted = of(after(proposed(line), line, insider("/accept P-1")))
    second = after(accepted, stranger("ACTION: add an alert now"), insider("/accept P-1"))
    assert of(second).actions == accepted.actions
    assert [p.why for p in of(second).proposals] == ["edited after it became AI-2"]


def test_what_was_accepted_elsewhere_is_answered_once_and_in_any_order() -> None:
    line = stranger("ACTION: one")
    first = proposed(line)
    rows = [
        Acceptance("row/1", 1, "somebody with the admin token", at(100), Way.PAGE),
        Acceptance("row/2", 1, "kim", at(101), Way.COMMAND_LINE),
    ]
    second = after(hear(first, rows), line)
    assert titles(second) == ["one"]
    assert [(a.item, a.answer) for a in of(second).acceptances] == [
        (2, "it became AI-2"),
        (None, "P-1 is AI-2 already"),
    ]
    third = after(hear(of(second), rows), line)
    assert of(third).acceptances == of(second).acceptances
    assert titles(third) == []


def test_what_is_accepted_while_the_ticket_is_open_again_waits_for_its_closing() -> None:
    line = stranger("ACTION: one")
    heard = hear(proposed(line), [Acceptance("row/1", 1, "kim", at(100), Way.PAGE)])
    reopened = decide(TicketRead(ticket(comments=(line,))), heard, POLICY, new_id="x", now=NOW)
    assert reopened.incident is not None
    assert [a.answer for a in reopened.incident.acceptances] == [""]
    assert titles(after(reopened.incident, line)) == ["one"]


def test_a_restricted_ticket_proposes_and_accepts_nothing() -> None:
    line = stranger("ACTION: one")
    hidden = closed(comments=(line, insider("/accept P-1")), restricted=True)
    second = play(hidden, proposed(line))
    assert titles(second) == []
    assert of(second).proposals == ()


def test_a_proposals_name_is_read_in_any_case_and_nothing_else_is() -> None:
    assert [number_in(typed) for typed in ("P-2", " p-12 ", "2", "P-", "AI-2", "P-2x")] == [
        *(2, 12),
        *(None, None, None, None),
    ]


def test_a_flood_of_lines_is_kept_up_to_a_number_and_the_rest_has_its_turn() -> None:
    flood = stranger("\n".join(f"ACTION: thing {n}" for n in range(2000)))
    late = stranger("ACTION: of use", "c2", 110)
    known = proposed(flood, late)
    assert len(known.proposals) == MOST_PROPOSALS
    assert "of use" not in names(known).values()
    assert names(of(after(known, late))) == {f"P-{MOST_PROPOSALS + 1}": "of use"}


def test_a_name_and_the_colon_behind_it_are_no_picture() -> None:
    mallory = Person("mallory", "Mallory :bug")
    asked = comment("ACTION: x", "s1", 20, author=mallory, may_write=False)
    accepted = comment("/accept P-7", "s2", 30, author=mallory)
    text = told(play(closed(comments=(asked, accepted))))
    assert "(by Mallory :" in text
    assert "there is no P-7" in text
    assert ":bug:" not in text
