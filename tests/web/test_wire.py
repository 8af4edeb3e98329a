"""What the real web process answers to bytes that no well-behaved sender sends."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator

import pytest

from bench.door import WebProcess
from bench.payloads import Signed, signed

MIB = 2**20
JIRA, GITHUB = signed()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    process = WebProcess(tmp_path_factory.mktemp("web"))
    process.start()
    yield process
    process.stop()


def answer(web: WebProcess, *parts: bytes) -> tuple[int, bytes]:
    """Send these parts over a new connection; status and body of what comes back, however much
    of the parts the other side wanted to read."""
    with socket.create_connection(("127.0.0.1", web.port), timeout=20) as line:
        try:
            for part in parts:
                line.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered and hung up
        got = b""
        while not _whole(got) and (more := line.recv(65536)):
            # which may come alone or together with the answer that follows it
            got = (got + more).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    head, _, body = got.partition(b"\r\n\r\n")
    assert head, "silence"
    return int(head[9:12]), body


def _whole(got: bytes) -> bool:
    head, end, body = got.lower().partition(b"\r\n\r\n")
    length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return bool(end) and bool(length) and len(body) >= int(length)


def request(webhook: Signed, name: str, *extra: str, length: bool = True) -> bytes:
    """The request's head with further lines, and its body when `length` is told."""
    whole = webhook.request(name)
    head, _, body = whole.partition(b"\r\n\r\n")
    lines = [
        line
        for line in head.split(b"\r\n")
        if length or not line.lower().startswith(b"content-length")
    ]
    lines += [line.encode("latin-1") for line in extra]
    return b"\r\n".join([*lines, b"", b""]) + (body if length else b"")


def recorded(web: WebProcess, name: str) -> int:
    connection = sqlite3.connect(web.database)
    query = "SELECT count(*) FROM deliveries WHERE delivery_id = ? OR delivery_id LIKE ? || ',%'"
    [(count,)] = connection.execute(query, (name, name)).fetchall()
    connection.close()
    return int(count)


def still_serves(web: WebProcess) -> None:
    assert answer(web, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")[0] == 200


def chunks(body: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    yield b"0\r\n\r\n"


@pytest.mark.parametrize("webhook", [JIRA, GITHUB], ids=lambda each: each.connection)
def test_a_body_in_chunks_without_a_length_is_taken(web: WebProcess, webhook: Signed) -> None:
    head = request(webhook, "chunked", "Transfer-Encoding: chunked", length=False)
    status, _ = answer(web, head, *chunks(webhook.body, 1000))
    assert status == 202
    assert recorded(web, "chunked")


def test_30_mb_that_say_so_are_413_and_unread(web: WebProcess) -> None:
    head = request(GITHUB, "large", f"Content-Length: {30 * MIB}", length=False)
    status, words = answer(web, head, *[b"x" * MIB] * 30)
    assert (status, words.strip()) == (413, b'{"status": "larger than 25 MiB"}')
    assert not recorded(web, "large")
    still_serves(web)


def test_30_mb_in_chunks_are_413(web: WebProcess) -> None:
    head = request(GITHUB, "large", "Transfer-Encoding: chunked", length=False)
    status, words = answer(web, head, *chunks(b"x" * (30 * MIB), MIB))
    assert (status, words.strip()) == (413, b'{"status": "larger than 25 MiB"}')
    still_serves(web)


@pytest.mark.parametrize(
    "line",
    [
        "X-GitHub-Delivery: another",
        "X-GitHub-Event: push",
        "X-Hub-Signature-256: sha256=00",
        "Content-Type: text/html",
        "Content-Length: 5",
        "Host: elsewhere.example",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: nonsense",
        "X-Folded: a\r\n b",
        "X-Injected: a\nX-GitHub-Event: push",
        "X-Nul: a\x00b",
        "No colon here",
        ": no name",
        "X-Latin: \xfc",
        "X-Long: " + "x" * 100_000,
        "Expect: 100-continue",
        "Expect: the-unexpected",
        "Cookie: followthrough=" + "x" * 3000,
        'Forwarded: for="_mallory";proto=gopher',
        "Content-Encoding: gzip",
        "Upgrade: websocket",
        "X-HTTP-Method-Override: DELETE",
    ],
    ids=lambda line: line[:24].strip(),
)
def test_a_further_header_line_leads_to_no_5xx_and_no_silence(web: WebProcess, line: str) -> None:
    name = f"line-{sum(line.encode())}"
    status, _ = answer(web, request(GITHUB, name, line))
    assert 200 <= status < 500
    assert recorded(web, name) == (status == 202)
    still_serves(web)


@pytest.mark.parametrize(
    "start",
    [
        "POST /webhooks/nobody HTTP/1.1",
        "POST /webhooks/ HTTP/1.1",
        "POST /webhooks/acme-github/deeper HTTP/1.1",
        "POST /webhooks/acme-github%00 HTTP/1.1",
        "POST /webhooks/%ff%fe HTTP/1.1",
        "POST /webhooks/..%2f..%2fetc%2fpasswd HTTP/1.1",
        "POST /webhooks/" + "x" * 5000 + " HTTP/1.1",
        "GET /webhooks/acme-github HTTP/1.1",
        "DELETE /webhooks/acme-github HTTP/1.1",
        "BREW /webhooks/acme-github HTTP/1.1",
        "CONNECT acme-github:443 HTTP/1.1",
        "POST http://elsewhere.example/webhooks/nobody HTTP/1.1",
        "POST /webhooks/acme-github HTTP/9.9",
        "nonsense",
    ],
    ids=lambda start: start[:40],
)
def test_a_request_to_somewhere_else_is_refused(web: WebProcess, start: str) -> None:
    rest = request(GITHUB, "elsewhere").partition(b"\r\n")[2]
    status, _ = answer(web, start.encode() + b"\r\n" + rest)
    assert 400 <= status < 500
    assert not recorded(web, "elsewhere")
    still_serves(web)


def test_a_delivery_that_ends_early_is_not_recorded(web: WebProcess) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=20) as line:
        line.sendall(request(GITHUB, "short")[:-100])
    still_serves(web)
    assert not recorded(web, "short")
