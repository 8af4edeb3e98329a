"""`followthrough github-app`: the page that registers a GitHub App, for who has no rules yet."""

from __future__ import annotations

import os

import click
from flask import Flask, redirect, request, url_for
from werkzeug.wrappers import Response

from config.rules import Rules
from config.settings import Settings
from service import logs
from service.commands.reading import data_in_use, read_settings
from service.commands.run import known_secrets, serve, watch_parent
from service.commands.starting import need_port
from service.container import open_store, web_of
from service.data import admin_token, token_file
from workflows.policy import Policy

#: Of the blueprints, those that mean something without rules.
_SERVED = ("setup", "sign_in", "zones", "watching")

_NO_RULES = Rules(Policy({}, {}, (), {}, ""), {})


@click.command("github-app", short_help="Serve the page that registers a GitHub App.")
def github_app() -> None:
    """Serve the page that registers a GitHub App, and nothing else.

    For the first hour, when there are no rules yet, because these are to sign in as the App. Where
    the service runs already, its own page /setup/github does the same.
    """
    settings = read_settings()
    need_port(settings)
    with data_in_use():
        admin_token(settings)  # made before anybody looks for it
        open_store(settings).close()  # in the process that serves, a fault would be a traceback
    address = settings.public_url or f"http://{settings.host}:{settings.port}"
    click.echo(f"Register the App at {address}/setup/github")
    if settings.admin_token is None:
        click.echo(f"The token for its pages is in {token_file(settings)}")
    click.echo("Nothing else runs. Ctrl-C stops it.")
    serve(settings, "service.commands.github_app:application")


def application() -> Flask:
    """The application, in the process that the web server starts for it."""
    settings = read_settings()
    watch_parent(lambda: os._exit(1))
    logs.configure(settings.log, known_secrets(settings, _NO_RULES))
    return pages(settings)


def pages(settings: Settings) -> Flask:
    """Signing in and registering; every other page leads there, because it shows what only rules
    bring. Raises UnusableData."""
    from service.app import create_app

    made = create_app(web_of(settings, _NO_RULES, open_store(settings)))

    # no links to pages that lead back here
    made.context_processor(lambda: {"places": (), "operation_places": ()})

    @made.before_request
    def lead_there() -> Response | None:
        shown = request.blueprint in (None, *_SERVED) or request.method != "GET"
        return None if shown else redirect(url_for("setup.form"))

    return made
