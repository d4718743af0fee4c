"""A person's folder outside of the workspace, to type `submit` in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from runforge.core.records import Group, Job
from runforge.store import records
from runforge.store.opening import open_journal
from runforge.workspace import Workspace

#: Prints what it was given, so that its log tells.
_SCRIPT = """
import json, os, sys
print(json.dumps({"args": sys.argv[1:], "cwd": os.getcwd(), "env": os.environ.get("COLOUR"),
                  "params": json.load(open(os.environ["RUNFORGE_PARAMS"]))}), flush=True)
sys.exit(int(os.environ.get("CODE", "0")))
"""


class Desk:
    """A person's folder outside of the workspace, with a script and a shell to type in."""

    def __init__(self, ws: Workspace, folder: Path) -> None:
        self.ws, self.folder = ws, folder
        folder.mkdir()
        (folder / "train.py").write_text(_SCRIPT)
        self.environment = {**os.environ, "RUNFORGE_WORKSPACE": str(ws.root), "COLOUR": "blue"}
        self.environment["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])

    def type(self, *words: object, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """Type a command of `runforge` here."""
        return subprocess.run(
            [sys.executable, "-m", "runforge", *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=self.folder,
            env={**self.environment, **more},
            input=stdin,
        )

    def submit(self, *words: object, stdin: str = "", expect: int = 0, **more: str) -> str:
        """Submit, and return what stands on standard output: the id, alone."""
        done = self.type("submit", *words, stdin=stdin, **more)
        assert done.returncode == expect, done.stderr
        self.told = done.stderr
        assert done.stdout.count("\n") == 1, done.stdout
        return done.stdout.strip()

    def jobs(self, name: str) -> list[Job]:
        """Return the job of a run, or those of a group."""
        with open_journal(self.ws) as journal, journal.read() as tx:
            row = tx.row("jobs.by_run_id", run_id=name)
            rows = tx.rows("jobs.of_group", group_id=name) if row is None else [row]
            return [records.job(found) for found in rows]

    def group(self, name: str) -> Group:
        """Return a group."""
        with open_journal(self.ws) as journal, journal.read() as tx:
            return records.group(tx.row("groups.by_id", group_id=name))

    def requests(self, name: str) -> list[dict[str, Any]]:
        """Return the requests of a run or of a group's runs."""
        folders = [self.ws.root / job.run_dir for job in self.jobs(name)]
        return [json.loads((folder / "request.json").read_text()) for folder in folders]

    def commands(self, name: str) -> list[dict[str, Any]]:
        """Return what the runs of a sweep were given."""
        return [request["model"]["hyperparameters"] for request in self.requests(name)]

    def said(self, run: Job) -> dict[str, Any]:
        """Return what the script of a run has printed."""
        lines = (self.ws.root / run.run_dir / "logs.txt").read_text().splitlines()
        found: dict[str, Any] = json.loads(next(line for line in lines if line.startswith("{")))
        return found
