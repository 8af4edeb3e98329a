"""A delivery that did not arrive comes again, and one that did counts once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from inprocess import WSGI
from stage import HOOKS, JIRA_INCIDENTS, JIRA_ISSUE, JIRA_TASKS, TOKENS, Stage

from integrations.sandbox.acme import BOT_GITHUB
from service.commands.doctor import doctor
from service.commands.look import deliveries
from service.store.deliveries import Delivery
from service.store.redeliveries import Missed
from workflows.model import Outlook

ALL_JIRA: dict[str, Any] = {
    "incidents": JIRA_INCIDENTS,
    "document": JIRA_ISSUE,
    "tasks": JIRA_TASKS,
}


def between(stage: Stage, proxy: Callable[[WSGI], WSGI]) -> None:
    """Put a proxy between the trackers and the web process."""
    stage.start_web(stage.stop_web(), proxy)


def refusing(times: int) -> Callable[[WSGI], WSGI]:
    """A proxy that finds nobody behind it, so many times."""
    left = times

    def proxy(web: WSGI) -> WSGI:
        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
            nonlocal left
            if left <= 0:
                return web(environ, start)
            left -= 1
            start("503 Service Unavailable", [])
            return [b""]

        return answer

    return proxy


def forgetful(times: int) -> Callable[[WSGI], WSGI]:
    """A proxy that passes on what comes, and loses the answer, so many times."""
    left = times

    def proxy(web: WSGI) -> WSGI:
        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
            nonlocal left
            if left <= 0:
                return web(environ, start)
            left -= 1
            list(web(environ, lambda *_: None))
            start("504 Gateway Timeout", [])
            return [b""]

        return answer

    return proxy


def recorded(stage: Stage, connection: str) -> list[Delivery]:
    with stage.store.read() as tx:
        return tx.deliveries.page(connection=connection)


# --- GitHub is asked ------------------------------------------------------------------------------

OPS = "acme/ops"


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Nothing polls here: what is known came by webhook."""
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(tmp_path / "rules.yaml"))
    for name, value in {**TOKENS, **HOOKS}.items():
        monkeypatch.setenv(name, value)
    with Stage(tmp_path) as stage:
        stage.settle()
        yield stage


def closed_in_github(stage: Stage) -> str:
    hub = stage.sandbox.github
    number = hub.open_issue(OPS, "Checkout answers 500", by="kim", labels=["incident", "sev2"])
    hub.comment(OPS, number, "ACTION: alert on the queue @kim", by="noor")
    hub.close(OPS, number, by="kim")
    stage.settle()
    return f"{OPS}#{number}"


def look(stage: Stage) -> None:
    """A worker starts, as far as webhooks are concerned."""
    stage.container.redelivery.start()
    stage.settle()


def asked(stage: Stage) -> list[str]:
    """The redeliveries that GitHub was asked for since `reset_calls`."""
    return [c.path for c in stage.sandbox.writes() if c.path.endswith("/attempts")]


def page(stage: Stage, path: str = "/deliveries") -> str:
    headers = {"Authorization": "Bearer admin-token-1b2c"}
    return requests.get(f"{stage.url}{path}", headers=headers, timeout=10).text


def missing(stage: Stage) -> list[Missed]:
    with stage.store.read() as tx:
        return tx.redeliveries.lately_missing(stage.clock() - timedelta(days=7))


def test_what_was_closed_while_the_web_process_was_down_is_set_up_without_a_poll(
    github: Stage,
) -> None:
    port = github.stop_web()
    key = closed_in_github(github)
    assert github.incidents() == []
    github.start_web(port)
    look(github)
    incident = github.incident(key)
    assert incident.outlook is Outlook.DONE
    assert [item.task is not None for item in incident.actions] == [True]
    came = [row for row in recorded(github, "github") if row.asked_for]
    assert {row.event for row in came} == {"issues", "issue_comment"}
    assert "sent again at our asking" in page(github)
    assert "sent again at our asking" in page(github, f"/incidents/{incident.id}")
    shown = CliRunner().invoke(deliveries, ["show", str(came[0].id)])
    assert "sent again at our asking" in shown.output
    assert missing(github) == []


def test_what_arrived_is_never_asked_for(github: Stage) -> None:
    closed_in_github(github)
    look(github)
    assert asked(github) == []
    assert "github: no delivery failed." in page(github)


def test_what_github_thinks_failed_and_is_on_record_here_is_not_asked_for(github: Stage) -> None:
    """Our answer was lost on its way."""
    between(github, forgetful(100))
    key = closed_in_github(github)
    assert github.incident(key).outlook is Outlook.DONE
    look(github)
    assert asked(github) == []


def test_a_delivery_is_asked_for_three_times_at_most_with_growing_pauses(github: Stage) -> None:
    port = github.stop_web()
    github.sandbox.github.open_issue(OPS, "Slow", by="kim", labels=["incident"])
    github.settle()
    github.sandbox.reset_calls()
    look(github)
    once = len(asked(github))
    assert once == len(missing(github)) > 0
    for minutes, times in ((5, 1), (6, 2), (30, 2), (40, 3), (180, 3)):
        github.wait(timedelta(minutes=minutes))
        assert len(asked(github)) == times * once, f"{minutes} minutes later"
    github.start_web(port)
    assert "asked for 3 times" in page(github)
    assert "not asked for any more" in page(github)


def test_what_is_older_than_github_keeps_is_not_asked_for(github: Stage) -> None:
    port = github.stop_web()
    closed_in_github(github)
    github.start_web(port)
    github.clock.wait(timedelta(days=3, minutes=1))
    look(github)
    assert asked(github) == []


def test_what_failed_since_the_last_look_is_found_by_the_next(github: Stage) -> None:
    look(github)
    port = github.stop_web()
    key = closed_in_github(github)
    github.start_web(port)
    github.wait(timedelta(minutes=6))
    assert github.incident(key).outlook is Outlook.DONE


def test_a_worker_that_dies_while_it_asks_asks_for_nothing_twice(
    github: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(BaseException):
        pass

    port = github.stop_web()
    key = closed_in_github(github)
    github.start_web(port)
    keeper = github.container.trackers.kept_deliveries["github"]
    ask, count = keeper.ask_again, 0

    def dying(handle: str) -> None:
        nonlocal count
        count += 1
        ask(handle)
        if count == 2:
            raise Crash

    monkeypatch.setattr(keeper, "ask_again", dying)
    with pytest.raises(Crash):
        look(github)
    github.restart()
    github.wait(timedelta(minutes=6))
    assert github.incident(key).outlook is Outlook.DONE
    assert len(asked(github)) == len(set(asked(github)))


def test_a_tracker_that_asks_to_wait_is_asked_when_it_allows(github: Stage) -> None:
    port = github.stop_web()
    key = closed_in_github(github)
    github.start_web(port)
    github.sandbox.fail_next("POST", "/attempts$", status=429, headers={"Retry-After": "120"})
    look(github)
    assert len(asked(github)) == 1
    github.wait(timedelta(minutes=3))
    github.wait(timedelta(minutes=11))
    assert github.incident(key).outlook is Outlook.DONE


def test_without_the_permission_it_is_noted_once_and_polling_remains(
    github: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    github.sandbox.github.repos[OPS].members[BOT_GITHUB] = "write"
    github.sandbox.github.repos["acme/postmortems"].members[BOT_GITHUB] = "write"
    port = github.stop_web()
    key = closed_in_github(github)
    github.start_web(port)
    look(github)
    github.wait(timedelta(hours=2))
    said = capsys.readouterr().out
    assert said.count("failed deliveries cannot be asked for again") == 1
    assert "Webhooks: read and write" in page(github)
    github.poll()
    assert github.incident(key).outlook is Outlook.DONE


def test_doctor_says_whether_failed_deliveries_are_asked_for(
    github: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in github.environ.items():
        monkeypatch.setenv(name, value)
    examined = CliRunner().invoke(doctor, ["--rules", str(github.rules_file)])
    assert "2 webhooks send here; failed deliveries are asked for again" in examined.output
    github.sandbox.github.repos[OPS].members[BOT_GITHUB] = "write"
    examined = CliRunner().invoke(doctor, ["--rules", str(github.rules_file), "--json"])
    notes = {each["what"]: each for each in json.loads(examined.output)}
    (note,) = [each for what, each in notes.items() if "webhooks cannot be read" in what]
    assert note["kind"] == "webhook permission"
    assert note["what"].startswith(f"{OPS}: ")
    assert "Webhooks: read and write" in note["mend"]


# --- Jira repeats by itself -----------------------------------------------------------------------


@pytest.fixture
def jira(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(tmp_path / "rules.yaml"))
    for name, value in {**TOKENS, **HOOKS}.items():
        monkeypatch.setenv(name, value)
    with Stage(tmp_path, **ALL_JIRA) as stage:
        stage.settle()
        yield stage


def closed_in_jira(stage: Stage) -> str:
    severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-2"}}
    key = stage.sandbox.jira.create_issue("INC", "Slow", by="5b10-kim", **severity)
    stage.sandbox.jira.transition(key, "Resolved", by="5b10-kim")
    stage.settle()
    return key


def test_what_jira_repeats_because_we_did_not_take_it_is_recorded_once(jira: Stage) -> None:
    between(jira, refusing(2))
    key = closed_in_jira(jira)
    assert jira.incident(key).postmortem is not None
    rows = recorded(jira, "jira")
    assert len({row.delivery_id for row in rows}) == len(rows)
    late = [row for row in rows if row.repeated]
    assert late, "the header of a retry is kept"
    assert {row.repeats for row in late} == {0}, "the first try never reached us"


def test_what_jira_repeats_because_our_answer_was_lost_is_counted(jira: Stage) -> None:
    between(jira, forgetful(1))
    closed_in_jira(jira)
    (twice,) = [row for row in recorded(jira, "jira") if row.repeats]
    assert (twice.repeats, twice.repeated) == (1, False)
    shown = CliRunner().invoke(deliveries, ["show", str(twice.id)])
    assert "Came again:  1 time" in shown.output
    assert "came 1 more time<" in page(jira)


def test_data_center_without_an_identifier_is_known_by_what_it_sends(tmp_path: Path) -> None:
    def nameless(web: WSGI) -> WSGI:
        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
            environ.pop("HTTP_X_ATLASSIAN_WEBHOOK_IDENTIFIER", None)
            return web(environ, start)

        return answer

    with Stage(tmp_path, **ALL_JIRA, deployment="datacenter") as stage:
        between(stage, nameless)
        key = closed_in_jira(stage)
        assert stage.incident(key).postmortem is not None
        before = recorded(stage, "jira")
        assert all(len(row.delivery_id) == 64 for row in before)
        for sent in list(stage.sandbox.hooks.log):
            if sent.hook.dialect == "jira":
                answer = requests.post(
                    sent.hook.url, data=sent.body, headers=sent.headers(), timeout=10
                )
                assert answer.status_code == 200
        after = recorded(stage, "jira")
        assert [row.id for row in after] == [row.id for row in before]
        assert {row.repeats for row in after} == {1}
