"""What looks for secrets in the whole suite would find one."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import leaks
import pytest
from builders import at
from click.testing import CliRunner
from leaks import Watch, watching
from web.history import Web

from config.secrets import Secret
from integrations.tracker import Envelope, Rejected
from service.app import create_app
from service.store import Store
from service.store.deliveries import Arrival

SECRET = "hunter2-of-acme"


@pytest.fixture
def watch() -> Iterator[Watch]:
    """One for what is leaked here on purpose; the one of the suite hears nothing of it."""
    with watching(Watch([SECRET])) as watch:
        yield watch


def test_what_leaks_nothing_is_well(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("nothing to see")
    assert watch.look([("Captured stdout", "nothing to see")], tmp_path) == []


def test_a_log_line_is_heard(watch: Watch) -> None:
    listener = leaks.Listener()
    logging.getLogger("test-of-leaks").addHandler(listener)
    logging.getLogger("test-of-leaks").propagate = False
    logging.getLogger("test-of-leaks").warning("signing in with %s", SECRET)
    assert watch.leaks == [f"a log line tells the secret {SECRET!r}"]


def test_what_a_test_prints_is_looked_through(watch: Watch) -> None:
    assert watch.look([("Captured stdout", f"token={SECRET}")], None)


def test_an_answer_of_ours_is_heard(watch: Watch, tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/followthrough.db", lambda: at(0))
    store.migrate()
    app = create_app(Web(store))
    app.test_client().get("/healthz")
    assert watch.leaks == []
    app.view_functions["health"] = lambda: SECRET
    app.test_client().get("/healthz")
    store.close()
    assert watch.leaks == [f"an answer tells the secret {SECRET!r}"]


def test_an_error_s_words_are_heard(watch: Watch) -> None:
    Rejected(f"no such token: {SECRET}")
    assert watch.leaks == [f"Rejected tells the secret {SECRET!r}"]


def test_what_a_command_says_is_heard(watch: Watch) -> None:
    CliRunner().invoke(click.Command("leak", callback=lambda: click.echo(SECRET)))
    assert watch.leaks == [f"a command tells the secret {SECRET!r}"]


def test_what_a_process_says_is_looked_through(watch: Watch) -> None:
    subprocess.run([sys.executable, "-c", f"print({SECRET!r})"], capture_output=True, check=True)
    assert watch.look([], None) == [f"a process tells the secret {SECRET!r}"]


@pytest.mark.sqlite("a test's directory holds no rows of a server")
def test_a_row_is_found(watch: Watch, tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/followthrough.db", lambda: at(0))
    store.migrate()
    with store.write() as tx:
        tx.deliveries.record([Arrival("github", Envelope("1", "issues", SECRET.encode()), at(0))])
    found = watch.look([], tmp_path)
    store.close()
    assert len(found) == 1
    assert "a row of deliveries" in found[0]


def test_a_file_is_found_unless_it_is_there_to_hold_the_secret(
    watch: Watch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    assert watch.look([], tmp_path) == []
    (tmp_path / "service.log").write_text(f"signing in with {SECRET}")
    assert len(watch.look([], tmp_path)) == 1


def test_a_token_that_the_service_made_itself_is_a_secret(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "admin-token").write_text("made-by-itself-7f\n")
    assert watch.look([("Captured stdout", "the token is made-by-itself-7f")], tmp_path)


def test_secrets_are_learned_where_they_are_made_and_given_to_processes(watch: Watch) -> None:
    Secret("correct-battery-9")
    given = {**os.environ, "ACME_HOOK": "horse-staple-9"}
    subprocess.run([sys.executable, "-c", ""], env=given, check=True)
    watch.hear("somewhere", "correct-battery-9 and horse-staple-9")
    assert len(watch.leaks) == 2
