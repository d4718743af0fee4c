"""Writes many ids of runs in few words: those of a sweep are numbered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_NUMBERED = re.compile(r"(.*-)(\d{4,15})", re.DOTALL)
_SPAN = re.compile(r"(.*-)(\d{4,15}):(\d{4,15})", re.DOTALL)


def packed(run_ids: Iterable[str]) -> list[str]:
    """Return these ids; `...-0003:0007` stands for five of them. No id has a colon."""
    spans: list[tuple[str, int, int]] = []
    plain: list[str] = []
    for run_id in sorted(set(run_ids), key=lambda text: (len(text), text)):
        found = _NUMBERED.fullmatch(run_id)
        if found is None or found[2] != f"{int(found[2]):04d}":
            plain.append(run_id)
        elif spans and spans[-1][0] == found[1] and spans[-1][2] == int(found[2]) - 1:
            spans[-1] = (found[1], spans[-1][1], int(found[2]))
        else:
            spans.append((found[1], int(found[2]), int(found[2])))
    return plain + [f"{head}{a:04d}" if a == b else f"{head}{a:04d}:{b:04d}" for head, a, b in spans]


def unpacked(texts: Iterable[str]) -> Iterator[str]:
    """Yield the ids that were packed."""
    for text in texts:
        found = _SPAN.fullmatch(text)
        if found is None:
            yield text
        else:
            yield from (f"{found[1]}{number:04d}" for number in range(int(found[2]), int(found[3]) + 1))
