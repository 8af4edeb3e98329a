"""Registering a GitHub App from the pages, against a server that speaks the manifest flow."""

from __future__ import annotations

import errno
import html
import json
import os
import re
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import yaml
from flask.testing import FlaskClient
from web.history import TOKEN, Web
from werkzeug.test import TestResponse

import integrations.github.manifest
from integrations.github.client import GitHubClient
from integrations.github.installations import Installations
from integrations.github.manifest import EVENTS, PERMISSIONS, NewApp, manifest
from integrations.github.signing import AppKey
from integrations.sandbox import Sandbox
from service.app import create_app
from service.registering import FOLDER, Registered, Registering
from service.store import Store
from service.store.changes import Changed

PUBLIC = "https://followthrough.acme.example"


@dataclass
class Admin:
    """Somebody who administers the service, in front of a browser."""

    client: FlaskClient
    sandbox: Sandbox
    data: Path

    def ask(self, **typed: str) -> TestResponse:
        page = self.client.get("/setup/github").text
        (csrf, *_) = re.findall(r'name="csrf" value="([^"]+)"', page)
        form = {"csrf": csrf, "server": self.sandbox.github_url, "organisation": "acme"}
        return self.client.post("/setup/github", data={**form, "connection": "hub", **typed})

    def at_github(self, page: TestResponse) -> str:
        """Press the button there, and be sent back: the address on our service."""
        (action,) = re.findall(r'action="(http[^"]+)"', page.text)
        (asked,) = re.findall(r'name="manifest" value="([^"]+)"', page.text)
        answer = requests.post(
            html.unescape(action),
            data={"manifest": html.unescape(asked)},
            timeout=5,
            allow_redirects=False,
        )
        there = urlsplit(answer.headers["Location"])
        return f"{there.path}?{there.query}"

    def files(self) -> list[Path]:
        """Those with the secrets."""
        named = ("private-key.pem", "webhook-secret")
        return sorted(path for path in self.data.rglob("*") if path.name in named)

    def second_tab(self) -> FlaskClient:
        """The same browser, in which nothing was answered yet since."""
        tab = self.client.application.test_client()
        cookie = self.client.get_cookie("followthrough")
        assert cookie is not None
        tab.set_cookie("followthrough", cookie.value)
        return tab


@pytest.fixture
def admin(tmp_path: Path, store: Store) -> Iterator[Admin]:
    with Sandbox() as sandbox:
        sandbox.github.add_repo("acme/ops")
        data = tmp_path / "data"
        web = replace(Web(store), registering=Registering(data, 5), public_url=PUBLIC)
        client = create_app(web).test_client()
        client.post("/sign-in", data={"token": TOKEN})
        yield Admin(client, sandbox, data)


def on_record(store: Store) -> list[Changed]:
    with store.read() as tx:
        return list(tx.changes.page(5, None))


def asked(page: TestResponse) -> dict[str, Any]:
    (text,) = re.findall(r'name="manifest" value="([^"]+)"', page.text)
    found: dict[str, Any] = json.loads(html.unescape(text))
    return found


def test_the_whole_way_ends_with_files_and_rules_that_sign_in(admin: Admin) -> None:
    back = admin.at_github(admin.ask())
    page = admin.client.get(back)
    assert page.status_code == 200
    key, hook = admin.files()
    assert (key.name, hook.name) == ("private-key.pem", "webhook-secret")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (key, hook)} == {0o600}
    assert key.read_text() not in page.text
    assert hook.read_text().strip() not in page.text
    (told,) = re.findall(r"<pre><code>(.*?)</code></pre>", page.text, re.DOTALL)
    hub = yaml.safe_load(html.unescape(told))["connections"]["hub"]
    assert hub["webhook_secrets"] == [{"file": str(hook)}]
    pem = Path(hub["auth"]["private_key"]["file"]).read_text()
    admin.sandbox.github.install_app("followthrough-acme", "acme")
    signer = AppKey(hub["auth"]["app_id"], pem, admin.sandbox.world.clock)
    app = Installations(GitHubClient(hub["url"], signer))
    client = GitHubClient(hub["url"], app)
    assert client.login() == "followthrough-acme[bot]"
    assert client.write("POST", "/repos/acme/ops/issues", {"title": "x"})["number"] == 1
    assert "/apps/followthrough-acme/installations/new" in page.text


def test_what_is_asked_for_is_shown_first_and_is_all_that_is_needed(admin: Admin) -> None:
    page = admin.ask()
    wanted = asked(page)
    assert wanted["default_permissions"] == {n: level for n, (level, _) in PERMISSIONS.items()}
    newer = {"sub_issues", "issue_dependencies"}
    assert wanted["default_events"] == [event for event in EVENTS if event not in newer]
    assert wanted["hook_attributes"] == {"url": f"{PUBLIC}/webhooks/hub", "active": True}
    assert wanted["redirect_url"] == f"{PUBLIC}/setup/github/made"
    assert not wanted["public"]
    for level, purpose in PERMISSIONS.values():
        assert purpose in html.unescape(page.text)
        assert level in ("read", "write")
    assert asked(admin.ask(public="yes"))["public"]


def test_github_com_is_asked_for_its_newer_events_too() -> None:
    wanted = manifest("https://api.github.com", "F", PUBLIC, PUBLIC, f"{PUBLIC}/w", public=False)
    assert wanted["default_events"] == list(EVENTS)


def test_the_form_may_lead_to_that_server_and_nowhere_else(admin: Admin) -> None:
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(admin.sandbox.github_url))
    assert f"form-action 'self' {origin};" in admin.ask().headers["Content-Security-Policy"]
    before = admin.client.get("/setup/github").headers["Content-Security-Policy"]
    assert "form-action 'self';" in before


def test_without_a_public_address_there_is_no_webhook_and_the_page_says_so(
    store: Store, tmp_path: Path
) -> None:
    web = replace(Web(store), registering=Registering(tmp_path / "data", 5))
    client = create_app(web).test_client()
    client.post("/sign-in", data={"token": TOKEN})
    assert "FOLLOWTHROUGH_PUBLIC_URL" in client.get("/setup/github").text
    with Sandbox() as sandbox:
        page = Admin(client, sandbox, tmp_path / "data").ask()
    wanted = asked(page)
    assert "hook_attributes" not in wanted
    assert "default_events" not in wanted
    assert wanted["redirect_url"] == "http://localhost/setup/github/made"


def test_only_the_browser_that_began_goes_on_and_only_once(admin: Admin) -> None:
    back = admin.at_github(admin.ask())
    forged = back.replace("state=", "state=x")
    assert admin.client.get(forged).status_code == 400
    assert admin.client.get(back).status_code == 400, "what was asked for is forgotten by then"
    assert admin.files() == []


def test_who_loads_the_last_page_again_sees_it_again_and_makes_nothing_new(
    admin: Admin, store: Store
) -> None:
    back = admin.at_github(admin.ask())
    first = admin.client.get(back)
    files = admin.files()
    assert admin.client.get(back).text == first.text
    assert admin.files() == files
    assert len(on_record(store)) == 1
    stranger = admin.client.application.test_client()
    stranger.post("/sign-in", data={"token": TOKEN})
    assert stranger.get(back).status_code == 400
    admin.ask()
    assert admin.client.get(back).status_code == 400, "another App is asked for by now"


def test_two_who_come_back_at_once_are_both_shown_the_app(
    admin: Admin, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A double click, or a browser that fetches ahead: GitHub takes the code once."""
    back, tab = admin.at_github(admin.ask()), admin.second_tab()
    convert, finish = integrations.github.manifest.convert, Registering.finish
    begun, both = threading.Event(), threading.Barrier(2, timeout=5)
    arrived: list[int] = []

    def slow(*asked: Any) -> NewApp:
        if not begun.is_set():
            begun.set()
            both.wait()  # until the second one is there, too
        return convert(*asked)

    def second(*asked: Any) -> Registered:
        arrived.append(1)
        if len(arrived) == 2:
            both.wait()
        return finish(*asked)

    monkeypatch.setattr(integrations.github.manifest, "convert", slow)
    monkeypatch.setattr(Registering, "finish", second)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(admin.client.get, back)
        assert begun.wait(5)
        answers = [tab.get(back), first.result()]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].text == answers[1].text
    assert len(admin.files()) == 2
    assert len(on_record(store)) == 1


def test_who_never_got_the_answer_is_shown_the_app_all_the_same(admin: Admin, store: Store) -> None:
    """A second click ends the first request in the browser, and so its cookie is not kept."""
    back, tab = admin.at_github(admin.ask()), admin.second_tab()
    page = admin.client.get(back).text
    answer = tab.get(back)
    assert (answer.status_code, answer.text) == (200, page)
    assert len(admin.files()) == 2
    assert len(on_record(store)) == 1


@pytest.fixture
def away() -> Iterator[Store]:
    """A database out of reach."""
    found = Store("sqlite:////proc/nowhere/followthrough.db")
    yield found
    found.close()


def test_a_database_that_is_away_leaves_the_code_good(
    admin: Admin, store: Store, away: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = admin.at_github(admin.ask())
    with monkeypatch.context() as cut:
        cut.setattr(store, "write", away.write)
        cut.setattr(store, "read", away.read)
        answer = admin.client.get(back)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert admin.files() == []
    assert admin.client.get(back).status_code == 200
    assert len(admin.files()) == 2
    assert len(on_record(store)) == 1


def test_a_database_that_goes_away_when_the_code_is_used_loses_nothing(
    admin: Admin, store: Store, away: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = admin.at_github(admin.ask())
    finish = Registering.finish
    with monkeypatch.context() as cut:

        def last(registering: Registering, url: str, code: str, record: Any) -> Registered:
            def away_by_then(app: Registered) -> None:
                cut.setattr(store, "write", away.write)
                record(app)

            return finish(registering, url, code, away_by_then)

        cut.setattr(Registering, "finish", last)
        assert admin.client.get(back).status_code == 503
        assert admin.client.get(back).status_code == 503
    assert len(admin.files()) == 2
    page = admin.client.get(back)
    assert page.status_code == 200
    assert str(admin.files()[0]) in html.unescape(page.text)
    assert len(on_record(store)) == 1


def test_a_database_that_goes_away_while_the_last_page_is_made_loses_nothing(
    admin: Admin, store: Store, away: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = admin.at_github(admin.ask())
    with monkeypatch.context() as cut:
        cut.setattr(store, "read", away.read)
        assert admin.client.get(back).status_code == 503
    assert admin.client.get(back).status_code == 200
    assert len(admin.files()) == 2
    assert len(on_record(store)) == 1


def test_a_directory_that_takes_no_files_leaves_the_code_good(admin: Admin) -> None:
    back = admin.at_github(admin.ask())
    folder = admin.data / FOLDER
    folder.rmdir()
    folder.write_text("in the way")
    answer = admin.client.get(back)
    assert answer.status_code == 503
    assert "Then load this page again" in answer.text
    folder.unlink()
    assert admin.client.get(back).status_code == 200
    assert len(admin.files()) == 2


def test_a_full_disk_leaves_the_code_good(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    back = admin.at_github(admin.ask())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as cut:
        cut.setattr("service.registering.os.fsync", full)
        answer = admin.client.get(back)
    assert answer.status_code == 503
    assert "No space left on device. Mend that." in answer.text
    assert admin.client.get(back).status_code == 200


def test_a_code_that_github_does_not_know_makes_nothing(admin: Admin) -> None:
    back = admin.at_github(admin.ask())
    answer = admin.client.get(re.sub("code=[^&]+", "code=guessed", back))
    assert answer.status_code == 400
    assert "begin anew" in answer.text
    assert 'action="/setup/github"' in answer.text
    assert admin.files() == []


def test_when_github_cannot_be_reached_the_page_may_be_loaded_again(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = admin.at_github(admin.ask())

    def unreachable(*_: object, **__: object) -> None:
        raise requests.ConnectTimeout

    with monkeypatch.context() as cut:
        cut.setattr("integrations.github.manifest.requests.post", unreachable)
        answer = admin.client.get(back)
    assert answer.status_code == 503
    assert "load this page again" in answer.text
    assert admin.client.get(back).status_code == 200
    assert [path.name for path in admin.files()] == ["private-key.pem", "webhook-secret"]


def test_a_server_that_stumbles_leaves_the_code_good(admin: Admin) -> None:
    back = admin.at_github(admin.ask())
    admin.sandbox.fail_next("POST", "/conversions", 502)
    assert admin.client.get(back).status_code == 503
    assert admin.client.get(back).status_code == 200


def test_an_app_of_the_same_name_has_its_own_files(admin: Admin) -> None:
    """The first one was deleted and registered anew, or is on another server."""
    for _ in range(2):
        assert admin.client.get(admin.at_github(admin.ask())).status_code == 200
    assert len(admin.files()) == 4
    assert len({path.read_text() for path in admin.files()}) == 4


def test_files_that_are_there_already_are_not_written_over(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin.sandbox.world, "next_id", lambda: 7)
    admin.client.get(admin.at_github(admin.ask()))
    before = [path.read_text() for path in admin.files()]
    answer = admin.client.get(admin.at_github(admin.ask()))
    assert answer.status_code == 400
    assert "Make a private key" in html.unescape(answer.text)
    assert [path.read_text() for path in admin.files()] == before


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"server": "http://github.acme.example"}, "Write the server with https://"),
        ({"server": "https://a b/"}, "Write the server as"),
        ({"server": "https://a.example;script-src *"}, "Write the server as"),
        ({"server": "https://kim:pass@github.acme.example"}, "Write the server as"),
        ({"server": "https://[github.acme.example"}, "Write the server as"),
        ({"organisation": "acme/../other"}, "Write the organisation"),
        ({"connection": "../hub"}, "Write the connection"),
        ({"connection": ""}, "Write the connection"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(
    admin: Admin, typed: dict[str, str], told: str
) -> None:
    answer = admin.ask(public="yes", **typed)
    assert answer.status_code == 400
    page = html.unescape(answer.text)
    assert told in page
    kept = {"organisation": "acme", "connection": "hub", **typed}
    assert all(f'name="{name}" value="{text}"' in page for name, text in kept.items())
    assert '<option value="yes" selected>' in page


def test_an_enterprise_server_is_asked_at_its_own_addresses(admin: Admin) -> None:
    page = admin.ask(server="github.acme.example")
    address = "https://github.acme.example/organizations/acme/settings/apps/new?state="
    assert f'action="{address}' in page.text


def test_whoever_registers_an_app_is_on_record(admin: Admin, store: Store) -> None:
    admin.client.get(admin.at_github(admin.ask()))
    (change,) = on_record(store)
    assert (change.action, change.subject) == ("register GitHub App", "followthrough-acme")
    assert change.after["connection"] == "hub"  # type: ignore[index,call-overload]
