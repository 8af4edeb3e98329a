"""What happened when, as far as a ticket tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from builders import NOON, at, change, closed, comment, policy, ticket

from workflows.model import Person
from workflows.moments import Moments
from workflows.policy import IncidentSource, SourceKind, ValueSource
from workflows.timeline import (
    figures,
    length_in_words,
    moments,
    render,
    render_figures,
    rows,
    under_heading,
)

SOURCE = policy().teams["payments"].incidents[0]


def with_moments(**places: ValueSource) -> IncidentSource:
    return replace(SOURCE, moments=places)


def test_rows_come_in_the_order_of_time_and_facts_are_told_from_words() -> None:
    read = ticket(
        comments=(comment("It is the queue, I think", minutes=20),),
        changes=(change("status", "open", "mitigated", 40), change("label", None, "sev1", 5)),
    )
    assert [(row.at, row.what, row.basis) for row in rows(read)] == [
        (at(0), "Ticket opened", "recorded"),
        (at(5), "label: sev1", "recorded"),
        (at(20), "It is the queue, I think", "reported"),
        (at(40), "status: open → mitigated", "recorded"),
    ]


def test_each_row_has_time_person_and_source() -> None:
    text = render(rows(ticket(comments=(comment("Restarted it"),))))
    line = text.splitlines()[-1]
    assert line == (
        "| 2026-12-07 12:30 | Noor Aziz | Restarted it | reported "
        "| [source](https://git.example/acme/ops/issues/42#c1) |"
    )


def test_an_address_that_is_none_becomes_plain_words() -> None:
    text = render(rows(ticket(comments=(comment("x", url="javascript:alert(1)"),))))
    assert "javascript" not in text


def test_a_long_comment_is_cut_at_a_word() -> None:
    what = rows(ticket(comments=(comment("word " * 200),)))[-1].what
    assert what.endswith("word …")
    assert len(what) < 300


def test_moments_come_from_the_places_that_the_rules_name() -> None:
    read = closed(
        ticket(
            fields={"customfield_1": "2026-12-07T11:50:00.000+0000"},
            changes=(
                change("status", "open", "Mitigated", 40),
                change("assignee", None, "Kim", 10),
            ),
        )
    )
    source = with_moments(
        detected=ValueSource(SourceKind.FIELD, "customfield_1"),
        mitigated=ValueSource(SourceKind.STATUS, "mitigated"),
    )
    assert moments(source, read, at(90)) == Moments(at(0), None, at(-10), at(10), at(40), at(90))


def test_the_clock_starts_when_the_ticket_was_opened_if_nothing_earlier_is_known() -> None:
    told = figures(Moments(opened=NOON, resolved=at(90)))
    assert told[3] == ("Time to resolve", timedelta(minutes=90), "opened → resolved")


def test_lines_that_ask_for_action_items_are_only_counted() -> None:
    read = ticket(comments=(comment("Pool exhausted.\nACTION: one\n- [ ] two"),))
    assert rows(read)[-1].what == "Pool exhausted. (and asks for 2 action items)"
    assert rows(ticket(comments=(comment("ACTION: one"),)))[-1].what == "asks for an action item"


def test_comments_are_told_in_words_without_marks_or_double_escapes() -> None:
    read = ticket(comments=(comment("## What helped\n\n\\- restarting *two* hosts"),))
    assert rows(read)[-1].what == "What helped: restarting \\*two\\* hosts"


def test_a_resolution_that_came_with_a_status_is_not_told_twice() -> None:
    changes = (change("resolution", None, "Done", 40), change("status", "Open", "Resolved", 40))
    assert [row.what for row in rows(ticket(changes=changes))] == [
        "Ticket opened",
        "status: Open → Resolved",
    ]


def test_an_attachment_is_told_without_its_name() -> None:
    """It may hang on a comment that only some may read."""
    read = ticket(
        changes=(
            change("Attachment", None, "merger-plan.pdf", 5),
            change("Attachment", "merger-plan.pdf", None, 6),
        )
    )
    told = [row.what for row in rows(read)]
    assert told == ["Ticket opened", "Attachment added", "Attachment removed"]


def test_a_label_may_mark_a_moment() -> None:
    read = ticket(changes=(change("label", None, "mitigated", 33),))
    source = with_moments(mitigated=ValueSource(SourceKind.LABEL, "mitigated"))
    assert moments(source, read, None).mitigated == at(33)


def test_a_time_that_cannot_be_read_is_not_known() -> None:
    source = with_moments(detected=ValueSource(SourceKind.FIELD, "when"))
    assert moments(source, ticket(fields={"when": "yesterday"}), None).detected is None


def test_figures_are_measured_from_detection_when_the_start_is_unknown() -> None:
    known = Moments(None, None, NOON, at(5), at(40), at(90))
    told = {name: length for name, length, _ in figures(known)}
    assert told == {
        "Time to detect": None,
        "Time to acknowledge": timedelta(minutes=5),
        "Time to mitigate": timedelta(minutes=40),
        "Time to resolve": timedelta(minutes=90),
    }


def test_an_end_before_its_start_is_not_a_length() -> None:
    assert figures(Moments(None, None, NOON, at(-5), None, None))[1][1] is None


def test_figures_say_what_is_not_known() -> None:
    text = render_figures(Moments(None, None, NOON, None, None, at(90)))
    assert "| Time to detect | not known | started → detected |" in text
    assert "| Time to resolve | 1 h 30 min | detected → resolved |" in text
    assert "| Mitigated | not known |" in text


def test_lengths_read_as_people_say_them() -> None:
    assert length_in_words(timedelta(days=2, hours=3, minutes=9)) == "2 d 3 h"
    assert length_in_words(timedelta(seconds=30)) == "30 s"
    assert length_in_words(timedelta(0)) == "0 s"


def test_an_issue_forms_answer_stands_under_its_heading() -> None:
    text = "### Severity\n\nsev2\n\n### Service\n\n_No response_\n"
    assert under_heading("severity", text) == "sev2"
    assert under_heading("Service", text) is None
    assert under_heading("Region", text) is None


def test_a_person_who_is_gone_is_somebody() -> None:
    assert rows(ticket(author=None))[0].who == "somebody"
    assert rows(ticket(author=Person("x", "")))[0].who == "x"
