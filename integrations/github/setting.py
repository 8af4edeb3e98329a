"""Setting the fields of a task: one PATCH, and what GitHub would not take is said.

https://docs.github.com/en/rest/issues/issues#update-an-issue
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from integrations.github.answers import Invalid
from integrations.github.choices import DROPPED, Choices
from integrations.github.client import GitHubClient, Json, issue_path
from integrations.github.marker import due_in, set_due
from integrations.github.reading import place_of, status_of, time_of
from integrations.github.tasks import TaskReading
from integrations.tracker import FieldsSet, NotThere, Overtaken, Rejected, StaleVersion
from workflows.effects import SetFields
from workflows.snapshots import Field, Progress, Value
from workflows.tasks import StatusWish

_OPEN = (Progress.OPEN, Progress.IN_PROGRESS, Progress.IN_REVIEW)
_REASONS: Mapping[str, str] = {
    Progress.DONE: "completed",
    Progress.WONT_DO: "not_planned",
    Progress.DUPLICATE: "duplicate",
}


@dataclass(slots=True)
class _Attempt:
    """What is asked for by now. `body` is the PATCH's, `mended` the parts of it that were asked for
    in other words already, and `due` where the body text is for."""

    wanted: SetFields
    place: str
    path: str
    body: Json = field(default_factory=dict)
    refused: dict[Field, str] = field(default_factory=dict)
    mended: set[str] = field(default_factory=set)

    def refuse(self, what: Field, words: str, *parts: str) -> None:
        self.refused[what] = words
        for part in parts:
            self.body.pop(part, None)


class FieldSetting:
    """Sets fields of issues of one server. Raises the TrackerError family only."""

    def __init__(self, client: GitHubClient, choices: Choices, tasks: TaskReading) -> None:
        self._client = client
        self._tasks = tasks
        self._choices = choices
        self._mends: Mapping[str, Callable[[_Attempt, Invalid], None]] = {
            "assignees": self._other_people,
            "milestone": self._other_milestone,
            "state_reason": _other_reason,
            "state": lambda t, e: t.refuse(Field.STATUS, e.words, "state", "state_reason"),
            "title": lambda t, e: t.refuse(Field.TITLE, e.words, "title"),
            "body": lambda t, e: t.refuse(Field.DUE, e.words, "body"),
        }

    def set_fields(self, wanted: SetFields, overtaken: Overtaken) -> FieldsSet:
        """One read and one PATCH; GitHub compares nothing in the moment between the two.

        Each 422 costs one more PATCH, without what it names or in other words; it is certainly
        without effect. `names` of the status say nothing here: an issue is open or closed.
        """
        state, issue = self._tasks.read(wanted.task)
        if why := overtaken(state):
            raise StaleVersion(why)
        attempt = _Attempt(wanted, state.place, issue_path(state.ref.key))
        self._fill(attempt, issue)
        written = self._written(attempt)
        return _outcome(attempt, written if written is not None else issue)

    def _fill(self, attempt: _Attempt, issue: Json) -> None:
        """What to ask for, where `issue` is what stands there."""
        wanted, body = attempt.wanted, attempt.body
        for name, value in wanted.values.items():
            if name is Field.OWNER:
                self._fill_people(attempt, issue)
            elif name is Field.MILESTONE and value is not None:
                try:
                    body["milestone"] = self._choices.milestone(attempt.place, value)
                except (Rejected, NotThere) as error:
                    attempt.refuse(name, f"{value}: {error.words}")
            elif name is Field.MILESTONE:
                body["milestone"] = None
            elif name is Field.TITLE and value is None:
                attempt.refuse(name, "an issue has a title")
            elif name is Field.TITLE:
                body["title"] = value
            elif name is Field.DUE:
                _fill_due(attempt, value, str(issue.get("body") or ""))
        if wanted.status is not None:
            _fill_state(attempt, wanted.status)

    def _fill_people(self, attempt: _Attempt, issue: Json) -> None:
        """PATCH replaces all assignees: the owner comes first, for GitHub keeps ten at most.
        Whoever else stands there stays, also who came just now."""
        wanted = attempt.wanted
        owner, old = wanted.values[Field.OWNER], wanted.replaces.get(Field.OWNER)
        if owner is not None and not self._choices.is_assignable(attempt.place, owner):
            attempt.refuse(Field.OWNER, _not_assignable(attempt))
            return
        beside = list(wanted.also.get(Field.OWNER, ()))
        if Field.OWNER in wanted.replaces:
            beside = _logins(issue)
        others = [one for one in beside if not _same(one, owner) and not _same(one, old)]
        attempt.body["assignees"] = [owner, *others] if owner is not None else others

    def _written(self, attempt: _Attempt) -> Json | None:
        """GitHub's answer, or None where nothing was left to be asked for."""
        while attempt.body:
            try:
                issue = self._client.write("PATCH", attempt.path, attempt.body)
            except Invalid as error:
                named = [name for name in self._mends if name in attempt.body.keys() & error.fields]
                if not named:
                    raise
                for name in named:
                    self._mends[name](attempt, error)
                    attempt.mended.add(name)
                continue
            return self._with_its_milestone(attempt, issue)
        return None

    def _with_its_milestone(self, attempt: _Attempt, issue: Json) -> Json:
        """A number may mean another milestone than it did when it was looked up, for ours was
        renamed since, or the issue stands in another repository: then it is looked up again."""
        title, number = attempt.wanted.values.get(Field.MILESTONE), attempt.body.get("milestone")
        shown, place = issue.get("milestone") or {}, place_of(issue)
        if title is None or number is None or _plain(shown.get("title")) == _plain(title):
            return issue
        if shown.get("number") != number and place == attempt.place:
            return issue  # dropped in silence
        self._choices.forget_milestones(place)
        try:
            attempt.body["milestone"] = self._choices.milestone(place, title)
            again = {"milestone": attempt.body["milestone"]}
            path = issue_path(f"{place}#{issue['number']}")
            return self._client.write("PATCH", path, again)
        except (Rejected, NotThere) as error:
            attempt.refuse(Field.MILESTONE, f"{title}: {error.words}")
            return issue

    def _other_people(self, attempt: _Attempt, error: Invalid) -> None:
        """Somebody cannot be assigned any more: without them, but not without the owner."""
        people = [str(login) for login in attempt.body["assignees"]]
        for login in people:
            self._choices.forget_person(attempt.place, login)
        kept = [one for one in people if self._choices.is_assignable(attempt.place, one)]
        owner = attempt.wanted.values[Field.OWNER]
        if owner is not None and owner not in kept:
            attempt.refuse(Field.OWNER, _not_assignable(attempt), "assignees")
        elif kept == people or "assignees" in attempt.mended:
            attempt.refuse(Field.OWNER, error.words, "assignees")
        else:
            attempt.body["assignees"] = kept

    def _other_milestone(self, attempt: _Attempt, error: Invalid) -> None:
        """Perhaps it was deleted, and made anew under another number."""
        title, before = attempt.wanted.values[Field.MILESTONE], attempt.body["milestone"]
        words = error.words
        self._choices.forget_milestones(attempt.place)
        if title is not None and "milestone" not in attempt.mended:
            try:
                attempt.body["milestone"] = self._choices.milestone(attempt.place, title)
            except (Rejected, NotThere) as second:
                words = second.words
        if attempt.body["milestone"] == before:
            attempt.refuse(Field.MILESTONE, f"{title}: {words}", "milestone")


def _fill_due(attempt: _Attempt, value: Value, text: str) -> None:
    try:
        due = None if value is None else date.fromisoformat(value)
    except ValueError:
        attempt.refuse(Field.DUE, f"{value!r} is no date")
        return
    changed = set_due(text, due)
    if changed != text:
        attempt.body["body"] = changed


def _fill_state(attempt: _Attempt, wish: StatusWish) -> None:
    if wish.progress in _OPEN:
        attempt.body["state"] = "open"
    else:
        said = [word.strip().casefold().replace(" ", "_") for word in wish.reasons]
        known = (word for word in said if word in _REASONS.values())
        reason = next(known, _REASONS[wish.progress])
        attempt.body |= {"state": "closed", "state_reason": reason}


def _other_reason(attempt: _Attempt, error: Invalid) -> None:
    """`duplicate` came in December 2024, and older Enterprise Servers do not know it: there such an
    issue is one that is not planned, as it was before on github.com.
    https://github.blog/changelog/2024-12-12-github-issues-projects-close-issue-as-a-duplicate-rest-api-for-sub-issues-and-more/
    https://github.com/github/rest-api-description/issues/4492"""
    if attempt.body["state_reason"] == "duplicate":
        attempt.body["state_reason"] = "not_planned"
    else:
        attempt.refuse(Field.STATUS, error.words, "state", "state_reason")


def _outcome(attempt: _Attempt, issue: Json) -> FieldsSet:
    """What the answer shows of what was asked for; what it does not show, GitHub dropped in
    silence, as it does for callers without push access."""
    confirmed, wanted = dict[Field, Value](), attempt.wanted
    at = time_of(issue["updated_at"])
    stands: Mapping[Field, Value] = {
        Field.OWNER: _owner(attempt, issue),
        Field.MILESTONE: _milestone(issue),
        Field.DUE: _due(issue),
        Field.TITLE: str(issue["title"]),
    }
    for name, value in wanted.values.items():
        if name in attempt.refused or name not in stands:
            continue
        shown = stands[name]
        if _same(shown, value) if name is Field.OWNER else _plain(shown) == _plain(value):
            confirmed[name] = shown
        else:
            attempt.refused[name] = DROPPED
    also = _beside(confirmed, issue) if Field.OWNER in confirmed else {}
    if wanted.status is None or Field.STATUS in attempt.refused:
        return FieldsSet(confirmed, attempt.refused, at=at, also=also)
    status, reason = status_of(issue), attempt.body.get("state_reason")
    if status.name != attempt.body["state"] or (reason and status.reason not in (None, reason)):
        attempt.refused[Field.STATUS] = f"GitHub left it {status.name}, {status.reason}"
        return FieldsSet(confirmed, attempt.refused, at=at, also=also)
    return FieldsSet(confirmed, attempt.refused, status, at, also)


def _owner(attempt: _Attempt, issue: Json) -> Value:
    """The wanted owner if they are assigned, else whoever is that was not to stay."""
    owner, shown = attempt.wanted.values.get(Field.OWNER), _logins(issue)
    asked = [str(login).casefold() for login in attempt.body.get("assignees", ())]
    first = next((login for login in shown if _same(login, owner)), None)
    left = [login for login in shown if login.casefold() not in asked]
    return left[0] if left else first


def _beside(confirmed: Mapping[Field, Value], issue: Json) -> dict[Field, tuple[str, ...]]:
    owner = confirmed[Field.OWNER]
    return {Field.OWNER: tuple(one for one in _logins(issue) if not _same(one, owner))}


def _not_assignable(attempt: _Attempt) -> str:
    name = attempt.wanted.owner_name or attempt.wanted.values[Field.OWNER]
    return f"{name} is not assignable in {attempt.place}"


def _logins(issue: Json) -> list[str]:
    return [str(user["login"]) for user in issue.get("assignees") or []]


def _milestone(issue: Json) -> Value:
    shown = issue.get("milestone")
    return None if shown is None else str(shown["title"])


def _due(issue: Json) -> Value:
    due = due_in(issue.get("body"))
    return None if due is None else due.isoformat()


def _same(one: Value, other: Value) -> bool:
    return (one and one.casefold()) == (other and other.casefold())


def _plain(value: Value) -> Value:
    """Blanks around a title are GitHub's to keep or drop."""
    return value and value.strip()
