"""People who are mentioned in a section, and are to stay so in what is written of it anew."""

from __future__ import annotations

import re
from collections.abc import Iterable

from integrations.confluence.reading import mentioned
from integrations.confluence.storage import Element, Part

#: Where somebody may be named, and what is passed over: code, links, and whatever is no text.
_PLACES = re.compile(
    r"<!\[CDATA\[.*?\]\]>|<code>.*?</code>|<a .*?</a>|(?P<alone><p>)|<[^>]*>"
    r"|(?P<call>(?<![\w@/.])@\u2060?)",
    re.DOTALL,
)
_GOES_ON = re.compile(r"[\w@-]")


class Mentions:
    """Those of some parts, each as it is written. Nobody is mentioned who was not before, so that
    Confluence tells nobody, and no tracker's words call anybody."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._written: dict[str, str] = {}
        for part in parts:
            for link in (
                e for node in part.nodes if isinstance(node, Element) for e in node.walk()
            ):
                if who := mentioned(link):
                    self._written[who] = part.edited((), of=link)
        self._lengths = sorted(set(map(len, self._written)), reverse=True)

    def put_back(self, storage: str) -> str:
        """What we wrote, with a mention wherever it says one: ``@account``, which may be broken by
        a character that nobody sees, or in a cell, as the owner, the account alone."""
        if not self._written:
            return storage
        done, at = list[str](), 0
        for place in _PLACES.finditer(storage):
            if place["alone"] or place["call"]:
                who = self._named(storage, place.end(), alone=bool(place["alone"]))
                if who:
                    start = place.end() if place["alone"] else place.start()
                    done += storage[at:start], self._written[who]
                    at = place.end() + len(who)
        return "".join((*done, storage[at:]))

    def _named(self, storage: str, at: int, *, alone: bool) -> str:
        """Who is named there, by the longest name that ends there; "" if nobody is."""
        for length in self._lengths:
            end = at + length
            ends = storage.startswith("</p>", end) if alone else not _GOES_ON.match(storage, end)
            if ends and storage[at:end] in self._written:
                return storage[at:end]
        return ""
