"""What only some may read is not copied to where everybody may: at start, and before each copy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from builders import item
from click.testing import CliRunner
from stage import (
    GITHUB_INCIDENTS,
    GITHUB_TASKS,
    HOOKS,
    JIRA_INCIDENTS,
    JIRA_ISSUE,
    JIRA_TASKS,
    LOCAL_FILE,
    PULL_REQUEST,
    TOKENS,
    Stage,
)
from stories.closing import close_on_github, close_on_jira

from service.commands.all import followthrough
from service.store.effects import EffectState
from workflows.audience import WITHHELD, WITHHELD_ACTION

PUBLIC_ISSUE = "{kind: github-issue, connection: github, repository: acme/website}"
PUBLIC_TASKS = "{connection: github, repository: acme/website}"
EXPOSED = "everybody may read acme/website (github) and not everybody acme/ops (github)"
