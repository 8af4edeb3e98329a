"""Words that blame, pointed out as advice: the sentence, why it gets in the way of learning, and a
better form. Nothing here ever blocks anything.

A false alarm costs more than one that is missed: it teaches people not to look. So each rule wants
a person, or a word that has no other use, and what is ambiguous is left alone
(docs/reference/review.md lists what).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from workflows.documents import regions
from workflows.markup import as_said
from workflows.policy import KnownPerson
from workflows.sections import Line, sections


@dataclass(frozen=True, slots=True)
class Advice:
    """`phrase` is what was found, in our words (none of the document's); `sentence` is the
    document's own, and begins in `line`, 0 where that could not be looked up."""

    line: int
    sentence: str
    phrase: str
    why: str
    better: str


@dataclass(frozen=True, slots=True)
class _Rule:
    phrase: str
    pattern: re.Pattern[str]
    why: str
    better: str


#: Who is meant by no name. Left out is what also names software: operator, agent, manager, author.
_ROLES = (
    r"(?:he|she|we|you|someone|somebody|(?:(?:the|an?|our|one)\s+)?(?:on-?call\s+)?"
    r"(?:engineers?|developers?|administrators?|responders?|reviewers?|team|colleagues?|staff|"
    r"intern|contractor|sre|dba|on-?call(?:\s+person)?))"
)
_ADVERBS = r"(?:\s+(?:also|simply|just|really|clearly|probably|then|again|on\s+call|on\s+duty))*"

#: "should have" is only a verdict before a participle: "we should have a runbook" is a wish.
_PARTICIPLE = (
    r"(?:\w{2,}ed|been\s+(?:more\s+)?(?:careful|aware|attentive|vigilant)|known|seen|done|caught|"
    r"thought|read|run|kept|told|gone|found|made|set|taken|paid|understood|noticed|written)"
)
_SLIPS = (
    r"(?:caused|crashed|forgot|neglected|ignored|overlooked|misconfigured|mistyped|misread|"
    r"mishandled|botched|broke|failed\s+to|(?:took|brought)\s+(?:\S+\s+){1,4}down)"
)
_NOT = re.compile(
    r"(?:\b(?:not|never|no|nobody|rather\s+than|instead\s+of|without|beyond)\b|n['’]t)[^.;]{0,30}$",
    re.IGNORECASE,
)
#: So far before a word what denies it is looked for: the denial, and what may stand between.
_DENIED_WITHIN = 60

_ERROR = _Rule(
    "human error",
    re.compile(r"\b(?:human|operator)\s+error\b", re.IGNORECASE),
    "it ends the inquiry where it should begin: errors are normal, and their conditions differ",
    "say what made the error likely, and what let it through: “The form shows staging and "
    "production alike, and asks for no confirmation”",
)
_CARELESS = _Rule(
    "careless",
    re.compile(
        r"\b(?:careless(?:ly|ness)?|negligen(?:t|ce)|reckless(?:ly|ness)?)\b", re.IGNORECASE
    ),
    "it judges somebody's character, and nobody can be asked to change that",
    "say what they could see and what they were trying to do at that moment",
)
_OBVIOUSLY = _Rule(
    "obviously",
    re.compile(r"\bobviously\b", re.IGNORECASE),
    "it is obvious now; what people saw then is what has to be learnt",
    "say what was visible at that time, to whom, and where",
)
_SHOULD_HAVE = (
    "should have",
    "it describes something that did not happen, and leaves out why what was done made sense",
    "say what was done and what made it sensible then; put what should be into an action item",
)
_FAILED_TO = (
    "failed to",
    "it measures people by what is known now, and does not say what they did instead",
    "say what they did, and what they knew: “The alert read ‘disk’, so the disks were looked at”",
)
_PERSON = (
    "a person as the cause",
    "a name explains nothing: somebody else would have met the same conditions",
    "name the condition instead: which information, tool or guard was not there",
)

#: One of these is in whatever any rule meets: so little is left to be looked at closely.
_KEYS = re.compile(
    r"error|careless|negligen|reckless|obviously|have\b|failed\s+to|caused|crashed|forgot|neglected|"
    r"ignored|overlooked|misconfigured|mistyped|misread|mishandled|botched|broke|took|brought|"
    r"because\s+of|due\s+to|fault|blame|mistake|oversight",
    re.IGNORECASE,
)

_SPOKEN = re.compile(r"“[^“”]*”|„[^„“”]*[“”]|\"[^\"]*\"|«[^«»]*»|(?<!\w)[‘'][^‘’']*[’'](?!\w)")
_CODE = re.compile(r"(?<!`)(`++).*?(?<!`)\1(?!`)")
_TARGET = re.compile(r"\]\([^)\]\s]*\)|<?https?://[^\s>|]+>?")
_SENTENCE = re.compile(r"[^.!?]+(?:[.!?](?!\s)[^.!?]*)*[.!?]*")
_STRUCTURE = re.compile(r"^\s*(?:[-*+]\s|\d{1,3}[.)]\s|\|)")
_MARK = re.compile(r"^[-*+]\s+")
_HELP = re.compile(r"^\s*_[^_].*_\s*$")

#: Stands for each letter of a person's name while a sentence is looked at. It means nothing:
#: https://www.unicode.org/faq/private_use.html
_LETTER = "\ue000"

#: First names that are words of their own, also where a sentence begins.
_WORDS_TOO = frozenset(
    [
        "Will",
        "May",
        "Mark",
        "Grace",
        "Hope",
        "Art",
        "Bill",
        "Sue",
        "Drew",
        "Chase",
        "Grant",
        "April",
        "June",
    ]
)


def people_named(people: Iterable[KnownPerson], met: Iterable[str] = ()) -> frozenset[str]:
    """Whom a sentence may name: the people of the rules by name, first name and handle, and whom
    an incident `met` by their full names."""
    found = {name for name in met if " " in name}
    for person in people:
        found |= {person.name, *(f"@{handle}" for handle in person.handles.values())}
        first = person.name.split()[0] if person.name.split() else ""
        if len(first) > 2 and first not in _WORDS_TOO:
            found.add(first)
    return frozenset(name for name in found if len(name) > 2)


@lru_cache(maxsize=64)
def advice(
    text: str, people: frozenset[str] = frozenset(), ours: frozenset[str] = frozenset()
) -> tuple[Advice, ...]:
    """The sentences of a Markdown text that blame, each once, wherever and however often it
    stands, with the first rule that it meets. `people` are names, see `people_named`; what stands
    under the headings `ours` is not people's text. Asked again and again of one text."""
    rules, counted = _rules(), bool(regions(text))
    flat = " ".join(text.split())
    names = _names(frozenset(name for name in people if name in text or name in flat))
    found: dict[str, Advice] = {}
    for section in sections(text):
        if section.title in ours:
            continue
        for number, sentence in _sentences(section.prose):
            bare = names.sub(_veiled, _without_foreign(sentence).replace(_LETTER, " "))
            rule = next((rule for rule in rules if _meets(rule, bare)), None)
            if rule is not None:
                one = " ".join(as_said(sentence).split())
                told = Advice(number if counted else 0, one, rule.phrase, rule.why, rule.better)
                found.setdefault(one.casefold(), told)
    return tuple(found.values())


def _meets(rule: _Rule, sentence: str) -> bool:
    """Whether the sentence says it, and does not deny it."""
    return any(
        not _NOT.search(sentence, max(0, match.start() - _DENIED_WITHIN), match.start())
        for match in rule.pattern.finditer(sentence)
    )


@lru_cache(maxsize=64)
def _names(people: Collection[str]) -> re.Pattern[str]:
    """Whatever names one of these people."""
    names = "|".join(re.escape(name) for name in sorted(people, key=len, reverse=True))
    return re.compile(rf"(?<![\w@])(?:{names})(?!\w)" if names else r"(?!)")


def _veiled(name: re.Match[str]) -> str:
    return _LETTER * len(name[0])


@cache
def _rules() -> tuple[_Rule, ...]:
    """They are the same for all names, because to put them together takes as long as to look
    through a whole document."""
    named = rf"{_LETTER}++"
    who = rf"(?:\b(?i:{_ROLES})\b|{named})(?i:{_ADVERBS})\s+"
    verdict = rf"(?:should|ought\s+to)\s+have(?:\s+(?:just|simply|also|\w+ly))?\s+{_PARTICIPLE}\b"
    should = rf"{who}(?i:{verdict})"
    failed = rf"{who}(?i:failed\s+to\s+(?!reproduce\b)\w)"
    person = (
        rf"{named}(?i:{_ADVERBS}\s+{_SLIPS}\b)|(?i:\b(?:caused\s+by|because\s+of|due\s+to|fault\s+of|"
        rf"blame)\s+){named}(?!['’]s)|{named}['’]s\s+(?i:mistake|error|fault|oversight)\b"
        rf"|\b(?i:{_ROLES}\s+(?:forgot|neglected)\s+to)\b"
    )
    return (
        _ERROR,
        _Rule(_PERSON[0], re.compile(person), *_PERSON[1:]),
        _CARELESS,
        _Rule(_SHOULD_HAVE[0], re.compile(should), *_SHOULD_HAVE[1:]),
        _Rule(_FAILED_TO[0], re.compile(failed), *_FAILED_TO[1:]),
        _OBVIOUSLY,
    )


def _without_foreign(sentence: str) -> str:
    """Without what others said, code, and addresses."""
    return _TARGET.sub(" ", _SPOKEN.sub(" ", _CODE.sub(" ", sentence)))


def _sentences(lines: Collection[Line]) -> Iterator[tuple[int, str]]:
    """Each sentence with the line in which it begins. A paragraph may be wrapped anywhere; each
    item of a list and each cell of a table stands alone. Help text, a line in italics, is none."""
    for block in _blocks(lines):
        text = " ".join(line.strip() for _, line in block)
        if not _KEYS.search(text):
            continue
        starts, at = [], 0
        for number, line in block:
            starts.append((at, number))
            at += len(line.strip()) + 1
        for part in re.finditer(r"[^|]+", text):
            for match in _SENTENCE.finditer(part[0]):
                start = part.start() + match.start() + len(match[0]) - len(match[0].lstrip())
                if words := _MARK.sub("", match[0].strip()):
                    yield max(n for at, n in starts if at <= start), words


def _blocks(lines: Collection[Line]) -> Iterator[list[Line]]:
    block: list[Line] = []
    for number, line in lines:
        ends = not line.strip() or _HELP.match(line) is not None
        if block and (ends or _STRUCTURE.match(line)):
            yield block
            block = []
        if not ends:
            block.append((number, line))
    if block:
        yield block
