"""Words that only some may read are looked for everywhere, after a whole walk in each pairing."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from databases import rows_of
from stage import (
    ADMIN_TOKEN,
    CONFLUENCE_PAGE,
    DEPLOYMENTS,
    GITHUB_ISSUE,
    GITHUB_TASKS,
    JIRA_INCIDENTS,
    JIRA_ISSUE,
    JIRA_TASKS,
    LOCAL_FILE,
    PULL_REQUEST,
    Stage,
)

from integrations.sandbox import adf
from integrations.sandbox.jira_site import Issue
from service.commands.all import followthrough
from workflows.audience import WITHHELD, WITHHELD_ACTION
from workflows.model import Outlook

PHRASE = "zebracorp"
KIM, NOOR = "5b10-kim", "5b10-noor"

#: Data Center in the long run, but for what is all in Jira.
everywhere = pytest.mark.parametrize(
    ("document", "tasks", "deployment"),
    [
        pytest.param(
            document,
            tasks,
            deployment,
            marks=[]
            if deployment == "cloud" or (document, tasks) == (JIRA_ISSUE, JIRA_TASKS)
            else [pytest.mark.long],
        )
        for document in (JIRA_ISSUE, CONFLUENCE_PAGE, PULL_REQUEST, GITHUB_ISSUE, LOCAL_FILE)
        for tasks in (JIRA_TASKS, GITHUB_TASKS)
        for deployment in ("cloud", "datacenter")
    ],
    ids=lambda words: (
        "-".join(re.findall(r"kind: ([\w-]+)|connection: (\w+)", words)[0]).strip("-")
        if ":" in words
        else words
    ),
)
deployments = pytest.mark.parametrize("deployment", DEPLOYMENTS)


@pytest.fixture
def stage(
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stage]:
    """Incidents in a service desk of Jira; the commands find the same rules and store."""
    asked = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    with Stage(
        tmp_path,
        incidents=JIRA_INCIDENTS,
        document=asked.get("document", JIRA_ISSUE),
        tasks=asked.get("tasks", JIRA_TASKS),
        deployment=asked.get("deployment", "cloud"),
    ) as stage:
        stage.sandbox.jira.projects["INC"].kind = "service_desk"
        for name, value in stage.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(stage.rules_file))
        monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(stage.settings.data))
        yield stage


# --- looking everywhere ---------------------------------------------------------------------------


def trackers_hold(stage: Stage, source: str) -> Iterator[tuple[str, str]]:
    """What stands in Jira, GitHub and Confluence, but for what people wrote into the source ticket
    itself."""
    jira, github = stage.sandbox.jira, stage.sandbox.github
    for issue in jira.issues.values():
        own = issue.key != source
        told = (issue.values, issue.history) if own else ()
        written = [c.body for c in issue.comments if own or c.author == "bot-jira"]
        yield f"Jira {issue.key}", _dump((*told, written, issue.remote_links, issue.properties))
    for page in stage.sandbox.confluence.pages.values():
        yield f"page {page.id}", _dump([asdict(each) for each in page.versions])
    for repo in github.repos.values():
        for commit in repo.commits.values():
            yield f"{repo.full_name} {commit.sha}", _dump((commit.message, commit.tree))
        yield (
            repo.full_name,
            _dump((repo.branches, repo.labels, list(map(asdict, repo.milestones)))),
        )
        for one in repo.issues.values():
            words = (one.title, one.body, one.labels, [note.body for note in one.notes])
            yield f"{repo.full_name}#{one.number}", _dump(words)


def files_hold(stage: Stage) -> Iterator[tuple[str, str]]:
    """The documents on this machine, and what their repository says of them."""
    directory = stage.directory / "postmortems"
    if directory.exists():
        for file in directory.rglob("*.md"):
            yield str(file), file.name + file.read_text()
        log = subprocess.run(
            ["git", "log", "--all", "-p"], cwd=directory, capture_output=True, text=True, check=True
        )
        yield "git log", log.stdout


def pages_show(stage: Stage) -> Iterator[tuple[str, str]]:
    """Every page that can be reached from the first by links."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {ADMIN_TOKEN}"
    ahead, seen = ["/"], set[str]()
    while ahead:
        path = ahead.pop()
        if path in seen:
            continue
        seen.add(path)
        text = session.get(stage.url + path, timeout=30).text
        yield f"page {path}", text
        ahead += [found.replace("&amp;", "&") for found in re.findall(r'href="(/[^"#]*)"', text)]
    assert any(path.startswith("/incidents/") for path in seen)
    assert any(path.startswith("/deliveries/") for path in seen)


def commands_say(stage: Stage, source: str) -> Iterator[tuple[str, str]]:
    with stage.store.read() as tx:
        numbers = [str(delivery.id) for delivery in tx.deliveries.page(limit=1000)]
    typed = [
        ("explain", source),
        ("explain", source, "--json"),
        ("plan", source),
        ("plan", source, "--text"),
        ("plan", source, "--json"),
        ("doctor", "--json"),
        ("deliveries", "list", "--limit", "1000"),
        *(("deliveries", "show", number) for number in numbers),
    ]
    for words in typed:
        result = CliRunner().invoke(followthrough, list(words))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        yield " ".join(words), result.output


def rows_hold(stage: Stage) -> Iterator[tuple[str, str]]:
    """Every row of the store, without the deliveries' bodies: these are kept byte for byte."""
    found = rows_of(stage.store)
    for table, rows in found.items():
        for row in rows:
            kept = {n: v for n, v in row.items() if (table, n) != RAW}
            yield f"row of {table}", _dump(kept)
    assert {"incidents", "effects", "journal"} <= set(found)


RAW = ("deliveries", "body")


def found_anywhere(
    stage: Stage, source: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> list[str]:
    """Where the phrase stands, in any spelling of its letters."""
    printed = capfd.readouterr()  # structlog prints here what is not configured to go elsewhere
    places = [
        ("the log", caplog.text + printed.out + printed.err),
        *trackers_hold(stage, source),
        *files_hold(stage),
        *pages_show(stage),
        *commands_say(stage, source),
        *rows_hold(stage),
    ]
    assert any(source in words for _, words in places), "it looked in the wrong places"
    return [place for place, words in places if PHRASE in words.casefold()]


def _dump(value: object) -> str:
    def plain(odd: object) -> str:
        return odd.decode(errors="replace") if isinstance(odd, bytes) else str(odd)

    return json.dumps(value, default=plain, ensure_ascii=False)


# --- what must not be found -----------------------------------------------------------------------


def opened(stage: Stage, **fields: Any) -> str:
    given: dict[str, Any] = {
        "components": ["checkout"],
        "customfield_10050": {"value": "SEV-1"},
        "summary": "Checkout answers 500",
        **fields,
    }
    summary = str(given.pop("summary"))
    return stage.sandbox.jira.create_issue("INC", summary, by=KIM, **given)


def resolved(stage: Stage, key: str) -> None:
    stage.sandbox.jira.transition(key, "Mitigated", by=KIM)
    stage.settle()
    stage.sandbox.jira.transition(key, "Resolved", by=KIM, resolution="Done")
    stage.settle()
    # What fails after the walk would hide that it never came to its end.
    assert stage.incident(key).outlook is Outlook.DONE, stage.told(key)


def deliveries_of(stage: Stage, key: str) -> list[int]:
    """The deliveries whose payload is about this ticket."""
    with stage.store.read() as tx:
        every = {d.id: tx.deliveries.envelope(d.id) for d in tx.deliveries.page(limit=1000)}
    sent = {number: json.loads(each.body) for number, each in every.items() if each}
    return [n for n, payload in sent.items() if payload.get("issue", {}).get("key") == key]


def issue_of(stage: Stage, key: str) -> Issue:
    return stage.sandbox.jira.issue(key)


def say(stage: Stage, key: str, text: str, visibility: dict[str, str]) -> None:
    """A comment that only a role or group may read."""
    jira = stage.sandbox.jira
    body = adf.document(text) if jira.cloud else text
    with stage.sandbox.world.lock:
        jira.add_comment(issue_of(stage, key), body, NOOR, visibility=visibility)


@everywhere
def test_an_internal_comments_words_are_nowhere(
    stage: Stage,
    document: str,
    tasks: str,
    deployment: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    jira = stage.sandbox.jira
    key = opened(stage)
    jira.comment(key, "ACTION: Alert on pool use @kim@acme.example", by=NOOR)
    jira.comment(
        key,
        f"It was {PHRASE} again, see https://{PHRASE}.example\n"
        f"ACTION: Call {PHRASE} @{PHRASE} due:{PHRASE} milestone:{PHRASE}",
        by=NOOR,
        internal=True,
    )
    say(stage, key, f"ACTION: Ask {PHRASE} for logs", {"type": "role", "value": "Staff"})
    item = {"field": "Comment", "fieldtype": "jira", "from": "1", "fromString": f"{PHRASE}?"}
    with stage.sandbox.world.lock:  # somebody took an internal comment back
        jira.record(
            issue_of(stage, key), NOOR, [{**item, "to": "", "toString": ""}], "issue_updated"
        )
    resolved(stage, key)
    incident = stage.incident(key)
    assert [action.title for action in incident.actions] == [
        "Alert on pool use",
        f"Detect {key} sooner",
    ]
    assert found_anywhere(stage, key, caplog, capfd) == []


@everywhere
def test_a_restricted_tickets_words_are_nowhere(
    stage: Stage,
    document: str,
    tasks: str,
    deployment: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    key = opened(
        stage,
        summary=f"{PHRASE} lost its data",
        description=f"We lost {PHRASE}'s data.\n\nACTION: Tell {PHRASE}",
        labels=[PHRASE],
        security="Staff only",
    )
    stage.sandbox.jira.comment(key, f"It is {PHRASE}. ACTION: Tell {PHRASE}", by=NOOR)
    stage.settle()
    stage.sandbox.jira.edit(key, by=NOOR, summary=f"{PHRASE} lost all of its data")
    resolved(stage, key)
    incident = stage.incident(key)
    assert incident.restricted
    assert incident.title == WITHHELD
    assert incident.service == "checkout", "a component is known to the whole project"
    assert [action.title for action in incident.actions] == [f"Detect {key} sooner"]
    assert found_anywhere(stage, key, caplog, capfd) == []


def test_a_word_that_stands_for_no_severity_is_not_quoted_from_a_restricted_ticket(
    stage: Stage, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    stage.restart(
        incidents=JIRA_INCIDENTS.replace(
            "{field: customfield_10050}", "{heading: Severity}"
        ).replace("{component: first}", "{heading: Service}")
    )
    text = f"### Severity\n\n{PHRASE}\n\n### Service\n\n{PHRASE}"
    key = opened(stage, description=text, security="Staff only")
    stage.sandbox.jira.transition(key, "Resolved", by=KIM, resolution="Done")
    stage.settle()
    incident = stage.incident(key)
    assert incident.outlook is Outlook.WAITING
    assert "says a word that the rules do not know" in str(incident.waiting_for)
    assert incident.service is None
    assert found_anywhere(stage, key, caplog, capfd) == []


@deployments
def test_what_is_written_after_a_ticket_was_restricted_tells_its_words_no_more(
    stage: Stage, deployment: str
) -> None:
    key = opened(stage, summary=f"{PHRASE} lost its data")
    stage.sandbox.jira.comment(
        key, f"It is {PHRASE}, see https://{PHRASE}.example\nACTION: Tell {PHRASE}", by=NOOR
    )
    resolved(stage, key)
    document = stage.incident(key).postmortem
    assert document is not None
    assert PHRASE in _dump(dict(document.seen)).casefold()
    stage.sandbox.jira.edit(key, by=KIM, security="Staff only")
    stage.settle()
    incident = stage.incident(key)
    assert incident.postmortem is not None
    assert PHRASE not in _dump(dict(incident.postmortem.seen)).casefold()
    assert [item.title for item in incident.actions] == [WITHHELD_ACTION, f"Detect {key} sooner"]
    comment = issue_of(stage, key).comments[-1]
    assert comment.author == "bot-jira"
    assert PHRASE not in _dump(comment.body).casefold()
    shown = dict(pages_show(stage))
    told = [shown[f"page /deliveries/{number}"] for number in deliveries_of(stage, key)]
    assert told
    assert not any(PHRASE in words.casefold() for words in told)


def test_an_action_item_of_a_comment_that_was_made_internal_tells_its_words_no_more(
    stage: Stage,
) -> None:
    key = opened(stage)
    stage.sandbox.jira.comment(key, f"ACTION: Tell {PHRASE}", by=NOOR)
    resolved(stage, key)
    said = next(c for c in issue_of(stage, key).comments if c.author == NOOR)
    said.visibility = {"type": "role", "value": "Staff"}
    stage.sandbox.jira.edit(key, by=KIM, labels=["looked-at"])
    stage.settle()
    incident = stage.incident(key)
    assert incident.postmortem is not None
    assert incident.actions[0].title == WITHHELD_ACTION
    assert PHRASE not in _dump(dict(incident.postmortem.seen)).casefold()


@deployments
def test_our_own_comment_on_a_request_is_for_agents_only(stage: Stage, deployment: str) -> None:
    key = opened(stage)
    resolved(stage, key)
    stage.clock.wait(timedelta(seconds=1))
    stage.sandbox.jira.comment(key, "ACTION: one more thing", by=NOOR)
    stage.settle()
    ours = [c for c in issue_of(stage, key).comments if c.author == "bot-jira"]
    assert len(ours) == 1, "it was rewritten"
    assert "one more thing" in _dump(ours[0].body)
    assert ours[0].properties["sd.public.comment"] == {"internal": True}


def test_a_private_repositorys_words_are_in_no_public_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = "{kind: github-issue, connection: github, repository: acme/website}"
    tasks = "{connection: github, repository: acme/website}"
    with Stage(tmp_path, document=public, tasks=tasks) as stage:
        github = stage.sandbox.github
        number = github.open_issue("acme/ops", PHRASE, by="kim", labels=["incident", "sev1"])
        github.comment("acme/ops", number, f"ACTION: Tell {PHRASE}", by="noor")
        github.close("acme/ops", number, by="kim")
        stage.settle()
        stage.wait(timedelta(hours=1))
        held = [w for place, w in trackers_hold(stage, "") if place.startswith("acme/website")]
        assert held
        assert not any(PHRASE in words for words in held)
