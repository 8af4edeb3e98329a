"""Nothing that people wrote acts where we copy it: every payload of a corpus, in every dialect."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from urllib.parse import unquote

import pytest
from builders import NOON, closed, comment, document, policy, task_ref, template
from hypothesis import given, settings
from hypothesis import strategies as st
from in_force import (
    CORPUS,
    acts_in_markdown,
    acts_in_title,
    adf_shape,
    adf_words,
    hidden,
    markdown_shape,
    payloads,
    wiki_shape,
)

from integrations.jira import adf, wiki
from workflows.action_table import read_table, table
from workflows.actions import lines_of
from workflows.documents import MORE_REGIONS, REGIONS, regions, render, replace_regions
from workflows.events import DocumentCreated
from workflows.folding import fold
from workflows.markup import addresses, as_said, cell, copied_address, inert, one_line, plain_title
from workflows.model import ActionItem, Incident, Kind, Origin, Outlook, Phase, Proposal
from workflows.notices import Perspective
from workflows.postmortem import comment as the_comment
from workflows.postmortem import document_text, task

every_payload = pytest.mark.parametrize("payload", payloads(), ids=ascii)
#: Payloads beside and inside of each other and of anything.
mixed = st.lists(st.sampled_from(payloads()) | st.text(max_size=12), max_size=6).map("".join)


def test_the_corpus_is_large_and_says_where_it_is_from() -> None:
    assert len(payloads()) >= 60
    assert all(group["would"] and group["source"] for group in json.loads(CORPUS.read_text()))


@every_payload
def test_a_payload_is_plain_words_in_every_dialect(payload: str) -> None:
    judge_words(payload)


@pytest.mark.parametrize("text", [")", ".", ") one", ". one"])
def test_a_list_without_a_number_is_none_in_any_dialect(text: str) -> None:
    judge_words(text)


@pytest.mark.parametrize("before", ["", "参照", "_", "("])
@pytest.mark.parametrize("glued", ["", "+", "-"])
def test_a_commit_that_is_glued_to_an_address_is_shown_with_it(before: str, glued: str) -> None:
    """An address keeps of what stands before it only as much as its scheme may be long."""
    commit = "a5c3785ed8d6a35868bc169f07e40e889087fd2e"
    text = f"{before}{commit}{glued}https://a.example"
    assert f"`{commit}{glued}https://a.example`" in inert(text)
    judge_words(text)


def test_an_address_whose_scheme_is_one_letter_is_one() -> None:
    judge_words("x://a.example")


@pytest.mark.parametrize("before", ["a5c3785", "https://a.example", "x", ""])
def test_an_address_behind_a_backslash_is_code_in_every_dialect(before: str) -> None:
    text = f"{before}\\https://b.example"
    judge_words(text)
    assert "&#92;\u2060{{https" in wiki.from_markdown(inert(text))


@given(mixed)
@settings(max_examples=400)
def test_payloads_together_are_plain_words_in_every_dialect(text: str) -> None:
    judge_words(text)


def judge_words(text: str) -> None:
    """Alone in a paragraph, in a list and in a table, as Markdown and as what becomes of it."""
    plain, copied = "word", inert(text) or "word"
    for frame in ("{}", "- {}", "Before: {} (after)", "| a | b |\n| --- | --- |\n| {} | {} |"):
        body, same = frame.replace("{}", copied), frame.replace("{}", plain)
        assert acts_in_markdown(body) == []
        assert shapes(body) == shapes(same)
        assert hidden(adf_words(adf.from_markdown(body))) == []
    assert acts_in_title(plain_title(text)) == []


@given(mixed)
def test_inert_text_still_says_what_was_said(text: str) -> None:
    """Backticks around addresses are all that may go."""
    assert as_said(inert(text)).replace("`", "") == one_line(text).replace("`", "").replace(
        "＄", "$"
    )


def test_words_that_only_look_dangerous_stay_as_they_are() -> None:
    said = "At 10:30:00 my_service (v1.2.3) lost 4,000 orders: fix the pool, 50% of it - soon."
    assert inert(said) == plain_title(said) == said


def test_an_address_can_be_copied_exactly() -> None:
    for url in ("https://a.example/b_c?d=e&f=*g*#h", "https://a.example/wiki/A_(b)"):
        assert inert(f"See {url}.") == f"See `{url}`."


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://grafana.example/d/7?x=1", "<https://grafana.example/d/7?x=1>"),
        ("https://github.com/o/r/issues/3", "`https://github.com/o/r/issues/3`"),
        ("https://git.example/o/r/pull/3/files", "`https://git.example/o/r/pull/3/files`"),
        ("https://github.com/o/r/%69ssues/3", "`https://github.com/o/r/%69ssues/3`"),
    ],
)
def test_evidence_is_a_link_unless_its_target_would_show_it(url: str, shown: str) -> None:
    assert copied_address(url) == shown


def test_only_web_addresses_are_evidence() -> None:
    text = (
        "javascript:alert(1) ftp://a.example http://b.example/c, www.d.example `https://e.example`"
    )
    assert list(addresses(text)) == ["http://b.example/c", "https://e.example"]


@pytest.mark.parametrize("text", ["a", "`", ":", ":a", "www.", "(", "#", "\\", "0", "fix -", "@"])
def test_a_text_as_long_as_a_tracker_allows_takes_no_time(text: str) -> None:
    long = text * (65_536 // len(text))
    assert acts_in_title(plain_title(long)) == []
    assert as_said(inert(long)).count(text[0]) > 0


# --- whole texts ----------------------------------------------------------------------------------


def incident(words: str) -> Incident:
    """An incident that says `words` wherever people's words can stand."""
    item = ActionItem(
        number=1,
        origin=Origin("comment", "c1", 0),
        title=f"Look at {words} now",
        kind=Kind.PREVENTIVE,
        owner=words,
        milestone=words,
        success_measure=words,
        status=words,
        unset=(f"owner: {words} is not assignable",),
    )
    return Incident(
        id="k3v9",
        team="payments",
        ticket=closed().ref,
        title=f"Checkout {words}",
        phase=Phase.CLOSED,
        severity="sev1",
        service=words,
        opened=NOON,
        closed=NOON,
        roles={"facilitator": words},
        actions=(item,),
        perspectives=(Perspective("support", words or "it", (words,)),),
        proposals=(Proposal(item.origin, words or "it", words, words),),
    )


def told(words: str, body: str = "") -> str:
    """The document of that incident."""
    said = closed(comments=(comment(f"Before {words} after"),), text=body)
    team = policy().teams["payments"]
    custom = template() + "\n\n# {{ service }}\n\n{{ service }}\n"
    by = replace(team, postmortem=replace(team.postmortem, template=custom))
    return document_text(incident(words), said, by)


@pytest.mark.parametrize("some", [payloads()[n::40] for n in range(40)], ids=ascii)
def test_payloads_change_no_document(some: tuple[str, ...]) -> None:
    judge_document(" ".join(some))


@given(mixed)
@settings(max_examples=20)
def test_payloads_put_together_change_no_document(text: str) -> None:
    judge_document(text if one_line(text) else "word")


@cache
def plain_document() -> tuple[str, tuple[list[str], ...]]:
    text = told("word")
    return regions(text)["evidence"], shapes(text)


def shapes(text: str) -> tuple[list[str], ...]:
    """The text's shape in each dialect."""
    rich, plain = adf.from_markdown(text), wiki.from_markdown(text)
    return markdown_shape(text), adf_shape(rich), wiki_shape(plain)


def judge_document(text: str) -> None:
    body, (evidence, same) = told(text), plain_document()
    assert set(regions(body)) == {*REGIONS, *MORE_REGIONS}
    assert shapes(replace_regions(body, {"evidence": evidence})) == same
    assert acts_in_markdown(body, ["acme/ops#42"]) == []
    judge_evidence(body)


def judge_evidence(body: str) -> None:
    """One address a line, to be copied, or to be followed to the very address that is shown."""
    for line in regions(body)["evidence"].splitlines()[1:]:
        code = re.fullmatch(r"- `[^`]+` — from .*", line)
        shown = re.fullmatch(r"- <(https?://[^<> ]+)> — from .*", line, re.IGNORECASE)
        assert code or (shown and "/issues/" not in unquote(shown[1]))
        assert len(markdown_shape(line)) == (6 if code else 8)


@given(mixed)
@settings(max_examples=60)
def test_a_task_and_the_comment_have_the_same_shape_whatever_was_said(text: str) -> None:
    for body, same in zip(texts(text or "word"), texts("word"), strict=True):
        assert acts_in_markdown(body, ["acme/ops#42", "acme/ops#101"]) == []
        assert shapes(body) == shapes(same)


def texts(words: str) -> list[str]:
    """The task's text, and the comment while waiting, before and after there is a task."""
    before = incident(words)
    waiting = replace(before, outlook=Outlook.WAITING, waiting_for=words)
    after = fold(DocumentCreated("docs", document(told("word")), {}), before)
    assert after.postmortem is not None
    rules = policy().teams["payments"].postmortem.tasks
    wish = task(after, after.actions[0], after.postmortem, rules, policy())
    linked = replace(after, actions=(replace(after.actions[0], task=task_ref(1)),))
    return [
        wish.text,
        the_comment(waiting, {}),
        the_comment(after, {"AI-1": words}),
        the_comment(linked, {}),
    ]


@given(mixed)
def test_the_comment_asks_for_nothing_when_it_is_read_again(text: str) -> None:
    """Somebody who may write could quote it, and what a stranger asked for would be theirs."""
    for body in texts(text or "word")[1:]:
        assert [line.title[:4] for line in lines_of(body)] in ([], ["AI-1"])


@given(mixed)
def test_the_action_table_reads_back_as_it_was_written(text: str) -> None:
    items = [*incident(text or "word").actions]
    written = table(items)
    assert len(written.splitlines()) == 3
    edited = read_table(written, written)
    assert (edited.added, edited.changed, edited.odd, edited.below) == ((), {}, (), ())


@every_payload
def test_a_template_never_runs_what_people_wrote(payload: str) -> None:
    text = render("{{ title }}", {}, title=cell(payload))
    assert text == (cell(payload).strip() + "\n")
