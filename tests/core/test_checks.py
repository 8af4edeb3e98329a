"""Checks that measures name, files that they keep: when an audit opens early for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from builders import NOON, closed, comment
from core.test_audits import DAY, asked, asks, incident, measure, opened, rules, settled
from in_force import acts_in_markdown, payloads

from service.store.codec import dump, load
from workflows import check_text, checks
from workflows.actions import lines_of
from workflows.calendars import Calendar, Hours
from workflows.effects import CreateTask, Effect, WriteNote
from workflows.events import TicketRead, TicketUnchanged
from workflows.lifecycle import decide
from workflows.lines import Origin, Proposal
from workflows.model import DocumentStatus, Incident, Ticket
from workflows.policy import CheckRules, Mode, Policy
from workflows.proposals import details
from workflows.rungs import Verdict
from workflows.schedule import plan
from workflows.snapshots import Progress
from workflows.watched import Alarm, Fault, Named, Result, Source, Unwatched

DRILL = Named(Source.CHECK, "drill")
FILE = Named(Source.FILE, "acme/ops:.github/workflows/drill.yml")
CHECKS = CheckRules(
    {"drill": timedelta(days=2), "other": timedelta(days=2)}, {"acme/ops": "github"}
)
RULES = rules(checks=CHECKS)
HOUR = timedelta(hours=1)
QUIET = Calendar(quiet=Hours(time(20), time(8)))


def named(*what: Named, policy: Policy = RULES) -> Incident:
    """The measure is done at noon, names these, and its first audit is planned in 30 days."""
    known, _ = settled(incident(measure(named=what or (DRILL,))), NOON, policy)
    return known


def failed(at: datetime, since: datetime | None = None, **values: str) -> dict[str, Result]:
    return {"drill": Result(False, at, since or at, **values)}


def passed(at: datetime) -> dict[str, Result]:
    return {"drill": Result(True, at, at)}


def turn(
    known: Incident, now: datetime, results: dict[str, Result], policy: Policy = RULES
) -> tuple[Incident, list[Effect]]:
    """A turn at `now` after these results were posted, and the one that comes due by it."""
    known, effects = settled(checks.heard(known, results), now, policy)
    known, more = settled(known, now + timedelta(seconds=1), policy)
    made = [each for each in (*effects, *more) if isinstance(each, CreateTask)]
    return known, [*made, *notes_in((*effects, *more))]


def audits_in(effects: Sequence[Effect]) -> list[CreateTask]:
    return [each for each in effects if isinstance(each, CreateTask)]


def notes_in(effects: Sequence[Effect]) -> list[WriteNote]:
    return [e for e in effects if isinstance(e, WriteNote) and ":check-" in e.key]


# --- what is named ------------------------------------------------------------------------------


def test_a_line_of_a_ticket_names_checks_and_files_beside_its_title() -> None:
    (line,) = lines_of(
        'ACTION: Rehearse check:drill, check:"drill" keeps:acme/ops:a/b.md measure:"2 min" @kim'
    )
    assert line.title == "Rehearse"
    assert line.named == (DRILL, Named(Source.FILE, "acme/ops:a/b.md"))
    proposal = Proposal(Origin("comment", "c1"), line.title, "Mallory", "may not", line=line)
    assert "check drill, keeps acme/ops:a/b.md" in details(proposal)


def test_a_colon_in_a_title_names_nothing() -> None:
    (line,) = lines_of("ACTION: Write a health check: it shall fail")
    assert (line.title, line.named) == ("Write a health check: it shall fail", ())


@pytest.mark.parametrize(
    "line",
    [
        "AI-1 check: drill",
        "- **AI-1** check: `drill`",
        "ai-1 CHECK: drill",
        "* AI-1: check: drill",
    ],
)
def test_a_line_of_the_document_names_a_check(line: str) -> None:
    found = checks.named_in(f"# Postmortem\n\n{line}\n{line}\n")
    assert found == {"AI-1": (replace(DRILL, in_document=True),)}


@pytest.mark.parametrize(
    "line",
    ["> AI-1 check: drill", "    AI-1 check: drill", "<!-- AI-1 check: drill -->", "check: drill"],
)
def test_what_is_quoted_code_or_hidden_names_nothing(line: str) -> None:
    assert checks.named_in(f"# Postmortem\n\n{line}\n") == {}


def with_text(known: Incident, *lines: str) -> Incident:
    assert known.postmortem is not None
    text = "\n".join(["# Postmortem", "", *lines])
    return replace(known, postmortem=replace(known.postmortem, text=text))


def test_what_the_document_names_goes_with_its_line_and_what_the_line_named_stays() -> None:
    keeps = f"AI-1 keeps: {FILE.name}"
    known, notes = checks.with_named(with_text(incident(measure(named=(DRILL,))), keeps))
    assert known.actions[0].named == (DRILL, replace(FILE, in_document=True))
    assert notes == [f"AI-1 keeps {FILE.name}"]
    assert checks.with_named(known) == (known, [])
    known, notes = checks.with_named(with_text(known))
    assert (known.actions[0].named, notes) == ((DRILL,), [])


def test_a_draft_on_a_branch_names_nothing_yet() -> None:
    known = with_text(incident(measure()), "AI-1 check: drill")
    assert known.postmortem is not None
    ref = replace(known.postmortem.ref, branch="followthrough/document-1")
    draft = replace(known, postmortem=replace(known.postmortem, ref=ref))
    assert checks.with_named(draft) == (draft, [])
    merged = replace(
        known, postmortem=replace(known.postmortem, ref=ref, status=DocumentStatus.PUBLISHED)
    )
    assert checks.with_named(merged)[0].actions[0].named


@pytest.mark.parametrize(
    "name",
    [
        "acme/secret:README.md",
        "acme/ops",
        "acme/ops:",
        "acme/ops:/etc/passwd",
        "acme/ops:../x",
        "acme/ops:a/../b",
        "acme/ops:a//b",
        "acme/ops:a\\b",
        "acme/ops:a\nb",
        "https://evil.example/x",
    ],
)
def test_nothing_is_asked_of_a_place_that_the_rules_do_not_list(name: str) -> None:
    known = named(Named(Source.FILE, name))
    assert known.watched == ()
    assert checks.unwatched(known, RULES.teams["payments"]) == [("AI-1", Unwatched.FILE)]


def test_a_repository_is_known_in_any_case_and_called_as_the_rules_do() -> None:
    (watched,) = named(Named(Source.FILE, "ACME/Ops:README.md")).watched
    assert watched.name == "acme/ops:README.md"


def test_what_is_not_known_is_told_by_the_item_without_a_word_of_it() -> None:
    known = named(Named(Source.CHECK, "@everyone"), Named(Source.FILE, "acme/secret:plans.md"))
    (said,) = check_text.problems(checks.unwatched(known, RULES.teams["payments"]))
    assert "AI-1 names a check that the rules do not know" in said
    assert "AI-1 keeps a file that cannot be looked at" in said
    assert "everyone" not in said
    assert "secret" not in said
    assert check_text.problems(checks.unwatched(named(DRILL), RULES.teams["payments"])) == []


def test_only_measures_that_are_asked_about_are_watched() -> None:
    undone, _ = settled(incident(measure(Progress.OPEN, named=(DRILL,))), NOON, RULES)
    assert undone.watched == ()
    known = named()
    assert [each.place for each in known.watched] == [(Source.CHECK, "drill")]
    back = replace(known.actions[0], status=Progress.OPEN.value)
    known, _ = settled(replace(known, actions=(back,)), NOON + DAY, RULES)
    assert known.watched == ()


# --- a check that fails ---------------------------------------------------------------------------


def test_the_planned_audit_opens_now_with_the_evidence() -> None:
    at = NOON + 7 * DAY
    known, effects = turn(named(), at, failed(at, summary="14 of 20", url="https://ci.example/7"))
    (audit,) = audits_in(effects)
    assert audit.key == "audit:k3v9w:1:1:1"
    assert "the check drill failed at 2026-12-14 12:00 UTC" in audit.text.replace("The", "the")
    assert "“14 of 20”" in audit.text
    assert "<https://ci.example/7>" in audit.text
    assert notes_in(effects) == []
    (first,) = known.audits
    assert (first.rung, first.step) == (1, 1)


def test_the_measure_is_read_once_more_before_the_audit_opens() -> None:
    at = NOON + 7 * DAY
    decision = asked(checks.heard(named(), failed(at)), at, RULES)
    assert audits_in(decision.effects) == []
    assert decision.incident is not None
    (opens,) = [e.due for e in plan(decision.incident, RULES) if e.key.startswith("audit:")]
    assert opens == at


def test_a_check_that_fails_each_hour_opens_one_audit() -> None:
    known, start = named(), NOON + 7 * DAY
    made: list[Effect] = []
    for n in range(24):
        known, effects = turn(known, start + n * HOUR, failed(start + n * HOUR, start))
        made += effects
    assert len(audits_in(made)) == 1
    assert notes_in(made) == []


def test_a_pass_closes_nothing_and_a_failure_after_it_is_not_said_again() -> None:
    known, start = named(), NOON + 7 * DAY
    known, _ = turn(known, start, failed(start))
    for n in range(1, 6):
        at = start + n * DAY
        known, effects = turn(known, at, passed(at) if n % 2 else failed(at))
        assert effects == []
    assert [audit.standing for audit in known.audits] == ["open"]


def test_a_check_that_comes_and_goes_while_its_audit_waits_to_open_is_said_once() -> None:
    by = rules(checks=CHECKS, calendar=QUIET)
    known, evening = named(policy=by), NOON + 7 * DAY + 9 * HOUR
    for n in range(10):
        at = evening + n * HOUR
        for results in (failed(at, summary="14 of 20"), passed(at + HOUR / 2)):
            decision = asked(checks.heard(known, results), results["drill"].at, by)
            assert decision.incident is not None
            known = decision.incident
    _, (audit,) = turn(known, evening + 12 * HOUR, {}, by)
    assert isinstance(audit, CreateTask)
    assert audit.text.count("Why now") == 1
    assert f"failed at {evening:%Y-%m-%d %H:%M} UTC" in audit.text


def test_an_open_audit_is_told_once() -> None:
    start = NOON + 31 * DAY
    known = opened(named(), RULES)
    known, effects = turn(known, start, failed(start, summary="@noor fixes #1"))
    (note,) = notes_in(effects)
    assert note.ticket == known.audits[0].ticket
    assert "the check drill failed" in note.text
    assert not acts_in_markdown(note.text.replace("**", ""))
    known, effects = turn(known, start + HOUR, failed(start + HOUR, start))
    known, more = turn(known, start + DAY, failed(start + DAY))
    assert [*effects, *more] == []


def verdict(known: Incident, at: datetime, word: str = "effective") -> Incident:
    said = asks(known, comment(f"/audit {word} because graph", minutes=(at - NOON) / HOUR * 60))
    known, _ = settled(known, at, RULES, audits=[said])
    return known


def test_after_a_verdict_only_another_failure_opens_one_and_the_ladder_goes_on() -> None:
    known, start = named(), NOON + 7 * DAY
    known, _ = turn(known, start, failed(start))
    known = verdict(known, start + DAY)
    assert known.audits[0].verdict is Verdict.EFFECTIVE
    known, effects = turn(known, start + 2 * DAY, failed(start + 2 * DAY, start))
    assert audits_in(effects) == [], "it is the failure that was judged"
    again = start + 4 * DAY
    known, effects = turn(known, again, failed(again))
    (audit,) = audits_in(effects)
    assert audit.key == "audit:k3v9w:1:1:2"
    assert [(each.rung, each.step) for each in known.audits] == [(1, 1), (2, 1)]
    known = verdict(known, again + DAY)
    assert [(each.rung, each.step) for each in known.audits] == [(1, 1), (2, 1), (3, 2)]


def test_a_failure_from_before_the_measure_was_done_counts_for_nothing() -> None:
    known, effects = turn(named(), NOON + DAY, failed(NOON - HOUR))
    assert (effects, known.alarms) == ([], ())
    since = NOON - HOUR
    _, effects = turn(known, NOON + DAY, failed(NOON + DAY, since))
    assert len(audits_in(effects)) == 1, "it fails since"


def test_done_again_the_same_failure_asks_again() -> None:
    known, start = named(), NOON + 7 * DAY
    known, _ = turn(known, start, failed(start))
    back = replace(known.actions[0], status=Progress.OPEN.value)
    known, _ = settled(replace(known, actions=(back,)), start + DAY, RULES)
    again = measure(at=start + 2 * DAY, named=(DRILL,))
    known, _ = settled(replace(known, actions=(again,)), start + 2 * DAY, RULES)
    known, effects = turn(known, start + 3 * DAY, failed(start + 3 * DAY, start))
    assert [each.key for each in audits_in(effects)] == ["audit:k3v9w:1:2:1"]


def test_a_check_that_another_measure_names_says_nothing_of_this_one() -> None:
    two = replace(measure(named=()), number=2, origin=Origin("ticket", "I_42", 1))
    both, _ = settled(incident(measure(named=(DRILL,)), two), NOON, RULES)
    at = NOON + 7 * DAY
    _, effects = turn(both, at, failed(at))
    assert [each.key for each in audits_in(effects)] == ["audit:k3v9w:1:1:1"]


# --- silence --------------------------------------------------------------------------------------


def test_silence_is_planned_and_each_result_moves_it() -> None:
    def silence(known: Incident) -> list[datetime]:
        return [each.due for each in plan(known, RULES) if each.key.startswith("watched:")]

    known = named()
    assert silence(known) == [NOON + 2 * DAY]
    known = checks.heard(known, passed(NOON + DAY))
    assert silence(known) == [NOON + 3 * DAY]


def test_a_check_of_which_nothing_is_heard_opens_the_audit_once() -> None:
    known, effects = turn(named(), NOON + 2 * DAY - HOUR, {})
    assert effects == []
    known, effects = turn(known, NOON + 2 * DAY, {})
    (audit,) = audits_in(effects)
    assert "no result of the check drill came since 2026-12-07 12:00 UTC" in audit.text.replace(
        "No", "no"
    )
    known, effects = turn(known, NOON + 4 * DAY, {})
    assert effects == []


# --- files ----------------------------------------------------------------------------------------


def look(known: Incident, now: datetime, fault: Fault | None) -> Incident:
    (watched,) = known.watched
    return replace(known, watched=(checks.looked(watched, fault, "commit 1", "", now),))


@pytest.mark.parametrize(
    ("fault", "words"), [(Fault.REMOVED, "is not there"), (Fault.DISABLED, "is switched off")]
)
def test_a_file_that_is_gone_opens_the_audit_once(fault: Fault, words: str) -> None:
    known = look(named(FILE), NOON + HOUR, None)
    known, effects = turn(known, NOON + HOUR, {})
    assert effects == []
    made: list[Effect] = []
    for day in (1, 2, 3):
        known, effects = turn(look(known, NOON + day * DAY, fault), NOON + day * DAY, {})
        made += effects
    (audit,) = audits_in(made)
    assert words in audit.text
    assert known.watched[0].began == NOON + DAY


def test_files_are_looked_at_once_a_day_whatever_is_told() -> None:
    def looks(known: Incident) -> list[datetime]:
        return [each.due for each in plan(known, RULES) if each.key.startswith("watched:")]

    known = named(FILE)
    assert looks(known) == [NOON]
    assert looks(look(known, NOON + HOUR, None)) == [NOON + HOUR + DAY]


SECRET = replace(FILE, name="acme/ops:runbooks/layoffs-of-march.md")


def texts(known: Incident, now: datetime, ticket: Ticket | None = None) -> str:
    """All that is written when the incident's ticket was read, or is as it was."""
    reading = TicketRead(ticket) if ticket else TicketUnchanged()
    decision = decide(reading, known, RULES, new_id="n", now=now)
    assert decision.incident is not None
    _, done = settled(decision.incident, now + HOUR, RULES)
    return "\n".join(str(wish) for wish in (*decision.effects, *done))


@pytest.mark.parametrize("restricted", [True, False])
def test_an_audit_of_a_restricted_incident_opens_without_the_name_of_the_file(
    restricted: bool,
) -> None:
    at = NOON + DAY
    known = look(named(SECRET), at, Fault.REMOVED)
    doubted = asked(known, at, RULES).incident
    assert doubted is not None
    ticket = replace(closed(), text="ACTION: Alert on depth", restricted=restricted)
    said = texts(doubted, at + HOUR, ticket)
    assert "Why now" in said
    assert ("layoffs" in said, check_text.WITHHELD_FILE in said.replace("A f", "a f")) == (
        not restricted,
        restricted,
    )
    assert ("commit 1" in said) is not restricted


def test_an_open_audit_of_a_restricted_incident_is_not_told_the_name_of_the_file() -> None:
    at = NOON + 31 * DAY
    doubted = checks.see_to(look(opened(named(SECRET), RULES), at, Fault.REMOVED), RULES, at)
    assert len(doubted.notes) == 1
    ticket = replace(closed(), text="ACTION: Alert on depth", restricted=True)
    assert "layoffs" not in texts(doubted.incident, at + HOUR, ticket)
    assert "layoffs" in texts(doubted.incident, at + HOUR, replace(ticket, restricted=False))


def test_the_words_of_a_check_that_is_named_no_more_are_told_no_more() -> None:
    at = NOON + 7 * DAY
    doubted = asked(checks.heard(named(), failed(at, summary="14 of 20")), at, RULES).incident
    assert doubted is not None
    assert "14 of 20" in texts(doubted, at + HOUR)
    gone = replace(doubted, actions=(replace(doubted.actions[0], named=()),))
    said = texts(gone, at + HOUR)
    assert "The check drill failed" in said
    assert "14 of 20" not in said


@pytest.mark.parametrize("fault", [Fault.REMOVED, Fault.DISABLED])
def test_a_repository_is_spelled_as_the_rules_do_also_where_a_sentence_begins(fault: Fault) -> None:
    known = look(named(FILE), NOON + DAY, fault)
    _, effects = turn(known, NOON + DAY, {})
    (audit,) = audits_in(effects)
    assert "| The file " in audit.text
    assert "Acme" not in audit.text


# --- when nothing may be said ---------------------------------------------------------------------


def test_nothing_is_asked_of_a_muted_incident_until_it_is_not() -> None:
    at = NOON + 7 * DAY
    known, effects = turn(replace(named(), muted=True), at, failed(at))
    assert (effects, known.alarms) == ([], ())
    _, effects = turn(replace(known, muted=False), at + HOUR, failed(at))
    assert len(audits_in(effects)) == 1


AT_NIGHT = NOON + timedelta(days=1, hours=10)
MORNING = datetime(2026, 12, 9, 9, tzinfo=NOON.tzinfo)


def test_an_audit_opens_when_people_may_be_spoken_to() -> None:
    policy = rules(checks=CHECKS, calendar=QUIET)
    known, effects = turn(named(policy=policy), AT_NIGHT, failed(AT_NIGHT), policy)
    assert effects == []
    assert [each.opens for each in known.audits] == [MORNING]
    known, effects = settled(known, MORNING, policy)
    assert len(audits_in(effects)) == 1


def test_a_note_waits_for_the_end_of_quiet_hours_and_a_muted_ticket_gets_none() -> None:
    policy = rules(checks=CHECKS, calendar=QUIET)
    at = NOON + timedelta(days=31, hours=10)
    known = checks.heard(opened(named(policy=policy), policy), failed(at))
    seen = checks.see_to(known, policy, at)
    assert seen.notes == ()
    assert seen.again_at is not None
    assert policy.teams["payments"].calendar.may_speak(seen.again_at)
    later = checks.see_to(seen.incident, policy, seen.again_at)
    assert len(later.notes) == 1
    quiet = replace(seen.incident.audits[0], muted=True)
    muted = replace(seen.incident, audits=(quiet,))
    assert checks.see_to(muted, policy, seen.again_at).notes == ()


def test_a_team_that_only_plans_writes_no_note() -> None:
    at = NOON + 31 * DAY
    known = checks.heard(opened(named(), RULES), failed(at))
    only_plans = rules(checks=CHECKS, mode=Mode.PLAN)
    assert checks.see_to(known, only_plans, at).notes == ()


# --- what is kept and shown -----------------------------------------------------------------------


def test_an_alarm_of_an_audit_that_never_was_is_forgotten() -> None:
    at = NOON + 7 * DAY
    first = asked(checks.heard(named(), failed(at)), at, RULES).incident
    assert first is not None
    assert len(first.alarms) == 1
    known, back = first, replace(first.actions[0], status=Progress.OPEN.value)
    known, _ = settled(replace(known, actions=(back,)), at + HOUR, RULES)
    assert (known.audits, known.alarms) == ((), ())


def test_what_is_watched_can_be_kept() -> None:
    at = NOON + 7 * DAY
    known, _ = turn(named(DRILL, FILE), at, failed(at, summary="14 of 20"))
    assert load(Incident, dump(Incident, known)) == known


@pytest.mark.parametrize("evil", payloads())
def test_words_of_a_sender_are_inert(evil: str) -> None:
    alarm = Alarm((1, 1, 1), Source.CHECK, "drill", Fault.FAILED, NOON, NOON, evil)
    assert not acts_in_markdown(check_text.evidence(alarm))
