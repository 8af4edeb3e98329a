"""By what clock a process goes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from config.settings import Settings
from service.clock import clock_of, utc_now
from service.container import open_store

DAY = timedelta(days=1)


def test_a_service_goes_by_the_present() -> None:
    assert clock_of(Settings.from_environment({})) is utc_now


def test_a_clocks_file_is_looked_at_each_time(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    file.write_text(f"{DAY.total_seconds()}\n")
    clock = clock_of(Settings.from_environment({"FOLLOWTHROUGH_CLOCK": str(file)}))
    before = clock()
    assert abs(before - utc_now() - DAY) < timedelta(minutes=1)
    file.write_text(f"{(31 * DAY).total_seconds()}\n")
    assert clock() - before >= 30 * DAY


def test_what_a_process_stores_is_dated_by_its_clock(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    file.write_text(str((90 * DAY).total_seconds()))
    settings = {"FOLLOWTHROUGH_CLOCK": str(file), "FOLLOWTHROUGH_DATA": str(tmp_path / "data")}
    store = open_store(Settings.from_environment(settings))
    with store.read() as tx:
        assert tx.now - utc_now() > 89 * DAY
    store.close()
