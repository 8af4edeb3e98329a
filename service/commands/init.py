"""`followthrough init`: a few questions, a look into the tracker, and the rules file is written."""

from __future__ import annotations

import os
import re
import shlex
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

import click

from config.rules import Rules, RulesError, load
from service.clock import utc_now
from service.commands.destination import DOCUMENTS, Document, document
from service.commands.interview import Interview, how_to_set
from service.commands.reading import give_up, program
from service.explain import plain
from service.first_rules import Answers, SignIn, render
from service.surroundings import Surroundings, recently_closed, strange_severities

#: Stands in for the token while the new rules are checked: they must be right without it.
_STAND_IN = "INIT_CHECKS_WITHOUT_THE_TOKEN"


@click.command(short_help="Ask a few questions, and write the rules file.")
@click.option(
    "--rules",
    "file",
    default="rules.yaml",
    envvar="FOLLOWTHROUGH_RULES",
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write.",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option(
    "--yes", is_flag=True, help="Ask nothing: take the options, and defaults for the rest."
)
@click.option("--tracker", type=click.Choice(["jira", "github"]), help="The tracker of incidents.")
@click.option("--url", help="The tracker's address.")
@click.option("--user", help="Jira Cloud: the account's e-mail. Empty: a personal access token.")
@click.option("--app", help="GitHub: the id of an App to sign in as. Empty: a token.")
@click.option("--token", help="env:NAME or file:PATH, where the token or the App's key stands.")
@click.option("--place", help="The project (INC) or repository (acme/ops) of incidents.")
@click.option("--issue-type", help="Jira: the issue type of incidents.")
@click.option("--label", help="GitHub: the label of incidents.")
@click.option("--severity", help="field:NAME, label:GLOB, heading:TEXT or none.")
@click.option("--when", help="Severities that get a postmortem: sev1,sev2, or all.")
@click.option("--document", type=click.Choice(list(DOCUMENTS)), help="What postmortems are.")
@click.option("--github-url", help="Pull requests, incidents in Jira: the address of GitHub.")
@click.option("--github-app", help="There: the id of an App to sign in as. Empty: a token.")
@click.option("--github-token", help="There: env:NAME or file:PATH of the token or the App's key.")
@click.option("--confluence-url", help="Pages: the address of Confluence.")
@click.option("--confluence-user", help="Confluence Cloud: the account's e-mail.")
@click.option("--confluence-token", help="env:NAME or file:PATH, where Confluence's token stands.")
@click.option(
    "--document-place", help="The project, repository, space or directory of postmortems."
)
@click.option("--document-parent", help="Confluence: the title of the page above postmortems.")
@click.option("--document-type", help="Jira: the issue type of postmortems.")
@click.option("--tasks-place", help="The project or repository of tasks.")
@click.option("--tasks-type", help="Jira: the issue type of tasks.")
@click.option("--team", help="The team's name.")
def init(file: Path, force: bool, yes: bool, **given: str | None) -> None:
    """Ask a few questions, look into the tracker, and write the rules file.

    Nothing is changed in the tracker, and the token itself is never asked for. The new team
    starts in mode: plan, which writes nothing anywhere. Each answer can be given as an option.
    """
    _look_at_place(file, force)
    today = utc_now().date()
    ask = Interview(given, yes)
    ask.tell(
        "A few questions: where your incidents are, and what is to be created for them.",
        "Enter takes what stands in [brackets]. Nothing is changed in your tracker.",
        "",
    )
    around = ask.surroundings(file.resolve().parent)
    answers, kept = _answers(ask, around, file.resolve().parent, today)
    rules = _write(answers, file)
    unseen = [] if around.tracker else [answers.at]
    if kept.second and not kept.signed_in and kept.second.secret != answers.at.secret:
        unseen.append(kept.second)
    _what_next(answers, around, rules, file, unseen)


def _look_at_place(file: Path, force: bool) -> None:
    """Before anything is asked: give up if the file is there, or could not be written."""
    try:
        if file.exists() and not force:
            give_up(f"{file} is there already. --force overwrites it, --rules names another file.")
        nearest = next(place for place in file.absolute().parents if place.exists())
    except OSError as error:
        give_up(f"{file} could not be written: {error.strerror}")
    if not nearest.is_dir():
        give_up(f"{file} could not be written: {nearest} is not a directory")
    if not os.access(nearest, os.W_OK | os.X_OK):
        give_up(f"{file} could not be written: this user may not write in {nearest}")


def _answers(
    ask: Interview, around: Surroundings, base: Path, today: date
) -> tuple[Answers, Document]:
    ask.tell("")
    severity, severities = ask.severity(around)
    kept = document(ask, around, base)
    tasks_place, tasks_type = ask.tasks(around)
    default_team = re.sub(r"[^a-z0-9-]+", "-", around.place.rpartition("/")[2].casefold()).strip(
        "-"
    )
    team = ask.text("team", "Name of the team whose incidents these are", default_team or "team")
    answers = Answers(
        at=around.at,
        place=around.place,
        issue_type=around.issue_type,
        label=around.label,
        severity=severity,
        severities=severities,
        by_component=bool(around.survey and around.survey.components),
        document=kept.kind,
        document_place=kept.place,
        document_type=kept.type,
        document_parent=kept.parent,
        tasks_place=tasks_place,
        tasks_type=tasks_type,
        team=team,
        start_from=today,
        fields=around.survey.fields if around.survey else (),
        people=around.people,
        second=kept.second,
    )
    return answers, kept


def _write(answers: Answers, file: Path) -> Rules:
    """Check the rules, then put them in place in one step. Returns them as checked: with a
    stand-in for the token, because it may not be there yet."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        stand_in = f"env:{_STAND_IN}"
        second = answers.second and replace(answers.second, secret=stand_in)
        at = replace(answers.at, secret=stand_in)
        checked = render(replace(answers, at=at, second=second), str(file))
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(checked, encoding="utf-8")
        rules = load(draft, {_STAND_IN: "none"})
        draft.write_text(render(answers, str(file)), encoding="utf-8")
        draft.chmod(0o644)
        draft.replace(file)
    except RulesError as error:
        told = [f"  {p.message}{f' — {p.mend}' if p.mend else ''}" for p in error.problems]
        give_up("These answers do not make rules; nothing was written:", *told)
    except OSError as error:
        give_up(f"{file} could not be written: {error.strerror}")
    finally:
        with suppress(OSError):  # there is none, and no directory for it either
            draft.unlink()
    return rules


def _what_next(
    answers: Answers, around: Surroundings, rules: Rules, file: Path, unseen: list[SignIn]
) -> None:
    """Tell it, and what is to be done in which order; `unseen` are those that nobody could sign in
    to."""
    said = next(
        (f.options for f in answers.fields if (answers.severity or ("", ""))[1] == f.id), ()
    )
    closed = recently_closed(around.tracker, rules.policy, answers.place, utc_now())
    option = "" if str(file) == "rules.yaml" else f" --rules {shlex.quote(str(file))}"
    ticket = closed.key if closed else "TICKET"
    seen = "an incident closed lately" if closed else "any incident, open or closed"
    name = program()
    steps: list[tuple[str, str]] = []
    for at in unseen:
        what = "private key" if at.app else "token"
        steps.append((how_to_set(at), f"the {what}, where the rules look for it"))
    steps += [
        (f"{name} doctor{option}", "are the rules right, and may the account do its work?"),
        (f"{name} plan {ticket}{option}", f"what would be created for {seen}"),
        (f"{name} up{option}", "start the service; it tells where its pages are"),
    ]
    if any(at and at.kind == "github" and not at.app for at in (answers.at, answers.second)):
        steps.append(("its page /setup/github", "a GitHub App in place of the token, if you like"))
    click.echo(
        click.style(f"\nWrote {file}.", bold=True) + " Read it: each line says what it does."
    )
    if strange := strange_severities(said, rules.policy):
        click.echo(
            f"Of the severities in your tracker the rules do not know {plain(', '.join(strange))}:"
            "\nincidents with one of these wait. Say under severities: what they are."
        )
    click.echo("\nNext:")
    width = max(len(command) for command, _ in steps)
    for number, (command, why) in enumerate(steps, start=1):
        click.echo(f"  {number}. {plain(command):<{width}}   {why}")
    click.echo(
        f"\nThe team {answers.team} starts in mode: plan. The service shows what it would do and"
        "\nwrites nothing, until you have seen enough and set mode: act in the rules."
        "\nNo public address and no webhook is needed: polling finds everything, within a minute or"
        "\nso. To hear of changes at once: set FOLLOWTHROUGH_PUBLIC_URL, name a secret below"
        f"\nwebhook_secrets, let `{name} webhooks install{option}` register the webhooks, and ask"
        "\ndoctor again."
    )
