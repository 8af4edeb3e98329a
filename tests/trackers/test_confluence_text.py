"""Markdown into Confluence's storage format and back, and sections that are replaced alone."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_force import hidden, payloads

from integrations.confluence import storage
from integrations.confluence.keeping import rewritten
from integrations.confluence.reading import sections, to_markdown
from integrations.confluence.storage import NoStorage, parse, replace_sections
from integrations.confluence.writing import from_markdown
from integrations.sandbox.confluence_storage import saved
from workflows.actions import lines_of
from workflows.markup import cell, inert, plain_title

DOCUMENT = """\
# Checkout was down

## Summary

Payments **failed** for [20 minutes](https://status.example/a?b=1&c=2) in `checkout_api`.

<!-- followthrough:begin timeline -->
## Timeline

| When | What |
| --- | --- |
| 10:00 | [INC-1](https://jira.example/browse/INC-1) status: Open → Done \\| quick |
| 10:05 | *paged* on-call on 2026-12-01, `a \\| b` |

<!-- followthrough:end timeline -->

## Actions

- [ ] Write a runbook @kim due:2026-12-24 [preventive]
- [x] Restart it

1. first
2. second
   - below it

> said by somebody

```python
if a < b: pass  # ]]> & `a | b`
```

---

The end, ~~or not~~ \\*really\\*.
"""
BOTH = pytest.mark.parametrize("cloud", [True, False], ids=["cloud", "datacenter"])
XML = '<page xmlns:ac="ac" xmlns:ri="ri">{}</page>'
mixed = st.lists(st.sampled_from(payloads()) | st.text(max_size=12), max_size=6).map("".join)


def without_marks(text: str) -> str:
    lines = [line for line in text.splitlines() if not line.startswith("<!--")]
    return "\n".join(lines).replace("\n\n\n", "\n\n").replace("\n\n\n", "\n\n").strip()


@BOTH
def test_a_document_comes_back_as_it_was_however_confluence_rewrites_it(cloud: bool) -> None:
    written = from_markdown(DOCUMENT)
    assert to_markdown(written) == without_marks(DOCUMENT)
    once = saved(written, cloud)
    assert once != written
    assert saved(once, cloud) == once
    assert to_markdown(once) == without_marks(DOCUMENT)


PAGE = """<ac:layout><ac:layout-section ac:type="single"><ac:layout-cell>\
<h2 local-id="1">Action&nbsp;items</h2><ac:task-list><ac:task><ac:task-id>1</ac:task-id>\
<ac:task-status>incomplete</ac:task-status><ac:task-body><span>Fix it\
 <ac:link><ri:user ri:account-id="5b10:kim" /></ac:link> due:<time datetime="2026-12-24" /></span>\
</ac:task-body></ac:task></ac:task-list>\
<table data-layout="default" ac:local-id="2"><colgroup><col /></colgroup><tbody>\
<tr><th class="numberingColumn" /><th><p>ID</p></th><th><p><strong>Action</strong></p></th></tr>\
<tr><td class="numberingColumn">1</td><td><p>AI-1 · <a href="https://jira.example/OPS-1" \
data-card-appearance="inline">https://jira.example/OPS-1</a></p></td>\
<td><ul><li><p>Write</p></li><li><p>a <em>runbook</em></p></li></ul></td></tr></tbody></table>\
<ac:structured-macro ac:name="info"><ac:parameter ac:name="title">Mind</ac:parameter>\
<ac:rich-text-body><p>the &ldquo;gap&rdquo;</p></ac:rich-text-body></ac:structured-macro>\
<p>It is <ac:structured-macro ac:name="status">\
<ac:parameter ac:name="title">ON TRACK</ac:parameter>\
</ac:structured-macro><br />see <ac:link><ri:page ri:content-title="Runbook" />\
<ac:plain-text-link-body><![CDATA[the <book>]]></ac:plain-text-link-body></ac:link></p>\
<ac:image><ri:attachment ri:filename="graph.png" /></ac:image>\
<ac:structured-macro ac:name="toc" /></ac:layout-cell></ac:layout-section></ac:layout>"""


def test_what_people_make_in_confluences_editor_reads_as_what_they_see() -> None:
    assert to_markdown(PAGE) == (
        "## Action items\n\n"
        "- [ ] Fix it @5b10:kim due:2026-12-24\n\n"
        "| ID | **Action** |\n| --- | --- |\n"
        "| AI-1 · https://jira.example/OPS-1 | Write a *runbook* |\n\n"
        "**Mind**\n\nthe “gap”\n\n"
        "It is ON TRACK  \nsee the \\<book>\n\n"
        "(attachment graph.png)\n\n"
        "(macro toc)"
    )
    assert list(sections(PAGE)) == ["Action items"]
    (line,) = lines_of(to_markdown(PAGE).split("|")[0])
    assert line.title == "Fix it"


def test_a_macro_that_a_person_puts_into_a_region_shows_that_they_were_there() -> None:
    body = from_markdown("## Timeline\n\nwords")
    drawn = '<ac:structured-macro ac:name="drawio" ac:schema-version="1" />'
    for there in (f"{body}{drawn}", body.replace("words", f"words {drawn}")):
        assert "drawio" in sections(there)["Timeline"]


def test_a_section_is_replaced_and_every_other_byte_stays() -> None:
    between = "<h2>B</h2>  <p>ü&nbsp;<b a='>' />\n</p><!-- kept --><ac:x ac:y='1'/>"
    page = f"<p>top</p><h1>A</h1>\n<p>old é</p> text {between}<h3>A</h3><p>second</p>"
    new = replace_sections(page, {"A": "<p>new</p>", "gone": "<p>never</p>"})
    assert new == f"<p>top</p><h1>A</h1><p>new</p>{between}<h3>A</h3><p>second</p>"
    assert replace_sections("<h1>A</h1>", {"A": "<p>1</p>"}) == "<h1>A</h1><p>1</p>"
    assert replace_sections("<h1/><h2>A</h2>", {"A": "x"}) == "<h1/><h2>A</h2>x"


def test_sections_in_a_layout_and_below_it_are_replaced_where_they_stand() -> None:
    page = (
        "<h2>Top</h2><p>1</p><ac:layout><ac:layout-section><ac:layout-cell><h2>In</h2><p>22</p>"
        "</ac:layout-cell></ac:layout-section></ac:layout><h2>Below</h2><p>333</p>"
    )
    new = replace_sections(page, {"Below": "<p>c</p>", "In": "<p>bbbb</p>", "Top": "<p>aa</p>"})
    told = page.replace("333", "c").replace("22", "bbbb").replace("<p>1<", "<p>aa<")
    assert new == told


def test_a_heading_in_a_section_does_not_end_it() -> None:
    assert from_markdown("### Two\n\nx", demoted=True) == "<p><strong>Two</strong></p><p>x</p>"


@pytest.mark.parametrize("text", ["<p>", "<p></b>", "&", "<a b=c/>", "</page>", "<!DOCTYPE x>"])
def test_what_is_no_storage_format_is_said_to_be_none(text: str) -> None:
    with pytest.raises(NoStorage):
        parse(text)
    assert to_markdown(text) == ""


def test_a_very_deep_page_is_read_as_its_words() -> None:
    deep = "<blockquote>" * 2000 + "<p>down here</p>" + "</blockquote>" * 2000
    assert "down here" in to_markdown(deep)
    inline = "<span>" * 2000 + "x" + "</span>" * 2000
    assert to_markdown(f"<p>before {inline}</p>").startswith("before")


# --- hostile words --------------------------------------------------------------------------------


def shape(text: str) -> list[str]:
    """Every element but code with its attributes, of which ours have few."""
    found = []
    for element in ET.fromstring(XML.format(text)).iter():
        if element.tag != "code":
            found.append(f"{element.tag} {sorted(element.attrib.items())}")
    return found


def judge(payload: str) -> None:
    places = {
        "{}": inert,
        "- {}": inert,
        "| a |\n| --- |\n| {} |": cell,
        "# {}": plain_title,
        "1. > **x** {}": inert,
    }
    for place, made in places.items():
        # a title is no Markdown, and is written as one only by the title of a page
        words = inert(made(payload)) if made is plain_title else made(payload)
        written = from_markdown(place.format(words))
        assert shape(written) == shape(from_markdown(place.format("word" if words else "")))
        assert hidden(written) == []
        again = to_markdown(written)
        assert shape(from_markdown(again)) == shape(written)


@pytest.mark.parametrize("payload", payloads(), ids=ascii)
def test_a_payload_is_plain_words_in_a_page(payload: str) -> None:
    judge(payload)


@settings(max_examples=100)
@given(mixed)
def test_so_is_any_mixture(text: str) -> None:
    judge(text)


@given(st.text(max_size=200))
def test_any_text_makes_a_page_that_confluence_takes(text: str) -> None:
    written = from_markdown(text)
    saved(written, cloud=True)
    parse(written)
    once = to_markdown(written)
    to_markdown(from_markdown(once))


def as_xml(text: str) -> str:
    return text.replace("&", "&nbsp;").replace("<", "&lt;")


blocks = st.recursive(
    st.text("ab<&\" \n'é", max_size=6).map(as_xml),
    lambda inner: st.builds(
        lambda name, parts: f"<{name}>{''.join(parts)}</{name}>",
        st.sampled_from(["p", "h2", "ac:layout", "ac:layout-cell", "td", "ac:rich-text-body"]),
        st.lists(inner, max_size=3),
    ),
    max_leaves=12,
)


@given(st.lists(blocks, max_size=5).map("".join), st.text("xy", max_size=3))
def test_replacing_a_section_touches_nothing_else_whatever_the_page(page: str, body: str) -> None:
    marked = storage.marked(page, "document:k3v9")
    for name in sections(marked):
        new = replace_sections(marked, {name: f"<p>{body}</p>"})
        before, after = sections(marked), sections(new)
        assert {k: v for k, v in after.items() if k != name} == {
            k: v for k, v in before.items() if k != name
        }
        assert after[name] == body
        assert storage.keys(parse(new)) == {"document:k3v9"}


def test_the_mark_is_read_in_whatever_form_it_comes_back() -> None:
    for cloud in (True, False):
        page = saved(storage.marked("<p>x</p>", "document:k3v9"), cloud)
        assert storage.keys(parse(page)) == {"document:k3v9"}
        assert to_markdown(page) == "x"
    words = inert('<ac:structured-macro ac:name="anchor">followthrough-document:k3v9')
    assert storage.keys(parse(from_markdown(words))) == set()


# --- what people put below our table --------------------------------------------------------------

HEAD = "| ID | Action |\n| --- | --- |\n"
TABLE = from_markdown(f"{HEAD}| AI-1 | old |")


def macro(name: str, held: str = "", title: str = "") -> str:
    named = f'<ac:parameter ac:name="title">{title}</ac:parameter>' if title else ""
    return f'<ac:structured-macro ac:name="{name}">{named}{held}</ac:structured-macro>'


def rich(held: str) -> str:
    return f"<ac:rich-text-body>{held}</ac:rich-text-body>"


TASKS = (
    "<ac:task-list><ac:task><ac:task-id>7</ac:task-id><ac:task-status>complete</ac:task-status>"
    "<ac:task-body>tell <b>Kim</b></ac:task-body></ac:task></ac:task-list>"
)
THEIRS = {
    "a panel of two paragraphs": macro("info", rich("<p>one</p><p>two</p>")),
    "a titled expand": macro("expand", rich("<p>inside</p>"), "More"),
    "two drawings": macro("drawio", title="a") + "<p />" + macro("drawio", title="b"),
    "lists side by side": f"<ul><li><p>a</p></li></ul>{TASKS}",
    "a picture": '<ac:image><ri:attachment ri:filename="_foo_.png" /></ac:image>',
    "two pictures": '<ac:image ac:width="9"><ri:attachment ri:filename="a.png" /></ac:image>' * 2,
    "an empty panel": macro("info", rich("")),
    "what only Cloud shows": "<ac:adf-extension><ac:adf-node type='x' /></ac:adf-extension>",
    "code with an empty line": macro(
        "code", "<ac:plain-text-body><![CDATA[a\n\nb]]></ac:plain-text-body>"
    ),
    "words in no paragraph": "just <em>words</em> &amp; <!-- a note --> more",
    "wide words": '<p style="x">see <ac:link><ri:user ri:account-id="k" /></ac:link><br />2</p>',
}


@pytest.mark.parametrize("theirs", THEIRS.values(), ids=THEIRS)
@pytest.mark.parametrize("spaced", ["\n\n", "\n"])
def test_what_people_put_below_our_table_outlives_every_write(theirs: str, spaced: str) -> None:
    page = f"<h2>Actions</h2>{TABLE}{theirs}<p>same</p>{theirs}<h2>After</h2><p>same</p>"
    said = sections(page)["Actions"].partition("AI-1 | old |\n\n")[2]
    lines = spaced.join(line for line in said.split("\n") if line or spaced == "\n\n")
    new = rewritten(page, {"Actions": f"{HEAD}| AI-1 | new |{spaced}{lines}"})
    assert new == page.replace("old", "new")


def test_what_went_into_the_table_goes_and_what_moved_stays_where_it_was() -> None:
    drawn = macro("drawio")
    page = f"<h2>A</h2>{TABLE}<p>note <u>1</u></p>{drawn}<p>ACTION: mend it</p><p>note <u>2</u></p>"
    told = f"{HEAD}| AI-1 | old |\n| AI-2 | mend it |\nnote 2\nnote 1\n(macro drawio)"
    new = from_markdown(f"{HEAD}| AI-1 | old |\n| AI-2 | mend it |")
    kept = f"<p>note <u>1</u></p>{drawn}<p>note <u>2</u></p>"
    assert rewritten(page, {"A": told}) == f"<h2>A</h2>{new}{kept}"


def test_our_table_is_written_where_somebody_put_it() -> None:
    held = f"<p>See {macro('drawio')}</p>{TABLE}<p>ACTION: mend it</p>"
    page = f"<h2>A</h2>{macro('expand', rich(held), 'All')}<p>below</p>"
    new = f"**All**\n\nSee\n\n(macro drawio)\n\n{HEAD}| AI-1 | new |\n| AI-2 | mend it |\n\nbelow"
    rows = from_markdown(f"{HEAD}| AI-1 | new |\n| AI-2 | mend it |")
    assert rewritten(page, {"A": new}) == page.replace(TABLE, rows)


def test_a_section_that_only_the_service_wrote_is_written_in_its_order() -> None:
    old, new = (f"Since {n}\n\n{HEAD}| 1 | {n} |\n\nsame\n\n- {n}\n" for n in ("May", "June"))
    page = f"<h2>A</h2>{from_markdown(old)}"
    assert rewritten(page, {"A": new}) == f"<h2>A</h2>{from_markdown(new)}"
    assert rewritten("<h2>A</h2>", {"A": new}) == f"<h2>A</h2>{from_markdown(new)}"


@pytest.mark.parametrize(
    "new", ["- a\n- x\n- c", "- x\n- a", "- a\n- c\n- x", "- c\n- a", "- a\n- a"]
)
def test_a_list_that_got_other_items_is_written_in_its_order(new: str) -> None:
    page = f"<h2>A</h2>{from_markdown('- a' + chr(10) + '- b' + chr(10) + '- c')}"
    assert sections(rewritten(page, {"A": new}))["A"] == new


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=5))
def test_whatever_items_a_table_takes_the_others_stay(items: list[tuple[str, bool]]) -> None:
    listed = "".join(f"<li><u>{word}</u></li>" for word, _ in items)
    kept = "".join(f"<li><u>{word}</u></li>" for word, stays in items if stays)
    said = "\n".join(f"- {word}" for word, stays in items if stays)
    new = rewritten(f"<h2>A</h2>{TABLE}<ul>{listed}</ul>", {"A": f"{HEAD}| AI-1 | new |\n\n{said}"})
    held = sections(new)["A"]
    assert held == f"{HEAD}| AI-1 | new |" + (f"\n\n{said}" if said else "")
    assert new.count("<u>") == kept.count("<u>")


@pytest.mark.parametrize("place", [2, 3, 4])
def test_a_row_that_is_added_stands_in_the_table_wherever_it_comes(place: int) -> None:
    rows = [*HEAD.splitlines(), "| AI-1 | old |", "| AI-2 | older |"]
    page = f"<h2>A</h2>{from_markdown(chr(10).join(rows))}<p>theirs</p>"
    rows.insert(place, "| AI-3 | new |")
    table = "\n".join(rows)
    new = rewritten(page, {"A": f"{table}\ntheirs"})
    assert new == f"<h2>A</h2>{from_markdown(table)}<p>theirs</p>"


def test_code_that_begins_a_task_is_code_and_hides_nothing_below_it() -> None:
    code = '<ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[x]]>'
    code += "</ac:plain-text-body></ac:structured-macro>"
    task = f"<ac:task><ac:task-status>complete</ac:task-status><ac:task-body>{code}</ac:task-body>"
    page = f"<h2>A</h2><ac:task-list>{task}</ac:task></ac:task-list><p>below</p>"
    assert sections(page)["A"] == "- [x]\n  ```\n  x\n  ```\n\nbelow"


def test_a_panel_with_a_table_of_somebody_elses_stays_when_a_line_of_it_became_a_row() -> None:
    ours = from_markdown("| ID | Action |\n| --- | --- |\n| AI-1 | one |")
    table = "<table><tbody><tr><th>Who</th></tr><tr><td>Kim</td></tr></tbody></table>"
    drawn = '<ac:structured-macro ac:name="drawio" />'
    panel = '<ac:structured-macro ac:name="panel"><ac:rich-text-body>'
    panel += f"<p>ACTION: two</p>{table}{drawn}</ac:rich-text-body></ac:structured-macro>"
    said = "| ID | Action |\n| --- | --- |\n| AI-1 | one |\n| AI-2 | two |"
    said += "\n\n| Who |\n| --- |\n| Kim |"
    page = rewritten(f"<h2>A</h2>{ours}{panel}", {"A": said})
    assert panel in page
    assert page.count("Kim") == 1
    assert "AI-2" in page


# --- rows of our table ----------------------------------------------------------------------------

KIM = '<ac:link><ri:user ri:account-id="712020:kim" /></ac:link>'
DONE = macro("status", title="DONE")


def row(*cells: str, name: str = "td") -> str:
    return f"<tr>{''.join(f'<{name}>{each}</{name}>' for each in cells)}</tr>"


def told(*rows: str) -> str:
    return "\n".join(["| ID | Action | Owner | Status |", "| --- | --- | --- | --- |", *rows])


COLUMNS = row("ID", "<strong>Action</strong>", "Owner", "Status", name="th")
FIRST = f'<tr class="x"><td style="a">AI-1</td><td>old {macro("jira")}</td><td>{KIM}</td><td/></tr>'
SECOND = row("AI-2", "other", f"{KIM} ", DONE)


def table_of(*rows: str) -> str:
    return f"<table class='wide'><colgroup><col /></colgroup><tbody>{''.join(rows)}</tbody></table>"


def with_rows(there: str, *rows: str) -> str:
    return rewritten(f"<h2>A</h2>{there}", {"A": told(*rows)}).removeprefix("<h2>A</h2>")


def test_only_the_cells_of_our_table_change_that_say_something_else() -> None:
    there = table_of(COLUMNS, FIRST, SECOND)
    new = with_rows(
        there, "| AI-1 | old | @712020:kim | open |", "| AI-2 | other | @712020:kim | done |"
    )
    assert new == there.replace("<td/></tr>", "<td><p>open</p></td></tr>")
    named = with_rows(there, "| AI-1 | new | Kim | |", "| AI-2 | other | @712020:kim | open |")
    changed = FIRST.replace(f"old {macro('jira')}", "<p>new</p>").replace(KIM, "<p>Kim</p>")
    second = SECOND.replace(DONE, "<p>open</p>")
    assert named == table_of(COLUMNS, changed, second)


def test_rows_that_come_go_or_move_leave_the_others_as_they_are() -> None:
    first, second = "| AI-1 | old | @712020:kim | |", "| AI-2 | other | @712020:kim | DONE |"
    there = table_of(COLUMNS, FIRST, SECOND)
    new = row("<p>AI-3</p>", "<p>new</p>", f"<p>{KIM}</p>", "<p></p>")
    third = "| AI-3 | new | 712020:kim | |"
    assert with_rows(there, first, third, second) == table_of(COLUMNS, FIRST, new, SECOND)
    assert with_rows(there, first, second, third) == table_of(COLUMNS, FIRST, SECOND, new)
    assert with_rows(there, second) == table_of(COLUMNS, SECOND)
    assert with_rows(there, second, first) == table_of(COLUMNS, SECOND, FIRST)


def test_a_row_that_a_person_wrote_keeps_what_is_in_it_when_it_gets_its_id() -> None:
    asked = row("", f"mend {DONE} it", "", "")
    there = table_of(COLUMNS, asked, SECOND)
    new = with_rows(there, "| AI-2 | other | @712020:kim | DONE |", "| AI-3 | mend DONE it | | |")
    assert new == table_of(COLUMNS, SECOND, asked.replace("<td></td>", "<td><p>AI-3</p></td>", 1))


def test_a_head_that_stands_apart_and_columns_of_numbers_and_of_people_stay() -> None:
    rest = f"<tbody>{SECOND}</tbody>"
    apart = f"<table><thead>{COLUMNS}</thead>{rest}</table>"
    second = "| AI-2 | other | @712020:kim | DONE |"
    new = row("<p>AI-1</p>", "<p>x</p>", "<p></p>", "<p></p>")
    assert with_rows(apart, "| AI-1 | x | | |", second) == apart.replace(SECOND, new + SECOND)
    counted = [each.replace("<tr>", '<tr><td class="numberingColumn">1</td>') for each in (SECOND,)]
    numbered = table_of(COLUMNS, *counted)
    made = new.replace("<tr>", '<tr><td class="numberingColumn">2</td>')
    assert with_rows(numbered, second, "| AI-1 | x | | |") == table_of(COLUMNS, *counted, made)
    noted = table_of(
        COLUMNS.replace("</tr>", "<th>Notes</th></tr>"), row("AI-1", "x", "", "", DONE)
    )
    kept = noted.replace("<td>x</td>", "<td><p>y</p></td>")
    assert with_rows(noted, "| AI-1 | y | | |") == kept


def test_a_table_without_its_head_gets_it_back_above_its_rows() -> None:
    cells = ("AI-1", f"x {DONE}", "corrective", "Kim", "—", "—", "open")
    ours = "| ID | Action | Kind | Owner | Milestone | Due | Status |"
    said = "| AI-1 | x DONE | corrective | Kim | — | — | done |"
    page = f"<h2>A</h2><table><tbody>{row(*cells)}</tbody></table>"
    new = rewritten(page, {"A": f"{ours}\n{'| --- ' * 7}|\n{said}"})
    head = row(*(f"<p>{name}</p>" for name in ours.strip("| ").split(" | ")), name="th")
    assert new == page.replace("<tr>", f"{head}<tr>").replace(">open<", "><p>done</p><")


def test_the_owner_of_a_line_that_became_a_row_stays_mentioned_and_nobody_else_is() -> None:
    page = f"<h2>A</h2>{table_of(COLUMNS)}<p>ACTION: {KIM} ask</p>"
    title = inert("ask @712020:kim and @noor")
    new = rewritten(page, {"A": told(f"| AI-1 | {title} | 712020:kim | |")})
    cells = "AI-1", "ask @\u2060712020:kim and @\u2060noor", KIM, ""
    assert new == f"<h2>A</h2>{table_of(COLUMNS, row(*(f'<p>{each}</p>' for each in cells)))}"


@pytest.mark.parametrize("title", ["712020:kim", "@712020:kim", "(@712020:kim)"])
def test_a_trackers_words_mention_nobody_though_a_person_is_mentioned_beside_them(
    title: str,
) -> None:
    there = f"{table_of(COLUMNS, FIRST)}<p>See {KIM}</p>"
    said = told(f"| AI-1 | {inert(title)} | @712020:kim | |")
    new = rewritten(f"<h2>A</h2>{there}", {"A": f"{said}\n\n{inert(title)}\n\nSee @712020:kim"})
    assert new.count(KIM) == there.count(KIM)
    assert "712020:kim" in new.replace(KIM, "")


def test_a_line_of_a_person_that_is_written_anew_keeps_its_mention() -> None:
    page = f"<h2>A</h2><blockquote><p>ask {KIM} of</p><p>ACTION: x</p></blockquote>"
    assert KIM in rewritten(page, {"A": "> ask @712020:kim of"})


def test_a_cell_that_holds_its_words_without_a_paragraph_is_read_as_one_line() -> None:
    cell = f"see <strong>this</strong> of {KIM}<br />and<p>that</p>too"
    page = f"<h2>A</h2><table><tbody>{row('ID', name='th')}{row(cell)}</tbody></table>"
    said = "see **this** of @712020:kim<br>and<br>that<br>too"
    assert sections(page)["A"] == f"| ID |\n| --- |\n| {said} |"
