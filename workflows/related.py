"""Incidents that may have something to do with each other, proposed with the reason.

More than recurrence, which has consequences and so guesses nothing: here it is enough that words
are alike, and somebody decides whether it means anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import log2

from workflows.documents import marked
from workflows.markup import inert, link
from workflows.projection import Part, Projection, What
from workflows.recurrence import normal

#: An incident is looked for by so many of its words, tags and factors, and measures.
MOST_WORDS, MOST_LABELS, MOST_MEASURES = 20, 12, 30

#: A word, tag or factor that more than one of so many incidents has tells nothing; and neither
#: does a word that so many have.
ONE_OF, COMMON = 4, 100

#: So many incidents may have a tag or factor that counts across services.
RARE = 20

#: So many are proposed on a page, and in a new postmortem.
MOST, MOST_IN_DOCUMENT = 8, 3

SHORTEST = 4
_WORD = re.compile(r"[^\W\d_][^\W_]*")


@dataclass(frozen=True, slots=True)
class Traces:
    """What an incident is looked for by: its service in normal words, its labels as they are
    counted, the titles of its measures in normal words, and its rarer words, the most telling
    first."""

    id: str
    service: str
    labels: tuple[tuple[What, str], ...]
    measures: frozenset[str]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """An incident, or imported file, as it is proposed."""

    id: str
    key: str
    url: str
    title: str
    team: str
    service: str
    service_words: str
    opened: datetime | None
    imported: bool


@dataclass(slots=True)
class Shared:
    """What another incident has in common with one: labels, of which those `elsewhere` count
    although its service is another; rarer words, each with how many incidents have it; and titles
    of measures that failed there."""

    labels: set[tuple[What, str]] = field(default_factory=set)
    elsewhere: set[tuple[What, str]] = field(default_factory=set)
    words: dict[str, int] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)

    @property
    def weight(self) -> float:
        """How much it tells; the numbers are a judgement, and only order what is proposed."""
        factors = sum(what is What.FACTOR for what, _ in self.labels)
        tags = len(self.labels) - factors
        words = min(3.0, sum(1 / log2(1 + max(1, n)) for n in self.words.values()))
        return 3 * factors + tags + len(self.elsewhere) + words + 2 * len(self.failing)


@dataclass(frozen=True, slots=True)
class Related:
    """An incident that is proposed, and why, in words."""

    known: Known
    why: str


def traces(made: Projection) -> Traces:
    """What the incident is looked for by. Its title tells more than its text, and a long word more
    than a short one; words of its service are those of all its neighbours."""
    titles = [normal(each.title) for each in made.measures]
    first = [made.facts.title, *(label.said for label in made.labels)]
    body = " ".join(p.words for p in made.passages if p.part is Part.SECTION)
    own = set(made.facts.service_words.split())
    words = dict.fromkeys(word for text in first for word in _words(text))
    longest = sorted(set(_words(body)), key=lambda word: (-len(word), word))
    words |= dict.fromkeys(longest)
    told = [word for word in words if word not in own]
    return Traces(
        made.facts.id,
        made.facts.service_words,
        tuple((label.what, label.name) for label in made.labels)[:MOST_LABELS],
        frozenset(filter(None, titles[:MOST_MEASURES])),
        tuple(told[:MOST_WORDS]),
    )


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text.casefold()) if len(word) >= SHORTEST]


def common_from(incidents: int) -> int:
    """A word tells nothing that so many of so many incidents have besides this one."""
    return min(COMMON, max(incidents, ONE_OF) // ONE_OF + 1)


def rank(
    own: Traces, shared: Mapping[str, Shared], known: Iterable[Known], most: int
) -> list[Related]:
    """Those that are proposed of what is `known` and has something in common (by our id), what
    tells most first, and then the newest."""
    found = []
    for each in known:
        common, here = shared[each.id], bool(own.service) and each.service_words == own.service
        said = {word for _, name in common.labels | common.elsewhere for word in name.split()}
        for word in said & common.words.keys():  # they are told with the label
            del common.words[word]
        few = len(common.words) < (1 if here else 2)
        if few:
            common.words.clear()
        if common.weight > 0:
            found.append((common.weight + here, each, _why(common, each, here)))
    found.sort(key=lambda one: (one[0], one[1].opened.timestamp() if one[1].opened else 0.0))
    return [Related(each, why) for _, each, why in reversed(found[-most:])]


def _why(shared: Shared, other: Known, here: bool) -> str:
    parts = [f"same service {other.service}"] if here else []
    for what, words in ((What.FACTOR, "both name the factor"), (What.TAG, "both have the tag")):
        names = sorted(n for kind, n in shared.labels | shared.elsewhere if kind is what)
        parts += [f"{words} {', '.join(f'“{name}”' for name in names)}"] if names else []
    if shared.failing:
        titles = ", ".join(f"“{title}”" for title in sorted(shared.failing)[:2])
        parts.append(f"the same measure failed or is in doubt there: {titles}")
    if shared.words:
        rarest = sorted(shared.words, key=lambda word: (shared.words[word], word))
        parts.append(f"similar words: {', '.join(rarest[:5])}")
    return "; ".join(parts)


# --- in a new postmortem --------------------------------------------------------------------------

_END = marked("recurrence", "").rpartition("\n")[2]


def with_proposals(text: str, found: Sequence[Related]) -> str:
    """The text of a new document with a line for each below the region of recurrence, as text that
    people may edit and delete; as it was where it has no such region."""
    before, end, after = text.partition(_END)
    if not end or not found:
        return text
    lines = "\n".join(
        f"- perhaps related: {link(each.known.key, each.known.url)} ({inert(each.why)})"
        for each in found
    )
    told = "Proposed when this was set up. Delete what has nothing to do with it."
    return f"{before}{end}\n\n{told}\n\n{lines}{after}"
