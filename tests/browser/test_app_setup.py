"""A GitHub App is registered by a person with a browser, who goes to GitHub and comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser.axe import faults
from browser.company import Company
from browser.reader import DESKTOP, PHONE, Reader
from playwright.sync_api import Browser

from integrations.sandbox import Sandbox

SHOTS = Path(__file__).parents[2] / "build" / "screenshots"


@pytest.mark.parametrize(("look", "size"), [("desktop-light", DESKTOP), ("phone-light", PHONE)])
def test_whoever_fills_the_form_comes_back_to_the_rules_to_be_written(
    chromium: Browser, acme: Company, axe: str, look: str, size: tuple[int, int]
) -> None:
    with Sandbox() as github, Reader.at(chromium, acme.stage.url) as admin:
        github.github.add_repo("acme/ops")
        admin.sign_in()
        admin.look(size)
        admin.open("/setup/github")
        page = admin.page
        page.get_by_label("Organisation").fill(look)
        page.get_by_label("Server").fill(github.github_url)
        page.get_by_label("Connection", exact=True).fill("acme-github")
        page.get_by_role("button", name="Show what is asked for").click()
        page.wait_for_selector("text=What the App asks for")
        keep(admin, axe, f"app-offer-{look}")
        page.get_by_role("button", name="Go on at GitHub").click()
        page.wait_for_url("**/setup/github/made?*")
        assert page.locator("h1").inner_text() == f"followthrough-{look} is registered"
        keep(admin, axe, f"app-made-{look}")
        link = page.get_by_role("link", name=f"Install followthrough-{look}")
        there = f"{github.github.url}/apps/followthrough-{look}/installations/new"
        assert link.get_attribute("href") == there


def keep(admin: Reader, axe: str, name: str) -> None:
    """A picture of the page, which fits its window and has no grave fault."""
    assert admin.overflow() == []
    assert faults(admin.page, axe) == []
    SHOTS.mkdir(parents=True, exist_ok=True)
    admin.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)
