"""What somebody may see of what incidents teach."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sight:
    """Of which teams somebody may read, None for all; and whether restricted incidents too. What
    they may not see is neither found nor counted."""

    teams: frozenset[str] | None
    restricted: bool = False


#: Whoever has the admin token, or types commands beside the database.
EVERYTHING = Sight(None, restricted=True)
NOTHING = Sight(frozenset())
