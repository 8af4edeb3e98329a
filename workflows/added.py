"""Fields that what is kept did not have from the beginning."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: For `dataclasses.field(metadata=…)`, of one with a default: it is kept where it says more than
#: that. So the version before reads what says nothing that it does not know; it refuses the rest,
#: because it would lose it.
ADDED: Mapping[str, bool] = MappingProxyType({"added": True})
