"""A team's tickets where the rules, or people, moved the place of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from measures import OPS, OnGitHub
from stage import Stage

from workflows.taken import ONLY_SOME

SAY = "alert on depth due:2026-12-18"  # a Friday
DOCUMENTS, PUBLIC = "acme/postmortems", "acme/website"
Making = Callable[..., OnGitHub]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Making]:
    """A measure of payments that is due on Friday of next week, of an incident in acme/ops."""
    stages: list[Stage] = []

    def make(**parts: Any) -> OnGitHub:
        stages.append(Stage(tmp_path, **parts).__enter__())
        measure = OnGitHub(stages[-1], say=SAY)
        measure.stage.container.start()
        measure.stage.settle()
        return measure

    yield make
    for stage in stages:
        stage.__exit__(None, None, None)


def audits(place: str, portfolio: str = "off") -> str:
    """The rules that have the team's tickets opened there."""
    to = f"{{connection: github, repository: {place}}}"
    return f"{{portfolio: {portfolio}, destination: {to}}}"


def until(measure: OnGitHub, year: int, month: int, day: int) -> None:
    """Let time pass at once, up to a minute after 09:00 UTC, and let the service work."""
    end = datetime(year, month, day, 9, 1, tzinfo=UTC)
    measure.stage.wait(end - measure.stage.clock())


def own(measure: OnGitHub, what: str, place: str) -> list[Any]:
    """The team's own tickets there whose effect key begins so, whatever the service knows."""
    issues = measure.stage.sandbox.github.repos[place].issues.values()
    return [issue for issue in issues if f"followthrough {what}:" in str(issue.body)]


def last_digest(measure: OnGitHub, place: str) -> str:
    """What the last comment on the ticket for digests says, which stands there."""
    (ticket,) = own(measure, "digests", place)
    return str(ticket.notes[-1].body)


# --- what may be told is judged by where it goes --------------------------------------------------


def test_a_digest_tells_what_may_be_told_where_its_ticket_is_and_not_where_the_rules_point_today(
    made: Making,
) -> None:
    measure = made(audits=audits(DOCUMENTS))
    until(measure, 2026, 12, 21)
    assert "alert on depth" in last_digest(measure, DOCUMENTS)
    measure.github.repos[DOCUMENTS].private = False
    measure.stage.restart(audits=audits(OPS)).start()
    until(measure, 2026, 12, 28)
    said = last_digest(measure, DOCUMENTS)
    assert "2026-12-21 to 2026-12-27" in said
    assert ONLY_SOME in said
    assert "alert on depth" not in said
    assert own(measure, "digests", OPS) == []


def test_a_digest_on_a_ticket_that_only_some_may_read_tells_words_though_the_rules_point_to_all(
    made: Making,
) -> None:
    measure = made(audits=audits(OPS))
    until(measure, 2026, 12, 21)
    measure.stage.restart(audits=audits(PUBLIC)).start()
    until(measure, 2026, 12, 28)
    said = last_digest(measure, OPS)
    assert "2026-12-21 to 2026-12-27" in said
    assert "alert on depth" in said


def test_a_ticket_for_digests_that_somebody_transfers_to_a_public_place_tells_no_words_there(
    made: Making,
) -> None:
    measure = made(audits=audits(OPS))
    until(measure, 2026, 12, 21)
    (ticket,) = own(measure, "digests", OPS)
    measure.github.transfer(OPS, ticket.number, PUBLIC, by="kim")
    until(measure, 2026, 12, 28)
    said = last_digest(measure, PUBLIC)
    assert "2026-12-21 to 2026-12-27" in said
    assert "alert on depth" not in said
