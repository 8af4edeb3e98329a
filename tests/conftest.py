"""What all tests share: quiet logs, and no setting of the developer's own shell."""

from __future__ import annotations

import logging
import os

import pytest

logging.getLogger("werkzeug").setLevel(logging.ERROR)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("FOLLOWTHROUGH_"):
            monkeypatch.delenv(name)
