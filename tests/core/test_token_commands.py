"""`followthrough tokens` and `followthrough changes`, as they are typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import at
from click.testing import CliRunner, Result

from service.commands.all import followthrough
from service.store import Store
from service.store.tokens import digest


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "kim")
    monkeypatch.setattr("service.store.database.utc_now", lambda: at(0))
    store = Store(f"sqlite:///{tmp_path}/followthrough.db")
    store.migrate()
    yield store
    store.close()


def typed(*words: str) -> Result:
    return CliRunner().invoke(followthrough, list(words))


def test_a_token_is_made_shown_once_listed_and_revoked(store: Store) -> None:
    made = typed("tokens", "create", "--name", "ci", "--role", "editor", "--expires", "30d")
    assert made.exit_code == 0
    text = made.stdout.strip()
    with store.read() as tx:
        token = tx.tokens.known(text)
    assert token is not None
    assert (token.name, token.role.value, token.teams) == ("ci", "editor", None)
    assert (token.expires - token.created).days == 30
    listed = typed("tokens", "list")
    assert "valid   editor  ci  all teams" in listed.stdout
    assert text not in listed.stdout
    assert digest(text) not in typed("tokens", "list", "--json").stdout
    assert typed("tokens", "revoke", "1").exit_code == 0
    assert typed("tokens", "revoke", "1").exit_code == 1
    assert "revoked" in typed("tokens", "list").stdout


def test_what_was_typed_stands_in_the_audit_log_with_who_typed_it(store: Store) -> None:
    typed("tokens", "create", "--name", "ci", "--role", "viewer")
    typed("tokens", "revoke", "1")
    last, first = json.loads(typed("changes", "--json").stdout)
    assert [first["action"], last["action"]] == ["create token", "revoke token"]
    assert first["who"] == last["who"] == "kim (command line)"
    assert last["before"]["revoked"] is None
    assert last["after"]["revoked"]
    told = typed("changes", "--who", "kim").stdout
    assert "kim (command line): revoke token, token 1 ci" in told
    assert typed("changes", "--who", "noor").stdout == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--expires", "soon"), "write it as 90d"),
        (("--expires", "400d"), "366 days"),
        (("--name", " "), "printable"),
    ],
)
def test_what_cannot_be_is_said_and_no_token_made(
    store: Store, words: tuple[str, ...], said: str
) -> None:
    result = typed("tokens", "create", "--name", "ci", "--role", "viewer", *words)
    assert result.exit_code == 1
    assert said in result.stderr
    assert typed("tokens", "list").stdout == ""
