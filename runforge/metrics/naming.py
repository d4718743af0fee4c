"""Which source a metric is taken from, and under which name. All readers use this, so that all see the same.

What the run reports itself comes first, then a file that a person named, then files of tools, then the log.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from runforge.core.ranking import direction_of_name
from runforge.metrics import jsonl
from runforge.metrics.sources import kinds, listed
from runforge.metrics.sources.listed import Source, Sources

OWN = Source(jsonl.NAME, kinds.LINES, "reported")
LOG = Source("logs.txt", "log", "printed")
_RANKS = {kind: rank for rank, kind in enumerate([*kinds.ORDER, LOG.kind, kinds.TRAINER])}
#: The name of a metric that was measured on other data than trained on.
_HELD_OUT = re.compile(r"(?:val|eval|test|dev)", re.IGNORECASE)
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Part(Generic[_Found]):
    """What one source has: its metrics by their own names, and which of these count only if nothing else does."""

    source: Source
    metrics: Mapping[str, _Found]
    plain: frozenset[str] = frozenset()


def in_use(sources: Sources) -> list[Source]:
    """Return what is read, in the order in which it counts: of checkpoints only the newest.

    A trainer_state.json comes after the log, because it is written only now and then.
    """
    newest: dict[tuple[str, str], int] = {}
    if not sources.files:
        return [OWN, LOG] if sources.reads_log else [OWN]
    found = [*sources.files, *([LOG] if sources.reads_log else [])]
    for source in found:
        key = (source.kind, kinds.place(source.path))
        newest[key] = max(newest.get(key, 0), kinds.checkpoint(source.path))
    used = [s for s in found if kinds.checkpoint(s.path) == newest[s.kind, kinds.place(s.path)]]
    return [OWN, *sorted(used, key=lambda s: (s.by != listed.NAMED, _RANKS[s.kind]))]


def prefixes(sources: Sequence[Source]) -> dict[str, str]:
    """Return what goes before the names of each file: tools that write several folders get the folder's name."""
    found: dict[str, str] = {}
    for kind in {source.kind for source in sources}:
        ours = [s for s in sources if s.kind == kind and not kinds.says_its_name(s.path)]
        places = {kinds.place(source.path) for source in ours}
        common = os.path.commonpath(places) if len(places) > 1 else ""
        for source in ours:
            below = os.path.relpath(kinds.place(source.path), common) if common else "."
            found[source.path] = "" if below == "." else f"{below}/"
    return found


def merged(
    parts: Iterable[Part[_Found]], join: Callable[[_Found, _Found], _Found]
) -> dict[str, tuple[_Found, Source]]:
    """Return each metric once, with its source. Files of one folder continue each other: `join` puts them together."""
    given = list(parts)
    metrics = {part.source: part.metrics for part in given}
    found: dict[str, tuple[_Found, Source]] = {}
    for source, own, name in names_in(given):
        value = metrics[source][own]
        found[name] = (join(found[name][0], value) if name in found else value, source)
    return found


def names_in(parts: Sequence[Part[_Found]]) -> Iterator[tuple[Source, str, str]]:
    """Yield the metrics that count, as source, name there, and name for people.

    Plain lines of the log count only if there is nothing else.
    """
    before = prefixes([part.source for part in parts if part.source not in {OWN, LOG}])
    has_others = any(part.metrics.keys() - part.plain for part in parts)
    found: dict[str, Source] = {}
    for source, metrics, plain in ((part.source, part.metrics, part.plain) for part in parts):
        for own in metrics:
            if own in plain and has_others:
                continue
            name = before.get(source.path, "") + kinds.own_name(source.path, own)
            known = found.setdefault(name, source)
            if known == source or _continues(known, source):
                yield source, own, name


def _continues(first: Source, second: Source) -> bool:
    return (
        first.kind == second.kind
        and first not in {OWN, LOG}
        and kinds.place(first.path) == kinds.place(second.path)
    )


def primary(found: Mapping[str, tuple[object, Source]]) -> str | None:
    """Return the run's main metric: the first that it reported.

    Without one it is a metric of which it is known what is better, measured on other data than trained on if
    there is such a one.
    """
    own = next((name for name, (_, source) in found.items() if source == OWN), None)
    if own is not None:
        return own
    known = [name for name in found if direction_of_name(name) is not None]
    return next((name for name in known if _HELD_OUT.match(name)), next(iter(known), None))
