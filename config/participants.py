"""Whom a team's rules name besides those who work on an incident: perspectives, to whom a review
is circulated, and the customer-facing teams.

As in `config.checks`, a part that was not readable is passed over: it has its complaint already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from config.checks import kind_of, person_names
from config.fields import Group, Section, Text, Texts, TextsByName, needed
from config.problems import Complaint, Place, nearest, suggestion
from workflows.participants import QUESTIONS, CustomerRules, Participants
from workflows.policy import same_word

_FELT = "felt: {labels: [customer-impact]}"


class QuestionsSection(Section):
    product = Text()
    engineering = Text()
    data = Text()
    qa = Text()
    operations = Text()
    support = Text()


class PerspectivesSection(Section):
    product = Texts()
    engineering = Texts()
    data = Texts()
    qa = Texts()
    operations = Texts()
    support = Texts()
    questions = Group(QuestionsSection)


class FeltSection(Section):
    labels = Texts()
    fields_ = TextsByName(data_key="fields")
    headings = TextsByName()
    severity = Texts()


class CustomersSection(Section):
    teams = TextsByName(**needed("teams: {support: [Kim Lee]}"))
    felt = Group(FeltSection, **needed(_FELT))


def check_participants(rules: Mapping[str, Any]) -> Iterator[Complaint]:
    """Everything about participants that is wrong between the parts of `rules`, as the schema
    loaded them."""
    people = person_names(rules.get("people", []))
    connections: Mapping[str, Any] = rules.get("connections", {})
    severities = tuple(rules.get("severities", {}))
    for name, team in rules.get("teams", {}).items():
        place = ("teams", name)
        perspectives = _named(team.get("perspectives", {}))
        customers = team.get("customers", {})
        groups: dict[Place, Sequence[str]] = {
            **{(*place, "perspectives", key): who for key, who in perspectives.items()},
            **{(*place, "customers", "teams", t): w for t, w in customers.get("teams", {}).items()},
        }
        for at, named in groups.items():
            if not named:
                yield Complaint(at, "names none", "name somebody, or remove the line")
        groups[(*place, "circulate")] = team.get("circulate", ())
        for at, named in groups.items():
            for n, who in enumerate(named):
                if same_word(who) not in people:
                    right = nearest(who, people.values()) or "add them to people"
                    yield Complaint((*at, n), f"nobody in people is called “{who}”", right)
        for key in team.get("perspectives", {}).get("questions", {}):
            if key not in perspectives:
                message = "nobody is named for this perspective"
                at = (*place, "perspectives", "questions", key)
                yield Complaint(at, message, f"write {key}: [somebody] beside questions")
        if customers:
            kinds = {kind_of(source, connections) for source in team.get("incidents", ())}
            yield from _check_customers(customers, (*place, "customers"), severities, kinds)


def _named(perspectives: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {name: perspectives[name] for name in QUESTIONS if name in perspectives}


def _check_customers(
    customers: Mapping[str, Any],
    place: Place,
    severities: Sequence[str],
    kinds: set[str | None],
) -> Iterator[Complaint]:
    if "teams" in customers and not customers["teams"]:
        yield Complaint((*place, "teams"), "names none", "name a team, or remove customers")
    felt: Mapping[str, Any] | None = customers.get("felt")
    if felt is None:
        return
    if not any(felt.values()):
        yield Complaint((*place, "felt"), "names nothing to tell it by", f"write {_FELT}")
    for n, name in enumerate(felt.get("severity", ())):
        if name not in severities:
            at = (*place, "felt", "severity", n)
            yield Complaint(at, f"“{name}” is no severity", suggestion(name, severities))
    if felt.get("fields_") and kinds == {"github"}:
        message = "a GitHub issue has no fields"
        yield Complaint((*place, "felt", "fields"), message, "use labels or headings")


def build_participants(team: Mapping[str, Any], named: Callable[[str], str]) -> Participants:
    """Whom a team names; `named` gives the name of somebody as `people` has it."""

    def names(people: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(named, people)))

    perspectives, customers = team.get("perspectives", {}), team.get("customers")
    return Participants(
        perspectives={name: names(who) for name, who in _named(perspectives).items()},
        questions=perspectives.get("questions", {}),
        circulate=names(team["circulate"]) if "circulate" in team else None,
        customers=_customers(customers, names) if customers else None,
    )


def _customers(
    customers: Mapping[str, Any], names: Callable[[Sequence[str]], tuple[str, ...]]
) -> CustomerRules:
    felt = customers["felt"]
    return CustomerRules(
        teams={name: names(people) for name, people in customers["teams"].items()},
        labels=frozenset(felt.get("labels", ())),
        fields={name: frozenset(words) for name, words in felt.get("fields_", {}).items()},
        headings={name: frozenset(words) for name, words in felt.get("headings", {}).items()},
        severities=frozenset(felt.get("severity", ())),
    )
