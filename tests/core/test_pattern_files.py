"""The pattern library as files: the same records make the same bytes, and no other file is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import NOON
from click.testing import CliRunner, Result
from core.test_rules_audits import RIGHT
from in_force import markdown_shape, payloads
from taught import measure, named, saved, verdict

from service.commands.all import followthrough
from service.store import Store
from workflows.pattern_text import Entry, files
from workflows.patterns import Named, Pattern, State, Tally
from workflows.rungs import Verdict

DAY = timedelta(days=1)
QUARTERS = ["2026Q3", "2026Q4"]


def entry(name: str, title: str = "Down") -> Entry:
    incident = Named("i1", "INC-1", "https://j.example/1", title, "t", "s", "", NOON, False, "")
    pattern = Pattern(name, State.SELDOM, 2, 2, 1, 1, NOON, Tally())
    return Entry(pattern, [], [incident], [])


def test_each_factor_has_a_file_of_its_own_whatever_it_is_called() -> None:
    names = ["slow disk", "index", "größe", "größen", "日本", "a" * 300, "a" * 301]
    made = files([entry(name) for name in names], QUARTERS)
    assert len({name.lower() for name in made}) == len(names) + 1
    assert "slow-disk.md" in made
    assert all(len(name) < 200 and name.isascii() for name in made)


@pytest.mark.parametrize("hostile", payloads())
def test_what_people_wrote_is_text_in_the_files(hostile: str) -> None:
    plain, made = files([entry("x", "Down")], QUARTERS), files([entry("x", hostile)], QUARTERS)
    assert markdown_shape(made["x.md"]) == markdown_shape(plain["x.md"])


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    (tmp_path / "rules.yaml").write_text(RIGHT.replace("    audits: AUDITS\n", ""))
    monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(tmp_path / "rules.yaml"))
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TOKEN", "t")
    (tmp_path / "data").mkdir()
    opened = Store(f"sqlite:///{tmp_path / 'data' / 'followthrough.db'}")
    opened.migrate()
    now = opened.clock()
    failed: dict[str, Any] = {
        "actions": (measure(status="done", done_at=now),),
        "audits": (verdict(Verdict.NOT_EFFECTIVE, now),),
    }
    saved(opened, *(named(f"i{n}", "slow disk", opened=now, team="ops", **failed) for n in (1, 2)))
    yield opened
    opened.close()


def typed(*words: str) -> Result:
    return CliRunner().invoke(followthrough, ["patterns", *words])


def test_the_list_names_what_matters_first(store: Store) -> None:
    now = store.clock()
    saved(store, *(named(f"i5{n}", "no alert", opened=now, team="ops") for n in range(3)))
    first, second = typed().output.splitlines()
    assert first.startswith("no alert  recurs, not answered  3 incidents")
    assert second.startswith("slow disk  does not recur  2 incidents")
    assert typed("--team", "nobody").exit_code == 1


@pytest.mark.usefixtures("store")
def test_the_files_are_the_same_when_they_are_written_again(tmp_path: Path) -> None:
    library = tmp_path / "docs" / "patterns"
    assert typed("--markdown", str(library)).exit_code == 0
    before = {path.name: path.read_bytes() for path in library.iterdir()}
    assert sorted(before) == ["index.md", "slow-disk.md"]
    assert "| Alert 1 | — | not effective |" in before["slow-disk.md"].decode()
    typed("--markdown", str(library))
    assert {path.name: path.read_bytes() for path in library.iterdir()} == before


def test_what_is_no_pattern_any_more_is_removed_and_other_files_stay(
    store: Store, tmp_path: Path
) -> None:
    library = tmp_path / "patterns"
    typed("--markdown", str(library))
    (library / "notes.md").write_text("ours")
    saved(store, named("i2", "another", team="ops"))
    typed("--markdown", str(library))
    assert sorted(path.name for path in library.iterdir()) == ["index.md", "notes.md"]


@pytest.mark.usefixtures("store")
def test_a_file_of_somebody_else_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "slow-disk.md").write_text("mine")
    told = typed("--markdown", str(tmp_path))
    assert told.exit_code == 1
    assert "none of the library's" in told.output
    assert (tmp_path / "slow-disk.md").read_text() == "mine"
    assert not (tmp_path / "index.md").exists()


def test_restricted_incidents_are_listed_here_and_left_out_of_the_files(
    store: Store, tmp_path: Path
) -> None:
    known = named("i2", "slow disk", team="ops", opened=store.clock())
    saved(store, replace(known, restricted=True))
    assert "slow disk" in typed().output
    typed("--markdown", str(tmp_path / "patterns"))
    assert [path.name for path in (tmp_path / "patterns").iterdir()] == ["index.md"]
