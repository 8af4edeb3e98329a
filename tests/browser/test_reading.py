"""Each page as a person reads it: by day and by night, at a desk and on a phone, by keyboard."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from browser.axe import faults
from browser.company import Company
from browser.reader import DESKTOP, NARROW, PHONE, TABLET, Reader, Scheme
from playwright.sync_api import Browser

from service import dead_letters
from service.store.deliveries import DeliveryState
from workflows.imported import id_of
from workflows.model import Outlook

SHOTS = Path(__file__).parents[2] / "build" / "screenshots"
LOOKS: tuple[tuple[str, tuple[int, int], Scheme], ...] = (
    ("desktop-light", DESKTOP, "light"),
    ("desktop-dark", DESKTOP, "dark"),
    ("phone-light", PHONE, "light"),
    ("phone-dark", PHONE, "dark"),
)


def pages(acme: Company) -> Mapping[str, str]:
    """All pages by name, each where it has something to show."""
    id = acme.incident.id
    with acme.stage.store.read() as tx:
        letters = [letter.id for letter in dead_letters.dead_letters(tx)]
        (unread,) = tx.deliveries.page(state=DeliveryState.UNREADABLE, limit=1)
        (open,) = tx.incidents.page(outlook=Outlook.WATCHING, limit=1)
        ((_, factor), *_) = tx.patterns.named_by(id)
        file = id_of(next(iter(tx.imports.known())))
    return {
        "overview": "/",
        "incidents": "/incidents",
        "incident": f"/incidents/{id}",
        "incident-open": f"/incidents/{open.incident.id}",
        "incident-refused": f"/incidents/{acme.stage.incident('INC-1').id}",
        "versions": f"/incidents/{id}/versions",
        "version": f"/incidents/{id}/versions/1",
        "actions": "/actions",
        "actions-none": "/actions?show=waived&team=payments",
        "audits": "/audits",
        "audits-suspect": "/audits?show=suspect",
        "conflicts": "/conflicts",
        "operation": "/operation",
        "deliveries": "/deliveries",
        "delivery": f"/deliveries/{unread.id}",
        "dead-letters": "/dead-letters",
        "dead-letter": f"/dead-letters/{letters[0]}",
        "drift": "/drift",
        "trackers": "/trackers",
        "app": "/setup/github",
        "times": "/times",
        "patterns": "/patterns",
        "pattern": f"/patterns/{quote(factor)}",
        "search": "/search?q=queue",
        "imported": f"/imported/{file}",
        "figures": "/figures",
        "figures-dots": "/figures/time-to-resolve",
        "figures-bars": "/figures/actions-by-kind",
        "preread": f"/preread?team={acme.incident.team}",
        "changes": "/changes",
        "api": "/api",
    }


NAMES = (
    *("overview", "incidents", "incident", "incident-open", "incident-refused"),
    *("versions", "version", "actions", "actions-none", "audits", "audits-suspect"),
    *("conflicts", "operation", "deliveries", "delivery"),
    *("dead-letters", "dead-letter", "drift", "trackers", "app", "times"),
    *("patterns", "pattern", "search", "imported", "figures", "figures-dots", "figures-bars"),
    *("preread", "changes", "api"),
)


@pytest.fixture
def addresses(acme: Company) -> Mapping[str, str]:
    found = pages(acme)
    assert tuple(found) == NAMES
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_page_fits_a_phone_and_a_desk_and_has_no_grave_fault(
    reader: Reader, axe: str, addresses: Mapping[str, str], name: str
) -> None:
    reader.open(addresses[name])
    for size in (DESKTOP, TABLET, NARROW):
        reader.look(size, "light")
        assert reader.overflow() == [], size
    reader.look(PHONE, "dark")
    assert reader.overflow() == []
    assert faults(reader.page, axe) == []
    assert reader.troubles() == []


@pytest.mark.long
@pytest.mark.parametrize(("look", "size", "scheme"), LOOKS)
@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_without_grave_fault_in_each_look_and_a_picture_is_kept(
    reader: Reader,
    axe: str,
    addresses: Mapping[str, str],
    name: str,
    look: str,
    size: tuple[int, int],
    scheme: Scheme,
) -> None:
    reader.look(size, scheme)
    reader.open(addresses[name])
    assert reader.overflow() == []
    assert faults(reader.page, axe) == []
    assert reader.troubles() == []
    SHOTS.mkdir(parents=True, exist_ok=True)
    reader.page.screenshot(path=SHOTS / f"{name}-{look}.png", full_page=True)


@pytest.mark.parametrize(("look", "size", "scheme"), LOOKS)
@pytest.mark.parametrize(("name", "path"), [("sign-in", "/sign-in"), ("nothing", "/nothing")])
def test_the_door_and_a_page_that_is_not_there_are_without_grave_fault(
    chromium: Browser,
    acme: Company,
    axe: str,
    name: str,
    path: str,
    look: str,
    size: tuple[int, int],
    scheme: Scheme,
) -> None:
    with Reader.at(chromium, acme.stage.url) as stranger:
        if name != "sign-in":
            stranger.sign_in()
        stranger.look(size, scheme)
        stranger.page.goto(f"{stranger.url}{path}")
        assert stranger.overflow() == []
        assert faults(stranger.page, axe) == []
        SHOTS.mkdir(parents=True, exist_ok=True)
        stranger.page.screenshot(path=SHOTS / f"{name}-{look}.png", full_page=True)


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_cut_off_on_paper_nothing_is_there_to_press_and_a_picture_is_kept(
    reader: Reader, addresses: Mapping[str, str], name: str
) -> None:
    reader.open(addresses[name])
    reader.print()
    assert reader.overflow() == []
    pressed = "form, button, nav"
    assert reader.page.locator(pressed).evaluate_all("all => all.every(e => !e.checkVisibility())")
    SHOTS.mkdir(parents=True, exist_ok=True)
    reader.page.screenshot(path=SHOTS / f"{name}-paper.png", full_page=True)


def test_a_pre_read_is_two_sheets_at_most(reader: Reader, addresses: Mapping[str, str]) -> None:
    reader.open(addresses["preread"])
    sheets = reader.page.pdf(prefer_css_page_size=True)
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", sheets)) <= 2


@pytest.mark.parametrize("name", NAMES)
def test_the_keyboard_reaches_every_control_in_reading_order_and_one_sees_where_it_is(
    reader: Reader, addresses: Mapping[str, str], name: str
) -> None:
    reader.look(PHONE)
    reader.open(addresses[name])
    wanted = reader.reachable()
    assert wanted
    reached, bottom = [], 0.0
    for _ in wanted:
        focused = reader.tab()
        assert focused["seen"], focused["html"]
        reached.append(focused["html"])
        if len(reached) > 1:  # the first is the skip link, which lies over the page
            assert focused["bottom"] >= bottom - 4, focused["html"]
            bottom = focused["top"]
    assert reached == wanted
    assert reader.troubles() == []


def test_the_first_stop_leads_past_the_navigation(
    reader: Reader, addresses: Mapping[str, str]
) -> None:
    reader.open(addresses["incident"])
    assert "Skip to the content" in reader.tab()["html"]
    reader.page.keyboard.press("Enter")
    reader.tab()
    assert reader.page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_each_dot_of_a_figure_leads_to_its_incident_and_so_does_the_list_for_the_keyboard(
    reader: Reader, addresses: Mapping[str, str]
) -> None:
    reader.look(DESKTOP)
    reader.open(addresses["figures-dots"])
    leads = "all => all.map(each => each.getAttribute('href')).sort()"
    dots = reader.page.locator("svg a")
    assert dots.count() > 50
    go_to(reader, "<summary")
    reader.page.keyboard.press("Enter")
    listed = reader.page.locator("ol.each a")
    assert listed.evaluate_all(leads) == dots.evaluate_all(leads)
    assert reader.tab()["html"] == listed.first.evaluate("each => each.outerHTML.slice(0, 200)")
    dots.first.click(force=True)
    reader.page.wait_for_url("**/incidents/*")


def go_to(reader: Reader, wanted: str) -> None:
    """Press Tab until the focus is on something whose markup begins so."""
    for _ in range(80):
        if reader.tab()["html"].startswith(wanted):
            return
    pytest.fail(f"the keyboard does not come to {wanted}")


def test_a_list_is_narrowed_with_the_keyboard_alone_and_enter_sends_the_form(
    reader: Reader, addresses: Mapping[str, str]
) -> None:
    reader.open(addresses["actions"])
    go_to(reader, '<input id="person"')
    reader.page.keyboard.type("noor aziz")
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_url("**/actions?*person=noor+aziz*")
    owners = reader.page.locator('td[data-label="Owner"]').all_inner_texts()
    assert set(owners) == {"Noor Aziz"}


def test_a_verdict_is_given_with_the_keyboard_alone(
    reader: Reader, addresses: Mapping[str, str]
) -> None:
    reader.look(DESKTOP)
    reader.open(addresses["incident"])
    go_to(reader, '<input type="radio"')
    reader.page.keyboard.press("Space")
    go_to(reader, "<textarea")
    reader.page.keyboard.type("it paged within a minute in the drill")
    go_to(reader, "<select")
    reader.page.keyboard.press("ArrowDown")
    go_to(reader, "<button")
    reader.page.keyboard.press("Enter")
    notice = reader.page.get_by_role("status")
    assert "AI-1, audit 1.2: effective" in notice.inner_text()
    assert reader.troubles() == []
