"""In which order the tests run on several workers: the slow ones first, dealt out evenly."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import pytest


def dealt(items: Sequence[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return the tests as `--dist worksteal` cuts them: one stretch after another, each of one length.

    Each stretch begins with its share of the slow tests. What is left for the end is quick and evens things out.
    """
    piles: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for group in _groups(item for item in items if _is_slow(item)):
        min(piles, key=len).extend(group)
    quick = iter([item for item in items if not _is_slow(item)])
    for number, pile in enumerate(piles):
        length = len(items) * (number + 1) // workers - len(items) * number // workers
        pile.extend(itertools.islice(quick, max(0, length - len(pile))))
    return [*itertools.chain.from_iterable(piles), *quick]


def _is_slow(item: pytest.Item) -> bool:
    return item.get_closest_marker("slow") is not None


def _groups(slow: Iterable[pytest.Item]) -> list[list[pytest.Item]]:
    """Return single tests, but those of one file together where they share something that is dear to make."""
    groups: dict[str, list[pytest.Item]] = {}
    for item in slow:
        marker = item.get_closest_marker("slow")
        is_shared = marker is not None and marker.kwargs.get("shared", False)
        groups.setdefault(str(item.path) if is_shared else item.nodeid, []).append(item)
    return sorted(groups.values(), key=len, reverse=True)
