"""What all tests share: quiet logs, and no setting of the developer's own shell."""

from __future__ import annotations

import logging
import os
import shutil

import pytest

logging.getLogger("werkzeug").setLevel(logging.ERROR)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("FOLLOWTHROUGH_"):
            monkeypatch.delenv(name)


def needs(*tools: str) -> None:
    """Skip a test, saying what is missing; where CI is set, that is a failure."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
