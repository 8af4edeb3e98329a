"""axe-core, which finds faults of accessibility in a page: fetched from npm for the tests alone.

https://github.com/dequelabs/axe-core/blob/develop/doc/API.md
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Page

VERSION = "4.13.0"
#: Of the package, as npm publishes it: `npm view axe-core@4.13.0 dist.integrity`.
INTEGRITY = (
    "sha512-UzGt8zg7Ny8djbYMhxl2zuEevVa7r2gJjYY5Lwr1xM7+"
    "XU2nd6CkIWFTVcCIbAP63vSz71NaVyyuSk9lHKcy0A=="
)
CACHE = Path(__file__).parents[2] / ".venv" / "axe-core"

#: What is looked for: the rules of WCAG up to 2.2 AA, and what is good practice besides.
OPTIONS = {"resultTypes": ["violations"]}
GRAVE = ("serious", "critical")


def source() -> str:
    """The script, from the cache where it is there already. Raises subprocess.CalledProcessError
    when npm cannot fetch it, ValueError when what it fetched is not what was published."""
    package = CACHE / f"axe-core-{VERSION}.tgz"
    if not package.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=CACHE) as fetched:  # several may fetch it at once
            subprocess.run(
                ["npm", "pack", "--silent", f"axe-core@{VERSION}"],
                cwd=fetched,
                check=True,
                timeout=60,
                capture_output=True,
            )
            Path(fetched, package.name).rename(package)
    found = hashlib.sha512(package.read_bytes()).digest()
    if f"sha512-{base64.b64encode(found).decode()}" != INTEGRITY:
        raise ValueError(f"{package} is not what npm published")
    with tarfile.open(package) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def faults(page: Page, script: str) -> list[str]:
    """The serious and critical faults of a page as it stands, each with where it is and why."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(script)
    found: dict[str, Any] = page.evaluate("options => axe.run(document, options)", OPTIONS)
    return [
        f"{each['id']} ({each['impact']}) at {node['target']}: {node['failureSummary']}"
        for each in found["violations"]
        if each["impact"] in GRAVE
        for node in each["nodes"]
    ]
