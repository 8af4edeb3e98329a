"""The pages of dead letters: all of them, and each with what to do about it."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from service import acts, dead_letters
from service.dead_letters import DeadLetter, LetterKind, NoSuchLetter
from service.explain import sent
from service.store import Transaction
from service.web import WebContainer
from service.web.sign_in import actor

MOST_SHOWN = 200
_LONGEST_REASON = 500


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("letters", __name__)

    @routes.get("/dead-letters")
    def letters() -> str:
        with container.store.read() as tx:
            teams = actor().teams
            shown = dead_letters.first(tx, MOST_SHOWN, teams)
            count = dead_letters.count(tx, teams)
        return render_template("letters.html", letters=shown, more=count - len(shown))

    @routes.get("/dead-letters/<id>")
    def letter(id: str) -> str:
        with container.store.read() as tx:
            found = _found(tx, id)
            told = _sent(tx, container, found)
        return render_template("letter.html", letter=found, sent=told)

    @routes.post("/dead-letters/<id>/replay")
    def replay(id: str) -> Response:
        with container.store.write() as tx:
            found = _found(tx, id)
            done = acts.replay_letter(tx, actor(), found)
        flash("It is tried again now." if done else f"Nothing to do: it is {found.standing}.")
        return redirect(url_for("letters.letter", id=found.id), 303)

    @routes.post("/dead-letters/<id>/drop")
    def drop(id: str) -> Response:
        why = reason()
        with container.store.write() as tx:
            found = _found(tx, id)
            done = acts.drop_letter(tx, actor(), found, why=why)
        flash("It is given up." if done else f"Nothing to do: it is {found.standing}.")
        return redirect(url_for("letters.letter", id=found.id), 303)

    return routes


def reason() -> str:
    """The reason that the form gives for dropping something; 400 without one."""
    why = " ".join(request.form.get("why", "").split())[:_LONGEST_REASON]
    if not why:
        abort(400, "Say why it is dropped; that stays on record.")
    return why


def _found(tx: Transaction, id: str) -> DeadLetter:
    try:
        return dead_letters.letter(tx, id)
    except NoSuchLetter:
        abort(404, "There is no dead letter with this id.")


def _sent(tx: Transaction, container: WebContainer, letter: DeadLetter) -> str | None:
    if letter.kind is LetterKind.EFFECT:
        return None
    return sent(tx, container.doors, int(letter.id[1:]))
