"""People who are mentioned in a section, and are to stay so in what is written of it anew."""

from __future__ import annotations

import re
from collections.abc import Iterable

from integrations.confluence.reading import mentioned
from integrations.confluence.storage import Element, Part

#: Where somebody may be named, and what is passed over: code, links, and whatever is no text.
_PLACES = re.compile(
    r"<!\[CDATA\[.*?\]\]>|<code>.*?</code>|<a .*?</a>|<[^>]*>|(?P<call>(?<![\w@/.])@)",
    re.DOTALL,
)
_GOES_ON = re.compile(r"[\w@-]")


class Mentions:
    """Those of some parts, each as it is written. Nobody is mentioned who was not before, and by
    no tracker's words: what is copied has its mentions broken by a character that nobody sees."""

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
        """What we wrote, with a mention wherever it says one, ``@account``."""
        if not self._written:
            return storage
        done, at = list[str](), 0
        for place in _PLACES.finditer(storage):
            if place["call"] and (who := self._named(storage, place.end())):
                done += storage[at : place.start()], self._written[who]
                at = place.end() + len(who)
        return "".join((*done, storage[at:]))

    def of_owner(self, account: str) -> str:
        """The mention of an owner, who is named by the account alone; "" if nobody mentioned it."""
        return self._written.get(account, "")

    def _named(self, storage: str, at: int) -> str:
        """Who is named there, by the longest name that ends there; "" if nobody is."""
        for length in self._lengths:
            end = at + length
            if storage[at:end] in self._written and not _GOES_ON.match(storage, end):
                return storage[at:end]
        return ""
