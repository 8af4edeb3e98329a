"""Whatever a tracker or a person brings is text on our pages, and nothing of it runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, urlencode

import pytest
from browser import hostile
from browser.payloads import PAYLOADS, RUN
from browser.reader import Reader
from browser.shown import DATA, PAGES, UNSEEN
from builders import at
from playwright.sync_api import Browser
from web.history import TOKEN, Web
from werkzeug.serving import make_server

from service.app import create_app
from service.store import Store
from service.web.access import TABLE
from service.web.pages import PAGE
from workflows.recurrence import normal

#: What our templates are made of, and nothing else is on a page. Whatever loads, sends or leads
#: somewhere keeps to web addresses and to this host.
FAULTS = """(root, host) => {
  const tags = new Set(`
    html head meta title link body a header div img form input button nav main p section
    article fieldset legend h1 h2 h3 h4 ul ol li dl dt dd table thead tbody tr th td span
    bdi time q code pre strong details summary label select option optgroup textarea svg
    line g circle text rect desc figure figcaption mark`.trim().split(/\\s+/));
  const attributes = new Set(`class id href download rel type content name charset lang src alt
    width height method action value role tabindex scope datetime for required maxlength
    autocomplete placeholder rows disabled selected checked data-label x1 x2
    y1 y2 cx cy r x y start label autofocus`.split(/\\s+/));
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
HERE = f"host => ({FAULTS})(document, host)"
THERE = f"""async ([path, host]) => {{
  const answer = await fetch(path);
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  return [answer.status, ({FAULTS})(page, host), page.body.textContent];
}}"""
READ = f"""([html, host]) =>
  ({FAULTS})(new DOMParser().parseFromString(html, 'text/html'), host)"""

#: Lists of everything that are read with each commit; the others in the long run.
SHORT_LISTS = ("/incidents", "/actions", "/conflicts", "/dead-letters", "/trackers", "/patterns")
LISTS = [
    pytest.param(path, marks=() if path in SHORT_LISTS else pytest.mark.long)
    for path in dict.fromkeys(
        (
            *(
                each(0, hostile.named)
                for page in PAGES.values()
                if page.lists
                for each in page.addresses
            ),
            "/search?q=window",
        )
    )
]
#: Pages about one incident, or what came of it.
ALONE = [name for name, page in PAGES.items() if page.addresses and not page.lists]


@contextmanager
def served(directory: Path, *says: hostile.Say) -> Iterator[str]:
    """The pages over a store that says this, or each payload; where they are."""
    store = Store(f"sqlite:///{directory}/it.db", lambda: at(200))
    store.migrate()
    hostile.fill(store, *([says] if says else []))
    server = make_server("127.0.0.1", 0, create_app(Web(store)), threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    store.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("hostile")) as found:
        yield found


@pytest.fixture(scope="module")
def reader(chromium: Browser, url: str) -> Iterator[Reader]:
    """Somebody whose browser keeps to no content security policy: what is escaped needs none."""
    with Reader.at(chromium, url, bypass_csp=True) as somebody:
        somebody.sign_in(TOKEN)
        yield somebody


@pytest.fixture(scope="module")
def named(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """The same where each text says its own name."""
    with (
        served(tmp_path_factory.mktemp("named"), hostile.named) as there,
        Reader.at(chromium, there, bypass_csp=True) as somebody,
    ):
        somebody.sign_in(TOKEN)
        yield somebody


def host(reader: Reader) -> str:
    return reader.url.removeprefix("http://")


def check(reader: Reader, path: str) -> None:
    """Open a page and see that it is ours alone, and that nothing ran, also once pointed at."""
    reader.open(path)
    look(reader, path)


def look(reader: Reader, path: str) -> None:
    assert reader.page.evaluate(HERE, host(reader)) == [], path
    reader.page.keyboard.press("Tab")
    assert reader.page.evaluate("window.ran") is None, path
    assert reader.troubles() == [], path


def see(reader: Reader, path: str, text: str, *, whole: bool = False) -> str:
    """Have the browser read a page without showing it: it is ours alone, and the text stands there
    as it was written, where it is shown `whole`. What stands there."""
    status, faults, shown = reader.page.evaluate(THERE, [path, host(reader)])
    assert (status, faults) == (200, []), text
    assert not whole or text in shown, text
    return str(shown)


def test_the_trap_tells_of_what_is_not_escaped(reader: Reader) -> None:
    reader.open("/trackers")
    reader.page.set_content(f"<p>{PAYLOADS[0]}</p><img src=x onerror={RUN}>")
    assert reader.page.evaluate("window.ran") == 1
    assert reader.page.evaluate(HERE, host(reader))
    reader.page.set_content(f'<a href="javascript:{RUN}">x</a>')
    assert reader.page.evaluate(HERE, host(reader))
    reader.troubles()


# --- each page, each text -------------------------------------------------------------------------


def test_each_page_that_can_be_read_has_its_entry(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/it.db", lambda: at(200))
    app = create_app(Web(store))
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    reading = {rule.endpoint for rule in rules if not rule.endpoint.startswith("api-")}
    assert reading - {"static", "health"} == set(PAGES) | DATA
    assert not set(PAGES) & DATA
    assert set(PAGES) | DATA <= set(TABLE)
    store.close()


@pytest.mark.parametrize("endpoint", PAGES)
def test_a_page_shows_the_texts_that_its_entry_names_and_no_others(
    named: Reader, endpoint: str
) -> None:
    named.open("/trackers")
    read = [address(1, hostile.named) for address in PAGES[endpoint].addresses]
    shown = "\n".join(see(named, path, path) for path in read)
    said = {hostile.named(name): name for name in texts()}
    found = {name for text, name in said.items() if text in shown}
    if normal(hostile.named("factor")) in shown:
        found.add("factor")  # patterns tell factors in normal words
    assert found == PAGES[endpoint].texts


@cache
def texts() -> frozenset[str]:
    """The names of all texts that there are."""
    names: set[str] = set()

    def say(name: str) -> str:
        names.add(name)
        return name

    with TemporaryDirectory() as directory:
        store = Store(f"sqlite:///{directory}/it.db", lambda: at(200))
        store.migrate()
        hostile.fill(store, [say])
        store.close()
    return frozenset(names)


def test_each_text_is_shown_somewhere_or_known_to_be_shown_nowhere() -> None:
    shown = {text for page in PAGES.values() for text in page.texts}
    assert texts() == shown | UNSEEN
    assert not shown & UNSEEN


# --- each page, each payload ----------------------------------------------------------------------


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
    if path in ("/incidents", "/actions", "/audits", "/drift", "/changes"):
        assert number >= len(PAYLOADS) // PAGE


@pytest.mark.parametrize("endpoint", ALONE)
def test_a_hostile_text_is_shown_on_its_pages_and_nothing_of_it_runs(
    reader: Reader, endpoint: str
) -> None:
    for number in range(1, len(PAYLOADS), 60):
        for address in PAGES[endpoint].addresses[:2]:
            check(reader, address(number, hostile.same(PAYLOADS[number - 1])))


@pytest.mark.long
@pytest.mark.parametrize(
    ("endpoint", "which"), [(name, n) for name in ALONE for n in range(len(PAGES[name].addresses))]
)
def test_each_hostile_text_is_shown_on_its_pages_as_it_was_written(
    reader: Reader, endpoint: str, which: int
) -> None:
    reader.open("/trackers")
    page = PAGES[endpoint]
    address = page.addresses[which]
    for number, text in enumerate(PAYLOADS, 1):
        say = hostile.same(text)
        if endpoint == "patterns.pattern" and not normal(text):
            continue  # what has no words names no factor
        see(reader, address(number, say), text, whole=page.whole)


# --- what addresses say, what programs get, what people type --------------------------------------

#: All that pages ask the address for.
ASKED = (
    *("person", "service", "team", "kind", "show", "page", "q", "skip", "name"),
    *("from", "to", "quarter", "next", "before", "after"),
)


@pytest.mark.parametrize("path", ["/actions", "/audits", "/search", "/figures", "/preread", "/"])
def test_what_the_address_says_is_shown_and_nothing_of_it_runs(reader: Reader, path: str) -> None:
    for text in PAYLOADS[:: len(PAYLOADS) // 20]:
        for names in (ASKED, ("team", "service", "q", "person")):
            asked: dict[str, str | float | bool] = dict.fromkeys(names, text)
            answer = reader.page.request.get(reader.url + path, params=asked)
            faults = reader.page.evaluate(READ, [answer.text(), host(reader)])
            assert answer.status in (200, 400, 404), text
            assert faults == [], text


@pytest.mark.parametrize("path", ["/patterns/none ", "/figures/", "/incidents/", "/imported/", "/"])
def test_a_page_that_is_not_there_says_so_and_nothing_of_its_address_runs(
    reader: Reader, path: str
) -> None:
    for text in PAYLOADS[:: len(PAYLOADS) // 20]:
        answer = reader.page.request.get(reader.url + quote(path) + quote(text, safe=""))
        faults = reader.page.evaluate(READ, [answer.text(), host(reader)])
        assert (answer.status, faults) == (404, []), text


@pytest.mark.parametrize("path", ["/sign-in", "/times"])
def test_a_form_that_leads_back_leads_nowhere_else(
    chromium: Browser, reader: Reader, path: str
) -> None:
    with Reader.at(chromium, reader.url, bypass_csp=True) as stranger:
        there = stranger if path == "/sign-in" else reader
        for text in PAYLOADS[:: len(PAYLOADS) // 20]:
            check(there, f"{path}?{urlencode({'next': text}, errors='replace')}")


@pytest.mark.parametrize(
    "path",
    [
        "export/measures.csv",
        "export/measures.json",
        "export/measures.md",
        "figures/services.csv",
        "api/v1/release-check",
    ],
)
def test_what_is_for_programs_is_no_page_to_a_browser(reader: Reader, path: str) -> None:
    for text in PAYLOADS[:: len(PAYLOADS) // 10]:
        asked: dict[str, str | float | bool] = {"team": text, "service": text, "all": "1"}
        answer = reader.page.request.get(f"{reader.url}/{path}", params=asked)
        assert answer.status in (200, 404, 422)
        assert "html" not in answer.headers["content-type"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        kept = answer.headers.get("content-disposition", "").startswith("attachment")
        told = ("application/json", "application/problem+json")
        assert kept or answer.headers["content-type"] in told


@pytest.mark.parametrize("number", [1, 61, 121])
def test_what_somebody_types_is_told_back_and_nothing_of_it_runs(
    reader: Reader, number: int
) -> None:
    text, page = PAYLOADS[number - 1], f"/incidents/i{number}"
    reader.open(page)
    form = reader.page.locator("details", has_text="Not related").first
    form.locator("summary").click()
    form.locator("input[name=why]").fill(text)
    form.get_by_role("button").click()
    reader.page.wait_for_url("**#related")
    assert reader.page.get_by_role("status").count()
    look(reader, page)
    check(reader, "/changes")
    assert text in reader.page.locator("main").inner_text()
