"""Says which names on the disk the journal knows. There may be a million of them: they are asked for in parts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator

from runforge.store.journal import Transaction

_AT_ONCE = 1_000


def unknown_run_ids(tx: Transaction, names: Iterable[str]) -> Iterator[str]:
    """Yield those names that are no run's id."""
    names = iter(names)
    while some := list(itertools.islice(names, _AT_ONCE)):
        texts = json.dumps(some)  # ASCII: also for names that are not UTF-8
        yield from (row[0] for row in tx.rows("jobs.unknown_names", names=texts))
