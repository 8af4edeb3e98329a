"""The questions of `followthrough init`, each with a default and answerable by an option."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import click
from marshmallow import ValidationError

from config.problems import heard
from config.schema import Address
from config.secrets import NoSecret, SecretPlace, SecretSource, read_secret
from integrations.tracker import Place, Survey, TrackerError
from service.commands.reading import give_up, program
from service.explain import plain
from service.first_rules import SignIn
from service.surroundings import (
    Surroundings,
    address,
    connect,
    likely_place,
    likely_severity,
    likely_type,
    place_for_tasks,
    seen_places,
)

#: Where the private key of a GitHub App is looked for, unless something else is said.
KEY_FILE = "github-app.pem"

_SHOWN = 15
_SOURCES = ("field", "label", "heading")


class Signed(Protocol):
    """What one signs in to."""

    def account(self) -> str:
        """Who one is there. Raises TrackerError."""


Site = TypeVar("Site", bound=Signed)


@dataclass(frozen=True, slots=True)
class Interview:
    """Asks a person, or takes what was `given` as options and, with `yes`, the defaults."""

    given: Mapping[str, str | None]
    yes: bool

    def text(
        self,
        name: str,
        question: str,
        default: str | None = None,
        *,
        choices: Sequence[str] = (),
        wrong: Callable[[str], str | None] = lambda _: None,
    ) -> str:
        """One answer, without the white space around it. `wrong` says what is wrong with one."""

        def fault(answer: str) -> str | None:
            if choices and answer.casefold() not in {c.casefold() for c in choices}:
                return f"Write one of {', '.join(choices)}."
            return wrong(answer)

        option = "--" + name.replace("_", "-")
        answer = self.given.get(name)
        if answer is None and self.yes:
            if default is None:
                give_up(f"{question}? With --yes this must be said: {option}.")
            answer = default
        if answer is not None:
            if told := fault(answer.strip()):
                give_up(f"{option}: {told}")
            return _as_listed(answer.strip(), choices)
        while True:
            answer = str(
                click.prompt(question, default=default, show_default=bool(default))
            ).strip()
            told = fault(answer)
            if told is None:
                return _as_listed(answer, choices)
            click.echo(told)

    def go_on_without_looking(self, *why: str) -> None:
        """Tell why the tracker cannot be looked into; go on if the person wants to."""
        for line in why:
            click.echo(plain(line))
        if self.yes:
            return
        if not click.confirm("Go on without looking into the tracker?", default=False):
            give_up("Nothing was written.")

    def tell(self, *lines: str) -> None:
        """What helps to answer the next question, where somebody is asked."""
        if not self.yes:
            for line in lines:
                click.echo(plain(line))

    def show(self, title: str, lines: Sequence[str]) -> None:
        """What there is to choose from, if anything."""
        if lines:
            more = [f"  … and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
            self.tell(title, *(f"  {line}" for line in lines[:_SHOWN]), *more)

    # --- the tracker ------------------------------------------------------------------------

    def surroundings(self, base: Path) -> Surroundings:
        """Which tracker, by which account, and what is there. `base` is where the rules go:
        a token's file is named relative to it."""
        kinds = ("jira", "github")
        kind = self.text("tracker", "Your incidents are in jira or github", "jira", choices=kinds)
        url = self.address(kind, "url", "Its address")
        at = self.github(url) if kind == "github" else self._jira(url)
        tracker = self.sign_in(at, base, partial(connect, at))
        me = tracker.account() if tracker else ""
        around = self._place(Surroundings(at, tracker, account=me))
        return self._incidents(around)

    def address(self, kind: str, name: str, question: str, likely: str | None = None) -> str:
        """The address of a Jira, Confluence or GitHub's API, however it was written."""
        default = "https://api.github.com" if kind == "github" else likely
        example = "" if default else ", such as acme.atlassian.net"
        said = self.text(
            name, question + example, default, wrong=lambda said: _no_address(kind, said)
        )
        return address(kind, said)

    def _jira(self, url: str) -> SignIn:
        self.tell(
            "Jira Cloud signs in by an account's e-mail and API token; Data Center by a",
            "personal access token alone: then just press Enter.",
        )
        user = self.text("user", "The account's e-mail", "")
        return SignIn("jira", url, self.secret("token", "env:JIRA_TOKEN"), user)

    def github(self, url: str, before: str = "") -> SignIn:
        """How to sign in to a GitHub; `before` is what its options begin with."""
        self.tell(
            "GitHub signs in by an account's token, or as a GitHub App by its private key. If",
            f"there is none yet: stop, let `{program()} github-app` register one, and begin anew;",
            "or press Enter and begin with a token.",
        )
        app = self.text(f"{before}app", "The App's id", "", wrong=_no_app)
        if app:
            key = self.secret(f"{before}token", f"file:{KEY_FILE}", "private key")
            return SignIn("github", url, key, app=app, webhook_secret=_beside(key))
        return SignIn("github", url, self.secret(f"{before}token", "env:GITHUB_TOKEN"))

    def secret(self, name: str, default: str, what: str = "token") -> str:
        """Where the token or key stands."""
        self.tell(
            f"\nThe {what} stays out of the rules: name the environment variable that holds it",
            f"(or file:PATH). Do not type the {what} itself.",
        )
        said = self.text(name, f"Variable or file with the {what}", default, wrong=_no_source)
        return said if ":" in said else f"env:{said}"

    def sign_in(self, at: SignIn, base: Path, connected: Callable[[str], Site]) -> Site | None:
        """What is `connected` with the secret, once it took that; None where it is not there yet,
        or refused, and the person goes on all the same."""
        place, _, name = at.secret.partition(":")
        try:
            secret = read_secret(SecretSource(SecretPlace(place), name), os.environ, base)
        except NoSecret as error:
            lines = (
                f"Not there yet: {error}. To set it:",
                f"  {how_to_set(at)}",
                *(() if at.app else _PASTE[place]),
            )
            self.go_on_without_looking(*lines)
            return None
        site = connected(secret.reveal())
        try:
            site.account()
        except TrackerError as error:
            why = [f"Signing in failed: {error.words}", f"  → {error.mend}"]
            if self.yes:  # nobody is there to say that it does not matter
                give_up(*map(plain, why), "Nothing was written.")
            self.go_on_without_looking(*why)
            return None
        click.echo("Signed in.")
        return site

    def _place(self, around: Surroundings) -> Surroundings:
        places: tuple[Place, ...] = ()
        if around.tracker is not None:
            try:
                places = seen_places(around.tracker)
            except TrackerError as error:
                click.echo(missing("What there is cannot be listed", error))
        who = "App" if around.at.app else "account"
        seen = [f"{p.key}  {p.name if p.name != p.key else ''}" for p in places]
        self.show(f"This {who} sees:", seen)
        noun = "project" if around.kind == "jira" else "repository (owner/name)"
        place, survey = self.surveyed(
            around, "place", f"The {noun} of your incidents", likely_place(places)
        )
        return replace(around, places=places, place=place, survey=survey)

    def surveyed(
        self, around: Surroundings, name: str, question: str, default: str | None
    ) -> tuple[str, Survey | None]:
        """A project or repository that can be seen, and what it offers."""
        while True:
            place = self.text(name, question, default)
            place = place.upper() if around.kind == "jira" else place
            if around.tracker is None:
                return place, None
            try:
                survey = around.tracker.survey(place)
                return survey.place.key, survey
            except TrackerError as error:
                told = missing(place, error)
            if self.given.get(name) is not None or self.yes:
                give_up(told)
            click.echo(told)

    def _incidents(self, around: Surroundings) -> Surroundings:
        survey = around.survey
        if around.kind == "github":
            labels = survey.labels if survey else ()
            self.show("Its labels:", labels)
            label = likely_type([name for name in labels if "incident" in name.casefold()])
            said = self.text("label", "Incidents are the issues labelled", label or "incident")
            return replace(around, label=said)
        types = survey.types if survey else ()
        self.show("Its issue types:", types)
        default = likely_type(types, "incident", "outage") or "Incident"
        said = self.text("issue_type", "Incidents are the issues of type", default, choices=types)
        if around.tracker is not None:
            try:
                survey = around.tracker.survey(around.place, said)
            except TrackerError as error:
                click.echo(plain(f"{said} could not be looked at: {error.words}"))
        return replace(around, survey=survey, issue_type=said)

    # --- what is to be created --------------------------------------------------------------

    def severity(self, around: Surroundings) -> tuple[tuple[str, str] | None, tuple[str, ...]]:
        """Where the severity stands, and which severities get a postmortem (empty: all)."""
        likely = likely_severity(around.survey)
        if likely:
            fields = around.survey.fields if around.survey else ()
            named = next((f" ({f.name})" for f in fields if f.id == likely[1]), "")
            self.tell(f"The severity seems to stand in the {likely[0]} {likely[1]}{named}.")
        elif around.survey:
            self.tell("No field or label looks like a severity.")
        default = ":".join(likely) if likely else "none"
        said = self.text(
            "severity",
            "Severity from field:NAME, label:GLOB, heading:TEXT or none",
            default,
            wrong=_no_severity,
        )
        if said == "none":
            return None, ()
        kind, _, name = said.partition(":")
        when = self.text("when", "Severities that get a postmortem, or all", "sev1,sev2")
        chosen = [word.strip() for word in when.split(",") if word.strip()]
        return (kind, name.strip()), () if chosen == ["all"] else tuple(chosen)

    def tasks(self, around: Surroundings) -> tuple[str, str]:
        """The place of remediation tasks, and their issue type."""
        noun = "Project" if around.kind == "jira" else "Repository"
        place, survey = self.surveyed(
            around, "tasks_place", f"{noun} for remediation tasks", place_for_tasks(around)
        )
        if around.kind == "github":
            return place, ""
        types = survey.types if survey else ()
        default = likely_type(types, "task", "story", but=around.issue_type) or "Task"
        self.show("Its issue types:", types)
        return place, self.type("tasks_type", "A remediation task is a", default, types)

    def type(self, name: str, question: str, default: str, types: Sequence[str]) -> str:
        """One of the issue types, where it is known which there are."""
        return self.text(name, question, default, choices=types)


def missing(what: str, error: TrackerError) -> str:
    """That it is not to be had, and what mends that."""
    return plain(f"{what}: {error.words}") + (plain(f"\n  → {error.mend}") if error.mend else "")


def how_to_set(at: SignIn) -> str:
    """What a person does to put the token or key where it is looked for."""
    place, _, name = at.secret.partition(":")
    if at.app and place == SecretPlace.ENV:
        return f'export {name}="$(cat {KEY_FILE})"'  # the file has several lines
    if place == SecretPlace.FILE:
        what = "App's private key" if at.app else "token"
        return f"write the {what} into {name}, next to the rules, readable by you only"
    return f"read -rs {name}; export {name}"  # an export with the token stays in the history


_PASTE = {"env": ("(then paste the token and press Enter: nothing is shown)",), "file": ()}


def _no_address(kind: str, said: str) -> str | None:
    """What the rules would say against the address: before a token is sent there."""
    try:
        Address().read(address(kind, said))
    except ValidationError as error:
        return ": ".join(filter(None, heard(str(error.messages[0])))).capitalize()
    return None


def _beside(key: str) -> str:
    """The secret of the App's webhook, where the page that registered it has kept one."""
    file = Path(key.removeprefix("file:")).with_name("webhook-secret")
    return str(file) if file.is_absolute() and file.is_file() else ""


def _no_app(said: str) -> str | None:
    if not said or re.fullmatch(r"\d+|Iv[\w.]+", said, re.ASCII):
        return None
    return "Write the App's id, a number, or its client id, as its page shows them; or nothing."


def _no_source(said: str) -> str | None:
    """What is wrong with a token's place. What was typed is not repeated: it may be the token."""
    name = said.removeprefix("env:")
    if said.startswith("file:") and said.removeprefix("file:").strip():
        return None
    if name.startswith("FOLLOWTHROUGH_"):
        return "Names that begin with FOLLOWTHROUGH_ are the service's own settings."
    if re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        return None
    return "That is no variable's name: write one in capitals (JIRA_TOKEN), or file:PATH."


def _no_severity(said: str) -> str | None:
    kind, _, name = said.partition(":")
    if said == "none" or (kind in _SOURCES and name.strip()):
        return None
    return "Write field:NAME, label:GLOB, heading:TEXT, or none."


def _as_listed(answer: str, choices: Sequence[str]) -> str:
    return next((c for c in choices if c.casefold() == answer.casefold()), answer)
