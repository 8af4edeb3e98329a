"""The API is what its description says: schemathesis asks it what the description allows, and much
that it does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from web.history import TOKEN
from web.inhabited import FACTOR, FOREIGN, OWN, World

from config.secrets import Secret
from service.store import Store
from service.web import CheckDoor

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DESCRIPTION = "/api/openapi.json"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}

#: What addresses are asked for besides what schemathesis thinks of.
KNOWN = {
    "incident_id": OWN,
    "item": 1,
    "round": 1,
    "rung": 2,
    "number": 1,
    "id": "e2",
    "name": FACTOR,
    "other": FOREIGN,
}

#: The same of what is asked behind the address, and of an address whose id is of another kind.
ASKED: dict[str, dict[str, str | int]] = {
    "/api/v1/search": {"q": "alone"},
    "/api/v1/release-check": {"service": "checkout"},
    "/api/v1/preread": {"team": "payments"},
    "/api/v1/incidents/{incident_id}/difference": {"before": 1, "after": 2},
    "/api/v1/figures/{name}": {"from": "2026-10-01", "team": "payments"},
}
FILE = "/api/v1/imported/{id}"


@pytest.fixture
def world(store: Store) -> World:
    found = World(store)
    object.__setattr__(found.web, "check_doors", (CheckDoor(Secret(TOKEN), frozenset({FACTOR})),))
    return found


def ask_everything(world: World, examples: int) -> dict[str, Counter[int]]:
    """Ask for each operation so often. Returns how often each was answered which status."""
    client, found_of = world.visitor(), dict[str, Counter[int]]()
    file = world.ids[OWN]["file"]
    described = schemathesis.openapi.from_wsgi(DESCRIPTION, client.application, headers=HEADERS)
    for found in described.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        cases = st.one_of(
            operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
            operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
        )
        statuses = found_of[operation.label] = Counter[int]()
        _ask(cases, examples, statuses, {**KNOWN, "id": file} if operation.path == FILE else KNOWN)
    return found_of


def _ask(
    cases: st.SearchStrategy[Any],
    examples: int,
    statuses: Counter[int],
    values: Mapping[str, Any],
) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, known=st.sets(st.sampled_from(sorted(values))), asks=st.booleans())
    def ask(case: Any, known: set[str], asks: bool) -> None:
        for name in known & set(case.path_parameters or {}):
            case.path_parameters[name] = values[name]
        if asks and (query := ASKED.get(case.operation.path)):
            case.query = dict(query)
        answer = case.call(headers=HEADERS)
        statuses[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    ask()


def test_nothing_that_is_asked_breaks_the_description(world: World) -> None:
    answered = ask_everything(world, examples=8)
    statuses = {status for each in answered.values() for status in each}
    assert {200, 201, 400, 404, 409, 422} <= statuses, "or it tried nothing of use"


@pytest.mark.many
@pytest.mark.timeout(1800)
def test_nothing_breaks_the_description_however_much_is_asked(world: World) -> None:
    answered = ask_everything(world, examples=400)
    for operation, statuses in answered.items():
        assert max(statuses) < 500, operation
        assert not operation.startswith("GET") or 200 in statuses, f"{operation}: {statuses}"


def test_the_description_is_openapi_3_1_and_names_each_operation_once(world: World) -> None:
    spec: Any = world.ask(DESCRIPTION).json
    assert spec["openapi"] == "3.1.0"
    each = [
        operation
        for path in spec["paths"].values()
        for method, operation in path.items()
        if method != "parameters"
    ]
    assert len({operation["operationId"] for operation in each}) == len(each) > 25
    for schema in spec["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert all(operation["summary"] for operation in each)
    assert all("401" in operation["responses"] for operation in each)


def test_the_page_shows_each_operation_and_loads_nothing(world: World) -> None:
    page = world.ask("/api").text
    spec: Any = world.ask(DESCRIPTION).json
    for path in spec["paths"]:
        assert path in page
    assert "<script" not in page
    assert "http://" not in page.replace("http://localhost", "")
