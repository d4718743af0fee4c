"""A sweep as the journal keeps it: its space, how far it has come, and what its next runs are made of. Plain data."""

from __future__ import annotations

from runforge import light_json
from runforge.core.dependencies import Parent
from runforge.core.space import Dimension, from_document
from runforge.core.submission import USUAL, Submission
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TPE, RANDOM, GRID, LIST = "tpe", "random", "grid", "list"
#: In place of a stop rule: none, though the sweep may have one.
OFF = "off"
EXHAUSTED = "space exhausted"


class Template(NamedTuple):
    """What the runs of a sweep have in common."""

    #: The request that each run varies.
    request: dict[str, Any]
    #: A part of the runs' ids; None for those of a plan.
    name: str | None = None
    submission: Submission = USUAL
    parents: tuple[Parent, ...] = ()

    def to_json(self) -> str:
        """Return it as the journal keeps it."""
        options = {name: value for name, value in self.submission._asdict().items() if name not in _OF_ONE}
        parents = [parent._asdict() for parent in self.parents]
        document = {"request": self.request, "name": self.name, "options": options, "parents": parents}
        return light_json.dumps(document)

    @classmethod
    def from_json(cls, text: str) -> Template:
        """Return what `to_json` has written; options that this version does not know are left out."""
        found = light_json.loads(text)
        options = {name: found["options"][name] for name in Submission._fields if name in found["options"]}
        parents = tuple(Parent(**parent) for parent in found["parents"])
        return cls(found["request"], found["name"], Submission(**options), parents)


#: What each run has for itself.
_OF_ONE = frozenset({"group", "overrides", "request_sha", "recipe", "config_hash", "trial_no"})


class Study(NamedTuple):
    """A sweep: `made` trials exist of the `wanted` ones, and `asked` suggestions were taken."""

    group_id: str
    method: str
    space: tuple[Dimension, ...]
    template: Template
    seed: int = 0
    wanted: int = 0
    made: int = 0
    asked: int = 0
    #: Suggestions in a row that were no new trials.
    repeats: int = 0
    #: How often each suggestion is run.
    repeat: int = 1
    #: Why no more trials come before all are made.
    ended: str | None = None
    #: JSON: when a run is stopped early.
    stop: str = "{}"
    #: Of how many of the best runs the artifacts stay; None is all.
    keep: int | None = None

    @property
    def is_searched(self) -> bool:
        """Whether its trials are numbered."""
        return self.method in {RANDOM, TPE}


def study_of_row(row: Any) -> Study:
    """Return a row of `sweeps`."""
    taken = {name: row[name] for name in Study._fields if name not in {"space", "template"}}
    return Study(
        space=from_document(light_json.loads(row["space"])),
        template=Template.from_json(row["template"]),
        **taken,
    )


def space_to_json(space: tuple[Dimension, ...]) -> str:
    """Return a space as the journal keeps it."""
    return light_json.dumps([each.document() for each in space])
