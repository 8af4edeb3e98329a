"""A delivery that did not arrive comes again, and one that did counts once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from stage import JIRA_INCIDENTS, JIRA_ISSUE, JIRA_TASKS, WSGI, Stage

from service.commands.look import deliveries
from service.store.deliveries import Delivery

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


# --- Jira repeats by itself -----------------------------------------------------------------------


@pytest.fixture
def jira(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "data"))
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
    page = requests.get(
        f"{jira.url}/deliveries", headers={"Authorization": "Bearer admin-token-1b2c"}, timeout=10
    )
    assert "came 1 more time<" in page.text


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
