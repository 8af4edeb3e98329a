"""Other rules are taken between jobs: what runs ends by those that it began with."""

from __future__ import annotations

from datetime import timedelta

from stage import HOOKS, Stage, Staging

from config.rules import Rules, load
from service.app import create_app
from service.container import Container, build, web_of
from service.container.live import LiveContainer, LiveWeb
from service.jobs import Handler, record_end
from service.store.incidents import IncidentRecord


def changed(stage: Stage) -> Rules:
    """Read the stage's rules, changed so that other incidents get a postmortem."""
    text = stage.rules_file.read_text()
    stage.rules_file.write_text(text.replace("severity: [sev1, sev2]", "severity: [sev2]"))
    return load(stage.rules_file, stage.environ)


def incident(stage: Stage) -> tuple[str, Handler, LiveContainer]:
    """An incident that is closed and read, and a service whose rules can be changed."""

    def anew(rules: Rules) -> Container:
        return build(stage.settings, rules, store=stage.store, clock=stage.clock)

    github = stage.sandbox.github
    number = github.open_issue("acme/ops", "Down", by="kim", labels=["incident", "sev1"])
    stage.settle()
    live = LiveContainer(stage.container, anew)
    github.close("acme/ops", number, by="kim")
    assert stage.sandbox.hooks.drain()
    return f"acme/ops#{number}", live["delivery"], live


def record(stage: Stage, key: str) -> IncidentRecord:
    with stage.store.read() as tx:
        return tx.incidents.find(key)[0]


def run(stage: Stage, kind: str, handler: Handler) -> None:
    """Run the job of this kind that is due."""
    with stage.store.write() as tx:
        job = tx.jobs.claim_next(timedelta(minutes=1))
    assert job is not None
    assert job.kind == kind
    end = handler(job)
    with stage.store.write() as tx:
        record_end(tx, job, end)


def test_a_turn_that_began_under_old_rules_ends_under_them_and_the_next_decides_anew(
    staged: Staging,
) -> None:
    stage = staged()
    key, deliver, live = incident(stage)
    before = stage.container.rules.policy.hash
    run(stage, "delivery", deliver)
    old_turn = live["incident"]
    rules = changed(stage)
    live.take(rules)  # while the turn runs
    run(stage, "incident", old_turn)
    assert record(stage, key).policy_hash == before
    assert record(stage, key).incident.postmortem is not None
    live.begin()
    stage.container = live._now
    stage.settle()
    assert record(stage, key).policy_hash == rules.policy.hash


def test_the_doors_of_the_web_process_are_those_of_the_rules_it_took_last(staged: Staging) -> None:
    stage = staged()
    web = LiveWeb(
        web_of(stage.settings, stage.container.rules, stage.store),
        lambda rules: web_of(stage.settings, rules, stage.store),
    )
    client = create_app(web).test_client()
    assert client.post("/webhooks/tracker", data="{}").status_code == 404
    text = stage.rules_file.read_text()
    stage.rules_file.write_text(
        text.replace("  github:\n", "  tracker:\n", 1).replace(
            "connection: github", "connection: tracker"
        )
    )
    web.take(load(stage.rules_file, {**stage.environ, **HOOKS}))
    assert client.post("/webhooks/tracker", data="{}").status_code == 401
    assert client.post("/webhooks/github", data="{}").status_code == 404
