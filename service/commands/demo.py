"""`followthrough demo`: the whole walk, three times, without credentials."""

from __future__ import annotations

import json
import shlex
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from config.rules import load
from config.settings import Settings
from integrations.sandbox import Sandbox
from service.commands.reading import give_up, program
from service.container import open_store
from service.container.trackers import Trackers
from service.data import token_file
from service.demo import ground as grounds
from service.demo.ground import Ground, NotOurs
from service.demo.leaving import Left, leave, table
from service.demo.measures import Measure
from service.demo.months import Months
from service.demo.running import DidNotStart, command, last_lines, running
from service.demo.scene import KIM, Scene, StoryClock, heading, service_did
from service.demo.stories import Payments, Platform, Reopened, Search, Story, Written
from service.demo.watching import Watch, WentWrong
from workflows.model import ActionItem


@click.command(short_help="Play three incidents, without any account.")
@click.option("--audits", is_flag=True, help="Go on: half a year later, do the measures work?")
@click.option("--keep", is_flag=True, help="Leave service and sandbox running until Ctrl-C.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default="demo",
    show_default=True,
    help="Where everything is written; emptied if an earlier demo made it.",
)
def demo(audits: bool, keep: bool, directory: Path) -> None:
    """Play three incidents from open to closed, in Jira and in GitHub, without any account.

    Jira and GitHub are played by a sandbox on this machine; the service is the real one. What
    came of it is left in the directory to be read. Ends with 1 if anything is not as it should.
    """
    began = time.monotonic()
    _stop_in_order()
    try:
        ground = grounds.clear(directory.resolve())
    except NotOurs as error:
        give_up(str(error))
    except OSError as error:
        where = error.filename or directory
        give_up(f"{where}: {error.strerror}. Name another place with --directory.")
    try:
        if audits:
            ground.set_clock(timedelta())
        with _company(ground) as (scene, url, watch):
            keys = list(_play(scene, watch))
            if audits:
                alert = Measure(watch, keys[0], Payments.actions[1])
                caches = Measure(watch, keys[1], Platform.actions[2])
                keys.append(Months(scene, watch, alert, caches).play())
            left = leave(watch, ground, [watch.incident(key) for key in keys])
            _tell_what_is_left(ground, left, time.monotonic() - began)
            _tell_what_is_next(url if keep else "", left if audits else [])
            if keep:
                _keep(scene, url, left)
    except DidNotStart as error:
        give_up(str(error))
    except WentWrong as error:
        click.echo(f"\n{error}\n\n{command(ground, 'explain', error.key)}", err=True)
        give_up(f"The service's log is {ground.log}; its end:\n{last_lines(ground.log)}")


@contextmanager
def _company(ground: Ground) -> Iterator[tuple[Scene, str, Watch]]:
    """Sandbox and service at work, with webhooks between them. Stops both at the end."""
    day = (datetime.now(UTC) - timedelta(days=1)).date()
    clock = StoryClock(datetime(day.year, day.month, day.day, 8, tzinfo=UTC))
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox(clock=clock))
        grounds.furnish(sandbox, ground)
        grounds.write_rules(sandbox, ground, day)
        click.echo(f"A Jira site and a GitHub server play their parts at {sandbox.url}.")
        url = stack.enter_context(running(ground))
        click.echo(f"Followthrough is at {url}; it keeps everything in {ground.directory}.")
        sandbox.jira.hook(f"{url}/webhooks/jira", ground.secret("jira-hook"))
        for place in ("acme/ops", "acme/postmortems"):
            sandbox.github.hook(place, f"{url}/webhooks/github", ground.secret("github-hook"))
        store = open_store(Settings.from_environment(ground.environment()))
        stack.callback(store.close)
        watch = Watch(sandbox, store, Trackers(load(ground.rules)))
        yield Scene(sandbox, ground, clock, day), url, watch


def _play(scene: Scene, watch: Watch) -> tuple[str, str, str]:
    """The three stories; returns the keys of their incidents. Raises WentWrong."""
    payments, platform, search = Payments(), Platform(), Search()
    first = _until_closed(scene, watch, payments)
    _again(scene, watch, payments, first)
    second = _until_closed(scene, watch, platform)
    _write(scene, watch, platform, second)
    _again(scene, watch, platform, second)
    third = _until_closed(scene, watch, search)
    _write(scene, watch, search, third, nobody_tells=True)
    return first, second, third


def _until_closed(scene: Scene, watch: Watch, story: Story) -> str:
    heading(story.heading)
    key = story.until_closed(scene)
    seconds = watch.rest(key)
    incident = watch.check(key, story.actions)
    document = incident.postmortem
    assert document is not None  # noqa: S101 - `check` has seen it
    service_did(f"sets up the postmortem ({document.ref.kind}), in {seconds:.1f} s:")
    service_did(document.ref.url)
    for item in incident.actions:
        _tell_task(item)
    for proposal in incident.proposals:
        service_did(f"no task: “{proposal.title}” ({proposal.by} {proposal.why})")
    service_did(f"says so in one comment on {key}; every link leads both ways")
    return key


def _write(
    scene: Scene, watch: Watch, story: Written, key: str, *, nobody_tells: bool = False
) -> None:
    """People write in the document. `nobody_tells`: no webhook says so, it must be looked at."""
    story.write(scene, key)
    if nobody_tells:
        service_did("looks at local files every few minutes; the demo does not wait for that")
        watch.documents_looked_at(key)
    watch.rest(key)
    incident = watch.check(key, (*story.actions, story.row), story.summary)
    _tell_task(incident.actions[-1])
    service_did("writes the new ID back into the row; the summary stands as it was written")


def _again(scene: Scene, watch: Watch, story: Reopened, key: str) -> None:
    """The incident is closed a second time, and nothing is created twice."""
    before, known = watch.tally(), watch.incident(key)
    closed = story.again(scene, key)
    watch.rest(key)
    titles = [item.title for item in known.actions]
    incident = watch.check(key, titles)
    if watch.tally() != before:
        raise WentWrong(f"Something was created twice: {before} became {watch.tally()}", key)
    if incident.closed is None or incident.closed < closed:
        raise WentWrong(f"The second closing of {key} was not noticed.", key)
    counts = ", ".join(f"{what} {count}" for what, count in sorted(before.items()))
    service_did("goes on with the same postmortem; nothing is created twice")
    service_did(f"counted before and after: {counts}")


def _tell_task(item: ActionItem) -> None:
    task = item.task
    key = task.key if task else "no task"
    due = f", due {item.due}" if item.due else ""
    service_did(f"{item.name} → {key}: {item.title} ({item.kind}, {item.owner or 'nobody'}{due})")
    for what in item.unset:
        service_did(f"  created without what the tracker would not take — {what}")


def _tell_what_is_left(ground: Ground, left: Sequence[Left], seconds: float) -> None:
    heading("What there is now")
    for line in table(left):
        click.echo(line)
    heading("Left to be read")
    for file in (ground.directory / "README.md", *(one.file for one in left)):
        click.echo(f"  {file}")
    click.echo(f"\nEverything came out right, in {seconds:.0f} s.")


def _tell_what_is_next(url: str, audited: Sequence[Left]) -> None:
    """Where to go on: `audited` are the incidents, if their audits were told; `url` leads to the
    pages, if they are kept."""
    if not audited:
        click.echo(f"Half a year later, do the measures work?  {program()} demo --audits")
        return
    heading("To be read next")
    click.echo("  docs/explanation/audits.md        when it is asked, who may judge, what follows")
    click.echo("  docs/explanation/recurrence.md    when an incident may be another one again")
    click.echo(
        "  docs/reference/rules.md           the ladder, the reviewers, your own words: audits"
    )
    for one in audited:
        if url and one.incident.audits:
            click.echo(f"  {url}/incidents/{one.incident.id}#audits    {one.incident.ticket.key}")
    if not url:
        click.echo(f"  {program()} demo --audits --keep    leaves the pages, too")


def _keep(scene: Scene, url: str, left: Sequence[Left]) -> None:
    """Tell how to go on from here, and wait for Ctrl-C."""
    ground, key = scene.ground, left[0].incident.ticket.key
    token = token_file(Settings.from_environment(ground.environment())).read_text().strip()
    heading("Service and sandbox go on until Ctrl-C")
    click.echo(f"  pages   {url}")
    click.echo(f"  token   {token}   (of this demo only)")
    heading("In another terminal: why does it stand as it does?")
    for name, value in ground.environment().items():
        click.echo(f"  export {name}={shlex.quote(value)}")
    for words in (f"explain {key}", "audits", "deliveries list", "rules check"):
        click.echo(f"  {program()} {words}")
    heading("Or go on with the story; this comment becomes one more task")
    act = {"issue": key, "text": 'ACTION: Rehearse the rollback @"Kim Ito"', "by": KIM.jira}
    click.echo(
        f"  curl {scene.sandbox.url}/_sandbox/jira/comment -d {shlex.quote(json.dumps(act))}"
    )
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
    click.echo("Stopping …")


def _stop_in_order() -> None:
    """Whoever ends the demo ends it as Ctrl-C does, and only once: what it started is stopped
    before it goes, and a second, impatient Ctrl-C must not prevent that."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, stop)
