"""Which page shows which of the texts that trackers and people bring. A page without an entry fails
in `test_hostile_texts`, and so does one that shows something else than its entry says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from browser.hostile import Say, file

from service.web.figures import FIGURES
from workflows.recurrence import normal

#: The address of a page about the incident with this number, which says all this.
Address = Callable[[int, Say], str]


@dataclass(frozen=True, slots=True)
class Page:
    """Where it is: one `address` or several, which are `lists` of all incidents, or about one.
    `texts` are the names of those that it shows; `whole`: the whole of each payload too, as it was
    written."""

    addresses: tuple[Address, ...]
    texts: frozenset[str] = frozenset()
    lists: bool = False
    whole: bool = False


def _texts(names: str) -> frozenset[str]:
    return frozenset(" ".join(names.split()).split("; "))


def _asked(path: str, **asked: str) -> str:
    return f"{path}?{urlencode(asked, errors='replace')}"


def _listed(*paths: str) -> tuple[Address, ...]:
    return tuple(map(_always, paths))


def _always(path: str) -> Address:
    return lambda number, say: path


def _at(pattern: str) -> Address:
    return lambda number, say: pattern.format(number)


def _figure(name: str) -> Address:
    return lambda number, say: _asked(f"/figures/{name}", team=say("team"))


def _search(name: str) -> Address:
    return lambda number, say: _asked("/search", q=say(name))


def _pattern(number: int, say: Say) -> str:
    return f"/patterns/{quote(normal(say('factor')) or 'nothing', safe='')}"


#: What comes of these is data, for programs: no browser shows it as a page.
DATA = frozenset(
    {"planning.measures", "figures.as_csv", "api.openapi", "watching.ready", "watching.measured"}
)

#: What is kept, and shown on no page.
UNSEEN = frozenset(
    {
        *("choice", "detail", "e-mail", "end", "key of the other", "title on the twin"),
        *("why again", "why it failed"),
    }
)

PAGES: Mapping[str, Page] = {
    "overview.overview": Page(
        _listed("/"),
        _texts(
            """
            event; how to mend it; key of the task; key of the ticket; owner of the action;
            refusal; reviewer; service; severity; team; title; title of the action; what it
            waits for; why it is unreadable; wish
            """
        ),
        lists=True,
    ),
    "pages.incidents": Page(
        _listed("/incidents"),
        _texts(
            """
            key of the task; key of the ticket; service; severity; team; title; what it waits
            for
            """
        ),
        lists=True,
    ),
    "pages.incident": Page(
        (_at("/incidents/i{}"),),
        _texts(
            """
            address; address of the document; answer; conflict in the document; decision;
            doubt; event; evidence; factor; how to mend it; incident owner; instead; its
            milestone; its owner; key of the audit; key of the task; key of the ticket; key of
            the twin; milestone; owner of the action; owner on the task; owner on the twin;
            owner that holds; path of the file; proof; proposal; reason; refusal; reviewer;
            role; service; severity; source; status; success measure; team; through what; title;
            title of attached evidence; title in the file; title of the action; what could not
            be set; what it waits for; who
            did it; who gave proof; who has the role; who judged; who proposes; who set it on
            the task; who set it on the twin; who waived; why it is given up; why it is none;
            why it is unreadable; wish
            """
        ),
        whole=True,
    ),
    "boards.actions": Page(
        _listed("/actions", "/actions?show=waived"),
        _texts(
            """
            key of the task; key of the ticket; key of the twin; milestone; owner of the
            action; status; team; title; title of the action
            """
        ),
        lists=True,
    ),
    "boards.audits": Page(
        _listed("/audits", "/audits?show=judged"),
        _texts(
            """
            doubt; evidence; key of the audit; key of the ticket; reviewer; success measure;
            team; title; title of the action; who judged
            """
        ),
        lists=True,
    ),
    "patterns.patterns": Page(
        _listed("/patterns"),
        _texts(
            """
            factor
            """
        ),
        lists=True,
    ),
    "patterns.pattern": Page(
        (_pattern,),
        _texts(
            """
            action in the file; doubt; factor; key of the task; key of the ticket; path of the
            file; service; service in the file; severity; severity in the file; status; team;
            title; title in the file; title of the action
            """
        ),
    ),
    "planning.preread": Page(
        (lambda number, say: _asked("/preread", team=say("team"), quarter="2026Q4"),),
        _texts(
            """
            doubt; factor; key of the ticket; owner of the action; reviewer; severity; team;
            title; title of the action; who judged
            """
        ),
    ),
    "figures.figure": Page(
        tuple(map(_figure, FIGURES)),
        _texts(
            """
            key of the ticket; service; service in the file; severity; severity in the file; team
            """
        ),
    ),
    "search.search": Page(
        (
            _search("factor"),
            _search("tag"),
            _search("words in the file"),
            _search("words in the document"),
            _search("evidence in the document"),
        ),
        _texts(
            """
            doubt; evidence; evidence in the document; factor; factor in the document; heading
            in the document; heading in the file; key of the audit; key of the task; key of
            the ticket; milestone; owner of the action; path of the file; reason; service;
            service in the file; severity; severity in the file; success measure; tag; tag in
            the file; team; title; title in the file; title of the action; who judged; words
            in the document; words in the file
            """
        ),
    ),
    "search.imported": Page(
        (lambda number, say: f"/imported/{file(number, say).id}",),
        _texts(
            """
            action in the file; factor; heading in the file; path of the file; service in the
            file; severity in the file; tag in the file; team; title in the file; words in the
            file
            """
        ),
    ),
    "operation.summary": Page(
        _listed("/operation"),
        _texts(
            """
            event; how to mend it; key of the task; key of the ticket; refusal; why it is
            unreadable; wish
            """
        ),
        lists=True,
    ),
    "zones.form": Page(_listed("/times"), lists=True),
    "sign_in.form": Page(()),  # for strangers: it shows what the address says, and nothing else
    "pages.deliveries": Page(
        _listed("/deliveries"),
        _texts(
            """
            event; why it is unreadable
            """
        ),
        lists=True,
    ),
    "pages.delivery": Page(
        (_at("/deliveries/{}"),),
        _texts(
            """
            event; key of the ticket; name in the payload; payload; why it is unreadable
            """
        ),
    ),
    "letters.letters": Page(
        _listed("/dead-letters"),
        _texts(
            """
            event; how to mend it; key of the ticket; refusal; title; why it is unreadable;
            wish
            """
        ),
        lists=True,
    ),
    "letters.letter": Page(
        (_at("/dead-letters/e{}"),),
        _texts(
            """
            how to mend it; key of the ticket; refusal; title; wish
            """
        ),
    ),
    "conflicts.conflicts": Page(
        _listed("/conflicts"),
        _texts(
            """
            key of the ticket; milestone; owner on the task; owner on the twin; owner that
            holds; refusal; title; who set it on the task; who set it on the twin
            """
        ),
        lists=True,
    ),
    "versions.versions": Page(
        (_at("/incidents/i{}/versions"), _at("/incidents/i{}/versions?before=1&after=2")),
        _texts(
            """
            key of the ticket; new heading; who published
            """
        ),
    ),
    "versions.version": Page(
        (_at("/incidents/i{}/versions/1"),),
        _texts(
            """
            commit; key of the ticket; who published; words of the version
            """
        ),
        whole=True,
    ),
    "drift.drift": Page(
        _listed("/drift"),
        _texts(
            """
            key of the task; key of the ticket; ours; theirs
            """
        ),
        lists=True,
    ),
    "trackers.trackers": Page(
        _listed("/trackers"),
        _texts(
            """
            what it said; why it rests
            """
        ),
        lists=True,
    ),
    "changes.changes": Page(
        _listed("/changes"),
        _texts(
            """
            after; before; name of a value; name of the token; subject; who changed it
            """
        ),
        lists=True,
    ),
    "setup.form": Page(_listed("/setup/github"), lists=True),
    "setup.made": Page(()),  # once, for whoever comes back from GitHub
    "api.page": Page(_listed("/api"), lists=True),
}
