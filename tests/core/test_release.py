"""What one should know of a service before it is released, and what stops the release."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from quarter import NOW, TODAY, Kept, asks, done, item, on, postmortem, verdict

from service.store import Store
from workflows.effects import Check
from workflows.model import Kind
from workflows.release import (
    MOST,
    USUAL,
    About,
    Fail,
    Release,
    as_data,
    as_lines,
    findings,
    status,
    stops,
)
from workflows.rungs import Verdict
from workflows.sight import NOTHING, Sight

LATE, SOON = date(2026, 12, 1), date(2027, 1, 10)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}", lambda: NOW)
    store.migrate()
    yield Kept(store)
    store.close()


ALL = Sight(None)


def of(kept: Kept, service: str = "checkout", sight: Sight = ALL) -> Release | None:
    with kept.store.read() as tx:
        return tx.releases.of(service, TODAY, sight)


def known(kept: Kept) -> Release:
    found = of(kept)
    assert found is not None
    return found


def told(found: Release) -> list[tuple[About, str]]:
    return [(each.about, each.words.partition(" “")[0]) for each in findings(found)]


def everything(kept: Kept) -> Release:
    """One of each."""
    kept.incident(1, item(due=LATE), item(2, due=SOON), postmortem=postmortem("Slow disk"))
    kept.incident(
        2,
        done(),
        audits=(verdict(1, Verdict.EFFECTIVE, suspect="INC-3 has the same factor"),),
        postmortem=postmortem("Slow disk", "Nobody told"),
        opened=on(11, 9),
    )
    kept.incident(3, done(), audits=(asks(1, LATE),), postmortem=postmortem("Slow disk"))
    return known(kept)


def test_each_kind_of_thing_to_know_is_told_with_where_it_leads_and_why(kept: Kept) -> None:
    found = everything(kept)
    assert told(found) == [
        (About.FACTOR, "slow disk"),
        (About.FACTOR, "nobody told"),
        (About.LATE, "AI-1 of INC-1"),
        (About.OPEN, "AI-2 of INC-1"),
        (About.SUSPECT, "AI-1 of INC-2"),
        (About.OVERDUE, "AI-1 of INC-3"),
    ]
    why = [each.why for each in findings(found)]
    assert why[0] == "came 3 times, last on 2026-11-09 in INC-2"
    assert why[2].startswith("due 2026-12-01, 19 days ago, owned by nobody:")
    assert why[4] == "judged effective, and in doubt: INC-3 has the same factor"
    assert why[5].startswith("to be judged by 2026-12-01, asked of Noor Aziz:")
    assert all(each.url for each in findings(found))


@pytest.mark.parametrize(
    ("fail_on", "by"),
    [
        ([Fail.LATE], {About.LATE: 1}),
        ([Fail.OPEN], {About.LATE: 1, About.OPEN: 1}),  # what is late is open too
        ([Fail.SUSPECT], {About.SUSPECT: 1}),
        ([Fail.OVERDUE], {About.OVERDUE: 1}),
        (USUAL, {About.LATE: 1, About.SUSPECT: 1}),
        ([], {}),
    ],
)
def test_a_release_is_stopped_by_what_one_asks_for_and_never_by_what_is_past(
    kept: Kept, fail_on: list[Fail], by: dict[About, int]
) -> None:
    found = everything(kept)
    assert stops(found, fail_on) == by
    assert as_data(found, fail_on)["clear"] is (not by)
    assert status(found, fail_on)[0] is (Check.FAILURE if by else Check.SUCCESS)


def test_corrective_measures_and_other_services_are_not_told(kept: Kept) -> None:
    kept.incident(1, item(due=LATE, kind=Kind.CORRECTIVE), done(2, due=LATE))
    kept.incident(2, item(due=LATE), service="search")
    assert told(known(kept)) == [(About.FACTOR, "slow disk")]
    assert status(known(kept), list(Fail)) == (Check.SUCCESS, "nothing is open or in doubt")


def test_the_service_is_found_however_it_is_written_and_told_as_incidents_name_it(
    kept: Kept,
) -> None:
    kept.incident(1, service="Check-Out API")
    found = of(kept, "check out api")
    assert found is not None
    assert found.service == "Check-Out API"


@pytest.mark.parametrize("service", ["search", "", "§"])
def test_a_service_without_incidents_is_unknown(kept: Kept, service: str) -> None:
    kept.incident(1)
    assert of(kept, service) is None


def test_what_somebody_may_not_see_is_neither_told_nor_counted(kept: Kept) -> None:
    kept.incident(1, item(due=LATE), restricted=True)
    assert of(kept) is None, "not even that the service is known"
    kept.incident(2, team="ads")
    found = known(kept)
    assert found.counts[About.LATE] == 0
    assert found.factors.rows[0].count == 1
    assert of(kept, sight=Sight(frozenset({"payments"}))) is None
    assert of(kept, sight=NOTHING) is None


def test_a_list_that_is_longer_says_how_long_it_is(kept: Kept) -> None:
    kept.incident(1, *(item(n, due=LATE) for n in range(1, MOST + 6)))
    found = known(kept)
    assert (len(found.late.rows), found.late.count) == (MOST, MOST + 5)
    check, words = status(found, USUAL)
    assert (check, words) == (Check.FAILURE, f"{MOST + 5} late preventive measures")
    assert list(as_lines(found, USUAL))[-1] == f"checkout: stopped: {words}"


def test_hostile_words_stay_in_their_line_and_a_status_is_short_enough(kept: Kept) -> None:
    kept.incident(1, item(title="a\nb\x1b[31m" * 99, due=LATE, owner="k\nm"), service="check\nout")
    found = of(kept, "check out")
    assert found is not None
    assert all("\n" not in line for line in as_lines(found, USUAL))
    assert len(status(found, list(Fail))[1]) <= 140
