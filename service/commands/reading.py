"""What the commands share: the settings, the rules, and how a command gives up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import click

from config.rules import Rules, RulesError, load
from config.settings import Settings, SettingsError

rules_option = click.option(
    "--rules",
    "rules_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The rules file; otherwise FOLLOWTHROUGH_RULES, or rules.yaml.",
)


def read_rules(rules_file: Path | None) -> tuple[Settings, Rules]:
    """The settings, and the rules of this file or of where the settings say. Everything that is
    wrong in them is told, and the program ends with 1."""
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        give_up(*error.problems)
    file = rules_file or settings.rules
    if not file.exists():
        give_up(f"There is no rules file at {file}.", "`followthrough init` writes one with you.")
    try:
        return settings, load(file)
    except RulesError as error:
        count = len(error.problems)
        noun = "problem" if count == 1 else "problems"
        give_up(*map(str, error.problems), f"{file}: {count} {noun} to mend")


def give_up(*lines: str) -> NoReturn:
    """Say why, line by line, and end the program with 1."""
    for line in lines:
        click.echo(line, err=True)
    raise SystemExit(1)
