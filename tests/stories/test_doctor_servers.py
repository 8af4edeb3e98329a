"""`followthrough doctor` looks at the servers that the service itself needs, too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import needs
from stage import free_port
from unanswered import RULES

from bench.servers import redis_running
from service.commands.doctor import doctor

PASSWORD = "sesame-0n1y"


@pytest.fixture(autouse=True)
def _rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(rules))
    monkeypatch.setenv("ACME_TOKEN", "t0ken-value")


def examined(**settings: str) -> dict[str, dict[str, object]]:
    """What is said of databases and brokers, by what it is about."""
    given = {f"FOLLOWTHROUGH_{name}": value for name, value in settings.items()}
    run = CliRunner().invoke(doctor, ["--json"], env=given)
    assert run.exit_code == 1, "the tracker does not answer here"
    assert PASSWORD not in run.output
    said = [each for each in json.loads(run.output) if not each["about"].startswith("connection ")]
    return {each.pop("about"): each for each in said if not each["about"].startswith("team ")}


def test_a_broker_that_answers_is_well() -> None:
    needs("redis-server")
    with redis_running(password=PASSWORD) as broker:
        said = examined(BROKER_URL=broker.url)
    well = {"ok": True, "what": "it answers", "mend": ""}
    assert said == {f"broker 127.0.0.1:{broker.port}": well}


def test_a_wrong_password_is_told_without_it() -> None:
    needs("redis-server")
    with redis_running(password="another-pa55word") as broker:
        [said] = examined(BROKER_URL=f"redis://:{PASSWORD}@127.0.0.1:{broker.port}/0").values()
    assert said["ok"] is False
    assert str(said["what"]).startswith("it does not let us in: ")
    assert str(said["mend"]).startswith("Write the right user and password into FOLLOW")


@pytest.mark.parametrize("wrong", ["nobody listens", "no such database"])
def test_a_broker_that_cannot_be_used_is_told_with_what_to_do(wrong: str) -> None:
    needs("redis-server")
    with redis_running() as broker:
        address = f"redis://127.0.0.1:{free_port()}/0"
        if wrong == "no such database":
            address = f"redis://127.0.0.1:{broker.port}/999"
        [said] = examined(BROKER_URL=address).values()
    assert said["ok"] is False
    assert str(said["what"]).startswith("it cannot be used: ")
    assert "mend the address in FOLLOWTHROUGH_BROKER_URL. Until then work goes on" in str(
        said["mend"]
    )


def test_a_database_whose_server_does_not_answer_is_told_without_the_password() -> None:
    port = free_port()
    said = examined(DATABASE_URL=f"postgresql+psycopg://bot:{PASSWORD}@127.0.0.1:{port}/ft")
    [(about, found)] = said.items()
    assert about == f"database 127.0.0.1:{port}/ft"
    assert found["ok"] is False
    assert "cannot be used: " in str(found["what"])
    assert "FOLLOWTHROUGH_DATABASE_URL" in str(found["mend"])


@pytest.mark.sqlite("what is on this machine is no server")
def test_nothing_is_said_of_servers_where_there_are_none() -> None:
    assert examined() == {}
