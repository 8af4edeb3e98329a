"""Which incidents are proposed as related, why, and to whom; and what a dismissal does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import NOON
from core.test_recurrence import FOUND, TABLE, heard, judged, with_text
from taught import measure, named, saved, verdict

from service.recurrences import compare
from service.related import NotDismissable, dismiss, related, take_back
from service.store import Store
from workflows.documents import marked
from workflows.model import Incident
from workflows.related import Known, Related, with_proposals
from workflows.rungs import Verdict
from workflows.sight import EVERYTHING, NOTHING, Sight

DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'store.db'}", lambda: NOON)
    opened.migrate()
    yield opened
    opened.close()


def found(store: Store, of: Incident, sight: Sight = EVERYTHING) -> dict[str, str]:
    with store.read() as tx:
        return {each.known.id: each.why for each in related(tx, of, sight)}


def others(store: Store, count: int = 12, **values: Any) -> None:
    """Incidents that have nothing to do with anything."""
    for n in range(count):
        values = {"title": f"Elsewhere {n}", "service": f"other {n}", **values}
        saved(store, named(f"i9{n}", opened=NOON - 90 * DAY, **values))


# --- why ------------------------------------------------------------------------------------------


def test_the_same_service_and_a_shared_factor_come_first(store: Store) -> None:
    own = named("i1", "slow disk", "no alert")
    saved(store, own, named("i2", "slow disk"), named("i3", "slow disk", "no alert"))
    assert found(store, own) == {
        "i3": "same service checkout; both name the factor “no alert”, “slow disk”",
        "i2": "same service checkout; both name the factor “slow disk”",
    }
    assert list(found(store, own)) == ["i3", "i2"]


def test_a_rare_tag_counts_across_services_and_a_common_one_does_not(store: Store) -> None:
    own = named("i1", tags=("tag:deploy", "tag:leap second"))
    saved(store, own, named("i2", service="ledger", tags=("tag:leap second",)))
    others(store, 25, tags=("tag:deploy",))
    assert found(store, own) == {"i2": "both have the tag “leap second”"}


def test_rare_words_in_common_are_named_and_words_that_many_have_are_not(store: Store) -> None:
    own = named("i1", title="Pgbouncer exhausted by the nightly backfill of customers")
    other = named("i2", title="Backfill left pgbouncer without customers", service="ledger")
    saved(store, own, other)
    others(store, title="Some customers waited")
    assert found(store, own) == {"i2": "similar words: backfill, pgbouncer"}


def test_one_rare_word_is_enough_only_in_the_same_service(store: Store) -> None:
    own = named("i1", title="Pgbouncer exhausted")
    saved(store, own, named("i2", title="Pgbouncer again"))
    saved(store, named("i3", title="Pgbouncer elsewhere", service="ledger"))
    others(store)
    assert found(store, own) == {"i2": "same service checkout; similar words: pgbouncer"}


def test_the_same_measure_that_failed_before_is_told(store: Store) -> None:
    failed: dict[str, Any] = {
        "actions": (measure(title="Alert on depth"),),
        "audits": (verdict(Verdict.NOT_EFFECTIVE, NOON),),
    }
    own = named("i1", actions=(measure(title="**Alert** on depth."),))
    saved(store, own, named("i2", title="Elsewhere", **failed))
    others(store)
    told = found(store, own)["i2"]
    assert "the same measure failed or is in doubt there: “Alert on depth”" in told


def test_nothing_is_proposed_because_of_the_same_service_alone(store: Store) -> None:
    own = named("i1", title="Queue full")
    saved(store, own, named("i2", title="Certificate expired"))
    others(store)
    assert found(store, own) == {}


def test_what_may_not_be_seen_is_neither_proposed_nor_counted(store: Store) -> None:
    own = named("i1", "slow disk", title="Pgbouncer exhausted backfill")
    alike: dict[str, Any] = {"title": "Pgbouncer exhausted backfill"}
    saved(store, own, named("i2", "slow disk", restricted=True, **alike))
    saved(store, named("i3", "slow disk", team="search", **alike))
    assert set(found(store, own)) == {"i2", "i3"}
    assert set(found(store, own, Sight(None))) == {"i3"}
    assert set(found(store, own, Sight(frozenset({"payments"})))) == set()
    assert found(store, own, NOTHING) == {}
    with store.read() as tx:
        assert not tx.related.may_see("i2", Sight(None))
        assert tx.related.may_see("i3", Sight(None))


@pytest.mark.parametrize(
    "hostile", ['" OR found', "NEAR(a b)", "marks : mr", "a* ^b -c {d}", "ﬀ ß İ"]
)
def test_whatever_a_title_says_is_no_question_to_the_index(store: Store, hostile: str) -> None:
    own = named("i1", hostile, title=hostile, service=hostile, team=hostile)
    saved(store, own, named("i2", hostile, title=hostile, service=hostile, team=hostile))
    assert "i2" in found(store, own, Sight(frozenset({hostile})))


# --- dismissed ------------------------------------------------------------------------------------


def dismissed(store: Store, one: Incident, other: str, why: str = "another disk") -> str:
    with store.write() as tx:
        record = tx.incidents.get(one.id)
        assert record is not None
        return dismiss(tx, record, other, by="Kim Ito (web page)", why=why)


def test_what_was_dismissed_comes_no_more_in_either_direction(store: Store) -> None:
    one, other = named("i1", "slow disk"), named("i2", "slow disk")
    saved(store, one, other)
    assert "neither is proposed" in dismissed(store, one, "i2")
    assert found(store, one) == found(store, other) == {}
    assert "said before" in dismissed(store, other, "i1", "again")
    with store.read() as tx:
        (said,) = tx.dismissals.of_incident("i2").values()
    assert (said.by, said.at, said.why) == ("Kim Ito (web page)", NOON, "another disk")


@pytest.mark.parametrize(
    ("other", "why"), [("i2", " "), ("i2", "x" * 501), ("i1", "because"), ("nobody", "because")]
)
def test_a_dismissal_needs_another_incident_and_a_reason(
    store: Store, other: str, why: str
) -> None:
    one = named("i1", "slow disk")
    saved(store, one, named("i2", "slow disk"))
    with pytest.raises(NotDismissable):
        dismissed(store, one, other, why)
    with store.read() as tx:
        assert tx.dismissals.of_incident("i1") == {}


def test_a_recurrence_that_is_dismissed_is_withdrawn_and_does_not_come_back(store: Store) -> None:
    one = replace(with_text(*TABLE), service="checkout", opened=NOON)
    other = replace(one, id="other99999", ticket=replace(one.ticket, id="I_99", key="acme/ops#99"))
    with store.write() as tx:
        for each in (one, other):
            tx.incidents.save(each, "policy-1")
            compare(tx, each)
        (pair,) = tx.recurrences.of_incident(one.id)
        assert pair.shared
    assert "recurrence no more" in dismissed(store, one, other.id)
    with store.write() as tx:
        compare(tx, other)
        (pair,) = tx.recurrences.of_incident(one.id)
        assert pair.shared == ()


def test_two_that_were_dismissed_before_are_never_found_to_recur(store: Store) -> None:
    one = replace(with_text(*TABLE), service="checkout", opened=NOON)
    other = replace(one, id="other99999", ticket=replace(one.ticket, id="I_99", key="acme/ops#99"))
    saved(store, one, other)
    dismissed(store, one, other.id)
    with store.write() as tx:
        for each in (one, other):
            compare(tx, each)
        assert tx.recurrences.of_incident(one.id) == []


def test_a_dismissal_that_is_taken_back_lets_them_recur_also_where_they_never_did(
    store: Store,
) -> None:
    one = replace(with_text(*TABLE), service="checkout", opened=NOON)
    other = replace(one, id="other99999", ticket=replace(one.ticket, id="I_99", key="acme/ops#99"))
    saved(store, one, other)
    dismissed(store, one, other.id)
    with store.write() as tx:
        for each in (one, other):
            compare(tx, each)
        assert tx.recurrences.of_incident(one.id) == []
        record = tx.incidents.get(other.id)
        assert record is not None
        take_back(tx, record, one.id)
        [pair] = tx.recurrences.of_incident(one.id)
        assert pair.shared
        with pytest.raises(NotDismissable):
            take_back(tx, record, one.id)


def test_a_verdict_is_not_suspect_any_more_once_the_recurrence_was_dismissed() -> None:
    doubted = heard(judged())
    assert doubted.audits[0].suspect
    (pair,) = doubted.recurrences
    gone = replace(pair, withdrawn=True, dismissed="Kim Ito (web page)", notes=())
    settled = heard(doubted, gone)
    assert settled.audits[0].suspect == ""
    notes = settled.recurrences[0].notes
    assert "has nothing to do with acme/ops#99, says Kim Ito (web page)" in notes
    assert pair.found + DAY >= FOUND


# --- in a new postmortem --------------------------------------------------------------------------


def test_a_new_postmortem_names_them_below_the_region_as_text() -> None:
    known = Known("i2", "INC-7", "https://j.example/INC-7", "", "", "", "", NOON, False)
    why = "similar words: @kim, <b>"
    text = f"# P\n\n{marked('recurrence', 'none')}\n\n## Next\n"
    done = with_proposals(text, [Related(known, why)])
    assert done.startswith(f"# P\n\n{marked('recurrence', 'none')}\n\nProposed when")
    assert "- perhaps related: [INC-7](https://j.example/INC-7) (similar words: " in done
    assert "@kim" not in done
    assert "<b>" not in done
    assert done.endswith("\n\n## Next\n")
    assert with_proposals(text, []) == text
    assert with_proposals("# P\n", [Related(known, why)]) == "# P\n"
