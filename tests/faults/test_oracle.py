"""The oracle of the storm sees what it says it sees."""

from __future__ import annotations

from pathlib import Path

import pytest
from stage import Stage

from bench import company
from integrations.sandbox.acme import BOT_GITHUB


@pytest.mark.parametrize("left_behind", ["task without its label", "branch without pull request"])
def test_the_oracle_sees_what_only_a_lost_call_can_have_left_behind(
    tmp_path: Path, left_behind: str
) -> None:
    with Stage(tmp_path) as stage:
        sandbox, github = stage.sandbox, stage.sandbox.github
        key = company.open_in_github(sandbox, 1)
        company.close(sandbox, key)
        stage.settle()
        assert company.judge(sandbox, [key]).right()
        if left_behind.startswith("task"):
            github.open_issue(company.OPS, "remedy 1 of case 1", by=BOT_GITHUB)
        else:
            books = github.repos[company.BOOKS]
            head = books.branches[books.default_branch]
            github.create_branch(books, "followthrough/other", head, by=BOT_GITHUB)
        assert not company.judge(sandbox, [key]).right()
