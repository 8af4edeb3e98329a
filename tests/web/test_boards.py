"""The boards of action items and audits, and the overview."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from builders import NOON, at, task_ref
from flask.testing import FlaskClient
from web.history import History, action, document
from web.test_audit_pages import JUDGED, OPEN
from web.test_conflict_pages import TWIN, apart

from workflows.model import ActionItem, DocumentStatus, Kind
from workflows.snapshots import Progress

YESTERDAY, TOMORROW = date(2026, 12, 6), date(2026, 12, 8)


def many(history: History) -> None:
    """An incident with an action item of each standing."""
    done = {"status": Progress.DONE.value, "done_at": at(5), "task": task_ref(3)}
    items: tuple[ActionItem, ...] = (
        action(1, "Late alert", due=YESTERDAY, owner="Kim Ito", task=task_ref(1), twin=TWIN),
        action(2, "Early alert", due=TOMORROW, owner="Noor Aziz", kind=Kind.DETECTIVE),
        action(3, "Done alert", **done),
    )
    history.closed(actions=items, audits=(JUDGED, OPEN))


def titles(operator: FlaskClient, address: str) -> list[str]:
    """The action items of a board, in their order."""
    page = operator.get(address).text
    known = ("Late alert", "Early alert", "Done alert")
    return sorted((t for t in known if f"<bdi>{t}</bdi>" in page), key=page.index)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("/actions", ["Late alert", "Early alert"]),
        ("/actions?show=nonsense&page=-7", ["Late alert", "Early alert"]),
        ("/actions?show=overdue", ["Late alert"]),
        ("/actions?show=done+lately", ["Done alert"]),
        ("/actions?show=waived", []),
        ("/actions?kind=detective", ["Early alert"]),
        ("/actions?person=kim+ito", ["Late alert"]),
        ("/actions?team=payments&service=Checkout", ["Late alert", "Early alert"]),
        ("/actions?team=search", []),
        ("/actions?page=1", []),
    ],
)
def test_action_items_are_shown_by_how_they_stand_and_narrowed_by_the_address(
    operator: FlaskClient, history: History, address: str, shown: list[str]
) -> None:
    many(history)
    assert titles(operator, address) == shown


def test_an_action_item_leads_to_its_task_its_twin_its_document_and_its_incident(
    operator: FlaskClient, history: History
) -> None:
    many(history)
    page = operator.get("/actions").text
    for address in (task_ref(1).url, TWIN.url, document().ref.url, "/incidents/k3v9"):
        assert f'href="{address}"' in page
    assert 'overdue <span class="count">1</span>' in page


def test_what_is_narrowed_stays_so_from_view_to_view(
    operator: FlaskClient, history: History
) -> None:
    many(history)
    page = operator.get("/actions?person=Kim+Ito").text
    assert 'href="/actions?show=overdue&amp;person=Kim+Ito"' in page
    assert 'value="Kim Ito"' in page


@pytest.mark.parametrize(
    ("view", "rungs"),
    [("open", ["1.2"]), ("judged", ["1.1"]), ("suspect", ["1.1"]), ("planned", [])],
)
def test_audits_are_shown_by_how_they_stand(
    operator: FlaskClient, history: History, view: str, rungs: list[str]
) -> None:
    many(history)
    page = operator.get(f"/audits?show={view}").text
    assert [r for r in ("1.1", "1.2") if f'data-label="Audit">{r}' in page] == rungs


def test_the_overview_gathers_what_needs_somebody_and_narrows_it_to_one_person(
    operator: FlaskClient, history: History
) -> None:
    postmortem = replace(document(), status=DocumentStatus.IN_REVIEW)
    mine = action(1, "Late alert", due=YESTERDAY, owner="Kim Ito")
    torn = replace(apart(), number=2, owner="Noor Aziz")
    history.closed(
        actions=(mine, torn),
        audits=(OPEN,),
        postmortem=postmortem,
        review_due=NOON.date(),
    )
    page = operator.get("/").text
    for box in ("letters", "conflicts", "late", "asked", "reviews"):
        assert f'id="{box}"' in page
    page = operator.get("/?person=kim+ito").text
    assert 'id="late"' in page
    for box in ("letters", "conflicts", "asked", "reviews"):
        assert f'id="{box}"' not in page
    assert "Nothing needs <bdi>Lee</bdi> now." in operator.get("/?person=Lee").text
