"""What somebody who is signed in sees."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from builders import at
from flask.testing import FlaskClient
from web.history import TOKEN, History, Web, action, document

from service.app import create_app
from service.store import Store
from service.store.deliveries import DeliveryState
from service.store.effects import EffectState
from service.web.pages import PAGE
from workflows.model import Acceptance, ActionLine, Origin, Outlook, Proposal, Way

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


class Seen(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def values(self, *names: str) -> list[str]:
        return [a[name] or "" for _, a in self.tags for name in names if name in a]


def csrf(operator: FlaskClient) -> str:
    with operator.session_transaction() as session:
        return str(session["csrf"])


def test_with_no_incident_the_page_says_what_to_do_next(operator: FlaskClient) -> None:
    page = operator.get("/").text
    assert "No incidents yet." in page
    assert "followthrough doctor" in page


def test_an_incident_is_listed_with_its_document_tasks_and_what_it_waits_for(
    operator: FlaskClient, history: History
) -> None:
    history.closed()
    page = operator.get("/").text
    for shown in (
        "acme/ops#42",
        "Checkout answers 500",
        "sev1",
        "Field &#39;duedate&#39; cannot be set",
        'href="https://git.example/acme/postmortems/pull/7"',
        "1 of 2",
        "acme/ops#101",
        '<time datetime="2026-12-07T13:30:00Z">2026-12-07 13:30 UTC</time>',
    ):
        assert shown in page


def test_incidents_are_narrowed_by_outlook_and_counted(
    operator: FlaskClient, history: History
) -> None:
    history.incident("a", 1)
    history.incident("b", 2, outlook=Outlook.DONE)
    page = operator.get("/incidents?outlook=done").text
    assert "acme/ops#2" in page
    assert "acme/ops#1<" not in page
    assert 'watching <span class="count">1</span>' in page
    assert "acme/ops#1<" in operator.get("/incidents?outlook=nonsense").text


def test_a_long_list_goes_on_where_the_page_ended(operator: FlaskClient, history: History) -> None:
    for number in range(1, PAGE + 3):
        history.incident(f"i{number}", number)
    seen: list[str] = []
    following: str | None = "/incidents"
    while following:
        page = operator.get(following).text
        seen += re.findall(r'class="key" href="/incidents/(\w+)"', page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        following = older[1].replace("&amp;", "&") if older else None
    assert len(seen) == len(set(seen)) == PAGE + 2


def test_what_needs_the_operator_stands_first(
    operator: FlaskClient, history: History, store: Store
) -> None:
    history.closed()
    history.delivery(state=DeliveryState.UNREADABLE)
    with store.write() as tx:
        job = tx.jobs.claim(tx.jobs.touch("poll", "acme-github"), timedelta(minutes=1))
        assert job is not None
        tx.jobs.fail(job, "acme-github answered 502", at(200))
    page = operator.get("/").text
    assert 'id="letters"' in page
    assert "Put the field on the create screen of OPS." in page
    assert "could not work on the delivery “issues” of acme-github" in page
    assert "polling finds what it told of" in page
    assert "acme-github answered 502" in page


def test_one_incident_explains_itself_with_the_vendors_words_and_the_mend(
    operator: FlaskClient, history: History
) -> None:
    proposal = Proposal(Origin("comment", "c9"), "Retries off", "passer-by", "may not write")
    incident = history.closed(proposals=(proposal,))
    page = operator.get(f"/incidents/{incident.id}").text
    for shown in (
        "closed: the postmortem is set up",
        "acme-github told of issues",
        "AI-1 linked to acme/ops#42",
        "refused: Field &#39;duedate&#39; cannot be set.",
        '<p class="mend">Put the field on the create screen of OPS.</p>',
        "Time to resolve",
        "1 h 30 min",
        "Retries off",
        "Noor Aziz",
    ):
        assert shown in page
    assert page.index("acme-github told of") < page.index("the postmortem is set up</bdi>")


def test_what_was_refused_is_tried_again_when_a_person_has_mended_it(
    operator: FlaskClient, history: History, store: Store
) -> None:
    history.closed()
    answer = operator.post(
        "/incidents/k3v9/retry", data={"csrf": csrf(operator)}, follow_redirects=True
    )
    assert "It is tried again now." in answer.text
    assert "an admin (web page) asked to try again" in answer.text
    with store.read() as tx:
        effect = tx.effects.get("task:k3v9:2")
        job = tx.jobs.get("incident", "acme-github/I_42")
    assert effect is not None
    assert effect.state is EffectState.WANTED
    assert job is not None


def proposed(history: History) -> None:
    """An incident with a proposal, and one that is an edit of AI-1."""
    origin = Origin("comment", "c9")
    history.closed(
        proposals_numbered=2,
        proposals=(
            Proposal(origin, "one", "m", "may not write", 1, ActionLine("one", owner="kim")),
            Proposal(origin, "two", "m", "edited", 2, ActionLine("two"), "change the task"),
        ),
    )


def test_a_proposal_that_can_be_accepted_has_a_button_and_an_edit_says_what_to_do(
    operator: FlaskClient, history: History
) -> None:
    proposed(history)
    page = operator.get("/incidents/k3v9").text
    assert "Accept P-1" in page
    assert "owner kim" in page
    assert "Accept P-2" not in page
    assert "To have it done, change the task." in page


def test_accepting_writes_a_row_and_asks_for_the_incidents_job(
    operator: FlaskClient, history: History, store: Store
) -> None:
    proposed(history)
    answer = operator.post(
        "/incidents/k3v9/accept",
        data={"csrf": csrf(operator), "proposal": "P-1"},
        follow_redirects=True,
    )
    assert "P-1 is accepted, and becomes an action item now." in answer.text
    assert "an admin accepted P-1 by the page: one" in answer.text
    with store.read() as tx:
        rows = tx.acceptances.of_incident("k3v9")
        job = tx.jobs.get("incident", "acme-github/I_42")
    assert [(row.number, row.way) for row in rows] == [(1, Way.PAGE)]
    assert job is not None


@pytest.mark.parametrize(
    ("path", "name", "status", "words"),
    [
        ("/incidents/k3v9/accept", "P-2", 409, "P-2 cannot be accepted (edited): change the task."),
        ("/incidents/k3v9/accept", "P-3", 409, "Nothing was done: there is no P-3."),
        ("/incidents/k3v9/accept", "AI-1", 400, "Say which proposal, such as P-2."),
        ("/incidents/none/accept", "P-1", 404, "There is no incident with this id."),
    ],
)
def test_what_cannot_be_accepted_is_answered_with_the_reason_and_writes_nothing(
    operator: FlaskClient,
    history: History,
    store: Store,
    path: str,
    name: str,
    status: int,
    words: str,
) -> None:
    proposed(history)
    answer = operator.post(path, data={"csrf": csrf(operator), "proposal": name})
    assert answer.status_code == status
    assert words in answer.text
    with store.read() as tx:
        assert tx.acceptances.of_incident("k3v9") == []
        assert tx.jobs.get("incident", "acme-github/I_42") is None


def test_accepting_needs_sign_in_and_a_form_of_ours(
    visitor: FlaskClient, history: History, store: Store
) -> None:
    proposed(history)
    assert visitor.post("/incidents/k3v9/accept", data={"proposal": "P-1"}).status_code == 401
    visitor.post("/sign-in", data={"token": TOKEN})
    assert visitor.post("/incidents/k3v9/accept", data={"proposal": "P-1"}).status_code == 403
    with store.read() as tx:
        assert tx.acceptances.of_incident("k3v9") == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/incidents",
        "/incidents/k3v9",
        "/deliveries",
        "/deliveries/2",
        "/dead-letters",
        "/dead-letters/e2",
    ],
)
def test_hostile_text_is_shown_and_does_nothing(
    operator: FlaskClient, history: History, path: str
) -> None:
    incident = history.closed(
        title=HOSTILE,
        waiting_for=HOSTILE,
        service=HOSTILE,
        severity=HOSTILE,
        roles={"facilitator": HOSTILE},
        postmortem=document("javascript:alert(1)"),
        actions=(action(1, HOSTILE, owner=HOSTILE, unset=(HOSTILE,)),),
        proposals=(
            Proposal(
                *(Origin("comment", "c1"), HOSTILE, HOSTILE, HOSTILE, 1),
                line=ActionLine(HOSTILE, owner=HOSTILE, milestone=HOSTILE),
            ),
        ),
        acceptances=(Acceptance("row/1", 1, HOSTILE, at(95), Way.PAGE, HOSTILE),),
    )
    history.delivery(incident, body=HOSTILE.encode(), id=HOSTILE)
    page = operator.get(path).text
    seen = Seen(page)
    assert "alert(1)" in page or path == "/deliveries"
    assert "script" not in {tag for tag, _ in seen.tags}
    assert not [name for _, attributes in seen.tags for name in attributes if name[:2] == "on"]
    assert not [url for url in seen.values("href") if url.startswith("javascript")]


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/incidents", "/incidents/k3v9", "/deliveries", "/deliveries/1", "/operation"),
        *("/none", "/sign-in", "/times"),
        *("/dead-letters", "/dead-letters/e2"),
    ],
)
def test_a_page_loads_nothing_from_elsewhere_and_is_locked_down(
    operator: FlaskClient, history: History, path: str
) -> None:
    history.closed()
    answer = operator.get(path)
    seen = Seen(answer.text)
    assert all(url.startswith("/") for url in seen.values("src", "action"))
    loaded = [a["href"] or "" for tag, a in seen.tags if tag == "link"]
    assert all(url.startswith("/static/") for url in loaded)
    assert not seen.values("style")
    outward = [a for tag, a in seen.tags if tag == "a" and (a["href"] or "").startswith("http")]
    assert all(a["rel"] == "noopener noreferrer" for a in outward)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_delivery_is_shown_replayed_and_dropped(
    operator: FlaskClient, history: History, store: Store
) -> None:
    number = history.delivery(state=DeliveryState.UNREADABLE)
    page = operator.get(f"/deliveries/{number}").text
    assert "&#34;action&#34;: &#34;closed&#34;" in page
    sent = {"csrf": csrf(operator)}
    answer = operator.post(f"/deliveries/{number}/replay", data=sent, follow_redirects=True)
    assert "It will be worked on again." in answer.text
    with store.read() as tx:
        assert tx.jobs.get("delivery", str(number)) is not None
    without = operator.post(f"/deliveries/{number}/drop", data=sent)
    assert without.status_code == 400
    assert "Say why" in without.text
    operator.post(f"/deliveries/{number}/drop", data={**sent, "why": "sent by mistake"})
    with store.read() as tx:
        delivery = tx.deliveries.get(number)
    assert delivery is not None
    assert (delivery.state, delivery.why) == (DeliveryState.DROPPED, "sent by mistake")


@pytest.mark.parametrize(
    "path",
    [
        *("/nothing", "/incidents/nobody", "/deliveries/999", f"/deliveries/{10**30}"),
        *("/dead-letters/e999", f"/dead-letters/d{10**30}", "/dead-letters/12"),
    ],
)
def test_what_is_not_there_is_told_in_the_same_style(operator: FlaskClient, path: str) -> None:
    answer = operator.get(path)
    assert answer.status_code == 404
    assert "To the overview" in answer.text


def test_odd_cursors_are_harmless(operator: FlaskClient) -> None:
    for query in ("/?before=nobody", "/deliveries?before=x", f"/deliveries?before={10**30}"):
        assert operator.get(query).status_code == 200


def test_a_method_that_a_page_does_not_know_is_405(operator: FlaskClient) -> None:
    answer = operator.post("/", data={"csrf": csrf(operator)})
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_a_fault_of_ours_is_told_without_its_details(web: Web, store: Store) -> None:
    class Broken(Store):
        def read(self) -> None:  # type: ignore[override]
            raise OSError("secret detail")

    app = create_app(replace(web, store=Broken(store.url)))
    answer = app.test_client().get("/", headers={"Authorization": f"Bearer {token(web)}"})
    assert answer.status_code == 500
    assert "A fault of ours" in answer.text
    assert "secret detail" not in answer.text


def token(web: Web) -> str:
    return web.admin_token.reveal()
