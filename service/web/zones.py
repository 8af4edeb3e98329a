"""In which zone somebody reads times: their own choice, kept in a cookie of their browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
)
from werkzeug.wrappers import Response

from service.web import WebContainer
from service.web.showing import ZONE_COOKIE, zone, zones
from service.web.sign_in import local_path

KEPT = timedelta(days=365)


def blueprint(container: WebContainer) -> Blueprint:
    """``GET`` and ``POST /times``."""
    routes = Blueprint("zones", __name__)

    @routes.app_context_processor
    def facts() -> dict[str, object]:
        return {"reading_zone": zone}

    @routes.get("/times")
    def form() -> str:
        return render_template(
            "times.html",
            regions=_by_region(),
            chosen=zone(),
            now=container.clock(),
            following=local_path(request.args.get("next")),
        )

    @routes.post("/times")
    def choose() -> Response:
        chosen = request.form.get("zone", "")
        if chosen and chosen not in zones():
            abort(400, "Choose a zone of the list.")
        answer = make_response(redirect(local_path(request.form.get("next")), 303))
        # As the session's cookie: by https alone wherever people come by https.
        secure = current_app.session_interface.get_cookie_secure(current_app)
        answer.set_cookie(
            ZONE_COOKIE, chosen, max_age=KEPT, httponly=True, samesite="Lax", secure=secure
        )
        flash(f"Times are shown in {chosen or 'UTC'}{' with UTC beside' if chosen else ''}.")
        return answer

    return routes


def _by_region() -> Mapping[str, Sequence[tuple[str, str]]]:
    """Each region's zones: their name, and the place as one reads it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(zones()):
        region, _, place = name.partition("/")
        found.setdefault(region, []).append((name, place.replace("_", " ").replace("/", ", ")))
    return found
