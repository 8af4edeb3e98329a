"""Rules of two teams in three files, to be spoilt and edited."""

from __future__ import annotations

from pathlib import Path

ENVIRONMENT = {"TOKEN": "t0ken-value"}

HUB = """\
connections:
  hub:
    kind: github
    url: https://api.github.com
    auth: {type: token, token: {env: TOKEN}}
people:
  - {name: Kim Lee, github: kim}
learning: {synonyms: {redis: cache}}
"""


def team(name: str, more: str = "") -> str:
    return f"""\
teams:
  {name}:
    start_from: 2026-12-01
    incidents: [{{connection: hub, repository: acme/{name}, severity: {{label: "sev*"}}}}]
    postmortem:
      document: {{kind: github-issue, connection: hub, repository: acme/{name}}}
      tasks: {{connection: hub, repository: acme/{name}}}
{more}"""


PAYMENTS = team("payments", "people:\n  - {name: Ada Novak, github: ada}\n")
RIGHT = {"connections.yaml": HUB, "payments.yaml": PAYMENTS, "web.yaml": team("web")}


def written(directory: Path, files: dict[str, str]) -> Path:
    directory.mkdir(exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")
    return directory
