"""Somebody who reads our pages in a browser, and what of it was not as it should be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request
from stage import ADMIN_TOKEN

DESKTOP, PHONE = (1180, 900), (390, 844)
#: What else has to do: the narrowest that WCAG knows (1.4.10), and between a phone and a desk.
NARROW, TABLET = (320, 640), (768, 1024)
#: As wide as a sheet of A4 between its margins, in CSS pixels.
SHEET = (672, 950)
Scheme = Literal["light", "dark"]

#: What the keyboard can reach, in the order of the document: of radio buttons with one name only
#: one is reached, the others with the arrows; of a picture's dots none, as a list stands beside.
REACHABLE = """() => {
  const fields = 'button, input:not([type=hidden]), select, textarea';
  const wanted = `a[href]:not([tabindex="-1"]), ${fields}, summary, pre[tabindex]`;
  const shown = each => each.checkVisibility({visibilityProperty: true});
  const names = new Set();
  return [...document.querySelectorAll(wanted)].filter(shown).filter(each => {
    if (each.type !== 'radio') return true;
    const name = each.form.action + each.form.elements.audit?.value + each.name;
    return !names.has(name) && names.add(name);
  }).map(each => each.outerHTML.slice(0, 200));
}"""

#: What has the focus: what it is, where it stands, and whether that can be seen.
FOCUSED = """() => {
  const each = document.activeElement, style = getComputedStyle(each);
  const at = each.getBoundingClientRect();
  return {
    html: each === document.body ? '' : each.outerHTML.slice(0, 200),
    top: at.top + scrollY, bottom: at.bottom + scrollY,
    seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
      && at.left >= 0 && at.right <= innerWidth + 1 && at.width > 0,
  };
}"""


class Reader:
    """A page in a browser. `troubles` are errors on its console, faults of scripts, dialogs, and
    requests to elsewhere, since it was last asked."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.page: Page = context.new_page()
        self._host = urlsplit(url).netloc
        self._troubles: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self._troubles.append(f"script: {error}"))
        self.page.on("request", self._watch)
        self.page.on("dialog", lambda dialog: self._troubles.append(f"dialog: {dialog.message}"))

    @classmethod
    @contextmanager
    def at(cls, browser: Browser, url: str, **how: Any) -> Iterator[Self]:
        """Somebody at `url`, in a browser with nothing in it; `how` it is set up otherwise."""
        context = browser.new_context(
            viewport={"width": DESKTOP[0], "height": DESKTOP[1]}, reduced_motion="reduce", **how
        )
        context.set_default_timeout(15_000)
        yield cls(context, url)
        context.close()

    def sign_in(self, token: str = ADMIN_TOKEN) -> None:
        """With the keyboard alone: the field has the focus, and Enter sends the form."""
        self.open("/sign-in")
        self.page.wait_for_function("document.activeElement.name === 'token'")
        self.page.keyboard.type(token)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{self.url}/")

    def open(self, path: str) -> None:
        answer = self.page.goto(self.url + path)
        assert answer is not None
        assert answer.ok, f"{path}: {answer.status}"

    def look(self, size: tuple[int, int] = DESKTOP, scheme: Scheme = "light") -> None:
        """From now on in a window of this size, by this light."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.emulate_media(color_scheme=scheme, media="screen")

    def print(self) -> None:
        """From now on as on paper."""
        self.page.set_viewport_size({"width": SHEET[0], "height": SHEET[1]})
        self.page.emulate_media(media="print")

    def troubles(self) -> list[str]:
        found, self._troubles = self._troubles, []
        return found

    def overflow(self) -> list[str]:
        """What makes the page wider than the window."""
        found: list[str] = self.page.evaluate(
            """() => document.documentElement.scrollWidth <= innerWidth ? [] :
            [...document.querySelectorAll('body *')]
              .filter(each => each.getBoundingClientRect().right > innerWidth)
              .map(each => each.outerHTML.slice(0, 200))"""
        )
        return found

    def tab(self) -> dict[str, Any]:
        """Go on to the next control, and tell what has the focus then. Within a date the keyboard
        goes from day to month to year, and then on."""
        before: dict[str, Any] = self.page.evaluate(FOCUSED)
        while True:
            self.page.keyboard.press("Tab")
            found: dict[str, Any] = self.page.evaluate(FOCUSED)
            if found != before or 'type="date"' not in found["html"]:
                return found

    def reachable(self) -> list[str]:
        found: list[str] = self.page.evaluate(REACHABLE)
        return found

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._troubles.append(f"console: {message.text}")

    def _watch(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme != "data" and parts.netloc != self._host:
            self._troubles.append(f"request to {request.url}")
