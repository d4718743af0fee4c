"""The paths of a plain workspace as texts, for commands that are called all day: `pathlib` takes as long as they do.

Plain means: its journal is in its own `.runforge`. The names are those of `runforge.workspace`, and so are the paths.
"""

from __future__ import annotations


class Place:
    """A plain workspace of this user's."""

    __slots__ = (
        *("attempts_dir", "daemon_json", "daemon_lock", "hidden", "journal", "only_look", "root"),
        *("runs_dir", "state_dir", "write_lock"),
    )

    def __init__(self, root: str) -> None:
        self.root = root
        self.hidden = self.state_dir = f"{root.rstrip('/')}/.runforge"
        self.journal = f"{self.hidden}/runforge.db"
        self.write_lock = f"{self.hidden}/runforge.lock"
        self.daemon_lock = f"{self.hidden}/queue/daemon.lock"
        self.daemon_json = f"{self.hidden}/queue/daemon.json"
        self.runs_dir = f"{self.hidden}/runs"
        self.attempts_dir = f"{self.hidden}/attempts"
        self.only_look = False

    def attempt_dir(self, run_id: str, attempt: int) -> str:
        """Folder of one attempt's files."""
        return f"{self.attempts_dir}/{run_id}/{attempt}"
