"""`followthrough webhooks`: have the trackers tell us of changes, see whether they do, and stop."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import click

from config.rules import Rules
from config.settings import Settings
from integrations.findings import Finding
from integrations.tracker import OutcomeUnknown, TrackerError
from integrations.webhooks import Deed, Step, Webhooks
from service.clock import clock_of
from service.commands.reading import give_up, program, read_rules, rules_option
from service.container.trackers import Trackers
from service.explain import plain

_DONE = {
    Step.KEEP: "right already",
    Step.CREATE: "created",
    Step.UPDATE: "updated",
    Step.REMOVE: "removed",
    Step.BY_HAND: "BY HAND",
}
_PLANNED = {
    **_DONE,
    Step.CREATE: "would be created",
    Step.UPDATE: "would be updated",
    Step.REMOVE: "would be removed",
}
_FAILED = "FAILED"

#: One line of what was done: connection, place, how it ended, in words, and what a person can do.
_Line = dict[str, str]

connection_option = click.option("--connection", help="Only this connection of the rules.")
plan_option = click.option(
    "--plan", "only_plan", is_flag=True, help="Show what would be done; change nothing."
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="What was found or done, for a program to read."
)


@click.group(short_help="Have the trackers tell of changes.")
def webhooks() -> None:
    """Register our webhooks in the trackers, look whether they are right, and remove them.

    Ours are those that send to FOLLOWTHROUGH_PUBLIC_URL/webhooks/CONNECTION. All others are left
    alone.
    """


@webhooks.command(short_help="Register what is missing, mend what is wrong.")
@click.option(
    "--renew-secret", is_flag=True, help="Write the secret anew, also where all is right."
)
@connection_option
@plan_option
@json_option
@rules_option
def install(
    renew_secret: bool,
    connection: str | None,
    only_plan: bool,
    as_json: bool,
    rules_file: Path | None,
) -> None:
    """Register a webhook wherever the rules need one, and mend those of ours that are not right.

    What is right is left alone. Each gets the first of its connection's webhook_secrets. Ends with
    1 when anything failed, or is left to be done by hand.
    """
    _go(
        rules_file,
        connection,
        lambda hooks: hooks.to_install(anew=renew_secret),
        only_plan=only_plan,
        as_json=as_json,
    )


@webhooks.command(short_help="Remove those that send to this service.")
@connection_option
@plan_option
@json_option
@rules_option
def remove(connection: str | None, only_plan: bool, as_json: bool, rules_file: Path | None) -> None:
    """Remove the webhooks that send to this service; polling goes on.

    Ends with 1 when anything failed, or is left to be removed by hand.
    """
    _go(rules_file, connection, lambda h: h.to_remove(), only_plan=only_plan, as_json=as_json)


@webhooks.command(short_help="Look whether they are right and arrive.")
@connection_option
@json_option
@rules_option
def verify(connection: str | None, as_json: bool, rules_file: Path | None) -> None:
    """Look whether each place has its webhook, of the right events, and have GitHub send a ping.

    Ends with 1 when anything is missing or wrong.
    """
    settings, rules = read_rules(rules_file)
    found: list[tuple[str, Finding]] = []
    for name, hooks in _chosen(settings, rules, connection).items():
        looked = list(hooks.check())
        tried = [] if any(not finding.ok for finding in looked) else list(hooks.try_out())
        found += ((name, finding) for finding in (*looked, *tried))
    lines = [_of_finding(name, finding) for name, finding in found]
    _tell(lines, as_json, ok=all(finding.ok for _, finding in found))


def _go(
    rules_file: Path | None,
    connection: str | None,
    wanted: Callable[[Webhooks], Iterator[Deed]],
    *,
    only_plan: bool,
    as_json: bool,
) -> None:
    settings, rules = read_rules(rules_file)
    lines: list[_Line] = []
    for name, hooks in _chosen(settings, rules, connection).items():
        secret = rules.connections[name].webhook_secrets[0].reveal()
        try:
            deeds = list(wanted(hooks))
        except TrackerError as error:  # what was done elsewhere is told all the same
            told = f"webhooks could not be looked at: {error.words}"
            lines.append(_of(name, "", _FAILED, told, error.mend))
            continue
        for deed in deeds:
            lines.append(_line(name, deed) if only_plan else _done(name, deed, secret))
    left = {_DONE[Step.BY_HAND], _FAILED}
    _tell(lines, as_json, ok=not any(line["outcome"] in left for line in lines))


def _line(name: str, deed: Deed) -> _Line:
    return _told(name, deed, _PLANNED[deed.step], deed.mend)


def _done(name: str, deed: Deed, secret: str) -> _Line:
    if deed.do is None:
        return _told(name, deed, _DONE[deed.step], deed.mend)
    try:
        deed.do(secret)
    except OutcomeUnknown as error:
        command = "remove" if deed.step is Step.REMOVE else "install"
        mend = f"Run `{program()} webhooks {command}` again: it looks first what is there."
        return _told(name, deed, _FAILED, mend, error.words)
    except TrackerError as error:
        return _told(name, deed, _FAILED, error.mend, error.words)
    return _told(name, deed, _DONE[deed.step], deed.mend)


def _told(name: str, deed: Deed, outcome: str, mend: str, why: str = "") -> _Line:
    words = f"{deed.words}: {why}" if why else deed.words
    return _of(name, deed.place, outcome, words, mend)


def _of(name: str, place: str, outcome: str, words: str, mend: str) -> _Line:
    line = {"connection": name, "place": place, "outcome": outcome}
    return line | {"words": words, "mend": mend}


def _of_finding(name: str, finding: Finding) -> _Line:
    line = {"connection": name, "place": finding.place, "outcome": "ok" if finding.ok else "FAULT"}
    return line | {"kind": finding.kind, "words": finding.what, "mend": finding.mend}


def _chosen(settings: Settings, rules: Rules, connection: str | None) -> dict[str, Webhooks]:
    """By connection, those to go through. What stands against it is told, and the program ends
    with 1."""
    if connection is not None and connection not in rules.connections:
        names = ", ".join(rules.connections)
        give_up(f"The rules have no connection {connection}; there are {names}.")
    if settings.public_url is None:
        give_up(
            "FOLLOWTHROUGH_PUBLIC_URL is not set: it says where the trackers reach this service.",
            "Set it to an https:// address of which they reach /webhooks/.",
        )
    clock = clock_of(settings)
    trackers = Trackers(
        rules, clock, answer_seconds=settings.answer_seconds, public_url=settings.public_url
    )
    found = {
        name: hooks
        for name, hooks in trackers.webhooks.items()
        if connection is None or name == connection
    }
    if not found:
        _nothing(connection)
    return found


def _nothing(connection: str | None) -> NoReturn:
    named = f"the connection {connection}" if connection else "any connection"
    give_up(
        f"There is no webhook to look after: the rules name no webhook_secrets for {named}, or no"
        " place of it.",
        "Make a secret (openssl rand -hex 32), name it in webhook_secrets, and start again.",
    )


def _tell(lines: list[_Line], as_json: bool, *, ok: bool) -> None:
    if as_json:
        click.echo(json.dumps(lines, indent=2))
    else:
        for line in lines:
            place = f" {line['place']}:" if line["place"] else ""
            click.echo(plain(f"{line['connection']}:{place} {line['outcome']}: {line['words']}"))
            if line["mend"]:
                click.echo(plain(f"  → {line['mend']}"))
        if not lines:
            click.echo("Nothing to do.")
    if not ok:
        raise SystemExit(1)
