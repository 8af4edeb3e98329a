"""A small company in the sandbox: the people, projects and repositories of demo and tests."""

from __future__ import annotations

from integrations.sandbox.server import Sandbox

BOT_EMAIL = "followthrough@acme.example"
BOT_JIRA = "bot-jira"
BOT_GITHUB = "followthrough-bot"

KIM, NOOR, LEE, MALLORY = "5b10-kim", "5b10-noor", "5b10-lee", "5b10-mallory"


def add_wiki(sandbox: Sandbox) -> None:
    """The Confluence space PM, which the people of Jira may read and write in."""
    sandbox.confluence.add_space("PM", "Postmortems")


def populate(sandbox: Sandbox, jira_token: str, github_token: str) -> None:
    """Jira projects INC (incidents) and OPS (work), private repositories acme/ops and
    acme/postmortems and the public acme/website, the people Kim, Noor and Lee, Mallory who works on
    none of it, and one account for the service, signed in by these tokens."""
    jira, github = sandbox.jira, sandbox.github
    jira.add_user(BOT_JIRA, "Followthrough", BOT_EMAIL, token=jira_token)
    for account, name in ((KIM, "Kim Ito"), (NOOR, "Noor Aziz"), (LEE, "Lee Park")):
        jira.add_user(account, name, f"{name.split()[0].lower()}@acme.example")
    jira.add_user(MALLORY, "Mallory", "mallory@elsewhere.example")
    jira.add_field("customfield_10050", "Severity", "option", ["SEV-1", "SEV-2", "SEV-3"])
    jira.add_field("customfield_10051", "Detected at", "datetime")
    statuses = {
        "Open": "new",
        "Investigating": "indeterminate",
        "Mitigated": "indeterminate",
        "Resolved": "done",
    }
    jira.add_project(
        "INC",
        "Incidents",
        types=("Incident", "Postmortem"),
        statuses=statuses,
        components=("checkout", "search"),
        assignable=(KIM, NOOR, LEE),
    )
    jira.add_project("OPS", "Operations", types=("Task",), assignable=(KIM, NOOR))
    for project in ("INC", "OPS"):
        jira.add_role(project, "Developers", (KIM, NOOR, LEE))
        jira.add_role(project, "Viewers")
    github.add_user(BOT_GITHUB, "Followthrough", token=github_token)
    writers = {"kim": "write", "noor": "write", "lee": "write", BOT_GITHUB: "admin"}
    github.add_repo("acme/ops", private=True, collaborators=writers)
    github.add_repo("acme/postmortems", private=True, collaborators=writers)
    github.add_repo("acme/website", collaborators=writers)
    github.add_user("mallory", "Mallory")
