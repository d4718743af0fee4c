"""The filter that a person types for the list of jobs: `state:failed group:lr !canceled C=0.1`.

Words are searched in the run, its job, group, state, overrides and error, without regard to case. All must be
found. `!` before a word means: must not be found.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from runforge.core.states import State


@dataclass(frozen=True, slots=True)
class JobFilter:
    """A parsed filter. `problem` says which part of the text is wrong."""

    text: str = ""
    states: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    group_id: str | None = None
    problem: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every job matches."""
        return not (self.states or self.groups or self.words or self.unwanted or self.group_id)

    def values(self) -> dict[str, object]:
        """Return the values for the query `jobs.order_matching`."""
        return {
            "states": json.dumps(self.states) if self.states else None,
            "groups": json.dumps([_like(word) for word in self.groups]),
            "texts": json.dumps([_like(word) for word in self.words + self.unwanted]),
            "unwanted_from": len(self.words),
            "group_id": self.group_id,
        }


def _like(word: str) -> str:
    for sign in ("\\", "%", "_"):
        word = word.replace(sign, "\\" + sign)
    return f"%{word}%"


def parse(text: str, group_id: str | None = None) -> JobFilter:
    """Return the filter of a text; never fails, but says in `problem` what is unknown."""
    states: list[str] = []
    groups: list[str] = []
    words: list[str] = []
    unwanted: list[str] = []
    problem = None
    for token in text.encode("utf-8", "replace").decode().replace("\0", "").split():
        key, colon, value = token.partition(":")
        if colon and key in {"state", "s"}:
            found = [s.value for s in State for v in value.split(",") if v and s.value.startswith(v.lower())]
            if not found:
                problem = f"no state begins with '{value}'" if value else None
            states += found
        elif colon and key in {"group", "g"}:
            groups += [value] if value else []
        elif token.startswith("!"):
            unwanted += [token[1:]] if token[1:] else []
        else:
            words.append(token)
    if problem and not states:
        states = ["?"]
    return JobFilter(text, tuple(states), tuple(groups), tuple(words), tuple(unwanted), group_id, problem)
