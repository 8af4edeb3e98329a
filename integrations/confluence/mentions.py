"""People who are mentioned in a section, and are to stay so in what is written of it anew."""

from __future__ import annotations

import re
from collections.abc import Iterable

from integrations.confluence.reading import mentioned
from integrations.confluence.storage import Element, Part

_AS_IT_STANDS = r"<!\[CDATA\[.*?\]\]>|<code>.*?</code>|<a .*?</a>|<[^>]*>"


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
        names = "|".join(map(re.escape, sorted(self._written, key=len, reverse=True)))
        said = rf"(?<![\w@/.])@\u2060?(?P<who>{names})(?![\w@-])|(?<=<p>)(?P<alone>{names})(?=</p>)"
        self._said = re.compile(f"{said}|{_AS_IT_STANDS}", re.DOTALL)

    def put_back(self, storage: str) -> str:
        """What we wrote, with a mention wherever it says one: ``@account``, which may be broken by
        a character that nobody sees, or in a cell, as the owner, the account alone."""
        if not self._written:
            return storage
        return self._said.sub(self._mention, storage)

    def _mention(self, match: re.Match[str]) -> str:
        who = match["who"] or match["alone"]
        return self._written[who] if who else match[0]
