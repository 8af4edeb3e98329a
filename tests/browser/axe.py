"""axe-core, which finds faults of accessibility in a page: fetched from npm for the tests alone.

https://github.com/dequelabs/axe-core/blob/develop/doc/API.md
"""

from __future__ import annotations

from typing import Any

from npm import text_of
from playwright.sync_api import Page

VERSION = "4.13.0"
#: Of the package, as npm publishes it: `npm view axe-core@4.13.0 dist.integrity`.
INTEGRITY = (
    "sha512-UzGt8zg7Ny8djbYMhxl2zuEevVa7r2gJjYY5Lwr1xM7+"
    "XU2nd6CkIWFTVcCIbAP63vSz71NaVyyuSk9lHKcy0A=="
)

#: What is looked for: the rules of WCAG up to 2.2 AA, and what is good practice besides.
OPTIONS = {"resultTypes": ["violations"]}
GRAVE = ("serious", "critical")


def source() -> str:
    """The script. Raises as `npm.text_of` does."""
    return text_of("axe-core", VERSION, INTEGRITY, "axe.min.js")


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
