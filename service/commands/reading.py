"""What the commands share: the settings, the rules, and how a command gives up."""

from __future__ import annotations

import getpass
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click

from config.rules import Rules, RulesError, load
from config.settings import Settings, SettingsError
from service.container.databases import is_kept, open_store
from service.data import UnusableData, database_name
from service.explain import NoSuchIncident, SeveralIncidents, find_incident, plain
from service.store import Store, Transaction
from service.store.incidents import IncidentRecord
from workflows.rights import Actor, Role

_NAME = "followthrough"
_ITEM = re.compile(r"AI-([0-9]{1,6})", re.IGNORECASE)

rules_option = click.option(
    "--rules",
    "rules_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The rules file; otherwise FOLLOWTHROUGH_RULES, or rules.yaml.",
)


def read_rules(rules_file: Path | None) -> tuple[Settings, Rules]:
    """The settings, and the rules of this file or of where the settings say. Everything that is
    wrong in them is told, and the program ends with 1."""
    settings = read_settings()
    file = rules_file or settings.rules
    try:
        missing = not file.exists()
    except OSError:  # such as a directory that we may not look into: loading it says so
        missing = False
    if missing:
        give_up(f"There is no rules file at {file}.", f"`{program()} init` writes one with you.")
    try:
        return settings, load(file)
    except RulesError as error:
        count = len(error.problems)
        noun = "problem" if count == 1 else "problems"
        give_up(*map(str, error.problems), f"{file}: {count} {noun} to mend")


def read_settings() -> Settings:
    """The settings. Everything that is wrong in them is told, and the program ends with 1."""
    try:
        return Settings.from_environment(os.environ)
    except SettingsError as error:
        give_up(*error.problems)


@contextmanager
def data_in_use() -> Iterator[None]:
    """While the data directory is used: when that cannot be, it is told, and the program ends
    with 1."""
    try:
        yield
    except UnusableData as error:
        give_up(str(error))


@contextmanager
def opened_store() -> Iterator[Store]:
    """The store that the service keeps; nothing is made where there is none."""
    settings = read_settings()
    with data_in_use():
        if not is_kept(settings):
            give_up(
                f"There is no database at {database_name(settings)}.",
                "The service makes one when it starts. If it runs elsewhere, run this where it was"
                " started, or set FOLLOWTHROUGH_DATA to its data directory.",
            )
        store = open_store(settings)
    try:
        yield store
    finally:
        store.close()


def find_or_give_up(tx: Transaction, ticket: str) -> IncidentRecord:
    """The incident that a person means. Where there is none, or are several, it is told, and the
    program ends with 1."""
    try:
        return find_incident(tx, ticket)
    except NoSuchIncident as error:
        near = "Known are: " + ", ".join(error.near)
        if not error.near:
            near = f"No incident is known yet. `{program()} doctor` says whether the rules fit."
        give_up(f"No incident is known as {ticket}.", near)
    except SeveralIncidents as error:
        ids = [f"  {i.id}  {i.ticket.url}" for i in error.found]
        give_up(f"{ticket} names several incidents; ask by id:", *ids)


def item_number(typed: str) -> int:
    """The number that a person means by ``AI-1``. Where it is no action item's name, that is told,
    and the program ends with 1."""
    match = _ITEM.fullmatch(typed.strip())
    if match is None:
        give_up(f"{typed} is no action item's name: write it as AI-1.")
    return int(match[1])


def typist() -> Actor:
    """Who gives this command. Whoever reaches the database from a shell may do everything."""
    return Actor(user(), Role.ADMIN, None, "command line")


def user() -> str:
    """Who types, as the system knows them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have a number only
        return f"user {os.getuid()}"


def program() -> str:
    """How one types this program here, so that a command that we name works as it stands: by
    its name where the shell finds it, else by the way it was started."""
    if shutil.which(_NAME):
        return _NAME
    if Path(sys.argv[0]).name == _NAME:
        return shlex.quote(sys.argv[0])
    beside = Path(sys.executable).with_name(_NAME)
    return shlex.quote(str(beside)) if beside.exists() else f"{sys.executable} -m service"


def give_up(*lines: str) -> NoReturn:
    """Say why, line by line, and end the program with 1. A line may hold what a tracker said."""
    for line in lines:
        click.echo(plain(line), err=True)
    raise SystemExit(1)
