"""What is kept of an incident to count and to search: made of it alone, and never out of step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from builders import NOON, task_ref
from core.test_audits import DAY, incident, measure, opened
from core.test_recurrence import LIST, TABLE, judged, with_text
from core.test_rules_audits import RIGHT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from in_force import payloads
from sqlalchemy import Engine, create_engine, text

from config.rules import RulesError, load
from service.learning import LEARNING_JOB, LearningAnew
from service.store import Store
from service.store.words_postgresql import vector
from workflows.counts import Scope
from workflows.learning_rules import LearningRules
from workflows.model import DocumentStatus, Incident, Kind
from workflows.moments import Moments
from workflows.pairs import Recurrence
from workflows.periods import Period
from workflows.policy import Policy
from workflows.projection import Label, Part, What, project
from workflows.proven import Evidence, Proof, Waiver
from workflows.sight import Sight
from workflows.snapshots import Progress
from workflows.versions import Publication, Version


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'store.db'}", lambda: NOON)
    opened.migrate()
    yield opened
    opened.close()


def saved(store: Store, *incidents: Incident) -> None:
    with store.write() as tx:
        for each in incidents:
            tx.incidents.save(each, "policy-1")


def broken(store: Store) -> str:
    """What is wrong with the index, held against the rows that it was made of.

    https://sqlite.org/fts5.html#the_integrity_check_command
    """
    engine = create_engine(store.url)
    if engine.dialect.name == "postgresql":
        return broken_in_postgresql(engine)
    try:
        with engine.begin() as connection:
            check = "INSERT INTO found (found, rank) VALUES ('integrity-check', 1)"
            connection.execute(text(check))
    except Exception as error:  # noqa: BLE001 - the driver's own
        return str(error)
    finally:
        engine.dispose()
    return ""


def broken_in_postgresql(engine: Engine) -> str:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT place, CAST(words AS text) FROM found"))
        found = {row.place: row.words for row in rows}
        places = connection.scalars(text("SELECT place FROM facts")).all()
        as_it_should = text("SELECT CAST(CAST(:words AS tsvector) AS text)")
        wanted = {
            place: connection.scalar(as_it_should, {"words": vector(connection, place)})
            for place in places
        }
    engine.dispose()
    return "" if found == wanted else f"{found} and not {wanted}"


# --- what is kept -----------------------------------------------------------------------------


def test_a_length_is_in_seconds_and_unknown_where_a_moment_is_missing() -> None:
    at = Moments(NOON, None, NOON, NOON + timedelta(minutes=4), None, NOON + timedelta(hours=1))
    facts = project(replace(incident(), moments=at), {}).facts
    lengths = (facts.to_detect, facts.to_acknowledge, facts.to_mitigate, facts.to_resolve)
    assert lengths == (None, 240, None, 3600)
    assert (facts.opened, facts.quarter) == (NOON, "2026Q4")


def test_factors_and_tags_are_counted_under_one_name_and_shown_as_they_were_written() -> None:
    known = with_text(*TABLE, tags=("factor:slow disk", "tag:conn pool"))
    assert project(known, {"conn pool": "connection pool"}).labels == (
        Label(What.FACTOR, "nobody told", "Nobody told"),
        Label(What.FACTOR, "slow disk", "Slow disk"),
        Label(What.TAG, "connection pool", "conn pool"),
    )


def test_of_a_document_that_was_declined_nothing_is_kept() -> None:
    known = with_text(*LIST)
    assert known.postmortem is not None
    declined = replace(known.postmortem, status=DocumentStatus.DECLINED)
    made = project(replace(known, postmortem=declined), {})
    assert made.labels == ()
    assert [each.part for each in made.passages] == [Part.INCIDENT]
    assert made.facts.document == "declined"


def test_a_section_is_kept_whole_but_for_the_marks_of_our_regions() -> None:
    known = incident()
    assert known.postmortem is not None
    said = "Intro\n\n## Impact\n\n```\npaging 4711\n```\n> quoted\n"
    ours = "<!-- followthrough:begin facts -->\nrow\n<!-- followthrough:end facts -->\n"
    postmortem = replace(known.postmortem, text=f"{said}## Facts\n{ours}")
    made = project(replace(known, postmortem=postmortem), {})
    sections = [each for each in made.passages if each.part is Part.SECTION]
    assert [(each.title, each.words) for each in sections] == [
        ("", "Intro"),
        ("Impact", "```\npaging 4711\n```\n> quoted"),
        ("Facts", "row"),
    ]


def test_a_measure_says_whether_it_is_open_proven_waived_and_what_was_judged() -> None:
    done = Proof(Progress.DONE, 1, NOON, evidence=(Evidence("https://e", "a comment", "", NOON),))
    waiver = Waiver("it goes away", "Kim Ito", NOON, date(2027, 6, 30), "a comment")
    waived = Proof(Progress.WONT_DO, 1, NOON, waiver=waiver)
    items = [
        replace(measure(), status="done", proof=done),
        replace(measure(), number=2, status="won't do", proof=waived, done_at=None),
        replace(measure(), number=3, status="in progress", done_at=None, task=task_ref(3)),
    ]
    made = project(incident(*items), {}).measures
    assert [each.open for each in made] == [False, False, True]
    assert [each.proven for each in made] == [True, None, None]
    assert [each.waived_until for each in made] == [None, date(2027, 6, 30), None]
    judgement = project(judged(), {})
    assert judgement.measures[0].verdict == "effective"
    assert [each.standing for each in judgement.audits] == ["effective", "planned"]
    assert [each.asks for each in judgement.audits] == [False, True]


def test_the_incident_that_it_may_be_again_is_the_one_that_was_found_first() -> None:
    ref = task_ref(1)
    pairs = (
        Recurrence("later", ref, False, NOON, NOON),
        Recurrence("second", ref, True, NOON, NOON + DAY),
        Recurrence("first", ref, True, NOON, NOON),
        Recurrence("not any more", ref, True, NOON, NOON - DAY, withdrawn=True),
    )
    assert project(incident(recurrences=pairs), {}).facts.recurrence_of == "first"


# --- kept with the incident -------------------------------------------------------------------


def test_what_is_kept_is_what_the_incident_comes_to(store: Store) -> None:
    known = replace(judged(), service="Checkout", opened=NOON, tags=("tag:dns",))
    saved(store, known)
    with store.read() as tx:
        assert tx.learning.kept(known.id) == project(known, {})


def test_nothing_is_written_where_nothing_differs(store: Store) -> None:
    known = opened()
    saved(store, known)
    with store.write() as tx:
        assert not tx.learning.learn(known)
        assert not tx.learning.learn(replace(known, comment_id="c7"))
        assert tx.learning.learn(replace(known, title="Checkout answers 502"))


def test_when_it_was_published_is_known_from_its_first_version(store: Store) -> None:
    known = incident()
    saved(store, known)
    with store.write() as tx:
        for number in (1, 2):
            publication = Publication(f"text {number}", NOON + number * DAY)
            tx.versions.add(known.id, Version(number, publication, f"d{number}"))
        tx.incidents.save(known, "policy-1")
        kept = tx.learning.kept(known.id)
    assert kept is not None
    assert kept.facts.published == NOON + DAY


def test_what_was_never_kept_is_made_when_a_worker_starts(store: Store) -> None:
    known = [replace(incident(), id=f"i{n}", ticket=replace(task_ref(n))) for n in range(120)]
    saved(store, *known)
    with store.write() as tx:
        for each in known[:60]:
            tx.learning.forget(each.id)
        assert len(tx.learning.unlearnt(100)) == 60
    runs(store, {})
    with store.read() as tx:
        assert tx.learning.unlearnt(100) == []
        assert all(tx.learning.kept(each.id) == project(each, {}) for each in known)
    assert broken(store) == ""


def runs(store: Store, synonyms: dict[str, str]) -> None:
    """The job as a worker runs it at its start, under rules with these synonyms."""
    rules = Policy({}, {}, (), {}, "", learning=LearningRules(synonyms))
    anew = LearningAnew(store, rules)
    anew.start()
    with store.write() as tx:
        job = tx.jobs.get(LEARNING_JOB, "all")
        assert job is not None
        claimed = tx.jobs.claim(job.id, timedelta(minutes=5))
    assert claimed is not None
    anew.run(claimed)
    with store.write() as tx:
        tx.jobs.forget(LEARNING_JOB, "all")


def test_other_synonyms_count_for_all_from_the_next_start_on(store: Store) -> None:
    known = with_text(*LIST)
    saved(store, known)
    for synonyms, name in [
        ({"slow disk": "storage"}, "storage"),
        ({"slow disk": "latency", "x": "y"}, "latency"),
        ({}, "slow disk"),
    ]:
        runs(store, synonyms)
        with store.read() as tx:
            kept = tx.learning.kept(known.id)
        assert kept is not None
        assert [each.name for each in kept.labels] == sorted(["nobody told", name])
        assert kept == project(known, synonyms)
        assert broken(store) == ""


WORDS = st.sampled_from(["disk", "Pool", "größe", "", "a*b", '"', "m0", "## x", *payloads()[:40]])
TEXTS = st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=8).map("\n".join)).map(
    lambda said: said.replace("\0", "�")  # PostgreSQL keeps no NUL
)


@given(saves=st.lists(st.tuples(st.integers(0, 2), TEXTS, TEXTS, st.integers(0, 3)), max_size=6))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_index_is_never_out_of_step_whatever_is_saved(
    store: Store, saves: list[tuple[int, str, str, int]]
) -> None:
    for n, title, body, days in saves:
        known = with_text(body, service=title)
        ticket = replace(known.ticket, id=str(n))
        known = replace(known, id=f"i{n}", ticket=ticket, title=title, opened=NOON + days * DAY)
        saved(store, known)
        with store.read() as tx:
            assert tx.learning.kept(known.id) == project(known, {})
    assert broken(store) == ""


# --- the rules --------------------------------------------------------------------------------


def synonyms(tmp_path: Path, said: str) -> dict[str, str]:
    file = tmp_path / "rules.yaml"
    rules = RIGHT.replace("    audits: AUDITS\n", "")
    file.write_text(f"{rules}learning:\n  synonyms: {said}\n")
    return dict(load(file, {"TOKEN": "t"}).policy.learning.synonyms)


def test_synonyms_are_read_in_normal_words(tmp_path: Path) -> None:
    said = "{Conn-Pool: Connection pool, TLS cert: certificate}"
    expected = {"conn pool": "connection pool", "tls cert": "certificate"}
    assert synonyms(tmp_path, said) == expected


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{conn pool: '…'}", "has no word in it"),
        ("{conn pool: a, Conn-Pool: b}", "says the same as “conn pool”"),
        ("{conn pool: Conn-Pool}", "stands for itself"),
        ("{a: b, b: c}", "stands for “b”, which stands for another word itself"),
    ],
)
def test_synonyms_that_can_mean_nothing_are_refused(tmp_path: Path, said: str, told: str) -> None:
    with pytest.raises(RulesError, match=told):
        synonyms(tmp_path, said)


def test_kinds_are_those_of_its_measures_each_once() -> None:
    items = [measure(), replace(measure(), number=2), replace(measure(), number=3)]
    items[2] = replace(items[2], kind=Kind.DETECTIVE)
    assert project(incident(*items), {}).kinds == ("detective", "preventive")


@pytest.mark.parametrize("word", ["支払いが止まる ", "🜁🜂🜃🜄a"])
def test_however_long_a_name_is_its_incident_is_kept_and_found_by_it(
    store: Store, word: str
) -> None:
    """PostgreSQL refuses rows of an index that are too long."""
    long = word * 900
    known = replace(judged(), opened=NOON, service=long, severity=long, tags=(f"tag:{long}",))
    saved(store, known)
    ever = Period(date(2020, 1, 1), date(2030, 1, 1))
    with store.read() as tx:
        (found,) = tx.figures.opened(Scope(ever, Sight(None, True), service=long))
    assert found.count == 1
