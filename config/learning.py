"""The section `learning` of the rules: what is counted as one, and when a factor recurs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from marshmallow import ValidationError

from config.fields import Count, Lasting, OrOff, Section, TextByName, Value
from config.problems import Complaint, Place, said, suggestion
from workflows.learning_rules import LearningRules, PatternRules
from workflows.recurrence import normal

#: A factor that one incident names does not recur; and a year is as far as pages count.
FEWEST, LONGEST = 2, timedelta(days=366)
_EXAMPLE = "{threshold: 3, within: 180 days}"


class RecurringSection(Section):
    threshold = Count()
    within = Lasting()


class OfTeams(Value[dict[str, dict[str, Any] | None]]):
    """For each team its own numbers, or ``off``: None."""

    def read(self, value: Any) -> dict[str, dict[str, Any] | None]:
        if not isinstance(value, Mapping):
            raise ValidationError(said("must be a group of teams", "write one team a line below"))
        one = OrOff(RecurringSection, _EXAMPLE)
        loaded: dict[str, dict[str, Any] | None] = {}
        wrong: dict[str, Any] = {}
        for team, own in value.items():
            try:
                loaded[str(team)] = one.read(own)
            except ValidationError as error:
                wrong[str(team)] = error.messages
        if wrong:
            raise ValidationError(wrong)
        return loaded


class PatternsSection(RecurringSection):
    teams = OfTeams(load_default=dict)


class LearningSection(Section):
    synonyms = TextByName(load_default=dict)
    patterns = OrOff(PatternsSection, _EXAMPLE)


def check_learning(rules: Mapping[str, Any]) -> Iterator[Complaint]:
    """Everything that is wrong between the parts of the section, as the schema loaded it."""
    synonyms: Mapping[str, str] = rules.get("learning", {}).get("synonyms", {})
    known: dict[str, str] = {}
    for word, name in synonyms.items():
        place = ("learning", "synonyms", word)
        if not normal(word) or not normal(name):
            yield Complaint(place, "has no word in it", "write at least a letter or digit")
        elif normal(word) in known:
            message = f"says the same as “{known[normal(word)]}”"
            yield Complaint(place, message, "keep one of them")
        elif normal(word) == normal(name):
            yield Complaint(place, "stands for itself", "take it out: case and marks say nothing")
        known.setdefault(normal(word), word)
    for word, name in synonyms.items():
        if normal(name) in known and normal(word) != normal(name):
            message = f"stands for “{name}”, which stands for another word itself"
            right = synonyms[known[normal(name)]]
            yield Complaint(("learning", "synonyms", word), message, f"write {right}")


def check_patterns(rules: Mapping[str, Any]) -> Iterator[Complaint]:
    """The same of when a factor recurs."""
    patterns, place = rules.get("learning", {}).get("patterns"), ("learning", "patterns")
    if patterns is None:
        return
    yield from _check_recurring(patterns, place)
    known = list(rules.get("teams", {}))
    for team, own in patterns.get("teams", {}).items():
        there = (*place, "teams", team)
        if team not in known:
            yield Complaint(there, f"“{team}” is no team", suggestion(team, known))
        yield from _check_recurring(own or {}, there)


def _check_recurring(group: Mapping[str, Any], place: Place) -> Iterator[Complaint]:
    if group.get("threshold", FEWEST) < FEWEST:
        message = "is one incident, and one does not recur"
        yield Complaint((*place, "threshold"), message, f"write {FEWEST} or more")
    if not _DAY <= group.get("within", _DAY) <= LONGEST:
        message = f"is not between 1 and {LONGEST.days} days"
        yield Complaint((*place, "within"), message, "write it as 180 days")


_DAY = timedelta(days=1)


def build_learning(rules: Mapping[str, Any]) -> LearningRules:
    """What the rules say of it; nothing where they have no such section."""
    learning = rules.get("learning", {})
    synonyms = {normal(word): normal(name) for word, name in learning.get("synonyms", {}).items()}
    patterns = learning.get("patterns")
    if patterns is None:
        return LearningRules(synonyms)
    usual = _recurring(patterns, PatternRules())
    own = patterns.get("teams", {}).items()
    teams = {team: None if each is None else _recurring(each, usual) for team, each in own}
    return LearningRules(synonyms, usual, teams)


def _recurring(group: Mapping[str, Any], usual: PatternRules) -> PatternRules:
    """What a group says, and else what is usual."""
    own = {key: group[key] for key in ("threshold", "within") if key in group}
    return replace(usual, **own)
