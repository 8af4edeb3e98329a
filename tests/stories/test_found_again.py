"""An incident teaches from the first reading on, and what it comes to is found by its words."""

from __future__ import annotations

from pathlib import Path

from measures import InJira
from stage import Stage

from workflows.projection import project
from workflows.queries import parse
from workflows.sight import EVERYTHING


def found(stage: Stage, typed: str) -> list[str]:
    with stage.store.read() as tx:
        return [hit.key for hit in tx.search.find(parse(typed), EVERYTHING).hits]


def test_what_an_incident_came_to_is_found_by_its_words_all_along(tmp_path: Path) -> None:
    with Stage(tmp_path, **InJira.parts) as stage:
        story = InJira(stage)
        assert found(stage, "alert depth kind:preventive team:payments") == [story.key]
        assert found(stage, f'"{story.task_key}"') == [story.key]
        story.done()
        known = story.incident
        with stage.store.read() as tx:
            kept = tx.learning.kept(known.id)
            assert tx.learning.unlearnt(1) == []
        assert kept is not None
        assert kept == project(known, {}, kept.facts.published)
        assert [(each.open, each.done_at) for each in kept.measures] == [
            (False, known.actions[0].done_at)
        ]
        assert [each.standing for each in kept.audits] == ["planned"]
