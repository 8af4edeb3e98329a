"""Requests that reach an application in this process without a socket: the same bytes at the edge
of HTTP, for a part of the time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPMessage
from io import BytesIO
from itertools import count
from typing import Any, ClassVar, cast
from unittest import mock
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse
from werkzeug.datastructures import Headers
from werkzeug.test import run_wsgi_app

WSGI = Callable[..., Any]

#: Is told of a request that was answered, before whoever asked gets the answer.
Heard = Callable[[str, str], None]


class Address:
    """Where an application listens in this process: at the lowest address that is free, so that a
    story has the same each time that it is told; or at the `url` at which it listens for other
    processes. Give it back with `release`."""

    _taken: ClassVar[dict[str, WSGI | None]] = {}

    def __init__(self, url: str = "") -> None:
        urls = (f"http://127.0.0.1:{port}" for port in count(7001))
        self.url = url or next(url for url in urls if url not in self._taken)
        self._taken[self.url] = None

    def serve(self, application: WSGI) -> None:
        self._taken[self.url] = application

    def hang_up(self) -> None:
        """Nobody listens any more."""
        self._taken[self.url] = None

    def release(self) -> None:
        del self._taken[self.url]

    @classmethod
    def send(
        cls, adapter: HTTPAdapter, request: requests.PreparedRequest, *given: Any, **more: Any
    ) -> requests.Response:
        """What is sent to one of these addresses is answered by what listens there; everything
        else goes its usual way."""
        parts = urlsplit(request.url or "")
        url = f"{parts.scheme}://{parts.netloc}"
        if url not in cls._taken:
            return _SEND(adapter, request, *given, **more)
        if (listening := cls._taken[url]) is None:
            raise requests.ConnectionError(f"nobody listens at {url}")
        return _answered(listening, request)


_SEND = HTTPAdapter.send


def install(patch: pytest.MonkeyPatch) -> None:
    """Have requests sent to these addresses, for as long as `patch` holds."""

    def send(
        adapter: HTTPAdapter, request: requests.PreparedRequest, *given: Any, **more: Any
    ) -> requests.Response:
        return Address.send(adapter, request, *given, **more)

    patch.setattr(HTTPAdapter, "send", send)


@contextmanager
def overheard(heard: Heard | None) -> Iterator[None]:
    """`heard` is told the method and the path of each request."""
    real = HTTPAdapter.send

    def send(
        adapter: HTTPAdapter, request: requests.PreparedRequest, *given: Any, **more: Any
    ) -> requests.Response:
        answer = real(adapter, request, *given, **more)
        if heard is not None:
            heard(request.method or "", urlsplit(request.url or "").path)
        return answer

    with mock.patch.object(HTTPAdapter, "send", send):
        yield


class _Head:
    """The head of an answer, where `requests` looks for cookies."""

    def __init__(self, headers: Headers) -> None:
        self.msg = HTTPMessage()
        for name, value in headers.items():
            self.msg[name] = value

    def isclosed(self) -> bool:
        return True

    def close(self) -> None:
        """There is nothing to close."""


class _Line:
    """The connection that an application may cut, as the sandbox does for a lost answer."""

    cut = False

    def shutdown(self, _: int) -> None:
        self.cut = True


def _answered(application: WSGI, request: requests.PreparedRequest) -> requests.Response:
    line = _Line()
    body, status, headers = run_wsgi_app(application, _environ(request, line), buffered=True)
    if line.cut:
        raise requests.ConnectionError("the line was cut before the answer came")
    response = requests.Response()
    code, _, response.reason = status.partition(" ")
    response.status_code = int(code)
    response.headers = CaseInsensitiveDict(headers.items())
    head = cast(Any, _Head(headers))
    raw = HTTPResponse(BytesIO(b"".join(body)), preload_content=False, original_response=head)
    response.raw = raw
    response.url = request.url or ""
    response.request = request
    response.encoding = "utf-8"
    return response


def _environ(request: requests.PreparedRequest, line: _Line) -> dict[str, Any]:
    """The request as a server tells it to an application: https://peps.python.org/pep-3333/"""
    parts = urlsplit(request.url or "")
    body = request.body or b""
    sent = body.encode() if isinstance(body, str) else body
    headers = {name.upper().replace("-", "_"): value for name, value in request.headers.items()}
    return {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path).decode("latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname,
        "SERVER_PORT": str(parts.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": parts.netloc,
        "CONTENT_TYPE": headers.pop("CONTENT_TYPE", ""),
        "CONTENT_LENGTH": headers.pop("CONTENT_LENGTH", ""),
        **{f"HTTP_{name}": value for name, value in headers.items()},
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": BytesIO(sent),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "werkzeug.socket": line,
    }
