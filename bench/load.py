"""The sender: signed webhooks over connections that are kept, as fast as they are answered.

A process of its own, and a lean one, so that it is not what is measured: bytes are built once,
an answer is read no further than its status and length. Like Jira, it sends a delivery again
under the same id when the answer did not come or was a server error.

    python -m bench.load PORT CONNECTIONS SECONDS MOST RUN > answers

It begins nothing new after so many seconds or deliveries, or once it is sent SIGTERM, and ends
when what is on its way is answered.

Each line of its output is one final answer: connection, delivery id, status, milliseconds from
the first byte sent to the last byte read, how often it was sent.
"""

from __future__ import annotations

import selectors
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from itertools import cycle

from bench.payloads import Signed, signed

PAUSE = 0.02  # seconds between two attempts to connect
GIVE_UP = 15.0  # seconds after the end for what is still on its way


@dataclass
class Line:
    """One connection, and the delivery that is on its way over it."""

    socket: socket.socket | None = None
    webhook: Signed | None = None
    id: str = ""
    started: float = 0.0
    sent: int = 0
    answer: bytes = b""


@dataclass
class Sender:
    port: int
    most: int
    run: str
    end: float
    out: list[str] = field(default_factory=list)
    count: int = 0
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def __post_init__(self) -> None:
        self._webhooks = cycle(signed())

    def drive(self, connections: int) -> None:
        lines = [Line() for _ in range(connections)]
        for line in lines:
            self._next(line)
        while any(line.webhook for line in lines) and time.monotonic() < self.end + GIVE_UP:
            for key, _ in self.selector.select(PAUSE):
                self._read(key.data)
            for line in lines:
                if line.webhook is not None and line.socket is None:
                    self._send(line)

    def finish(self) -> None:
        """Begin nothing new."""
        self.end = time.monotonic()

    def _next(self, line: Line) -> None:
        """Put the next delivery on this line, if there is one to come."""
        if self.count >= self.most or time.monotonic() >= self.end:
            line.webhook = None
            return
        self.count += 1
        line.webhook, line.id, line.sent = next(self._webhooks), f"{self.run}-{self.count:08}", 0
        self._send(line)

    def _send(self, line: Line) -> None:
        assert line.webhook is not None
        try:
            if line.socket is None:
                line.socket = socket.create_connection(("127.0.0.1", self.port), timeout=5)
                line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.selector.register(line.socket, selectors.EVENT_READ, line)
            line.answer, line.started, line.sent = b"", time.monotonic(), line.sent + 1
            line.socket.sendall(line.webhook.request(line.id))
        except OSError:
            self._broken(line)

    def _broken(self, line: Line) -> None:
        if line.socket is not None:
            self.selector.unregister(line.socket)
            line.socket.close()
        line.socket = None

    def _read(self, line: Line) -> None:
        assert line.socket is not None
        try:
            got = line.socket.recv(4096)
        except OSError:
            got = b""
        if not got:
            self._broken(line)
            return
        line.answer += got
        head, end, body = line.answer.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        status = head[9:12].decode()
        if status >= "500":
            self._send(line)
            return
        assert line.webhook is not None
        spent = (time.monotonic() - line.started) * 1000
        self.out.append(f"{line.webhook.connection} {line.id} {status} {spent:.3f} {line.sent}")
        self._next(line)


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length: ")
    return int(rest.partition(b"\r\n")[0] or b"0")


def main() -> None:
    port, connections, seconds, most, run = sys.argv[1:]
    sender = Sender(int(port), int(most), run, time.monotonic() + float(seconds))
    signal.signal(signal.SIGTERM, lambda *_: sender.finish())
    sender.drive(int(connections))
    sys.stdout.write("\n".join([*sender.out, ""]))


if __name__ == "__main__":
    main()
