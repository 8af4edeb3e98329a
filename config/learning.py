"""The section `learning` of the rules: what is counted as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from config.fields import Section, TextByName
from config.problems import Complaint
from workflows.learning_rules import LearningRules
from workflows.recurrence import normal


class LearningSection(Section):
    synonyms = TextByName(load_default=dict)


def check_learning(rules: Mapping[str, Any]) -> Iterator[Complaint]:
    """Everything that is wrong between the parts of the section, as the schema loaded it."""
    synonyms: Mapping[str, str] = rules.get("learning", {}).get("synonyms", {})
    said: dict[str, str] = {}
    for word, name in synonyms.items():
        place = ("learning", "synonyms", word)
        if not normal(word) or not normal(name):
            yield Complaint(place, "has no word in it", "write at least a letter or digit")
        elif normal(word) in said:
            message = f"says the same as “{said[normal(word)]}”"
            yield Complaint(place, message, "keep one of them")
        elif normal(word) == normal(name):
            yield Complaint(place, "stands for itself", "take it out: case and marks say nothing")
        said.setdefault(normal(word), word)
    for word, name in synonyms.items():
        if normal(name) in said and normal(word) != normal(name):
            message = f"stands for “{name}”, which stands for another word itself"
            right = synonyms[said[normal(name)]]
            yield Complaint(("learning", "synonyms", word), message, f"write {right}")


def build_learning(rules: Mapping[str, Any]) -> LearningRules:
    """What the rules say of it; nothing where they have no such section."""
    synonyms = rules.get("learning", {}).get("synonyms", {})
    return LearningRules({normal(word): normal(name) for word, name in synonyms.items()})
