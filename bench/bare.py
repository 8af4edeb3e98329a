"""The floor of a synced change: the calls that it needs, made bare, as fast as they are answered.

A process of its own and a lean one: connections are kept, an answer is read and not understood.

    python -m bench.bare THREADS < changes

Its input is a JSON array of changes, each a list of calls `[address, method, path, headers, body]`.
A change is one thread's; its calls follow each other, as each needs the one before. Its output is
one line: how many seconds all took, how many seconds of a processor, how many calls, and how many
were answered with an error.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import Any

_kept = local()


def main() -> None:
    changes = json.load(sys.stdin)
    begun, spent = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(int(sys.argv[1])) as threads:
        statuses = [status for each in threads.map(_make, changes) for status in each]
    took, spent = time.monotonic() - begun, time.process_time() - spent
    failed = sum(status >= 400 for status in statuses)
    sys.stdout.write(f"{took} {spent} {len(statuses)} {failed}\n")


def _make(change: list[Any]) -> list[int]:
    return [_call(*call) for call in change]


def _call(address: str, method: str, path: str, headers: Mapping[str, str], body: Any) -> int:
    lines: dict[str, http.client.HTTPConnection] = vars(_kept).setdefault("lines", {})
    line = lines.setdefault(address, http.client.HTTPConnection(address, timeout=30))
    line.request(method, path, None if body is None else json.dumps(body), dict(headers))
    answer = line.getresponse()
    answer.read()
    return answer.status


if __name__ == "__main__":
    main()
