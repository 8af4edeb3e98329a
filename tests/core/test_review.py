"""What a postmortem lacks is said with its place and with what to write; nothing else blocks."""

from __future__ import annotations

import pytest
from builders import template

from workflows.action_table import table
from workflows.documents import render
from workflows.review import Missing, factors, is_said, look, measures

REGIONS = ("facts", "figures", "timeline", "evidence", "audits", "recurrence")
GOOD_ACTION = "| | Alert on depth measure:“2 minutes” | detective | Kim | Q1 | — | open |"
FACTOR = "| Factor | Evidence | Area (process, tooling, policy) |\n| --- | --- | --- |\n"
HYPOTHESIS = (
    "| Claim | Causal or correlated | Evidence | What would falsify it "
    "| State (open, confirmed, refuted) |\n| --- | --- | --- | --- | --- |\n"
)


def document(
    factors: str = "| Slow disk | graph 7 | tooling |",
    actions: str = GOOD_ACTION,
    title: str = "T",
) -> str:
    """The shipped template with these rows."""
    bodies = {name: name for name in REGIONS}
    bodies["actions"] = f"{table(())}\n{actions}".rstrip()
    text = render(template(), bodies, title=title, incident="INC-1", severity="", service="")
    return text.replace("| | | |\n\n### Five", f"{factors}\n\n### Five")


def told(text: str, *measured: str) -> list[str]:
    return [f"{each.section}: {each.what}" for each in look(text, frozenset(measured))]


def with_hypothesis(row: str) -> str:
    return document().replace("| | | | | open |", row)


def test_a_whole_document_lacks_nothing() -> None:
    assert look(document()) == ()


def test_an_untouched_template_lacks_a_factor_and_an_action_and_nothing_else() -> None:
    text = document("| | | |", "")
    assert told(text) == [
        "Contributing factors: no factor is named",
        "Action items: there is no action item",
    ]
    lines = text.splitlines()
    assert [lines[(each.line or 0) - 1] for each in look(text)] == [
        "## Contributing factors",
        "## Action items",
    ]


def test_a_factor_without_evidence_is_told_with_its_line_and_what_to_write() -> None:
    text = document("| Slow disk | graph 7 | |\n| No alert | TBD | |")
    line = text.splitlines().index("| No alert | TBD | |") + 1
    assert look(text) == (
        Missing(
            "Contributing factors",
            line,
            "factor 2 has no evidence",
            "write a link, or what was seen where",
        ),
    )


@pytest.mark.parametrize(
    "words",
    ["", "—", "TBD", "_tbd_", "**to do**", "?", "…", "n/a", "[link]()", "`none`", "To be added."],
)
def test_a_placeholder_is_no_evidence(words: str) -> None:
    assert not is_said(words)
    assert told(document(f"| Slow disk | {words} | |"))


@pytest.mark.parametrize(
    "words",
    [
        "https://graphs.example/7",
        "[here](https://g.example/7)",
        "the disk queue was at 40",
        "graph 7",
    ],
)
def test_a_link_or_words_are_evidence(words: str) -> None:
    assert told(document(f"| Slow disk | {words} | |")) == []


def test_factors_may_be_a_list() -> None:
    text = "## Contributing factors\n\n- Slow disk, see https://g.example/7\n- No alert\n"
    text += (
        "- Late page\n  evidence: the pager's log\n\n## Action items\n\nNone, because it is gone.\n"
    )
    assert told(text) == ["Contributing factors: factor 2 has no evidence"]


def test_a_list_beside_filled_rows_is_notes() -> None:
    assert told(document("| Slow disk | graph 7 | |\n\n- ask the vendor")) == []


def test_a_written_reason_stands_for_no_factor_and_no_action() -> None:
    text = document("| | | |\n\nNone, because the vendor never told us anything.", "")
    text = text.replace("### How to add one", "No action: the product ends next week.\n\n### How")
    assert told(text) == []
    for bare in ("None.", "none yet", "No actions.", "Nothing."):
        assert told(text.replace("No action: the product ends next week.", bare)) == [
            "Action items: there is no action item"
        ]


@pytest.mark.parametrize(
    ("row", "lacks"),
    [
        ("| Disk was slow | causal | | | open |", []),
        ("| Disk was slow | causal | | | refuted |", []),
        ("| Disk was slow | causal | g7 | a fast disk | confirmed |", []),
        ("| Disk was slow | causal | | a fast disk | confirmed |", ["evidence"]),
        ("| Disk was slow | causal | g7 | ? | **Confirmed** |", ["falsifier"]),
        ("| Disk was slow | causal | - | - | confirmed |", ["evidence", "falsifier"]),
        ("| Disk was slow | causal | - | - | not confirmed |", []),
        ("| | | | | confirmed |", []),
    ],
)
def test_only_a_confirmed_hypothesis_needs_evidence_and_a_falsifier(
    row: str, lacks: list[str]
) -> None:
    wanted = [f"Hypotheses: hypothesis 1 is confirmed and has no {what}" for what in lacks]
    assert told(with_hypothesis(row)) == wanted


def test_each_thing_that_an_action_lacks_is_told() -> None:
    text = document(actions="| AI-1 | Alert | | | | — | open |\n| | Page sooner | | Kim | | | |")
    assert told(text) == [
        "Action items: AI-1 has no kind",
        "Action items: AI-1 has no owner",
        "Action items: AI-1 has no milestone",
        "Action items: AI-1 has no success measure",
        "Action items: a new action has no kind",
        "Action items: a new action has no milestone",
        "Action items: a new action has no success measure",
    ]


def test_a_success_measure_is_known_or_said_below_the_table() -> None:
    text = document(actions="| AI-1 | Alert | detective | Kim | Q1 | — | open |")
    assert told(text) == ["Action items: AI-1 has no success measure"]
    assert told(text, "AI-1") == []
    said = text.replace("### How to add", "- AI-1 measure: it fires in 2 minutes\n\n### How to add")
    assert told(said) == []
    assert measures(said) == {"AI-1": "it fires in 2 minutes"}


@pytest.mark.parametrize(
    "line",
    ["AI-1 measure: TBD", "> AI-1 measure: yes", "`AI-1 measure: yes`", "    AI-1 measure: yes"],
)
def test_what_is_no_measure_is_none(line: str) -> None:
    assert measures(f"## Action items\n\n{line}\n") == {}


@pytest.mark.parametrize("status", ["won't do", "duplicate", "given up"])
def test_an_action_that_nobody_will_do_needs_nothing(status: str) -> None:
    good = GOOD_ACTION.replace("| |", "| AI-2 |", 1)
    text = document(actions=f"| AI-1 | Alert | | | | — | {status} |\n{good}")
    assert told(text, "AI-2") == []


def test_a_checklist_line_is_an_action_too() -> None:
    text = document(actions="").replace(
        "### How to add",
        '- [ ] Alert @kim [detective] milestone:Q1 measure:"2 min"\n\n### How to add',
    )
    assert told(text) == []


def test_another_templates_sections_are_found_by_their_headings() -> None:
    text = (
        "# INC-1\n\n### Root causes and what helped\n\n* Slow disk\n\n# Follow-ups\n\nnone so far\n"
    )
    assert told(text) == [
        "Contributing factors: factor 1 has no evidence",
        "Action items: there is no action item",
    ]


def test_a_section_that_a_check_needs_is_told_missing_and_no_other() -> None:
    assert told("# INC-1\n\nAll is well.\n") == [
        "Contributing factors: the section is not there",
        "Action items: the section is not there",
    ]


def test_a_heading_in_code_or_hidden_is_none() -> None:
    text = document().replace("## Hypotheses", "```\n## Contributing factors\n```\n\n## Hypotheses")
    text = text.replace("## Impact", "<!--\n## Action items\n-->\n\n## Impact")
    assert told(text) == []


def test_no_word_of_the_document_is_in_what_is_told() -> None:
    evil = "@everyone closes #1 <script>"
    text = document(f"| {evil} | | {evil} |", f"| | {evil} | {evil} | | | | |")
    found = look(text)
    assert found
    assert not any(word in str(found) for word in ("everyone", "#1", "script"))


def test_a_text_that_is_not_markdown_at_home_has_no_lines() -> None:
    text = "## Contributing factors\n\n" + FACTOR + "| Slow disk | | |\n"
    assert [each.line for each in look(text)] == [None, None]


def test_carriage_returns_change_nothing() -> None:
    text = document("| Slow disk | | |")
    assert look(text.replace("\n", "\r\n")) == look(text)


# --- where things stand -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "title",
    ["Deploy causes 500s", "GitHub Actions runners down", "Follow-ups", "Root causes: hypotheses"],
)
def test_words_of_the_incidents_title_are_no_section(title: str) -> None:
    text = document(title=f"Postmortem INC-1: {title}")
    assert told(text) == []
    assert factors(text) == ("Slow disk",)


def test_a_heading_that_says_just_this_goes_before_one_that_says_more() -> None:
    more = "### Root causes that we ruled out\n\n- The network\n\n## Impact"
    assert factors(document().replace("## Impact", more)) == ("Slow disk",)
    numbered = "# P\n\n## What the causes are\n\n## 2. **Root causes**\n\n- Slow disk\n"
    assert factors(numbered) == ("Slow disk",)


def test_the_service_knows_its_own_table_whatever_stands_above() -> None:
    text = document().replace(
        "## Impact", "### Actions\n\n- restarted\n\n## Remediation\n\nSoon.\n\n## Impact"
    )
    assert told(text) == []
    assert told(text.replace("## Action items", "## Was wir tun")) == []


# --- factors in other shapes ------------------------------------------------------------------


def named(table: str) -> tuple[list[str], tuple[str, ...]]:
    text = f"# P\n\n## Contributing factors\n\n{table}\n\n## Actions\n\nNone: it is all gone now.\n"
    return [each.what for each in look(text)], factors(text)


def test_a_column_of_numbers_names_no_factor() -> None:
    head = "| No. | Factor | Evidence |\n| --- | --- | --- |\n"
    assert named(head + "| | | |") == (["no factor is named"], ())
    assert named(head + "| 1 | | |\n| 2. | | |") == (["no factor is named"], ())
    assert named(head + "| 1 | Slow disk | graph 7 |") == ([], ("Slow disk",))
    other = head.replace("Factor", "What helped it")
    assert named(other + "| 1 | Slow disk | graph 7 |") == ([], ("Slow disk",))


def test_the_head_of_a_table_is_no_reason() -> None:
    head = "| None of these is the one cause | Evidence |\n| --- | --- |\n"
    assert named(head + "| | |") == (["no factor is named"], ())


def test_a_table_may_have_no_bars_at_its_ends() -> None:
    assert named("Factor | Evidence\n--- | ---\nSlow disk | graph 7\nNo alert |") == (
        ["factor 2 has no evidence"],
        ("Slow disk", "No alert"),
    )


def test_factors_may_be_sub_headings_with_their_evidence() -> None:
    text = "### Slow disk\n\nIt was slow.\n\n**Evidence:** graph 7\n\n### Why\n\n1. It is old"
    assert named(text) == ([], ("Slow disk",))
    assert named(text.replace("graph 7", "TBD")) == (["factor 1 has no evidence"], ("Slow disk",))
    assert named(text.replace("**Evidence:** graph 7", "")) == (["no factor is named"], ())


def test_factors_may_be_grouped_under_sub_headings_in_tables() -> None:
    table = "\n\n| Factor | Evidence |\n| --- | --- |\n"
    text = f"### Tools{table}| Slow disk | g7 |\n\n### Ways{table}| No drill | log |"
    assert named(text) == ([], ("Slow disk", "No drill"))


# --- what says nothing ------------------------------------------------------------------------


def test_a_reason_begins_its_paragraph_or_item() -> None:
    assert named("We looked and found\nno single cause that stands out.")[0] == [
        "no factor is named"
    ]
    assert named("It ended.\n\nNone, because the vendor ended it.")[0] == []
    text = document(actions="").replace(
        "### How to add one", "Decided:\n- None, because it is gone.\n\n### How to add one"
    )
    assert told(text) == []


@pytest.mark.parametrize(
    "words",
    [
        "still to be written",
        "To be added by Kim",
        "none so far",
        "None, as far as we know",
        "no evidence yet",
        "still missing, ask Kim",
        "not yet",
        "nobody looked",
    ],
)
def test_words_that_say_there_is_no_evidence_are_none(words: str) -> None:
    assert told(document(f"| Slow disk | {words} | |")) == [
        "Contributing factors: factor 1 has no evidence"
    ]
    assert named(f"- Slow disk. Evidence: {words}")[0] == ["factor 1 has no evidence"]


@pytest.mark.parametrize(
    "words",
    [
        "none of the replicas answered, graph 7",
        "no error before 12:05 in the log",
        "to be seen in graph 7",
        "still being written: https://docs.example/7",
    ],
)
def test_evidence_may_begin_with_a_denial(words: str) -> None:
    assert told(document(f"| Slow disk | {words} | |")) == []


def test_no_evidence_is_no_label() -> None:
    assert named("- Slow disk, no evidence: nobody looked")[0] == ["factor 1 has no evidence"]
