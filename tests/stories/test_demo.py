"""The demo as somebody runs it who has just cloned the repository."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import requests
from asked import LISTENER

WITHIN = 60.0
#: As ``python -m service demo``, and its sandbox writes down what it is asked.
HEARD = Path(__file__).parents[1] / "heard.py"
COMMAND = [sys.executable, str(HEARD), "asked", "demo", "--directory", "left"]


def processes_about(directory: Path) -> list[str]:
    """The command lines of processes whose environment names the directory."""
    wanted = os.fsencode(directory / "left")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it ended meanwhile, or is not ours
            continue
    return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory that is empty but for what the demo's sandbox was asked, which is heard in the
    end; no process about it is left then."""
    yield tmp_path
    LISTENER.read(tmp_path / "asked")
    if Path("/proc/self/environ").exists():
        assert processes_about(tmp_path) == []


def test_the_demo_leaves_postmortems_to_be_read_and_what_is_kept_can_be_used(place: Path) -> None:
    with (place / "told").open("w") as told:
        demo = subprocess.Popen([*COMMAND, "--keep"], cwd=place, stdout=told, stderr=told)
    try:
        text = wait_for(place / "told", "curl ", demo)
        is_in_use(text)
    finally:
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(WITHIN) == 0
    assert "Everything came out right" in text
    assert len((place / "asked").read_text().splitlines()) > 100
    assert "demo --audits\n" in text
    left = place / "left"
    for name in ("README.md", "postmortem-INC-1.md", "postmortem-acme-ops-1.md"):
        assert (left / name).is_file()
    (local,) = (left / "postmortems").glob("*/INC-3.md")
    in_jira, in_github = (
        (left / f"postmortem-{name}.md").read_text() for name in ("INC-1", "acme-ops-1")
    )
    assert headings(in_jira)[1:] == headings(in_github)[1:] == headings(local.read_text())[1:]
    assert in_jira.count("| AI-") == in_github.count("| AI-") == 4
    for secret in (left / "secrets").iterdir():
        assert secret.read_text() not in text + (left / "service.log").read_text()


def is_in_use(text: str) -> None:
    """Follow what the demo says of its pages, its tickets and of a call that one may make."""
    url, token = (re.search(pattern, text) for pattern in (r"pages +(\S+)", r"token +(\S+)"))
    assert url is not None
    assert token is not None
    bearer = {"Authorization": f"Bearer {token[1]}"}
    page = requests.get(url[1], headers=bearer, timeout=10)
    assert page.status_code == 200
    assert "INC-1" in page.text
    followed = follow_the_advice(text)
    assert followed.status_code == 200, followed.text
    incident = re.search(r'href="(/incidents/\w+)"[^<]*>INC-1', page.text)
    assert incident is not None, page.text
    address = url[1] + incident[1]
    wait_until(
        lambda: "Rehearse the rollback" in requests.get(address, headers=bearer, timeout=10).text
    )
    tickets = re.findall(r"http://\S+/(?:jira/browse|github)/\S+", text)
    assert {requests.get(ticket, timeout=10).status_code for ticket in tickets} == {200}


@pytest.mark.timeout(4 * WITHIN)
def test_the_demo_goes_on_for_half_a_year_and_asks_whether_measures_work(place: Path) -> None:
    began = datetime.now(UTC).date()
    done = subprocess.run(
        [*COMMAND, "--audits"],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=3 * WITHIN,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    story = done.stdout[done.stdout.index("4 · Half a year later") :]
    told = re.findall(r"^(\S+): (\d+) days after", story, re.M)
    assert [int(days) for _, days in told] == [30, 90, 180, 200]
    for day, days in told:
        later = (date.fromisoformat(day) - began).days - int(days)
        assert later in range(4)  # it may be midnight, or a weekend
    one_line = " ".join(story.split())
    # which number a ticket has depends on the weekdays: digests have tickets too
    assert in_order(
        one_line,
        "Noor is done with OPS-2",
        "Lee closes acme/ops#4",
        "30 days after",
        ": Audit: does AI-2 of INC-1 still work? (1)",
        "reviewer: Kim Ito, not the owner (Noor Aziz); due: ",
        "the label audit:effective",
        "Mallory (a stranger) comments on acme/ops#",
        "it does not count: who wrote it may not write in this tracker",
        "90 days after",
        ": “/audit not-effective because",
        "brings the measure back: acme/ops#4 is open again",
        "180 days after",
        "(3)",
        "asks nothing about acme/ops#4",
        "begins the second round: AI-3, audit 2.1 opens on ",
        "200 days after",
        "resolves INC-4",
        "sees that INC-4 may be INC-1 again: same service checkout; both name the factor “a retry",
        "marks the three verdicts on AI-2 of INC-1 as suspect",
        "asks again now, not on ",
        "names each incident in the postmortem of the other",
        "Kim types: followthrough audits judge INC-1 AI-2 --partly",
        ": Close the gap that AI-2 leaves",
        "asks the same once more: on ",
        "of AI-2: effective, suspect · Kim Ito",
        "docs/explanation/audits.md",
        "docs/explanation/recurrence.md",
    )
    left = (place / "left" / "README.md").read_text()
    lines = story.partition("Left to be read")[0].splitlines()
    assert [line for line in lines if len(line) > 100 and "file://" not in line] == []
    assert left.count("| effective |") == 1
    assert left.count("| effective, suspect |") == 3
    assert left.count("| partly | it fired, and only after the first payments were refused |") == 1
    assert (place / "left" / "postmortem-INC-4.md").is_file()
    assert left.count("| not-effective | agent 4 stopped on a full cache again") == 1
    assert left.count("| planned |") == 2
    assert "job failed" not in (place / "left" / "service.log").read_text()


def test_a_directory_that_no_demo_made_is_left_alone(place: Path) -> None:
    (place / "left").mkdir()
    (place / "left" / "thesis.tex").write_text("years of work")
    done = subprocess.run(COMMAND, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "holds files that no demo made" in done.stderr
    assert [file.name for file in (place / "left").iterdir()] == ["thesis.tex"]


def test_a_directory_that_cannot_be_made_is_told(place: Path) -> None:
    (place / "left").write_text("a file")
    command = [*COMMAND[:-1], "left/below"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Name another place with --directory." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_demo_that_is_interrupted_stops_what_it_started(place: Path) -> None:
    with (place / "told").open("w") as told:
        demo = subprocess.Popen(COMMAND, cwd=place, stdout=told, stderr=told)
    wait_for(place / "told", "09:12", demo)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(WITHIN) == 1


def in_order(text: str, *words: str) -> bool:
    """Whether `text` holds all of them, each after the one before; says which it does not hold."""
    at = 0
    for each in words:
        found = text.find(each, at)
        assert found >= 0, f"{each} does not stand after what comes before it: {text[at:]}"
        at = found + len(each)
    return True


def headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.match(r"#{1,6} ", line)]


def follow_the_advice(text: str) -> requests.Response:
    """Do what the demo proposes to do with curl."""
    _, address, _, body = shlex.split(text[text.index("curl ") :].splitlines()[0])
    return requests.post(address, data=body, timeout=10)


def wait_until(holds: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < give_up_at
        time.sleep(0.1)


def wait_for(file: Path, words: str, process: subprocess.Popen[bytes]) -> str:
    """The file's text, once it holds the words."""
    give_up_at = time.monotonic() + WITHIN
    while words not in (text := file.read_text()):
        assert process.poll() is None, text
        assert time.monotonic() < give_up_at, text
        time.sleep(0.05)
    return text
