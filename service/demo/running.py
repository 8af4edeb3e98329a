"""The real service as the demo runs it: `followthrough up` in processes of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from service.demo.ground import Ground

START_WITHIN = 60.0  # seconds until the web process must answer
STOP_WITHIN = 40.0  # seconds until it is killed; `up` itself gives its processes 30


class DidNotStart(Exception):
    """The service ended or was silent; the message says what it wrote last."""


@contextmanager
def running(ground: Ground) -> Iterator[str]:
    """The service at work; gives its address. When the block ends it is stopped, whatever
    happened in there. Raises DidNotStart."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    environment = _environment(ground) | {"FOLLOWTHROUGH_PORT": str(port)}
    with ground.log.open("wb") as log:
        # A session of its own: Ctrl-C in the terminal reaches the demo alone, which then asks
        # the service to stop in order.
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "up", "--end-with-parent"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_it_answers(process, url, ground.log)
        yield url
    finally:
        _stop(process)


def command(ground: Ground, *words: str) -> str:
    """What a `followthrough` command says about this demo."""
    done = subprocess.run(
        [sys.executable, "-m", "service", *words],
        env=_environment(ground),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def last_lines(log: Path, count: int = 15) -> str:
    """The end of the service's log."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-count:])


def _environment(ground: Ground) -> dict[str, str]:
    """Ours, without the settings of whatever other installation lives in this shell."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith("FOLLOWTHROUGH_")}
    return kept | ground.environment()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    give_up_at = time.monotonic() + START_WITHIN
    while time.monotonic() < give_up_at:
        if process.poll() is not None:
            words = f"The service ended at once (code {process.returncode})."
            raise DidNotStart(f"{words}\n{last_lines(log)}")
        try:
            if requests.get(f"{url}/healthz", timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.05)
    raise DidNotStart(f"The service did not answer in {START_WITHIN:.0f} s.\n{last_lines(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
