"""The command line as it is, but that what its sandbox is asked is written down for `asked`, a line
of JSON for each request: ``python tests/heard.py FILE demo …``."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

from flask import Flask, request, request_started


def main() -> None:
    _, file, *words = sys.argv
    sys.argv[1:] = words
    sys.path[0] = ""  # as `python -m service` has it, and nothing of the tests
    with Path(file).open("a", buffering=1, encoding="utf-8") as lines:

        def hear(app: Flask, **_: object) -> None:
            if app.name.startswith("integrations.sandbox"):
                query, kind = request.query_string.decode(), request.content_type or ""
                body = request.get_data(as_text=True)
                lines.write(json.dumps([request.method, request.path, query, body, kind]) + "\n")

        request_started.connect(hear)
        runpy.run_module("service", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
