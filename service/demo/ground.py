"""The demo's directory, the rules of its three teams, and the secrets they are signed in by."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from textwrap import dedent

from integrations.sandbox import Sandbox
from integrations.sandbox.acme import BOT_EMAIL, populate

MARKER = ".followthrough-demo"
STARTED = "customfield_10052"
MILESTONE = "Reliability Q1"


class NotOurs(Exception):
    """The directory holds something that no demo made."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a demo lives: everything that it writes is below `directory`, an absolute path."""

    directory: Path

    @property
    def rules(self) -> Path:
        return self.directory / "rules.yaml"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def log(self) -> Path:
        return self.directory / "service.log"

    @property
    def clock(self) -> Path:
        """By how many seconds the service's clock is ahead, where time is moved at all."""
        return self.directory / "clock"

    @property
    def documents(self) -> Path:
        """The git repository of the team that keeps its postmortems on this machine."""
        return self.directory / "postmortems"

    def secret(self, name: str) -> str:
        return (self.directory / "secrets" / name).read_text()

    def environment(self) -> dict[str, str]:
        """What the command line needs to know to look at this demo."""
        known = {"FOLLOWTHROUGH_RULES": str(self.rules), "FOLLOWTHROUGH_DATA": str(self.data)}
        return known | ({"FOLLOWTHROUGH_CLOCK": str(self.clock)} if self.clock.exists() else {})

    def set_clock(self, ahead: timedelta) -> None:
        """Move the service's clock, at once for all its processes."""
        new = self.clock.with_name("clock.new")
        new.write_text(f"{ahead.total_seconds():.3f}\n")
        new.replace(self.clock)


def clear(directory: Path) -> Ground:
    """An empty directory for a demo, with throwaway secrets; what an earlier demo left goes.
    Raises NotOurs when anybody else's files are there."""
    marker = directory / MARKER
    if directory.exists() and not marker.is_file():
        if not directory.is_dir():
            raise NotOurs(f"{directory} is not a directory.")
        if any(directory.iterdir()):
            raise NotOurs(
                f"{directory} holds files that no demo made. Nothing was touched; name another"
                " place with --directory."
            )
    if directory.exists():
        for old in directory.iterdir():
            if old == marker:
                continue  # the last to go: an interrupted clearing can be taken up again
            if old.is_dir() and not old.is_symlink():
                shutil.rmtree(old)
            else:
                old.unlink()
    directory.mkdir(parents=True, exist_ok=True)
    marker.write_text("Made by `followthrough demo`, which empties this directory.\n")
    (directory / "secrets").mkdir(mode=0o700)
    for name in ("jira-token", "jira-hook", "github-token", "github-hook"):
        file = directory / "secrets" / name
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return Ground(directory)


def furnish(sandbox: Sandbox, ground: Ground) -> None:
    """The company of the sandbox, and what the stories need on top of it."""
    populate(sandbox, ground.secret("jira-token"), ground.secret("github-token"))
    sandbox.jira.add_field(STARTED, "Started at", "datetime")
    sandbox.jira.add_version("OPS", MILESTONE)
    sandbox.github.add_milestone("acme/ops", MILESTONE)


def write_rules(sandbox: Sandbox, ground: Ground, day: date) -> None:
    """The rules of the three teams, in force since a week before the stories' day."""
    ground.rules.write_text(
        dedent(_RULES).format(
            jira=sandbox.jira_url,
            github=sandbox.github_url,
            account=BOT_EMAIL,
            start=day - timedelta(days=7),
            started=STARTED,
            documents=ground.documents,
        )
    )


_RULES = """\
    # Three teams, three ways to keep postmortems. Written by `followthrough demo`.
    connections:
      jira:
        kind: jira
        url: {jira}
        auth: {{type: basic, user: {account}, token: {{file: secrets/jira-token}}}}
        webhook_secrets: [{{file: secrets/jira-hook}}]
      github:
        kind: github
        url: {github}
        auth: {{type: token, token: {{file: secrets/github-token}}}}
        webhook_secrets: [{{file: secrets/github-hook}}]

    teams:
      payments:                    # everything in Jira
        mode: act
        start_from: {start}
        rota: &everybody
          facilitator: [Kim Ito, Noor Aziz, Lee Park]
          scribe: [Kim Ito, Noor Aziz, Lee Park]
          reviewer: [Kim Ito, Noor Aziz, Lee Park]
        incidents:
          - connection: jira
            project: INC
            match: {{issue_type: Incident, components: [checkout]}}
            closed: {{status_category: done, except: {{resolution: ["Won't Do", Duplicate]}}}}
            severity: {{field: customfield_10050}}
            service: {{component: first}}
            moments:
              started: {{field: {started}}}
              detected: {{field: customfield_10051}}
              mitigated: {{status: Mitigated}}
        postmortem:
          when: {{severity: [sev1, sev2]}}
          document: {{kind: jira-issue, connection: jira, project: INC, issue_type: Postmortem}}
          tasks: {{connection: jira, project: OPS, issue_type: Task, labels: [remediation]}}
          standard_actions:
            - when: {{severity: [sev1]}}
              title: "Add an alert that would have detected {{incident}} sooner"
              kind: detective
              owner: Noor Aziz
              success_measure: the alert fires within two minutes when the failure is replayed
        audits: {{reviewers: [Kim Ito, Noor Aziz]}}   # 30, 90 and 180 days after a measure is done

      platform:                    # everything in GitHub
        mode: act
        start_from: {start}
        rota: *everybody
        incidents:
          - connection: github
            repository: acme/ops
            match: {{labels: [incident]}}
            closed: {{reason: [completed]}}
            severity: {{heading: Severity}}
            service: {{heading: Service}}
            moments:
              started: {{heading: Started at (UTC)}}
              detected: {{heading: Detected at (UTC)}}
              mitigated: {{label: mitigated}}
        postmortem:
          when: {{severity: [sev1, sev2]}}
          document:
            kind: github-pull-request
            connection: github
            repository: acme/postmortems
            path: "postmortems/{{year}}/{{incident}}.md"
          tasks: {{connection: github, repository: acme/ops, labels: [remediation]}}

      search:                      # incidents in Jira, postmortems in local git, tasks in GitHub
        mode: act
        start_from: {start}
        rota: *everybody
        incidents:
          - connection: jira
            project: INC
            match: {{issue_type: Incident, components: [search]}}
            closed: {{status_category: done, except: {{resolution: ["Won't Do", Duplicate]}}}}
            severity: {{field: customfield_10050}}
            service: {{component: first}}
            moments:
              started: {{field: {started}}}
              detected: {{field: customfield_10051}}
              mitigated: {{status: Mitigated}}
        postmortem:
          when: {{severity: [sev1, sev2]}}
          document:
            kind: git-directory
            directory: "{documents}"
            path: "{{year}}/{{incident}}.md"
          tasks: {{connection: github, repository: acme/ops, labels: [remediation]}}

    people:
      - {{name: Kim Ito, email: kim@acme.example, jira: 5b10-kim, github: kim}}
      - {{name: Noor Aziz, email: noor@acme.example, jira: 5b10-noor, github: noor}}
      - {{name: Lee Park, email: lee@acme.example, jira: 5b10-lee, github: lee}}
    """
