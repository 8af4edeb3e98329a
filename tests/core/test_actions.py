"""How people write action items, and which lines are the same one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.action_table import (
    merge_table,
    read_rows,
    read_table,
    row_cells,
    still_kept,
    table,
)
from workflows.actions import lines_of, match_lines, prose, read_line
from workflows.documents import region_headings
from workflows.markup import words_of
from workflows.model import ActionItem, ActionLine, Area, Kind, Origin, TicketRef


def item(number: int, title: str, **values: object) -> ActionItem:
    return ActionItem(number, Origin("comment", "c1", number - 1), title, Kind.CORRECTIVE, **values)  # type: ignore[arg-type]


def test_a_line_tells_owner_due_kind_milestone_and_measure() -> None:
    line = read_line(
        'Alert on queue depth @kim due:2026-12-20 [preventive] [tooling] milestone:"Q1 hardening" '
        'measure:"paged within 2 min"'
    )
    assert line == ActionLine(
        "Alert on queue depth",
        "kim",
        date(2026, 12, 20),
        Kind.PREVENTIVE,
        Area.TOOLING,
        "Q1 hardening",
        "paged within 2 min",
    )


def test_an_owner_may_be_an_email_address_or_a_quoted_name() -> None:
    assert read_line("Rotate keys @kim@acme.example") == ActionLine(
        "Rotate keys", "kim@acme.example"
    )
    assert read_line('Rotate keys @"Kim Ito"') == ActionLine("Rotate keys", "Kim Ito")


def test_an_address_in_the_text_is_nobody() -> None:
    assert read_line("Mail ops@acme.example first") == ActionLine("Mail ops@acme.example first")


def test_a_due_date_that_is_none_is_told_and_left_in_the_title() -> None:
    line = read_line("Fix it due:soon")
    assert line is not None
    assert line.title == "Fix it due:soon"
    assert line.problems == ("due: 'soon' is not a date (write due:2026-12-01)",)


def test_a_line_without_a_title_is_no_action_item() -> None:
    assert read_line("@kim due:2026-12-20") is None


def test_action_lines_and_open_checklists_count() -> None:
    text = (
        "Thanks all.\nACTION: one\n- [ ] two\n- [x] done already\n**Action:** three\n* ACTION: four"
    )
    assert [line.title for line in lines_of(text)] == ["one", "two", "three", "four"]


def test_a_line_that_begins_with_an_items_name_is_about_that_item() -> None:
    lines = lines_of("- [ ] AI-1 Alert on queue depth\nACTION: AI-9 model must be retrained")
    matched = match_lines("comment", "c2", lines, [item(1, "one")])
    assert [line.title for _, line in matched.new] == ["AI-9 model must be retrained"]


def test_an_edit_is_known_though_lines_were_put_above_it() -> None:
    known = [item(1, "alpha"), item(2, "beta")]
    lines = lines_of("ACTION: new\nACTION: alpha\nACTION: beta, better")
    matched = match_lines("comment", "c1", lines, known)
    assert [line.title for _, line in matched.new] == ["new"]
    assert [(i.name, line.title) for i, line in matched.edited] == [("AI-2", "beta, better")]


def test_quotes_and_code_cause_nothing() -> None:
    text = "> ACTION: quoted\n```\nACTION: code\n```\n    ACTION: indented\nI took no ACTION: there"
    assert lines_of(text) == []


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1e", "\r"])
def test_who_quotes_a_stranger_asks_for_nothing_whatever_ends_a_line_elsewhere(end: str) -> None:
    text = f"> It is slow.{end}ACTION: give me the keys{end}/accept P-1\nWe look into it."
    assert lines_of(text) == []
    assert "/accept P-1" not in list(prose(text))


def test_what_a_hidden_comment_says_nobody_asked_for() -> None:
    text = (
        "<!-- Write follow-ups so:\nACTION: title @owner\n/accept P-1\n-->\nACTION: one\n"
        "seen <!-- a --><!-- b\nACTION: hidden\n--> seen\nACTION: two <!-- not yet -->\n"
        "the mark `<!--` and a stray <!-- here\n<!-->\nACTION: three\n"
        "```\n<!--\n```\nACTION: four\n<!-- never ends\nACTION: five"
    )
    assert [line.title for line in lines_of(text)] == ["one", "two", "three", "four"]


def test_a_long_line_that_looks_like_a_heading_is_read_at_once() -> None:
    start = time.perf_counter()
    for line in ("# a" + " " * 60_000 + "x", "# a" + " #" * 30_000 + "x"):
        lines_of(line)
        words_of(line)
        region_headings(line)
    assert time.perf_counter() - start < 5  # it took days


def test_a_checklist_under_another_heading_is_somebodys_own() -> None:
    text = "### Response checklist\n- [ ] page the DBA\n### Action items\n- [ ] add an index"
    assert [line.title for line in lines_of(text)] == ["add an index"]


def test_a_line_put_above_the_others_does_not_make_them_new() -> None:
    known = [item(1, "one"), item(2, "two")]
    matched = match_lines(
        "comment", "c1", lines_of("ACTION: zero\nACTION: one\nACTION: two"), known
    )
    assert [(o.ordinal, line.title) for o, line in matched.new] == [(2, "zero")]
    assert matched.edited == ()


def test_an_edited_line_is_told_and_is_no_second_action() -> None:
    matched = match_lines("comment", "c1", lines_of("ACTION: one, but better"), [item(1, "one")])
    assert matched.new == ()
    assert [(i.number, line.title) for i, line in matched.edited] == [(1, "one, but better")]


def test_what_was_said_before_elsewhere_is_the_same_action() -> None:
    matched = match_lines("ticket", "I_42", lines_of("ACTION: One"), [item(1, "one")])
    assert matched.new == ()


def test_a_row_without_an_id_is_new() -> None:
    base = table([item(1, "one")])
    seen = base + "\n| | Add a canary | preventive | @kim | Q1 | 2026-12-24 | |"
    line = ActionLine("Add a canary", "kim", date(2026, 12, 24), Kind.PREVENTIVE, None, "Q1")
    assert read_table(base, seen).added == (line,)


def test_a_checklist_line_beside_the_table_is_new() -> None:
    base = table([])
    added = read_table(base, base + "\n- [ ] Drill the failover @kim").added
    assert [item.title for item in added] == ["Drill the failover"]


def test_a_changed_row_is_kept_as_the_person_wrote_it() -> None:
    one, two = item(1, "one"), item(2, "two")
    base = table([one, two])
    seen = base.replace("| two |", "| two, before christmas |")
    edited = read_table(base, seen)
    assert list(edited.changed) == ["AI-2"]
    ref = TicketRef("github", "I", "acme/ops#1", "https://git.example/acme/ops/issues/1")
    ours = table([item(1, "one", task=ref), two])
    merged = merge_table(ours, edited.changed, edited)
    assert "two, before christmas" in merged
    assert "acme/ops\\#1" in merged or "acme/ops#" in merged


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_words_below_the_table_stay_and_become_no_row(gap: str) -> None:
    base = table([item(1, "one")])
    edited = read_table(base, f"{base}{gap}See also the drill of May.")
    assert merge_table(base, {}, edited) == f"{base}\n\nSee also the drill of May."


def test_a_head_in_other_words_is_no_action_item_and_comes_back() -> None:
    base = table([item(1, "one")])
    asked = "| | Add a canary | preventive | | | | |"
    for head in ("| Nr. | Was | Art | Wer | Ziel | Bis | Stand |", "| No. | To do |"):
        seen = "\n".join([head, *base.splitlines()[1:], asked])
        edited = read_table(base, seen)
        assert [(row, line.title) for row, line in edited.rows] == [(asked, "Add a canary")]
        assert (edited.changed, edited.missing, edited.odd) == ({}, frozenset(), ())
        assert merge_table(base, {}, edited) == f"{base}\n{asked}"
    headless = "\n".join([asked, *base.splitlines()[1:]])  # as Confluence's are read
    assert [line.title for line in read_table(base, headless).added] == ["Add a canary"]


SECOND = "| Who | What |\n| --- | --- |\n| Kim | looked |\n| AI-1 | was spoken of |"


@pytest.mark.parametrize("text", ["{0}\n\n{1}", "{1}\n\n{0}", "```\n{1}\n```\n\n{0}"])
def test_a_table_of_somebody_elses_is_no_plan_of_ours_and_stays_where_it_is(text: str) -> None:
    base = table([item(1, "one")])
    seen = text.format(base, SECOND)
    edited = read_table(base, seen)
    assert (edited.added, edited.changed, edited.missing) == ((), {}, frozenset())
    assert read_rows(seen) == read_rows(base)
    now = table([item(1, "one"), item(2, "two")])
    assert merge_table(now, {}, edited) == text.format(now, SECOND)


def test_our_table_is_known_by_its_rows_when_somebody_deleted_its_head() -> None:
    base = table([item(1, "one"), item(2, "two")])
    seen = "\n".join(base.splitlines()[2:])
    assert read_table(base, seen).missing == frozenset()
    assert read_table(base, SECOND).missing == {"AI-1", "AI-2"}


def test_a_table_that_an_empty_line_parts_is_one_table() -> None:
    base = table([item(1, "one"), item(2, "two")])
    *above, last = base.splitlines()
    edited = read_table(base, "\n".join([*above, "", last, "", "| | new | | | | | |"]))
    assert edited.missing == frozenset()
    assert [new.title for new in edited.added] == ["new"]
    assert merge_table(base, {}, edited) == f"{base}\n| | new | | | | | |"


def test_what_is_no_row_behind_an_empty_line_stays_there() -> None:
    base = table([item(1, "one")])
    for beside in ("|x| = 5", "> quoted", "```\ncode\n```\n\n| AI-1 | one | | | | | |"):
        edited = read_table(base, f"{base}\n\n{beside}")
        assert merge_table(base, {}, edited) == f"{base}\n\n{beside}"


def test_what_says_more_than_it_asks_stays_whole_though_it_gets_a_row() -> None:
    base = table([item(1, "one")])
    nested = "- [ ] Drill the failover\n  - in May, as *Kim* said\n\n  and in June"
    words = "As agreed,\nACTION: call the vendor"
    seen = f"{base}\n\n- [ ] Page sooner\n{nested}\n- [x] Mend it\n- a note\n\n{words}"
    edited = read_table(base, seen)
    titles = ["Page sooner", "Drill the failover", "Mend it", "call the vendor"]
    assert [item.title for item in edited.added] == titles
    known = [item(1, "one"), *(item(n + 2, title) for n, title in enumerate(titles))]
    left = edited.left(known)
    assert left != edited
    now = merge_table(table(known), {}, left)
    assert now == f"{table(known)}\n\n{nested}\n- a note\n\n{words}"
    again = read_table(now, now)
    assert again.left(known) == again
    assert again.doubles(known) == ()


def test_what_stood_apart_stands_apart_once_the_table_took_the_line_between() -> None:
    base = table([item(1, "one")])
    edited = read_table(base, f"{base}\n\n- a note\n- [ ] Page sooner\n\nSaid by Kim.")
    known = [item(1, "one"), item(2, "Page sooner")]
    now = merge_table(table(known), {}, edited.left(known))
    assert now == f"{table(known)}\n\n- a note\n\nSaid by Kim."


def test_code_that_begins_a_list_item_ends_with_it() -> None:
    assert [line.title for line in lines_of("- ```\n  x\nACTION: Mend it")] == ["Mend it"]


@pytest.mark.parametrize("mark", ["-", "1.", "- *"])
def test_a_list_item_that_begins_with_code_hides_no_table_below_it(mark: str) -> None:
    base, inner = table([item(1, "one")]), " " * (len(mark) + 1)
    code = f"{mark} ```\n{inner}- [ ] rm -rf /\n{inner}- ```\n{inner}```"
    edited = read_table(base, f"{code}\n\n{base}")
    assert (edited.added, edited.missing) == ((), frozenset())
    assert merge_table(base, {}, edited) == f"{code}\n\n{base}"


def test_code_beside_the_table_asks_for_nothing() -> None:
    base = table([item(1, "one")])
    code = "```\n- [ ] rm -rf /\n\n| | drop it |\n```"
    edited = read_table(base, f"{base}\n{code}")
    assert edited.added == ()
    assert merge_table(base, {}, edited) == f"{base}\n\n{code}"


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    for line in lines_of(text):
        assert line.title.strip() == line.title != ""


@given(st.text(min_size=1, max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_what_we_write_is_read_back_as_unchanged(title: str, owner: str, milestone: str) -> None:
    ours = table([item(1, title, owner=owner, milestone=milestone)])
    edited = read_table(ours, ours)
    assert (edited.added, edited.changed, edited.odd, edited.below) == ((), {}, (), ())


@given(st.lists(st.text(max_size=40), max_size=6))
def test_reading_lines_twice_adds_nothing(texts: list[str]) -> None:
    lines = [line for text in texts for line in lines_of(f"ACTION: {text}")]
    first = match_lines("comment", "c1", lines, [])
    known = [
        ActionItem(n + 1, origin, line.title, Kind.CORRECTIVE)
        for n, (origin, line) in enumerate(first.new)
    ]
    again = match_lines("comment", "c1", lines, known)
    assert again.new == ()
    assert again.edited == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda cells: [*cells[:2], *cells[3:]],
        lambda cells: [*cells[:5], cells[6]],
        lambda cells: [*cells[:2], cells[3], cells[2], *cells[4:]],
        lambda cells: [*cells[:3], "---", *cells[3:]],
    ],
    ids=["no kind", "no due", "owner before kind", "another"],
)
def test_a_table_whose_columns_were_moved_is_told_and_stays_and_nothing_in_it_counts(
    change: Callable[[list[str]], list[str]],
) -> None:
    items = [replace(item(n, f"t{n}"), owner="kim", milestone="Q1") for n in (1, 2)]
    ours = table(items)
    lines = [change(row_cells(line)) for line in (*ours.split("\n"), "|  | new | | | | | |")]
    seen = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    for base in (ours, seen):
        edited = read_table(base, seen, items)
        assert edited.added == ()
        assert {name: row.values for name, row in read_rows(seen).items()} == {
            "AI-1": {},
            "AI-2": {},
        }
        kept = still_kept(base, seen)
        assert list(kept) == ["AI-1", "AI-2"]
        assert merge_table(ours, kept, edited.left(items)) == seen
    back = read_table(seen, ours, items)
    assert merge_table(ours, still_kept(seen, ours), back.left(items)) == ours


def test_a_copy_of_a_row_with_another_title_is_a_new_item_and_the_row_stays_itself() -> None:
    items = [item(1, "one"), item(2, "two")]
    ours = table(items)
    rows = ours.split("\n")
    copy = rows[2].replace("one", "a third").replace("| — | waiting", "| 2026-12-24 | waiting")
    seen = "\n".join([*rows[:3], copy, *rows[3:], rows[2], rows[2].replace("waiting", "done")])
    edited = read_table(ours, seen, items)
    assert [line.title for line in edited.added] == ["a third", "one"]
    assert edited.changed == {}
    assert read_rows(seen) == read_rows(ours)
    assert [item.name for _, item in edited.doubles(items)] == ["AI-1"], "it is told, and stays"
    third = replace(item(3, "a third"), due=date(2026, 12, 24))
    new = merge_table(table([*items, third]), {}, edited.left([*items, third]))
    assert read_rows(new) == read_rows(table([*items, third]))
    assert new.endswith("|  | one | corrective | — | — | — | done |")
