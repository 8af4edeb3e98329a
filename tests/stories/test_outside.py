"""Those who were not in the room are asked and told where the work is, each once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from measures import OPS, InJira, OnGitHub
from stage import DEPLOYMENTS, GITHUB_ISSUE, PULL_REQUEST, Stage

from integrations.jira.text import ADF, WIKI
from workflows.documents import regions
from workflows.notices import of_kind

PERSPECTIVES = "perspectives: {support: [Noor Aziz], qa: [Lee Park, Kim Ito]}\n"
CIRCULATE = "circulate: [Lee Park]\n"
CUSTOMERS = "customers: {teams: {Helpdesk: [Noor Aziz]}, felt: {labels: [customer-impact]}}\n"
HOLIDAY = {"people": "calendars: {all: {holidays: [2026-12-08]}}\n", "calendar": "all"}
SAID = "Recording: https://video.example/7\n\n### Summary of the review\n\nThe queue has a limit."


def on_github(tmp_path: Path, participants: str, **parts: Any) -> Stage:
    asked = {"document": GITHUB_ISSUE, "reminders": "{daily_limit: 9}", **OnGitHub.parts, **parts}
    return Stage(tmp_path, participants=participants, **asked)


def telling(of: OnGitHub | InJira, words: str, key: str = "") -> list[str]:
    """Our comments on the incident's ticket, or another, that hold these words."""
    return [note for note in of.notes(key or of.key) if words in note]


def document(of: OnGitHub) -> tuple[int, str]:
    """The number and the text of the document, which is an issue."""
    issues = of.github.repos[OPS].issues
    found = [(n, i.body) for n, i in issues.items() if "postmortem" in i.labels]
    return found[-1]


def called(note: str) -> set[str]:
    return set(note.partition("\n")[0].split())


def write(of: OnGitHub, old: str, new: str) -> None:
    number, text = document(of)
    assert old in text
    of.github.edit(OPS, number, by="kim", body=text.replace(old, new))
    of.stage.settle()


def publish(of: OnGitHub) -> None:
    of.github.close(OPS, document(of)[0], by="kim")
    of.stage.settle()


def test_each_perspective_is_asked_once_and_who_is_silent_is_advice(tmp_path: Path) -> None:
    with on_github(tmp_path, PERSPECTIVES) as stage:
        of = OnGitHub(stage)
        (note,) = telling(of, "Your perspective is asked for")
        assert note.startswith("@lee @noor\n")
        assert "**Support** (Noor Aziz): What did customers say first" in note
        asked = regions(document(of)[1])["perspectives"]
        assert "Lee Park, Kim Ito" in asked
        assert telling(of, "Not heard yet, as advice; it blocks nothing: QA, Support.")
        write(of, "- Support:", "- Support: They said that paying hangs.")
        assert telling(of, "it blocks nothing: QA.")
        assert "paying hangs" in document(of)[1]
        more = PERSPECTIVES.replace("{", "{data: [Kim Ito], ")
        stage.restart(participants=more)
        of.comment(of.key, "Look again.", by="noor")
        stage.wait(timedelta(minutes=5))
        (_, data) = telling(of, "Your perspective is asked for")
        assert ("**Data**" in data, "**QA**" in data) == (True, False)
        assert "**Data**" in regions(document(of)[1])["perspectives"]
        assert "They said that paying hangs." in document(of)[1]
        assert "perspectives are asked for: note 2" in of.told


def test_a_note_whose_answer_is_lost_is_not_written_twice(tmp_path: Path) -> None:
    with on_github(tmp_path, PERSPECTIVES) as stage:
        of = OnGitHub(stage, say="alert")
        before = len(telling(of, "Your perspective"))
        stage.sandbox.fail_next("POST", r"/comments$", after_effect=True, drop_connection=True)
        stage.restart(participants=PERSPECTIVES.replace("{", "{data: [Kim Ito], "))
        of.label(of.key, "more", by="noor")
        stage.settle()
        stage.wait(timedelta(hours=1))
        assert len(telling(of, "Your perspective")) == before + 1
        assert all(each.at for each in of_kind(of.incident.notices, "perspectives"))
        text = document(of)[1]
        assert "Your perspective" not in regions(text)["timeline"]


def test_nobody_is_asked_more_than_the_limit_on_a_day(tmp_path: Path) -> None:
    with on_github(tmp_path, PERSPECTIVES, reminders="{daily_limit: 1}") as stage:
        first, second = OnGitHub(stage), OnGitHub(stage)
        asked = [telling(each, "Your perspective") for each in (first, second)]
        assert [len(each) for each in asked] == [1, 0]
        stage.wait(timedelta(days=1))
        assert len(telling(second, "Your perspective")) == 1


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_a_document_in_jira_has_a_place_for_each_answer(tmp_path: Path, deployment: str) -> None:
    markup = ADF if deployment == "cloud" else WIKI
    parts = {**InJira.parts, "deployment": deployment}
    with Stage(tmp_path, participants=PERSPECTIVES + CIRCULATE, **parts) as stage:
        of = InJira(stage)
        (note,) = telling(of, "Your perspective is asked for")
        assert "5b10-noor" in note.partition("**Your")[0]
        assert telling(of, "it blocks nothing: QA, Support.")
        ref = of.incident.postmortem.ref.ticket if of.incident.postmortem else None
        assert ref is not None
        key = ref.key
        text = of.text(key)
        assert "- Support:" in text.partition("What they say")[2]
        text = text.replace("- Support:", "- Support: They said that paying hangs.")
        text = text.replace("Recording:\n\n### Summary of the review\n", SAID + "\n", 1)
        stage.sandbox.jira.edit(key, "5b10-kim", description=markup.from_markdown(text))
        stage.settle()
        assert telling(of, "it blocks nothing: QA.")
        (sent,) = telling(of, "For those who could not be there")
        assert "In short: The queue has a limit." in sent
        assert "https://video.example/7" in sent


def test_the_recording_and_the_summary_are_circulated_once(tmp_path: Path) -> None:
    with on_github(tmp_path, CIRCULATE) as stage:
        of = OnGitHub(stage)
        publish(of)
        assert telling(of, "could not be") == []
        stage.wait(timedelta(days=8))
        (asked,) = telling(of, "could not be")
        assert "it lacks a line `Recording: https://…`" in asked
        facilitator = {"Kim Ito": "kim", "Noor Aziz": "noor"}[of.incident.roles["facilitator"]]
        assert asked.startswith(f"@{facilitator}\n")
        write(of, "Recording:\n\n### Summary of the review", SAID)
        (sent,) = telling(of, "For those who could not be there")
        people = {*of.incident.roles.values(), "Lee Park"}
        assert {f"@{who.split()[0].casefold()}" for who in people} == called(sent)
        assert "Recording: <https://video.example/7>" in sent
        assert "In short: The queue has a limit." in sent
        of.github.reopen(OPS, document(of)[0], by="kim")
        publish(of)
        stage.wait(timedelta(days=30))
        assert len(telling(of, "could not be")) == 2


@pytest.mark.parametrize("lost", [False, True], ids=["sent", "sent again"])
def test_what_only_some_may_read_is_not_told_on_a_ticket_that_everybody_may(
    tmp_path: Path, *, lost: bool
) -> None:
    with Stage(tmp_path, participants=CIRCULATE, document=PULL_REQUEST, **OnGitHub.parts) as stage:
        stage.sandbox.github.repos[OPS].private = False
        of = OnGitHub(stage)
        place = stage.sandbox.github.repos["acme/postmortems"]
        branch = next(name for name in place.branches if name.startswith("followthrough/"))
        tree = place.commits[place.branches[branch]].tree
        path = next(each for each in tree if each.startswith("postmortems/"))
        text = tree[path].decode().replace("Recording:\n\n### Summary of the review", SAID)
        github = stage.sandbox.github
        github.push("acme/postmortems", path, text, by="kim", branch=branch)
        stage.settle()
        assert telling(of, "could not be there") == []
        number = next(n for n, issue in place.issues.items() if issue.pull)
        if lost:
            stage.sandbox.fail_next("POST", "/ops/issues/.*comments$", drop_connection=True)
        github.ready_for_review("acme/postmortems", number, by="kim")
        github.merge("acme/postmortems", number, by="kim")
        stage.settle()
        assert len(telling(of, "For those who could not be there")) == (not lost)
        stage.wait(timedelta(hours=1))
        (sent,) = telling(of, "For those who could not be there")
        assert "Its recording and summary stand there." in sent
        assert "queue" not in sent
        assert "video.example" not in sent


@pytest.mark.parametrize("kind", [OnGitHub, InJira])
def test_a_remedy_that_is_done_asks_those_who_speak_with_customers_once(
    tmp_path: Path, kind: type[OnGitHub | InJira]
) -> None:
    with Stage(tmp_path, participants=CUSTOMERS, **kind.parts) as stage:
        of = kind(stage)
        of.label(of.key, "customer-impact", by="kim")
        stage.settle()
        assert telling(of, "Do messages and product agree?", of.task_key) == []
        stage.sandbox.fail_next("POST", r"/comments?$", after_effect=True, drop_connection=True)
        of.done()
        stage.wait(timedelta(hours=1))
        (note,) = telling(of, "Do messages and product agree?", of.task_key)
        assert "noor" in note.partition("**For")[0]
        assert "**For Helpdesk (Noor Aziz):**" in note
        stage.wait(timedelta(days=2))
        assert len(telling(of, "Do messages", of.task_key)) == 1


def test_a_note_to_customer_facing_teams_that_never_came_goes_out_in_todays_words(
    tmp_path: Path,
) -> None:
    with on_github(tmp_path, CUSTOMERS) as stage:
        of = OnGitHub(stage)
        of.label(of.key, "customer-impact", by="kim")
        stage.settle()
        stage.sandbox.fail_next("POST", "/comments$", drop_connection=True)
        of.done()
        assert telling(of, "Do messages", of.task_key) == [], "nobody knows yet"
        stage.restart(participants=CUSTOMERS.replace("Noor Aziz", "Lee Park"))
        stage.wait(timedelta(hours=1))
        (note,) = telling(of, "Do messages", of.task_key)
        assert "**For Helpdesk (Lee Park):**" in note


def test_a_remedy_of_which_nobody_heard_that_it_is_open_again_is_not_told(tmp_path: Path) -> None:
    """It was done on a holiday, and opened again while nobody listened."""
    with on_github(tmp_path, CUSTOMERS, **HOLIDAY) as stage:
        of = OnGitHub(stage)
        of.label(of.key, "customer-impact", by="kim")
        stage.wait(timedelta(hours=20))
        of.done()
        stage.sandbox.hooks.enabled = False
        of.reopen(of.task_key, by="kim")
        stage.clock.wait(timedelta(days=1, hours=2))
        stage.settle()
        assert telling(of, "Do messages", of.task_key) == []


def test_the_first_remedy_after_the_rules_name_somebody_is_told(tmp_path: Path) -> None:
    """The turn that hears of it is the first one under these rules."""
    with on_github(tmp_path, "") as stage:
        of = OnGitHub(stage)
        of.label(of.key, "customer-impact", by="kim")
        stage.settle()
        stage.restart(participants=CUSTOMERS)
        of.done()
        assert len(telling(of, "Do messages", of.task_key)) == 1


def test_a_remedy_from_before_the_rules_name_somebody_is_told_to_nobody(tmp_path: Path) -> None:
    with on_github(tmp_path, "") as stage:
        of = OnGitHub(stage)
        of.label(of.key, "customer-impact", by="kim")
        of.done()
        stage.restart(participants=CUSTOMERS).start()
        stage.wait(timedelta(days=1))
        assert of.incident.felt
        assert telling(of, "Do messages", of.task_key) == []
        of.reopen(of.task_key, by="kim")
        stage.settle()
        of.done()
        assert len(telling(of, "Do messages", of.task_key)) == 1


def test_the_first_publication_after_the_rules_circulate_is_sent(tmp_path: Path) -> None:
    """The turn that hears of it is the first one under these rules."""
    with on_github(tmp_path, "") as stage:
        of = OnGitHub(stage)
        stage.restart(participants=CIRCULATE)
        number, text = document(of)
        said = text.replace("Recording:\n\n### Summary of the review", SAID)
        of.github.edit(OPS, number, by="kim", body=said)
        publish(of)
        assert len(telling(of, "For those who could not be there")) == 1


@pytest.mark.parametrize("why", ["plan", "muted"])
def test_in_plan_mode_and_where_it_is_muted_nobody_is_asked_anything(
    tmp_path: Path, why: str
) -> None:
    said = PERSPECTIVES + CIRCULATE + CUSTOMERS
    mode = "plan" if why == "plan" else "act"
    with on_github(tmp_path, said, mode=mode) as stage:
        github = stage.sandbox.github
        labels = ["incident", "sev2", "customer-impact"]
        labels += ["followthrough-mute"] if why == "muted" else []
        number = github.open_issue(OPS, "Queue full", by="kim", labels=labels)
        github.close(OPS, number, by="kim")
        stage.settle()
        stage.wait(timedelta(days=1))
        notes = [n.body for n in github.repos[OPS].issues[number].notes]
        assert not any("Your perspective" in note for note in notes)
