"""The company through a GitHub App: two owners, two installations of it, and no token."""

from __future__ import annotations

from textwrap import indent

from stage import HOOKS, Stage

from config.rules import load
from integrations.gate import Cost
from integrations.github.budgets import CONTENT
from integrations.github.manifest import EVENTS, PERMISSIONS
from integrations.sandbox.world import Call
from service.container import limits
from service.standings import Standing, standings

OPS, PAPERS, ROCKETS = "acme/ops", "globex/papers", "globex/rockets"
DOCUMENT = (
    f"{{kind: github-pull-request, connection: github, repository: {PAPERS},"
    ' path: "{incident}.md"}'
)
GRANTED = {name: level for name, (level, _) in PERMISSIONS.items()}

#: What stands there once the first incident of `OPS` is set up.
SET_UP = {
    OPS: ["Checkout answers 500", "Detect acme/ops#1 sooner", "alert on the queue"],
    PAPERS: ["Postmortem acme/ops#1: Checkout answers 500"],
}

#: A team of globex's, with all that is its own there.
ROCKETEERS = f"""\
rockets:
  mode: act
  start_from: 2026-12-01
  incidents:
  - connection: github
    repository: {ROCKETS}
    match: {{labels: [incident]}}
    closed: {{reason: [completed]}}
    severity: {{label: "sev*"}}
  postmortem:
    when: {{severity: [sev1]}}
    document: {{kind: github-issue, connection: github, repository: {ROCKETS}}}
    tasks: {{connection: github, repository: {ROCKETS}, labels: [remediation]}}
"""


class ThroughAnApp:
    """Incidents and tasks are acme's, documents are globex's: two installations of one App, whose
    own webhook is the only one. globex has a team of its own beside."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.github = stage, stage.sandbox.github
        writers = {"kim": "write", "noor": "write", "lee": "write"}
        self.github.add_repo(PAPERS, private=True, collaborators=writers)
        self.github.add_repo(
            ROCKETS,
            private=True,
            collaborators=writers,
            labels=["incident", "sev1", "remediation"],
        )
        address = f"{stage.url}/webhooks/github"
        told = self.github.add_app(
            "followthrough", GRANTED, list(EVENTS), url=address, secret=HOOKS["GITHUB_HOOK"]
        )
        self.github.install_app("followthrough", "acme", [OPS])
        self.github.install_app("followthrough", "globex")
        stage.environ["APP_KEY"] = told["pem"]
        app = f"{{type: app, app_id: {told['id']}, private_key: {{env: APP_KEY}}}}"
        rules = stage.rules_file.read_text()
        for before, after in (
            ("{type: token, token: {env: GITHUB_TOKEN}}", app),
            ("people:\n", f"{indent(ROCKETEERS, '  ')}people:\n"),
        ):
            assert before in rules
            rules = rules.replace(before, after)
        stage.rules_file.write_text(rules)
        stage.start_again(load(stage.rules_file, stage.environ))

    def close(self, repo: str = OPS, *, heard: bool = True) -> str:
        """An incident of the gravest severity with one line to act on, closed; `heard` of by the
        service."""
        settle = self.stage.settle if heard else lambda: None
        hub = self.github
        number = hub.open_issue(repo, "Checkout answers 500", by="kim", labels=["incident", "sev1"])
        hub.comment(repo, number, "ACTION: alert on the queue @kim", by="noor")
        settle()
        hub.close(repo, number, by="kim")
        settle()
        return f"{repo}#{number}"

    def titles(self, repo: str) -> list[str]:
        return sorted(issue.title for issue in self.github.repo(repo).issues.values())

    @property
    def done(self) -> dict[str, list[str]]:
        """What stands in the repositories of the first team, by repository."""
        return {repo: self.titles(repo) for repo in (OPS, PAPERS)}

    def answered(self, status: int) -> list[Call]:
        return [call for call in self.stage.sandbox.calls if call.status == status]

    def use_up(self, owner: str) -> None:
        """All writes of an hour that this owner's installation has, as others have used them."""
        with self.stage.store.write() as tx:
            (hour,) = (each.most for each in CONTENT.windows if each.length == CONTENT.longest)
            costs = [Cost(CONTENT, hour)]
            tx.traffic.begin(f"the hour of {owner}", f"github@{owner}", costs, CONTENT.longest * 0)

    @property
    def standings(self) -> dict[str, Standing]:
        """How the connection and each of its accounts stands."""
        with self.stage.store.read() as tx:
            found = standings(tx, limits(self.stage.container.rules))
        return {each.connection: each for each in found}
