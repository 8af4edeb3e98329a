"""People who live with hundreds of measures for a year: they finish them, open them again, set them
aside and delete them, and judge the audits that they are asked for, or never do.

What they say is remembered; everything else is read from the trackers in the end (`Folk.stories`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from almanac import (
    DAY,
    DONE,
    EFFECTIVE,
    GONE,
    NOT_EFFECTIVE,
    ONCE,
    OPEN,
    PARTLY,
    WAIVED,
    Asked,
    Change,
    Rules,
    Said,
    Story,
)
from measures import InJira, Measure, OnGitHub
from stage import Stage

OPS = "acme/ops"

#: A field without which a ticket in Jira is not opened again.
WAY_BACK = "customfield_10060"

KINDS = ("preventive", "detective", "preventive", "detective", "corrective") * 2
SEVERITIES = ("sev1", "sev2", "sev2", "sev3")
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

_TITLE = re.compile(r"Audit: does AI-(\d+) of (\S+) still work\? \((\d+)\)$")
_PLACE = re.compile(r"round (\d+), number (\d+) in it")

Acts = Iterator[tuple[timedelta, Callable[[], None]]]


@dataclass(frozen=True)
class Ticket:
    """A ticket that the service opened, as a tracker holds it."""

    key: str
    title: str
    text: str
    created: datetime
    assignees: tuple[str, ...]
    closed: datetime | None
    notes: tuple[tuple[str, datetime], ...]


@dataclass(eq=False)
class Fate:
    """One measure in its tracker: `ticket` is what the sandbox keeps of it, `at` how many whole
    looks there had been when somebody last changed it or said that it is not effective."""

    desk: Desk
    incident: str
    number: int
    kind: str
    severity: str
    ticket: Any = None
    takes_back: bool = True
    gone: datetime | None = None
    at: int = -1
    spent: bool = False

    @property
    def key(self) -> str:
        return self.desk.key_of(self.ticket)

    @property
    def changes(self) -> list[Change]:
        found = [Change(LONG_AGO, OPEN), *self.desk.changes(self.ticket)]
        return [*found, Change(self.gone, GONE)] if self.gone else found

    @property
    def state(self) -> str:
        return self.changes[-1].state


@dataclass(eq=False)
class Asking:
    """An audit that somebody is asked for: when they judge it (None: never), and as what."""

    key: str
    fate: Fate
    judges: datetime | None
    word: str
    shut_first: bool
    twice: bool
    said: list[Said] = field(default_factory=list)


class Desk(Measure):
    """A tracker, as people and the judge see it."""

    severities: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._seen = 0

    def open(self, title: str, severity: str, asked: Sequence[str]) -> str:
        raise NotImplementedError

    def resolve(self, incident: str) -> None:
        raise NotImplementedError

    def key_of(self, ticket: Any) -> str:
        raise NotImplementedError

    def changes(self, ticket: Any) -> list[Change]:
        """How the state of a ticket changed, in order."""
        raise NotImplementedError

    def opened(self) -> list[tuple[Any, str]]:
        """All tickets that the service opened, with their titles."""
        raise NotImplementedError

    def shown(self, ticket: Any) -> Ticket:
        raise NotImplementedError

    def new_audits(self) -> list[tuple[str, str, int]]:
        """The audits that were opened since somebody last looked: key, incident and number."""
        found = [each for each in self.opened() if int(each[0].id) > self._seen]
        self._seen = max([self._seen, *(int(ticket.id) for ticket, _ in found)])
        told = [(self.key_of(ticket), _TITLE.match(title)) for ticket, title in found]
        return [(key, match[2], int(match[1])) for key, match in told if match]


class JiraDesk(Desk, InJira):
    def open(self, title: str, severity: str, asked: Sequence[str]) -> str:
        said: dict[str, Any] = {"customfield_10050": {"value": severity.replace("sev", "SEV-")}}
        key = str(self.jira.create_issue("INC", title, by="5b10-kim", **said))
        self.jira.comment(key, "\n".join(asked).replace("@kim", "@kim@acme.example"), "5b10-noor")
        return key

    def resolve(self, incident: str) -> None:
        self.jira.transition(incident, "Resolved", by="5b10-kim")

    def key_of(self, ticket: Any) -> str:
        return str(ticket.key)

    def changes(self, ticket: Any) -> list[Change]:
        status, reason, found = "To Do", None, []
        for entry in ticket.history:
            changed = {item["field"]: item["toString"] for item in entry["items"]}
            status, reason = changed.get("status", status), changed.get("resolution", reason)
            if changed.keys() & {"status", "resolution"}:
                done = WAIVED if reason == "Won't Do" else DONE
                at = datetime.strptime(entry["created"], "%Y-%m-%dT%H:%M:%S.%f%z")
                ours = entry["author"] == self.bot
                found.append(Change(at, done if status == "Done" else OPEN, ours))
        return found

    def opened(self) -> list[tuple[Any, str]]:
        issues = self.jira.issues.values()
        return [(i, i.values["summary"]) for i in issues if i.type == "Task"]

    def shown(self, ticket: Any) -> Ticket:
        who = self.assignees(ticket.key)
        closed = next((change.at for change in self.changes(ticket) if change.state != OPEN), None)
        texts = self.notes(ticket.key)
        times = [each.created for each in ticket.comments if each.author == self.bot]
        notes = tuple(zip(map(_beginning, texts), times, strict=True))
        title, text = ticket.values["summary"], self.text(ticket.key)
        return Ticket(ticket.key, title, text, ticket.created, tuple(who), closed, notes)


class GitHubDesk(Desk, OnGitHub):
    def open(self, title: str, severity: str, asked: Sequence[str]) -> str:
        number = self.github.open_issue(OPS, title, by="kim", labels=["incident", severity])
        self.github.comment(OPS, number, "\n".join(asked), by="noor")
        return f"{OPS}#{number}"

    def resolve(self, incident: str) -> None:
        self.github.close(OPS, self._number(incident), by="kim")

    def key_of(self, ticket: Any) -> str:
        return f"{OPS}#{ticket.number}"

    def changes(self, ticket: Any) -> list[Change]:
        found = []
        for entry in ticket.timeline:
            if entry["event"] in ("closed", "reopened"):
                done = WAIVED if entry["state_reason"] == "not_planned" else DONE
                state = OPEN if entry["event"] == "reopened" else done
                at = datetime.fromisoformat(entry["created_at"])
                found.append(Change(at, state, entry["actor"] == self.bot))
        return found

    def opened(self) -> list[tuple[Any, str]]:
        issues = self.github.repos[OPS].issues.values()
        tasks = (i for i in issues if i.user == self.bot and "postmortem" not in i.labels)
        return [(issue, issue.title) for issue in tasks]

    def shown(self, ticket: Any) -> Ticket:
        closed = next((change.at for change in self.changes(ticket) if change.state != OPEN), None)
        notes = [(_beginning(n.body), n.created) for n in ticket.notes if n.user == self.bot]
        who = tuple(ticket.assignees)
        key, text = self.key_of(ticket), ticket.body or ""
        return Ticket(key, ticket.title, text, ticket.created, who, closed, tuple(notes))


def _beginning(text: str) -> str:
    """Which note this is."""
    plain = text.replace("*", "")
    return next((note for note in ONCE if plain.startswith(note)), plain[:40])


class Folk:
    """Everybody, at both desks. `rules` says by desk, kind and severity what a measure's rules
    are; `whole_looks` is counted by whoever lets the service work."""

    def __init__(
        self,
        desks: Sequence[Desk],
        rules: Callable[[Desk, str, str], Rules],
        dice: random.Random,
        *,
        haste: int = 1,
    ) -> None:
        self.desks, self._rules, self._dice, self._haste = desks, rules, dice, haste
        self.stage = desks[0].stage
        self.fates: list[Fate] = []
        self.asking: dict[str, Asking] = {}
        self.whole_looks = 0

    # --- the beginning --------------------------------------------------------------------------

    def have_incidents(self, count: int) -> None:
        """So many incidents are opened, with ten measures each."""
        for case in range(count):
            desk, severity = self.desks[case % 2], self._dice.choice(SEVERITIES)
            lines = [f"ACTION: {_what(case, n)} @kim [{kind}]" for n, kind in enumerate(KINDS, 1)]
            key = desk.open(f"It fails in way {case}", severity, lines)
            self.fates += [Fate(desk, key, n, kind, severity) for n, kind in enumerate(KINDS, 1)]

    def resolve_incidents(self) -> None:
        for fate in self.fates[:: len(KINDS)]:
            fate.desk.resolve(fate.incident)

    def find_tickets(self) -> None:
        """Each measure has its ticket by now; a fifth of those in Jira have no way back."""
        there = {title: ticket for desk in self.desks for ticket, title in desk.opened()}
        for place, fate in enumerate(self.fates):
            fate.ticket = there[_what(place // len(KINDS), fate.number)]
            if isinstance(fate.desk, JiraDesk):
                fate.takes_back = self._dice.random() < 0.8
                if fate.takes_back:
                    fate.desk.jira.edit(fate.key, "5b10-kim", **{WAY_BACK: "yes"})

    # --- a day ----------------------------------------------------------------------------------

    def live(self, length: timedelta) -> None:
        """People do what they do, while so much time passes."""
        acts = sorted(self._acts(length), key=lambda each: each[0])
        begun = self.stage.clock()
        for after, act in acts:
            self.stage.clock.wait(max(begun + after - self.stage.clock(), timedelta()))
            act()
        self.stage.clock.wait(max(begun + length - self.stage.clock(), timedelta()))

    def _acts(self, length: timedelta) -> Acts:
        self._look_for_audits()
        now, days = self.stage.clock(), length / DAY * self._haste
        for asking in list(self.asking.values()):
            if asking.judges is not None and asking.judges <= now + length:
                after = max(asking.judges - now, MINUTE)
                asking.judges = None
                yield after, lambda asking=asking: self._judge(asking)  # type: ignore[misc]
        for fate in self.fates:
            act = self._whim(fate, days)
            if act is not None:
                yield length * self._dice.random(), lambda a=act, f=fate: a(f)  # type: ignore[misc]

    def _whim(self, fate: Fate, days: float) -> Callable[[Fate], None] | None:
        """What somebody does with a measure in so many days, if anything. A measure that was
        changed is done again, and one that is not effective touched, only after the service had a
        whole look."""
        state, dice = fate.state, self._dice.random()
        if state == GONE or (fate.at == self.whole_looks and (state != DONE or fate.spent)):
            return None
        if state == OPEN:
            return self._finish if dice < days / 40 else None
        if state == WAIVED:
            return self._reopen if dice < days / 60 else None
        if dice < days / 700:
            return self._delete
        if not fate.takes_back:
            return None
        if dice < days / 350:
            return self._set_aside
        return self._reopen if dice < days / 150 else None

    def _is_as(self, fate: Fate, state: str) -> bool:
        """Whether it still is so when somebody comes to it, and nobody just judged it."""
        return fate.state == state and not (fate.spent and fate.at == self.whole_looks)

    def _finish(self, fate: Fate) -> None:
        if self._is_as(fate, OPEN):
            fate.desk.close(fate.key, by="kim")
            fate.spent, fate.at = False, self.whole_looks

    def _reopen(self, fate: Fate) -> None:
        if self._is_as(fate, DONE) or self._is_as(fate, WAIVED):
            fate.desk.reopen(fate.key, by="kim")
            fate.at = self.whole_looks

    def _set_aside(self, fate: Fate) -> None:
        if self._is_as(fate, DONE):
            fate.desk.reopen(fate.key, by="kim")
            self.stage.clock.wait(MINUTE)
            fate.desk.set_aside(fate.key, by="kim")
            fate.at = self.whole_looks

    def _delete(self, fate: Fate) -> None:
        if self._is_as(fate, DONE):
            fate.gone = self.stage.clock()
            fate.desk.delete(fate.key)

    # --- audits ---------------------------------------------------------------------------------

    def _look_for_audits(self) -> None:
        """Whoever is asked decides when to judge, and what. What is asked of a measure that is not
        done any more, nobody answers."""
        fates = {(fate.incident, fate.number): fate for fate in self.fates}
        for desk in self.desks:
            for key, incident, number in desk.new_audits():
                days = self._dice.expovariate(1 / 9) / self._haste
                never = self._dice.random() < 0.12
                word = self._dice.choices((EFFECTIVE, PARTLY, NOT_EFFECTIVE), (60, 22, 18))[0]
                self.asking[key] = Asking(
                    key,
                    fates[incident, number],
                    None if never else self.stage.clock() + days * DAY,
                    word,
                    shut_first=desk is self.desks[0] and self._dice.random() < 0.1,
                    twice=self._dice.random() < 0.06,
                )
        for asking in self.asking.values():
            if asking.fate.state != DONE:
                asking.judges = None

    def _judge(self, asking: Asking) -> None:
        fate, desk = asking.fate, asking.fate.desk
        if fate.state != DONE:
            return
        if asking.shut_first and not asking.said:
            desk.close(asking.key, by="noor")
            self.stage.clock.wait(MINUTE)
        word = asking.word if not asking.said else self._dice.choice((EFFECTIVE, NOT_EFFECTIVE))
        way = self._dice.choice(("comment", "label", "close"))
        at = self.stage.clock()
        if asking.said or way == "comment":
            text = f"/audit {word} because I looked at https://graph.example/{fate.number}"
            desk.comment(asking.key, text, by="noor")
        elif way == "close" and isinstance(desk, GitHubDesk) and word == EFFECTIVE:
            desk.close(asking.key, by="noor")  # by the rules that is a verdict there
        else:
            desk.label(asking.key, f"audit:{word}", by="noor")
        asking.said.append(Said(at, word))
        if asking.said[0].verdict == NOT_EFFECTIVE:
            fate.spent, fate.at = True, self.whole_looks
        if asking.twice and len(asking.said) == 1:
            asking.judges = at + DAY

    # --- the end --------------------------------------------------------------------------------

    def stories(self) -> list[Story]:
        """What the trackers hold of each measure."""
        opened = {desk: [desk.shown(t) for t, _ in desk.opened()] for desk in self.desks}
        asked: dict[tuple[str, int], list[Asked]] = {}
        for tickets in opened.values():
            for ticket in tickets:
                if match := _TITLE.match(ticket.title):
                    number, incident, step = int(match[1]), match[2], int(match[3])
                    audit = self._asked(ticket, number, step, tickets)
                    asked.setdefault((incident, number), []).append(audit)
        return [
            Story(
                f"AI-{fate.number} of {fate.incident}",
                "kim",
                self._rules(fate.desk, fate.kind, fate.severity),
                fate.changes,
                asked.get((fate.incident, fate.number), []),
                fate.takes_back,
            )
            for fate in self.fates
        ]

    def _asked(self, ticket: Ticket, item: int, step: int, there: Sequence[Ticket]) -> Asked:
        place = _PLACE.search(ticket.text)
        assert place is not None, ticket.text
        named = re.compile(rf"(?<![\w/-]){re.escape(ticket.key)}(?!\w)")
        led = [each for each in there if each.title.startswith(("Close the gap", "Replace"))]
        led = [each for each in led if named.search(each.text)]
        gaps, successors = (
            tuple(each.key for each in led if each.title.startswith(f"{verb} AI-{item}"))
            for verb in ("Close the gap that", "Replace")
        )
        known = self.asking.get(ticket.key)
        return Asked(
            ticket.key,
            int(place[1]),
            int(place[2]),
            step,
            ticket.created,
            ticket.assignees,
            ticket.closed,
            ticket.notes,
            list(known.said) if known else [],
            gaps,
            successors,
        )


def _what(case: int, number: int) -> str:
    return f"remedy {number} of way {case}"
