"""The image and the composition, as far as they can be tried without an engine: the Dockerfile's
steps are performed in a directory, and what it would start is started, by somebody who may write
nowhere but in its data."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import yaml
from jsonschema import Draft202012Validator
from stage import free_port
from unanswered import RULES

from config.settings import SETTINGS
from service.commands.all import followthrough

ROOT = Path(__file__).parents[2]
NOBODY = 65534
PATIENT = 60.0  # seconds until a test gives up


@dataclass
class Image:
    """What the Dockerfile says: its steps in order, and of the last stage what it starts."""

    steps: list[tuple[str, str]] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)

    def last(self, instruction: str) -> str:
        return [words for name, words in self.steps if name == instruction][-1]

    def started(self) -> list[str]:
        found: list[str] = json.loads(self.last("ENTRYPOINT"))
        return found

    def health(self) -> list[str]:
        found: list[str] = json.loads(self.last("HEALTHCHECK").partition("CMD ")[2])
        return found


@cache
def image() -> Image:
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    made = Image()
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, words = line.partition(" ")
            made.steps.append((name, words.strip()))
            if name == "ENV":
                made.environ |= dict(pair.split("=", 1) for pair in words.split())
    return made


@cache
def composition() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return found


def ours() -> dict[str, dict[str, Any]]:
    """The services that run our image."""
    every = composition()["services"]
    return {name: each for name, each in every.items() if each["image"] == "followthrough"}


# --- what they say ----------------------------------------------------------------------------


def test_the_composition_is_what_the_specification_allows() -> None:
    found = find_spec("check_jsonschema")  # not imported: it is there for what it keeps
    if found is None or found.origin is None:
        assert os.environ.get("CI") != "true", "not installed: check-jsonschema"
        pytest.skip("not installed: check-jsonschema")
    kept = Path(found.origin).parent / "builtin_schemas" / "vendor"
    schema = json.loads((kept / "compose-spec.json").read_text())
    problems = [error.message for error in Draft202012Validator(schema).iter_errors(composition())]
    assert problems == []
    assert list(Draft202012Validator(schema).iter_errors({"services": {"web": {"comand": []}}}))


def test_every_service_has_as_little_as_it_needs() -> None:
    for name, service in composition()["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert ":" in service["image"] or service["image"] == "followthrough", name
    published = [n for n, each in composition()["services"].items() if "ports" in each]
    assert published == ["web"]
    assert ours()["worker"]["deploy"]["replicas"] == 2
    assert composition()["networks"]["inside"] == {"internal": True}


def test_postgresql_counts_as_there_only_once_others_reach_it() -> None:
    check = composition()["services"]["postgres"]["healthcheck"]["test"]
    assert check[check.index("--host") + 1] == "127.0.0.1"


def test_what_it_is_told_are_settings_and_secrets_are_files() -> None:
    names = {setting.name for setting in SETTINGS}
    told = {name for each in ours().values() for name in each["environment"]}
    told |= {name for name in image().environ if name.startswith("FOLLOWTHROUGH_")}
    assert {name.removesuffix("_FILE") for name in told} <= names
    for service in composition()["services"].values():
        for name, value in service.get("environment", {}).items():
            if str(value).startswith("/run/secrets/"):
                assert Path(value).name in service["secrets"], name
    assert all(each["file"].startswith("secrets/") for each in composition()["secrets"].values())


def test_each_command_that_is_started_is_one_of_ours() -> None:
    started = [json.loads(image().last("CMD")), *(each["command"] for each in ours().values())]
    assert started == [["up"], ["web"], ["worker"]]
    assert all(command[0] in followthrough.commands for command in started)


def test_secrets_that_lie_about_do_not_get_into_the_image() -> None:
    for name in ("secrets/admin-token", "rules.yaml", ".env", "followthrough-data/admin-token"):
        assert not in_context(name)


def in_context(name: str) -> bool:
    """Whether a file is sent to whoever builds: https://docs.docker.com/build/concepts/context/#dockerignore-files"""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.strip().removeprefix("!")
        if pattern and not pattern.startswith("#"):
            parts = [name, *(str(each) for each in Path(name).parents)]
            deep = pattern.removeprefix("**/")
            if any(fnmatch.fnmatch(part, pattern) for part in parts) or (
                deep != pattern and deep in Path(name).parts
            ):
                sent = line.startswith("!")
    return sent


# --- what they do -----------------------------------------------------------------------------


class Built:
    """The image's file system, in a directory that its user may read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.venv, self.data, self.etc = root / "venv", root / "data", root / "etc"
        self._build(root / "app")
        shutil.rmtree(root / "app")  # it is of another stage
        self.data.mkdir()
        self.etc.mkdir()
        (self.etc / "rules.yaml").write_text(RULES)
        self.user: dict[str, Any] = {}
        if os.getuid() == 0 and _others_may_run(self.venv / "bin" / "python"):
            os.chown(self.data, NOBODY, NOBODY)
            self.user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        self.environ = {"ACME_TOKEN": "a-token", "HOME": str(self.data)}
        for name, value in image().environ.items():
            self.environ[name] = self.here(value).replace("$PATH", os.defpath)
        self.port = free_port()
        self.environ |= {
            "FOLLOWTHROUGH_PORT": str(self.port),
            "FOLLOWTHROUGH_HOST": "127.0.0.1",
            "FOLLOWTHROUGH_LOG": "human",
        }

    def here(self, words: str) -> str:
        """The same, with what the image has at its root."""
        words = words.replace("/etc/followthrough", str(self.etc))
        return re.sub(r"(?<![\w.])/(venv|data)\b", rf"{self.root}/\1", words)

    def _build(self, app: Path) -> None:
        app.mkdir()
        python = getattr(sys, "_base_executable", sys.executable)
        for name, words in image().steps:
            if name == "COPY" and not words.startswith("--from"):
                *sources, target = words.split()
                for source in sources:
                    self._copy(source, app / target)
            elif name == "RUN" and "/venv" in words:
                # The downloads of others are as good as new ones: each has its hash.
                words = words.replace("--no-cache-dir", "--disable-pip-version-check --quiet")
                words = self.here(re.sub(r"^python ", f"{python} ", words))
                done = subprocess.run(
                    ["sh", "-ec", words], cwd=app, env=_bare(), capture_output=True, check=False
                )
                assert done.returncode == 0, done.stderr.decode()[-2000:]

    def _copy(self, source: str, target: Path) -> None:
        whole = ROOT / source
        if whole.is_file():
            assert in_context(source), source
            shutil.copy(whole, target / whole.name if target.is_dir() else target)
            return
        for file in whole.rglob("*"):
            name = str(file.relative_to(ROOT))
            if file.is_file() and in_context(name):
                to = target / file.relative_to(whole)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, to)

    def ask(self, *words: str) -> str:
        """What a command of the image says."""
        done = subprocess.run(
            words,
            cwd=self.data,
            env=self.environ,
            capture_output=True,
            timeout=PATIENT,
            check=False,
            **self.user,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout.decode())

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """While what the image starts with these words runs."""
        output = (self.root / "output").open("ab")
        process = subprocess.Popen(
            [*image().started(), *words],
            cwd=self.data,
            env=self.environ,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **self.user,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            output.close()

    def is_up(self, *processes: subprocess.Popen[bytes]) -> None:
        """Waits until web and worker are there."""
        give_up_at = time.monotonic() + PATIENT
        while not (self._answers() and "worker started" in self.said()):
            assert all(process.poll() is None for process in processes), self.said()
            assert time.monotonic() < give_up_at, self.said()
            time.sleep(0.1)

    def said(self) -> str:
        return (self.root / "output").read_text()

    def is_well(self) -> None:
        """By the health check of the image."""
        self.ask(*(word.replace(":8750/", f":{self.port}/") for word in image().health()))

    def written(self) -> set[Path]:
        """The files outside of the data."""
        return {file for part in (self.venv, self.etc) for file in part.rglob("*")}

    def _answers(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, ConnectionError, TimeoutError):
            return False


def _others_may_run(file: Path) -> bool:
    """Whether it is what it points to where everybody may go; a Python of root's own is not."""
    return all(each.stat().st_mode & 0o005 == 0o005 for each in file.resolve().parents)


def _bare() -> dict[str, str]:
    """The environment without what would let the sources of this directory be imported."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("PYTHON", "FOLLOWTHROUGH"))}
    return kept


@pytest.mark.wide
@pytest.mark.timeout(300)
def test_what_the_image_is_made_of_runs_as_somebody_else_and_writes_its_data_only() -> None:
    with tempfile.TemporaryDirectory(prefix="image-") as directory:
        root = Path(directory)
        root.chmod(0o755)  # unlike what pytest gives, for others to enter
        built = Built(root)
        before = built.written()
        assert "followthrough, version" in built.ask(*image().started(), "--version")
        stop = getattr(signal, image().last("STOPSIGNAL"))
        with built.running(*json.loads(image().last("CMD"))) as up:
            built.is_up(up)
            built.is_well()
            up.send_signal(stop)
            assert up.wait(PATIENT) == 0, built.said()
        (root / "output").unlink()
        web, worker = (each["command"] for each in ours().values())
        with built.running(*web) as first, built.running(*worker) as second:
            built.is_up(first, second)
            built.is_well()
            for each in (first, second):
                each.send_signal(stop)
            assert [each.wait(PATIENT) for each in (first, second)] == [0, 0], built.said()
        assert built.written() == before
        built.ask(*image().started(), "backup", str(built.data / "backup"))
