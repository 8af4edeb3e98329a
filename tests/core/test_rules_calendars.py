"""Calendars in the rules: what is made of them, and what is wrong with them."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import pytest

from config.calendars import FIRST_YEAR, LAST_YEAR, ending
from config.rules import RulesError, load
from workflows.calendars import USUAL, Calendar, Hours

RULES = """\
connections:
  hub:
    kind: github
    url: https://api.github.com
    auth: {type: token, token: {env: TOKEN}}
teams:
  ops:
    start_from: 2026-12-01
    calendar: berlin
    incidents: [{connection: hub, repository: acme/web}]
    postmortem:
      document: {kind: git-directory, directory: .}
      tasks: {connection: hub, repository: acme/web}
people:
  - {name: Kim Lee, away: ["2026-12-20..2027-01-02", 2027-02-01]}
calendars:
  berlin:
    zone: Europe/Berlin
    country: DE
    subdivision: BE
    holidays: [2026-12-24, 2026-12-31]
    weekend: [saturday, sunday]
    quiet: "18:00-08:00"
    opens: "08:30"
"""


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def calendar(tmp_path: Path, text: str) -> Calendar:
    return load(written(tmp_path, text), {"TOKEN": "t0ken"}).policy.teams["ops"].calendar


def problems(tmp_path: Path, old: str, new: str) -> list[str]:
    assert RULES.count(old) == 1
    try:
        load(written(tmp_path, RULES.replace(old, new)), {"TOKEN": "t0ken"})
    except RulesError as error:
        return [str(problem).removeprefix(f"{tmp_path}/") for problem in error.problems]
    return []


def test_a_team_has_the_days_and_hours_that_the_rules_give_it(tmp_path: Path) -> None:
    berlin = calendar(tmp_path, RULES)
    assert (berlin.zone, berlin.opens) == ("Europe/Berlin", time(8, 30))
    assert berlin.quiet == Hours(time(18), time(8))
    assert not berlin.is_business_day(date(2027, 3, 8))  # Women's Day, in Berlin alone
    assert not berlin.is_business_day(date(2026, 12, 24))  # which the rules name themselves
    assert berlin.is_business_day(date(2026, 12, 28))


def test_another_part_of_the_country_has_other_holidays(tmp_path: Path) -> None:
    bavaria = calendar(tmp_path, RULES.replace("subdivision: BE", "subdivision: BY"))
    assert bavaria.is_business_day(date(2027, 3, 8))
    assert not bavaria.is_business_day(date(2027, 1, 6))


def test_without_a_calendar_it_is_utc_from_monday_to_friday(tmp_path: Path) -> None:
    assert calendar(tmp_path, RULES.replace("    calendar: berlin\n", "")) == USUAL


def test_a_calendar_without_a_country_lists_its_holidays_itself(tmp_path: Path) -> None:
    own = calendar(tmp_path, RULES[: RULES.index("    country")] + "    holidays: [2026-12-25]\n")
    assert own.holidays == {date(2026, 12, 25)}
    assert own.known_until is None


def test_a_country_is_known_for_the_years_that_the_reference_tells(tmp_path: Path) -> None:
    berlin = calendar(tmp_path, RULES)
    assert berlin.known_until == date(LAST_YEAR, 12, 31)
    assert min(berlin.holidays) == date(FIRST_YEAR, 1, 1)
    reference = Path(__file__).parents[2] / "docs" / "reference" / "rules.md"
    assert f"from {FIRST_YEAR} to {LAST_YEAR}" in reference.read_text()


def test_a_country_that_is_known_for_fewer_years_says_when_that_ends(tmp_path: Path) -> None:
    lanka = RULES.replace("country: DE\n    subdivision: BE", "country: LK")
    until = calendar(tmp_path, lanka).known_until
    assert until is not None
    assert until < date(LAST_YEAR, 12, 31)
    assert any(day.year == until.year for day in calendar(tmp_path, lanka).holidays)


def test_a_year_before_its_holidays_end_a_calendar_is_warned_of(tmp_path: Path) -> None:
    known = {"berlin": calendar(tmp_path, RULES), "own": USUAL}
    assert list(ending(known, date(LAST_YEAR - 1, 12, 31))) == []
    (warning,) = ending(known, date(LAST_YEAR, 1, 2))
    assert f"calendars.berlin knows its holidays until {LAST_YEAR}-12-31 only" in warning


def test_who_is_away_when_is_known(tmp_path: Path) -> None:
    kim = load(written(tmp_path, RULES), {"TOKEN": "t0ken"}).policy.people[0]
    there = [date(2026, 12, 19), date(2027, 1, 3), date(2027, 1, 31), date(2027, 2, 2)]
    away = [date(2026, 12, 20), date(2027, 1, 2), date(2027, 2, 1)]
    assert [kim.is_away(day) for day in (*there, *away)] == [False] * 4 + [True] * 3


def test_other_holidays_are_another_decision(tmp_path: Path) -> None:
    hashes = {
        load(written(tmp_path, text), {"TOKEN": "t0ken"}).policy.hash
        for text in (RULES, RULES.replace("2026-12-31]", "2026-12-30]"), RULES.replace("BE", "BY"))
    }
    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "people:",
            "severities: {sev1: {synthesis_within: 3 days, review_within: 2 days}}\npeople:",
            "14: severities.sev1.synthesis_within: is later than the review"
            " — let the synthesis come before it",
        ),
        (
            "calendar: berlin",
            "calendar: berlim",
            "9: teams.ops.calendar: no calendar is called “berlim” — did you mean berlin?",
        ),
        (
            "Europe/Berlin",
            "Europe/Berln",
            "18: calendars.berlin.zone: “Europe/Berln” is no time zone"
            " — did you mean Europe/Berlin?",
        ),
        (
            "country: DE",
            "country: de",
            "19: calendars.berlin.country: “de” is no country whose holidays are known — write DE",
        ),
        (
            "country: DE",
            "country: NO",
            "19: calendars.berlin.country: must be text, and YAML reads yes or no"
            " — put it in quotes",
        ),
        (
            "    country: DE\n",
            "",
            "19: calendars.berlin.subdivision: is of no country — write country: DE",
        ),
        (
            "[saturday, sunday]",
            "[saturday, sonntag]",
            "22: calendars.berlin.weekend[1]: “sonntag” is unknown"
            " — write one of monday, tuesday, wednesday, thursday, friday, saturday, sunday",
        ),
        (
            "[saturday, sunday]",
            "[monday, tuesday, wednesday, thursday, friday, saturday, sunday]",
            "22: calendars.berlin.weekend: leaves no business day in the week — leave a day out",
        ),
        (
            '"18:00-08:00"',
            "6pm to 8am",
            '23: calendars.berlin.quiet: is not a part of the day — write it as "18:00-08:00"',
        ),
        (
            '"18:00-08:00"',
            '"18:00-18:00"',
            "23: calendars.berlin.quiet: ends when it begins"
            " — let it end at another time, or remove the line",
        ),
        (
            '"08:30"',
            "18:30",
            '24: calendars.berlin.opens: is not a time of day — write it as "09:00", in quotes',
        ),
        (
            '"08:30"',
            '"07:59"',
            "24: calendars.berlin.opens: it opens at 07:59, in its quiet hours"
            " — write another time as opens",
        ),
        (
            "2026-12-31]",
            "soon]",
            "21: calendars.berlin.holidays[1]: is not a date — write it as 2026-12-01",
        ),
        (
            "2026-12-20..2027-01-02",
            "2027-01-02..2026-12-20",
            "15: people[0].away[0]: ends before it begins — exchange the two dates",
        ),
        (
            "2027-02-01]",
            "in May]",
            "15: people[0].away[1]: is neither a date nor a range of dates"
            ' — write ["2026-12-20..2027-01-02", 2027-02-01]',
        ),
    ],
)
def test_each_mistake_is_told_with_its_line_and_its_mend(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert problems(tmp_path, old, new) == [f"rules.yaml:{told}"]


def test_a_part_that_the_country_does_not_have_is_told_with_those_it_has(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, "subdivision: BE", "subdivision: Berlin-X")
    assert told.startswith("rules.yaml:20: calendars.berlin.subdivision: DE has no “Berlin-X” — ")
