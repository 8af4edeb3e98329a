"""Rules in a directory: several files say together what one says elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from ruled import ENVIRONMENT, HUB, PAYMENTS, RIGHT, team, written

from config.gathering import rules_files
from config.rules import Rules, RulesError, load
from service.commands.rules import rules as rules_command


def read(tmp_path: Path, files: dict[str, str] = RIGHT) -> Rules:
    return load(written(tmp_path / "rules", files), ENVIRONMENT)


def problems(tmp_path: Path, files: dict[str, str]) -> list[str]:
    """What is wrong with these files beside the right ones, each without the directory."""
    with pytest.raises(RulesError) as caught:
        read(tmp_path, RIGHT | files)
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems]


def test_several_files_are_the_same_rules_as_one(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert list(found.policy.teams) == ["payments", "web"]
    assert [person.name for person in found.policy.people] == ["Kim Lee", "Ada Novak"]
    one = tmp_path / "one.yaml"
    teams = PAYMENTS.partition("people:")[0] + team("web").removeprefix("teams:\n")
    people = "people:\n  - {name: Kim Lee, github: kim}\n  - {name: Ada Novak, github: ada}\n"
    hub = HUB.replace("people:\n  - {name: Kim Lee, github: kim}\n", people)
    one.write_text(hub + teams, encoding="utf-8")
    assert load(one, ENVIRONMENT).policy.hash == found.policy.hash


def test_each_problem_of_each_file_is_told_at_its_line(tmp_path: Path) -> None:
    spoilt = {
        "payments.yaml": PAYMENTS.replace("connection: hub, repository: acme/payments, s", "s"),
        "web.yaml": team("web").replace("tasks: {connection: hub", "tasks: {connection: hob"),
        "zoo.yaml": "people:\n  - {name: Lee Park}\n  - {name: Kim Lee}\n",
    }
    told = problems(tmp_path, spoilt)
    assert [line.partition(": ")[0] for line in told] == [
        "rules/payments.yaml:4",
        "rules/web.yaml:7",
        "rules/zoo.yaml:3",
    ]
    assert "teams.payments.incidents[0].connection: is missing" in told[0]
    assert "did you mean hub?" in told[1]
    assert "people[3]" in told[2]  # as they are counted together


def test_what_stands_in_two_files_names_both(tmp_path: Path) -> None:
    told = problems(tmp_path, {"zoo.yaml": team("web") + "learning: {}\n"})
    where = f"stands twice, here and in {tmp_path}/rules/zoo.yaml"
    once = "let it stand in one of the files"
    assert told == [
        f"rules/connections.yaml:8: learning: {where}:8 — {once}",
        f"rules/web.yaml:2: teams.web: {where}:2 — {once}",
    ]


def test_a_key_that_stands_twice_within_one_file_is_told_in_that_file(tmp_path: Path) -> None:
    """Also where the file before has such a place: people are counted on, a team is there."""
    zoo = "# people\npeople:\n  - name: Lee Park\n    github: lee\n    github: park\n"
    payments = "\n" + team("payments") + "    mode: plan\n    mode: act\n"
    told = problems(tmp_path, {"zoo.yaml": zoo, "zz.yaml": payments})
    assert "rules/zoo.yaml:5: people[0].github: stands twice, on lines 4 and 5" in told[1]
    assert "rules/zz.yaml:10: teams.payments.mode: stands twice, on lines 9 and 10" in told[2]
    assert len(told) == 3  # the first is that the team stands in two files


def test_groups_without_end_are_a_problem_of_their_file(tmp_path: Path) -> None:
    told = problems(tmp_path, {"zoo.yaml": "teams: " + "[" * 5000})
    assert told[0].startswith("rules/zoo.yaml:1: groups stand within one another too deeply")


def test_a_file_that_cannot_be_understood_does_not_make_the_others_wrong(tmp_path: Path) -> None:
    """Connections may stand in it that the others name; what is wrong by itself is told as well."""
    spoilt = {"connections.yaml": HUB + "  - :", "web.yaml": team("web").replace("start_", "strt_")}
    told = problems(tmp_path, spoilt | {"list.yaml": "- one\n", "latin.yaml": ""})
    (tmp_path / "rules" / "latin.yaml").write_bytes(b"people: [\xe9]")
    told = problems(tmp_path, spoilt | {"list.yaml": "- one\n"})
    assert [line.partition(": ")[0] for line in told] == [
        "rules/connections.yaml:9",
        "rules/latin.yaml:1",
        "rules/list.yaml:1",
        "rules/web.yaml:2",
        "rules/web.yaml:3",
    ]


def test_a_section_that_is_empty_in_one_file_is_what_another_says(tmp_path: Path) -> None:
    found = read(tmp_path, RIGHT | {"a.yaml": "teams:\npeople:\n", "b.yaml": "", "z.yml": "teams:"})
    assert list(found.policy.teams) == ["payments", "web"]


def test_a_section_of_another_kind_is_told_where_it_stands(tmp_path: Path) -> None:
    told = problems(tmp_path, {"zoo.yaml": "teams: [web]\n"})
    assert told[0].startswith("rules/payments.yaml:1: teams: stands twice, here and in ")


def test_what_editors_and_kubernetes_leave_in_a_directory_is_no_rule(tmp_path: Path) -> None:
    """https://kubernetes.io/docs/concepts/storage/volumes/#configmap mounts links into a directory
    of a hidden name, which another link is moved to when something changes."""
    mounted = tmp_path / "rules"
    written(tmp_path / "of-day-one", RIGHT)
    mounted.mkdir()
    (tmp_path / "of-day-one").rename(mounted / "..2026_12_01")
    (mounted / "..data").symlink_to("..2026_12_01")
    for name in RIGHT:
        (mounted / name).symlink_to(f"..data/{name}")
    left = {"web.yaml~": "", ".web.yaml.swp": "", ".#web.yaml": "", "#web.yaml#": "", "note.md": ""}
    written(mounted, left | {".hidden.yaml": "- no rules"})
    (mounted / "templates.yaml").mkdir()
    assert [file.name for file in rules_files(mounted)] == sorted(RIGHT)
    before = load(mounted, ENVIRONMENT)
    assert list(before.policy.teams) == ["payments", "web"]
    (mounted / "..2026_12_01").rename(mounted / "..2026_12_02")
    (mounted / "..data").unlink()
    (mounted / "..data").symlink_to("..2026_12_02")
    assert load(mounted, ENVIRONMENT) == before


def test_files_that_the_rules_name_stand_beside_them(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "token").write_text("from-a-file\n")
    found = read(tmp_path, RIGHT | {"connections.yaml": HUB.replace("env: TOKEN", "file: token")})
    assert found.connections["hub"].auth.token.reveal() == "from-a-file"
    assert [each.name for each in found.files] == [*sorted(RIGHT), "token"]


def test_a_directory_without_rules_says_so(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="this directory holds no rules — write rules"):
        load(written(tmp_path / "rules", {"notes.txt": ""}))


def test_the_link_of_a_file_that_is_gone_is_a_problem(tmp_path: Path) -> None:
    written(tmp_path / "rules", {}).joinpath("old.yaml").symlink_to("nowhere.yaml")
    assert problems(tmp_path, {})[0].startswith("rules/old.yaml:1: there is no such file")


def test_rules_check_takes_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "t0ken-value")
    directory = written(tmp_path / "rules", RIGHT)
    right = CliRunner().invoke(rules_command, ["check", str(directory)])
    assert right.exit_code == 0
    assert f"{directory} is right: 2 teams, 1 connection" in right.output
    written(directory, {"web.yaml": "teams: {web: {}}"})
    wrong = CliRunner().invoke(rules_command, ["check", str(directory)])
    assert wrong.exit_code == 1
    assert f"{directory}/web.yaml:1: teams.web.incidents: is missing" in wrong.output
