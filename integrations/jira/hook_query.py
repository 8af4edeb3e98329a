"""Which projects the query of a webhook lets through, as far as its words tell."""

from __future__ import annotations

import re
from collections.abc import Iterable

_VALUE = r'"(?:[^"\\]|\\.)*"|' + r"'(?:[^'\\]|\\.)*'|[^\s,()=!~<>\"']+"
_ASKED = rf"project\s*(?:=\s*(?:{_VALUE})|\bin\s*\(\s*(?:{_VALUE})(?:\s*,\s*(?:{_VALUE}))*\s*\))"
_ONLY_PROJECTS = re.compile(rf"{_ASKED}(?:\s+or\s+{_ASKED})*", re.IGNORECASE)
_TOKEN = re.compile(_VALUE + r"|[(),]|[=!~<>]+")


def of_projects(keys: Iterable[str]) -> str:
    """The query of these. A key may be a reserved word, such as INT or SET; in quotation marks it
    is none."""
    quoted = ", ".join(f'"{key}"' for key in keys)
    return f"project in ({quoted})"


def named(jql: str) -> frozenset[str] | None:
    """The projects, by key, name or id in lower case, that it asks for by ``project = …`` and
    ``project in (…)``; None where it asks in another way, such as by what it leaves out. What else
    narrows it is not looked at."""
    tokens = [word.casefold() for word in _TOKEN.findall(jql)]
    found = set[str]()
    for at, word in enumerate(tokens):
        before, after = tokens[at - 1] if at else "", tokens[at + 1 : at + 3]
        if word == "!" or (word == "not" and after[:1] != ["in"] and before != "is"):
            return None  # whatever follows is turned round
        if word != "project":
            continue
        if after[:1] == ["="]:
            values, end = tokens[at + 2 : at + 3], at + 3
        elif after == ["in", "("] and ")" in tokens[at:]:
            end = tokens.index(")", at)
            values = [value for value in tokens[at + 3 : end] if value != ","]
        else:
            return None
        if tokens[end : end + 1] == ["("] or "(" in values:
            return None  # a function's
        found |= {_unquoted(value) for value in values}
    return frozenset(found) or None


def only_projects(jql: str) -> bool:
    """Whether it says nothing but which projects, as ours do: what else stands in one, a person
    has thought of."""
    return not jql.strip() or _ONLY_PROJECTS.fullmatch(jql.strip()) is not None


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] in "\"'" else value
