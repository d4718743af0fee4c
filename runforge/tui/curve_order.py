"""Which metric comes first where there are many."""

from __future__ import annotations

from runforge.core.ranking import direction_of_name, without_split


def importance(name: str, objective: str | None) -> tuple[bool, bool, bool, str, str]:
    """Return where a metric is in the order: the objective, its family, those of known direction, the others."""
    family = without_split(name)
    wanted = without_split(objective) if objective else None
    return name != objective, family != wanted, direction_of_name(name) is None, family, name
