"""What figures say: counted from the rows, as far as somebody may see, and honest of the rest."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from builders import NOON
from core.test_audits import incident, measure
from hypothesis import given
from hypothesis import strategies as st

from service.store import Store
from workflows import figures, indicators, lengths
from workflows.counts import (
    Asked,
    Due,
    Group,
    Judged,
    Length,
    Lengths,
    Measured,
    Opened,
    Owners,
    Scope,
)
from workflows.percentiles import P90, percentile, told
from workflows.periods import NoPeriod, Period, Step, presets, read_period
from workflows.pictures import Columns, Dots, Figure
from workflows.projection import Audited, Facts, Measure, Projection, project
from workflows.sight import EVERYTHING, NOTHING, Sight

TODAY = NOON.date()
YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))
DECEMBER = Period(date(2026, 12, 1), date(2026, 12, 31))
days = st.dates(date(1990, 1, 1), date(2050, 1, 1))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'store.db'}", lambda: NOON)
    opened.migrate()
    yield opened
    opened.close()


def keep(
    store: Store, id: str, *items: Measure, audits: tuple[Audited, ...] = (), **is_so: object
) -> None:
    """An incident as it is kept, but for what `is_so`."""
    made = project(replace(incident(), id=id, service="checkout", opened=NOON), {})
    facts: Facts = replace(made.facts, **{"id": id, "to_resolve": 60, **is_so})  # type: ignore[arg-type]
    theirs = tuple(replace(item, team=facts.team) for item in items)
    about = tuple(replace(audit, team=facts.team) for audit in audits)
    with store.write() as tx:
        tx.learning.put(Projection(facts, (), theirs, about, ()))


def item(number: int, **is_so: object) -> Measure:
    made = project(incident(measure()), {}).measures[0]
    asked = replace(made, item=number, due=TODAY, open=False, service_words="checkout")
    return replace(asked, **is_so)  # type: ignore[arg-type]


def audit(rung: int, **is_so: object) -> Audited:
    base = Audited(
        *(1, 1, rung, "open", True, NOON, TODAY, "payments", "Noor", "Kim", "", None, ""),
        *("", "", "", None, "", "", ""),
    )
    return replace(base, **is_so)  # type: ignore[arg-type]


# --- percentiles ----------------------------------------------------------------------------------

values = st.lists(st.integers(0, 10**7), min_size=2, max_size=60)


@given(values)
def test_the_median_and_the_p90_are_those_of_the_standard_library(some: list[int]) -> None:
    ordered = sorted(some)
    assert percentile(ordered, 0.5) == pytest.approx(statistics.median(some))
    ninth = statistics.quantiles(some, n=10, method="inclusive")[8]
    assert percentile(ordered, P90) == pytest.approx(ninth)


@given(values, st.floats(0, 1), st.floats(0, 1))
def test_a_percentile_grows_with_its_share_and_stays_among_the_values(
    some: list[int], one: float, other: float
) -> None:
    ordered = sorted(some)
    low, high = sorted((one, other))
    assert ordered[0] <= percentile(ordered, low) <= percentile(ordered, high) + 1e-6
    assert percentile(ordered, high) <= ordered[-1]


def test_of_one_value_each_percentile_is_that_value() -> None:
    assert [percentile([7], share) for share in (0, 0.5, 0.9, 1)] == [7, 7, 7, 7]


def test_what_took_long_is_told_without_seconds() -> None:
    assert [told(59), told(599), told(4210.4), told(0)] == [
        "59 s",
        "9 min 59 s",
        "1 h 10 min",
        "0 s",
    ]


# --- periods --------------------------------------------------------------------------------------


@given(days, st.integers(0, 3650))
def test_each_day_of_a_period_is_in_one_bucket_and_no_other_day_is(first: date, more: int) -> None:
    period = Period(first, first + timedelta(days=more))
    buckets = period.buckets
    assert (buckets[0].since, buckets[-1].until) == (period.first, period.end)
    assert all(one.until == other.since for one, other in pairwise(buckets))
    assert all(bucket.since < bucket.until for bucket in buckets)
    for day in (period.first, period.last, period.first + timedelta(days=more // 2)):
        (only,) = [n for n, bucket in enumerate(buckets) if bucket.since <= day < bucket.until]
        assert period.places()[f"{day:%Y-%m}"] == only


def test_a_year_is_counted_by_month_and_what_is_longer_by_quarter() -> None:
    assert (YEAR.step, len(YEAR.buckets)) == (Step.MONTH, 12)
    longer = Period(date(2025, 12, 1), YEAR.last)
    assert (longer.step, [each.name for each in longer.buckets][:2]) == (
        Step.QUARTER,
        ["2025 Q4", "2026 Q1"],
    )


def test_without_days_the_period_is_the_four_quarters_that_end_with_this_one() -> None:
    assert read_period("", "", TODAY) == YEAR == presets(TODAY)[0][1]
    assert read_period("2026-07-01", "", TODAY).last == YEAR.last
    assert read_period("", "2025-02-11", TODAY).first == date(2024, 4, 1)


@pytest.mark.parametrize(
    ("first", "last", "why"),
    [
        ("yesterday", "", "is no day"),
        ("2026-07-01", "2026-06-30", "comes after"),
        ("2000-01-01", "2026-06-30", "more than 10 years"),
        ("", "0001-01-01", "too far away"),
        ("9999-12-31", "9999-12-31", "too far away"),
    ],
)
def test_days_that_bound_no_period_are_refused_in_words(first: str, last: str, why: str) -> None:
    with pytest.raises(NoPeriod, match=why):
        read_period(first, last, TODAY)


# --- how often ------------------------------------------------------------------------------------


def test_incidents_are_counted_where_they_were_opened_and_unknown_ones_are_said() -> None:
    found = [Opened("2026-01", "sev1", "SEV1", 2), Opened("2026-03", "", "", 1)]
    figure = figures.frequency(Group.SEVERITY, YEAR, found, TODAY)
    assert list(figure.head) == ["Month", "all", "SEV1", "not known"]
    assert [[cell.value for cell in row] for row in figure.rows[:3]] == [
        ["2026-01", 2, 2, 0],
        ["2026-02", 0, 0, 0],
        ["2026-03", 1, 0, 1],
    ]
    assert "Of 1 of 3 the severity is not known." in figure.notes
    assert "2026-12 is not over yet." in figure.notes


def test_the_rarer_services_share_a_row_and_none_is_lost() -> None:
    found = [Opened("2026-01", f"s{n}", f"S{n}", 20 - n) for n in range(12)]
    figure = figures.frequency(Group.SERVICE, YEAR, found, TODAY)
    assert list(figure.head[1:3]) == ["all", "S0"]
    assert figure.head[-1] == "4 other services"
    counts = [cell.value for cell in figure.rows[0][1:]]
    assert counts[0] == sum(int(value or 0) for value in counts[1:]) == sum(range(9, 21))


@pytest.mark.parametrize("group", Group)
def test_where_nothing_happened_the_figure_is_empty_and_one_incident_is_no_distribution(
    group: Group,
) -> None:
    assert figures.frequency(group, YEAR, [], TODAY).empty
    one = figures.frequency(group, YEAR, [Opened("2026-05", "a", "a", 1)], TODAY)
    assert not one.empty
    assert any("only one incident" in note for note in one.notes)


# --- how long -------------------------------------------------------------------------------------


def taken(*seconds: int | None, month: int = 3) -> list[Lengths]:
    known = [each for each in seconds if each is not None]
    return [Lengths(f"2026-{month:02}", len(seconds), known)]


def drawn(length: Length, *seconds: int | None) -> Figure:
    found = taken(*seconds)
    each = [
        Measured("2026-03-05T10:00:00.000000Z", value, f"i{n}", f"INC-{n}")
        for n, value in enumerate(seconds, 1)
        if value is not None
    ]
    return lengths.lengths(length, YEAR, found, each if lengths.alone(found) else (), TODAY)


def test_each_incident_is_a_dot_and_what_is_not_known_is_said_and_no_zero() -> None:
    figure = drawn(Length.RESOLVE, 60, 3600, None, 7200)
    (picture,) = figure.pictures
    assert isinstance(picture, Dots)
    assert [(dot.y, dot.incident) for dot in picture.dots] == [
        (60, "i1"),
        (3600, "i2"),
        (7200, "i4"),
    ]
    assert picture.dots[0].words == "INC-1, opened 2026-03-05: 1 min"
    assert [each.incident for each in figure.each] == ["i4", "i2", "i1"]
    assert [(mark.median, mark.p90) for mark in picture.marks] == [(3600, 6480)]
    assert "Known of 3 of 4 incidents; the others are not in the figure." in figure.notes
    march, everything = figure.rows[2], figure.rows[-1]
    assert [cell.value for cell in march] == ["2026-03", 4, 3, 3600, 6480, 7200]
    assert [cell.value for cell in everything][1:] == [cell.value for cell in march][1:]
    assert [cell.shown for cell in figure.rows[0]][3:] == ["not known"] * 3


@given(st.lists(st.integers(0, 10**8), min_size=lengths.MOST_DOTS + 1, max_size=700))
def test_too_many_are_binned_none_is_lost_and_that_is_said(seconds: list[int]) -> None:
    figure = drawn(Length.DETECT, *seconds)
    (picture,) = figure.pictures
    assert isinstance(picture, Dots)
    assert sum(dot.count for dot in picture.dots) == len(seconds)
    assert max(dot.count for dot in picture.dots) == picture.most
    assert any("too many for a dot each" in note for note in figure.notes)


def test_one_incident_is_said_to_be_no_distribution() -> None:
    figure = drawn(Length.MITIGATE, 60)
    assert "It is one incident only: it is no distribution." in figure.notes
    assert drawn(Length.MITIGATE, None).empty


# --- action items, audits, verdicts ---------------------------------------------------------------


def test_given_up_and_still_to_come_do_not_count_against_what_was_done_by_its_day() -> None:
    found = [Due("2026-01", "payments", in_time=3, later=1, open_late=2, ahead=5, given_up=4)]
    figure = figures.actions(Owners.TEAM, [*found, replace(found[0], month="2026-02")], 2)
    (row,) = figure.rows
    assert [cell.value for cell in row] == ["payments", 30, 6, 0, 0, 2, 4, 10, 8, 50.0]
    assert row[-1].shown == "50 % (6 of 12)"
    assert "2 action items are open without a due date, and in no row here." in figure.notes


def test_audits_and_verdicts_are_shown_by_month_with_what_is_in_doubt() -> None:
    asked = figures.audits(YEAR, [Asked("2026-02", in_time=1, late=1, open_late=1, ahead=1)])
    assert [cell.value for cell in asked.rows[1]] == ["2026-02", 4, 1, 1, 1, 1, 0, 33.3]
    judged = figures.verdicts(YEAR, [Judged("2026-02", 2, 1, 1, suspect=1)], TODAY)
    assert [cell.value for cell in judged.rows[1]] == ["2026-02", 4, 2, 1, 1, 1, 50.0]
    assert judged.rows[0][-1].shown == "—"


def test_the_share_that_came_back_is_of_the_incidents_of_that_month() -> None:
    found = [Opened("2026-02", "", "", 4, again=1), Opened("2026-04", "", "", 2)]
    figure = figures.recurrence(YEAR, found, TODAY)
    assert [row[-1].shown for row in figure.rows[:4]] == ["—", "25 % (1 of 4)", "—", "0 % (0 of 2)"]


def test_leading_stands_beside_lagging() -> None:
    due = [Due("2026-01", "", in_time=1, open_late=1, preventive=1, proven=1)]
    found = (due, [Asked("2026-01", in_time=1)], [Opened("2026-01", "", "", 3, 1)])
    figure = indicators.indicators(YEAR, (*found, taken(60, 120, None, month=1)), TODAY)
    assert [cell.value for cell in figure.rows[0]] == ["2026-01", 50, 100, 50, 100, 3, 90, 33.3]
    leading, lagging = figure.pictures
    assert isinstance(leading, Columns)
    assert isinstance(lagging, Columns)
    assert (len(leading.lines), len(lagging.lines)) == (4, 3)


# --- what the store counts ------------------------------------------------------------------------


def test_incidents_are_counted_by_month_group_and_recurrence(store: Store) -> None:
    keep(store, "a", severity="SEV-1", severity_words="sev1")
    keep(
        store,
        "b",
        severity="sev1",
        severity_words="sev1",
        recurrence_of="a",
        to_mitigate=None,
    )
    keep(store, "c", opened=datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
    keep(store, "d", opened=None)
    with store.read() as tx:
        whole = tx.figures.opened(Scope(YEAR, EVERYTHING))
        assert sorted((each.month, each.count, each.again) for each in whole) == [
            ("2026-11", 1, 0),
            ("2026-12", 2, 1),
        ]
        (one,) = tx.figures.opened(Scope(DECEMBER, EVERYTHING), Group.SEVERITY)
        assert (one.words, one.said, one.count) == ("sev1", "SEV-1", 2)
        assert [
            each.opened[:10]
            for each in tx.figures.measured(Scope(YEAR, EVERYTHING), Length.RESOLVE)
        ] == [
            "2026-11-30",
            "2026-12-07",
            "2026-12-07",
        ]
        assert tx.figures.lengths(Scope(YEAR, EVERYTHING), Length.RESOLVE) == [
            Lengths("2026-11", 1, [60]),
            Lengths("2026-12", 2, [60, 60]),
        ]
        assert tx.figures.lengths(Scope(DECEMBER, EVERYTHING), Length.MITIGATE) == [
            Lengths("2026-12", 2, [0])
        ]


def test_action_items_are_counted_by_how_late_they_were(store: Store) -> None:
    ends = {n: NOON + timedelta(days=late) for n, late in enumerate((-3, 0, 1, 7, 8, 30, 31), 1)}
    items = [item(n, done_at=at, proven=n != 1) for n, at in ends.items()]
    items += [item(8, open=True, done_at=None, due=TODAY - timedelta(days=1))]
    items += [item(9, open=True, done_at=None), item(10, done_at=None)]
    items += [item(11, open=True, done_at=None, due=None)]
    keep(store, "a", *items)
    with store.read() as tx:
        scope = Scope(YEAR, EVERYTHING)
        (found,) = tx.figures.due(scope, Owners.KIND)
        assert found == Due("2026-12", "preventive", 2, 2, 2, 1, 1, 1, 1, 10, 6, 1)
        assert tx.figures.undated(scope) == 1


def test_audits_are_counted_where_they_are_due_and_verdicts_where_they_were_given(
    store: Store,
) -> None:
    given = {"asks": False, "verdict": "effective"}
    audits = (
        audit(1, at=NOON, **given),
        audit(2, at=NOON + timedelta(days=1), suspect="it came back", **given),
        audit(3),
        audit(4, due=TODAY - timedelta(days=1)),
        audit(5, asks=False),
        audit(6, due=None),
    )
    keep(store, "a", audits=audits)
    with store.read() as tx:
        scope = Scope(YEAR, EVERYTHING)
        assert tx.figures.asked(scope) == [Asked("2026-12", 1, 1, 1, 1, 1)]
        assert tx.figures.judged(scope) == [Judged("2026-12", 2, 0, 0, 1)]


def counted(store: Store, scope: Scope) -> tuple[int, ...]:
    """How many of each there are in all."""
    with store.read() as tx:
        known = tx.figures
        return (
            sum(each.count for each in known.opened(scope)),
            sum(each.count for each in known.opened(scope, Group.SERVICE)),
            sum(each.incidents for each in known.lengths(scope, Length.RESOLVE)),
            len(known.measured(scope, Length.RESOLVE)),
            sum(each.total for each in known.due(scope)),
            sum(each.total for each in known.due(scope, Owners.TEAM)),
            known.undated(scope),
            sum(each.total for each in known.asked(scope)),
            sum(each.effective for each in known.judged(scope)),
            len(known.teams(scope)),
        )


def test_what_somebody_may_not_see_is_not_counted_anywhere(store: Store) -> None:
    items = (item(1), item(2, open=True, done_at=None, due=None))
    audits = (audit(1, asks=False, verdict="effective", at=NOON),)
    keep(store, "a", *items, audits=audits)
    keep(store, "b", *items, audits=audits, team="search")
    keep(store, "c", *items, audits=audits, restricted=True)
    assert counted(store, Scope(YEAR, EVERYTHING)) == (3, 3, 3, 3, 3, 3, 3, 3, 3, 2)
    assert counted(store, Scope(YEAR, Sight(None))) == (2, 2, 2, 2, 2, 2, 2, 2, 2, 2)
    assert counted(store, Scope(YEAR, Sight(frozenset({"search"})))) == (1,) * 10
    assert counted(store, Scope(YEAR, NOTHING)) == (0,) * 10
    # What is asked for narrows what may be seen, and opens nothing.
    theirs = Sight(frozenset({"search"}))
    assert counted(store, Scope(YEAR, theirs, team="payments"))[:9] == (0,) * 9


def test_a_service_and_a_team_narrow_each_figure(store: Store) -> None:
    items = (item(1), item(2, open=True, done_at=None, due=None))
    audits = (audit(1, asks=False, verdict="effective", at=NOON),)
    keep(store, "a", *items, audits=audits)
    other = tuple(replace(each, service_words="cart") for each in items)
    keep(store, "b", *other, audits=audits, service="Cart", service_words="cart")
    assert counted(store, Scope(YEAR, EVERYTHING, service="Cart")) == (1,) * 10
    assert counted(store, Scope(YEAR, EVERYTHING, team="payments"))[:9] == (2,) * 9
    assert counted(store, Scope(YEAR, EVERYTHING, team="nobody"))[:9] == (0,) * 9
