"""What the rules say of what incidents teach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class PatternRules:
    """So many incidents of one service that name a factor `within` that time recur."""

    threshold: int = 3
    within: timedelta = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class LearningRules:
    """What is counted as one: `synonyms` maps words of tags and factors to those that they are
    counted under, both normal (`workflows.recurrence.normal`). `patterns` says when a factor
    recurs, None where the rules do not ask for architecture reviews; those of some `teams` differ,
    None for a team that gets none."""

    synonyms: Mapping[str, str] = field(default_factory=dict)
    patterns: PatternRules | None = None
    teams: Mapping[str, PatternRules | None] = field(default_factory=dict)

    def reviews(self, team: str) -> PatternRules | None:
        """When the team gets an architecture review, None for never."""
        return None if self.patterns is None else self.teams.get(team, self.patterns)

    @property
    def counted(self) -> PatternRules:
        """What counts as recurring where a team's rules say nothing else."""
        return self.patterns or PatternRules()

    @property
    def differing(self) -> Mapping[str, PatternRules]:
        """The teams for which something else counts."""
        return {team: rules for team, rules in self.teams.items() if rules is not None}
