"""The grounds that there are: the sandbox in each of its dialects; npm's stand-in for GitHub; and,
where a user asks for it, their own scratch projects (see `contract.live`)."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import choices
from tempfile import TemporaryDirectory

import requests
from asked import LISTENER
from conftest import needs
from contract import live
from contract.ground import Caller, GitHub, Ground, Jira, basic, signed_in
from contract.pages import JiraAndConfluence
from openapi import GITHUB, Server
from stage import free_port

from integrations.sandbox import Sandbox
from integrations.sandbox.acme import BOT_EMAIL, BOT_GITHUB, BOT_JIRA, KIM, add_wiki, populate

SERVICE, PERSON = "token-of-the-service", "token-of-kim"
KIM_EMAIL = "kim@acme.example"


@contextmanager
def sandbox_github() -> Iterator[Ground]:
    with Sandbox() as sandbox:
        populate(sandbox, SERVICE, SERVICE)
        sandbox.github.accounts["kim"].token = PERSON
        ground = GitHub(
            sandbox.github_url, "acme/ops", "acme/postmortems", PERSON, SERVICE, a_mark()
        )

        def tell(address: str, secret: str) -> bool:
            for place in ("acme/ops", "acme/postmortems"):
                sandbox.github.hook(place, address, secret)
            return True

        ground.tell = tell  # type: ignore[method-assign]
        yield ground


def sandbox_jira(
    deployment: str, *, confluence: bool = False
) -> Callable[[], AbstractContextManager[Ground]]:
    @contextmanager
    def found() -> Iterator[Ground]:
        with Sandbox(deployment=deployment) as sandbox:
            populate(sandbox, SERVICE, SERVICE)
            sandbox.jira.users[KIM].token = PERSON
            cloud = sandbox.jira.cloud

            def hook(address: str, secret: str) -> bool:
                sandbox.jira.hook(address, secret)
                return True

            kim = basic(KIM_EMAIL if cloud else KIM, PERSON)
            user = BOT_EMAIL if cloud else BOT_JIRA
            auth = f"{{type: basic, user: {user}, token: {{env: TOKEN}}}}"
            types = ("Incident", "Postmortem", "Task")
            token = {"TOKEN": SERVICE}
            jira = (sandbox.jira_url, "INC", "OPS", types, kim, auth, token, a_mark(), cloud, hook)
            if not confluence:
                yield Jira(*jira)
                return
            add_wiki(sandbox)
            url = sandbox.confluence_url
            yield JiraAndConfluence(*jira, wiki=url, space="PM", reader=kim, wiki_auth=auth)

    return found


@contextmanager
def emulated() -> Iterator[Ground]:
    """https://www.npmjs.com/package/emulate, version 0.11.2: it has neither GraphQL nor sub-issues,
    and sends webhooks that it signs itself."""
    command = os.environ.get("EMULATE", "emulate")
    needs(command)
    url = f"http://127.0.0.1:{(port := free_port())}"
    # Not where the test's own files are: this one holds the tokens, and its log repeats them.
    with TemporaryDirectory(prefix="emulate-") as name:
        seed = Path(name, "seed.yaml")
        seed.write_text(_SEED)
        words = f"start --service github --port {port} --base-url {url} --seed {seed}"
        process = subprocess.Popen([command, *words.split()], stdout=subprocess.DEVNULL, cwd=name)
        try:
            _until_it_answers(url)
            repositories = f"{BOT_GITHUB}/ops", f"{BOT_GITHUB}/postmortems"
            owner = Caller(url, signed_in(f"token {SERVICE}"))
            for each in repositories:
                owner("PUT", f"/repos/{each}/collaborators/kim", {"permission": "admin"})
            with LISTENER.hearing(Server(f"{url}/", GITHUB, "/")):
                yield GitHub(url, *repositories, PERSON, SERVICE, a_mark())
        finally:
            process.terminate()
            process.wait()


_SEED = f"""\
tokens:
  {SERVICE}: {{login: {BOT_GITHUB}, scopes: [repo, "admin:repo_hook"]}}
  {PERSON}: {{login: kim, scopes: [repo]}}
github:
  users:
    - {{login: {BOT_GITHUB}, name: Followthrough, email: {BOT_EMAIL}}}
    - {{login: kim, name: Kim Ito, email: {KIM_EMAIL}}}
  repos:
    - {{owner: {BOT_GITHUB}, name: ops, auto_init: true}}
    - {{owner: {BOT_GITHUB}, name: postmortems, auto_init: true}}
"""


def _until_it_answers(url: str) -> None:
    give_up_at = time.monotonic() + 30
    while True:
        try:
            requests.get(f"{url}/meta", timeout=5)
        except requests.ConnectionError:
            assert time.monotonic() < give_up_at, "emulate does not answer"
            time.sleep(0.1)
        else:
            return


def a_mark() -> str:
    """Letters that no commit's name consists of: those are made inert in texts."""
    return "run" + "".join(choices("ghjkmnpqrstvwxyz", k=8))


_FOUND: dict[str, Callable[[], AbstractContextManager[Ground]]] = {
    "sandbox's GitHub": sandbox_github,
    "sandbox's Jira Cloud": sandbox_jira("cloud"),
    "sandbox's Jira Data Center": sandbox_jira("datacenter"),
    "sandbox's Jira and Confluence Cloud": sandbox_jira("cloud", confluence=True),
    "sandbox's Jira and Confluence Data Center": sandbox_jira("datacenter", confluence=True),
    "emulate's GitHub": emulated,
}

#: With LIVE=true, those that the environment lends, and no others.
GROUNDS = list(_FOUND)
if os.environ.get("LIVE") == "true":
    GROUNDS = list(live.lent()) or [live.NOTHING]


def opened(name: str) -> AbstractContextManager[Ground]:
    """Raises NotLent where nothing is."""
    return _FOUND[name]() if name in _FOUND else live.of_name(name)(a_mark())
