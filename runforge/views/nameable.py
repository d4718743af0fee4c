"""What can be named, for the shell's completion. Light: the shell asks for it after each tab."""

from __future__ import annotations

from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.store.transaction import Transaction


class Known(NamedTuple):
    """Recent ones first, the older ones not at all."""

    groups: list[str]
    group_names: list[str]
    runs: list[str]
    numbers: list[str]


def read(tx: Transaction) -> Known:
    """Return what a person may type in this workspace."""
    queries = ("groups.some_ids", "groups.some_names", "jobs.some_run_ids")
    ids, names, runs = ([str(row[0]) for row in tx.rows(query)] for query in queries)
    return Known(ids, names, runs, (tx.row("jobs.some_numbers")[0] or "").split())
