"""For whoever watches the service: whether it is ready, and what is measured.

`/readyz` is asked by what cannot bring a token, such as a load balancer, and says no more than
which part is not ready. `/metrics` takes the token of a viewer of all teams: it tells how much goes
wrong, and where (see docs/adr/0015-watching-without-a-token.md).
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from service import metrics
from service.readiness import Readiness
from service.web import WebContainer


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("watching", __name__)
    readiness = Readiness(container.store, container.broker_answers)

    @routes.get("/readyz")
    def ready() -> tuple[Response, int]:
        # As that of Kubernetes' own API: https://kubernetes.io/docs/reference/using-api/health-checks/
        left_out = frozenset(request.args.getlist("exclude"))
        parts = [part for part in readiness.look() if part.name.value not in left_out]
        all_ready = all(part.ready for part in parts)
        shown = {
            part.name.value: {"ready": part.ready, **({"words": part.words} if part.words else {})}
            for part in parts
        }
        return jsonify(ready=all_ready, parts=shown), 200 if all_ready else 503

    @routes.get("/metrics")
    def measured() -> Response:
        told = metrics.told(container.store, container.limits, readiness.look())
        return Response(told, content_type=metrics.CONTENT_TYPE)

    return routes
