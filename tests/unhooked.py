"""The company before anybody registered a webhook, and whoever runs commands for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from stage import HOOKS, JIRA_INCIDENTS, PULL_REQUEST, TOKENS, Stage, StoryClock


@contextmanager
def unhooked(
    directory: Path, monkeypatch: pytest.MonkeyPatch, *, tasks: str, deployment: str = "cloud"
) -> Iterator[Stage]:
    """Incidents in Jira, postmortems in GitHub. Commands find the rules, the secrets and the
    service's address; they know no time but the real one, so it is that here, too."""
    with Stage(
        directory,
        incidents=JIRA_INCIDENTS,
        document=PULL_REQUEST,
        tasks=tasks,
        webhooks=False,
        deployment=deployment,
        clock=StoryClock(datetime.now(UTC)),
    ) as stage:
        monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(stage.rules_file))
        monkeypatch.setenv("FOLLOWTHROUGH_PUBLIC_URL", stage.url)
        for name, value in {**TOKENS, **HOOKS}.items():
            monkeypatch.setenv(name, value)
        yield stage
