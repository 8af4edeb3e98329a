"""Those who were not in the room: who is asked and told what, when, and never twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from builders import NOON, at, closed, document, policy, task_ref, ticket

from workflows import customers, outside, perspectives
from workflows.calendars import Calendar
from workflows.circulation import Said, awaited, said
from workflows.documents import marked, regions
from workflows.effects import Effect, Hold, WriteNote
from workflows.events import NoteWritten
from workflows.folding import fold
from workflows.giving_up import give_up
from workflows.model import (
    ActionItem,
    DocumentRef,
    DocumentStatus,
    Incident,
    Kind,
    Origin,
    Phase,
    Postmortem,
    Ticket,
)
from workflows.notices import Perspective
from workflows.participants import QUESTIONS, CustomerRules, Participants
from workflows.perspectives import answered, asked_of, unheard
from workflows.policy import KnownPerson, Mode, Policy
from workflows.reminders import without_own
from workflows.snapshots import Agreement, Side
from workflows.standing import Decision

NOW = at(120)
TEAMS = {"Support": ("Kim Ito",), "Success": ("Lee Park",)}
CUSTOMERS = CustomerRules(TEAMS, labels=frozenset({"customer-impact"}))
BOTH = Participants({"support": ("Kim Ito", "Noor Aziz"), "data": ("Lee Park",)})
WHOLE = (
    "# P\n\n## The review\n\nRecording: https://video.example/7\n\n"
    "### Summary of the review\n\n_Help._\n\nThe queue had **no** limit. @all fixes #1\n"
)
PARTLY = WHOLE.replace("https://video.example/7", "")


def rules(participants: Participants, **team: Any) -> Policy:
    found = policy(participants=participants, **team)
    lee = KnownPerson("Lee Park", handles={"jira": "lee"})
    return replace(found, people=(*found.people, lee))


def incident(
    text: str = "", status: DocumentStatus = DocumentStatus.DRAFT, **values: Any
) -> Incident:
    """A closed incident whose document says that."""
    state = document(text or "# P\n", status=status)
    ref = replace(state.ref, url="https://git.example/doc")
    paper = Postmortem("docs", ref, status, {}, {}, {}, {}, text=state.text)
    base = Incident(
        "k3v9",
        "payments",
        ticket().ref,
        "Checkout answers 500",
        Phase.CLOSED,
        closed=at(90),
        postmortem=paper,
    )
    return replace(base, **values)


def turn(
    before: Incident, by: Policy, now: datetime = NOW, *, written: bool = True
) -> tuple[Incident, list[WriteNote]]:
    """A turn, and the notes that it asks for; they are `written` at once, or not heard of."""
    before = asked_of(before, by.teams["payments"])
    decision = outside.told(Decision(before), by, now)
    after = decision.incident
    assert after is not None
    notes = [effect for effect in decision.effects if isinstance(effect, WriteNote)]
    for note in notes if written else ():
        after = fold(NoteWritten(note.key, f"c-{note.key}", now), after)
    return after, notes


def texts(notes: list[WriteNote]) -> str:
    return "\n".join(note.text for note in notes)


# --- perspectives ---------------------------------------------------------------------------------


def test_each_named_perspective_is_asked_its_own_question_in_one_note() -> None:
    after, notes = turn(incident(), rules(BOTH))
    (note,) = notes
    assert (note.ticket, note.others) == (ticket().ref, ("kim",))
    assert f"**Support** (Kim Ito): {QUESTIONS['support']}" in note.text
    assert f"**Data** (Lee Park): {QUESTIONS['data']}" in note.text
    assert "[postmortem](https://git.example/doc)" in note.text
    assert turn(after, rules(BOTH))[1] == []


def test_a_perspective_that_is_added_later_is_asked_alone() -> None:
    after, _ = turn(incident(), rules(BOTH))
    more = replace(BOTH, perspectives={**BOTH.perspectives, "qa": ("Noor Aziz",)})
    after, notes = turn(after, rules(more))
    assert "**QA**" in texts(notes)
    assert "**Support**" not in texts(notes)
    others = {**more.perspectives, "qa": ("Noor Aziz", "Kim Ito")}
    assert turn(after, rules(replace(more, perspectives=others)))[1] == []


def test_what_a_note_is_about_stays_while_nobody_knows_whether_it_was_written() -> None:
    """Other rules come before the answer to the first note does."""
    after, (first,) = turn(incident(), rules(BOTH), written=False)
    more = replace(BOTH, perspectives={**BOTH.perspectives, "qa": ("Noor Aziz",)})
    _, (again, other) = turn(after, rules(more), written=False)
    assert again == first
    assert "**QA**" in other.text
    assert "**Data**" not in other.text
    assert other.key != first.key


def test_the_question_is_the_rules_own_where_they_have_one() -> None:
    own = replace(BOTH, questions={"support": "What *hurt* you?"})
    assert "What \\*hurt\\* you?" in texts(turn(incident(), rules(own))[1])


def test_whoever_is_away_is_named_with_the_next() -> None:
    by = rules(BOTH)
    spell = (date(2026, 12, 1), date(2026, 12, 20))
    away = tuple(replace(p, away=(spell,)) if p.name != "Noor Aziz" else p for p in by.people)
    _, (note,) = turn(incident(), replace(by, people=away))
    assert "(Kim Ito, away until 2026-12-20; next Noor Aziz)" in note.text
    assert "(Lee Park, away until 2026-12-20)" in note.text
    assert note.others == ("noor",)


def test_a_published_postmortem_asks_for_no_perspective() -> None:
    assert turn(incident(status=DocumentStatus.PUBLISHED), rules(BOTH))[1] == []


ASKED = (Perspective("support", "?", ("Kim Ito",)), Perspective("qa", "?", ("Noor Aziz",)))


@pytest.mark.parametrize(
    ("words", "heard"),
    [
        ("- Support:\n- QA:", set()),
        ("- Support: calls at 12:04\n- QA: tbd", {"support"}),
        ("- **Support:** calls at 12:04", {"support"}),
        ("- Support:\n\n  Calls at 12:04.\n- QA:", {"support"}),
        ("#### QA\n\nNothing could show it.", {"qa"}),
        ("> - Support: quoted", set()),
        ("```\nSupport: code\n```", set()),
        ("- Support:\n\n_Help text in italics._", set()),
        ("- Support:\n\n## Something else\n\nSupport: called", set()),
    ],
)
def test_an_answer_stands_behind_the_name_of_its_perspective(words: str, heard: set[str]) -> None:
    region = marked("perspectives", perspectives.region(ASKED))
    text = f"# P\n\n## Perspectives\n\n{region}\n\n### What they say\n\n_Help._\n\n{words}\n"
    assert answered(text) == heard
    missing = [each for each in ("Support", "QA") if each.casefold() not in heard]
    assert list(unheard(incident(text, perspectives=ASKED))) == missing


def test_who_has_not_answered_is_advice_while_it_is_written() -> None:
    silent = incident(perspectives=ASKED)
    assert "Support, QA" in perspectives.advised(silent)[0]
    assert perspectives.advised(incident(status=DocumentStatus.PUBLISHED, perspectives=ASKED)) == []


def test_the_document_has_a_place_for_each_answer_and_none_where_nobody_is_asked() -> None:
    from workflows.postmortem import document_text

    by = rules(BOTH).teams["payments"]
    bare = replace(incident(), postmortem=None)
    text = document_text(asked_of(bare, by), closed(), by)
    assert "\n- Support:\n- " not in text.partition("### What they say")[0]
    assert "\n- Data:\n- Support:\n" in text
    assert QUESTIONS["data"] in regions(text)["perspectives"]
    assert answered(text) == frozenset()
    without = document_text(bare, closed(), by)
    assert "Perspective" not in without


# --- the review -----------------------------------------------------------------------------------

CIRCULATE = Participants(circulate=("Lee Park",))
PUBLISHED = DocumentStatus.PUBLISHED


def seen(before: Incident, by: Policy) -> Incident:
    """The incident as it was while its document was a draft that said nothing."""
    assert before.postmortem is not None
    draft = replace(before.postmortem, status=DocumentStatus.DRAFT, text="# P\n")
    return replace(turn(replace(before, postmortem=draft), by)[0], postmortem=before.postmortem)


def published(text: str, by: Policy, **values: Any) -> Incident:
    return seen(incident(text, PUBLISHED, **values), by)


def on_branch(before: Incident, head: str = "") -> Incident:
    """The incident whose document is drafted on a branch; `head` is what is proposed there now."""
    paper = before.postmortem
    assert paper is not None
    return replace(
        before, postmortem=replace(paper, ref=replace(paper.ref, branch="draft", head=head))
    )


def as_version(before: Incident, version: str, text: str | None = None) -> Incident:
    paper = before.postmortem
    assert paper is not None
    paper = replace(paper, ref=replace(paper.ref, published=version), text=text or paper.text)
    return replace(before, postmortem=paper)


def test_recording_and_summary_go_to_whoever_could_not_be_there_once() -> None:
    by = rules(replace(CIRCULATE, perspectives={"support": ("Noor Aziz",)}))
    roles = {"facilitator": "Kim Ito"}
    before = published(WHOLE, by, roles=roles, owner=ticket().author)
    after, (note,) = turn(before, by)
    assert note.others == ("kim", "noor")
    assert "Lee Park: " in note.text  # cannot be called there
    assert "Recording: <https://video.example/7>" in note.text
    assert "@all" not in note.text
    assert "In short: The queue had" in note.text
    assert "video.example" not in note.instead
    assert "queue" not in note.instead
    assert turn(after, by)[1] == []


def test_the_same_is_not_sent_again_with_another_version_and_another_text_is() -> None:
    by = rules(CIRCULATE)
    after, _ = turn(as_version(published(WHOLE, by), "v1"), by)
    assert turn(as_version(after, "v2"), by)[1] == []
    other = WHOLE.replace("no", "a")
    assert turn(as_version(after, "v1", other), by)[1] == []
    after, notes = turn(as_version(after, "v2", other), by)
    assert len(notes) == 1
    assert turn(as_version(after, "v3", WHOLE), by)[1] == []


def test_what_was_published_before_the_rules_asked_goes_to_nobody() -> None:
    by = rules(CIRCULATE)
    after, notes = turn(incident(WHOLE, PUBLISHED), by)
    assert notes == turn(after, by)[1] == []
    assert turn(incident(PARTLY, PUBLISHED), by)[1] == []


def test_without_both_the_facilitator_is_asked_once_when_the_date_has_passed() -> None:
    by = rules(CIRCULATE)
    roles = {"facilitator": "Kim Ito"}
    before = published(PARTLY, by, review_due=date(2026, 12, 9), roles=roles)
    assert turn(before, by)[1] == []
    (_, _, when), *_ = awaited(before, by.teams["payments"])
    assert when == datetime(2026, 12, 10, 9, tzinfo=UTC)
    after, (note,) = turn(before, by, when)
    assert note.others == ("kim",)
    assert "Recording:" in note.text
    assert "Summary of the review" not in note.text
    later = datetime(2026, 12, 17, 9, tzinfo=UTC)
    assert turn(after, by, later - timedelta(minutes=1))[1] == []
    assert [at for _, _, at in awaited(after, by.teams["payments"])] == [later]
    alone, (sent,) = turn(after, by, later)
    assert "In short:" in sent.text
    assert turn(as_version(alone, "v2"), by, later + timedelta(days=90))[1] == []


def test_where_asking_for_the_rest_was_given_up_what_is_there_goes_alone() -> None:
    by = rules(CIRCULATE)
    waiting, (note,) = turn(published(PARTLY, by), by, written=False)
    assert turn(waiting, by, NOW + timedelta(days=60), written=False)[1] == [note]
    held = {note.key: Hold("given up by Kim", given_up=True)}
    without, left = give_up(waiting, held, NOW)
    assert (left, turn(without, by)[1]) == ({}, [])
    assert give_up(without, held, NOW + timedelta(days=1))[0] == without
    _, (sent,) = turn(without, by, NOW + timedelta(days=7))
    assert "In short:" in sent.text
    assert give_up(without, {}, NOW)[0] == waiting, "wanted after all"


def test_what_is_both_there_before_it_is_published_is_sent_and_not_again_by_publishing() -> None:
    by = rules(CIRCULATE)
    after, notes = turn(seen(incident(WHOLE, DocumentStatus.IN_REVIEW), by), by)
    assert len(notes) == 1
    assert after.postmortem is not None
    now_published = replace(after, postmortem=replace(after.postmortem, status=PUBLISHED))
    assert turn(as_version(now_published, "v1"), by)[1] == []


def test_words_of_the_incidents_title_are_neither_summary_nor_perspectives() -> None:
    text = "# Postmortem INC-1: Summary of perspectives not sent\n\nSupport: it was slow.\n"
    assert said(text) == Said()
    assert answered(text) == frozenset()
    assert said(text + "\n## Executive summary\n\nNo limit.\n").summary == "No limit."


def test_an_update_that_nobody_merged_is_neither_sent_nor_counted() -> None:
    by = rules(CIRCULATE)
    after, _ = turn(as_version(on_branch(published(WHOLE, by)), "m1"), by)
    other = WHOLE.replace("no", "a")
    assert turn(on_branch(as_version(after, "", other), head="h2"), by)[1] == []
    assert turn(as_version(after, "m1"), by)[1] == []
    merged, notes = turn(as_version(after, "m2", other), by)
    assert len(notes) == 1
    assert turn(merged, by)[1] == []


def test_a_note_that_was_planned_waits_as_long_as_an_update_is_open() -> None:
    by = rules(CIRCULATE)
    after, (note,) = turn(as_version(on_branch(published(WHOLE, by)), "m1"), by, written=False)
    proposed = on_branch(as_version(after, "", PARTLY), head="h2")
    assert turn(proposed, by, written=False)[1] == []
    assert turn(as_version(after, "m1"), by)[1] == [note]


def test_what_was_there_when_the_rules_first_asked_is_seen_once_no_update_is_open() -> None:
    by = rules(CIRCULATE)
    proposed = on_branch(incident(WHOLE.replace("no", "a"), PUBLISHED), head="h2")
    before, notes = turn(proposed, by)
    assert notes == []
    assert turn(as_version(on_branch(before), "m1", WHOLE), by)[1] == []


def test_what_is_drafted_on_a_branch_does_not_count() -> None:
    by = rules(CIRCULATE)
    before = seen(incident(WHOLE, DocumentStatus.IN_REVIEW), by)
    assert before.postmortem is not None
    ref = DocumentRef("pull request", "7", "https://git.example/pull/7", "v", branch="draft")
    assert turn(replace(before, postmortem=replace(before.postmortem, ref=ref)), by)[1] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Recording: https://v.example/1 (40 min)", Said("https://v.example/1")),
        ("- **Recording:** none, nobody agreed to it", Said("none, nobody agreed to it")),
        ("Recording: tbd", Said()),
        ("Recording:", Said()),
        ("> Recording: https://v.example/1", Said()),
        ("## Executive summary\n\n_Help._\n\nIt broke.", Said("", "It broke.")),
        ("## Summary\n\nOld.\n\n## Summary of the review\n\nNew.", Said("", "New.")),
        ("## Executive summary\n\nOld.\n\n## Summary of the review\n\n_Help._", Said("", "Old.")),
    ],
)
def test_what_a_document_says_of_its_review(text: str, found: Said) -> None:
    assert said(text) == found


# --- customers ------------------------------------------------------------------------------------


def felt(*statuses: str, **values: Any) -> Incident:
    items = [
        ActionItem(n, Origin("rule", str(n)), "Limit", Kind.PREVENTIVE, task=task_ref(n), status=s)
        for n, s in enumerate(statuses, 1)
    ]
    return incident(actions=tuple(items), felt=True, **values)


def with_status(before: Incident, *statuses: str) -> Incident:
    items = zip(before.actions, statuses, strict=True)
    return replace(before, actions=tuple(replace(item, status=s) for item, s in items))


def test_customer_facing_teams_are_asked_once_for_each_being_done() -> None:
    by = rules(Participants(customers=CUSTOMERS))
    before, _ = turn(felt("open", "open", "open"), by)
    after, (note,) = turn(with_status(before, "done", "done", "won't do"), by)
    assert (note.ticket, note.others) == (task_ref(1), ("kim",))
    assert "**For Support (Kim Ito); Success (Lee Park):**" in note.text
    assert f"[AI-1]({task_ref(1).url}), [AI-2]" in note.text
    assert "AI-3" not in note.text
    assert turn(after, by)[1] == []
    after, _ = turn(with_status(after, "open", "done", "won't do"), by)
    after, (again,) = turn(with_status(after, "done", "done", "won't do"), by)
    assert again.key != note.key
    assert "AI-2" not in again.text
    assert turn(after, by)[1] == []


def test_what_was_done_before_the_rules_asked_is_told_to_nobody() -> None:
    by = rules(Participants(customers=CUSTOMERS))
    after, notes = turn(felt("done", "open"), by)
    assert notes == []
    assert "AI-1" not in texts(turn(with_status(after, "done", "done"), by)[1])


@pytest.mark.parametrize(
    "item",
    [
        {"muted": True},
        {"task": None},
        {"given_up": "no"},
        {"sides": {Side.TASK: Agreement(gone="404")}},
    ],
)
def test_nothing_is_written_on_a_ticket_that_is_muted_or_not_there(item: dict[str, Any]) -> None:
    by = rules(Participants(customers=CUSTOMERS))
    before, _ = turn(felt("open"), by)
    done = with_status(before, "done")
    items = tuple(replace(each, **item) for each in done.actions)
    assert turn(replace(done, actions=items), by)[1] == []


IMPACT = {"Impact": "Some customers"}
NOBODY = "### Felt by\n\n_No response_\n"


@pytest.mark.parametrize(
    ("more", "shows", "found"),
    [
        ({"labels": frozenset({"customer impact"})}, {"labels": ("Customer_Impact",)}, True),
        ({"labels": frozenset({"customer-impact"})}, {}, False),
        ({"fields": {"Impact": frozenset()}}, {"fields": IMPACT}, True),
        ({"fields": {"Impact": frozenset()}}, {"fields": {"Impact": " "}}, False),
        ({"fields": {"Impact": frozenset({"some customers"})}}, {"fields": IMPACT}, True),
        ({"fields": {"Impact": frozenset({"none"})}}, {"fields": IMPACT}, False),
        ({"headings": {"Felt by": frozenset()}}, {"text": "### Felt by\n\nall\n"}, True),
        ({"headings": {"Felt by": frozenset()}}, {"text": NOBODY}, False),
        ({"severities": frozenset({"sev1"})}, {}, True),
        ({"severities": frozenset({"sev1"})}, {"restricted": True}, False),
        ({"severities": frozenset({"sev2"})}, {}, False),
    ],
)
def test_how_an_incident_shows_that_customers_felt_it(
    more: dict[str, Any], shows: dict[str, Any], found: bool
) -> None:
    by = rules(Participants(customers=CustomerRules(TEAMS, **more)))
    shown: Ticket = closed(**shows)
    assert customers.felt(shown, "sev1", by.teams["payments"]) is found


# --- all of them ----------------------------------------------------------------------------------

ALL = replace(BOTH, circulate=("Lee Park",), customers=CUSTOMERS)


def everything(by: Policy, **values: Any) -> tuple[Incident, list[WriteNote]]:
    """A turn in which all three have something to say."""
    before, _ = turn(felt("open"), rules(Participants(circulate=(), customers=CUSTOMERS)))
    before = with_status(before, "done")
    assert before.postmortem is not None
    paper = replace(before.postmortem, status=DocumentStatus.IN_REVIEW, text=WHOLE)
    return turn(replace(before, postmortem=paper, **values), by)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"muted": True},
        {"restricted": True},
        {"phase": Phase.OPEN},
        {"phase": Phase.GONE},
    ],
    ids=str,
)
def test_nothing_is_said_of_an_incident_that_is_muted_restricted_open_or_gone(
    values: dict[str, Any],
) -> None:
    assert len(everything(rules(ALL), **values)[1]) == (0 if values else 3)


def test_nothing_is_said_in_plan_mode() -> None:
    assert everything(rules(ALL, mode=Mode.PLAN))[1] == []


def test_in_quiet_hours_nothing_is_said_and_what_comes_together_is_one_note() -> None:
    monday = Calendar(holidays=frozenset({NOON.date()}))
    by = rules(Participants(customers=CUSTOMERS))
    quiet = rules(Participants(customers=CUSTOMERS), calendar=monday)
    before, _ = turn(felt("open", "open"), by)
    decision = outside.told(Decision(with_status(before, "done", "open")), quiet, NOW)
    assert decision.effects == ()
    assert decision.again_at == datetime(2026, 12, 8, 9, tzinfo=UTC)
    assert decision.incident is not None
    both = with_status(decision.incident, "done", "done")
    _, notes = turn(both, quiet, datetime(2026, 12, 8, 9, tzinfo=UTC))
    assert len(notes) == 1
    assert "AI-2" in notes[0].text


def test_whom_a_note_is_for_is_counted_by_name() -> None:
    by = rules(ALL)
    after, notes = everything(by)
    found = [outside.whom(after, note.key, by, NOON.date()) for note in notes]
    assert found == [
        ["Lee Park", "Kim Ito"],
        ["Lee Park", "Kim Ito", "Noor Aziz"],
        ["Kim Ito", "Lee Park"],
    ]


def test_our_notes_are_nobodys_words() -> None:
    after, notes = everything(rules(ALL))
    from builders import comment

    said = closed(comments=(comment("Mine"), comment("Ours", id=f"c-{notes[0].key}")))
    assert [each.text for each in without_own(said, after).comments] == ["Mine"]


def test_no_note_repeats_a_word_of_the_ticket() -> None:
    _, notes = everything(rules(ALL))
    effects: list[Effect] = [*notes]
    assert effects
    assert "Checkout" not in texts(notes)
