"""Whom the rules name besides those who work on an incident: what holds, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from core.test_rules_audits import RIGHT

from config.rules import RulesError, load
from workflows.participants import CustomerRules, Participants


def read(tmp_path: Path, *lines: str) -> Participants:
    text = RIGHT.replace("    audits: AUDITS\n", "".join(f"    {line}\n" for line in lines))
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    return load(file, {"TOKEN": "t"}).policy.teams["ops"].participants


def refused(tmp_path: Path, *lines: str) -> str:
    with pytest.raises(RulesError) as error:
        read(tmp_path, *lines)
    return str(error.value)


def test_nobody_is_asked_or_told_where_the_rules_name_nobody(tmp_path: Path) -> None:
    assert read(tmp_path) == Participants()


def test_people_are_named_as_elsewhere_and_the_questions_may_be_others(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "perspectives: {qa: kim, support: [Ada Novak, kim], questions: {qa: 'Why?'}}",
        "circulate: [ada]",
        "customers: {teams: {Desk: [ada]}, felt: {labels: [felt], headings: {Impact: []}}}",
    )
    assert found == Participants(
        perspectives={"qa": ("Kim Lee",), "support": ("Ada Novak", "Kim Lee")},
        questions={"qa": "Why?"},
        circulate=("Ada Novak",),
        customers=CustomerRules(
            {"Desk": ("Ada Novak",)}, frozenset({"felt"}), headings={"Impact": frozenset()}
        ),
    )
    assert read(tmp_path, "circulate: []").circulate == ()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("perspectives: {legal: [kim]}", "perspectives.legal: is not a key of this group"),
        ("perspectives: {qa: [kim, Kin Lee]}", "did you mean Kim Lee?"),
        ("perspectives: {qa: []}", "perspectives.qa: names none"),
        ("perspectives: {questions: {qa: 'Why?'}}", "nobody is named for this perspective"),
        ("circulate: [nobody]", "nobody in people is called “nobody”"),
        ("customers: {teams: {Desk: [kim]}}", "felt: is missing"),
        ("customers: {teams: {Desk: []}, felt: {labels: [a]}}", "teams.Desk: names none"),
        ("customers: {teams: {}, felt: {labels: [a]}}", "teams: names none"),
        ("customers: {teams: {Desk: [kim]}, felt: {}}", "names nothing to tell it by"),
        ("customers: {teams: {Desk: [kim]}, felt: {severity: [sev9]}}", "“sev9” is no severity"),
        ("customers: {teams: {Desk: [kim]}, felt: {fields: {I: []}}}", "use labels or headings"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(tmp_path: Path, line: str, why: str) -> None:
    assert why in refused(tmp_path, line)


def test_the_hash_of_the_rules_changes_with_whom_they_name(tmp_path: Path) -> None:
    def hashed(line: str) -> str:
        file = tmp_path / "rules.yaml"
        file.write_text(RIGHT.replace("    audits: AUDITS\n", line))
        return load(file, {"TOKEN": "t"}).policy.hash

    assert hashed("") != hashed("    circulate: [kim]\n")
