"""Rich text in whichever format the deployment keeps, and documents made to fit into a field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from integrations.jira import adf, wiki

#: https://confluence.atlassian.com/jirakb/changing-the-character-limit-for-jira-text-fields
LONGEST = 32_767


@dataclass(frozen=True, slots=True)
class Markup:
    """A format of rich text: ADF documents (dicts) on Cloud, wiki text (str) on Data Center."""

    from_markdown: Callable[[str], Any]
    to_markdown: Callable[[Any], str]
    sections: Callable[[Any], dict[str, str]]
    replace_sections: Callable[[Any, Mapping[str, str]], Any]
    size: Callable[[Any], int]


ADF = Markup(adf.from_markdown, adf.to_markdown, adf.sections, adf.replace_sections, adf.size)
WIKI = Markup(wiki.from_markdown, wiki.to_markdown, wiki.sections, wiki.replace_sections, wiki.size)


def fitted(markup: Markup, timeline: str, build: Callable[[str], Any]) -> Any:
    """``build(timeline)``, with as many rows of the timeline's table as Jira's limit leaves room
    for. Changes of status are kept longest, early rows longer than late ones; a last line says
    how many rows are missing and where they are.

    A document that is too large even without the rows is returned as it is: Jira will say so.
    """
    whole = build(timeline)
    lines = timeline.splitlines()
    rows = [n for n, line in enumerate(lines) if line.startswith("|")][2:]
    if markup.size(whole) <= LONGEST or not rows:
        return whole
    by_worth = sorted(rows, key=lambda n: ("status" not in lines[n].casefold(), n))
    low, high = 0, len(rows) - 1
    best = build(_without(lines, by_worth))
    while low < high:
        middle = (low + high + 1) // 2
        built = build(_without(lines, by_worth[middle:]))
        if markup.size(built) <= LONGEST:
            low, best = middle, built
        else:
            high = middle - 1
    return best


def _without(lines: list[str], left_out: list[int]) -> str:
    gone = set(left_out)
    kept = [line for n, line in enumerate(lines) if n not in gone]
    note = (
        f"*{len(gone)} more rows do not fit into a Jira description;"
        " they are in the history and the comments of the incident ticket.*"
    )
    return "\n".join([*kept, "", note])
