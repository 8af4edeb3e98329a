"""`followthrough rules`: look at the rules without running anything."""

from __future__ import annotations

from pathlib import Path

import click

from config.rules import Rules, RulesError, load


@click.group()
def rules() -> None:
    """Look at the rules."""


@rules.command()
@click.argument(
    "file", envvar="FOLLOWTHROUGH_RULES", default="rules.yaml", type=click.Path(path_type=Path)
)
def check(file: Path) -> None:
    """Check FILE whole: shape, names, destinations, secrets, templates. No tracker is asked.

    FILE is a file or a directory of them: rules.yaml, or what FOLLOWTHROUGH_RULES says. Ends with 1
    when something is wrong.
    """
    try:
        found = load(file)
    except RulesError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        click.echo(f"{file}: {_count(len(error.problems), 'problem')} to mend", err=True)
        raise SystemExit(1) from None
    click.echo(f"{file} is right: {_summary(found)}")
    for warning in found.warnings:
        click.echo(f"  note: {warning}")


def _summary(found: Rules) -> str:
    policy = found.policy
    sources = sum(len(team.incidents) for team in policy.teams.values())
    counts = (
        _count(len(policy.teams), "team"),
        _count(len(found.connections), "connection"),
        _count(sources, "watched place"),
        _count(len(policy.severities), "severity", "severities"),
        _count(len(policy.people), "person", "people"),
    )
    return ", ".join(counts)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
