"""The house keeps its promises about itself."""

from __future__ import annotations

import ast
import re
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("service", "integrations", "workflows", "config")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

#: Longer than a screen, with the reason.
LONG_FUNCTIONS = {
    "service/store/migrations/versions/0001_first.py:upgrade": "one statement for each table",
    "service/store/migrations/versions/0002_governor.py:upgrade": "one statement for each table",
}


@pytest.mark.parametrize("package", PACKAGES)
def test_each_top_level_package_has_exactly_one_owner(package: str) -> None:
    """Their names are common; another distribution's `config` would shadow ours, or ours theirs."""
    assert set(packages_distributions()[package]) == {"followthrough"}


def test_files_hold_one_idea() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in SOURCES
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def test_functions_fit_a_screen() -> None:
    long = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                name = f"{path.relative_to(ROOT)}:{node.name}"
                if length > 55 and name not in LONG_FUNCTIONS:
                    long[name] = length
    assert long == {}


def test_workflows_know_no_vendor() -> None:
    """Comments and docstrings may say where a fact is from; code may not."""
    vendors = re.compile(r"\b(jira|github|confluence|atlassian)\b", re.IGNORECASE)
    found = []
    for path in (ROOT / "workflows").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [getattr(node, "id", ""), getattr(node, "attr", ""), getattr(node, "arg", "")]
            if any(vendors.search(name or "") for name in names):
                found.append(f"{path.name}:{getattr(node, 'lineno', 0)}")
    assert found == []


def test_workflows_never_look_at_the_clock() -> None:
    calls = re.compile(r"\b(now|today|utcnow|time)\(\)")
    found = [
        path.name for path in (ROOT / "workflows").glob("*.py") if calls.search(path.read_text())
    ]
    assert found == []
