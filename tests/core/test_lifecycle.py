"""The life of an incident, decided and pretended without any tracker."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from builders import (
    KIM,
    at,
    change,
    closed,
    comment,
    document,
    policy,
    task_ref,
    ticket,
)

from workflows.documents import replace_regions
from workflows.effects import CreateDocument, CreateTask, Hold, LinkTask, WriteComment, WriteRegions
from workflows.events import DocumentCreated, DocumentRead, TaskCreated, TicketGone, TicketRead
from workflows.folding import fold
from workflows.lifecycle import decide
from workflows.model import (
    Comment,
    DocumentStatus,
    Incident,
    Kind,
    Outlook,
    Phase,
    Status,
    StatusCategory,
    Ticket,
)
from workflows.policy import Policy
from workflows.rehearsal import Rehearsal, rehearse
from workflows.standing import Decision

NOW = at(1440)

POLICY = policy()


def judge(read: Ticket, known: Incident | None = None, rules: Policy = POLICY) -> Decision:
    return decide(TicketRead(read), known, rules, new_id="abc", now=NOW)


def play(read: Ticket, known: Incident | None = None, rules: Policy = POLICY) -> Rehearsal:
    return rehearse(TicketRead(read), known, rules, new_id="abc", now=NOW)


def known(decision: Decision | Rehearsal) -> Incident:
    assert decision.incident is not None
    return decision.incident


def tasks(rehearsal: Rehearsal) -> list[CreateTask]:
    return [effect for effect in rehearsal.effects if isinstance(effect, CreateTask)]


def test_an_open_incident_is_watched_and_nothing_is_done() -> None:
    decision = judge(ticket())
    assert decision.effects == ()
    assert known(decision).outlook is Outlook.WATCHING
    assert known(decision).severity == "sev1"


def test_a_ticket_without_the_label_is_no_incident_and_the_reason_says_so() -> None:
    decision = judge(ticket(labels=("question",)))
    assert decision == Decision(
        None, (), ("not an incident of payments: it lacks the label incident",)
    )


def test_a_closed_incident_gets_its_document_before_anything_else() -> None:
    decision = judge(closed(comments=(comment("ACTION: one"),)))
    assert [type(effect) for effect in decision.effects] == [CreateDocument]
    wish = decision.effects[0]
    assert isinstance(wish, CreateDocument)
    assert wish.target.path == "postmortems/2026/acme-ops-42.md"
    assert "| AI-1 | one |" in wish.text


def test_the_whole_walk_is_document_tasks_regions_and_one_comment() -> None:
    rehearsal = play(closed(comments=(comment("ACTION: one @kim due:2026-12-20 [preventive]"),)))
    kinds = [type(effect) for effect in rehearsal.effects]
    assert kinds == [CreateDocument, CreateTask, CreateTask, WriteRegions, WriteComment]
    first, second = tasks(rehearsal)
    assert (first.title, first.owner, first.due, first.kind) == (
        "one",
        "kim",
        date(2026, 12, 20),
        Kind.PREVENTIVE,
    )
    assert second.title == "Detect acme/ops#42 sooner"
    assert known(rehearsal).outlook is Outlook.DONE


def test_the_due_date_comes_from_the_severitys_limit_when_nobody_said_one() -> None:
    rehearsal = play(closed(comments=(comment("ACTION: one [preventive]"),)))
    assert tasks(rehearsal)[0].due == date(2027, 1, 6)


def test_the_review_is_due_in_business_days_and_the_owner_does_not_facilitate() -> None:
    incident = known(play(closed(owner=KIM)))
    assert incident.review_due == date(2026, 12, 10)
    assert incident.roles["facilitator"] == "Noor Aziz"
    assert set(incident.roles.values()) == {"Kim Ito", "Noor Aziz"}


def test_closed_reopened_and_closed_again_is_the_same_postmortem() -> None:
    first = play(closed(comments=(comment("ACTION: one"),)))
    reopened = judge(ticket(comments=(comment("ACTION: one"),)), known(first))
    assert [type(e) for e in reopened.effects] == [WriteRegions]  # which say that it is open
    assert known(reopened).outlook is Outlook.WATCHING
    again = closed(
        comments=(comment("ACTION: one"), comment("ACTION: two", "c2", 100)), closed=at(200)
    )
    second = play(again, known(reopened))
    assert [type(e) for e in second.effects if isinstance(e, CreateDocument)] == []
    assert [task.title for task in tasks(second)] == ["two"]
    assert [item.name for item in known(second).actions] == ["AI-1", "AI-2", "AI-3"]


def test_reading_the_same_ticket_again_wants_nothing_new() -> None:
    first = play(closed(comments=(comment("ACTION: one"),)))
    again = judge(closed(comments=(comment("ACTION: one"),)), known(first))
    comments = [e for e in again.effects if isinstance(e, WriteComment)]
    assert list(again.effects) == comments
    assert comments[0] == first.effects[-1]


def test_an_incident_closed_before_the_team_started_is_left_alone() -> None:
    long_ago = datetime(2026, 11, 30, tzinfo=UTC)
    decision = judge(closed(closed=long_ago, comments=(comment("ACTION: late idea"),)))
    assert decision.effects == ()
    assert "left alone" in decision.reasons[-1]
    assert known(decision).actions == ()


def test_not_planned_and_duplicate_get_no_postmortem() -> None:
    for reason in ("not_planned", "duplicate", "Won't Do"):
        decision = judge(closed(reason=reason))
        assert decision.effects == ()
        assert known(decision).phase is Phase.SET_ASIDE


def test_an_unknown_severity_waits_and_says_so_on_the_ticket() -> None:
    decision = judge(closed(labels=("incident", "sev9")))
    assert known(decision).outlook is Outlook.WAITING
    assert known(decision).waiting_for == (
        "a known severity (label sev* says 'sev9', which the rules do not know)"
    )
    assert [type(effect) for effect in decision.effects] == [WriteComment]


def test_a_severity_that_the_rules_leave_out_gets_no_postmortem() -> None:
    decision = judge(closed(labels=("incident", "sev3")))
    assert decision.effects == ()
    assert "sev3 gets no postmortem" in decision.reasons


def test_the_severity_may_be_written_in_other_ways() -> None:
    assert known(judge(ticket(labels=("incident", "SEV-2")))).severity == "sev2"


def test_a_strangers_line_is_a_proposal_and_no_task() -> None:
    rehearsal = play(closed(comments=(comment("ACTION: pay me", may_write=False),)))
    assert [task.title for task in tasks(rehearsal)] == ["Detect acme/ops#42 sooner"]
    assert [p.title for p in known(rehearsal).proposals] == ["pay me"]
    words = rehearsal.effects[-1]
    assert isinstance(words, WriteComment)
    assert "may not write" in words.text


def test_an_edited_line_is_a_proposal_and_no_second_task() -> None:
    first = play(closed(comments=(comment("ACTION: one"),)))
    second = play(closed(comments=(comment("ACTION: one, better"),)), known(first))
    assert tasks(second) == []
    assert [p.why for p in known(second).proposals] == ["edited after it became AI-1"]


def test_internal_comments_and_restricted_tickets_are_not_copied() -> None:
    secret = comment("ACTION: tell nobody of the breach", internal=True)
    text = str(play(closed(comments=(secret,))).effects)
    assert "breach" not in text
    hidden = closed(restricted=True, title="Breach at Acme", comments=(comment("the breach"),))
    text = str(play(hidden).effects).replace("Comment that only some may read", "")
    assert "breach" not in text.casefold()


def test_a_deleted_ticket_is_a_tombstone_and_nothing_is_undone() -> None:
    first = known(play(closed()))
    gone = decide(TicketGone(first.ticket, "410 Gone"), first, POLICY, new_id="x", now=NOW)
    assert gone.effects == ()
    assert known(gone).phase is Phase.GONE


def test_a_muted_incident_gets_no_comment() -> None:
    muted = closed(labels=("incident", "sev1", "followthrough-mute"))
    assert [e for e in play(muted).effects if isinstance(e, WriteComment)] == []


def test_a_refused_task_is_told_in_the_comment_and_the_rest_goes_on() -> None:
    read = closed(comments=(comment("ACTION: one"),))
    incident = known(play(read))
    first = replace(incident.actions[0], task=None, linked=False)
    incident = replace(incident, actions=(first, *incident.actions[1:]))
    why = {"task:abc:1": Hold("422: title is too long", refused=True)}
    decision = decide(TicketRead(read), incident, POLICY, new_id="x", now=NOW, held=why)
    words = decision.effects[-1]
    assert isinstance(words, WriteComment)
    assert "title is too long" in words.text
    assert known(decision).outlook is Outlook.WAITING
    assert known(decision).waiting_for == "422: title is too long"


def test_a_task_that_its_incident_does_not_show_yet_is_linked() -> None:
    incident = known(judge(closed()))
    wish = judge(closed()).effects[0]
    assert isinstance(wish, CreateDocument)
    incident = fold(DocumentCreated("docs", document(wish.text), {}), incident)
    incident = fold(TaskCreated("task:abc:1", task_ref(1), False, ("owner: gone",)), incident)
    effects = judge(closed(), incident).effects
    assert [e.key for e in effects if isinstance(e, LinkTask)] == ["link:abc:1"]
    assert incident.actions[0].unset == ("owner: gone",)


# --- the document and the people who edit it -----------------------------------------------------


def written() -> tuple[Incident, str]:
    incident = known(play(closed(comments=(comment("ACTION: one"),))))
    assert incident.postmortem is not None
    assert incident.postmortem.text is not None
    return incident, incident.postmortem.text


def test_a_row_that_a_person_adds_becomes_a_task_and_gets_its_id_back() -> None:
    incident, text = written()
    row = "| | Add a canary | preventive | @kim | | 2026-12-24 | |"
    text = text.replace(
        "<!-- followthrough:end actions -->", f"{row}\n<!-- followthrough:end actions -->"
    )
    incident = fold(DocumentRead(document(text, "v2")), incident)
    rehearsal = play(closed(comments=(comment("ACTION: one"),)), incident)
    assert [(t.title, t.owner) for t in tasks(rehearsal)] == [("Add a canary", "kim")]
    after = known(rehearsal).postmortem
    assert after is not None
    assert "| AI-3 · (task of AI-3 in acme/ops) | Add a canary" in (after.text or "").replace(
        "\\", ""
    )
    assert (after.text or "").count("Add a canary") == 1


def test_words_of_people_outside_the_regions_survive_every_write() -> None:
    incident, text = written()
    text = text.replace("## Executive summary\n", "## Executive summary\n\nThe queue was full.\n")
    incident = fold(DocumentRead(document(text, "v2")), incident)
    rehearsal = play(
        closed(comments=(comment("ACTION: one"), comment("ACTION: two", "c2"))), incident
    )
    after = known(rehearsal).postmortem
    assert after is not None
    assert "The queue was full." in (after.text or "")
    assert "two" in after.seen["actions"]


def test_an_edit_inside_a_region_is_kept_and_told() -> None:
    incident, text = written()
    edited = text.replace("Ticket opened", "Ticket opened (late!)")
    incident = fold(DocumentRead(document(edited, "v2")), incident)
    history = (change("status", "open", "closed", 90),)
    rehearsal = play(closed(comments=(comment("ACTION: one"),), changes=history), incident)
    after = known(rehearsal).postmortem
    assert after is not None
    assert "(late!)" in after.seen["timeline"]
    assert "'timeline' was edited by hand" in after.conflicts[0]
    words = rehearsal.effects[-1]
    assert isinstance(words, WriteComment)
    assert "edited by hand" in words.text


def test_a_region_that_a_person_empties_is_written_again() -> None:
    incident, text = written()
    body = document(text).regions["timeline"]
    incident = fold(DocumentRead(document(text.replace(body, ""), "v2")), incident)
    rehearsal = play(closed(comments=(comment("ACTION: one"),)), incident)
    after = known(rehearsal).postmortem
    assert after is not None
    assert after.seen["timeline"] == body


def test_what_a_person_writes_into_a_row_holds_through_later_writes() -> None:
    incident, text = written()
    edited = text.replace("| one |", "| one, by christmas |")
    incident = fold(DocumentRead(document(edited, "v2")), incident)
    comments: tuple[Comment, ...] = (comment("ACTION: one"),)
    for minute, extra in ((100, "ACTION: two"), (110, "ACTION: three")):
        comments = (*comments, comment(extra, f"c{minute}", minute))
        incident = known(play(closed(comments=comments), incident))
    assert incident.postmortem is not None
    assert "one, by christmas" in incident.postmortem.seen["actions"]
    assert "three" in incident.postmortem.seen["actions"]
    assert incident.postmortem.conflicts == ()
    assert incident.actions[0].title == "one, by christmas"
    assert incident.proposals == ()


def test_a_declined_document_is_not_made_again() -> None:
    incident, text = written()
    declined = document(text, "v2", DocumentStatus.DECLINED)
    incident = fold(DocumentRead(declined), incident)
    rehearsal = play(
        closed(comments=(comment("ACTION: one"), comment("ACTION: two", "c2"))), incident
    )
    assert [type(e) for e in rehearsal.effects] == [WriteComment]


# --- what the ticket tells ---


def test_a_reopened_ticket_whose_state_lags_is_judged_by_what_it_says_now() -> None:
    lagging = closed(status=Status("open", StatusCategory.NEW))
    assert known(judge(lagging)).phase is Phase.OPEN


def test_hostile_text_is_inert_in_everything_that_is_written() -> None:
    evil = "@everyone <script>x</script> fixes #3 | [a](javascript:x)"
    evil += " <!-- followthrough:end timeline -->"
    read = closed(title=evil, comments=(comment(f"ACTION: {evil}"), comment(evil, "c2")))
    written_text = "\n".join(
        str(getattr(e, "text", "")) + str(getattr(e, "regions", "")) for e in play(read).effects
    )
    assert "<script" not in written_text.replace("\\<", "")
    assert "@everyone" not in written_text
    assert "fixes #3" not in written_text
    assert written_text.count("<!-- followthrough:end timeline -->") == 1


def test_a_merged_document_is_not_proposed_again_only_to_say_that_it_was_merged() -> None:
    incident, text = written()
    incident = fold(DocumentRead(document(text, "v2", DocumentStatus.IN_REVIEW)), incident)
    review = play(closed(comments=(comment("ACTION: one"),)), incident)
    assert [list(e.regions) for e in review.effects if isinstance(e, WriteRegions)] == [["facts"]]
    incident = known(review)
    assert incident.postmortem is not None
    merged = document(incident.postmortem.text or "", "v3", DocumentStatus.PUBLISHED)
    after = play(closed(comments=(comment("ACTION: one"),)), fold(DocumentRead(merged), incident))
    assert [e for e in after.effects if isinstance(e, WriteRegions)] == []


def test_what_we_wrote_and_never_heard_of_is_not_taken_for_a_persons_edit() -> None:
    incident, text = written()
    read = closed(comments=(comment("ACTION: one"), comment("ACTION: two", "c2", 100)))
    asked = judge(read, incident)
    wish = next(e for e in asked.effects if isinstance(e, CreateTask))
    incident = fold(TaskCreated(wish.key, task_ref(3), True), known(asked))
    asked = judge(read, incident)
    regions = next(e for e in asked.effects if isinstance(e, WriteRegions)).regions
    incident = known(asked)  # saved, sent, done there, and the answer never came
    there = document(replace_regions(text, regions), "v2")
    incident = fold(DocumentRead(there), incident)
    assert incident.postmortem is not None
    assert incident.postmortem.conflicts == ()
    assert incident.postmortem.kept == {}
    assert known(play(read, incident)).outlook is Outlook.DONE


def test_a_restricted_tickets_action_lines_become_no_tasks() -> None:
    hidden = closed(restricted=True, comments=(comment("ACTION: rotate the leaked key"),))
    assert [task.title for task in tasks(play(hidden))] == ["Detect acme/ops#42 sooner"]


def test_a_refused_document_is_told_on_the_ticket_and_one_that_waits_is_not() -> None:
    for refused, told in ((True, [WriteComment]), (False, [])):
        hold = {"document:abc": Hold("404: no such repository", refused)}
        decision = decide(TicketRead(closed()), None, POLICY, new_id="abc", now=NOW, held=hold)
        assert [type(e) for e in decision.effects[1:]] == told
        assert known(decision).waiting_for == "404: no such repository"


def test_a_row_that_nobody_can_read_stays_and_is_told_until_it_is_deleted() -> None:
    incident, text = written()
    edited = text.replace("| — | 2026-12-22 |", "| — | by christmas |", 1)
    incident = fold(DocumentRead(document(edited, "v2")), incident)
    incident = known(play(closed(comments=(comment("ACTION: one"), comment("x", "c9"))), incident))
    assert incident.postmortem is not None
    assert "'by christmas' is not a date" in incident.postmortem.conflicts[0]
    text = incident.postmortem.text or ""
    row = next(line for line in text.splitlines() if "by christmas" in line)
    incident = fold(DocumentRead(document(text.replace(f"{row}\n", ""), "v4")), incident)
    after = known(play(closed(comments=(comment("ACTION: one"),)), incident)).postmortem
    assert after is not None
    assert after.kept == {}
    assert after.conflicts == ()
    assert "| — | 2026-12-22 |" in after.seen["actions"]


# --- what people do to the table, and what must not happen to it ---

END = "<!-- followthrough:end actions -->"
ONE = (comment("ACTION: one"),)


def reread(incident: Incident, text: str, version: str) -> Incident:
    return fold(DocumentRead(document(text, version)), incident)


def text_of(outcome: Rehearsal) -> str:
    after = known(outcome).postmortem
    assert after is not None
    return after.text or ""


def test_a_row_that_a_person_numbers_gets_its_own_number_and_hides_nothing() -> None:
    incident, text = written()
    row = "| AI-3 | Add a canary | preventive | @kim | | 2026-12-24 | |\n"
    incident = reread(incident, text.replace(END, row + END), "v2")
    outcome = play(closed(comments=(*ONE, comment("ACTION: two", "c2"))), incident)
    assert sorted(task.title for task in tasks(outcome)) == ["Add a canary", "two"]
    assert "| Add a canary |" in text_of(outcome)
    assert "| two |" in text_of(outcome)


def test_a_new_row_whose_title_exists_already_is_kept_and_told() -> None:
    incident, text = written()
    row = "| | one | preventive | @noor | Q1 | 2026-12-30 | |\n"
    outcome = play(closed(comments=ONE), reread(incident, text.replace(END, row + END), "v2"))
    assert tasks(outcome) == []
    assert "2026-12-30" in text_of(outcome)
    assert "says what AI-1 says" in known(outcome).proposals[0].why
    again = play(closed(comments=(*ONE, comment("ACTION: two", "c2"))), known(outcome))
    assert text_of(again).count("2026-12-30") == 1


def test_a_row_with_empty_outer_cells_is_read_cell_by_cell() -> None:
    incident, text = written()
    row = "|| Add a canary | preventive | @kim |||| |\n"
    outcome = play(closed(comments=ONE), reread(incident, text.replace(END, row + END), "v2"))
    assert tasks(outcome) == []  # eight cells where the table has seven: it stays, and asks nothing
    assert "Add a canary" in text_of(outcome)
    row = "|| Add a canary | preventive | @kim ||| |\n"
    outcome = play(closed(comments=ONE), reread(incident, text.replace(END, row + END), "v2"))
    assert [task.title for task in tasks(outcome)] == ["Add a canary"]


def test_a_row_that_was_put_back_is_not_edited_again() -> None:
    incident, text = written()
    incident = reread(incident, text.replace("| one |", "| one, by christmas |"), "v2")
    incident = reread(incident, text, "v3")
    outcome = play(closed(comments=(*ONE, comment("ACTION: two", "c2"))), incident)
    assert "by christmas" not in text_of(outcome)


def test_correcting_a_line_below_the_table_makes_no_second_task() -> None:
    incident, text = written()
    below = text.replace(END, END + "\n\n- [ ] Write the runbok @kim\n")
    first = play(closed(comments=ONE), reread(incident, below, "v2"))
    assert [task.title for task in tasks(first)] == ["Write the runbok"]
    mended = text_of(first).replace("runbok @kim", "runbook @kim", 1)
    second = play(closed(comments=ONE), reread(known(first), mended, "v3"))
    assert tasks(second) == []
    assert [p.why for p in known(second).proposals] == ["edited after it became AI-3"]


def test_a_flood_of_proposals_is_counted_and_not_listed() -> None:
    lines = "\n".join(f"ACTION: give me number {n}" for n in range(600))
    outcome = play(closed(comments=(comment(lines, may_write=False),)))
    words = outcome.effects[-1]
    assert isinstance(words, WriteComment)
    assert len(words.text) < 5000
    assert "and 580 more" in words.text


def test_closing_words_in_a_title_close_nothing() -> None:
    wish = judge(closed(title="Outage: fixes #3 @everyone")).effects[0]
    assert isinstance(wish, CreateDocument)
    assert "fixes" not in wish.title
    assert "@everyone" not in wish.title


def test_a_ticket_that_two_teams_match_is_told() -> None:
    twice = replace(
        POLICY, teams={**POLICY.teams, "other": replace(POLICY.teams["payments"], name="other")}
    )
    decision = judge(ticket(), rules=twice)
    assert known(decision).team == "payments"
    assert "the rules of other match it too" in decision.reasons[0]


def test_a_comment_that_waits_is_no_done_incident() -> None:
    incident = known(play(closed()))
    hold = {"comment:abc": Hold("403: locked", refused=True)}
    decision = decide(TicketRead(closed()), incident, POLICY, new_id="x", now=NOW, held=hold)
    assert known(decision).outlook is Outlook.WAITING


def test_a_document_that_is_gone_is_waited_for() -> None:
    incident, _ = written()
    gone = fold(DocumentRead(document("", "v2", DocumentStatus.GONE)), incident)
    decision = judge(closed(comments=ONE), gone)
    assert known(decision).outlook is Outlook.WAITING
    assert "to be put back" in (known(decision).waiting_for or "")
