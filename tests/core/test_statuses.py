"""Statuses between the words of trackers and ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.model import Status, StatusCategory
from workflows.policy import StatusWords
from workflows.snapshots import Progress
from workflows.statuses import as_said, read_status, read_word, readings, status_wish

NEW, STARTED, DONE = StatusCategory.NEW, StatusCategory.IN_PROGRESS, StatusCategory.DONE
GITHUB = StatusWords(
    frozenset({Progress.OPEN, Progress.DONE, Progress.WONT_DO, Progress.DUPLICATE})
)
NAMED = StatusWords(
    frozenset(Progress),
    {
        Progress.IN_REVIEW: ("In Review", "Code Review"),
        Progress.WONT_DO: ("Rejected",),
        Progress.DONE: ("Released", "Done"),
    },
    {"Root cause": "Unknown"},
)


@pytest.mark.parametrize(
    ("status", "progress"),
    [
        (Status("To Do", NEW), Progress.OPEN),
        (Status("Doing", STARTED), Progress.IN_PROGRESS),
        (Status("Closed", DONE), Progress.DONE),
        (Status("Closed", DONE, "Fixed"), Progress.DONE),
        (Status("Closed", DONE, "Won't Do"), Progress.WONT_DO),
        (Status("Closed", DONE, "Won’t Fix"), Progress.WONT_DO),
        (Status("Closed", DONE, "Cannot Reproduce"), Progress.WONT_DO),
        (Status("closed", DONE, "not_planned"), Progress.WONT_DO),
        (Status("closed", DONE, "duplicate"), Progress.DUPLICATE),
        (Status("closed", DONE, "completed"), Progress.DONE),
        (Status("closed", DONE, "words of their own"), Progress.DONE),
        # a reason that was left behind when a ticket was reopened says nothing
        (Status("open", NEW, "not_planned"), Progress.OPEN),
        (Status("open", NEW, "reopened"), Progress.OPEN),
    ],
)
def test_a_status_is_read_by_why_it_was_closed_and_by_its_category(
    status: Status, progress: Progress
) -> None:
    assert read_status(status, {}) is progress


def test_a_name_of_the_rules_says_more_than_category_and_reason() -> None:
    names = readings(NAMED)
    assert read_status(Status("code  review", STARTED), names) is Progress.IN_REVIEW
    assert read_status(Status("Rejected", DONE, "Done"), names) is Progress.WONT_DO
    assert read_status(Status("Released", DONE, "Won't Do"), names) is Progress.DONE
    assert read_status(Status("Building", STARTED), names) is Progress.IN_PROGRESS


def test_what_a_side_cannot_say_is_said_as_the_nearest() -> None:
    said = {progress: as_said(progress, GITHUB) for progress in Progress}
    assert said[Progress.IN_PROGRESS] is said[Progress.IN_REVIEW] is Progress.OPEN
    assert said[Progress.WONT_DO] is Progress.WONT_DO
    least = StatusWords(frozenset({Progress.OPEN, Progress.IN_PROGRESS, Progress.DONE}))
    assert as_said(Progress.IN_REVIEW, least) is Progress.IN_PROGRESS
    assert as_said(Progress.DUPLICATE, least) is Progress.DONE


@given(
    st.sampled_from(Progress),
    st.frozensets(st.sampled_from(Progress)).map(lambda s: s | {Progress.OPEN, Progress.DONE}),
)
def test_what_is_said_can_be_said_and_does_not_change_when_said_again(
    progress: Progress, says: frozenset[Progress]
) -> None:
    words = StatusWords(says)
    said = as_said(progress, words)
    assert said in says
    assert as_said(said, words) is said
    closed = {Progress.DONE, Progress.WONT_DO, Progress.DUPLICATE}
    assert (said in closed) == (progress in closed)


@given(st.sampled_from(Progress))
def test_a_wish_is_read_back_as_what_was_wished(progress: Progress) -> None:
    wish = status_wish(progress, NAMED)
    for name in wish.names:
        assert read_status(Status(name, NEW), wish.readings) is progress
    for reason in wish.reasons:
        assert read_status(Status("Closed", DONE, reason), {}) is progress
    assert wish.fill == {"Root cause": "Unknown"}


@pytest.mark.parametrize(
    ("word", "progress"),
    [
        ("", None),
        ("someday", None),
        ("Done", Progress.DONE),
        ("IN  REVIEW", Progress.IN_REVIEW),
        ("in_progress", Progress.IN_PROGRESS),
        ("won't do", Progress.WONT_DO),
        ("Won’t do", Progress.WONT_DO),
        ("won’t fix", Progress.WONT_DO),
        ("not_planned", Progress.WONT_DO),
        ("cancelled", Progress.WONT_DO),
        ("closed", Progress.DONE),
        ("wip", Progress.IN_PROGRESS),
        ("to do", Progress.OPEN),
    ],
)
def test_people_write_statuses_in_words_of_their_own(word: str, progress: Progress | None) -> None:
    assert read_word(word) is progress


@pytest.mark.parametrize("progress", Progress)
def test_every_status_is_read_in_its_own_words(progress: Progress) -> None:
    assert read_word(progress.value.upper()) is progress
