"""The pattern library as Markdown files: one for each pattern, and an index.

The same records on the same day make the same bytes, so that a repository shows what changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from workflows.documents import link_to
from workflows.markup import cell, excerpt, inert, link
from workflows.patterns import RULE, Against, Here, Named, Pattern
from workflows.postmortem import slug

#: The first line of each file that is ours: no other is written over, or taken away.
MARK = "<!-- followthrough:pattern-library -->"

INDEX = "index.md"

#: So many incidents, and measures, are named in a file.
MOST = 50

_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Entry:
    """A pattern with all that its file tells: where it was named ever, its newest incidents and
    their measures."""

    pattern: Pattern
    where: Sequence[Here]
    incidents: Sequence[Named]
    against: Sequence[Against]

    @property
    def file(self) -> str:
        """The name of its file; a hash tells those apart that would have the same one."""
        plain, name = slug(self.pattern.name).lower(), self.pattern.name
        if plain.replace("-", " ") == name and f"{plain}.md" != INDEX and len(plain) <= _LONGEST:
            return f"{plain}.md"
        return f"{plain[:_LONGEST]}-{blake2b(name.encode(), digest_size=4).hexdigest()}.md"


def files(entries: Sequence[Entry], quarters: Sequence[str]) -> dict[str, str]:
    """The text of each file by its name. `quarters` are those that are counted, and told."""
    found = {each.file: _one(each, quarters) for each in entries}
    return {INDEX: _index(entries, quarters), **found}


def _index(entries: Sequence[Entry], quarters: Sequence[str]) -> str:
    lines = [MARK, "# Patterns", ""]
    lines += [f"Contributing factors that at least two incidents named since {quarters[0]}.", ""]
    lines += [RULE, ""]
    if entries:
        lines += _head("Factor", "Stands", *quarters, "Measures", "Effective", "Open", "Last named")
    for each in entries:
        pattern, tally = each.pattern, each.pattern.tally
        counts = [str(pattern.quarters.get(quarter, 0)) for quarter in quarters]
        row = (
            f"[{inert(pattern.name)}]({each.file})",
            pattern.state.value,
            *counts,
            *(str(n) for n in (tally.measures, tally.effective, tally.open)),
            f"{pattern.last:%Y-%m-%d}",
        )
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines if entries else [*lines, "None."]) + "\n"


def _one(entry: Entry, quarters: Sequence[str]) -> str:
    pattern, tally = entry.pattern, entry.pattern.tally
    lines = [MARK, f"# {inert(pattern.name)}", ""]
    lines.append(f"{pattern.incidents} incidents since {quarters[0]}; {pattern.state.value}.")
    lines += ["", "| Their measures | |", "| --- | --- |"]
    rows = {
        "Taken": tally.measures,
        "Open": tally.open,
        "Effective": tally.effective,
        "Effective in part": tally.partly,
        "Not effective": tally.not_effective,
        "In doubt": tally.suspect,
        "Unproven": tally.unproven,
    }
    lines += [f"| {name} | {count} |" for name, count in rows.items()]
    lines += ["", "## Where", "", *_where(entry, quarters), "", "## Measures", ""]
    lines += [*_against(entry), "", "## Incidents", "", *_incidents(entry)]
    return "\n".join(lines) + "\n"


def _where(entry: Entry, quarters: Sequence[str]) -> Iterator[str]:
    yield from _head("Service", "Team", *quarters, "Ever")
    for each in entry.where[:MOST]:
        counts = [str(each.quarters.get(quarter, 0)) for quarter in quarters]
        row = (cell(each.service_words), cell(each.team), *counts, str(each.incidents))
        yield f"| {' | '.join(row)} |"


def _against(entry: Entry) -> Iterator[str]:
    if not entry.against:
        yield "None was taken."
        return
    yield from _head("Measure", "What", "Task", "Proved")
    for each in entry.against[:MOST]:
        task = link(each.task_key, each.task_url) if each.task_key else "—"
        name = f"AI-{each.item} of {inert(each.key)}"
        yield f"| {name} | {inert(excerpt(each.title))} | {task} | {each.proved} |"
    if len(entry.against) > MOST:
        yield ""
        yield f"and {len(entry.against) - MOST} more."


def _incidents(entry: Entry) -> Iterator[str]:
    for each in entry.incidents:
        opened = f", {each.opened:%Y-%m-%d}" if each.opened else ""
        document = f", {link_to('postmortem', each.document_url)}" if each.document_url else ""
        key = link(each.key, each.url) if each.url else inert(each.key)
        yield f"- {key}{opened}: {inert(excerpt(each.title))}{document}"


def _head(*columns: str) -> list[str]:
    return [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
