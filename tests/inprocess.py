"""Requests that reach an application in this process without a socket: the same bytes at the edge
of HTTP, a tenth of the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse
from werkzeug.test import Client

WSGI = Callable[..., Any]

#: Is told of a request that was answered, before whoever asked gets the answer.
Heard = Callable[[str, str], None]


class _Line:
    """The connection that an application may cut, as the sandbox does for a lost answer."""

    cut = False

    def shutdown(self, _: int) -> None:
        self.cut = True


@contextmanager
def without_sockets(
    applications: Mapping[str, Callable[[], WSGI]], heard: Heard | None = None
) -> Iterator[None]:
    """Whatever is sent to one of these addresses (``http://127.0.0.1:8000``) is answered by what
    listens there in this process; everything else goes its usual way. `heard` is told the method
    and the path of either."""
    real = HTTPAdapter.send

    def send(
        adapter: HTTPAdapter, request: requests.PreparedRequest, *given: Any, **more: Any
    ) -> requests.Response:
        parts = urlsplit(request.url or "")
        listening = applications.get(f"{parts.scheme}://{parts.netloc}")
        if listening is None:
            answer = real(adapter, request, *given, **more)
        else:
            answer = _answered(listening(), request)
        if heard is not None:
            heard(request.method or "", parts.path)
        return answer

    with mock.patch.object(HTTPAdapter, "send", send):
        yield


def _answered(application: WSGI, request: requests.PreparedRequest) -> requests.Response:
    line = _Line()
    body = request.body or b""
    parts = urlsplit(request.url or "")
    answer = Client(application).open(
        parts.path,
        base_url=f"{parts.scheme}://{parts.netloc}",
        query_string=parts.query,
        method=request.method,
        data=body.encode() if isinstance(body, str) else body,
        headers=list(request.headers.items()),
        environ_overrides={"werkzeug.socket": line},
    )
    if line.cut:
        raise requests.ConnectionError("the line was cut before the answer came")
    response = requests.Response()
    response.status_code = answer.status_code
    response.reason = answer.status.partition(" ")[2]
    response.headers = CaseInsensitiveDict(answer.headers.items())
    response.raw = HTTPResponse(BytesIO(answer.get_data()), preload_content=False)
    response.url = request.url or ""
    response.request = request
    response.encoding = "utf-8"
    return response
