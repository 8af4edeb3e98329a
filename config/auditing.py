"""What audits ask of the rules: ladders that climb, reviewers who are known, a place to ask in.

As in `config.checks`, a part that was not readable is passed over: it has its complaint already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from config.checks import check_labels, check_tasks, kind_of, person_names
from config.problems import Complaint, Place, nearest, spelled, suggestion
from workflows import calendars
from workflows.policy import AuditRules, Span, SpanUnit, TaskDestination, same_word
from workflows.rungs import Verdict
from workflows.schedule import after

#: The key of a ladder for every severity that has none of its own.
USUAL = "default"

#: What is shipped: a first look after a month, and then a quarter and half a year after the measure
#: was done. CAPA checks of critical findings come 30 to 90 days after, of major ones 60 to 180:
#: https://www.valqms.com/capa-tool
LADDER = tuple(Span(days, SpanUnit.DAYS) for days in (30, 90, 180))
CORRECTIVE = Span(30, SpanUnit.DAYS)
WITHIN = Span(10, SpanUnit.BUSINESS_DAYS)
LENGTHEN = 2
LABELS = ("audit",)

#: A Monday, to tell which of two spans ends later.
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)


def check_audits(rules: Mapping[str, Any]) -> Iterator[Complaint]:
    """Everything about audits that is wrong between the parts of `rules`, as the schema loaded
    them."""
    connections: Mapping[str, Any] = rules.get("connections", {})
    people = person_names(rules.get("people", []))
    severities = tuple(rules.get("severities", {}))
    for name, team in rules.get("teams", {}).items():
        audits, place = team.get("audits"), ("teams", name, "audits")
        if audits is None:
            continue
        yield from _check_ladders(audits.get("ladder", {}), (*place, "ladder"), severities)
        for n, who in enumerate(audits.get("reviewers", ())):
            if same_word(who) not in people:
                right = nearest(who, people.values()) or "add them to people"
                message = f"nobody in people is called “{who}”"
                yield Complaint((*place, "reviewers", n), message, right)
        if "destination" in audits:
            yield from check_tasks(audits["destination"], (*place, "destination"), connections)
        to = audits.get("destination") or team.get("postmortem", {}).get("tasks", {})
        if kind_of(to, connections) == "jira":
            yield from check_labels(audits, place, "Jira")
        yield from _check_verdicts(audits.get("verdicts", {}), (*place, "verdicts"))


def _check_ladders(
    ladder: Mapping[str, Sequence[Span]], place: Place, severities: Sequence[str]
) -> Iterator[Complaint]:
    for name, steps in ladder.items():
        if name != USUAL and name not in severities:
            right = suggestion(name, (*severities, USUAL))
            yield Complaint((*place, name), f"“{name}” is no severity", right)
        for n, (one, other) in enumerate(pairwise(steps), 1):
            day, before = (after(span, _SOME_DAY, calendars.USUAL) for span in (other, one))
            if day <= before:
                message = "is not later than the one before it"
                yield Complaint((*place, name, n), message, "let each be longer than the last")


def _check_verdicts(verdicts: Mapping[str, Sequence[str]], place: Place) -> Iterator[Complaint]:
    first: dict[str, tuple[Place, str]] = {}
    for verdict, words in verdicts.items():
        for n, word in enumerate(words):
            there, other = first.setdefault(same_word(word), ((*place, verdict), verdict))
            if other != verdict:
                message = f"“{word}” means {other} already, in {spelled(there)}"
                yield Complaint((*place, verdict, n), message, "keep it at one of them")


def build_audits(
    team: Mapping[str, Any],
    tasks: TaskDestination,
    destination: Callable[[Mapping[str, Any]], TaskDestination],
    named: Callable[[str], str],
) -> AuditRules | None:
    """The audits of a team whose tasks go to `tasks`; None where they are off. What the rules do
    not say is as it is shipped."""
    audits = team.get("audits", {})
    if audits is None:
        return None
    ladder = {name: tuple(steps) for name, steps in audits.get("ladder", {}).items()}
    to = destination(audits["destination"]) if "destination" in audits else tasks
    return AuditRules(
        destination=replace(to, labels=tuple(audits.get("labels", LABELS))),
        ladder={name: steps for name, steps in ladder.items() if name != USUAL},
        usual=ladder.get(USUAL, LADDER),
        corrective=audits.get("corrective", CORRECTIVE),
        within=audits.get("within", WITHIN),
        lengthen=audits.get("lengthen", LENGTHEN),
        reviewers=tuple(named(who) for who in audits.get("reviewers", ())),
        verdicts={Verdict(v): tuple(words) for v, words in audits.get("verdicts", {}).items()},
        verdict_field=audits.get("verdict_field", ""),
        portfolio=audits.get("portfolio", True),
    )
