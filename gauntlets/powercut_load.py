"""The load of the power cuts: that of chaos_load, with a record of what was acknowledged.

    python -m gauntlets.powercut_load WORKSPACE WITNESS RUNS SEED

Besides chaos_load's lines it prints `DID command target` for each command that has returned, and `SEEN entry`
for each entry that the journal then shows. These lines go to a place without power cuts, so they are the
truth.
"""

from __future__ import annotations

import json
from typing import Any

from gauntlets import chaos_load
from runforge.store.opening import open_journal

_NEWEST = 400


def entry_of(row: Any) -> list[Any]:
    """Return an entry of the journal as the record has it."""
    names = ("seq", "event", "job_id", "group_id", "from_state", "to_state", "attempt", "detail")
    return [row[name] for name in names]


class Load(chaos_load.Load):
    """A load that keeps a record. Only short commands: after each cut the queue must run empty."""

    batch = 4
    backlog = 10
    weights = (6, 5, 2, 6, 1, 4, 0.3)
    kinds = ("plain", "plain", "keeping", "keeping", "forking")
    pauses = (0.0, 0.06)
    _seen = 0

    def document(self, count: int) -> tuple[dict[str, Any], float | None]:
        """Return a plan of commands."""
        return self.commands(count), None

    def acknowledged(self, name: str, target: str) -> None:
        """Write down the command, and every entry that is new."""
        lines = [f"DID {name} {target}"]
        with open_journal(self.workspace) as journal, journal.read() as tx:
            rows = [
                row for row in tx.rows("journal.entries_newest", limit=_NEWEST) if row["seq"] > self._seen
            ]
        if rows:
            self._seen = rows[0]["seq"]
        lines += [f"SEEN {json.dumps(entry_of(row))}" for row in reversed(rows)]
        print("\n".join(lines), flush=True)


if __name__ == "__main__":
    chaos_load.main(Load)
