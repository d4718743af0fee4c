"""What can be named, for the shell's completion. Light: the shell asks for it after each tab."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.store.transaction import Transaction


def read(tx: Transaction, what: str, begin: str) -> list[str]:
    """Return what a person may type for a run, a group or either that begins so: recent ones, the older ones not at all.

    Numbers are read only for a word that begins with a digit: they would hide the rest.
    """
    queries = [] if what == "run" else ["groups.some_ids", "groups.some_names"]
    if what != "group":
        queries.append("jobs.some_run_ids")
    found = [str(row[0]) for query in queries for row in tx.rows(query)]
    if what != "group" and begin[:1].isdigit():
        found += (tx.row("jobs.some_numbers")[0] or "").split()
    return [name for name in found if name.startswith(begin)]
