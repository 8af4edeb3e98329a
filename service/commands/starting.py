"""What must hold before a process of the service is started: a free port, and a data directory
that no other `followthrough up` works with."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from config.rules import Rules
from config.settings import Settings
from service import traces
from service.commands.reading import give_up
from service.container.refusals import of_present, of_privacy
from service.data import UnusableData, data_directory

LOCK = "up.lock"


def need_port(settings: Settings) -> None:
    """Give up unless the web process can listen where the settings say.

    Granian listens with SO_REUSEPORT, so a second server would start without a word and get a
    part of the requests. We bind without it: a port that somebody listens on is refused.
    SO_REUSEADDR lets one through that was only just left (`man 7 socket`).
    """
    where = f"Port {settings.port} on {settings.host}"
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            give_up(f"{where} is in use; stop what listens there or set FOLLOWTHROUGH_PORT.")
        give_up(
            f"{where} cannot be listened on: {error.strerror}.",
            "Set FOLLOWTHROUGH_HOST to an address of this machine, FOLLOWTHROUGH_PORT to a port"
            " that this user may open.",
        )


def need_privacy(rules: Rules) -> None:
    """Give up when the rules send what only some may read to where everybody may."""
    _give_up_over(of_privacy(rules))


def need_traces() -> None:
    """Give up when traces are asked for and cannot be sent."""
    try:
        traces.wanted()
    except traces.CannotTrace as error:
        give_up(str(error), "Nothing was started.")


def need_present(settings: Settings, rules: Rules) -> None:
    """Give up when a clock's file is named and a tracker is not played on this machine."""
    _give_up_over(of_present(settings, rules))


def _give_up_over(refusals: Sequence[str]) -> None:
    if refusals:
        give_up(*refusals, "Nothing was started.")


@contextmanager
def data_taken(settings: Settings) -> Iterator[None]:
    """While `up` works with its data directory; gives up if another one does, and says which.

    The lock ends with the process that holds it, however that ends; the file stays. Raises
    UnusableData.
    """
    path = data_directory(settings).absolute() / LOCK
    try:
        file = path.open("a+")
    except OSError as error:
        raise UnusableData(f"{path} cannot be opened: {error.strerror}.") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another one"
            give_up(
                f"Followthrough works with {path.parent} already: {holder}.",
                "Stop that one, or set FOLLOWTHROUGH_DATA to another directory.",
            )
        except OSError as error:  # a file system without locks; the database needs them, too
            raise UnusableData(f"{path} cannot be locked: {error.strerror}.") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield
