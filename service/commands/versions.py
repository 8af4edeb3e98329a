"""`followthrough versions` and `followthrough diff`: what was published, and what changed."""

from __future__ import annotations

import re
from collections.abc import Sequence

import click

from service.commands.reading import find_or_give_up, give_up, opened_store
from service.explain import plain
from workflows.differences import changed
from workflows.timeline import stamp
from workflows.versions import Version

_NAME = re.compile(r"[vV]?([0-9]{1,9})")


@click.command("versions", short_help="List what was published of a postmortem.")
@click.argument("ticket")
def versions_command(ticket: str) -> None:
    """List what was published of the postmortem of TICKET, the first version first."""
    key, found = _versions(ticket)
    for each in found:
        click.echo(plain(_listed(each)))
    if not found:
        click.echo(f"Nothing of {key} was published yet.", err=True)


@click.command("diff", short_help="Show what changed between two versions.")
@click.argument("ticket")
@click.argument("before")
@click.argument("after")
def diff_command(ticket: str, before: str, after: str) -> None:
    """Show what changed in the postmortem of TICKET between the versions BEFORE and AFTER,
    section by section.

    Versions are named as `versions` lists them: v1, v2.
    """
    key, found = _versions(ticket)
    old, new = (_named(name, key, found) for name in (before, after))
    sections = changed(old.publication.text, new.publication.text)
    for section in sections:
        click.echo(plain(f"--- {section.title or 'before the first heading'}"))
        for line in section.lines:
            click.echo(plain(line))
        click.echo()
    if not sections:
        click.echo(f"{old.name} and {new.name} say the same.", err=True)


def _versions(ticket: str) -> tuple[str, list[Version]]:
    """The incident's key, and its versions."""
    with opened_store() as store, store.read() as tx:
        incident = find_or_give_up(tx, ticket).incident
        return incident.ticket.key, tx.versions.of_incident(incident.id)


def _named(typed: str, key: str, found: Sequence[Version]) -> Version:
    match = _NAME.fullmatch(typed.strip())
    number = int(match[1]) if match else 0
    version = next((each for each in found if each.number == number), None)
    if version is None:
        there = ", ".join(each.name for each in found)
        give_up(f"{key} has no version {typed}: it has {there or 'none yet'}.")
    return version


def _listed(version: Version) -> str:
    publication = version.publication
    by = f"  by {publication.by}" if publication.by else ""
    commit = f"  commit {publication.commit}" if publication.commit else ""
    return f"{version.name}  {stamp(publication.at)} UTC{by}{commit}  sha256 {version.digest}"
