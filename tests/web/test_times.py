"""Times in the reader's own zone, and the course of an incident in scale."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from builders import NOON, at
from flask.testing import FlaskClient
from web.history import History
from web.test_conflict_pages import csrf

from service.web.course import course
from service.web.showing import ZONE_COOKIE, zones
from workflows.moments import Moments


def choose(operator: FlaskClient, zone: str, following: str = "/incidents/k3v9") -> str:
    form = {"csrf": csrf(operator), "zone": zone, "next": following}
    answer = operator.post("/times", data=form)
    assert answer.status_code == 303
    return str(operator.get(answer.location).text)


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Europe/Berlin", '2026-12-07 13:00 CET</time> <span class="utc">12:00 UTC</span>'),
        ("Asia/Dubai", '2026-12-07 16:00 UTC+04</time> <span class="utc">12:00 UTC</span>'),
        (
            "Pacific/Auckland",
            '2026-12-08 01:00 NZDT</time> <span class="utc">2026-12-07 12:00 UTC</span>',
        ),
        ("", '<time datetime="2026-12-07T12:00:00Z">2026-12-07 12:00 UTC</time>'),
    ],
)
def test_a_reader_chooses_a_zone_and_reads_times_in_it_with_utc_beside(
    operator: FlaskClient, history: History, zone: str, shown: str
) -> None:
    history.incident()
    page = choose(operator, zone)
    assert shown in page
    assert '<time datetime="2026-12-07T12:00:00Z">' in page
    assert f"Times are shown in {zone or 'UTC'}" in page


def test_the_choice_is_shown_and_the_list_holds_the_places_of_the_world(
    operator: FlaskClient,
) -> None:
    page = choose(operator, "America/Argentina/Buenos_Aires", "/times")
    chosen = '<option value="America/Argentina/Buenos_Aires" selected>Argentina, Buenos Aires'
    assert chosen in page
    assert {"Europe/Berlin", "Asia/Kolkata"} <= zones()
    assert "Etc/GMT+5" not in zones()


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "UTC\r\nSet-Cookie: x=1"])
def test_a_zone_that_there_is_not_is_refused_and_a_cookie_of_it_means_utc(
    operator: FlaskClient, history: History, zone: str
) -> None:
    history.incident()
    answer = operator.post("/times", data={"csrf": csrf(operator), "zone": zone})
    assert answer.status_code == 400
    operator.set_cookie(ZONE_COOKIE, "Mars/Olympus")
    assert "2026-12-07 12:00 UTC</time>" in operator.get("/incidents/k3v9").text


def test_the_moments_stand_on_the_line_as_far_apart_as_they_were() -> None:
    moments = Moments(opened=NOON, detected=at(1), acknowledged=at(50), resolved=at(100))
    drawn = course(moments)
    assert drawn is not None
    assert [(s.name, s.x, s.lane, s.after) for s in drawn.stops] == [
        ("opened", 2.0, 0, ""),
        ("detected", 2.96, 1, "1 min"),
        ("acknowledged", 50.0, 0, "50 min"),
        ("resolved", 98.0, 0, "1 h 40 min"),
    ]
    assert (drawn.lanes, drawn.felt_to) == (2, None)


def test_until_it_was_mitigated_the_line_shows_that_it_was_felt() -> None:
    drawn = course(Moments(started=NOON, mitigated=at(50), resolved=at(100)))
    assert drawn is not None
    assert (drawn.felt_from, drawn.felt_to) == (2.0, 50.0)


@pytest.mark.parametrize(
    "moments", [Moments(), Moments(opened=NOON), Moments(opened=NOON, detected=NOON)]
)
def test_where_nothing_is_apart_nothing_is_drawn(moments: Moments) -> None:
    assert course(moments) is None


def test_moments_need_not_come_in_the_order_of_their_names() -> None:
    early = datetime(2026, 12, 7, 11, tzinfo=UTC)
    drawn = course(Moments(opened=NOON, detected=early, resolved=at(60)))
    assert drawn is not None
    assert [stop.name for stop in drawn.stops] == ["detected", "opened", "resolved"]


def test_an_incidents_page_draws_its_course_and_keeps_what_is_long_ago_folded(
    operator: FlaskClient, history: History
) -> None:
    incident = history.closed()
    for number in range(12):
        history.delivery(incident, id=f"guid-{number}")
    page = operator.get("/incidents/k3v9").text
    assert '<svg class="course"' in page
    assert "4 min after" in page
    folded, _, open_ = page.partition("earlier</summary>")[2].partition("</details>")
    assert folded.count('<p class="when">') > 0
    assert open_.partition("<details>")[0].count('<p class="when">') == 8


def test_where_nothing_was_published_no_link_leads_there(
    operator: FlaskClient, history: History
) -> None:
    history.closed()
    assert "What was published" not in operator.get("/incidents/k3v9").text
