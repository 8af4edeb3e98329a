"""Done means done, and what is not to be done has its reason and its end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import requests
from begun import begun
from click.testing import CliRunner
from faults.test_crashes import rise_again
from measures import OPS, InJira, Measure, OnGitHub
from stage import ADMIN_TOKEN, GITHUB_ISSUE, Staging

from service.commands.all import followthrough
from workflows.remarks import remark

Making = Callable[..., Measure]
IN_BOTH = pytest.mark.parametrize("kind", [OnGitHub, InJira], ids=["github", "jira"])
ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
LINK = "https://grafana.example/d/queue-depth"


@pytest.fixture
def made(staged: Staging) -> Making:
    """A measure of Kim's, in a tracker, on a stage with these parts."""

    def make(
        kind: type[Measure] = OnGitHub, of_kind: str = "preventive", **changed: Any
    ) -> Measure:
        stage = staged(**{**kind.parts, **changed})
        return begun(stage, kind, "alert on depth", of_kind)

    return make


def say(measure: Measure, text: str, by: str = "noor") -> str:
    """Comment on the task, and let the service work."""
    id = measure.comment(measure.task_key, text, by)
    measure.stage.settle()
    return id


def set_aside(measure: Measure) -> None:
    measure.set_aside(measure.task_key, by="kim")
    measure.stage.settle()


def asked(measure: Measure) -> list[str]:
    """Our notes on the task that ask something."""
    questions = ("**Where is it shown", "**Why is this not", "**Does this waiver")
    return [n for n in measure.notes(measure.task_key) if any(q in n for q in questions)]


def answers(measure: Measure) -> list[str]:
    """All other notes of ours on the task."""
    return [n for n in measure.notes(measure.task_key) if n not in asked(measure)]


def table(measure: Measure) -> str:
    """The action table as it stands in the document."""
    measure.wait(0.01)
    document = measure.incident.postmortem
    assert document is not None
    return document.seen["actions"]


@IN_BOTH
def test_what_is_closed_without_evidence_is_asked_for_it_once_and_proven_by_a_comment(
    made: Making, kind: type[Measure]
) -> None:
    measure = made(kind)
    measure.done()
    (note,) = asked(measure)
    assert "kim" in note.partition("**Where")[0]  # called by the tracker's own mention
    assert remark(measure.item) == "unproven"
    assert "done (unproven)" in table(measure)
    say(measure, "I had a look at it.")
    measure.stage.poll()
    measure.wait(3)
    assert len(asked(measure)) == 1
    say(measure, f"It is here now: {LINK}")
    assert [each.url for each in measure.item.proof.evidence] == [LINK]
    assert "unproven" not in table(measure)
    assert answers(measure) == []


def test_a_command_is_answered_and_a_strangers_or_a_quoted_one_proves_nothing(
    made: Making,
) -> None:
    measure = made()
    measure.done()
    say(measure, f"/evidence {LINK}", by="mallory")
    say(measure, f"/evidence {LINK}/2", by="mallory")
    (refusal,) = answers(measure)  # however many commands a stranger writes
    assert "may not write" in refusal
    say(measure, f"> /evidence {LINK}\n\n> see {LINK}\n\nIs that enough?")
    say(measure, f"```\n/evidence {LINK}\n```")
    say(measure, f"/evidence {measure.stage.sandbox.github.url}/{OPS}/issues/1#issuecomment-7")
    assert "our own" in answers(measure)[1]
    assert remark(measure.item) == "unproven"
    edited = say(measure, "Later.")
    measure.stage.clock.wait(timedelta(minutes=1))
    measure.edit_comment(measure.task_key, edited, f"/evidence {LINK}", by="noor")
    measure.stage.settle()
    assert "was edited" in answers(measure)[2]
    say(measure, "/waive because it is done anyway")
    assert "nothing to waive" in answers(measure)[3]
    say(measure, f"/evidence {LINK} it fired in the drill")
    assert "counts as proven" in answers(measure)[4]
    assert remark(measure.item) == ""
    assert measure.item.proof.evidence[0].by == "Noor Aziz"
    assert len(asked(measure)) == 1


def test_who_gave_a_link_before_or_whose_pull_request_closed_it_is_asked_nothing(
    made: Making,
) -> None:
    measure = made()
    say(measure, f"It is on {LINK}")
    measure.done()
    assert asked(measure) == []
    measure.reopen(measure.task_key, by="kim")
    measure.stage.settle()
    github = measure.stage.sandbox.github
    measure.wait(1)
    github.push("acme/website", "alert.yaml", "depth: 5", "kim", branch="fix")
    number = github.pull_request(
        "acme/website", "fix", "Alert", by="kim", body=f"Fixes {measure.task_key}"
    )
    github.merge("acme/website", number, by="kim")
    measure.done()
    assert asked(measure) == []
    (found,) = measure.item.proof.evidence
    assert found.url.endswith(f"/acme/website/pull/{number}")


def test_a_line_of_the_document_proves_it_or_waives_it(made: Making) -> None:
    measure = made(document=GITHUB_ISSUE)
    document = measure.incident.postmortem
    assert document is not None
    assert document.ref.ticket is not None
    github, number = measure.stage.sandbox.github, int(document.ref.ticket.key.rpartition("#")[2])

    def write(line: str) -> None:
        body = github.repos[OPS].issues[number].body
        github.edit(OPS, number, by="kim", body=f"{body}\n\n{line}\n")
        measure.stage.settle()

    measure.done()
    write(f"AI-1 evidence: {LINK}")
    assert remark(measure.item) == ""
    measure.reopen(measure.task_key, by="kim")
    measure.stage.settle()
    set_aside(measure)
    write("AI-1 waived until 2027-02-01: the queue goes away in January")
    assert remark(measure.item) == "waived until 2027-02-01"
    (note,) = answers(measure)
    assert "queue" not in note  # perhaps fewer people may read the document


def test_nobody_is_asked_for_evidence_of_a_corrective_one(made: Making) -> None:
    corrective = made(of_kind="corrective")
    corrective.done()
    assert corrective.item.proof.end is None
    assert asked(corrective) == []


def test_a_question_waits_for_the_end_of_quiet_hours_and_a_mute_ends_it(made: Making) -> None:
    night = 'calendars: {night: {quiet: "11:00-15:00", opens: "15:00"}}\n'
    measure = made(people=night, calendar="night")
    measure.done()
    assert asked(measure) == []
    assert remark(measure.item) == "unproven"
    measure.label(measure.task_key, "followthrough-mute", by="kim")
    measure.wait(0.2)
    assert asked(measure) == []


def test_the_audit_of_what_is_unproven_says_so(made: Making) -> None:
    measure = made()
    measure.done()
    measure.wait(31)
    assert "No evidence was given" in measure.text(measure.audit_key)


@IN_BOTH
def test_wont_do_needs_a_reason_which_ends_is_asked_about_and_renewed(
    made: Making, kind: type[Measure]
) -> None:
    measure = made(kind)
    set_aside(measure)
    (note,) = asked(measure)
    assert "nobody says why" in note
    assert "won't do (without a reason)" in table(measure)
    say(measure, "/waive because the vendor turns it off in spring")
    assert "Waived until 2027-06-05" in answers(measure)[0]  # 180 days
    assert "won't do (waived until 2027-06-05)" in table(measure)
    assert measure.item.proof.waiver is not None
    assert measure.item.proof.waiver.reason == "the vendor turns it off in spring"
    measure.stage.clock.wait(timedelta(days=298))  # the service was down when it ended
    measure.stage.restart()
    measure.stage.settle()
    assert "Does this waiver still hold?" in asked(measure)[1]
    assert remark(measure.item) == "waiver ended 2027-06-05"
    measure.wait(5)
    assert len(asked(measure)) == 2
    say(measure, "/waive until 2027-12-31")
    assert measure.item.proof.waiver.until == date(2027, 12, 31)
    assert remark(measure.item) == "waived until 2027-12-31"


def test_what_was_opened_again_while_nobody_listened_is_not_asked_about(made: Making) -> None:
    measure = made()
    set_aside(measure)
    say(measure, "/waive until 2026-12-20 because of the freeze")
    hooks = measure.stage.sandbox.hooks
    hooks.enabled = False
    measure.reopen(measure.task_key, by="kim")
    hooks.enabled = True
    measure.stage.clock.wait(timedelta(days=20))  # a Sunday: what is not said is shown all the same
    measure.stage.settle()
    assert len(asked(measure)) == 1
    assert measure.item.proof.waiver is None
    assert "its waiver until 2026-12-20, by Noor Aziz, is over" in measure.told


def test_a_comment_of_which_nobody_told_is_found_by_polling(made: Making) -> None:
    measure = made(webhooks=False)
    measure.stage.poll()
    measure.close(measure.task_key, by="kim")
    measure.stage.poll()
    assert remark(measure.item) == "unproven"
    measure.stage.clock.wait(timedelta(minutes=30))
    measure.comment(measure.task_key, f"Here: {LINK}", by="noor")
    measure.stage.poll()
    assert remark(measure.item) == ""


def test_while_a_ticket_cannot_be_read_whole_nothing_is_asked_and_nothing_is_lost(
    made: Making,
) -> None:
    measure = made()
    faults = measure.stage.sandbox.world.next_faults
    measure.stage.sandbox.fail_next("GET", "/timeline", status=502, times=50)
    measure.done()
    assert asked(measure) == []
    assert remark(measure.item) == ""
    faults.clear()
    measure.wait(0.1)
    assert remark(measure.item) == "unproven"
    measure.stage.sandbox.fail_next("GET", "/timeline", status=502, times=50)
    say(measure, f"/evidence {LINK}")
    assert remark(measure.item) == "unproven"
    faults.clear()
    measure.wait(0.1)
    assert remark(measure.item) == ""


def test_a_question_whose_answer_never_came_is_asked_once(made: Making) -> None:
    measure = made()
    measure.stage.sandbox.fail_next("POST", "/comments$", drop_connection=True, after_effect=True)
    measure.done()
    rise_again(measure.stage)
    assert len(asked(measure)) == 1
    assert measure.item.proof.told == ("ask",)


def test_the_page_and_the_command_line_tell_how_each_ended(made: Making) -> None:
    measure = made()
    measure.done()
    address = f"{measure.stage.url}/incidents/{measure.incident.id}"
    page = requests.get(address, headers=ADMIN, timeout=10).text
    assert "unproven" in page
    say(measure, f"/evidence {LINK}")
    page = requests.get(address, headers=ADMIN, timeout=10).text
    assert "unproven" not in page
    assert LINK in page
    run = CliRunner(env={"FOLLOWTHROUGH_DATA": str(measure.stage.settings.data)})
    assert LINK in run.invoke(followthrough, ["explain", measure.key]).output
