"""What trackers sent is kept for a time, what it led to for good."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from databases import rows_of
from stage import Stage

from service.commands.all import followthrough
from service.dead_letters import dead_letters
from service.explain import GONE
from service.store.bodies import packed
from service.store.deliveries import DeliveryState
from workflows.model import Outlook

OPS = "acme/ops"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as stage:
        stage.container.retention.start()
        stage.settle()
        yield stage


def closed(stage: Stage) -> str:
    github = stage.sandbox.github
    number = github.open_issue(OPS, "Checkout is slow", by="kim", labels=["incident", "sev2"])
    github.comment(OPS, number, "ACTION: one", by="noor")
    github.close(OPS, number, by="kim")
    stage.settle()
    return f"{OPS}#{number}"


def pass_days(stage: Stage, days: int) -> None:
    """Each with its night, in which the job runs."""
    for _ in range(days):
        stage.wait(timedelta(days=1, seconds=1))


def kept(stage: Stage) -> dict[int, tuple[str, bytes]]:
    """How the bytes of each delivery are kept, by its number."""
    rows: list[dict[str, Any]] = rows_of(stage.store)["deliveries"]
    return {row["id"]: (row["kept"], bytes(row["body"])) for row in rows}


def sent(stage: Stage) -> dict[int, bytes | None]:
    """What the service says was sent."""
    found = {}
    with stage.store.read() as tx:
        for number in kept(stage):
            envelope = tx.deliveries.envelope(number)
            found[number] = envelope.body if envelope else None
    return found


def typed(stage: Stage, *words: str) -> str:
    environ = {
        **stage.environ,
        "FOLLOWTHROUGH_DATA": str(stage.settings.data),
        "FOLLOWTHROUGH_RULES": str(stage.rules_file),
    }
    return CliRunner().invoke(followthrough, words, env=environ).output


def test_after_a_week_it_is_packed_and_read_as_before(stage: Stage) -> None:
    closed(stage)
    before = sent(stage)
    pass_days(stage, 6)
    assert {how for how, _ in kept(stage).values()} == {"whole"}
    pass_days(stage, 2)
    packed = {number: kept(stage)[number] for number in before}
    assert {how for how, _ in packed.values()} == {"packed"}
    room = sum(len(body) for _, body in packed.values())
    assert room < sum(len(body or b"") for body in before.values()) / 2
    assert {number: sent(stage)[number] for number in before} == before


def test_what_is_packed_can_be_worked_on_again(stage: Stage) -> None:
    key = closed(stage)
    with stage.store.read() as tx:
        number = tx.deliveries.page(state=DeliveryState.DONE)[-1].id
    pass_days(stage, 9)
    assert kept(stage)[number][0] == "packed"
    writes = len(stage.sandbox.writes())
    with stage.store.write() as tx:
        assert tx.deliveries.replay(number)
    stage.settle()
    with stage.store.read() as tx:
        found = tx.deliveries.get(number)
    assert found is not None
    assert found.state is DeliveryState.DONE
    assert len(stage.sandbox.writes()) == writes
    assert stage.incident(key).outlook is Outlook.DONE


def test_after_its_time_it_is_dropped_and_all_else_stays(stage: Stage) -> None:
    key = closed(stage)
    numbers = list(kept(stage))
    told, log = stage.told(key), list(stage.sandbox.hooks.log)
    pass_days(stage, 92)
    assert {kept(stage)[number] for number in numbers} == {("dropped", b"")}
    assert told in stage.told(key)
    assert GONE in typed(stage, "deliveries", "show", str(numbers[0]))
    assert GONE in typed(stage, "deliveries", "replay", str(numbers[0]))
    assert "GET" not in typed(stage, "explain", key)
    for delivery in log[:3]:  # somebody sends it again: it is known
        url, headers = delivery.hook.url, delivery.headers()
        assert (
            requests.post(url, data=delivery.body, headers=headers, timeout=10).status_code == 200
        )


def test_what_waits_for_somebody_is_never_dropped(stage: Stage) -> None:
    closed(stage)
    number = min(kept(stage))
    with stage.store.write() as tx:
        tx.deliveries.mark(number, DeliveryState.UNREADABLE, "nobody can read it")
    before = sent(stage)[number]
    pass_days(stage, 100)
    assert kept(stage)[number] == ("whole", before)
    with stage.store.read() as tx:
        assert [letter.id for letter in dead_letters(tx)] == [f"d{number}"]


def test_a_job_that_was_cut_short_goes_on_where_it_was(stage: Stage) -> None:
    closed(stage)
    before = sent(stage)
    stage.clock.wait(timedelta(days=8))
    with stage.store.read() as tx:
        some = [(id, packed(body)) for id, body in tx.bodies.whole(tx.now, 2)]
    with stage.store.write() as tx:
        tx.bodies.put(some)
        tx.bodies.put(some)  # another worker had read them, too
    stage.settle()
    assert {number: sent(stage)[number] for number in before} == before


def test_no_more_is_held_in_memory_at_once_than_a_few_of_the_largest(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed(stage)
    before = sent(stage)
    size = max(len(body or b"") for body in before.values())
    monkeypatch.setattr("service.store.bodies.LARGEST", 2 * size)
    stage.clock.wait(timedelta(days=8))
    with stage.store.read() as tx:
        some = tx.bodies.whole(tx.now, 100)
    assert 2 <= len(some) < len(before)
    assert sum(len(body) for _, body in some) <= 2 * size
    monkeypatch.setattr("service.store.bodies.LARGEST", 1)
    with stage.store.read() as tx:
        assert len(tx.bodies.whole(tx.now, 100)) == 1
    stage.settle()
    assert {kept(stage)[number][0] for number in before} == {"packed"}
    assert {number: sent(stage)[number] for number in before} == before
