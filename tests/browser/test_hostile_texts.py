"""Whatever a tracker or a person brings is text on our pages, and nothing of it runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count

import pytest
from browser import hostile
from browser.payloads import PAYLOADS, RUN
from browser.reader import Reader
from builders import at
from playwright.sync_api import Browser
from web.history import TOKEN, Web
from werkzeug.serving import make_server

from service.app import create_app
from service.store import Store
from service.web.pages import PAGE

#: What our templates are made of, and nothing else is on a page. Whatever loads, sends or leads
#: somewhere keeps to web addresses and to this host.
FAULTS = """(root, host) => {
  const tags = new Set(`
    html head meta title link body a header div img form input button nav main p section
    article fieldset legend h1 h2 h3 h4 ul ol li dl dt dd table thead tbody tr th td span
    bdi time q code pre strong details summary label select option optgroup textarea svg
    line g circle text`.trim().split(/\\s+/));
  const attributes = new Set(`class id href download rel type content name charset lang src alt
    width height method action value role tabindex scope datetime for required maxlength
    autocomplete placeholder rows disabled selected checked data-label x1 x2
    y1 y2 cx cy r x y`.split(/\\s+/));
  const found = [];
  for (const each of root.querySelectorAll('*')) {
    const tag = each.tagName.toLowerCase();
    if (!tags.has(tag)) found.push(each.outerHTML.slice(0, 120));
    for (const {name, value} of each.attributes) {
      if (!attributes.has(name) && !name.startsWith('aria-'))
        found.push(`${name} of ${each.outerHTML.slice(0, 120)}`);
      if (!['href', 'src', 'action'].includes(name)) continue;
      const to = new URL(value, `http://${host}/`);
      if (!['http:', 'https:'].includes(to.protocol) || (tag !== 'a' && to.host !== host))
        found.push(`${name} ${value}`);
    }
  }
  return found;
}"""
BDI = "root => [...root.querySelectorAll('bdi')].map(each => each.textContent)"
HERE = f"host => ({FAULTS})(document, host)"
THERE = f"""async ([path, host]) => {{
  const answer = await fetch(path);
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  return [answer.status, ({FAULTS})(page, host), ({BDI})(page)];
}}"""
READ = f"""([html, host]) =>
  ({FAULTS})(new DOMParser().parseFromString(html, 'text/html'), host)"""

#: Pages with lists of everything; each goes on for as long as there is more.
LONG_LISTS = (
    *("/", "/audits", "/audits?show=judged", "/audits?show=suspect", "/operation"),
    *("/deliveries", "/drift"),
)
LISTS = (
    *("/incidents", "/actions", "/conflicts", "/dead-letters", "/trackers"),
    *(pytest.param(path, marks=pytest.mark.long) for path in LONG_LISTS),
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('hostile')}/it.db", lambda: at(200))
    store.migrate()
    hostile.fill(store)
    server = make_server("127.0.0.1", 0, create_app(Web(store)), threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    store.close()


@pytest.fixture(scope="module")
def reader(chromium: Browser, url: str) -> Iterator[Reader]:
    """Somebody whose browser keeps to no content security policy: what is escaped needs none."""
    with Reader.at(chromium, url, bypass_csp=True) as somebody:
        somebody.sign_in(TOKEN)
        yield somebody


def host(reader: Reader) -> str:
    return reader.url.removeprefix("http://")


def check(reader: Reader, path: str) -> None:
    """Open a page and see that it is ours alone, and that nothing ran, also once pointed at."""
    reader.open(path)
    assert reader.page.evaluate(HERE, host(reader)) == [], path
    reader.page.keyboard.press("Tab")
    assert reader.page.evaluate("window.ran") is None, path
    assert reader.troubles() == [], path


def test_the_trap_tells_of_what_is_not_escaped(reader: Reader) -> None:
    reader.open("/trackers")
    reader.page.set_content(f"<p>{PAYLOADS[0]}</p><img src=x onerror={RUN}>")
    assert reader.page.evaluate("window.ran") == 1
    assert reader.page.evaluate(HERE, host(reader))
    reader.page.set_content(f'<a href="javascript:{RUN}">x</a>')
    assert reader.page.evaluate(HERE, host(reader))
    reader.troubles()


@pytest.mark.parametrize("path", LISTS)
def test_lists_show_every_hostile_text_and_nothing_of_it_runs(reader: Reader, path: str) -> None:
    following: str | None = path
    for number in count(1):  # noqa: B007 - counted for the end
        assert following is not None
        check(reader, following)
        onward = reader.page.locator("a[rel=next]")
        if not onward.count():
            break
        following = onward.get_attribute("href")
    if path in ("/incidents", "/actions", "/audits", "/drift"):
        assert number >= len(PAYLOADS) // PAGE


def see(reader: Reader, path: str, text: str, *, told: bool = False) -> None:
    """Have the browser read a page without showing it: it is ours alone, and the text stands there
    as it was written, where it is `told`."""
    status, faults, shown = reader.page.evaluate(THERE, [path, host(reader)])
    assert (status, faults) == (200, []), text
    assert not told or text in shown


def test_a_hostile_text_is_shown_on_its_pages_as_it_was_written(reader: Reader) -> None:
    for number in range(1, len(PAYLOADS), 60):
        for path in (f"/incidents/i{number}", f"/dead-letters/e{number}", f"/deliveries/{number}"):
            check(reader, path)
        for path in (f"/incidents/i{number}/versions", f"/incidents/i{number}/versions/1"):
            check(reader, path)


@pytest.mark.long
@pytest.mark.parametrize("part", ["", "/versions", "/versions/1"])
def test_each_hostile_text_is_shown_on_its_incidents_pages_as_it_was_written(
    reader: Reader, part: str
) -> None:
    reader.open("/trackers")
    for number, text in enumerate(PAYLOADS, 1):
        see(reader, f"/incidents/i{number}{part}", text, told=part == "")


@pytest.mark.long
def test_each_hostile_letter_and_delivery_is_shown_and_nothing_of_it_runs(reader: Reader) -> None:
    reader.open("/trackers")
    for number, text in enumerate(PAYLOADS, 1):
        see(reader, f"/dead-letters/e{number}", text)
        see(reader, f"/deliveries/{number}", text)


@pytest.mark.parametrize("path", ["/actions", "/audits"])
def test_what_the_address_says_is_shown_and_nothing_of_it_runs(reader: Reader, path: str) -> None:
    for text in PAYLOADS[:: len(PAYLOADS) // 20]:
        names = ("person", "service", "team", "kind", "show", "page")
        given: dict[str, str | float | bool] = dict.fromkeys(names, text)
        answer = reader.page.request.get(reader.url + path, params=given)
        faults = reader.page.evaluate(READ, [answer.text(), host(reader)])
        assert (answer.status, faults) == (200, []), text
