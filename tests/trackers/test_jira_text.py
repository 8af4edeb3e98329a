"""Markdown into Jira's two formats and back, and sections that are replaced alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from integrations.jira import adf, wiki, wiki_grammar
from integrations.jira.text import ADF, WIKI, Markup
from integrations.sandbox.adf import fault_in
from workflows.actions import lines_of

QUICKLY = settings(max_examples=40)  # a grammar is built in the first example
BOTH = pytest.mark.parametrize("markup", [ADF, WIKI], ids=["adf", "wiki"])

DOCUMENT = """\
# Checkout was down

## Summary

Payments **failed** for [20 minutes](https://status.example/a?b=1&c=2) in `checkout_api`.

<!-- followthrough:begin timeline -->
## Timeline

| When | What |
| --- | --- |
| 10:00 | [INC-1](https://jira.example/browse/INC-1) status: Open → Done \\| quick |
| 10:05 | *paged* on-call on 2026-12-01 |

<!-- followthrough:end timeline -->

## Actions

- [ ] Write a runbook @kim due:2026-12-24 [preventive]
- [x] Restart it

1. first
2. second
   - below it

> said by somebody

```python
if a < b: pass
```
"""


@BOTH
def test_a_document_keeps_its_words_links_tables_and_checklists(markup: Markup) -> None:
    text = markup.to_markdown(markup.from_markdown(DOCUMENT))
    for kept in (
        "# Checkout was down",
        "**failed**",
        "[20 minutes](https://status.example/a?b=1&c=2)",
        "`checkout_api`",
        "[INC-1](https://jira.example/browse/INC-1) status: Open → Done \\| quick",
        "on-call on 2026-12-01",
        "- [ ] Write a runbook @kim due:2026-12-24 [preventive]",
        "- [x] Restart it",
        "> said by somebody",
        "```python\nif a < b: pass\n```",
    ):
        assert kept in text
    assert "<!--" not in text


@BOTH
def test_a_second_round_trip_changes_nothing(markup: Markup) -> None:
    once = markup.to_markdown(markup.from_markdown(DOCUMENT))
    assert markup.to_markdown(markup.from_markdown(once)) == once


@BOTH
def test_hidden_comments_quotes_after_them_and_html_do_no_harm(markup: Markup) -> None:
    text = "<!-- a\nb --> before\n<!-- c -->\n> quoted\n\n<b>bold</b> x<br>y <script>z</script>"
    back = markup.to_markdown(markup.from_markdown(text))
    assert "before" in back
    assert "> quoted" in back
    assert "<script>" not in back
    assert "<b>" not in back


@BOTH
def test_links_that_nobody_should_follow_become_words(markup: Markup) -> None:
    body = markup.from_markdown("[click](javascript:alert(1)) ![p](data:x) [ok](https://a.example)")
    assert "javascript" not in json.dumps(body)
    assert "data:" not in json.dumps(body)
    assert "https://a.example" in json.dumps(body)


def text_node(text: str, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": text, **({"marks": list(marks)} if marks else {})}


def paragraph(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(content)}


def document(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(content)}


def test_an_action_typed_in_jiras_editor_reads_as_one() -> None:
    line = paragraph(
        text_node("ACTION: alert on my_queue "),
        {"type": "mention", "attrs": {"id": "557058:f58-ab", "text": "@Kim Doe"}},
        text_node(" due:"),
        {"type": "date", "attrs": {"timestamp": "1798070400000"}},
        text_node(" [preventive]"),
        {"type": "hardBreak"},
        {"type": "inlineCard", "attrs": {"url": "https://wiki.example/run_book"}},
    )
    text = adf.to_markdown(document(line))
    assert [part.rstrip() for part in text.splitlines()] == [
        "ACTION: alert on my_queue @557058:f58-ab due:2026-12-24 [preventive]",
        "https://wiki.example/run_book",
    ]


def test_a_line_break_in_a_quote_does_not_leave_the_quote() -> None:
    quoted = paragraph(text_node("they said"), {"type": "hardBreak"}, text_node("ACTION: hack"))
    text = adf.to_markdown(document({"type": "blockquote", "content": [quoted]}))
    assert all(line.startswith(">") for line in text.splitlines())


def test_nodes_without_markdown_become_what_they_show() -> None:
    text = adf.to_markdown(
        document(
            {
                "type": "panel",
                "attrs": {"panelType": "info"},
                "content": [paragraph(text_node("in a panel"))],
            },
            {
                "type": "expand",
                "attrs": {"title": "More"},
                "content": [paragraph(text_node("inside"))],
            },
            {"type": "blockCard", "attrs": {"url": "https://a.example/x"}},
            {
                "type": "mediaSingle",
                "content": [{"type": "media", "attrs": {"alt": "graph.png"}}],
            },
            {"type": "extension", "attrs": {"extensionKey": "toc"}},
            {"type": "who-knows", "content": [text_node("still read")]},
        )
    )
    for shown in (
        "in a panel",
        "**More**",
        "inside",
        "https://a.example/x",
        "graph.png",
        "still read",
    ):
        assert shown in text
    assert "<" not in text


def test_what_jira_would_refuse_is_not_sent() -> None:
    odd = "**`code`**\n\n- # h\n-\n- > q\n\n> # h\n> - [ ] x\n\n| a |\n|---|\n|  |\n\n![p](https://a.b/c.png)"
    assert fault_in(adf.from_markdown(odd)) is None
    assert "mediaSingle" not in json.dumps(adf.from_markdown(odd))


@QUICKLY
@example("<P")
@example("<div>\nh2. x https://a.b/c\n</div>")
@given(st.text(st.characters(exclude_categories=["Cs", "Co"]), max_size=80))
def test_any_markdown_makes_a_document_that_jira_takes(text: str) -> None:
    assert fault_in(adf.from_markdown(text)) is None
    assert isinstance(wiki.from_markdown(text), str)


def test_wiki_mentions_and_escapes_read_as_people_mean_them() -> None:
    text = wiki.to_markdown(
        "ACTION: fix it [~kim.d_oe] due:2026-12-24 [preventive]\r\n"
        "[~accountid:557058:ab] \\*not bold\\* *bold* {color:red}red{color} a<b"
    )
    assert text == (
        "ACTION: fix it @kim.d_oe due:2026-12-24 [preventive]\n"
        "@557058:ab \\*not bold\\* **bold** red a\\<b"
    )


def test_copied_words_are_no_wiki_markup() -> None:
    text = wiki.from_markdown("[~kim] {include:x} !https://a.example/i.png! h1. x *a* a-b-c c:\\d")
    for markup in ("[~kim]", "{include", "!http", "*a*"):
        assert markup not in text.replace("\\" + markup[0], "")
    assert "a-b-c c:&#92;d" in text
    assert wiki.from_markdown("h2. Timeline").startswith("h2\u2060. ")
    assert wiki.sections(wiki.from_markdown("## A\n\nh2\\. Timeline")).keys() == {"A"}


def test_code_in_wiki_ends_where_it_should() -> None:
    for code in ("`{a}} [b]`", "```\n{code} x\n```"):
        assert (
            wiki.to_markdown(wiki.from_markdown(code)).replace("\u2060", "").split() == code.split()
        )
    assert wiki.sections("h2. A\n{code}\nh2. not one\n{code}\nh2. B\nx") == {
        "A": "```\nh2. not one\n```",
        "B": "x",
    }


# --- sections -----------------------------------------------------------------------------------

WORDS = st.text(st.sampled_from("ab *_[](){}|#-+~^!\\<>&@:é😀\n"), max_size=40)
HEADINGS = st.lists(
    st.sampled_from(["Summary", "Timeline", "Actions", "What went well"]), unique=True
)


@QUICKLY
@given(HEADINGS, WORDS, WORDS, st.data())
def test_replacing_one_wiki_section_leaves_every_other_character(
    names: list[str], body: str, new: str, data: st.DataObject
) -> None:
    parts = {name: f"h2. {name}\r\n{body}\n" for name in names}
    whole = "intro\n" + "".join(parts.values())
    name = data.draw(st.sampled_from([*names, "Nowhere"]))
    written = wiki.replace_sections(whole, {name: new})
    before, _, rest = whole.partition(parts.get(name, whole))
    if name in names:
        assert written.startswith(before + f"h2. {name}\r\n")
        assert written.endswith(rest)
        assert list(wiki.sections(written)) == list(wiki.sections(whole))
    else:
        assert written == whole


@QUICKLY
@given(HEADINGS, WORDS, WORDS, st.data())
def test_replacing_one_adf_section_leaves_every_other_node(
    names: list[str], body: str, new: str, data: st.DataObject
) -> None:
    odd = {"type": "panel", "attrs": {"panelType": "x", "localId": "1"}, "content": []}
    whole = adf.from_markdown("\n\n".join(f"## {name}\n\ntext of it" for name in names))
    whole["content"].insert(0, odd)
    name = data.draw(st.sampled_from([*names, "Nowhere"]))
    written = adf.replace_sections(whole, {name: new})
    if name not in names:
        assert written == whole
        return
    at = next(n for n, node in enumerate(whole["content"]) if adf._words(node) == name)
    assert written["content"][: at + 1] == whole["content"][: at + 1]
    after = whole["content"][at + 2 :]
    assert written["content"][len(written["content"]) - len(after) :] == after
    assert list(adf.sections(written)) == list(adf.sections(whole))


@BOTH
@QUICKLY
@given(new=WORDS)
def test_what_was_written_reads_the_same_when_it_is_written_again(markup: Markup, new: str) -> None:
    whole = markup.from_markdown("## A\n\nx\n\n## B\n\ny")
    once = markup.replace_sections(whole, {"A": new})
    text = markup.sections(once)["A"]
    again = markup.sections(markup.replace_sections(once, {"A": text}))["A"]
    assert markup.sections(once)["B"] == "y"
    final = markup.sections(markup.replace_sections(once, {"A": again}))["A"]
    assert final == again


@BOTH
def test_a_real_section_is_stable_at_once(markup: Markup) -> None:
    whole = markup.from_markdown(DOCUMENT)
    told = markup.sections(whole)
    assert markup.sections(markup.replace_sections(whole, told)) == told


@BOTH
def test_a_deleted_section_stays_deleted_and_headings_inside_one_are_bold(markup: Markup) -> None:
    whole = markup.from_markdown("## A\n\nx")
    assert markup.replace_sections(whole, {"Timeline": "y"}) == whole
    written = markup.replace_sections(whole, {"A": "### sub\n\ny"})
    assert markup.sections(written) == {"A": "**sub**\n\ny"}


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "content", "attrs", "text", "marks", "level", "href", "id"]),
            inner
            | st.sampled_from(["doc", "paragraph", "heading", "text", "table", "taskItem", "link"]),
            max_size=5,
        )
    ),
    max_leaves=25,
)


@QUICKLY
@given(JUNK)
def test_any_stored_body_can_be_read(body: Any) -> None:
    for content in (body, {"type": "doc", "content": body}, {"type": "doc", "content": [body]}):
        assert isinstance(adf.to_markdown(content), str)
        assert isinstance(adf.sections(content), dict)
        assert isinstance(wiki.to_markdown(content), str)


@QUICKLY
@given(WORDS)
def test_any_wiki_text_can_be_read(text: str) -> None:
    assert isinstance(wiki.to_markdown(text), str)


@pytest.mark.parametrize("mark", ["-a ", "~a ", "^a ", "*a ", "[", "[~a ", "??a ", "*_-+"])
def test_marks_that_never_close_leave_the_text_as_it_is(
    mark: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = mark * (1600 // len(mark))
    read = wiki.to_markdown(text)
    assert "a" in read or "a" not in text
    assert ("TooCostly" in caplog.text) == mark.startswith("[")
    assert wiki.to_markdown("*bold*") == "**bold**"


def test_what_people_write_at_length_is_read(caplog: pytest.LogCaptureFixture) -> None:
    line = "* one *bold*, _italic_ {{mono}} -gone- +under+ ^sup^ [link|https://a.example/x_y-z]\n"
    log = "2026-01-01 12:00:00,123 [main] ERROR a.b.C - failed: {x=1, y=[2]} (code -7) ***\n"
    command = "kubectl get pods -n checkout -o json --sort-by age -w | grep -v Running -A 3\n"
    for text in (line, log, command):
        assert wiki.to_markdown(text * (2_000 // len(text)))
    assert caplog.text == ""


def test_what_is_too_costly_to_read_leaves_the_table_beside_it_a_table() -> None:
    costly = "(a [b " * 250
    rows = f"||ID||Action||\n|AI-1 · [OPS-1|https://a.example/OPS-1]|{costly}|\n|AI-2|*two*|\n"
    read = wiki.to_markdown(f"{rows}\nbelow {costly}\n")
    assert read.split("\n") == [
        "| ID | Action |",
        "| --- | --- |",
        f"| AI-1 · [OPS-1](https://a.example/OPS-1) | {costly.strip()} |",
        "| AI-2 | **two** |",
        "",
        f"below {costly}",
    ]


@pytest.mark.parametrize(
    "wiki_text",
    [
        "log: {code}\nACTION: x\n{code}\nACTION: real",
        "Ran {code}restart{code} and\nACTION: real",
        "* {noformat}\nACTION: x\n{noformat}\nACTION: real",
        "{code}\nx{code} {code}\nACTION: x\n{code}\nACTION: real",
        "{quote}see {code}\nACTION: x\n{code}{quote}\nACTION: real",
        "{noformat}\n```\nACTION: x\n{noformat}\nACTION: real",
        "{code}\n````\nACTION: x\n{code}\nACTION: real",
    ],
)
def test_code_in_wiki_text_stays_code_wherever_it_begins(wiki_text: str) -> None:
    assert [line.title for line in lines_of(wiki.to_markdown(wiki_text))] == ["real"]


@pytest.mark.parametrize("block", ["quote", "code", "noformat"])
def test_what_is_quoted_stays_quoted_where_the_text_is_too_costly_to_read(
    block: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiki_grammar, "WORTH", 0)
    monkeypatch.setattr(wiki_grammar, "WORTH_OF_EACH", 0)
    text = f"ACTION: mine\nsee {{{block}}}\nACTION: a stranger's\n{{{block}}}\nACTION: mine, too"
    assert [line.title for line in lines_of(wiki.to_markdown(text))] == ["mine", "mine, too"]


@pytest.mark.parametrize("kinds", [("listItem", "bulletList"), ("blockquote",), ("panel",)])
@pytest.mark.parametrize("levels", [10, 100, 400])
def test_what_is_nested_too_deeply_is_told_in_words_and_asks_for_nothing(
    kinds: tuple[str, ...], levels: int
) -> None:
    node: dict[str, Any] = {"type": "paragraph", "content": [{"type": "text", "text": "deep"}]}
    beside = {"type": "paragraph", "content": [{"type": "text", "text": "ACTION: beside"}]}
    for kind in kinds * levels:
        node = {"type": kind, "content": [node]}
    told = adf.to_markdown({"type": "doc", "version": 1, "content": [node, beside]})
    assert "deep" in told
    assert [line.title for line in lines_of(told)] == ["beside"]
