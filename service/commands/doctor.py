"""`followthrough doctor`: do our servers answer, are the rules right for these trackers, and may we
do our work there?"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from textwrap import wrap

import click

from service.commands.reading import program, read_rules, rules_option
from service.container.looking import means_of
from service.container.servers import servers
from service.examination import Checked, examine
from service.explain import plain

_OK, _NOTE, _FAULT = "  ok    ", "  note  ", "  FAULT "
_WIDEST = 100


@click.command(short_help="Check the rules against the trackers.")
@click.option("--json", "as_json", is_flag=True, help="Each finding, for a program to read.")
@rules_option
def doctor(as_json: bool, rules_file: Path | None) -> None:
    """Check the rules against the trackers: sign-in, places, permissions, types, fields, people and
    webhooks; and whether database and broker answer, where the settings name any.

    Only reads. Says for each fault how to mend it. Ends with 1 when there is any.
    """
    settings, rules = read_rules(rules_file)
    found: list[Checked] = []
    for checked in chain(servers(settings), examine(rules, means_of(settings, rules))):
        if not as_json:
            for line in _told(checked, first=not found or found[-1].about != checked.about):
                click.echo(line)
        found.append(checked)
    faults = [checked for checked in found if not checked.finding.ok]
    if as_json:
        click.echo(json.dumps([_plain(checked) for checked in found], indent=2))
    elif faults:
        noun = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        click.echo(f"\n{noun} to mend. Run `{program()} doctor` again afterwards.")
    else:
        click.echo(f"\nAll is well. `{program()} plan TICKET` shows what would be created.")
    if faults:
        raise SystemExit(1)


def _told(checked: Checked, *, first: bool) -> Iterator[str]:
    finding = checked.finding
    if first:
        yield ""
        yield click.style(checked.about, bold=True)
    mark = _FAULT if not finding.ok else _NOTE if finding.mend else _OK
    styled = click.style(mark, fg="red", bold=True) if not finding.ok else mark
    width = max(min(shutil.get_terminal_size().columns, _WIDEST) - len(mark), 32)
    lines = wrap(plain(finding.what), width, break_long_words=False, break_on_hyphens=False)
    lines += wrap(
        plain(f"→ {finding.mend}") if finding.mend else "",
        width,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    for number, line in enumerate(lines):
        yield (styled if number == 0 else " " * len(mark)) + line


def _plain(checked: Checked) -> dict[str, str | bool]:
    finding = checked.finding
    return {
        "about": checked.about,
        "kind": finding.kind,
        "ok": finding.ok,
        "what": finding.what,
        "mend": finding.mend,
    }
