"""Who facilitates, who writes: fair by count, and nobody who is away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import KIM, NOON, closed, policy, ticket
from hypothesis import given, settings
from hypothesis import strategies as st

from service.store import Store
from workflows.calendars import USUAL, Calendar
from workflows.events import TicketRead
from workflows.lifecycle import decide
from workflows.model import Incident, Phase
from workflows.people import Seen, with_seen
from workflows.policy import KnownPerson, Policy, Span, SpanUnit
from workflows.postmortem import regions
from workflows.triage import assign_roles

PEOPLE = ("Ada", "Ben", "Cleo", "Dan")
ROTA = {"facilitator": PEOPLE, "scribe": PEOPLE, "reviewer": PEOPLE}


def incident(id: str = "k3v9") -> Incident:
    return Incident(id, "payments", ticket().ref, "Down", Phase.CLOSED)


def decided(rules: Policy, id: str = "k3v9", **values: Any) -> Incident:
    """The incident right after it was closed, on Monday 7 December."""
    found = decide(
        TicketRead(closed(**values)), None, rules, new_id=id, now=NOON + timedelta(hours=2)
    ).incident
    assert found is not None
    return found


def with_away(person: str, *spells: tuple[date, date]) -> Policy:
    rules = policy()
    people = [replace(p, away=spells) if p.name == person else p for p in rules.people]
    return replace(rules, people=tuple(people))


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(0, 10_000))
def test_after_any_number_of_incidents_nobody_had_a_role_twice_more_than_another(
    incidents: int, seed: int
) -> None:
    """Of the first role, which nobody else is considered for."""
    served = Counter[tuple[str, str]]()
    for n in range(incidents):
        roles = assign_roles(incident(f"{seed}-{n}"), ROTA, None, served, ())
        assert len(set(roles.values())) == 3  # nobody has two while others are free
        served.update(roles.items())
    counts = [served["facilitator", person] for person in PEOPLE]
    assert max(counts) - min(counts) <= 1


@settings(deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from(sorted(ROTA)), st.sampled_from(PEOPLE)), st.integers(0, 5)
    ),
    st.sampled_from((*PEOPLE, None)),
    st.sets(st.sampled_from(PEOPLE)),
)
def test_the_owner_never_facilitates_and_who_is_away_has_no_role(
    served: Mapping[tuple[str, str], int], owner: str | None, away: set[str]
) -> None:
    roles = assign_roles(incident(), ROTA, owner, served, away)
    assert roles.get("facilitator") != owner or owner is None
    assert away.isdisjoint(roles.values())
    assert roles == assign_roles(incident(), ROTA, owner, dict(served), away)
    there = set(PEOPLE) - away
    assert set(roles) == (
        set(ROTA) if there - {owner} else set(ROTA) - {"facilitator"} if there else set()
    )


def test_between_equals_the_incidents_id_decides() -> None:
    chosen = {assign_roles(incident(f"i{n}"), ROTA, None, {}, ())["facilitator"] for n in range(50)}
    assert chosen == set(PEOPLE)


def test_who_had_it_least_goes_before_whose_turn_it_would_be() -> None:
    first = decided(policy())
    other = "Noor Aziz" if first.roles["facilitator"] == "Kim Ito" else "Kim Ito"
    served = {("facilitator", first.roles["facilitator"]): 1}
    assert decided(replace(policy(), served=served)).roles["facilitator"] == other


@pytest.mark.parametrize("day", [date(2026, 12, 7), date(2026, 12, 10)])
def test_who_is_away_when_it_closes_or_when_the_review_is_due_takes_no_part(day: date) -> None:
    incident = decided(with_away("Kim Ito", (day, day)))
    assert incident.review_due == date(2026, 12, 10)
    assert set(incident.roles.values()) == {"Noor Aziz"}


def test_a_day_off_between_the_dates_is_no_reason_to_be_left_out() -> None:
    incident = decided(with_away("Kim Ito", (date(2026, 12, 8), date(2026, 12, 9))))
    assert set(incident.roles.values()) == {"Kim Ito", "Noor Aziz"}


def test_a_role_that_only_the_owner_is_left_for_stays_empty() -> None:
    rules = with_away("Noor Aziz", (date(2026, 12, 1), date(2026, 12, 31)))
    assert decided(rules, owner=KIM).roles == {"scribe": "Kim Ito"}


def test_roles_once_given_stay_whoever_goes_away_later() -> None:
    before = decided(policy())
    rules = with_away(before.roles["facilitator"], (date(2026, 12, 1), date(2026, 12, 31)))
    after = decide(TicketRead(closed()), before, rules, new_id="x", now=NOON + timedelta(hours=3))
    assert after.incident is not None
    assert after.incident.roles == before.roles


def test_only_the_incidents_of_late_are_counted_and_not_the_one_that_asks(tmp_path: Path) -> None:
    moments = iter([NOON - timedelta(days=181), NOON, NOON, NOON])
    store = Store(f"sqlite:///{tmp_path / 'store.db'}", lambda: next(moments))
    store.migrate()
    for n in range(3):
        with store.write() as tx:
            ref = replace(ticket().ref, id=f"I_{n}")
            tx.incidents.save(
                replace(incident(f"i{n}"), ticket=ref, roles={"scribe": PEOPLE[n]}), "p"
            )
    with store.read() as tx:
        assert tx.incidents.served(NOON - timedelta(days=180), "i2") == {("scribe", "Ben"): 1}


# --- the two steps -------------------------------------------------------------------------------


def two_steps(**values: object) -> Policy:
    rules = policy(**values)
    sev1 = replace(rules.severities["sev1"], synthesis_within=Span(1, SpanUnit.BUSINESS_DAYS))
    return replace(rules, severities={**rules.severities, "sev1": sev1})


def test_both_steps_have_dates_which_the_document_tells() -> None:
    incident = decided(two_steps())
    assert incident.synthesis_due == date(2026, 12, 8)
    assert incident.review_due == date(2026, 12, 10)
    facts = regions(incident, closed(), USUAL)["facts"]
    assert "| **Synthesis due** | 2026-12-08 |\n| **Review due** | 2026-12-10 |" in facts


def test_without_a_first_step_the_document_does_not_speak_of_one() -> None:
    assert "Synthesis" not in regions(decided(policy()), closed(), USUAL)["facts"]


def test_dates_are_counted_by_the_teams_calendar_and_zone() -> None:
    calendar = Calendar("Pacific/Auckland", holidays=frozenset({date(2026, 12, 9)}))
    incident = decided(two_steps(calendar=calendar))  # where it is Tuesday already
    assert incident.synthesis_due == date(2026, 12, 10)
    assert incident.review_due == date(2026, 12, 14)


def test_an_owner_who_is_known_by_a_handle_only_is_told_from_the_rota() -> None:
    people = (KnownPerson("Kim Ito", handles={"github": "kim"}), KnownPerson("Noor Aziz"))
    for n in range(8):
        incident = decided(replace(policy(), people=people), f"i{n}", owner=KIM)
        assert incident.roles["facilitator"] == "Noor Aziz"


def test_the_owner_does_not_facilitate_whose_handle_was_found_by_their_address() -> None:
    kim = KnownPerson("Kim Ito", "kim@acme.example", {})
    rules = replace(policy(), people=(kim, *policy().people[1:]))
    found = with_seen(rules, [Seen("github", KIM)])
    assert decided(found, owner=KIM).roles["facilitator"] == "Noor Aziz"
