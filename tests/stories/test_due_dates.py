"""A review that comes due, in a service that runs, stops, and is given other rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from stage import ADMIN_TOKEN, GITHUB_ISSUE, Stage

from config.calendars import _holidays
from service.commands.all import followthrough
from service.explain import explain
from service.store.journal import EntryKind
from workflows.calendars import HolidaysUnknown
from workflows.postmortem import MUTE_LABEL

DAY = timedelta(days=1)
REPO = "acme/ops"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path, document=GITHUB_ISSUE, reminders="off") as stage:
        yield stage


def closed(stage: Stage, severity: str = "sev1") -> str:
    """A sev1 incident that was closed on Monday at noon; its review is due on Thursday."""
    github = stage.sandbox.github
    number = github.open_issue(REPO, "It is down", by="kim", labels=["incident", severity])
    github.close(REPO, number, by="kim")
    stage.settle()
    return f"{REPO}#{number}"


def came(stage: Stage, key: str) -> list[str]:
    with stage.store.read() as tx:
        lines = tx.journal.of_incident(stage.incident(key).id)
    return [line.text for line in lines if line.kind is EntryKind.DUE]


def planned(stage: Stage, key: str) -> list[datetime]:
    with stage.store.read() as tx:
        rows = tx.occurrences.of_incident(stage.incident(key).id)
    return [row.occurrence.due for row in rows if row.taken_at is None]


BEFORE = "the review is due on 2026-12-10"
ON_THE_DAY = "the review is due: 2026-12-10"
OVERDUE = "the review is overdue: it was due on 2026-12-10"


def test_a_review_comes_due_step_by_step(stage: Stage) -> None:
    key = closed(stage)
    seen = []
    for _ in range(8):
        stage.wait(DAY)
        seen.append(len(came(stage, key)))
    assert seen == [0, 1, 2, 3, 3, 3, 3, 3]  # Wednesday, Thursday, Friday
    assert came(stage, key) == [BEFORE, ON_THE_DAY, OVERDUE]


def test_what_is_ahead_and_what_came_is_explained(stage: Stage) -> None:
    key = closed(stage)
    stage.wait(2 * DAY)
    with stage.store.read() as tx:
        explained = explain(tx, stage.incident(key).id)
    assert explained is not None
    assert [each.what for each in explained.ahead] == [ON_THE_DAY, OVERDUE]
    assert [entry.title for entry in explained.entries if entry.kind is EntryKind.DUE] == [BEFORE]
    run = CliRunner(env={"FOLLOWTHROUGH_DATA": str(stage.settings.data)})
    told = run.invoke(followthrough, ["explain", key], catch_exceptions=False).output
    assert f"ahead 2026-12-10 09:00:00 UTC: {ON_THE_DAY}" in told
    page = requests.get(
        f"{stage.url}/incidents/{explained.incident.id}",
        headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
        timeout=10,
    ).text
    assert f"2026-12-10 09:00: {ON_THE_DAY}" in re.sub(r"<[^>]+>", "", page).replace(" UTC", "")


def test_a_stop_of_twenty_days_leads_to_the_same(stage: Stage) -> None:
    key = closed(stage)
    stage.clock.wait(20 * DAY)
    stage.restart().start()
    stage.settle()
    assert came(stage, key) == [BEFORE, ON_THE_DAY, OVERDUE]


def test_what_comes_due_has_its_ticket_read_again(stage: Stage) -> None:
    """So that what is decided about it goes by what holds then, whatever no webhook told."""
    key = closed(stage)
    stage.wait(DAY)
    stage.sandbox.reset_calls()
    stage.wait(DAY)
    path = f"/repos/{key.replace('#', '/issues/')}"
    assert came(stage, key) == [BEFORE]
    assert any(call.path.endswith(path) for call in stage.sandbox.calls)


def test_an_incident_that_is_reopened_waits_for_nothing_until_it_is_closed_again(
    stage: Stage,
) -> None:
    key = closed(stage)
    number = int(key.partition("#")[2])
    stage.sandbox.github.reopen(REPO, number, by="kim")
    stage.settle()
    assert planned(stage, key) == []
    stage.wait(2 * DAY)
    stage.sandbox.github.close(REPO, number, by="kim")
    stage.settle()
    assert len(planned(stage, key)) == 2  # on that day, no day before is left
    stage.wait(2 * DAY)
    assert came(stage, key) == [ON_THE_DAY, OVERDUE]


def test_a_label_that_mutes_the_service_silences_dates_too(stage: Stage) -> None:
    key = closed(stage)
    number = int(key.partition("#")[2])
    stage.sandbox.github.label(REPO, number, MUTE_LABEL, by="kim")
    stage.settle()
    assert planned(stage, key) == []


def test_another_calendar_moves_what_is_planned_at_the_next_start(stage: Stage) -> None:
    key = closed(stage)
    assert {at.hour for at in planned(stage, key)} == {9}
    calendars = 'calendars: {tokyo: {zone: Asia/Tokyo, opens: "10:00"}}\n'
    stage.restart(people=calendars, sync="{}\n            calendar: tokyo").start()
    stage.settle()
    assert {at.hour for at in planned(stage, key)} == {1}


def test_roles_go_round(stage: Stage) -> None:
    """Kim owns nothing here; of two who take turns each has every second incident."""
    roles = [stage.incident(closed(stage)).roles["facilitator"] for _ in range(6)]
    assert sorted(roles) == ["Kim Ito"] * 3 + ["Noor Aziz"] * 3


def test_a_date_that_nobody_can_count_fails_with_the_year_until_it_is_mended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.calendars.LAST_YEAR", 2026)
    monkeypatch.setattr("config.calendars._holidays", _holidays.__wrapped__)
    team = "{}\n            calendar: here"
    stage.restart(people="calendars: {here: {country: DE}}\n", sync=team)
    stage.clock.wait(23 * DAY)
    with pytest.raises(HolidaysUnknown, match=r"holidays of 2027 .* until 2026-12-31"):
        closed(stage)
    stage.restart(people="calendars: {here: {holidays: [2027-01-01]}}\n", sync=team)
    stage.wait(DAY)
    (incident,) = stage.incidents()
    assert incident.postmortem is not None
    assert incident.review_due == date(2027, 1, 5)
