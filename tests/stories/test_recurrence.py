"""An incident comes back: what was judged of the measures of the first is asked again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from measures import OPS, InJira, Measure, OnGitHub
from stage import GITHUB_INCIDENTS, GITHUB_ISSUE, Stage

from integrations.jira.text import ADF, WIKI
from workflows.documents import regions
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


@pytest.fixture(params=DIALECTS, ids=[name.replace(" ", "-") for name in DIALECTS])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Making]:
    kind, parts = DIALECTS[request.param]
    stages: list[Stage] = []

    def make(**changed: Any) -> Hub | Desk:
        stage = Stage(tmp_path, **{**kind.parts, **parts, **changed}).__enter__()
        stages.append(stage)
        return kind(stage)

    yield make
    for stage in stages:
        stage.__exit__(None, None, None)


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
