"""Real processes, watched as in operation: readiness, metrics, log lines, traces to a collector."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from stage import free_port
from unanswered import HOOKED

pytestmark = pytest.mark.wide

PATIENT = 60.0  # seconds until a test gives up
HOOK = "hook-secret-83bd"
TRACKER = "tracker-token-83bd"
SCRAPER = "scrape-token-83bd"

RECEIVED = 'followthrough_deliveries{connection="acme-github",state="received"}'
REFUSED = 'followthrough_tracker_calls_total{connection="acme-github",method="GET",status="0"}'


class Collector:
    """Takes spans by OTLP over HTTP, as a collector does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[tuple[str, str]] = []
        collector = self

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def take(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces"
        told = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            for resource in told.resource_spans:
                for scope in resource.scope_spans:
                    self._spans += [(each.trace_id.hex(), each.name) for each in scope.spans]

    def traces(self) -> dict[str, set[str]]:
        """The names of the spans of each trace."""
        with self._lock:
            found: dict[str, set[str]] = {}
            for trace, name in self._spans:
                found.setdefault(trace, set()).add(name)
            return found


class Processes:
    """A web process and as many workers as are started, each with its own log."""

    def __init__(self, directory: Path, collector: str) -> None:
        self.directory = directory
        self.url = f"http://127.0.0.1:{free_port()}"
        (directory / "rules.yaml").write_text(HOOKED)
        kept = {name: value for name, value in os.environ.items() if "FOLLOWTHROUGH" not in name}
        self.environ = {
            **kept,
            "ACME_TOKEN": TRACKER,
            "ACME_HOOK": HOOK,
            "FOLLOWTHROUGH_PORT": self.url.rpartition(":")[2],
            "FOLLOWTHROUGH_POLL_SECONDS": "3600",
            "FOLLOWTHROUGH_LOG": "json",
            "FOLLOWTHROUGH_METRICS_TOKEN": SCRAPER,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }

    @contextmanager
    def running(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "service", name, "--rules", "rules.yaml"],
                cwd=self.directory,
                env=self.environ,
                stderr=log,
            )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENT)

    def log(self, name: str) -> list[dict[str, Any]]:
        text = (self.directory / f"{name}.log").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def get(self, path: str, token: str = "") -> requests.Response | None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            return requests.get(self.url + path, headers=headers, timeout=10)
        except requests.ConnectionError:
            return None

    def status(self, path: str) -> int:
        answer = self.get(path)
        return 0 if answer is None else answer.status_code

    def measured(self, name: str) -> float:
        answer = self.get("/metrics", SCRAPER)
        assert answer is not None
        [value] = re.findall(rf"^{re.escape(name)} (\S+)$", answer.text, re.MULTILINE)
        return float(value)

    def deliver(self, id: str) -> int:
        body = json.dumps({"action": "opened", "zen": "words of a ticket"}).encode()
        signature = hmac.new(HOOK.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "X-GitHub-Delivery": id,
            "X-GitHub-Event": "issues",
            "X-Hub-Signature-256": f"sha256={signature}",
            "Content-Type": "application/json",
        }
        url = f"{self.url}/webhooks/acme-github"
        return requests.post(url, body, headers=headers, timeout=10).status_code


def until(holds: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + PATIENT
    while not holds():
        assert time.monotonic() < give_up_at, "it never came true"
        time.sleep(0.05)


def test_web_and_worker_are_watched_as_one_service(tmp_path: Path) -> None:
    collector = Collector()
    processes = Processes(tmp_path, collector.url)

    with ExitStack() as started:
        started.callback(collector.server.shutdown)
        started.enter_context(processes.running("web"))
        until(lambda: processes.status("/healthz") == 200)
        assert processes.status("/readyz") == 503
        assert processes.status("/readyz?exclude=worker") == 200
        assert processes.deliver("guid-1") == 202
        assert processes.measured("followthrough_workers") == 0
        assert processes.measured(RECEIVED) == 1
        with processes.running("worker"):
            until(lambda: processes.status("/readyz") == 200)
            assert processes.measured("followthrough_workers") == 1
            until(lambda: {"webhook", "job delivery"} in collector.traces().values())
            assert processes.measured(RECEIVED) == 0
        # who ends says so, and is not waited for
        until(lambda: processes.status("/readyz") == 503)
        assert processes.measured("followthrough_workers") == 0
        refused = (
            'followthrough_tracker_calls_total{connection="acme-github",method="GET",status="0"}'
        )
        assert (
            processes.measured(refused) > 0
        )  # nobody listens there; the last counts came at its end
    lines = processes.log("worker") + processes.log("web")
    assert [each["event"] for each in lines if each["event"] == "worker started"]
    failed = [each for each in lines if each["event"] == "call"]
    assert failed
    assert all(each["job"] and each["connection"] == "acme-github" for each in failed)
    everything = "".join((tmp_path / f"{name}.log").read_text() for name in ("web", "worker"))
    assert not [secret for secret in (HOOK, TRACKER, SCRAPER) if secret in everything]


def test_a_collector_that_is_away_keeps_nobody_from_working(tmp_path: Path) -> None:
    processes = Processes(tmp_path, f"http://127.0.0.1:{free_port()}")
    with processes.running("web"), processes.running("worker"):
        until(lambda: processes.status("/readyz") == 200)
        assert processes.deliver("guid-1") == 202
        until(lambda: processes.measured(RECEIVED) == 0)
