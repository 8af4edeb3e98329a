"""Postmortems as pages of Confluence, against the sandbox, on both deployments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from builders import lost_document

from integrations.confluence.client import ConfluenceClient
from integrations.confluence.documents import ConfluencePageDocuments
from integrations.confluence.site import Page, site_of
from integrations.sandbox import Sandbox
from integrations.tracker import (
    NotThere,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    SignInFailed,
    StaleVersion,
    Unavailable,
)
from workflows.effects import CreateDocument, DocumentTarget
from workflows.model import DocumentRef, DocumentState, DocumentStatus, TicketRef

BOT, KIM, TOKEN = "bot-1", "kim-2", "t0ken-of-the-bot"
NOW = datetime(2026, 12, 1, 10, 30, tzinfo=UTC)
INCIDENT = TicketRef("jira", "10007", "INC-1", "https://jira.example/browse/INC-1", "INC-1")
TEXT = """\
# Postmortem

<!-- followthrough:begin facts -->
<!-- followthrough:end facts -->

## Timeline

<!-- followthrough:begin timeline -->
| When | What |
| --- | --- |
| 10:00 | [INC-1](https://a.example/INC-1) closed – “at last” |
<!-- followthrough:end timeline -->

## Notes

Written by people.
"""
TABLE = "| When | What |\n| --- | --- |\n| 11:00 | {} |"
MACRO = (
    '<ac:structured-macro ac:macro-id="m-1" ac:name="jira" ac:schema-version="1">'
    '<ac:parameter ac:name="key">INC-9</ac:parameter></ac:structured-macro>'
)


@pytest.fixture(params=["cloud", "datacenter"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(deployment=request.param, clock=lambda: NOW) as running:
        running.jira.add_user(BOT, "Bot", "bot@acme.example", TOKEN)
        running.jira.add_user(KIM, "Kim Doe", "kim@acme.example")
        running.confluence.add_space("PM", "Postmortems")
        yield running


@pytest.fixture
def store(sandbox: Sandbox) -> ConfluencePageDocuments:
    return opened(sandbox)


def opened(sandbox: Sandbox, token: str = TOKEN) -> ConfluencePageDocuments:
    cloud = sandbox.confluence.cloud
    user = "bot@acme.example" if cloud else None
    url = sandbox.confluence_url
    client = ConfluenceClient(url, user=user, token=token, clock=lambda: NOW, cloud=cloud)
    return ConfluencePageDocuments(site_of(client))


def document(parent: str = "", labels: tuple[str, ...] = ("postmortem",)) -> CreateDocument:
    target = DocumentTarget("confluence-page", "wiki", "PM", path=parent, labels=labels)
    return CreateDocument("document:k3v9", target, "Postmortem: checkout", TEXT, INCIDENT)


def test_a_postmortem_is_a_page_whose_regions_alone_are_rewritten(
    sandbox: Sandbox, store: ConfluencePageDocuments
) -> None:
    above = sandbox.confluence.write_page("PM", "All postmortems", "<p />", KIM)
    made = store.create(document("All postmortems"))
    page = sandbox.confluence.page(made.ref.id)
    assert (page.now.title, page.parent, list(page.labels)) == (
        "Postmortem: checkout",
        above,
        ["postmortem"],
    )
    assert store.place_of(made.ref) == "PM"
    assert made.regions["timeline"] == (
        "| When | What |\n| --- | --- |\n"
        "| 10:00 | [INC-1](https://a.example/INC-1) closed – “at last” |"
    )
    assert made.regions["facts"] == ""
    sandbox.reset_calls()
    written = store.write(made, {"timeline": TABLE.format("more")})
    assert [call.method for call in sandbox.calls] == ["GET", "PUT"]
    assert written.ref.version == "2"
    assert written.regions["timeline"] == TABLE.format("more")
    assert store.read(made.ref, made.headings) == written
    assert written.text is not None
    assert "Written by people." in written.text
    assert "INC-1" not in written.text
    sandbox.reset_calls()
    assert store.write(written, written.regions) == written
    assert [call.method for call in sandbox.calls] == ["GET"]


def test_a_parent_whose_title_is_a_number_is_no_page_id(
    sandbox: Sandbox, store: ConfluencePageDocuments
) -> None:
    with pytest.raises(Rejected, match="no page '2026'"):
        store.create(document("2026"))
    year = sandbox.confluence.write_page("PM", "2026", "<p />", KIM)
    store = opened(sandbox)
    assert store._site.parent("PM", "2026") == year
    assert store._site.parent("PM", year) == year
    made = store.create(document("2026"))
    assert sandbox.confluence.page(made.ref.id).parent == year


def test_what_people_put_on_the_page_stays_byte_for_byte(
    sandbox: Sandbox, store: ConfluencePageDocuments
) -> None:
    made = store.create(document(labels=()))
    theirs = (
        f"<p>Written by people. {MACRO}</p>"
        '<ac:image ac:width="200"><ri:attachment ri:filename="graph.png" /></ac:image>'
        '<ac:structured-macro ac:macro-id="m-2" ac:name="expand" ac:schema-version="1">'
        "<ac:rich-text-body><h2>Timeline</h2><p>not a region, &lt;ever&gt;</p></ac:rich-text-body>"
        '</ac:structured-macro><p><ac:link><ri:user ri:account-id="kim-2" /></ac:link>'
        ' <time datetime="2026-12-01" /></p>'
    )
    old = next(p for p in paragraphs(sandbox, made.ref) if "Written by people." in p)
    sandbox.confluence.edit_page(made.ref.id, old, theirs, KIM)
    stored = sandbox.confluence.page(made.ref.id).now.body
    kept = stored[stored.index("Written by people.") :]
    read = store.read(made.ref, made.headings)
    assert read.regions == made.regions
    assert read.text is not None
    assert "Written by people. INC-9" in read.text
    assert "@kim-2 2026-12-01" in read.text
    store.write(read, {"timeline": TABLE.format("more"), "facts": "**Severity** 1"})
    after = sandbox.confluence.page(made.ref.id).now.body
    assert after.endswith(kept)
    assert after.count("<h2") == stored.count("<h2")


def paragraphs(sandbox: Sandbox, ref: DocumentRef) -> list[str]:
    body = sandbox.confluence.page(ref.id).now.body
    return [f"<p{part.partition('</p>')[0]}</p>" for part in body.split("<p")[1:]]


def test_regions_are_found_in_the_cells_of_a_layout(
    sandbox: Sandbox, store: ConfluencePageDocuments
) -> None:
    made = store.create(document())
    body = sandbox.confluence.page(made.ref.id).now.body
    before, after = (
        '<ac:layout><ac:layout-section ac:type="two_equal"><ac:layout-cell>',
        "</ac:layout-cell><ac:layout-cell><p>Beside it.</p></ac:layout-cell>"
        "</ac:layout-section></ac:layout>",
    )
    sandbox.confluence.edit_page(made.ref.id, body, before + body + after, KIM)
    read = store.read(made.ref, made.headings)
    assert read.regions == made.regions
    written = store.write(read, {"timeline": TABLE.format("more")})
    assert written.regions["timeline"] == TABLE.format("more")
    assert "Beside it." in sandbox.confluence.page(made.ref.id).now.body


def test_what_people_add_below_our_table_stays_as_they_wrote_it_when_the_table_changes(
    sandbox: Sandbox, store: ConfluencePageDocuments
) -> None:
    made = store.create(document())
    stored = sandbox.confluence.page(made.ref.id).now.body
    theirs = (
        "<ac:task-list><ac:task><ac:task-id>1</ac:task-id><ac:task-status>incomplete"
        '</ac:task-status><ac:task-body>Ask <ac:link><ri:user ri:account-id="kim-2" /></ac:link>'
        "</ac:task-body></ac:task></ac:task-list>"
        '<ac:image><ri:attachment ri:filename="graph.png" /></ac:image>'
    )
    sandbox.confluence.edit_page(made.ref.id, "</table>", f"</table>{theirs}", KIM)
    read = store.read(made.ref, made.headings)
    _, _, below = read.regions["timeline"].partition("\n\n")
    assert below == "- [ ] Ask @kim-2\n\n(attachment graph.png)"
    written = store.write(read, {"timeline": f"{TABLE.format('more')}\n\n{below}"})
    after = sandbox.confluence.page(made.ref.id).now.body
    assert theirs in after
    assert "at last" in stored
    assert "at last" not in after
    assert written.regions["timeline"] == f"{TABLE.format('more')}\n\n{below}"


def task(said: str) -> str:
    status = "<ac:task-status>incomplete</ac:task-status>"
    return f"<ac:task>{status}<ac:task-body>{said}</ac:task-body></ac:task>"


@pytest.mark.parametrize("kind", ["ac:task-list", "ul", "ol"])
def test_of_a_list_that_the_table_took_in_part_the_other_items_stay_as_they_are_written(
    sandbox: Sandbox, store: ConfluencePageDocuments, kind: str
) -> None:
    made = store.create(document())
    person = '<ac:link><ri:user ri:account-id="kim-2" /></ac:link>'
    picture = '<ac:image><ri:attachment ri:filename="graph.png" /></ac:image>'
    of_code = "<ac:plain-text-body><![CDATA[x < 1]]></ac:plain-text-body>"
    said = [
        f"Ask {person}, mein Kind ü",
        "ACTION: write it down",
        f"ACTION: look at {picture}",
        f'ACTION: run <ac:structured-macro ac:name="code">{of_code}</ac:structured-macro>',
        "<p>See <u>it</u></p><p>and more</p>",
        "ACTION: the last",
    ]
    items = [task(each) if kind == "ac:task-list" else f"<li>{each}</li>" for each in said]
    theirs = f"<{kind}>{''.join(items)}</{kind}>"
    sandbox.confluence.edit_page(made.ref.id, "</table>", f"</table>{theirs}", KIM)
    before = sandbox.confluence.page(made.ref.id).now.body
    name = "ac:task" if kind == "ac:task-list" else "li"
    first = before.index(f"<{kind}")
    stored = re.findall(f"<{name}>.*?</{name}>", before[first:], re.DOTALL)
    read = store.read(made.ref, made.headings)
    lines = read.regions["timeline"].partition("\n\n")[2].split("\n")
    stays = [line for line in lines if "ACTION" not in line and "x <" not in line]
    stays = [line for line in stays if not line.strip().startswith("```")]
    store.write(read, {"timeline": "\n".join([TABLE.format("more"), "", *stays])})
    after = sandbox.confluence.page(made.ref.id).now.body
    assert [each for each in stored if each in after] == [stored[0], stored[2], stored[4]]
    rest = "".join([stored[0], stored[2], stored[4]])
    assert rest in after
    for gone in ("write it down", "run", "the last", "at last"):
        assert gone not in after
    assert after.count("graph.png") == after.count("kim-2") == 1
    again = store.read(made.ref, made.headings)
    assert store.write(again, again.regions) == again


def test_who_saves_the_page_between_our_read_and_our_write_loses_nothing(
    sandbox: Sandbox, store: ConfluencePageDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = store.create(document())
    site = store._site
    read = site.read

    def read_and_let_kim_save(id: str, version: int | None = None) -> object:
        page = read(id, version)
        monkeypatch.setattr(site, "read", read)
        old = "Written by people."
        sandbox.confluence.edit_page(made.ref.id, old, "Kim was here.", KIM)
        return page

    monkeypatch.setattr(site, "read", read_and_let_kim_save)
    with pytest.raises(StaleVersion, match="Version must be incremented"):
        store.write(made, {"timeline": TABLE.format("more")})
    written = store.write(store.read(made.ref, made.headings), {"timeline": TABLE.format("more")})
    assert written.regions["timeline"] == TABLE.format("more")
    assert written.text is not None
    assert "Kim was here." in written.text


@pytest.fixture
def trashed(
    sandbox: Sandbox, store: ConfluencePageDocuments, monkeypatch: pytest.MonkeyPatch
) -> DocumentState:
    """A document whose page somebody throws away between our read and our write."""
    made, site = store.create(document()), store._site
    write = site.write

    def kim_throws_it_away(page: Page, body: str) -> Page:
        sandbox.confluence.trash(page.id)
        return write(page, body)

    monkeypatch.setattr(site, "write", kim_throws_it_away)
    return made


def test_a_page_that_is_thrown_away_while_we_write_stays_in_the_trash(
    sandbox: Sandbox, store: ConfluencePageDocuments, trashed: DocumentState
) -> None:
    with pytest.raises(NotThere):
        store.write(trashed, {"timeline": TABLE.format("more")})
    page = sandbox.confluence.page(trashed.ref.id)
    assert (page.status, len(page.versions)) == ("trashed", 1)
    expected = ["PUT", "GET", "DELETE"] if sandbox.confluence.cloud else ["GET", "PUT", "GET"]
    assert [call.method for call in sandbox.calls][-3:] == expected


@pytest.mark.parametrize("status", [403, 404, 429, 503])
@pytest.mark.parametrize("sandbox", ["cloud"], indirect=True)
def test_a_page_that_came_out_of_the_trash_and_may_not_go_back_is_told(
    sandbox: Sandbox, store: ConfluencePageDocuments, trashed: DocumentState, status: int
) -> None:
    sandbox.fail_next("DELETE", "pages", status, body={"statusCode": status, "message": "no!"})
    with pytest.raises(Rejected, match=r"could not be put back: no") as refused:
        store.write(trashed, {"timeline": TABLE.format("more")})
    assert "Throw the page away again" in refused.value.mend
    assert sandbox.confluence.page(trashed.ref.id).status == "current"


@pytest.mark.parametrize("sandbox", ["cloud"], indirect=True)
def test_a_page_that_came_out_of_the_trash_and_was_saved_since_stays(
    sandbox: Sandbox,
    store: ConfluencePageDocuments,
    trashed: DocumentState,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put = store._site.client.put

    def and_kim_saves(*asked: Any) -> Any:
        told = put(*asked)
        sandbox.confluence.edit_page(trashed.ref.id, "Written by people.", "Kim's.", KIM)
        return told

    monkeypatch.setattr(store._site.client, "put", and_kim_saves)
    with pytest.raises(StaleVersion, match="saved it since"):
        store.write(trashed, {"timeline": TABLE.format("more")})
    page = sandbox.confluence.page(trashed.ref.id)
    assert page.status == "current"
    assert "Kim's." in page.now.body


def test_an_edit_inside_a_region_is_seen(sandbox: Sandbox, store: ConfluencePageDocuments) -> None:
    made = store.create(document())
    sandbox.confluence.edit_page(made.ref.id, "at last", "too late", KIM)
    with pytest.raises(StaleVersion, match="Timeline"):
        store.write(made, {"timeline": TABLE.format("more")})


def test_a_page_of_somebody_else_with_the_same_title_is_never_taken_over(
    sandbox: Sandbox, store: ConfluencePageDocuments
) -> None:
    theirs = sandbox.confluence.write_page("PM", "Postmortem: Checkout", "<p>Ours!</p>", KIM)
    made = store.create(document())
    assert made.ref.id != theirs
    assert sandbox.confluence.page(made.ref.id).now.title == "Postmortem: checkout (k3v9)"
    assert "Ours!" in sandbox.confluence.page(theirs).now.body
    again = store.create(document(), again=True)
    assert again == made
    sandbox.confluence.rename(made.ref.id, "Checkout, revisited", KIM)
    sandbox.confluence.write_page("PM", "Postmortem: checkout (k3v9)", "<p>Ours, too!</p>", KIM)
    with pytest.raises(Rejected, match="other people"):
        store.create(document())


@pytest.mark.parametrize("status", [0, 500])
def test_a_page_whose_creation_was_never_answered_is_found(
    sandbox: Sandbox, store: ConfluencePageDocuments, status: int
) -> None:
    drop = status == 0
    where = r"/(pages|content)(\?|$)"
    sandbox.fail_next("POST", where, status or 500, after_effect=True, drop_connection=drop)
    wanted = document()
    with pytest.raises(OutcomeUnknown):
        store.create(wanted)
    lost = lost_document(wanted, NOW - timedelta(minutes=5))
    found = store.find(wanted, lost)
    assert found is not None
    page = sandbox.confluence.page(found.ref.id)
    assert list(page.labels) == ["postmortem"]
    assert store.create(wanted).ref.id == found.ref.id
    sandbox.confluence.rename(found.ref.id, "Checkout, revisited", KIM)
    renamed = store.find(wanted, lost)
    assert renamed is not None
    assert renamed.ref.id == found.ref.id


def test_what_was_never_made_is_not_found(store: ConfluencePageDocuments) -> None:
    wanted = document()
    assert store.find(wanted, lost_document(wanted, NOW)) is None


def test_a_page_that_is_deleted_is_gone_and_an_archived_one_is_declined(
    sandbox: Sandbox, store: ConfluencePageDocuments
) -> None:
    made = store.create(document())
    sandbox.confluence.archive(made.ref.id)
    assert store.read(made.ref, made.headings).status is DocumentStatus.DECLINED
    with pytest.raises(Rejected, match="archived"):
        store.write(made, {"timeline": "x"})
    sandbox.confluence.trash(made.ref.id)
    for look in (lambda: store.read(made.ref, {}), lambda: store.version(made.ref)):
        with pytest.raises(NotThere):
            look()


def test_a_page_that_others_alone_may_edit_is_no_page_that_is_gone(
    sandbox: Sandbox, store: ConfluencePageDocuments
) -> None:
    made = store.create(document())
    sandbox.confluence.restrict(made.ref.id, KIM)
    with pytest.raises(Rejected) as refused:
        store.write(made, {"timeline": TABLE.format("more")})
    assert "edit" in refused.value.mend
    assert "restricted" in refused.value.mend
    page = store._site.read(made.ref.id)
    sandbox.confluence.trash(made.ref.id)
    sandbox.fail_next("PUT", "content|pages", 404, body={"statusCode": 404, "message": "no"})
    with pytest.raises(NotThere):
        store._site.write(page, "<p />")


def test_a_space_that_takes_no_pages_of_ours_says_so(
    sandbox: Sandbox, store: ConfluencePageDocuments
) -> None:
    gone = {"statusCode": 404, "message": "No space or no permission to create pages"}
    sandbox.fail_next("POST", "content|pages", 404, body=gone)
    with pytest.raises(Rejected) as refused:
        store.create(document())
    assert "add pages in the space PM" in refused.value.mend


def test_a_label_says_that_it_is_in_review_and_one_look_tells_of_many_pages(
    sandbox: Sandbox, store: ConfluencePageDocuments
) -> None:
    made = store.create(document())
    assert made.status is DocumentStatus.DRAFT
    sandbox.confluence.label(made.ref.id, "in-review")
    assert store.read(made.ref, made.headings).status is DocumentStatus.IN_REVIEW
    assert store.version(made.ref) == "1 in review"
    refs = [DocumentRef("confluence-page", str(number), "", "") for number in range(49)]
    sandbox.reset_calls()
    assert store.versions([*refs, made.ref]) == {made.ref.id: "1 in review"}
    assert len(sandbox.calls) == 1


def test_a_lost_page_is_found_among_more_than_one_search_tells(
    sandbox: Sandbox, store: ConfluencePageDocuments
) -> None:
    for number in range(101):
        sandbox.confluence.write_page("PM", f"Note {number}", "<p />", BOT)
    wanted = document(labels=())
    made = store.create(wanted)
    sandbox.confluence.rename(made.ref.id, "Checkout, revisited", KIM)
    sandbox.reset_calls()
    found = store.find(wanted, lost_document(wanted, NOW - timedelta(minutes=5)))
    assert found is not None
    assert found.ref.id == made.ref.id
    assert len([call for call in sandbox.calls if "/search" in call.path]) == 3
    sandbox.reset_calls()
    refs = [DocumentRef("confluence-page", id, "", "") for id in sandbox.confluence.pages]
    assert len(store.versions(refs[:50])) == 50
    assert len(sandbox.calls) == 1


def test_a_page_that_is_moved_keeps_its_id_and_tells_its_new_space(
    sandbox: Sandbox, store: ConfluencePageDocuments
) -> None:
    made = store.create(document())
    sandbox.confluence.add_space("OLD", public=True)
    sandbox.confluence.move(made.ref.id, "OLD")
    moved = store.read(made.ref, made.headings)
    assert (moved.ref.id, store.place_of(moved.ref)) == (made.ref.id, "OLD")
    assert (store.is_public("OLD"), store.is_public("PM")) == (True, False)


def test_a_publication_is_the_version_that_was_accepted(
    sandbox: Sandbox, store: ConfluencePageDocuments
) -> None:
    made = store.create(document())
    (now,) = store.publications(made.ref, frozenset())
    sandbox.confluence.edit_page(made.ref.id, "Written by people.", "Later.", KIM)
    (kept,) = store.publications(made.ref, frozenset())
    assert kept == now
    assert "Written by people." in kept.text


def test_faults_are_told_with_their_mend(sandbox: Sandbox, store: ConfluencePageDocuments) -> None:
    with pytest.raises(SignInFailed) as wrong:
        opened(sandbox, "wrong").create(document())
    assert "token" in wrong.value.mend
    assert "wrong" not in wrong.value.words
    with pytest.raises(Rejected, match="no page 'Nowhere'"):
        store.create(document("Nowhere"))
    with pytest.raises(NotThere):
        store._site.space("NONE")
    sandbox.confluence.grant("PM", BOT, ["read"])
    with pytest.raises(Rejected, match="permission") as denied:
        store.create(document())
    assert "add and edit pages" in denied.value.mend
    sandbox.fail_next("GET", "content|pages", 429, headers={"Retry-After": "30"})
    ref = DocumentRef("confluence-page", "1", "", "")
    with pytest.raises(RateLimited) as limited:
        store.version(ref)
    assert limited.value.retry_at == NOW + timedelta(seconds=30)
    sandbox.fail_next("GET", "content|pages", 503)
    with pytest.raises(Unavailable):
        store.version(ref)
    with pytest.raises(NotThere):
        store.version(ref)
