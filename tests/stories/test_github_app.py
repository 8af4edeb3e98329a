"""A closing through a GitHub App, with what its manifest asks for and not a permission more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stage import HOOKS, Stage, StoryClock

from config.rules import load
from integrations.github.manifest import EVENTS, PERMISSIONS
from integrations.sandbox.limits import GitHubLimits
from integrations.sandbox.world import Call
from service.container import limits
from service.container.refusals import of_privacy
from service.container.trackers import Trackers
from service.standings import standings

OPS, PAPERS = "acme/ops", "globex/papers"
DOCUMENT = (
    f"{{kind: github-pull-request, connection: github, repository: {PAPERS},"
    ' path: "{incident}.md"}'
)
GRANTED = {name: level for name, (level, _) in PERMISSIONS.items()}


class ThroughAnApp:
    """Incidents and tasks are acme's, documents are globex's: two installations of one App, whose
    own webhook is the only one."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.github = stage, stage.sandbox.github
        writers = {"kim": "write", "noor": "write", "lee": "write"}
        self.github.add_repo(PAPERS, private=True, collaborators=writers)
        address = f"{stage.url}/webhooks/github"
        told = self.github.add_app(
            "followthrough", GRANTED, list(EVENTS), url=address, secret=HOOKS["GITHUB_HOOK"]
        )
        self.github.install_app("followthrough", "acme", [OPS])
        self.github.install_app("followthrough", "globex")
        stage.environ["APP_KEY"] = told["pem"]
        app = f"{{type: app, app_id: {told['id']}, private_key: {{env: APP_KEY}}}}"
        rules = stage.rules_file.read_text()
        before = "{type: token, token: {env: GITHUB_TOKEN}}"
        assert before in rules
        stage.rules_file.write_text(rules.replace(before, app))
        stage.start_again(load(stage.rules_file, stage.environ))

    def close(self) -> str:
        """An incident of the gravest severity with one line to act on, closed."""
        hub = self.github
        number = hub.open_issue(OPS, "Checkout answers 500", by="kim", labels=["incident", "sev1"])
        hub.comment(OPS, number, "ACTION: alert on the queue @kim", by="noor")
        self.stage.settle()
        hub.close(OPS, number, by="kim")
        self.stage.settle()
        return f"{OPS}#{number}"

    def titles(self, repo: str) -> list[str]:
        return sorted(issue.title for issue in self.github.repo(repo).issues.values())

    @property
    def done(self) -> dict[str, list[str]]:
        """What stands in the repositories, by repository."""
        return {repo: self.titles(repo) for repo in (OPS, PAPERS)}

    def answered(self, status: int) -> list[Call]:
        return [call for call in self.stage.sandbox.calls if call.status == status]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[ThroughAnApp]:
    with Stage(tmp_path, document=DOCUMENT, webhooks=False) as stage:
        yield ThroughAnApp(stage)


SET_UP = {
    OPS: ["Checkout answers 500", "Detect acme/ops#1 sooner", "alert on the queue"],
    PAPERS: ["Postmortem acme/ops#1: Checkout answers 500"],
}


def test_a_closing_through_two_installations_sets_everything_up_once(company: ThroughAnApp) -> None:
    company.close()
    assert company.done == SET_UP
    assert not company.answered(403)
    together = [call.mutations for call in company.stage.sandbox.calls if call.mutations]
    assert together == [3, 2], "branch, commit and pull request; and both tasks"
    pull = company.github.repo(PAPERS).issues[1]
    assert pull.user == "followthrough[bot]"
    (note,) = [n for n in company.github.repo(OPS).issues[1].notes if n.user == pull.user]
    assert f"{PAPERS}/pull/1" in note.body


def test_tokens_that_end_in_the_middle_change_nothing(
    company: ThroughAnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each thing that is made, somebody revokes them all."""
    for act in ("create_branch", "write", "open_pull", "open_issue", "comment"):
        do = getattr(company.github, act)

        def and_end(*args: object, do: object = do, **named: object) -> object:
            done = do(*args, **named)  # type: ignore[operator]
            company.github.end_app_tokens()
            return done

        monkeypatch.setattr(company.github, act, and_end)
    company.close()
    assert company.done == SET_UP
    assert len(company.answered(401)) >= 3


def test_what_the_app_did_comes_back_as_an_echo_and_leads_to_nothing(company: ThroughAnApp) -> None:
    company.close()
    company.stage.sandbox.reset_calls()
    company.stage.poll()
    company.stage.wait(timedelta(minutes=10))
    assert [
        call for call in company.stage.sandbox.writes() if "access_tokens" not in call.path
    ] == []
    assert company.done == SET_UP


def test_a_repository_that_the_app_is_not_installed_on_keeps_nothing_from_starting(
    tmp_path: Path,
) -> None:
    """Nobody can tell who may read there, and that is asked again before each copy."""
    clock = StoryClock(datetime.now(UTC))
    with Stage(tmp_path, document=DOCUMENT, webhooks=False, clock=clock) as stage:
        ThroughAnApp(stage)
        rules = load(stage.rules_file, stage.environ)
        assert of_privacy(rules) == []
        stage.sandbox.github.uninstall_app(
            next(i.id for i in stage.sandbox.github.apps.installed if i.owner == "globex")
        )
        (found,) = Trackers(rules).audiences.of_rules(rules.policy)
        assert f"is not installed on {PAPERS}" in found.why.words
        assert of_privacy(rules) == []


def test_what_comes_to_such_a_repository_waits_with_the_way_to_install_it(
    company: ThroughAnApp,
) -> None:
    globex = next(each for each in company.github.apps.installed if each.owner == "globex")
    company.github.uninstall_app(globex.id)
    told = company.stage.told(company.close())
    assert f"is not installed on {PAPERS}" in told
    assert "Install it there" in told
    assert company.done[PAPERS] == []


def test_what_may_still_be_asked_is_told_of_each_installation(company: ThroughAnApp) -> None:
    company.stage.sandbox.enforce(github=GitHubLimits())
    company.close()
    with company.stage.store.read() as tx:
        found = standings(tx, limits(company.stage.container.rules))
    left = {s.connection: s.circuit.quota.left for s in found if s.circuit.quota}
    assert set(left) >= {"github@acme", "github@globex"}
    assert left["github@acme"] < left["github@globex"] < 5000


def test_where_the_app_is_not_installed_the_document_waits_and_says_why(
    company: ThroughAnApp,
) -> None:
    company.github.apps.installed = [i for i in company.github.apps.installed if i.owner == "acme"]
    incident = company.close()
    told = company.stage.told(incident)
    assert f"the GitHub App followthrough is not installed on {PAPERS}" in told
    assert company.done[PAPERS] == []
