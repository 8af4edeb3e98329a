"""The group of all commands."""

from __future__ import annotations

from importlib.metadata import version

import click

from service.commands.accept import accept_command
from service.commands.audits import audits
from service.commands.backfill import backfill
from service.commands.backup import backup_command, restore_command
from service.commands.checks import check
from service.commands.conflicts import conflicts
from service.commands.demo import demo
from service.commands.doctor import doctor
from service.commands.export import export
from service.commands.github_app import github_app
from service.commands.importing import import_command
from service.commands.init import init
from service.commands.letters import dead_letters
from service.commands.look import deliveries, explain_command
from service.commands.patterns import patterns
from service.commands.people import people_command
from service.commands.plan import plan
from service.commands.portfolio import portfolio
from service.commands.preread import preread
from service.commands.publish import publish_command, review_command
from service.commands.reconcile import drift, reconcile
from service.commands.related import related_command
from service.commands.release import release_check
from service.commands.rules import rules
from service.commands.run import up, web, worker
from service.commands.search import search_command
from service.commands.tokens import changes_command, tokens
from service.commands.trackers import trackers
from service.commands.versions import diff_command, versions_command
from service.commands.webhooks import webhooks


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("followthrough"), prog_name="followthrough")
def followthrough() -> None:
    """Followthrough sees incidents through: when an incident is closed in Jira or GitHub it sets
    up the postmortem and its remediation tasks, linked and owned, exactly once.

    Begin with `followthrough demo` (no accounts needed) or `followthrough init`.
    """


for command in (
    *(demo, github_app, init, doctor, webhooks, plan, rules, up, web, worker),
    *(explain_command, accept_command, conflicts, deliveries, dead_letters, trackers),
    *(people_command, reconcile, drift, audits, check, portfolio, preread, export, release_check),
    *(review_command, publish_command, versions_command, diff_command),
    *(search_command, import_command, backfill, patterns, related_command),
    *(tokens, changes_command, backup_command, restore_command),
):
    followthrough.add_command(command)
