"""Rules of one team that only plans, whose tracker does not answer: for whoever starts processes
and needs no more than that they start."""

from __future__ import annotations

RULES = """
connections:
  acme-github:
    kind: github
    url: http://127.0.0.1:9
    auth: {type: token, token: {env: ACME_TOKEN}}
teams:
  payments:
    mode: plan
    start_from: 2026-12-01
    incidents:
      - connection: acme-github
        repository: acme/ops
        match: {labels: [incident]}
        severity: {label: "sev*"}
    postmortem:
      when: {severity: [sev1]}
      document: {kind: github-issue, connection: acme-github, repository: acme/ops}
      tasks: {connection: acme-github, repository: acme/ops}
"""

#: The same, with a webhook secret.
HOOKED = RULES.replace("auth:", "webhook_secrets: [{env: ACME_HOOK}]\n    auth:")
