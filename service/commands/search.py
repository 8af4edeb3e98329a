"""`followthrough search`: incidents by their words."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import click

from service.commands.reading import opened_store
from service.explain import plain
from service.store.search import Hit
from workflows.excerpts import Segments
from workflows.queries import parse
from workflows.sight import EVERYTHING
from workflows.timeline import stamp


@click.command("search")
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 100), default=10, help="How many are shown; 10.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, an object a line.")
def search_command(words: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Find incidents by WORDS: all of them, in any order.

    "a phrase", a beginning*, -not; service: severity: team: tag: factor: kind: after: before:
    opened: narrow it down. Put what begins with - behind --.
    """
    query = parse(" ".join(words))
    with opened_store() as store, store.read() as tx:
        found = tx.search.find(query, EVERYTHING, limit=limit)
    for told in query.told:
        click.echo(plain(told), err=True)
    if found.lacking:
        click.echo("None has all words; these have some:", err=True)
    for hit in found.hits:
        if as_json:
            click.echo(json.dumps(_data(hit), ensure_ascii=False))
        else:
            for line in _lines(hit):
                click.echo(line)
    if found.more and not as_json:
        click.echo("There are more: name more words, or ask for more with --limit.", err=True)
    if not found.hits:
        click.echo("Nothing was found.", err=True)
        sys.exit(1)


def _lines(hit: Hit) -> Iterator[str]:
    about = [hit.service, hit.severity, hit.team, stamp(hit.opened) if hit.opened else ""]
    told = plain(", ".join(each for each in about if each))
    yield f"{plain(hit.key)}  {_marked(hit.title)}  ({told})"
    for what, segments in hit.labels:
        yield f"  {what}: {_marked(segments)}"
    for excerpt in hit.excerpts:
        yield f"  {plain(excerpt.title) or excerpt.part}: {_marked(excerpt.segments)}"


def _marked(segments: Segments) -> str:
    """On a terminal what was looked for is in bold; anywhere else nothing tells it apart."""
    said = [(plain(words), looked_for) for words, looked_for in segments]
    bold = sys.stdout.isatty()
    return "".join(click.style(words, bold=True) if on and bold else words for words, on in said)


def _data(hit: Hit) -> dict[str, object]:
    return {
        "id": hit.id,
        "key": hit.key,
        "url": hit.url,
        "document": hit.document_url,
        "title": hit.title,
        "team": hit.team,
        "service": hit.service,
        "severity": hit.severity,
        "opened": hit.opened.isoformat() if hit.opened else None,
        "restricted": hit.restricted,
        "imported": hit.imported,
        "labels": [[what.value, segments] for what, segments in hit.labels],
        "excerpts": [
            {"part": each.part.value, "title": each.title, "text": each.segments}
            for each in hit.excerpts
        ],
    }
