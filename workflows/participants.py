"""Whom the rules name besides those who work on an incident, and what these are asked.

The questions are open and ask how it looked from where somebody stood: what they saw, what made
sense then, what surprised them, what would have helped. None asks for a cause, or for what somebody
ought to have done. That is how debriefings are led:
https://dmathieu.com/articles/reading/debriefing-facilitation-guide/
https://navigator.betsylehmancenterma.gov/pages/interviewing-tips
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: The perspectives that may be asked for, and what each is asked where the rules say nothing else.
QUESTIONS: Mapping[str, str] = {
    "product": (
        "What were people trying to do when it began, and what did it look like to them? What did"
        " you expect to happen next, and which earlier choice or promise do you see differently"
        " now?"
    ),
    "engineering": (
        "What did you see first, and what did you take it for? Which step made sense at the time"
        " and surprises you now, and what did the system make hard to see or to do?"
    ),
    "data": (
        "Which numbers looked odd first, and which looked right and were not? What was lost, late"
        " or wrong, who builds on it, and what would have told you sooner?"
    ),
    "qa": (
        "What did tests and checks lead you to expect? Which conditions of this incident could"
        " none of them show, and what would make such conditions easier to think of?"
    ),
    "operations": (
        "Which signals reached you, and in what order? What were you weighing up, what did you"
        " have to work around, and what helped most?"
    ),
    "support": (
        "What did customers say first, in their own words, and when? What could you tell them,"
        " what did you lack for a good answer, and what do they still ask?"
    ),
}


def title(perspective: str) -> str:
    """What a perspective is called where people read of it."""
    return "QA" if perspective == "qa" else perspective.capitalize()


@dataclass(frozen=True, slots=True)
class CustomerRules:
    """The customer-facing teams, by name, and how an incident shows that customers felt it: one of
    these labels, a field or heading that says one of its words (anything where it has none), or
    one of these severities."""

    teams: Mapping[str, tuple[str, ...]]
    labels: frozenset[str] = frozenset()
    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)
    headings: Mapping[str, frozenset[str]] = field(default_factory=dict)
    severities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Participants:
    """Whom a team wants to hear, and to tell: the people of each perspective, with questions that
    replace the shipped ones; to whom a review's summary goes besides, None where it goes to
    nobody; and the customer-facing teams."""

    perspectives: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    questions: Mapping[str, str] = field(default_factory=dict)
    circulate: tuple[str, ...] | None = None
    customers: CustomerRules | None = None
