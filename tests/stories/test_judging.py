"""A verdict is given on the page or the command line, and leads to what a comment would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from begun import begun
from click.testing import CliRunner, Result
from measures import InJira, Measure, OnGitHub
from stage import ADMIN_TOKEN, Stage
from stories.test_audits import dies

from service.commands.all import followthrough
from workflows.judging import COUNTS
from workflows.rungs import Verdict
from workflows.snapshots import Progress

SAW = "it slept through the drill"
LINK = "https://drill.example/7"


@pytest.fixture
def measure(tmp_path: Path) -> Iterator[Measure]:
    """A measure with an open audit, on GitHub."""
    with Stage(tmp_path, **OnGitHub.parts) as stage:
        yield begun(stage, audited)


def audited(stage: Stage) -> Measure:
    return asked(OnGitHub(stage))


def asked(measure: Measure) -> Measure:
    measure.done()
    measure.wait(31)
    return measure


def post(measure: Measure, verdict: str = "effective", **changed: str) -> requests.Response:
    """Send the form of the page for the latest audit, as it was shown."""
    form = {"audit": "{}.{}.{}".format(*measure.audit.place), "verdict": verdict}
    form |= {"by": "Noor Aziz", "evidence": SAW, "link": LINK, **changed}
    return requests.post(
        f"{measure.stage.url}/incidents/{measure.incident.id}/judge",
        data=form,
        headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
        timeout=10,
    )


def test_a_verdict_on_the_page_leads_to_the_next_rung_and_is_told_on_the_ticket(
    measure: Measure,
) -> None:
    key = measure.audit_key
    answer = post(measure)
    assert "AI-1, audit 1.1: effective, by Noor Aziz." in answer.text
    assert "it holds as soon as" in answer.text
    measure.stage.settle()
    first, second = measure.audits
    assert (first.verdict, first.by, first.evidence) == (
        Verdict.EFFECTIVE,
        "Noor Aziz",
        f"{SAW} {LINK}",
    )
    assert (second.step, second.ticket) == (2, None)
    [note] = measure.notes(key)
    assert f"by Noor Aziz, as it was written down in Followthrough. Evidence: {SAW}" in note
    assert "The next audit opens on" in note
    assert not measure.is_open(key)
    assert "Noor Aziz judged it effective, through an admin (web page)" in measure.told


def test_not_effective_on_the_page_brings_the_measure_back(tmp_path: Path) -> None:
    with Stage(tmp_path, **InJira.parts) as stage:
        measure = asked(InJira(stage))
        post(measure, "not-effective")
        stage.settle()
        assert measure.item.status == Progress.OPEN.value
        assert measure.is_open(measure.task_key)
        assert not measure.is_open(measure.audit_key)
        assert len(measure.notes(measure.audit_key)) == 1


def test_the_owner_and_a_verdict_without_evidence_are_refused_in_words(measure: Measure) -> None:
    for form, status, words in (
        ({"by": "Kim Ito"}, 409, "the owner of a measure may not judge it"),
        ({"by": "kim"}, 409, "the owner of a measure may not judge it"),
        ({"by": "Mallory"}, 409, "the rules name nobody Mallory"),
        ({"by": ""}, 409, "the rules name nobody without a name"),
        ({"evidence": " "}, 409, "a verdict needs evidence"),
        ({"evidence": LINK}, 409, "a link alone is none"),
        ({"link": "javascript:alert(1)"}, 409, "no address that can be followed"),
        ({"audit": "1.1.7"}, 409, "there is no AI-1, audit 1.7"),
        ({"audit": "first"}, 400, "Say which audit"),
        ({"verdict": "splendid"}, 400, "Say which verdict"),
    ):
        answer = post(measure, **form)
        assert (answer.status_code, words in answer.text) == (status, True), answer.text
    measure.stage.settle()
    assert [audit.verdict for audit in measure.audits] == [None]
    assert measure.incident.judgements == ()


def test_a_form_that_is_sent_twice_counts_once(measure: Measure) -> None:
    assert post(measure, "partly").status_code == 200
    waiting = post(measure, "partly")
    assert waiting.status_code == 409
    assert "Noor Aziz judged it partly already, through an admin (web page)" in waiting.text
    measure.stage.settle()
    late = post(measure, "effective", audit="1.1.1")
    assert "it was judged already: partly, by Noor Aziz" in late.text
    measure.stage.settle()
    assert len(measure.incident.actions) == 2
    assert len(measure.notes(measure.audit_key)) == 1


def test_what_was_said_on_the_ticket_sooner_holds_though_no_webhook_told_it(
    measure: Measure,
) -> None:
    hooks = measure.stage.sandbox.hooks
    hooks.enabled = False
    measure.comment(measure.audit_key, "/audit not-effective because it slept", by="noor")
    hooks.enabled = True
    assert post(measure, "effective").status_code == 200
    measure.stage.settle()
    assert measure.audit.verdict is Verdict.NOT_EFFECTIVE
    [said] = measure.incident.judgements
    assert said.answer == "does not count: it was judged already: not-effective, by Noor Aziz"
    assert len(measure.notes(measure.audit_key)) == 1
    page = post(measure, audit="1.1.1")
    assert page.status_code == 409


def test_while_the_ticket_cannot_be_read_the_verdict_waits(measure: Measure) -> None:
    number = measure.audit_key.rpartition("#")[2]
    sandbox = measure.stage.sandbox
    sandbox.fail_next("GET", f"/acme/ops/issues/{number}$", drop_connection=True, times=50)
    post(measure)
    measure.stage.settle()
    assert measure.audit.verdict is None
    assert [said.answer for said in measure.incident.judgements] == [""]
    sandbox.world.next_faults.clear()
    measure.wait(0.1)
    assert measure.audit.verdict is Verdict.EFFECTIVE
    assert [said.answer for said in measure.incident.judgements] == [COUNTS]


def test_the_verdict_on_an_audit_that_was_deleted_meanwhile_is_answered(measure: Measure) -> None:
    hooks = measure.stage.sandbox.hooks
    hooks.enabled = False
    measure.delete(measure.audit_key)
    hooks.enabled = True
    post(measure)
    measure.stage.settle()
    assert measure.audits[0].verdict is None
    [said] = measure.incident.judgements
    assert said.answer.startswith("does not count: this audit has nothing to ask any more")


@pytest.mark.long
def test_a_crash_at_any_commit_of_a_verdict_on_the_page(tmp_path: Path) -> None:
    """Its note is written, and what follows is planned, once. One commit in three."""
    with Stage(tmp_path, **OnGitHub.parts) as stage:
        measure, died = asked(OnGitHub(stage)), 0
        for round in range(3):
            post(measure, "partly")
            died += dies(stage, 1 + 3 * round, before=False)
            assert len(measure.incident.actions) == 2 + round
            assert len(measure.notes(measure.audit_key)) == 1
            assert not measure.is_open(measure.audit_key)
            measure.wait(34)  # 31 days, and past a weekend
        assert died == 3


def judged(*arguments: str) -> Result:
    return CliRunner().invoke(followthrough, ["audits", "judge", *arguments])


def test_the_command_line_judges_as_the_page_does(
    measure: Measure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(measure.stage.rules_file))
    for name, value in measure.stage.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("getpass.getuser", lambda: "kim")
    for wrong, words in (
        (["AI-1", "--effective", SAW], "Kim Ito cannot judge AI-1, audit 1.1: the owner"),
        (["AI-1", "--effective", ""], "a verdict needs evidence"),
        (["AI-1"], "Give one of --effective"),
        (["AI-9", "--partly", SAW], "No audit of AI-9"),
        (["first", "--partly", SAW], "no action item's name"),
        (["AI-1", "--partly", SAW, "--by", "sam"], "the rules name nobody sam"),
    ):
        by = ["--by", "noor"] if not wrong[-1] else []
        refused = judged(measure.key, *wrong, *by)
        assert (refused.exit_code, words in refused.stderr) == (1, True), refused.stderr
    given = judged(
        measure.key, "ai-1", "--not-effective", f"because {SAW}", "--link", LINK, "--by", "noor"
    )
    assert given.exit_code == 0, given.stderr
    assert "AI-1, audit 1.1: not-effective, by Noor Aziz." in given.stdout
    measure.stage.settle()
    assert measure.is_open(measure.task_key)
    assert measure.audits[0].evidence == f"{SAW} {LINK}"
    assert measure.audits[0].through == "kim (command line)"
    again = judged(measure.key, "AI-1", "--effective", SAW, "--by", "noor")
    assert "it was judged already: not-effective, by Noor Aziz" in again.stderr
