"""Who has neither rules nor a token begins with a GitHub App: it is registered on a page, and the
first rules are written with it."""

from __future__ import annotations

import html
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from click.testing import CliRunner
from flask.testing import FlaskClient
from stage import TOKENS

from config.rules import load
from config.settings import Settings
from integrations.sandbox import Sandbox
from integrations.sandbox.acme import populate
from service.commands.all import followthrough
from service.commands.github_app import pages

ADMIN = "admin-token-5d6e"
PUBLIC = "https://followthrough.acme.example"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        populate(sandbox, TOKENS["JIRA_TOKEN"], TOKENS["GITHUB_TOKEN"])
        yield sandbox


def opened(directory: Path, public: str = "") -> FlaskClient:
    """The pages in a browser in which somebody has signed in."""
    environ = {"FOLLOWTHROUGH_DATA": str(directory / "data"), "FOLLOWTHROUGH_ADMIN_TOKEN": ADMIN}
    settings = Settings.from_environment(environ | {"FOLLOWTHROUGH_PUBLIC_URL": public})
    client = pages(settings).test_client()
    client.post("/sign-in", data={"token": ADMIN})
    return client


def registered(client: FlaskClient, sandbox: Sandbox) -> str:
    """The last page, of an App that is installed on acme's repositories then."""
    page = client.get("/setup/github").text
    (csrf, *_) = re.findall(r'name="csrf" value="([^"]+)"', page)
    (connection,) = re.findall(r'name="connection" value="([^"]+)"', page)
    form = {"csrf": csrf, "organisation": "acme", "connection": connection}
    offer = client.post("/setup/github", data={**form, "server": sandbox.github_url}).text
    (action,) = re.findall(r'action="(http[^"]+)"', offer)
    (manifest,) = re.findall(r'name="manifest" value="([^"]+)"', offer)
    answer = requests.post(
        html.unescape(action),
        data={"manifest": html.unescape(manifest)},
        timeout=5,
        allow_redirects=False,
    )
    back = urlsplit(answer.headers["Location"])
    page = html.unescape(client.get(f"{back.path}?{back.query}").text)
    sandbox.github.install_app("followthrough-acme", "acme")
    return page


@pytest.mark.parametrize("public", ["", PUBLIC])
def test_an_app_is_registered_before_there_are_rules_and_writes_them(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, public: str
) -> None:
    page = registered(opened(tmp_path, public), sandbox)
    (command,) = re.findall(r"<code>followthrough (init [^<]+)</code>", page)
    monkeypatch.chdir(tmp_path)
    written = CliRunner().invoke(followthrough, shlex.split(command), input="\n" * 12)
    assert written.exit_code == 0, written.output
    assert "acme/postmortems" in written.output
    rules = load(Path("rules.yaml"), os.environ)
    assert rules.connections["github"].auth.type == "app"
    (secret, *_) = [*rules.connections["github"].webhook_secrets, None]
    assert (secret is not None) == bool(public), "the App has a webhook where it can be reached"
    looked = CliRunner().invoke(followthrough, ["doctor"])
    assert "acme/ops" in looked.output
    assert looked.exit_code == 0 or public, looked.output


def test_nothing_else_is_served_then(tmp_path: Path) -> None:
    client = opened(tmp_path)
    for page in ("/", "/incidents", "/api/v1/incidents"):
        assert client.get(page).headers["Location"] == "/setup/github"
    assert "<nav" not in client.get("/setup/github").text, "no link leads back to where it stands"
    assert client.get("/healthz").status_code == 200
    assert client.post("/webhooks/github", data=b"{}").status_code == 404
    stranger = client.application.test_client()
    assert stranger.get("/setup/github").status_code != 200
