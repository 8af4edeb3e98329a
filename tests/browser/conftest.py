"""Pages as they come to a person: a real browser at a real server."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from browser.axe import source
from browser.company import Company, company
from browser.reader import Reader
from conftest import needs
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    needs("chromium")
    # Its sandbox refuses to run as root, as which CI runs.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=arguments
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core; where it cannot be had, that is a failure only where CI is set."""
    needs("npm")
    try:
        return source()
    except subprocess.SubprocessError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"axe-core cannot be fetched: {error}")


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with company(tmp_path_factory.mktemp("company")) as filled:
        yield filled


@pytest.fixture(scope="module")
def reader(chromium: Browser, acme: Company) -> Iterator[Reader]:
    """Somebody who is signed in."""
    with Reader.at(chromium, acme.stage.url) as somebody:
        somebody.sign_in()
        yield somebody
