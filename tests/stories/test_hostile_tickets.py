"""Tickets full of markup, walked through every pairing of trackers: what is stored in the end acts
no more than the same ticket with plain words in it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
from builders import NOON
from in_force import (
    acts_in_markdown,
    acts_in_title,
    adf_shape,
    adf_words,
    hidden,
    markdown_shape,
    page_of,
    page_shape,
    payloads,
    wiki_shape,
)
from stage import (
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

from integrations.sandbox.acme import BOT_GITHUB, BOT_JIRA
from integrations.tracker import Lost
from workflows.documents import replace_regions
from workflows.model import Incident, Outlook, TicketRef

OPS = "acme/ops"
GROUP = 10
TOGETHER = 3
EVIDENCE = "Appendix: evidence"


@pytest.mark.parametrize(
    "document", [PULL_REQUEST, LOCAL_FILE, GITHUB_ISSUE], ids=lambda d: d[7:20]
)
def test_a_hostile_github_ticket(tmp_path: Path, document: str) -> None:
    tasks = JIRA_TASKS if document == LOCAL_FILE else GITHUB_TASKS
    with Stage(tmp_path, document=document, tasks=tasks, webhooks=False) as stage:
        judge_all(stage, [said_on_github(stage, group) for group in groups()])


def test_a_hostile_ticket_on_jira_cloud(tmp_path: Path) -> None:
    with Stage(
        tmp_path, incidents=JIRA_INCIDENTS, document=JIRA_ISSUE, tasks=GITHUB_TASKS, webhooks=False
    ) as stage:
        judge_all(stage, [said_on_jira(stage, group) for group in groups()])


@pytest.mark.parametrize("document", [LOCAL_FILE, JIRA_ISSUE], ids=["file", "issue"])
def test_a_hostile_ticket_on_jira_data_center(tmp_path: Path, document: str) -> None:
    with Stage(
        tmp_path,
        incidents=JIRA_INCIDENTS,
        document=document,
        tasks=JIRA_TASKS,
        deployment="datacenter",
        webhooks=False,
    ) as stage:
        said = groups()
        if document == JIRA_ISSUE:
            # Reading long wiki text takes seconds: one incident, with what Jira's page tells of.
            known = payloads("jira.atlassian.com")
            said = iter([["word"] * GROUP, [" ".join(known[n::GROUP]) for n in range(GROUP)]])
        judge_all(stage, [said_on_jira(stage, group) for group in said])


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_a_hostile_ticket_whose_document_is_a_page(tmp_path: Path, deployment: str) -> None:
    with Stage(
        tmp_path,
        incidents=JIRA_INCIDENTS,
        document=CONFLUENCE_PAGE,
        tasks=GITHUB_TASKS,
        deployment=deployment,
        webhooks=False,
    ) as stage:
        judge_all(stage, [said_on_jira(stage, group) for group in groups()])
        titled = stage.sandbox.confluence.pages.values()
        assert len({page.now.title.casefold() for page in titled}) == len(titled)


def groups() -> Iterator[list[str]]:
    """Plain words first, then every payload, some together as one word."""
    yield ["word"] * GROUP
    known = payloads()
    count = -(-len(known) // (GROUP * TOGETHER)) * GROUP
    words = [" ".join(known[n::count]) for n in range(count)]
    yield from (words[start : start + GROUP] for start in range(0, count, GROUP))


# --- what people do -------------------------------------------------------------------------------


def line(word: str) -> str:
    return " ".join(word.split())


def actions(words: list[str]) -> list[str]:
    """One line for two words: as many tasks as this are enough."""
    lines = []
    for number, (one, two) in enumerate(zip(words[::2], map(line, words[1::2]), strict=True)):
        quoted = line(one).replace('"', "")
        fields = f'milestone:"M{number} {quoted}" measure:"Sure of {quoted}"'
        lines.append(f"ACTION: @noor Look {number} at {line(one)} and {two} now {fields}")
    return lines


def said_on_github(stage: Stage, words: list[str]) -> str:
    github = stage.sandbox.github
    title = " ".join(["Checkout", *map(line, words)])[:240]
    body = "### Severity\n\nsev1\n\n" + "\n\n".join(f"Before {word} after" for word in words)
    number = github.open_issue(OPS, title, by="kim", body=body, labels=["incident", "sev1"])
    for place, word in enumerate(words):
        github.comment(OPS, number, f"Before {place} {word} after", by="noor")
        github.comment(OPS, number, f"ACTION: {place} {line(word)} by a stranger", by="mallory")
        github.label(OPS, number, f"{place} {word}", by="kim")
    for asked in actions(words):
        github.comment(OPS, number, asked, by="noor")
    github.close(OPS, number, by="kim")
    return f"{OPS}#{number}"


def said_on_jira(stage: Stage, words: list[str]) -> str:
    jira = stage.sandbox.jira
    title = " ".join(["Checkout", *map(line, words)])[:240]
    jira.projects["INC"].components += (words[0],)
    key = jira.create_issue(
        "INC",
        title,
        by="5b10-kim",
        description="\n\n".join(f"Before {word} after" for word in words),
        components=[words[0]],
        customfield_10050={"value": "SEV-1"},
    )
    for place, word in enumerate(words):
        somebody = jira.add_user(f"{key}-{place}", f"{place} {line(word)}")
        jira.comment(key, f"Before {place} {word} after", by=somebody)
        jira.edit(key, by=somebody, summary=f"Checkout {place} {line(word)}"[:240])
    for asked in actions(words):
        jira.comment(key, asked, by="5b10-noor")
    jira.edit(key, by="5b10-kim", summary=title)
    jira.transition(key, "Resolved", by="5b10-kim", resolution="Done")
    return key


# --- what is stored in the end --------------------------------------------------------------------


def judge_all(stage: Stage, keys: list[str]) -> None:
    stage.poll()
    plain, *hostile = [stage.incident(key) for key in keys]
    base, related = stage.sandbox.url, 0
    shapes = [text.shape(base) for text in stored(stage, plain)]
    for incident in [plain, *hostile]:
        assert incident.outlook is Outlook.DONE, stage.told(incident.ticket.key)
        assert len(incident.actions) == GROUP // 2 + 1
        for text, same in zip(stored(stage, incident), shapes, strict=True):
            assert text.shape(base) == same
            assert all(each == text.one_related(base) for each in text.related(base))
            assert text.acts([*ours(incident), *keys]) == []
            related += len(text.related(base))
        for title in titles(stage, incident):
            assert acts_in_title(title, [*keys, *ours(incident)]) == []
    assert related or len(hostile) == 1


def ours(incident: Incident) -> list[str]:
    """What we name on purpose: the incident's key and the tasks'."""
    return [incident.ticket.key, *(i.task.key for i in incident.actions if i.task)]


#: What action items lack is told in our own words, and is another number of lines where a payload
#: hides the measure that stands behind it.
LACKS = re.compile(r"^\* Action items[^:]*: AI-\d+ has no .*\n", re.MULTILINE)


@dataclass(frozen=True)
class Stored:
    """A text as its tracker keeps it: Markdown, wiki text, an ADF document, or the elements of a
    page."""

    body: Any
    markdown: bool = True

    def shape(self, base: str) -> list[str]:
        """That of everything but the incidents that are proposed as related, of which each ticket
        has its own."""
        rest, _ = apart(self.body)
        if isinstance(rest, ElementTree.Element):
            return page_shape(rest, base)
        if isinstance(rest, dict):
            return adf_shape(rest, base)
        if not self.markdown:
            return wiki_shape(LACKS.sub("", rest), base)
        return markdown_shape(replace_regions(rest, {"evidence": "…"}), base)

    def related(self, base: str) -> list[list[str]]:
        """The shape of each incident that is proposed as related."""
        _, each = apart(self.body)
        if isinstance(self.body, ElementTree.Element):
            return [page_shape(one, base) for one in each]
        if isinstance(self.body, dict):
            return [adf_shape(one, base) for one in each]
        return [(markdown_shape if self.markdown else wiki_shape)(one, base) for one in each]

    def one_related(self, base: str) -> list[str]:
        """The shape of one that is proposed for plain words."""
        before, key, why = "perhaps related:", "INC-1", "(similar words: queue)"
        if isinstance(self.body, ElementTree.Element):
            (one,) = page_of(f'<li>{before} <a href="{base}/INC-1">{key}</a> {why}</li>')
            return page_shape(one, base)
        if isinstance(self.body, dict):
            link = {"type": "link", "attrs": {"href": f"{base}/INC-1"}}
            said = [{"type": "text"}, {"type": "text", "marks": [link]}, {"type": "text"}]
            paragraph = {"type": "paragraph", "content": said}
            return adf_shape({"type": "listItem", "content": [paragraph]}, base)
        if self.markdown:
            return markdown_shape(f"- {before} [{key}]({base}/INC-1) {why}", base)
        return wiki_shape(f"* {before} [{key}|{base}/INC-1] {why}", base)

    def acts(self, ours: list[str]) -> list[str]:
        if isinstance(self.body, ElementTree.Element):
            return hidden("".join(self.body.itertext()))
        if isinstance(self.body, dict):
            return hidden(adf_words(self.body))
        return acts_in_markdown(self.body, ours) if self.markdown else hidden(self.body)


PROPOSED = re.compile(r"^Proposed when this was set up.*\n\n((?:[-*] .*\n)+)\n?", re.MULTILINE)


def apart(body: Any) -> tuple[Any, list[Any]]:
    """A text without the incidents that it proposes as related, and each of these."""
    if isinstance(body, str):
        lines = [line for found in PROPOSED.findall(body) for line in found.splitlines()]
        return PROPOSED.sub("", body), lines
    if isinstance(body, ElementTree.Element):
        return page_apart(body)
    nodes = body["content"]
    for place, node in enumerate(nodes):
        if adf_words(node).startswith("Proposed when this was set up"):
            return {**body, "content": nodes[:place] + nodes[place + 2 :]}, nodes[place + 1][
                "content"
            ]
    return body, []


def page_apart(page: ElementTree.Element) -> tuple[ElementTree.Element, list[ElementTree.Element]]:
    rest, proposed = ElementTree.Element("page"), list[ElementTree.Element]()
    for node in page:
        after = len(rest) and "".join(rest[-1].itertext()).startswith("Proposed when this was")
        if after:
            proposed = list(node)
            rest.remove(rest[-1])
        else:
            rest.append(node)
    return rest, proposed


def stored(stage: Stage, incident: Incident) -> list[Stored]:
    """The document, the one comment and each task's text, as their trackers keep them."""
    assert incident.postmortem is not None
    ref = incident.postmortem.ref
    tasks = [item.task for item in incident.actions if item.task]
    texts = [body_of(stage, incident, ref.ticket), comment_of(stage, incident.ticket)]
    return [*texts, *(body_of(stage, incident, task) for task in tasks)]


def body_of(stage: Stage, incident: Incident, ref: TicketRef | None) -> Stored:
    """A ticket's text, or without one the document's file."""
    if ref is None:
        assert incident.postmortem is not None
        if incident.postmortem.ref.kind == "confluence-page":
            page = stage.sandbox.confluence.page(incident.postmortem.ref.id)
            return Stored(without_evidence(page_of(page.now.body)))
        return Stored(file_of(stage, incident))
    if ref.connection == "github":
        return Stored(issue(stage, ref).body)
    return Stored(without_evidence(stage.sandbox.jira.issue(ref.id).values["description"]), False)


def file_of(stage: Stage, incident: Incident) -> str:
    assert incident.postmortem is not None
    ref = incident.postmortem.ref
    if ref.url.startswith("file:"):
        return Path(unquote(urlsplit(ref.url).path)).read_text()
    repo = stage.sandbox.github.repos["acme/postmortems"]
    tree = repo.commits[repo.branches[ref.branch or ""]].tree
    return tree[ref.id.split(":", 2)[2]].decode()


def issue(stage: Stage, ref: TicketRef) -> Any:
    return stage.sandbox.github.repos[OPS].issues[int(ref.key.rpartition("#")[2])]


def comment_of(stage: Stage, ref: TicketRef) -> Stored:
    if ref.connection == "github":
        notes = issue(stage, ref).notes
        return Stored(next(note.body for note in notes if note.user == BOT_GITHUB))
    comments = stage.sandbox.jira.issue(ref.id).comments
    return Stored(next(one.body for one in comments if one.author == BOT_JIRA), False)


def titles(stage: Stage, incident: Incident) -> Iterator[str]:
    """Titles of documents, tasks, milestones and remote links, and commit messages."""
    assert incident.postmortem is not None
    document = incident.postmortem.ref
    tickets = [document.ticket, *(item.task for item in incident.actions)]
    for ref in filter(None, tickets):
        if ref.connection == "github":
            yield issue(stage, ref).title
        else:
            yield str(stage.sandbox.jira.issue(ref.id).values["summary"])
    if document.kind == "confluence-page":
        yield stage.sandbox.confluence.page(document.id).now.title
    if incident.ticket.connection == "jira":
        for link in stage.sandbox.jira.issue(incident.ticket.id).remote_links:
            yield link["object"]["title"]
    if document.branch:
        repo = stage.sandbox.github.repos["acme/postmortems"]
        yield from (commit.message for commit in repo.commits.values())
        yield from (pull.title for pull in repo.issues.values())
    elif document.url.startswith("file:"):
        folder = Path(unquote(urlsplit(document.url).path)).parent
        log = ["git", "-C", str(folder), "log", "--format=%s"]
        said = subprocess.run(log, capture_output=True, check=True, text=True)
        yield from said.stdout.splitlines()


def without_evidence(body: Any) -> Any:
    """A description without its list of addresses, which is judged in `test_copied_text`."""
    if isinstance(body, str):
        return re.sub(rf"^(h2\. {EVIDENCE})$.*?(?=^h[1-6]\. )", r"\1\n\n", body, flags=re.M | re.S)
    if isinstance(body, ElementTree.Element):
        rest, inside = ElementTree.Element("page"), False
        for element in body:
            here = "".join(element.itertext()) == EVIDENCE
            inside = here if re.fullmatch("h[1-6]", element.tag) else inside
            if not inside:
                rest.append(element)
        return rest
    kept, inside = [], False
    for node in body["content"]:
        inside = adf_words(node) == EVIDENCE if node["type"] == "heading" else inside
        kept += [] if inside else [node]
    return {**body, "content": kept}


# --- marks of ours in the words of a stranger -----------------------------------------------------


@pytest.mark.parametrize("asked", ["ACTION: Pay me", "[ ] Pay me", "- [ ] Pay me", "- ACTION: Pay"])
def test_what_a_stranger_asks_for_is_not_asked_for_by_our_own_comment(
    tmp_path: Path, asked: str
) -> None:
    """The comment repeats it, is written by an account that may write, and is read again."""
    with Stage(tmp_path) as stage:
        github = stage.sandbox.github
        number = github.open_issue(OPS, "Checkout down", by="kim", labels=["incident", "sev1"])
        github.comment(OPS, number, f"ACTION: {asked}", by="mallory")
        github.close(OPS, number, by="kim")
        stage.settle()
        github.comment(OPS, number, "Thanks all.", by="noor")
        stage.settle()
        incident = stage.incident(f"{OPS}#{number}")
        assert [item.origin.source for item in incident.actions] == ["rule"]
        assert len(incident.proposals) == 1
        known = comment_of(stage, incident.ticket).body
        github.comment(OPS, number, known, by="noor")  # somebody who may write quotes all of it
        stage.settle()
        assert len(stage.incident(f"{OPS}#{number}").actions) == 1


def test_a_strangers_copy_of_our_comment_or_task_is_never_taken_for_ours(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        github = stage.sandbox.github
        number = github.open_issue(OPS, "Checkout down", by="kim", labels=["incident", "sev1"])
        github.close(OPS, number, by="kim")
        stage.settle()
        incident = stage.incident(f"{OPS}#{number}")
        (item,) = incident.actions
        assert item.task is not None
        key, task = f"task:{incident.id}:1", issue(stage, item.task)
        theirs = github.open_issue(OPS, task.title, by="mallory", body=task.body)
        comment = comment_of(stage, incident.ticket).body
        github.comment(OPS, number, comment, by="mallory")
        stage.settle()
        tracker = stage.container.trackers.by_connection["github"]
        repo = stage.sandbox.github.repos[OPS]
        github.add_child(repo.issues[number], repo.issues[theirs], by="kim")
        task.gone = True
        assert tracker.find_created(Lost((key,), OPS, incident.ticket, NOON)) == {}
        notes = repo.issues[number].notes
        ours = next(note for note in notes if note.user == BOT_GITHUB)
        found = tracker.find_comment(incident.ticket, f"comment:{incident.id}")
        assert found == str(ours.id) == incident.comment_id
        notes.remove(ours)
        assert tracker.find_comment(incident.ticket, f"comment:{incident.id}") is None
