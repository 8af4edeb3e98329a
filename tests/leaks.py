"""Looks for every secret that a test uses in everything that the test makes public.

`conftest` has one `Watch` listen to each test: to log lines, to what our own application answers,
to what commands and processes print, to the words of our errors; and has it look through the files
and databases that the test left behind. A secret found there fails the test. What is not looked
at is what must hold a secret: a file that is nothing but the secret, such as ``admin-token``.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask, Response
from stage import ADMIN_TOKEN, CHECKS_TOKEN, HOOKS, TOKENS

from config.rules import RulesError
from config.secrets import NoSecret, Secret
from config.settings import SettingsError
from integrations.github.signing import AppKey, Signature
from integrations.jira.client import JiraClient
from integrations.tracker import BadSignature, Malformed, TrackerError

#: What is shorter, or a word of the documentation, would be found where nobody leaked it.
SHORTEST = 6
WORDS = frozenset({"a secret", "another", "secret"})

#: Larger files are nothing that this service writes.
LARGEST = 20_000_000

HOLDERS = frozenset({"admin-token"})

#: What the demo prints for whoever plays it: the token of the service that it started for them.
TOLD_ON_PURPOSE = "told"


class Watch:
    """The secrets of one test, and where one of them was seen or heard."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._kept: list[tuple[str, str]] = []
        self.leaks: list[str] = []
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """From now on this is a secret."""
        if len(secret) >= SHORTEST and secret not in WORDS:
            self._secrets.add(secret)

    def hear(self, where: str, words: str) -> None:
        """`words` became public at `where`."""
        self.leaks += [f"{where} tells the secret {s!r}" for s in self._secrets if s in words]

    def keep(self, where: str, words: str) -> None:
        """As `hear`, of a process that may know secrets which only the files it left tell."""
        self._kept.append((where, words))

    def look(self, printed: Iterable[tuple[str, str]], directory: Path | None) -> list[str]:
        """Everything that leaked, with what was `printed` and what lies in the test's directory."""
        files = list(_files(directory)) if directory else []
        for file in files:
            if file.name in HOLDERS or file.parent.name == "secrets":
                self.learn(file.read_text(errors="replace").strip())
        for where, words in [*self._kept, *printed]:
            self.hear(where, words)
        for file in files:
            if file.name == TOLD_ON_PURPOSE:
                continue
            for where, words in _contents(file):
                if words.strip() not in self._secrets:
                    self.hear(where, words)
        return list(dict.fromkeys(self.leaks))


def _files(directory: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(directory):
        folders[:] = [name for name in folders if name != ".git"]
        for name in names:
            file = Path(place, name)
            if file.is_file() and os.access(file, os.R_OK) and file.stat().st_size <= LARGEST:
                yield file


def _contents(file: Path) -> Iterator[tuple[str, str]]:
    """The text of a file; of a database, every row of every table."""
    if file.suffix in (".db-wal", ".db-shm"):
        return  # a part of the database beside it
    if file.suffix != ".db":
        yield str(file), file.read_bytes().decode(errors="replace")
        return
    database = sqlite3.connect(file)
    try:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):
                told = (v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in row)
                yield f"{file}, a row of {table}", "\n".join(told)
    except sqlite3.DatabaseError:  # a test may have made it unreadable
        yield str(file), file.read_bytes().decode(errors="replace")
    finally:
        database.close()


# --- listening ------------------------------------------------------------------------------------

_now = Watch()


@contextmanager
def watching(watch: Watch) -> Iterator[Watch]:
    """Have everything tell this watch instead of another."""
    global _now
    before, _now = _now, watch
    try:
        yield watch
    finally:
        _now = before


def fresh() -> Watch:
    """A watch for the test that begins, which knows the secrets of the stage."""
    global _now
    _now = Watch((*TOKENS.values(), *HOOKS.values(), ADMIN_TOKEN, CHECKS_TOKEN))
    return _now


class Listener(logging.Handler):
    """Hears every log line, with its traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        _now.hear("a log line", self.format(record))


def install(patch: pytest.MonkeyPatch) -> None:
    """Listen to what is made, answered, printed and raised, for as long as `patch` holds."""
    _after(patch, Secret, "__init__", lambda _, secret, value: _now.learn(value))
    _after(patch, JiraClient, "__init__", lambda _, client, *a, **k: _now.learn(k["token"]))
    _after(patch, Signature, "__init__", lambda _, signature, token, **k: _now.learn(token))
    _after(patch, AppKey, "__init__", lambda _, signer, app, key, clock: _learn_key(key))
    _after(patch, subprocess.Popen, "__init__", _process_begins)
    _after(patch, subprocess.Popen, "communicate", _process_said)
    _after(
        patch, CliRunner, "invoke", lambda result, *_, **__: _now.hear("a command", result.output)
    )
    _after(patch, Flask, "finalize_request", _answered)
    for error in (TrackerError, RulesError, SettingsError, NoSecret, BadSignature, Malformed):
        _after(patch, error, "__init__", lambda _, error, *a, **k: _raised(error))


def _after(patch: pytest.MonkeyPatch, owner: type, name: str, listen: Callable[..., None]) -> None:
    """Have `listen` told of each call's result and arguments."""
    do = getattr(owner, name)

    def listened(*args: Any, **named: Any) -> Any:
        result = do(*args, **named)
        listen(result, *args, **named)
        return result

    patch.setattr(owner, name, listened)


def _learn_key(pem: str) -> None:
    """A private key is a secret as a whole, and so is each line of it."""
    for secret in (pem.strip(), *pem.splitlines()[1:-1]):
        _now.learn(secret)


def _process_begins(_: None, __: object, *___: object, **named: Any) -> None:
    for name, value in (named.get("env") or {}).items():
        if name not in os.environ and name.endswith(("_TOKEN", "_HOOK", "_SECRET")):
            _now.learn(value)


def _process_said(result: tuple[Any, Any], *_: object, **__: object) -> None:
    for said in filter(None, result):
        text = said.decode(errors="replace") if isinstance(said, bytes) else said
        _now.keep("a process", text)


def _answered(response: Response, app: Flask, *_: object, **__: object) -> None:
    if app.name == "service.web" and not response.direct_passthrough:
        _now.hear("an answer", f"{response.headers}\n{response.get_data(as_text=True)}")


def _raised(error: Exception) -> None:
    _now.hear(type(error).__name__, f"{error} {vars(error)}")
