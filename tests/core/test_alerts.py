"""The example alerts: Prometheus takes them, they fire when they should, and lead to a page."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import needs

from service.metrics import METRICS

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "ops" / "prometheus" / "alerts.yaml"
TRIED = ROOT / "ops" / "prometheus" / "alerts.test.yaml"


def alerts() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(ALERTS.read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


@pytest.mark.parametrize("what", [("check", ALERTS), ("test", TRIED)], ids=["check", "test"])
def test_prometheus_takes_the_alerts_and_they_fire_when_they_should(what: tuple[str, Path]) -> None:
    needs("promtool")
    verb, file = what
    tried = subprocess.run(["promtool", verb, "rules", str(file)], capture_output=True, text=True)
    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert "SUCCESS" in tried.stdout


def test_each_alert_is_made_to_fire_once() -> None:
    fired = set(re.findall(r'alertname="(\w+)"', TRIED.read_text()))
    assert fired == {each["alert"] for each in alerts()}


@pytest.mark.parametrize("alert", alerts(), ids=lambda each: each["alert"])
def test_an_alert_asks_for_what_is_measured_and_leads_to_its_own_part_of_a_page(
    alert: dict[str, Any],
) -> None:
    known = {each.name: {*each.labels, "job"} for each in METRICS} | {"up": {"job"}}
    asked = re.findall(r"\b(followthrough_\w+|up)\b(?:\{([^}]*)\})?", alert["expr"])
    assert asked
    for name, matchers in asked:
        assert set(re.findall(r"(\w+)=", matchers)) <= known[name]
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert anchor == alert["alert"].lower()
    assert f"\n### {alert['alert']}\n" in (ROOT / page).read_text()


def test_the_page_tells_of_no_alert_that_there_is_not() -> None:
    page = (ROOT / "docs" / "how-to" / "watch-the-service.md").read_text()
    told = re.findall(r"^### (Followthrough\w+)$", page, re.MULTILINE)
    assert told == [each["alert"] for each in alerts()]
