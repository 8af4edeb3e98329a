"""After the merge, changes are proposed in an update. Closing it unmerged is no edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import document
from sides import STATUS, TASK, TWIN, Remedy

from workflows.documents import marked, replace_regions
from workflows.drift import compare_rows
from workflows.events import DocumentRead, DocumentWritten
from workflows.folding import fold
from workflows.hearing import hear_rows
from workflows.model import DocumentState, DocumentStatus, Postmortem, Status, StatusCategory
from workflows.upkeep import keep_up

BRANCH = "followthrough/document-abc"
OPEN = Status("To Do", StatusCategory.NEW)
DONE = Status("Done", StatusCategory.DONE)


class Published(Remedy):
    """The remedy in a document that was merged, and has the region `audits` besides."""

    def __init__(self) -> None:
        super().__init__()
        audits = marked("audits", "Nobody.")
        self.text = f"{self.postmortem.text}\n## Audits\n\n{audits}\n"
        before = self.postmortem
        body = {"audits": "Nobody."}
        known = replace(before, base={**before.base, **body}, wrote={**before.wrote, **body})
        self.incident = replace(self.incident, postmortem=known)
        self.looks(self.text)

    @property
    def postmortem(self) -> Postmortem:
        known = self.incident.postmortem
        assert known is not None
        assert known.text is not None
        return known

    def state(self, text: str, merge: str = "m1", head: str = "") -> DocumentState:
        read = document(text, status=DocumentStatus.PUBLISHED)
        published = "" if head else f"{merge}:{hash(text)}"
        ref = replace(read.ref, branch=BRANCH, head=head, merge=merge, published=published)
        return replace(read, ref=ref)

    def looks(self, text: str, merge: str = "m1", head: str = "") -> list[str]:
        """The document is read, and its rows are heard."""
        self.incident = fold(DocumentRead(self.state(text, merge, head)), self.incident)
        self.incident, notes = hear_rows(self.incident, self.team, self.policy, self.now)
        return notes

    def wanted(self) -> Mapping[str, str]:
        self.now += timedelta(hours=1)
        self.incident, writes, _ = keep_up(self.incident, None, self.team, self.now)
        return writes[0].regions if writes else {}

    def proposes(self, *, answered: bool = True) -> str:
        """What the document is to say is written into the update; its text."""
        regions = self.wanted()
        assert regions
        text = replace_regions(self.postmortem.text or "", regions)
        if answered:
            new = DocumentWritten(self.state(text, head="h2"), regions, self.now)
            self.incident = fold(new, self.incident)
        return text


@pytest.fixture
def remedy() -> Published:
    remedy = Published()
    remedy.hears(TASK, status=DONE)
    return remedy


def test_a_declined_update_changes_no_task(remedy: Published) -> None:
    remedy.proposes()
    remedy.answers(TWIN)
    assert remedy.looks(remedy.text) == []
    assert remedy.item.status == "done"
    assert (remedy.wants(TASK), remedy.wants(TWIN)) == ({}, {})


def test_no_region_of_a_declined_update_was_edited_by_hand(remedy: Published) -> None:
    remedy.proposes()
    remedy.looks(remedy.text)
    assert remedy.postmortem.conflicts == ()


def test_an_update_that_was_written_many_times_can_be_declined_too(remedy: Published) -> None:
    for number in range(12):
        remedy.hears(TASK, minutes=61 + number, status=(OPEN, DONE)[number % 2])
        remedy.proposes()
    assert remedy.looks(remedy.text) == []
    assert remedy.item.status == "done"


def test_what_was_declined_is_not_proposed_again_until_some_of_it_changes(
    remedy: Published,
) -> None:
    remedy.proposes()
    remedy.looks(remedy.text)
    assert remedy.wanted() == {}
    remedy.looks(remedy.text)
    assert remedy.wanted() == {}
    remedy.hears(TASK, minutes=120, owners=())
    assert "actions" in remedy.wanted()


def test_all_that_was_declined_is_in_the_next_update(remedy: Published) -> None:
    remedy.proposes()
    known = remedy.postmortem
    more = {"audits": "One."}
    text = replace_regions(known.text or "", more)
    remedy.incident = fold(
        DocumentWritten(remedy.state(text, head="h3"), more, remedy.now), remedy.incident
    )
    remedy.looks(remedy.text)
    remedy.hears(TASK, minutes=120, owners=())
    assert set(remedy.wanted()) == {"actions", "audits"}


def test_an_edit_of_what_was_merged_counts_though_the_update_is_declined(
    remedy: Published,
) -> None:
    remedy.proposes()
    edited = remedy.text.replace("Kim Ito", "Noor Aziz")
    (note,) = remedy.looks(edited)
    assert "Noor Aziz" in note
    assert (remedy.item.owner, remedy.item.status) == ("Noor Aziz", "done")


def test_an_edit_that_was_heard_before_the_update_is_not_heard_again(remedy: Published) -> None:
    edited = remedy.text.replace("2027-01-01", "2027-02-02")
    remedy.looks(edited)
    remedy.proposes()
    remedy.hears(TASK, minutes=1600, due=None)
    assert remedy.looks(edited) == []
    assert remedy.item.due is None


def test_what_people_wrote_into_a_region_stays_theirs(remedy: Published) -> None:
    edited = remedy.text.replace("Nobody.", "Somebody.")
    remedy.looks(edited)
    remedy.proposes()
    remedy.looks(edited)
    (conflict,) = remedy.postmortem.conflicts
    assert "'audits' was edited by hand" in conflict


def test_an_edit_in_the_merge_of_an_update_counts(remedy: Published) -> None:
    update = remedy.proposes()
    (note,) = remedy.looks(update.replace("| done |", "| open |"), merge="m2")
    assert "“done” → “open”, by the document" in note


def test_an_update_that_is_not_listed_yet_is_ours_when_it_is(remedy: Published) -> None:
    update = remedy.proposes()
    assert remedy.looks(remedy.text) == []  # lists lag
    remedy.hears(TASK, minutes=120, status=OPEN)
    assert remedy.looks(update, head="h2") == []
    assert remedy.item.status == "open"
    assert remedy.looks(remedy.text) == []
    assert remedy.item.status == "open"


def test_an_update_whose_answer_never_came_can_be_declined(remedy: Published) -> None:
    update = remedy.proposes(answered=False)
    assert remedy.looks(update, head="h2") == []
    assert remedy.looks(remedy.text) == []
    assert remedy.item.status == "done"
    assert remedy.postmortem.conflicts == ()


def test_neither_counts_as_a_difference_that_was_missed(remedy: Published) -> None:
    update = remedy.proposes()
    assert compare_rows(remedy.incident, document(remedy.text).regions) == {}
    remedy.looks(remedy.text)
    assert compare_rows(remedy.incident, document(update).regions) == {}
    assert STATUS.value in str(
        compare_rows(remedy.incident, document(remedy.text.replace("open", "started")).regions)
    )
