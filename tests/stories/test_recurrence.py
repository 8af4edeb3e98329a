"""An incident comes back: what was judged of the measures of the first is asked again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
from begun import begun
from click.testing import CliRunner
from measures import DAY, OPS, InJira, Measure, OnGitHub
from stage import DEPLOYMENTS, GITHUB_INCIDENTS, GITHUB_ISSUE, Stage, Staging
from stories.test_audits import dies

from integrations.jira.text import ADF, WIKI
from service.commands.all import followthrough
from workflows.documents import regions
from workflows.recurrence import Traits
from workflows.rungs import Verdict


class Returning(Measure):
    """A measure of an incident of the service checkout, which may happen again."""

    service: ClassVar[str] = "checkout"
    another: ClassVar[str] = "search"

    def again(self, *labels: str, service: str = "") -> str:
        """The key of another incident, opened and closed now."""
        key = self._closed(service or self.service, *labels)
        self.stage.settle()
        return key

    def _incident(self, line: str) -> str:
        return self._closed(self.service, line=line)

    def _closed(self, service: str, *labels: str, line: str = "") -> str:
        raise NotImplementedError

    def _document(self, key: str) -> str:
        document = self.stage.incident(key).postmortem
        assert document is not None
        assert document.ref.ticket is not None
        return document.ref.ticket.key

    def document(self, key: str) -> str:
        """The text of an incident's document, in Markdown."""
        return self.text(self._document(key))

    def rewrite(self, key: str, text: str) -> None:
        raise NotImplementedError

    def name(self, key: str, *factors: str) -> None:
        """Somebody names these factors, with evidence, in an incident's document."""
        self.write_factors(key, *factors)
        self.stage.settle()

    def write_factors(self, key: str, *factors: str) -> None:
        text = self.document(key)
        start = text.index("## Contributing factors")
        end = text.index("### Five whys")
        list_of = "\n".join(f"- {factor}; evidence: graph 7" for factor in factors)
        self.rewrite(key, f"{text[:start]}## Contributing factors\n\n{list_of}\n\n{text[end:]}")

    def region(self, key: str) -> str:
        """What the document says of recurrence."""
        text = self.document(key)
        if found := regions(text).get("recurrence"):
            return found
        return text.partition("## Recurrence of earlier incidents")[2].partition("###")[0]

    def effective(self) -> None:
        """The measure is done, and judged effective a month later."""
        self.done()
        self.wait(31)
        self.judge("/audit effective because the alert fired")
        assert self.audits[0].verdict is Verdict.EFFECTIVE


class Hub(Returning, OnGitHub):
    service, another = "svc-checkout", "svc-search"
    parts: ClassVar[dict[str, Any]] = {
        **OnGitHub.parts,
        "incidents": GITHUB_INCIDENTS + '  service: {label: "svc-*"}\n',
        "document": GITHUB_ISSUE,
    }

    def _closed(self, service: str, *labels: str, line: str = "") -> str:
        github = self.github
        all_labels = ["incident", "sev2", service, *labels]
        number = github.open_issue(OPS, "Queue full", by="kim", labels=all_labels)
        if line:
            github.comment(OPS, number, line, by="noor")
        github.close(OPS, number, by="kim")
        return f"{OPS}#{number}"

    def rewrite(self, key: str, text: str) -> None:
        self.github.edit(OPS, self._number(self._document(key)), by="kim", body=text)


class Desk(Returning, InJira):
    def _closed(self, service: str, *labels: str, line: str = "") -> str:
        values: dict[str, Any] = {
            "customfield_10050": {"value": "SEV-2"},
            "components": [{"name": service}],
            "labels": list(labels),
        }
        key = str(self.jira.create_issue("INC", "Queue full", by="5b10-kim", **values))
        if line:
            self.jira.comment(key, line.replace("@kim", "@kim@acme.example"), by="5b10-noor")
        self.jira.transition(key, "Resolved", by="5b10-kim")
        return key

    def rewrite(self, key: str, text: str) -> None:
        markup = ADF if self.jira.cloud else WIKI
        self.jira.edit(self._document(key), "5b10-kim", description=markup.from_markdown(text))


DIALECTS: dict[str, tuple[type[Hub | Desk], dict[str, str]]] = {
    "github": (Hub, {}),
    "jira cloud": (Desk, {}),
    "data center": (Desk, {"deployment": "datacenter"}),
}
Making = Callable[..., Hub | Desk]


#: Data Center's decisions are the same as Cloud's; its words have tests of their own.
EACH = [
    pytest.param(name, marks=[pytest.mark.long] if name == "data center" else [])
    for name in DIALECTS
]


@pytest.fixture(params=EACH, ids=[name.replace(" ", "-") for name in DIALECTS])
def made(request: pytest.FixtureRequest, staged: Staging) -> Making:
    kind, parts = DIALECTS[request.param]

    def make(**changed: Any) -> Hub | Desk:
        stage = staged(**{**kind.parts, **parts, **changed})
        told: Callable[..., Hub | Desk] = kind
        return begun(stage, told)

    return make


@pytest.fixture
def first(made: Making) -> Hub | Desk:
    return made()


def test_an_incident_that_comes_back_puts_the_verdict_in_doubt_and_is_asked_of_now(
    first: Hub | Desk,
) -> None:
    first.effective()
    first.name(first.key, "Slow disk")
    second = first.again()
    assert len(first.tickets()) == 1
    first.name(second, "slow **disk**.", "Nobody was told")
    why = f"same service {first.service}; both name the factor “slow disk”"
    judged, asked = first.audits
    assert judged.suspect == f"{second} came later: {why}"
    assert asked.ticket is not None
    assert (asked.round, asked.rung, asked.step) == (1, 2, 1)
    assert second in first.text(first.audit_key)
    assert len(first.tickets()) == 2
    first.wait(1)
    for key, other, when in ((first.key, second, "later"), (second, first.key, "earlier")):
        assert f"{other}, which came {when}, may be the same again: {why}" in first.stage.told(key)
        assert f"came {when}: same service {first.service}" in first.region(key)
        assert other in first.region(key)
    assert "is suspect, because" in first.told
    assert "is suspect" not in first.stage.told(second)


def test_it_does_not_matter_whose_factor_is_written_last(first: Hub | Desk) -> None:
    first.effective()
    second = first.again()
    first.name(second, "Slow disk")
    assert not first.audits[0].suspect
    first.name(first.key, "Slow disk")
    assert first.audits[0].suspect.startswith(f"{second} came later")
    assert len(first.tickets()) == 2


def test_another_service_or_another_factor_is_no_recurrence(first: Hub | Desk) -> None:
    first.effective()
    first.name(first.key, "Slow disk")
    first.name(first.again(), "The disk was slow")
    first.name(first.again(service=first.another), "Slow disk")
    assert not first.audits[0].suspect
    assert len(first.tickets()) == 1
    assert "No other incident of this service is known" in first.region(first.key)


def test_a_tag_in_common_is_enough_once_a_factor_is_named(first: Hub | Desk) -> None:
    first.effective()
    first.label(first.key, "tag:dns", by="noor")
    first.name(first.key, "Slow disk")
    second = first.again("tag:DNS")
    assert not first.audits[0].suspect  # nobody named a factor there
    first.name(second, "Nobody was told")
    assert first.audits[0].suspect == (
        f"{second} came later: same service {first.service}; both have the tag “dns”"
    )


def test_a_verdict_that_was_given_again_stands_also_when_the_document_is_published(
    first: Hub | Desk,
) -> None:
    first.effective()
    first.name(first.key, "Slow disk")
    second = first.again()
    first.name(second, "Slow disk")
    first.wait(1)
    first.judge("/audit effective because a drill showed it")
    assert [audit.verdict for audit in first.audits[:2]] == [Verdict.EFFECTIVE] * 2
    first.name(second, "Slow disk", "Nobody was told")
    document = first._document(second)
    if isinstance(first, Hub):
        first.close(document, by="noor")
    else:
        first.jira.transition(document, "Resolved", by="5b10-noor")
    first.stage.settle()
    assert len(first.tickets()) == 2
    assert [bool(audit.suspect) for audit in first.audits[:2]] == [True, False]
    third = first.again()  # another pair doubts the new verdict
    first.name(third, "Slow disk")
    assert first.audits[1].suspect.startswith(f"{third} came later")
    assert len(first.tickets()) == 3


def test_a_measure_that_was_opened_again_is_not_asked(first: Hub | Desk) -> None:
    first.effective()
    first.name(first.key, "Slow disk")
    first.reopen(first.task_key, by="kim")
    first.stage.settle()
    first.name(first.again(), "Slow disk")
    assert len(first.tickets()) == 1
    assert not first.audits[0].suspect


def test_a_measure_that_was_opened_again_while_nobody_listened_is_not_asked(
    made: Making,
) -> None:
    first = made(webhooks=False)
    first.stage.poll()
    first.close(first.task_key, by="kim")
    first.stage.poll()
    first.wait(31)
    first.comment(first.audit_key, "/audit effective because it fired", by="noor")
    first.stage.poll()
    assert first.audits[0].verdict is Verdict.EFFECTIVE
    first.write_factors(first.key, "Slow disk")
    second = first.again()
    first.stage.wait(DAY)
    first.stage.poll()
    first.write_factors(second, "Slow disk")
    first.reopen(first.task_key, by="kim")
    first.stage.wait(DAY)
    first.stage.poll()
    first.stage.poll()
    assert "may be the same again" in first.told
    assert len(first.tickets()) == 1


def test_a_team_whose_audits_were_turned_off_is_told_and_not_asked(first: Hub | Desk) -> None:
    first.effective()
    first.stage.restart(audits="off")
    first.name(first.key, "Slow disk")
    second = first.again()
    first.name(second, "Slow disk")
    assert f"{second}, which came later, may be the same again" in first.told
    assert len(first.tickets()) == 1
    assert not first.audits[0].suspect


def test_a_factor_that_was_removed_names_nobody_any_more(first: Hub | Desk) -> None:
    first.name(first.key, "Slow disk")
    second = first.again()
    first.name(second, "Slow disk")
    first.wait(1)
    assert second in first.region(first.key)
    first.name(second, "Nobody was told")
    first.wait(1)
    assert f"has no factor or tag in common with {second} any more" in first.told
    assert second not in first.region(first.key)
    assert first.key not in first.region(second)


def test_explain_tells_of_it(first: Hub | Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first.effective()
    first.name(first.key, "Slow disk")
    second = first.again()
    first.name(second, "Slow disk")
    for name, value in first.stage.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(first.stage.settings.data))
    monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(first.stage.rules_file))
    told = CliRunner().invoke(followthrough, ["explain", first.key]).output
    words = " ".join(told.split())
    assert f"{second}, which came later, may be the same again: same service" in words
    assert "is suspect, because" in words
    listed = CliRunner().invoke(followthrough, ["audits", first.key]).output
    assert f"suspect: {second} came later: same service" in listed


# --- who may read it ------------------------------------------------------------------------------


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_of_a_restricted_incident_a_bare_link_is_told(tmp_path: Path, deployment: str) -> None:
    with Stage(tmp_path, **Desk.parts, deployment=deployment) as stage:
        first = Desk(stage)
        first.effective()
        first.name(first.key, "Slow zebracorp disk")
        second = first.again("tag:zebracorp")
        first.name(second, "Slow zebracorp disk")
        first.wait(1)
        assert "zebracorp" in first.region(first.key)
        first.jira.edit(second, by="5b10-kim", security="Staff only")
        stage.settle()
        first.wait(1)
        for key, other in ((first.key, second), (second, first.key)):
            assert other in first.region(key)
            assert "zebracorp" not in first.region(key)
            pairs = stage.incident(key).recurrences
            assert [pair.why for pair in pairs] == [""]
        assert first.audits[0].suspect == f"{second} came later"
        assert stage.incident(second).tags == ()


class Named(Hub):
    """Its service is called as the component in Jira is."""

    service = "checkout"


def test_words_of_another_place_are_not_repeated(tmp_path: Path) -> None:
    """One team with incidents in a repository and in a project, which other people may read."""
    both = Hub.parts["incidents"].replace("svc-*", "checkout*") + Desk.parts["incidents"]
    with Stage(tmp_path, **{**Hub.parts, "incidents": both}) as stage:
        first = Named(stage)
        first.effective()
        first.name(first.key, "Slow disk")
        there = object.__new__(Desk)
        there.stage = stage
        second = there.again()
        first.name(second, "Slow disk")  # the documents of both are in one repository
        first.wait(1)
        assert first.audits[0].suspect == f"{second} came later"
        for key, other in ((first.key, second), (second, first.key)):
            assert other in first.region(key)
            assert "disk" not in first.region(key)
            assert "disk" not in stage.told(key)


# --- whatever happens in between ------------------------------------------------------------------


#: One commit in 27 on each run of the suite, the others by `make test-long`.
STRIDE = 27
SHARDS = [
    pytest.param(start, marks=[] if start == 13 else [pytest.mark.long])
    for start in range(1, STRIDE + 1)
]

#: Both turns take more commits than this; if they did not, no crash would be tried.
FEWEST = 30


@pytest.mark.parametrize(
    "before",
    [pytest.param(True, marks=pytest.mark.long, id="before"), pytest.param(False, id="after")],
)
@pytest.mark.parametrize("start", SHARDS)
def test_a_crash_at_any_commit_of_both_turns_leads_to_the_same(
    tmp_path: Path, start: int, before: bool
) -> None:
    for commit in count(start, STRIDE):
        with Stage(tmp_path / str(commit), **Hub.parts) as stage:
            first = Hub(stage)
            first.effective()
            first.name(first.key, "Slow disk")
            second = first.again()
            first.write_factors(second, "Slow disk")
            stage.sandbox.hooks.drain()
            died = dies(stage, commit, before=before)
            first.wait(1)
            assert first.audits[0].suspect.startswith(f"{second} came later")
            assert len(first.tickets()) == 2
            assert len(first.audits) == 2
            for key, other in ((first.key, second), (second, first.key)):
                assert other in first.region(key)
                assert stage.told(key).count(f"{other}, which came") == 1
        if not died:
            assert commit > FEWEST
            return


def test_incidents_that_were_never_compared_are_when_the_service_starts(tmp_path: Path) -> None:
    """As after an update from a version that compared nothing."""
    with Stage(tmp_path, **Hub.parts) as stage:
        first = Hub(stage)
        first.effective()
        first.name(first.key, "Slow disk")
        second = first.again()
        with stage.store.write() as tx:
            tx.recurrences.put_traits(stage.incident(first.key).id, Traits())
        first.name(second, "Slow disk")
        assert not first.audits[0].suspect
        stage.container.tick.start()
        stage.settle()
        assert first.audits[0].suspect
