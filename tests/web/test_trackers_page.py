"""The page of trackers, and the command that says the same."""

from __future__ import annotations

from datetime import timedelta

from flask.testing import FlaskClient

from integrations.gate import Cost, Quota
from integrations.github.budgets import CONTENT
from service.standings import Answers, standings
from service.store import Store
from service.store.traffic import Circuit, Paused
from workflows.budgets import Budget

LIMITS: dict[str, tuple[Budget, ...]] = {"acme-github": (CONTENT,), "acme-silent": ()}


def test_a_quiet_tracker_answers_and_nothing_waits(operator: FlaskClient) -> None:
    page = operator.get("/trackers").text
    assert page.count("answers</span>") == 2
    assert "0 of 500 used" in page
    assert "Paused" not in page


def test_a_tracker_that_is_down_says_since_when_why_and_when_it_is_looked_at(
    operator: FlaskClient, store: Store
) -> None:
    with store.write() as tx:
        hour = timedelta(hours=1)
        down = Circuit("acme-github", 7, tx.now - hour, tx.now + hour, "<b>502</b> Bad Gateway")
        tx.traffic.put_circuit(down)
    page = operator.get("/trackers").text
    assert "down</span>" in page
    assert "&lt;b&gt;502&lt;/b&gt; Bad Gateway" in page
    assert "2026-12-07 12:35 UTC" in page  # an hour ago
    assert "2026-12-07 14:35 UTC" in page  # in an hour


def test_what_is_used_up_paused_and_waiting_is_shown_with_why_and_until_when(
    operator: FlaskClient, store: Store
) -> None:
    with store.write() as tx:
        tx.traffic.begin("a", "acme-github", [Cost(CONTENT, 412)], timedelta())
        until = tx.now + timedelta(minutes=20)
        tx.traffic.put_circuit(Circuit("acme-github", quota=Quota(5000, 17, until)))
        tx.traffic.pause(Paused("acme-github", "", until, "acme-github asks to wait: slower"))
        tx.jobs.touch("incident", "acme-github/I_42", until, reason="the budget is used up")
    page = operator.get("/trackers").text
    assert "412 of 500 used" in page
    assert "17 of 5000 left" in page
    assert "acme-github asks to wait: slower" in page
    assert "I_42" in page
    assert "the budget is used up" in page
    with store.read() as tx:
        github, silent = standings(tx, LIMITS)
    assert (github.answers, github.waiting, github.again_at) == (Answers.LATER, 1, until)
    assert (silent.answers, silent.again_at) == (Answers.YES, None)


def test_the_page_needs_sign_in(visitor: FlaskClient) -> None:
    answer = visitor.get("/trackers")
    assert answer.status_code == 302
    assert answer.location.startswith("/sign-in")


def test_each_account_of_a_connection_is_shown_by_itself(
    operator: FlaskClient, store: Store
) -> None:
    with store.write() as tx:
        hour = tx.now + timedelta(hours=1)
        for owner, left in (("globex", 4000), ("acme", 12)):
            tx.traffic.put_circuit(Circuit(f"acme-github@{owner}", quota=Quota(5000, left, hour)))
        tx.traffic.put_circuit(Circuit("acme-github2@acme", quota=Quota(5000, 7, hour)))
    with store.read() as tx:
        shown = [standing.connection for standing in standings(tx, LIMITS)]
    assert shown == ["acme-github", "acme-github@acme", "acme-github@globex", "acme-silent"]
    assert "12 of 5000 left" in operator.get("/trackers").text
