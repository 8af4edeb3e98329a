"""The API is what its description says: schemathesis asks it what the description allows, and much
that it does not."""

from __future__ import annotations

from collections import Counter
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
from web.inhabited import OWN, World

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
    "name": "drill",
}


@pytest.fixture
def world(store: Store) -> World:
    found = World(store)
    object.__setattr__(found.web, "check_doors", (CheckDoor(Secret(TOKEN), frozenset({"drill"})),))
    return found


def ask_everything(world: World, examples: int) -> Counter[int]:
    """Ask for each operation so often. Returns how often which status was answered."""
    client, statuses = world.visitor(), Counter[int]()
    described = schemathesis.openapi.from_wsgi(DESCRIPTION, client.application, headers=HEADERS)
    for found in described.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        cases = st.one_of(
            operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
            operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
        )
        _ask(cases, examples, statuses)
    return statuses


def _ask(cases: st.SearchStrategy[Any], examples: int, statuses: Counter[int]) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, known=st.sets(st.sampled_from(sorted(KNOWN))))
    def ask(case: Any, known: set[str]) -> None:
        for name in known & set(case.path_parameters or {}):
            case.path_parameters[name] = KNOWN[name]
        answer = case.call(headers=HEADERS)
        statuses[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    ask()


def test_nothing_that_is_asked_breaks_the_description(world: World) -> None:
    statuses = ask_everything(world, examples=8)
    assert {200, 201, 400, 404, 409, 422} <= set(statuses), "or it tried nothing of use"


@pytest.mark.many
@pytest.mark.timeout(1800)
def test_nothing_breaks_the_description_however_much_is_asked(world: World) -> None:
    assert max(ask_everything(world, examples=400)) < 500


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
