"""What was published is kept as it was, and what changed in between can be read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import IntegrityError

from service.store import Store
from service.store.codec import dump, load
from service.versions import keep
from workflows.differences import MOST_LINES, changed
from workflows.events import VersionsFound
from workflows.model import Incident, Phase, TicketRef
from workflows.versions import Publication, Version, digest

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
TICKET = TicketRef("acme-jira", "10042", "INC-42", "https://acme.example/browse/INC-42")
INCIDENT = Incident(id="k3v9", team="payments", ticket=TICKET, title="Down", phase=Phase.CLOSED)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'store.db'}", lambda: NOON)
    opened.migrate()
    with opened.write() as tx:
        tx.incidents.save(INCIDENT, "policy-1")
    yield opened
    opened.close()


def version(number: int, text: str = "words") -> Version:
    return Version(number, Publication(text, NOON, "kim", "c0ffee"), digest(text))


def test_a_version_reads_back_as_it_was_kept(store: Store) -> None:
    with store.write() as tx:
        tx.versions.add("k3v9", version(1, "Grüße\r\n\t\u2028"))
        tx.versions.add("k3v9", version(2))
    with store.read() as tx:
        assert tx.versions.last("k3v9") == version(2)
        assert tx.versions.of_incident("k3v9") == [version(1, "Grüße\r\n\t\u2028"), version(2)]
        assert tx.versions.commits("k3v9") == {"c0ffee"}
        assert tx.versions.of_incident("other") == []


CHANGES = [
    "UPDATE versions SET text = 'other'",
    "UPDATE versions SET number = 7",
    "DELETE FROM versions",
]
IN_PLACE = {
    "sqlite": [
        "INSERT OR REPLACE INTO versions SELECT * FROM versions",
        "INSERT OR REPLACE INTO versions SELECT 9, incident_id, number, '', at, '', '', 'other',"
        " kept_at FROM versions",
    ],
    "postgresql": [
        "TRUNCATE versions",
        "INSERT INTO versions SELECT * FROM versions ON CONFLICT (id) DO UPDATE SET text = ''",
    ],
}


@pytest.mark.parametrize("n", range(5))
def test_the_database_itself_refuses_to_change_a_version(store: Store, n: int) -> None:
    with store.write() as tx:
        tx.versions.add("k3v9", version(1))
    engine = create_engine(store.url)
    change = [*CHANGES, *IN_PLACE[engine.dialect.name]][n]
    with (
        pytest.raises(IntegrityError, match="a version is never changed"),
        engine.begin() as connection,
    ):
        connection.exec_driver_sql(change)
    engine.dispose()
    with store.read() as tx:
        assert tx.versions.of_incident("k3v9") == [version(1)]


def test_a_number_is_given_once(store: Store) -> None:
    with store.write() as tx:
        tx.versions.add("k3v9", version(1))
        with pytest.raises(IntegrityError):
            tx.versions.add("k3v9", version(1, "other"))


def test_the_same_text_in_a_row_is_one_version(store: Store) -> None:
    texts = ["one", "one", "two", "one"]
    found = VersionsFound("versions:k3v9", tuple(Publication(text, NOON) for text in texts))
    with store.write() as tx:
        assert keep(tx, "k3v9", found).numbers == (1, 2, 3)
        assert keep(tx, "k3v9", VersionsFound(found.key, found.publications[3:])).numbers == ()
    with store.read() as tx:
        kept = tx.versions.of_incident("k3v9")
    assert [each.publication.text for each in kept] == ["one", "two", "one"]


def test_an_incident_of_an_earlier_version_still_loads() -> None:
    data = dump(Incident, INCIDENT)
    assert isinstance(data, dict)
    del data["publishings"]
    assert load(Incident, data) == INCIDENT


# --- what changed -------------------------------------------------------------------------------


def told(before: str, after: str) -> dict[str, list[str]]:
    return {each.title: list(each.lines) for each in changed(before, after)}


def test_only_the_sections_that_differ_are_told() -> None:
    before = "# T\n\n## Impact\n\nNone.\n\n## Causes\n\na\nb\nc\n"
    after = "# T\n\n## Impact\n\nNone.\n\n\n## Causes\n\na\nB\nc\n"
    assert told(before, after) == {"Causes": ["@", " ", " a", "-b", "+B", " c"]}


def test_a_section_that_came_or_went_is_told_whole() -> None:
    assert told("## A\n\nx\n", "## B\n\nx\n") == {
        "B": ["@", "+## B", "+", "+x"],
        "A": ["@", "-## A", "-", "-x"],
    }


def test_sections_of_one_name_are_told_apart_by_their_order() -> None:
    assert told("## A\n\nx\n\n## A\n\ny\n", "## A\n\nx\n\n## A\n\nz\n") == {
        "A": ["@", " ## A", " ", "-y", "+z"]
    }


def test_line_ends_alone_change_nothing() -> None:
    assert told("## A\n\nx\n", "## A\r\n\r\nx\r\n") == {}


def test_a_section_that_is_too_long_is_not_compared_line_by_line() -> None:
    lines = "\n".join(f"a{n % 7}" for n in range(MOST_LINES + 1))
    (lines_told,) = told(f"## A\n{lines}\n", f"## A\n{lines}\nb\n").values()
    assert lines_told == ["@ too long to compare: 2,002 lines before, 2,003 after"]
