"""`followthrough up`, `web` and `worker`: the processes of the service."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import click
import structlog
from flask import Flask

from config.rules import Rules
from config.secrets import Secret, in_address
from config.settings import Settings
from config.watching import WatchedRules
from service import logs, traces
from service.commands.reading import data_in_use, read_rules, rules_option
from service.commands.starting import data_taken, need_port, need_present, need_privacy, need_traces
from service.commands.working import taking, work
from service.container import build, open_store, web_of
from service.container.live import LiveWeb
from service.data import admin_token, token_file
from service.ruling import Ruling, this_process

STOP_WITHIN = 30.0  # seconds for a child to end after it was asked; more than the worker's drain
LOOK_EVERY = 0.2  # seconds between two looks at the children, or at the parent
BLOCKING_THREADS = 16  # each is one webhook that waits to be on disk; they share a commit

log = structlog.get_logger(__name__)

_child_option = click.option("--end-with-parent", is_flag=True, hidden=True)


@click.command()
@rules_option
@_child_option
def web(rules_file: Path | None, end_with_parent: bool) -> None:
    """Start the web process: webhooks in, pages out."""
    settings, _ = _read(rules_file)
    need_port(settings)
    need_traces()
    with data_in_use():
        open_store(settings).close()  # in the process that serves, a fault would be a traceback
    if end_with_parent:
        watch_parent(_ask_to_stop)
    serve(settings, "service.commands.run:web_application")


def serve(settings: Settings, application: str) -> None:
    """Answer requests until a signal ends it; `application` names what makes the application, in
    the process that the web server starts for it."""
    from granian import Granian  # slow to import, and wanted only here
    from granian.constants import Interfaces

    # One process of several threads: on SQLite there is one writer at a time, and its lock is
    # per process. Granian's embedded server knows no WSGI.
    Granian(
        application,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=1,
        blocking_threads=BLOCKING_THREADS,
        log_enabled=False,
        workers_kill_timeout=10,
    ).serve()


def web_application() -> Flask:
    """The application, in the process that the web server starts for it."""
    settings, rules = _read(None)
    # If the server is killed, this process would go on holding its port.
    watch_parent(lambda: os._exit(1))
    redact = logs.configure(settings.log, known_secrets(settings, rules))
    from service.app import create_app

    traces.begin()
    store = open_store(settings)
    web = LiveWeb(web_of(settings, rules, store), lambda found: web_of(settings, found, store))
    made = create_app(web)
    watched = WatchedRules(settings.rules, rules)
    Ruling(store, watched, this_process("web"), taking(web.take, redact)).start()
    without_long_pauses()
    return made


def without_long_pauses() -> None:
    """What is there by now stays: the garbage collector need not look through all of it again in
    the middle of a request, which took 100 to 150 ms of one in thirty.
    https://docs.python.org/3/library/gc.html#gc.freeze"""
    gc.collect()
    gc.freeze()


@click.command(short_help="Start a worker.")
@rules_option
@_child_option
def worker(rules_file: Path | None, end_with_parent: bool) -> None:
    """Start a worker: reads tickets, decides, and does what was decided."""
    stop = threading.Event()
    _on_stop_signals(lambda *_: stop.set())
    settings, rules = _read(rules_file)
    with data_in_use():
        redact = logs.configure(settings.log, known_secrets(settings, rules))
        need_present(settings, rules)
        need_traces()
        if not end_with_parent:  # `up` has looked before it started us
            need_privacy(rules)
        container = build(settings, rules)
    if end_with_parent:
        watch_parent(stop.set)
    work(container, redact, stop)


@click.command(short_help="Start the whole service on this machine.")
@rules_option
@_child_option
def up(rules_file: Path | None, end_with_parent: bool) -> None:
    """Start the whole service on this machine: a web process and a worker."""
    stop = threading.Event()
    _on_stop_signals(lambda *_: stop.set())
    settings, rules = _read(rules_file)
    if end_with_parent:
        watch_parent(stop.set)
    with data_in_use(), data_taken(settings):
        need_port(settings)
        logs.configure(settings.log, known_secrets(settings, rules))
        need_present(settings, rules)
        need_privacy(rules)
        need_traces()
        admin_token(settings)  # made before anybody looks for it
        if not stop.is_set():
            _run(settings, stop)


def _run(settings: Settings, stop: threading.Event) -> None:
    """The processes, until `stop` or until one of them ends by itself."""
    children = {name: _start(name) for name in ("web", "worker")}
    address = settings.public_url or f"http://{settings.host}:{settings.port}"
    click.echo(f"Followthrough is at {address}")
    if settings.admin_token is None:
        click.echo(f"The token for its pages is in {token_file(settings)}")
    click.echo("Ctrl-C stops it.")
    ended = None
    while ended is None and not stop.wait(LOOK_EVERY):
        ended = next((name for name, child in children.items() if child.poll() is not None), None)
    if ended is not None:
        code = children[ended].returncode
        click.echo(f"The {ended} process ended by itself (code {code}); stopping.", err=True)
    _stop(list(children.values()))
    if ended is not None:
        raise SystemExit(1)


def _start(name: str) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in a terminal reaches us alone, and we pass it on once. With -P
    # our modules are not looked for in the working directory, which may hold somebody's config.py.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "service", name, "--end-with-parent"], start_new_session=True
    )


def _stop(children: list[subprocess.Popen[bytes]]) -> None:
    """Ask all to end, wait for them, and kill those that do not."""
    for child in children:
        with suppress(ProcessLookupError):
            child.terminate()
    give_up_at = time.monotonic() + STOP_WITHIN
    for child in children:
        try:
            child.wait(max(give_up_at - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _read(rules_file: Path | None) -> tuple[Settings, Rules]:
    """Settings and rules, as `read_rules`. `rules_file` becomes FOLLOWTHROUGH_RULES, for us and
    for the processes that we start."""
    if rules_file is not None:
        os.environ["FOLLOWTHROUGH_RULES"] = str(rules_file)
    return read_rules(None)


def known_secrets(settings: Settings, rules: Rules) -> set[str]:
    """Every secret value that this installation knows: what the log masks."""
    given = [settings.metrics_token] if settings.metrics_token else []
    known = {secret.reveal() for secret in (admin_token(settings), *given, *rules.secrets)}
    for address in (Secret(settings.database_url), settings.broker_url):
        known |= in_address(address) if address is not None else set()
    return known


def _on_stop_signals(handle: Callable[[int, FrameType | None], Any]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


def _ask_to_stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def watch_parent(when_gone: Callable[[], object]) -> None:
    """Call `when_gone` once the process that started us is no more: even one that was killed
    leaves nobody behind."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_EVERY)
        when_gone()

    threading.Thread(target=watch, name="parent watch", daemon=True).start()
