"""Our table on a page of Confluence: what people make of it, and pages on which there is much."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from integrations.confluence.keeping import rewritten
from integrations.confluence.reading import sections
from integrations.confluence.writing import from_markdown
from workflows.action_table import HEAD, merge_table, read_table, table
from workflows.markup import cell
from workflows.model import ActionItem, Kind, Origin

_HEAD = f"| {' | '.join(HEAD)} |\n{'| --- ' * 7}|\n"


def ours(*rows: str) -> str:
    return _HEAD + "\n".join(rows)


def rows_of(count: int, title: str = "title") -> list[str]:
    return [f"| AI-{n} | {title} {n} | corrective | kim | — | — | open |" for n in range(count)]


def calls(run: Callable[[], object]) -> int:
    """How many functions are called, and generators resumed, while this runs."""
    count = 0

    def told(frame: object, event: str, what: object) -> None:
        del frame, what
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(told)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


def shuffled(rows: list[str]) -> list[str]:
    return random.Random(1).sample(rows, len(rows))


def written(text: str, new: str) -> Callable[[], object]:
    body = f"<h2>A</h2>{from_markdown(text)}"
    return lambda: rewritten(body, {"A": new})


@pytest.mark.parametrize(
    "change",
    [
        lambda n: written(ours(*rows_of(n)), ours(*rows_of(n, "new"))),
        lambda n: written(ours(*rows_of(n)), ours(*reversed(rows_of(n)))),
        lambda n: written(ours(*rows_of(n)), ours(*shuffled(rows_of(n)))),
        lambda n: written(ours(*(f"|{r[7:]}" for r in rows_of(n))), ours(*rows_of(n, "other"))),
        lambda n: written("\n\n".join(rows_of(n, "- ")), "\n\n".join(rows_of(n, "+ "))),
        lambda n: written("- x\n" * n, "- x\n" * (n // 2)),
    ],
    ids=["titles", "upside-down", "sorted", "unnamed", "paragraphs", "items"],
)
def test_four_times_as_much_on_a_page_is_four_times_the_work(
    change: Callable[[int], Callable[[], object]],
) -> None:
    change(1)()
    assert calls(change(160)) < 5 * calls(change(40))


@pytest.mark.parametrize(("old", "new"), [("foo bar", "foobar"), ("foo", "foo*"), ("foo*", "foo")])
def test_a_new_title_is_written_however_little_is_new_in_it(old: str, new: str) -> None:
    def said(title: str) -> str:
        return ours(f"| AI-1 | {cell(title)} | corrective | — | — | — | open |")

    page = rewritten(f"<h2>A</h2>{from_markdown(said(old))}", {"A": said(new)})
    assert page == f"<h2>A</h2>{from_markdown(said(new))}"
    beside = rewritten(f"<h2>A</h2><p>{old}</p>", {"A": cell(new)})
    assert beside == f"<h2>A</h2><p>{new}</p>"


KIM = '<ac:link><ri:user ri:account-id="712020:kim" /></ac:link>'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"<ul><li><p>of {KIM}</p>", "<p>so far</p></li></ul>"),
        (f"<ol><li>one</li><li>{KIM}", "</li><li>two</li></ol>"),
        ("<ul><li>", "</li></ul>"),
        (
            f"<ac:task-list><ac:task><ac:task-status>complete</ac:task-status><ac:task-body>{KIM}",
            "</ac:task-body></ac:task></ac:task-list>",
        ),
    ],
    ids=["item", "numbered", "alone", "task"],
)
def test_our_table_in_an_item_of_a_list_is_written_there_and_not_once_more_each_time(
    before: str, after: str
) -> None:
    items = [ActionItem(n, Origin("document", "d"), f"t {n}", Kind.CORRECTIVE) for n in (1, 2)]
    page = f"<h2>A</h2>{before}{from_markdown(table(items))}{after}"
    base = sections(page)["A"]
    items[1] = replace(items[1], title="other")
    for _ in range(2):
        left = read_table(base, sections(page)["A"], items).left(items)
        page = rewritten(page, {"A": merge_table(table(items), {}, left)})
        assert page == f"<h2>A</h2>{before}{from_markdown(table(items))}{after}"


def cells_of(*cells: str) -> str:
    held = (each if each.startswith("<td") else f"<td>{each}</td>" for each in cells)
    return f'<tr class="x">{"".join(held)}</tr>'


def merged_page(second: str) -> str:
    """The second row has its milestone from the first, and the third its owner and milestone in
    one cell; the rows that the table holds are told without their heads."""
    emoticon = '<ac:emoticon ac:name="tick" />'
    rows = (
        cells_of("AI-1", "t 1", "corrective", "kim", f'<td rowspan="2">Q1{emoticon}</td>', "—", ""),
        second,
        cells_of("AI-3", f"t 3{emoticon}", "corrective", '<td colspan="2">—</td>', "—", "<td />"),
    )
    head = cells_of(*HEAD)
    return f'<h2>A</h2><table data-layout="wide"><tbody>{head}{"".join(rows)}</tbody></table>'


def test_a_merged_cell_is_read_in_each_row_and_stays_until_something_else_is_to_be_said() -> None:
    page = merged_page(cells_of("AI-2", "t 2", "corrective", "kim", "—", "open"))
    said = [
        "| AI-1 | t 1 | corrective | kim | Q1 | — |  |",
        "| AI-2 | t 2 | corrective | kim | Q1 | — | open |",
        "| AI-3 | t 3 | corrective | — |  | — |  |",
    ]
    assert sections(page)["A"] == ours(*said)
    assert rewritten(page, {"A": ours(*said)}) == page
    said[1] = said[1].replace("Q1", "Q2")
    new = rewritten(page, {"A": ours(*said)})
    assert sections(new)["A"] == ours(*said)
    second = cells_of("AI-2", "t 2", "corrective", "kim", "<td><p>Q2</p></td>", "—", "open")
    alone = merged_page(second).replace(' rowspan="2"', "")
    assert new == alone.replace('<td colspan="2">—</td>', "<td>—</td><td></td>")
    assert rewritten(new, {"A": ours(*said)}) == new


def test_a_row_that_shows_nothing_stays_and_so_does_what_is_in_it() -> None:
    empty = cells_of(*["<td />"] * 3, '<ac:emoticon ac:name="tick" />', *["<p></p>"] * 3)
    first, last = (cells_of(f"AI-{n}", "t", "corrective", "kim", "—", "—", "open") for n in (1, 2))
    page = f"<h2>A</h2><table>{cells_of(*HEAD)}{first}{empty}{last}{empty}</table>"
    said = [f"| AI-{n} | t | corrective | kim | — | — | open |" for n in (1, 2, 3)]
    new = cells_of("AI-3", "t", "corrective", "kim", "—", "—", "open").replace("<td>", "<td><p>")
    added = new.replace("</td>", "</p></td>").replace(' class="x"', "")
    assert rewritten(page, {"A": ours(*said)}) == page.replace(last, last + added)
    assert rewritten(page, {"A": ours(*said[1:2])}) == page.replace(first, "")


def test_a_head_in_other_words_gets_ours_where_it_stands() -> None:
    called = ["Nr", "Aktion", *HEAD[2:]]
    body = cells_of("AI-1", "t", "corrective", "kim", "—", "—", "open")
    page = f"<h2>A</h2><table><thead>{cells_of(*called)}</thead><tbody>{body}</tbody></table>"
    new = rewritten(page, {"A": ours("| AI-1 | t | corrective | kim | — | — | open |")})
    head = "<td><p>ID</p></td><td><p>Action</p></td>"
    assert new == page.replace("<td>Nr</td><td>Aktion</td>", head)
