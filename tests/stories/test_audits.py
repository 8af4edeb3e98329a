"""A measure is done; months later it is asked whether it works, and the answer has consequences."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
from begun import begun
from click.testing import CliRunner, Result
from faults.test_crashes import Crash, die_at, rise_again
from measures import DAY, InJira, Measure, OnGitHub
from stage import ADMIN_TOKEN, Stage, Staging

from service.commands.all import followthrough
from workflows.documents import regions
from workflows.model import Kind
from workflows.rungs import Verdict
from workflows.snapshots import Progress

DIALECTS = {
    "github": (OnGitHub, {}),
    "jira cloud": (InJira, {}),
    "data center": (InJira, {"deployment": "datacenter"}),
}
Making = Callable[..., Measure]
ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}


#: Data Center's decisions are the same as Cloud's; its words have tests of their own.
EACH = [
    pytest.param(name, marks=[pytest.mark.long] if name == "data center" else [])
    for name in DIALECTS
]


@pytest.fixture(params=EACH, ids=[name.replace(" ", "-") for name in DIALECTS])
def made(request: pytest.FixtureRequest, staged: Staging) -> Making:
    """A measure in each dialect, on a stage with these parts."""
    kind, parts = DIALECTS[request.param]

    def make(kind_of_measure: str = "preventive", **changed: Any) -> Measure:
        stage = staged(**{**kind.parts, **parts, **changed})
        return begun(stage, kind, "alert on depth", kind_of_measure)

    return make


@pytest.fixture
def measure(made: Making) -> Measure:
    return made()


# --- other rules ----------------------------------------------------------------------------------


def test_rules_that_begin_to_ask_for_audits_reach_what_was_done_before(made: Making) -> None:
    measure = made(audits="off")
    measure.done()
    measure.stage.container.start()  # what polling finds was found
    measure.wait(20)
    assert list(measure.audits) == []
    measure.stage.restart(audits=OnGitHub.parts["audits"]).start()
    measure.stage.settle()
    (audit,) = measure.audits
    assert audit.opens == audit.since + 30 * DAY
    measure.wait(10.1)
    assert len(measure.tickets()) == 1


def test_other_rules_that_change_nothing_read_no_ticket(measure: Measure) -> None:
    measure.done()
    before = measure.incident
    calls = len(measure.stage.sandbox.calls)
    measure.stage.restart(manager="Lee Park").tick.start()
    measure.stage.settle()
    assert measure.incident == before
    assert measure.stage.sandbox.calls[calls:] == []
    with measure.stage.store.read() as tx:
        (record,) = tx.incidents.find(measure.key)
    assert record.policy_hash == measure.stage.container.rules.policy.hash


# --- opening --------------------------------------------------------------------------------------


def test_each_rung_opens_when_its_time_comes_and_the_one_before_was_effective(
    measure: Measure,
) -> None:
    measure.done()
    start = measure.audits[0].since
    assert measure.audits[0].opens == start + 30 * DAY
    measure.wait(29.9)
    assert measure.tickets() == []
    measure.wait(0.2)
    assert len(measure.tickets()) == 1
    measure.judge("/audit effective because the alert fired twice, https://graph.example/1")
    assert measure.audits[1].opens == datetime(2027, 3, 8, 9, tzinfo=UTC)  # the 90th is a Sunday
    measure.wait(61)
    assert len(measure.tickets()) == 2
    measure.judge("/audit effective because nothing came")
    assert measure.audits[2].opens == datetime(2027, 6, 7, 9, tzinfo=UTC)  # a Saturday
    measure.wait(91)
    measure.judge("/audit effective")
    assert measure.audits[3].opens == start + 360 * DAY  # twice the last interval
    measure.wait(180)
    assert len(measure.tickets()) == 4
    measure.judge("/audit effective")
    assert measure.audits[4].opens == datetime(2028, 11, 27, 9, tzinfo=UTC)  # 360 more: a Sunday
    assert [audit.verdict for audit in measure.audits[:4]] == [Verdict.EFFECTIVE] * 4


def test_its_ticket_is_the_reviewers_and_says_what_a_reviewer_must_know(measure: Measure) -> None:
    measure.done()
    measure.wait(31)
    key, audit = measure.audit_key, measure.audit
    assert measure.assignees(key) == ["noor"]  # Kim owns the measure
    assert audit.due == date(2027, 1, 21)
    assert measure.related(key) >= {measure.key, measure.task_key}
    text = measure.text(key)
    for words in (
        "alert on depth",
        "alert within 2 min",
        "Time to resolve",
        "Evidence to look at",
        "Period",
        "Method",
        "Sample",
        "Not effective",
        "independent",
        "/audit not-effective because",
        "opened again",
        "overdue",
        "2027-01-21",
    ):
        assert words in text, words


def test_a_corrective_measure_is_asked_once(made: Making) -> None:
    measure = made("corrective")
    measure.done()
    measure.wait(31)
    measure.judge("/audit effective because the check is green")
    assert len(measure.audits) == 1
    measure.wait(400)
    assert len(measure.tickets()) == 1


def test_a_measure_whose_owner_is_the_only_reviewer_is_nobodys_and_the_ticket_says_so(
    made: Making,
) -> None:
    measure = made(audits="{reviewers: [Kim Ito]}")
    measure.done()
    measure.wait(31)
    assert measure.assignees(measure.audit_key) == []
    assert "name nobody who is independent" in measure.text(measure.audit_key)


def test_a_team_whose_audits_are_off_is_asked_nothing(made: Making) -> None:
    measure = made(audits="off")
    measure.done()
    measure.wait(400)
    assert not measure.audits
    assert measure.tickets() == []


def test_twenty_days_without_the_service_skip_no_audit_and_double_none(measure: Measure) -> None:
    measure.done()
    measure.stage.clock.wait(50 * DAY)
    measure.stage.restart()
    measure.stage.settle()
    measure.stage.settle()
    assert len(measure.tickets()) == 1


# --- when nothing is to be asked ------------------------------------------------------------------


def test_nothing_opens_for_a_measure_that_was_reopened_and_its_next_end_begins_a_round(
    measure: Measure,
) -> None:
    measure.done()
    measure.wait(10)
    measure.reopen(measure.task_key, by="kim")
    measure.stage.settle()
    measure.wait(60)
    assert not measure.audits
    measure.done()
    first = measure.audits[0]
    assert first.opens == first.since + 30 * DAY
    measure.wait(31)
    assert len(measure.tickets()) == 1


@pytest.mark.parametrize("what", ["deleted", "waived"])
def test_nothing_opens_for_a_measure_that_is_no_more(measure: Measure, what: str) -> None:
    measure.done()
    measure.wait(10)
    if what == "deleted":
        measure.delete(measure.task_key)
    else:
        measure.reopen(measure.task_key, by="kim")
        measure.set_aside(measure.task_key, by="kim")
    measure.stage.settle()
    measure.wait(60)
    assert not measure.audits
    assert measure.tickets() == []


@pytest.mark.parametrize("what", ["reopened", "deleted", "waived"])
def test_nothing_opens_for_what_changed_while_nobody_listened(measure: Measure, what: str) -> None:
    """The service was down, the webhook is lost, and the audit is due before anything is polled."""
    measure.done()
    hooks = measure.stage.sandbox.hooks
    hooks.enabled = False
    if what == "deleted":
        measure.delete(measure.task_key)
    else:
        measure.reopen(measure.task_key, by="kim")
    if what == "waived":
        measure.set_aside(measure.task_key, by="kim")
    hooks.enabled = True
    measure.wait(31)
    assert measure.tickets() == []
    assert not measure.audits


def test_while_the_measure_cannot_be_read_its_audit_waits(measure: Measure) -> None:
    measure.done()
    measure.stage.clock.wait(31 * DAY)
    measure.stage.sandbox.fail_next("GET", measure.reading, drop_connection=True, times=50)
    measure.stage.settle()
    assert measure.tickets() == []
    measure.stage.sandbox.world.next_faults.clear()
    measure.wait(0.1)
    assert len(measure.tickets()) == 1


def test_an_open_audit_of_a_reopened_measure_is_told_that_it_asks_nothing_and_closed(
    measure: Measure,
) -> None:
    measure.done()
    measure.wait(31)
    key = measure.audit_key
    measure.reopen(measure.task_key, by="kim")
    measure.stage.settle()
    assert not measure.is_open(key)
    (note,) = measure.notes(key)
    assert "Nothing is asked here any more" in note
    measure.comment(key, "/audit effective because it is fine", by="noor")
    measure.stage.settle()
    assert measure.audits[0].verdict is None
    assert "nothing to ask any more" in measure.notes(key)[1]


def test_a_deleted_audit_is_not_opened_again_and_its_question_is_asked_later(
    measure: Measure,
) -> None:
    measure.done()
    measure.wait(31)
    measure.delete(measure.audit_key)
    measure.stage.settle()
    assert measure.audits[0].gone
    measure.wait(29)
    assert [audit.ticket is None for audit in measure.audits] == [False, True]
    measure.wait(4)  # over a weekend
    assert measure.audits[1].ticket is not None
    assert measure.audits[1].step == 1


# --- verdicts -------------------------------------------------------------------------------------


def test_not_effective_brings_the_measure_back_and_a_new_round_begins_when_it_is_done(
    measure: Measure,
) -> None:
    measure.done()
    measure.wait(31)
    first = measure.audit_key
    measure.judge("/audit not-effective because it did not fire in the drill https://drill.example")
    assert measure.item.status == Progress.OPEN.value
    assert measure.is_open(measure.task_key)
    assert not measure.is_open(first)
    assert measure.audits[0].evidence == "it did not fire in the drill https://drill.example"
    assert "AI-1 is to be done again" in measure.notes(first)[0]
    measure.wait(100)
    assert len(measure.tickets()) == 1
    measure.done()
    measure.wait(31)
    assert [(a.round, a.rung) for a in measure.audits] == [(1, 1), (2, 1)]
    assert len(measure.tickets()) == 2


def test_partly_effective_asks_for_a_follow_up_and_asks_again(measure: Measure) -> None:
    measure.done()
    measure.wait(31)
    measure.judge("/audit partly because the EU queue has no alert")
    follow_up = measure.incident.actions[1]
    assert "AI-1" in follow_up.title
    assert "EU" not in follow_up.title
    assert (follow_up.kind, follow_up.owner) == (Kind.PREVENTIVE, "Kim Ito")
    assert follow_up.task is not None
    assert measure.audit_key in measure.text(follow_up.task.key)
    assert measure.audits[1].step == 1
    assert measure.item.status == Progress.DONE.value
    measure.wait(33)  # over a weekend
    assert len(measure.tickets()) == 2


def test_the_first_verdict_holds_and_later_ones_are_told_so(measure: Measure) -> None:
    measure.done()
    measure.wait(31)
    measure.judge("/audit effective because it fired")
    measure.judge("/audit not-effective because I changed my mind")
    assert measure.audit.verdict is Verdict.EFFECTIVE
    assert "judged already" in measure.notes(measure.audit_key)[1]


def test_a_verdict_that_was_heard_is_not_answered_again_when_its_ticket_is_read_again(
    measure: Measure,
) -> None:
    measure.done()
    measure.wait(31)
    measure.judge("/audit effective because it fired")
    measure.judge("Thank you.")
    assert len(measure.notes(measure.audit_key)) == 1
    assert measure.audit.answers == ()


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_label_is_a_verdict(measure: Measure, verdict: Verdict) -> None:
    measure.done()
    measure.wait(31)
    measure.label(measure.audit_key, f"audit:{verdict}", by="noor")
    measure.stage.settle()
    assert (measure.audit.verdict, measure.audit.by) == (verdict, "Noor Aziz")
    assert "No evidence was given" in measure.notes(measure.audit_key)[0]


def test_a_status_is_a_verdict_where_the_rules_say_so(made: Making) -> None:
    words = "{effective: [completed, Done]}"
    measure = made(audits=f"{{reviewers: [Noor Aziz], verdicts: {words}}}")
    measure.done()
    measure.wait(31)
    measure.close(measure.audit_key, by="noor")
    measure.stage.settle()
    assert (measure.audit.verdict, measure.audit.by) == (Verdict.EFFECTIVE, "Noor Aziz")


def test_closing_an_audit_is_no_verdict_and_one_is_asked_for_once(measure: Measure) -> None:
    measure.done()
    measure.wait(31)
    measure.close(measure.audit_key, by="noor")
    measure.stage.settle()
    measure.comment(measure.audit_key, "Done with it.", by="noor")
    measure.stage.settle()
    assert measure.audit.verdict is None
    (note,) = measure.notes(measure.audit_key)
    assert "closed without a verdict" in note
    measure.judge("/audit effective because it fired")
    assert measure.audit.verdict is Verdict.EFFECTIVE


def test_an_overdue_audit_is_told_to_the_manager_once(made: Making) -> None:
    measure = made(manager="Lee Park")
    measure.done()
    measure.wait(31)
    measure.wait(14)
    assert measure.notes(measure.audit_key) == []
    measure.wait(1)
    measure.wait(20)
    (note,) = measure.notes(measure.audit_key)
    assert "Overdue" in note
    assert "@lee" in note or "5b10-lee" in note


# --- whose word does not count --------------------------------------------------------------------


def answered(measure: Measure, why: str) -> None:
    """Nothing was judged, and that was said, once."""
    assert measure.audit.verdict is None
    measure.comment(measure.audit_key, "a word", by="noor")
    measure.stage.settle()
    (note,) = measure.notes(measure.audit_key)
    assert why in note


def test_the_owner_of_the_measure_does_not_judge_it(measure: Measure) -> None:
    measure.done()
    measure.wait(31)
    measure.judge("/audit effective because I built it", by="kim")
    answered(measure, "the owner of a measure may not judge it")


def test_the_owner_does_not_judge_by_a_label_either(measure: Measure) -> None:
    measure.done()
    measure.wait(31)
    measure.label(measure.audit_key, "audit:effective", by="kim")
    measure.stage.settle()
    answered(measure, "the owner of a measure may not judge it")


def test_a_stranger_does_not_judge(measure: Measure) -> None:
    measure.done()
    measure.wait(31)
    measure.judge("/audit effective because I say so", by="mallory")
    answered(measure, "may not write in this tracker")


def test_a_command_that_was_edited_in_does_not_count(measure: Measure) -> None:
    measure.done()
    measure.wait(31)
    id = measure.judge("Looks fine to me.")
    measure.stage.clock.wait(timedelta(minutes=1))
    measure.edit_comment(measure.audit_key, id, "/audit effective because it is", by="noor")
    measure.stage.settle()
    answered(measure, "was edited")


def test_a_command_without_a_verdict_is_told_how_to_say_one(measure: Measure) -> None:
    measure.done()
    measure.wait(31)
    measure.judge("/audit great")
    answered(measure, "it names no verdict")


@pytest.mark.parametrize(
    "text",
    [
        "> /audit effective because quoted",
        "> > ~~~\n> > /audit effective because quoted code\n> > ~~~\n\nI agree.",
        "```\n/audit effective because code\n```",
        "`/audit partly`",
    ],
    ids=["quoted", "quoted code", "code", "code span"],
)
def test_what_is_quoted_or_shown_is_no_command_and_that_is_said_once(
    measure: Measure, text: str
) -> None:
    measure.done()
    measure.wait(31)
    measure.judge(text)
    measure.judge(text)
    answered(measure, "it stands in a quote or in code")


@pytest.mark.parametrize(
    "text",
    [
        "I would say:\n\n/audit effective because second line",
        "> what does /audit effective mean?",
        "> /audit\n\nWhat is this for?",
    ],
)
def test_what_is_said_of_commands_in_passing_is_none_and_nobody_is_answered(
    measure: Measure, text: str
) -> None:
    measure.done()
    measure.wait(31)
    measure.judge(text)
    assert measure.audit.verdict is None
    assert measure.notes(measure.audit_key) == []


def test_an_author_whom_only_a_webhook_names_judges_nothing(
    measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delivery is signed, and lies: it says that Noor wrote what Mallory did."""
    measure.done()
    measure.wait(31)
    hooks, forged = measure.stage.sandbox.hooks, list[str]()
    fire = hooks.fire

    def lie(dialect: str, event: str, payload: object, *given: Any, **more: Any) -> None:
        said = json.dumps(payload)
        lies = said.replace("mallory", "noor").replace("Mallory", "Noor Aziz")
        if lies != said:
            forged.append(event)
        fire(dialect, event, json.loads(lies), *given, **more)

    monkeypatch.setattr(hooks, "fire", lie)
    measure.judge("/audit effective because I am Noor", by="mallory")
    assert forged
    answered(measure, "may not write in this tracker")


# --- what gets lost -------------------------------------------------------------------------------


def lose_the_answer(measure: Measure, done: bool) -> None:
    """The next creation is done or not, and nobody hears which."""
    sandbox = measure.stage.sandbox
    sandbox.fail_next("POST", measure.creation, after_effect=done, drop_connection=True)


@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
def test_an_opening_whose_answer_never_came_is_one_audit(measure: Measure, done: bool) -> None:
    measure.done()
    measure.stage.clock.wait(31 * DAY)
    measure.stage.sandbox.fail_next(
        "POST", measure.creation, after_effect=done, drop_connection=True
    )
    measure.stage.settle()
    rise_again(measure.stage)
    assert len(measure.tickets()) == 1
    assert measure.audit.ticket is not None


@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
def test_a_note_whose_answer_never_came_is_written_once(measure: Measure, done: bool) -> None:
    measure.done()
    measure.wait(31)
    key = measure.audit_key
    measure.comment(key, "/audit effective because it fired", by="noor")
    measure.stage.sandbox.hooks.drain()
    sandbox = measure.stage.sandbox
    sandbox.fail_next("POST", "/comments?$", after_effect=done, drop_connection=True)
    measure.stage.settle()
    rise_again(measure.stage)
    assert len(measure.notes(key)) == 1
    assert not measure.is_open(key)


@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
def test_an_opening_whose_measure_was_reopened_before_it_was_found_asks_nothing(
    measure: Measure, done: bool
) -> None:
    measure.done()
    measure.stage.clock.wait(31 * DAY)
    measure.stage.sandbox.hooks.enabled = False
    measure.stage.sandbox.fail_next(
        "POST", measure.creation, after_effect=done, drop_connection=True
    )
    measure.stage.settle()
    measure.stage.sandbox.hooks.enabled = True
    measure.reopen(measure.task_key, by="kim")
    measure.stage.settle()
    rise_again(measure.stage)
    assert [measure.is_open(key) for key in measure.tickets()] == [False] * done
    assert all(not audit.lives for audit in measure.audits)
    assert measure.stage.told(measure.key).count("never opened") == (not done)


#: One commit in 27 on each run of the suite, the others by `make test-long`.
STRIDE = 27
SHARDS = [
    pytest.param(start, marks=[] if start == 13 else [pytest.mark.long])
    for start in range(1, STRIDE + 1)
]


@pytest.mark.parametrize("start", SHARDS)
@pytest.mark.parametrize(
    ("dialect", "before"),
    [
        pytest.param("github", True, id="github-before"),
        pytest.param("github", False, id="github-after", marks=pytest.mark.long),
        pytest.param("jira cloud", True, id="jira-before", marks=pytest.mark.long),
        pytest.param("jira cloud", False, id="jira-after"),
    ],
)
def test_a_crash_at_any_commit_of_an_opening_and_a_verdict(
    tmp_path: Path, dialect: str, start: int, before: bool
) -> None:
    kind, parts = DIALECTS[dialect]
    for commit in count(start, STRIDE):
        with Stage(tmp_path / str(commit), **{**kind.parts, **parts}) as stage:
            measure = begun(stage, kind)
            measure.done()
            stage.clock.wait(31 * DAY)
            died = dies(stage, commit, before=before)
            assert len(measure.tickets()) == 1, f"commit {commit}"
            measure.comment(measure.audit_key, "/audit partly because of the EU", by="noor")
            stage.sandbox.hooks.drain()
            died |= dies(stage, commit, before=before)
            assert len(measure.incident.actions) == 2, f"commit {commit}"
            assert len(measure.notes(measure.audit_key)) == 1
            assert not measure.is_open(measure.audit_key)
        if not died:
            assert commit > FEWEST
            return


#: An opening takes more commits than this; if it did not, no crash would be tried.
FEWEST = 6


def dies(stage: Stage, commit: int, *, before: bool) -> bool:
    """Let the process work until it dies at this commit, and another go on."""
    die_at(stage, commit, before=before)
    died = True
    with suppress(Crash):
        stage.settle()
        died = False
    rise_again(stage)
    return died


# --- without webhooks, and in the document --------------------------------------------------------


@pytest.mark.parametrize("first_the_measure", [True, False])
def test_a_verdict_that_is_heard_of_late_counts_though_its_measure_was_opened_again_since(
    made: Making, first_the_measure: bool
) -> None:
    measure = made()
    measure.done()
    measure.wait(31)
    hooks = measure.stage.sandbox.hooks
    hooks.enabled = False
    measure.comment(measure.audit_key, "/audit partly because it fired late", by="noor")
    measure.stage.clock.wait(timedelta(minutes=1))
    hooks.enabled = first_the_measure
    measure.reopen(measure.task_key, by="kim")
    hooks.enabled = True
    measure.stage.settle()
    measure.stage.clock.wait(timedelta(minutes=1))
    measure.stage.poll()
    [audit] = measure.audits
    assert (audit.verdict, audit.ended) == (Verdict.PARTLY, "")
    [note] = measure.notes(measure.audit_key)
    assert "Verdict: partly" in note.replace("*", "")
    assert len(measure.incident.actions) == 2
    assert measure.item.status == Progress.OPEN.value


def test_a_verdict_that_no_webhook_told_is_found_by_polling(made: Making) -> None:
    measure = made(webhooks=False)
    measure.stage.poll()
    measure.close(measure.task_key, by="kim")
    measure.stage.clock.wait(timedelta(minutes=1))
    measure.stage.poll()
    measure.wait(31)
    measure.stage.clock.wait(timedelta(minutes=1))
    measure.comment(measure.audit_key, "/audit effective because it fired", by="noor")
    measure.stage.clock.wait(timedelta(minutes=1))
    measure.stage.poll()
    assert measure.audit.verdict is Verdict.EFFECTIVE


def test_the_document_lists_the_verdicts(tmp_path: Path) -> None:
    with Stage(tmp_path, **OnGitHub.parts) as stage:
        measure = OnGitHub(stage)
        measure.done()
        measure.wait(31)
        measure.judge("/audit effective because a secret word")
        measure.wait(1)
        place = measure.github.repos["acme/postmortems"]
        branch = next(n for n in place.branches if n.startswith("followthrough/"))
        tree = place.commits[place.branches[branch]].tree
        text = next(body.decode() for path, body in tree.items() if path.startswith("postmortems"))
        told = regions(text)["audits"]
        assert "**effective**, by Noor Aziz" in told
        assert "planned" in told
        assert "secret" not in told


def test_they_are_listed_by_team_and_shown_on_the_incidents_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stage(tmp_path, **OnGitHub.parts) as stage:
        measure = OnGitHub(stage)
        monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "data"))
        assert "None: an audit is planned" in listed().stderr
        measure.done()
        measure.wait(31)
        key = measure.audit_key
        (open_one,) = listed().stdout.splitlines()[1:]
        assert open_one.split()[0] == "open"
        assert f"AI-1, audit 1.1 of {measure.key}" in open_one
        assert f"{key}  due 2027-01-21, asked of Noor Aziz" in open_one
        measure.judge("/audit effective because <b>it fired</b>")
        told = listed(measure.key).stdout.splitlines()
        assert told[0] == "payments"
        assert [line.split()[0] for line in told[1:]] == ["planned", "effective"]
        whole = json.loads(listed("--json").stdout)
        assert [one["standing"] for one in whole] == ["effective", "planned"]
        address = f"{stage.url}/incidents/{measure.incident.id}"
        page = requests.get(address, headers=ADMIN, timeout=10).text
        assert "Do the measures work?" in page
        assert "&lt;b&gt;it fired&lt;/b&gt;" in page


def listed(*arguments: str) -> Result:
    result = CliRunner().invoke(followthrough, ["audits", *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_a_measure_in_one_tracker_is_audited_in_another(tmp_path: Path) -> None:
    """Both tickets show the audit; its verdict brings the measure back where it is."""
    there = "destination: {connection: github, repository: acme/ops}"
    parts = {**InJira.parts, "audits": f"{{reviewers: [Kim Ito, Lee Park], {there}}}"}
    with Stage(tmp_path, **parts) as stage:
        measure = InJira(stage)
        measure.done()
        measure.wait(31)
        (number,) = stage.sandbox.github.repos["acme/ops"].issues
        issue = stage.sandbox.github.repos["acme/ops"].issues[number]
        assert issue.assignees == ["lee"]
        for key in (measure.key, measure.task_key):
            links = stage.sandbox.jira.issue(key).remote_links
            assert any(f"/issues/{number}" in str(link) for link in links)
        stage.sandbox.github.comment(
            "acme/ops", number, "/audit not-effective because it slept", by="lee"
        )
        stage.settle()
        assert measure.is_open(measure.task_key)
        assert issue.state == "closed"
