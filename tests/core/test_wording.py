"""Blaming words are pointed out, and nothing else is: a table of sentences."""

from __future__ import annotations

import pytest
from builders import policy

from workflows.documents import marked
from workflows.wording import advice, people_named

PEOPLE = people_named(policy().people)

#: What makes lines those of a Markdown source, which its author can count.
OURS = f"\n## Action items\n\n{marked('actions', '| ID | Action |')}\n"

BLAMING = {
    "The root cause was human error.": "human error",
    "Root cause: operator error": "human error",
    "The engineer should have checked the dashboard.": "should have",
    "We should have known better.": "should have",
    "The on-call engineer should have simply restarted it.": "should have",
    "Noor should have told the team.": "should have",
    "You ought to have read the runbook.": "should have",
    "The on-call should have been more careful.": "should have",
    "The team failed to test the failover.": "failed to",
    "She failed to notice the alert.": "failed to",
    "It was a careless change.": "careless",
    "The rollout was done carelessly.": "careless",
    "Obviously the queue was full.": "obviously",
    "The cause was obviously the deploy.": "obviously",
    "Kim Ito caused the outage.": "a person as the cause",
    "Kim broke the build.": "a person as the cause",
    "The outage was caused by @kim.": "a person as the cause",
    "All of it is due to Noor Aziz, who was on call.": "a person as the cause",
    "It was Kim’s mistake.": "a person as the cause",
    "Then Noor took the whole cluster down.": "a person as the cause",
    "Kim failed to fail over.": "a person as the cause",
    "Somebody forgot to renew the certificate.": "a person as the cause",
}

FAIR = [
    # the words, of things and not of people
    "The service failed to start.",
    "They failed to start after the upgrade.",
    "The operator failed to reconcile the pods.",
    "The alert should have fired.",
    "What should have told us sooner?",
    "Which earlier measures should have prevented it?",
    "Nobody should have been affected.",
    "The engineer should have been paged.",
    "We should have a runbook for this.",
    "We could have been slower.",
    "We failed to reproduce it.",
    "The page on user errors shows 500.",
    "The lazy loader kept stale rows.",
    # the words, denied or spoken about
    "This was not human error.",
    "We looked for conditions rather than human error.",
    "It wasn't careless.",
    "It was not obviously wrong.",
    # what others said, and what is no text
    "The first report said “human error”.",
    'A customer wrote "you should have tested this".',
    "> Kim broke it.",
    "`human error` is a label of the tracker.",
    "```\nKim broke it.\n```",
    "    Kim broke it.",
    "<!-- Kim broke it. -->",
    "See https://blog.example/human error-rates".replace(" ", "-"),
    "[The study](https://x.example/human-error) is old.",
    "_What the system allowed, not human error._",
    # people who did something
    "Kim noticed the alert and rolled back.",
    "Kim deleted the stuck pods, and traffic came back.",
    "Because Kim looked at the queue first, it was found early.",
    "It was short due to Noor’s quick rollback.",
    "Noor did not know that the flag was on.",
    "Kimberley Group caused a spike of traffic.",
    "The kim-service caused the outage.",
]


@pytest.mark.parametrize(("sentence", "phrase"), BLAMING.items())
def test_a_sentence_that_blames_is_pointed_out(sentence: str, phrase: str) -> None:
    found = advice(f"## Causes\n\nSome words before. {sentence} And some after.\n{OURS}", PEOPLE)
    assert [(each.phrase, each.line) for each in found] == [(phrase, 3)]
    assert found[0].sentence.startswith(sentence.rstrip("."))


@pytest.mark.parametrize("sentence", FAIR)
def test_a_sentence_that_does_not_blame_is_left_alone(sentence: str) -> None:
    assert advice(f"## Causes\n\n{sentence}\n", PEOPLE) == ()


def test_the_templates_own_questions_blame_nobody() -> None:
    from builders import template

    assert advice(template(), PEOPLE) == ()


def test_a_sentence_is_told_once_however_often_it_stands() -> None:
    text = "It was human error.\n\n- It was human error.\n\n| a | It was human error. |\n"
    assert [each.line for each in advice(text + OURS)] == [1]


def test_a_wrapped_sentence_is_found_in_the_line_where_it_begins() -> None:
    text = "## What went badly\n\nAll was well. The engineer\nshould have\nchecked it.\n"
    found = advice(text + OURS)
    assert [(each.line, each.sentence) for each in found] == [
        (3, "The engineer should have checked it.")
    ]


def test_what_the_service_wrote_is_nobodys_wording() -> None:
    text = "## Timeline\n\n| 12:00 | Human error |\n\n## Detection\n\nHuman error.\n"
    found = advice(text + OURS, frozenset(), frozenset({"Timeline"}))
    assert [each.line for each in found] == [7]


def test_a_long_hostile_text_is_read_in_time() -> None:
    text = "should have " * 20_000 + "\n" + "took a b c d " * 20_000 + "\n" + "`" * 20_000
    assert advice(text, PEOPLE) == ()


def test_a_text_that_is_not_markdown_at_home_has_no_lines() -> None:
    assert [each.line for each in advice("Human error.\n")] == [0]
