"""The environment becomes settings, or a list of everything that is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from unanswered import RULES

from config.rules import load
from config.secrets import Secret
from config.settings import SETTINGS, LogStyle, Pool, Settings, SettingsError
from service.commands.run import known_secrets
from service.logs import Redactor


def wrong(**environ: str) -> tuple[str, ...]:
    names = {f"FOLLOWTHROUGH_{name}": value for name, value in environ.items()}
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment(names)
    return raised.value.problems


def test_an_empty_environment_is_enough() -> None:
    settings = Settings.from_environment({"PATH": "/bin", "FOLLOWTHROUGH_PORT": ""})
    assert settings == Settings(
        rules=Path("rules.yaml"),
        data=Path("followthrough-data"),
        database_url="sqlite:///followthrough-data/followthrough.db",
        host="127.0.0.1",
        port=8750,
        public_url=None,
        admin_token=None,
        poll_seconds=60,
        answer_seconds=20,
        lease_seconds=60,
        settle_seconds=180,
        workers=4,
        log=LogStyle.HUMAN,
        delivery_days=90,
        clock=None,
    )


def test_the_database_lives_in_the_data_directory() -> None:
    settings = Settings.from_environment({"FOLLOWTHROUGH_DATA": "/var/lib/followthrough"})
    assert settings.database_url == "sqlite:////var/lib/followthrough/followthrough.db"


def test_any_setting_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("open-sesame\n", encoding="utf-8")
    (tmp_path / "port").write_text("9000", encoding="utf-8")
    settings = Settings.from_environment(
        {
            "FOLLOWTHROUGH_ADMIN_TOKEN_FILE": str(tmp_path / "token"),
            "FOLLOWTHROUGH_PORT_FILE": str(tmp_path / "port"),
        }
    )
    assert settings.admin_token == Secret("open-sesame")
    assert settings.port == 9000
    assert "open-sesame" not in repr(settings)


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    assert wrong(
        PROT="1",
        PORT="70000",
        WORKERS="many",
        LOG="loud",
        PUBLIC_URL="followthrough.acme.example",
        ADMIN_TOKEN_FILE=str(tmp_path / "absent"),
        DATABASE_URL="postgresql://bot:hunter2@db/followthrough",
    ) == (
        "FOLLOWTHROUGH_ADMIN_TOKEN_FILE: the file named here does not exist — write it there",
        "FOLLOWTHROUGH_PROT is not a setting — did you mean FOLLOWTHROUGH_PORT?",
        "FOLLOWTHROUGH_DATABASE_URL must be sqlite:///… or"
        " postgresql+psycopg://user:password@host/name",
        "FOLLOWTHROUGH_PORT must be a whole number from 1 to 65535",
        "FOLLOWTHROUGH_PUBLIC_URL must be an address such as https://followthrough.acme.example",
        "FOLLOWTHROUGH_WORKERS must be a whole number from 1 to 64",
        "FOLLOWTHROUGH_LOG must be human or json",
    )


def test_the_address_of_redis_is_a_secret(tmp_path: Path) -> None:
    (tmp_path / "redis").write_text("rediss://:hunter2@redis.acme.example/1\n", encoding="utf-8")
    settings = Settings.from_environment(
        {
            "FOLLOWTHROUGH_BROKER_URL_FILE": str(tmp_path / "redis"),
            "FOLLOWTHROUGH_POOL": "prefork",
        }
    )
    assert settings.broker_url == Secret("rediss://:hunter2@redis.acme.example/1")
    assert settings.pool is Pool.PREFORK
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    "url",
    ["amqp://:hunter2@mq", "redis://", "redis://:hunter2@redis/jobs", "redis://redis:hunter2/0"],
)
def test_what_is_no_address_of_redis_is_told_and_not_repeated(url: str) -> None:
    assert wrong(BROKER_URL=url) == (
        "FOLLOWTHROUGH_BROKER_URL must be an address such as"
        " redis://redis.acme.example:6379/0, or rediss://… for TLS",
    )


@pytest.mark.parametrize("cut", ["12/hunter2", "hun/ter2", "hunter2#", "hunter2?"])
def test_a_password_that_is_not_encoded_is_told_and_not_repeated(cut: str) -> None:
    """At the slash it would end, and what is behind it be told as the name of the database."""
    (told,) = wrong(DATABASE_URL=f"postgresql+psycopg://bot:{cut}@db.acme.example/followthrough")
    assert told.startswith("FOLLOWTHROUGH_DATABASE_URL must be")
    assert "ter2" not in told


def test_processes_are_woken_through_redis_only() -> None:
    assert wrong(POOL="prefork") == (
        "FOLLOWTHROUGH_POOL=prefork needs FOLLOWTHROUGH_BROKER_URL: Redis wakes processes",
    )
    assert wrong(POOL="green") == ("FOLLOWTHROUGH_POOL must be threads or prefork",)


def test_a_setting_stands_in_one_place_only(tmp_path: Path) -> None:
    (told,) = wrong(PORT="1", PORT_FILE=str(tmp_path / "port"))
    assert told == (
        "FOLLOWTHROUGH_PORT and FOLLOWTHROUGH_PORT_FILE are both set — keep one of them"
    )


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://bot:p%40ss-5d2e@db/ft",
        "postgresql+psycopg://db/ft?password=p%40ss-5d2e",
    ],
)
def test_the_log_masks_the_passwords_of_database_and_broker(address: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    settings = Settings.from_environment(
        {
            "FOLLOWTHROUGH_DATA": str(tmp_path),
            "FOLLOWTHROUGH_DATABASE_URL": address,
            "FOLLOWTHROUGH_BROKER_URL": "redis://:w0rd-77ab@redis/0",
        }
    )
    masked = Redactor(known_secrets(settings, load(rules, {"ACME_TOKEN": "t0ken"})))
    said = masked(f"{address}: password p@ss-5d2e; redis w0rd-77ab")
    assert said == f"{address.replace('p%40ss-5d2e', '***')}: password ***; redis ***"


def test_the_public_address_has_no_slash_at_its_end() -> None:
    settings = Settings.from_environment({"FOLLOWTHROUGH_PUBLIC_URL": "https://ft.acme.example/"})
    assert settings.public_url == "https://ft.acme.example"


def test_each_setting_is_described() -> None:
    fields = set(Settings.__dataclass_fields__)
    assert {s.name.removeprefix("FOLLOWTHROUGH_").lower() for s in SETTINGS} == fields
    assert all(setting.description.endswith(".") for setting in SETTINGS)
