"""Postmortems in Confluence: from a closed incident in Jira to a page that people write in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from stage import CONFLUENCE_PAGE, JIRA_INCIDENTS, JIRA_TASKS, Stage

from integrations.confluence.site import CloudSite, DataCenterSite
from integrations.sandbox.acme import BOT_JIRA, KIM, LEE, NOOR
from integrations.sandbox.confluence_site import Page
from service.commands.all import followthrough
from workflows.model import DocumentStatus, Outlook

PARTS: dict[str, Any] = {
    "incidents": JIRA_INCIDENTS,
    "document": CONFLUENCE_PAGE,
    "tasks": JIRA_TASKS,
}
MACRO = (
    '<ac:structured-macro ac:macro-id="m-1" ac:name="drawio" ac:schema-version="1">'
    '<ac:parameter ac:name="diagramName">flow</ac:parameter></ac:structured-macro>'
)


@pytest.fixture(params=["cloud", "datacenter"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path, deployment=request.param, **PARTS) as opened:
        yield opened


def closed(stage: Stage, **fields: Any) -> str:
    jira = stage.sandbox.jira
    key = jira.create_issue(
        "INC",
        "Checkout is down",
        KIM,
        customfield_10050={"value": "SEV-1"},
        components=[{"name": "checkout"}],
        **fields,
    )
    jira.comment(key, "ACTION: Write a runbook @5b10-kim", KIM)
    jira.transition(key, "Resolved", KIM)
    return key


def page_of(stage: Stage, key: str) -> Page:
    document = stage.incident(key).postmortem
    assert document is not None
    return stage.sandbox.confluence.page(document.ref.id)


def pages(stage: Stage) -> list[Page]:
    return [p for p in stage.sandbox.confluence.pages.values() if p.parent or len(p.now.body) > 99]


def test_a_closed_incident_gets_a_page_with_its_regions_tasks_and_a_comment_that_leads_there(
    stage: Stage,
) -> None:
    key = closed(stage)
    stage.settle()
    incident = stage.incident(key)
    document = incident.postmortem
    assert document is not None
    page = page_of(stage, key)
    assert len(pages(stage)) == 1
    assert {"facts", "timeline", "actions"} <= set(document.base)
    tasks = [item.task.key for item in incident.actions if item.task]
    assert len(tasks) == 2
    for task in tasks:
        assert f'href="{stage.sandbox.jira_url}/browse/{task}"' in page.now.body
    assert f'href="{stage.sandbox.jira_url}/browse/{key}"' in page.now.body
    comments = [str(note.body) for note in stage.sandbox.jira.issue(key).comments]
    assert any(document.ref.url in comment for comment in comments)
    assert incident.outlook is Outlook.DONE or incident.waiting_for
    before = len(page.versions)
    stage.poll()
    assert len(page.versions) == before, "it comes to rest"


def test_a_person_who_saves_while_we_write_keeps_their_words_and_ours_come_too(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = closed(stage)
    stage.settle()
    page, confluence = page_of(stage, key), stage.sandbox.confluence
    summary = heading(page, "Executive summary")
    save, times = confluence.save, list[int]()

    def kim_was_faster(*asked: Any, **named: Any) -> None:
        if not times:
            times.append(1)
            confluence.edit_page(page.id, summary, f"{summary}<p>Kim was faster.</p>", KIM)
        save(*asked, **named)

    monkeypatch.setattr(confluence, "save", kim_was_faster)
    jira = stage.sandbox.jira
    task = next(item.task for item in stage.incident(key).actions if item.task)
    jira.edit(task.key, KIM, assignee=NOOR)
    stage.settle()
    stage.wait(timedelta(minutes=2))
    assert times == [1]
    assert "Kim was faster." in page.now.body
    assert "Noor Aziz" in page.now.body
    assert stage.incident(key).postmortem is not None


def heading(page: Page, words: str) -> str:
    """The whole heading of the page that says this."""
    body = page.now.body
    at = body.index(f">{words}</h")
    return body[body.rindex("<h", 0, at) : body.index(">", at + 1) + 1]


def test_a_row_that_a_person_writes_into_the_table_becomes_a_task(stage: Stage) -> None:
    key = closed(stage)
    stage.settle()
    page, confluence = page_of(stage, key), stage.sandbox.confluence
    before = {item.number for item in stage.incident(key).actions}
    table = page.now.body[page.now.body.index(">Action items</h") :]
    table = table[: table.index("</tbody>")]
    row = "<tr><td><p /></td><td><p>Page on-call sooner</p></td><td><p>detective</p></td></tr>"
    confluence.edit_page(page.id, table, table + row, KIM)
    stage.wait(timedelta(minutes=6))
    stage.poll()
    new = [item for item in stage.incident(key).actions if item.number not in before]
    assert [item.title for item in new] == ["Page on-call sooner"]
    assert new[0].task is not None
    assert new[0].task.key in page.now.body


def test_a_macro_that_a_person_put_beside_our_regions_is_never_touched(stage: Stage) -> None:
    key = closed(stage)
    stage.settle()
    page, confluence = page_of(stage, key), stage.sandbox.confluence
    summary = heading(page, "Executive summary")
    confluence.edit_page(page.id, summary, f"{summary}<p>See {MACRO}</p>", KIM)
    stored = page.now.body[page.now.body.index("See ") :].partition("</p>")[0]
    stage.sandbox.jira.comment(key, "It was the cache.", NOOR)
    stage.settle()
    stage.wait(timedelta(minutes=6))
    assert "It was the cache." in page.now.body
    assert stored in page.now.body
    assert MACRO.partition(">")[2] in stored


def test_of_a_task_list_that_is_taken_into_the_table_in_part_nothing_else_changes(
    stage: Stage,
) -> None:
    key = closed(stage)
    stage.settle()
    page, confluence = page_of(stage, key), stage.sandbox.confluence
    person = f'<ac:link><ri:user ri:account-id="{KIM}" /></ac:link>'

    def task(number: int, said: str) -> str:
        told = f"<ac:task-id>{number}</ac:task-id><ac:task-status>incomplete</ac:task-status>"
        return f"<ac:task>{told}<ac:task-body>{said}</ac:task-body></ac:task>"

    ask, more = f"<p>Ask {person}</p><p>why it was <u>slow</u> {MACRO}</p>", "<p>a</p><p>b</p>"
    taken, asks = task(2, "Page on-call sooner"), task(4, f"Warm the cache {person}")
    tasks = f"<ac:task-list>{task(1, ask)}{taken}{task(3, more)}{asks}</ac:task-list>"
    second = f"<table><tbody><tr><th>Who</th></tr><tr><td>{person}</td></tr></tbody></table>"
    _, at, rest = page.now.body.partition(">Action items</h")
    end = at + rest[: rest.index("</table>") + len("</table>")]
    confluence.edit_page(page.id, end, f"{end}{tasks}{second}<p>So <u>be</u> it.</p>", KIM)
    below = page.now.body.partition(at)[2].partition("</table>")[2]
    assert taken in below
    stage.wait(timedelta(minutes=6))
    stage.poll()
    items = {item.title: item for item in stage.incident(key).actions}
    row = items["Page on-call sooner"]
    assert row.task is not None
    assert row.task.key in page.now.body
    after = page.now.body.partition(at)[2].partition("</table>")[2]
    assert after == below.replace(taken, "")
    before = len(page.versions)
    stage.wait(timedelta(minutes=6))
    stage.poll()
    assert len(page.versions) == before, "it comes to rest"
    (same,) = (i for i in stage.incident(key).actions if i.title.startswith("Warm the cache"))
    assert same.task is not None, "it has its row and stays, because of the mention"


def test_what_people_put_into_our_table_and_around_it_outlives_what_changes_there(
    stage: Stage,
) -> None:
    key = closed(stage)
    stage.settle()
    page, confluence = page_of(stage, key), stage.sandbox.confluence
    body = page.now.body[page.now.body.index(">Action items</h") :]
    table = body[body.index("<table") : body.index("</table>") + len("</table>")]
    first, second = re.findall("<tr>.*?</tr>", table, re.DOTALL)[1:]
    lozenge = '<ac:structured-macro ac:name="status"><ac:parameter ac:name="title">{}'
    lozenge += "</ac:parameter></ac:structured-macro>"
    coloured = first.replace("<td>", '<td data-highlight-colour="#ffebe6">', 1)
    coloured = re.sub(r"2026-\d\d-\d\d", '<time datetime="2026-12-24" />', coloured)
    coloured = coloured.replace(">open<", f">{lozenge.format('OPEN')}<")
    done = second.replace(">open<", f">{lozenge.format('DONE')}<")
    edited = table.replace(first, coloured).replace(second, done)
    held = f"<ac:rich-text-body><p>See {MACRO}</p>{edited}</ac:rich-text-body>"
    expand = f'<ac:structured-macro ac:name="expand">{held}</ac:structured-macro>'
    confluence.edit_page(page.id, table, expand, KIM)
    theirs = page.now.body
    stage.wait(timedelta(minutes=6))
    stage.poll()
    one, two = stage.incident(key).actions
    assert one.due == date(2026, 12, 24)
    assert two.task is not None
    assert stage.sandbox.jira.issue(two.task.key).status == "Done"
    table_then = theirs.partition(">Action items</h")[2].partition("</table>")[0]
    assert table_then in page.now.body, "what both say stays as the person wrote it"
    assert one.task is not None
    stage.sandbox.jira.edit(one.task.key, KIM, assignee=NOOR)
    stage.settle()
    stage.wait(timedelta(minutes=6))
    stage.poll()
    now = page.now.body.partition(">Action items</h")[2].partition("</table>")[0]
    changed = re.search("<p[^>]*>Noor Aziz</p>", now)
    assert changed is not None
    assert re.sub("<p[^>]*>Kim Ito</p>", changed[0], table_then) == now
    versions = len(page.versions)
    stage.wait(timedelta(minutes=6))
    stage.poll()
    assert len(page.versions) == versions, "it comes to rest"


def test_a_page_that_was_deleted_is_never_made_again(stage: Stage) -> None:
    key = closed(stage)
    stage.settle()
    stage.sandbox.confluence.trash(page_of(stage, key).id)
    stage.wait(timedelta(minutes=6))
    stage.poll()
    document = stage.incident(key).postmortem
    assert document is not None
    assert document.status is DocumentStatus.GONE
    stage.sandbox.jira.transition(key, "Open", KIM)
    stage.sandbox.jira.transition(key, "Resolved", KIM)
    stage.settle()
    assert len(pages(stage)) == 1


@pytest.mark.parametrize("may", [True, False])
def test_a_page_that_is_thrown_away_while_it_is_written_to_counts_as_deleted_or_is_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, may: bool
) -> None:
    key = closed(stage)
    stage.settle()
    page, confluence = page_of(stage, key), stage.sandbox.confluence
    kind = CloudSite if confluence.cloud else DataCenterSite
    write = kind.write

    def kim_throws_it_away(site: Any, known: Any, body: str) -> Any:
        if page.status == "current":
            confluence.trash(page.id)
        return write(site, known, body)

    monkeypatch.setattr(kind, "write", kim_throws_it_away)
    if not may:
        words = {"statusCode": 403, "message": "not yours to delete"}
        stage.sandbox.fail_next("DELETE", "pages", 403, body=words)
    stage.sandbox.jira.comment(key, "It was the cache.", NOOR)
    stage.settle()
    restored = confluence.cloud and not may
    with stage.store.read() as tx:
        (letter,) = tx.effects.dead_letters()
    assert ("took it out of the trash; it could not be put back" in letter.words) is restored
    assert page.status == ("current" if restored else "trashed")
    assert len(pages(stage)) == 1
    stage.wait(timedelta(minutes=6))
    stage.poll()
    document = stage.incident(key).postmortem
    assert document is not None
    assert (document.status is DocumentStatus.GONE) is not restored


@pytest.mark.parametrize("status", [0, 502])
def test_a_page_whose_answer_was_lost_is_there_once(stage: Stage, status: int) -> None:
    where = r"/(pages|content)(\?|$)"
    dropped = status == 0
    stage.sandbox.fail_next(
        "POST", where, status or 500, after_effect=True, drop_connection=dropped
    )
    key = closed(stage)
    stage.settle()
    stage.wait(timedelta(seconds=30))
    stage.wait(timedelta(minutes=5))
    assert len(pages(stage)) == 1
    assert stage.incident(key).postmortem is not None
    assert all(item.task for item in stage.incident(key).actions)


def test_a_closing_costs_six_calls_once_everything_is_known(stage: Stage) -> None:
    closed(stage)
    stage.settle()
    stage.poll()
    stage.sandbox.reset_calls()
    closed(stage)
    stage.settle()
    assert [(call.method, call.dialect) for call in stage.sandbox.calls] == [
        ("GET", "jira"),
        ("POST", "confluence"),
        ("POST", "jira"),  # all tasks
        ("GET", "confluence"),  # with the version that the next is compared with
        ("PUT", "confluence"),  # the tasks' numbers
        ("POST", "jira"),  # the comment
    ]


def test_one_look_tells_whether_any_of_many_pages_changed(stage: Stage) -> None:
    keys = [closed(stage) for _ in range(3)]
    stage.settle()
    stage.poll()
    stage.wait(timedelta(minutes=6))
    stage.sandbox.reset_calls()
    stage.wait(timedelta(minutes=6))
    looks = [call for call in stage.sandbox.calls if call.dialect == "confluence"]
    assert [call.path.partition("?")[0].rpartition("/")[2] for call in looks] == ["search"]
    page = page_of(stage, keys[1])
    stage.sandbox.confluence.label(page.id, "in-review")
    stage.wait(timedelta(minutes=6))
    document = stage.incident(keys[1]).postmortem
    assert document is not None
    assert document.status is DocumentStatus.IN_REVIEW


def replaced(stage: Stage, key: str, old: str, new: str) -> None:
    """Somebody edits the page, and it is looked at."""
    stage.sandbox.confluence.edit_page(page_of(stage, key).id, old, new, KIM)
    stage.poll()
    stage.wait(timedelta(minutes=2))


def under(stage: Stage, key: str, words: str) -> str:
    """What stands under a heading of the page, as it is stored, with the heading."""
    page = page_of(stage, key)
    begin = heading(page, words)
    return begin + page.now.body.partition(begin)[2].partition("<h")[0]


def test_a_region_that_somebody_edited_is_kept_until_it_is_emptied(stage: Stage) -> None:
    key = closed(stage)
    stage.settle()
    figures = under(stage, key, "Figures")
    replaced(stage, key, figures, figures.replace("not known", "two minutes", 1))
    assert "'figures' was edited by hand" in comment_on(stage, key)
    stage.sandbox.jira.edit(key, KIM, customfield_10051="2026-12-07T11:00:00.000+0000")
    stage.wait(timedelta(minutes=6))
    assert "two minutes" in under(stage, key, "Figures")
    words = heading(page_of(stage, key), "Figures")
    replaced(stage, key, under(stage, key, "Figures"), f"{words}<p />")
    assert "Time to resolve" in under(stage, key, "Figures")
    assert "edited by hand" not in comment_on(stage, key)


def comment_on(stage: Stage, key: str) -> str:
    notes = stage.sandbox.jira.issue(key).comments
    return next(str(note.body) for note in notes if note.author == BOT_JIRA)


def test_a_page_is_published_by_asking_and_that_very_version_is_kept(stage: Stage) -> None:
    key = closed(stage)
    stage.settle()
    factors = under(stage, key, "Contributing factors")
    assert command(stage, "publish", key)[0] == 1
    replaced(stage, key, factors, factors.replace("<td><p", "<td><p>Slow disk, graph 7</p><p"))
    row = under(stage, key, "Action items")
    filled = row.replace("\u2014", "M1").replace("&mdash;", "M1")
    measures = "".join(f"<p>AI-{n} measure: the alert fires at once</p>" for n in (1, 2))
    replaced(stage, key, row, filled.replace("<td><p>M1", "<td><p>Kim Ito", 1) + measures)
    code, told = command(stage, "publish", key)
    assert code == 0, told
    number = page_of(stage, key).now.number
    stage.settle()
    document = stage.incident(key).postmortem
    assert document is not None
    assert document.status is DocumentStatus.PUBLISHED
    with stage.store.read() as tx:
        (version,) = tx.versions.of_incident(stage.incident(key).id)
    assert "Slow disk, graph 7" in version.publication.text
    assert page_of(stage, key).now.number >= number
    stage.wait(timedelta(minutes=6))
    document = stage.incident(key).postmortem
    assert document is not None
    assert document.status is DocumentStatus.PUBLISHED


def command(stage: Stage, *words: str) -> tuple[int, str]:
    environ = {**stage.environ, "FOLLOWTHROUGH_DATA": str(stage.settings.data)}
    environ |= {"FOLLOWTHROUGH_RULES": str(stage.rules_file)}
    result = CliRunner().invoke(followthrough, list(words), env=environ)
    return result.exit_code, result.output


def test_doctor_looks_at_the_space_and_the_parent(stage: Stage) -> None:
    stage.sandbox.jira.projects["OPS"].assignable.add(LEE)
    ahead = stage.directory / "ahead"  # doctor goes by the story's time
    ahead.write_text(str(round((stage.clock() - datetime.now(UTC)).total_seconds())))
    stage.environ["FOLLOWTHROUGH_CLOCK"] = str(ahead)
    code, told = command(stage, "doctor")
    assert code == 0, told
    assert "space PM (Postmortems) is visible" in told
    assert "pages are polled" in told
    with_parent = CONFLUENCE_PAGE.replace("space: PM", "space: PM, parent: 'Reviews {year}'")
    stage.restart(document=with_parent)
    assert command(stage, "doctor")[0] == 0
    stage.restart(document=with_parent.replace(" {year}", ""))
    code, told = command(stage, "doctor")
    assert code == 1
    assert "the space PM has no page 'Reviews'" in told
    stage.restart(document=CONFLUENCE_PAGE.replace("PM", "PN"))
    assert command(stage, "doctor")[0] == 1
    stage.restart(document=CONFLUENCE_PAGE)
    if stage.sandbox.confluence.cloud:
        stage.sandbox.confluence.grant("PM", BOT_JIRA, ["read"])
        code, told = command(stage, "doctor")
        assert code == 1
        assert "may make pages in PM" in told
    assert stage.sandbox.writes() == []


def test_plan_shows_the_page_that_would_be_made(stage: Stage) -> None:
    stage.restart(mode="plan")
    key = closed(stage)
    code, told = command(stage, "plan", key)
    assert code == 0, told
    assert "confluence-page" in told
    assert pages(stage) == []


def test_a_public_space_gets_no_document_of_a_private_project(stage: Stage) -> None:
    stage.sandbox.confluence.open_to_all("PM")
    key = closed(stage)
    stage.settle()
    assert stage.incident(key).postmortem is None
    assert pages(stage) == []
    assert "everybody" in stage.told(key)


def test_a_token_that_expired_makes_no_page_look_deleted(stage: Stage) -> None:
    key = closed(stage)
    stage.settle()
    document = stage.incident(key).postmortem
    stage.sandbox.jira.users[BOT_JIRA].token = "another"
    stage.wait(timedelta(minutes=12))
    for status in (401, 404):
        stage.sandbox.fail_next(
            "GET",
            "content|pages",
            status,
            headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"},
            body={"statusCode": status, "message": "no"},
            times=9,
        )
        stage.wait(timedelta(minutes=6))
    now = stage.incident(key).postmortem
    assert document is not None
    assert now is not None
    assert (now.status, now.ref) == (document.status, document.ref)
