"""What is found in incidents, in which order, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from builders import NOON, task_ref
from core.test_audits import DAY, incident, measure
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from in_force import payloads
from sqlalchemy import create_engine, text

from service.store import Store
from service.store.search import Found
from workflows.model import Incident, Kind, Phase
from workflows.projection import Part, What
from workflows.queries import parse
from workflows.sight import EVERYTHING, NOTHING, Sight


def known(n: int, title: str, text: str = "", **values: object) -> Incident:
    """The n-th incident, opened n days after noon."""
    base = incident(**values)
    assert base.postmortem is not None
    ticket = replace(base.ticket, id=f"I_{n}", key=f"acme/ops#{n}")
    said = replace(base.postmortem, text=f"# Postmortem\n\n{text}\n")
    opened = NOON + n * DAY
    return replace(base, id=f"i{n}", ticket=ticket, title=title, postmortem=said, opened=opened)


FACTORS = "## Contributing factors\n\n| Factor | Evidence |\n| --- | --- |\n| {} | g7 |"
CORPUS = (
    known(1, "Checkout answers 500", "## Impact\n\nThe disk was slow, and writes failed."),
    known(2, "Slow disk in the search cluster", "Reads took long.", service="search"),
    known(3, "Login fails", FACTORS.format("Slow disk"), tags=("tag:conn pool",)),
    known(4, "Payments late", "A vendor was slow; our disk was not.", severity="sev2"),
    known(5, "Payroll of Kim leaks", "the disk of a slow secret", restricted=True),
    replace(
        known(6, "Search empty", "Nothing of that."),
        team="search",
        service="search",
        actions=(replace(measure(), title="Alert on slow disk writes"),),
    ),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path_factory.mktemp('store') / 's.db'}", lambda: NOON)
    opened.migrate()
    with opened.write() as tx:
        tx.learning.set_synonyms({"conn pool": "connection pool"})
        for each in CORPUS:
            tx.incidents.save(each, "policy-1")
    yield opened
    opened.close()


def looked_for(store: Store, typed: str, sight: Sight = EVERYTHING, **values: int) -> Found:
    with store.read() as tx:
        return tx.search.find(parse(typed), sight, **values)


def ids(store: Store, typed: str, sight: Sight = EVERYTHING) -> list[str]:
    return [hit.id for hit in looked_for(store, typed, sight).hits]


def test_titles_and_factors_come_before_what_is_said_below(store: Store) -> None:
    found = ids(store, "slow disk")
    assert set(found[:2]) == {"i2", "i3"}
    assert set(found[2:]) == {"i1", "i4", "i5", "i6"}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ('"slow disk"', {"i2", "i3", "i6"}),
        ("disk vendor", {"i4"}),
        ("disk -vendor -title", {"i1", "i2", "i3", "i5", "i6"}),
        ("pay*", {"i4", "i5"}),
        ("slow service:search", {"i2", "i6"}),
        ("slow service:search service:nothing", {"i2", "i6"}),
        ("slow -service:search severity:sev-2", {"i4"}),
        ("tag:conn-pool", {"i3"}),
        ('tag:"connection pool"', {"i3"}),
        ('factor:"slow disk"', {"i3"}),
        ("kind:preventive", {"i6"}),
        ("kind:detective", set()),
        ("team:search", {"i6"}),
        ("opened:2026-12-09", {"i2"}),
        ("slow after:2026-12-11", {"i4", "i5", "i6"}),
        ("slow before:2026-12-09", {"i1"}),
        ("-slow", set()),
        ("-vendor team:payments", {"i1", "i2", "i3", "i5"}),
        ("checkout -writes", set()),
        ("search -reads", {"i6"}),
        ("-ma slow", {"i1", "i2", "i3", "i4", "i5", "i6"}),
        ("acme/ops#4", {"i4"}),
        ("slow disk printer", {"i1", "i2", "i3", "i4", "i5", "i6"}),
        ("vendor disk printer", {"i4"}),
        ("vendor printer -slow", set()),
        ("", set()),
        ("nowhere", set()),
    ],
)
def test_what_is_asked_for_is_found_and_nothing_else(
    store: Store, typed: str, expected: set[str]
) -> None:
    assert set(ids(store, typed)) == expected


MARKS = {
    "sqlite": "SELECT marks FROM searchable",
    "postgresql": "SELECT lexeme FROM found, unnest(words) WHERE 'C' = ANY (weights)",
}


def test_what_the_index_marks_incidents_with_are_no_words_to_look_for(store: Store) -> None:
    engine = create_engine(store.url)
    with engine.connect() as connection:
        rows = connection.execute(text(MARKS[engine.dialect.name])).scalars().all()
    engine.dispose()
    marks = {mark for row in rows for mark in row.split()}
    assert {mark[1] for mark in marks} == set("aortnsvgfk")
    for mark in marks:
        assert not ids(store, mark), mark
        assert not ids(store, f"{mark[:4]}*"), mark
        assert set(ids(store, f"slow -{mark}")) == set(ids(store, "slow")), mark


def test_it_is_said_where_none_has_all_the_words(store: Store) -> None:
    assert not looked_for(store, "slow disk").lacking
    assert looked_for(store, "slow disk printer").lacking
    assert not looked_for(store, "printer").lacking


def test_without_words_the_newest_come_first(store: Store) -> None:
    assert ids(store, "team:payments") == ["i5", "i4", "i3", "i2", "i1"]


def test_a_hit_shows_where_it_was_found(store: Store) -> None:
    by_id = {hit.id: hit for hit in looked_for(store, "slow disk").hits}
    assert by_id["i2"].title == (
        ("Slow", True),
        (" ", False),
        ("disk", True),
        (" in the search cluster", False),
    )
    assert by_id["i3"].labels == ((What.FACTOR, (("Slow", True), (" ", False), ("disk", True))),)
    (action,) = by_id["i6"].excerpts
    assert (action.part, action.title) == (Part.ACTION, "AI-1")
    (impact,) = by_id["i1"].excerpts
    assert impact.title == "Impact"


def test_hits_come_in_pages(store: Store) -> None:
    whole = ids(store, "slow disk")
    first, second = (looked_for(store, "slow disk", limit=4, skip=skip) for skip in (0, 4))
    assert [hit.id for hit in (*first.hits, *second.hits)] == whole
    assert (first.more, second.more) == (True, False)


# --- who may see what -------------------------------------------------------------------------


def test_what_somebody_may_not_see_is_not_found(store: Store) -> None:
    assert ids(store, "slow", NOTHING) == []
    assert set(ids(store, "slow", Sight(frozenset({"search"})))) == {"i6"}
    assert "i5" not in ids(store, "slow", Sight(None))
    assert set(ids(store, "slow", Sight(frozenset({"payments"}), restricted=True))) == {
        *("i1", "i2", "i3", "i4", "i5")
    }


@given(
    typed=st.lists(
        st.sampled_from(
            [
                "secret",
                "slow",
                "kim",
                "pay*",
                "-vendor",
                "team:payments",
                "opened:2026",
                "service:search",
                '"slow secret"',
                "tag:x",
                *payloads()[:30],
            ]
        ),
        max_size=5,
    ).map(" ".join)
)
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_query_tells_of_what_somebody_may_not_see(store: Store, typed: str) -> None:
    """Neither by a hit, nor by a word in one, nor by there being more."""
    sight = Sight(frozenset({"payments"}))
    found = looked_for(store, typed, sight, limit=1)
    allowed = [each for each in CORPUS if each.team == "payments" and not each.restricted]
    assert {hit.id for hit in found.hits} <= {each.id for each in allowed}
    every = looked_for(store, typed, sight, limit=100)
    assert found.more == (len(every.hits) > 1)
    assert "secret" not in str(every)


def test_an_incident_that_becomes_restricted_is_not_found_any_more(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 's.db'}", lambda: NOON)
    store.migrate()
    one = known(1, "Slow disk")
    for restricted in (False, True, False):
        with store.write() as tx:
            tx.incidents.save(replace(one, restricted=restricted), "policy-1")
        assert ids(store, "disk", Sight(None)) == ([] if restricted else ["i1"])
    store.close()


def test_an_incident_whose_ticket_is_gone_is_found_by_those_only_who_may_see_all(
    tmp_path: Path,
) -> None:
    store = Store(f"sqlite:///{tmp_path / 's.db'}", lambda: NOON)
    store.migrate()
    with store.write() as tx:
        tx.incidents.save(replace(known(1, "Slow disk"), phase=Phase.GONE), "policy-1")
    assert ids(store, "disk", Sight(None)) == []
    assert ids(store, "disk") == ["i1"]
    store.close()


def test_of_what_changed_the_new_words_are_found_and_the_old_are_not(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 's.db'}", lambda: NOON)
    store.migrate()
    item = replace(measure(), title="Cap the queue", kind=Kind.CORRECTIVE, task=task_ref(1))
    for each in (known(1, "Slow disk"), replace(known(1, "Full queue"), actions=(item,))):
        moved = replace(each, opened=NOON - timedelta(days=400))
        with store.write() as tx:
            tx.incidents.save(moved, "policy-1")
    assert ids(store, "disk") == []
    assert ids(store, "full cap kind:corrective before:2026") == ["i1"]
    store.close()
