"""A temporary workspace with real daemons and processes. Nothing of it is left afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from runforge.drills.plans import csv_text
from runforge.drills.traces import held_locks, processes_of

_POLL = 0.02
_COMMAND_SECONDS = 120
_CLEAN_UP_SECONDS = 10.0


class Unmet(Exception):
    """Something is not as it must be."""


def require(condition: object, message: str) -> None:
    """Raise Unmet with a message unless the condition holds."""
    if not condition:
        raise Unmet(message)


class Arena:
    """One workspace and all that runs in it."""

    #: The command with which a user calls RunForge.
    program: tuple[str, ...] = (sys.executable, "-m", "runforge")
    #: What every daemon is told besides.
    daemon_options: tuple[str, ...] = ()

    def __init__(self, root: Path) -> None:
        self.root = root
        self.daemons: list[subprocess.Popen[bytes]] = []
        self.killed: list[int] = []
        self.commands: list[dict[str, Any]] = []
        #: Variables for every command and daemon, besides those of the caller.
        self.environment: dict[str, str] = {}
        #: So that the settings of whoever plays it count for nothing, and nobody is told of what fails here.
        self._nobodys = {"XDG_CONFIG_HOME": str(root.parent / "no-settings")}
        #: Gives processes that name the workspace and belong to the machine around it.
        self.bystanders: Callable[[], set[int]] = set
        #: What must be undone when all processes have ended.
        self.afterwards = contextlib.ExitStack()
        (root / "data").mkdir(parents=True)
        (root / "data" / "train.csv").write_text(csv_text(), encoding="utf-8")

    # --- commands ------------------------------------------------------------------------------

    def run(self, *arguments: str, expect: int | None = 0, **environment: str) -> str:
        """Run a command of RunForge; return its standard output."""
        done = subprocess.run(
            [*self.program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_SECONDS,
            cwd=self.root.parent,
            env={**os.environ, **self._nobodys, **self.environment, **environment},
        )
        self.commands.append({"command": list(arguments), "exit_code": done.returncode})
        if expect is not None and done.returncode != expect:
            raise Unmet(f"{arguments} gave {done.returncode}: {done.stderr or done.stdout}")
        return done.stdout

    def daemon(self, max_parallel: int = 2, gpu_slots: int | str = 1, *more: str) -> subprocess.Popen[bytes]:
        """Start a daemon like a user, and wait until it says that it is ready."""
        process = self.spawn_daemon(max_parallel, gpu_slots, *more)
        self.until(lambda: "[RF:DAEMON=STARTED" in self.said(process), "the daemon is up")
        return process

    def spawn_daemon(self, max_parallel: int, gpu_slots: int | str, *more: str) -> subprocess.Popen[bytes]:
        """Start a daemon without waiting for it."""
        command = [*self.program, "daemon", "--workspace", str(self.root), *self.daemon_options, *more]
        command += ["--max-parallel", str(max_parallel), "--gpu-slots", str(gpu_slots)]
        with open(self.root.parent / f"daemon-{len(self.daemons)}.out", "wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.root.parent,
                env={**os.environ, **self._nobodys, **self.environment},
            )
        self.daemons.append(process)
        return process

    def said(self, process: subprocess.Popen[bytes]) -> str:
        """Return what a daemon has printed so far."""
        number = self.daemons.index(process)
        return (self.root.parent / f"daemon-{number}.out").read_text("utf-8", errors="replace")

    def kill_daemon(self) -> None:
        """Kill the newest daemon with SIGKILL."""
        process = self.daemons[-1]
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.killed.append(process.pid)

    def stop_daemon(self) -> None:
        """Stop the newest daemon like a user."""
        self.run("stop-daemon", "--workspace", str(self.root))
        self.daemons[-1].wait(timeout=60)

    def enqueue(self, document: dict[str, Any], count: int, *options: str) -> str:
        """Enqueue a plan of `count` runs; return the group's id."""
        path = self.root.parent / f"plan-{document['group']['name']}.json"
        path.write_text(json.dumps(document))
        said = self.run("enqueue-sweep", "--plan", str(path), "--workspace", str(self.root), *options)
        line = next(line for line in said.splitlines() if line.startswith("[RF:GROUP=ENQUEUED "))
        require(line.endswith(f" runs={count}]"), f"{line} does not say runs={count}")
        return line.split()[1]

    # --- files ---------------------------------------------------------------------------------

    def queue(self) -> dict[str, Any]:
        """Return queue.json as a client reads it."""
        with contextlib.suppress(FileNotFoundError):
            return dict(json.loads((self.root / ".runforge/queue/queue.json").read_bytes()))
        return {"jobs": []}

    def jobs(self, group_id: str | None = None) -> list[dict[str, Any]]:
        """Return the jobs of queue.json, optionally of one group."""
        return [j for j in self.queue()["jobs"] if group_id is None or j["group_id"] == group_id]

    def daemon_json(self) -> dict[str, Any]:
        """Return daemon.json."""
        return dict(json.loads((self.root / ".runforge/queue/daemon.json").read_bytes()))

    def group(self, group_id: str) -> dict[str, Any]:
        """Return group.json."""
        path = self.root / ".runforge/groups" / group_id / "group.json"
        return dict(json.loads(path.read_bytes())) if path.exists() else {"status": None, "runs": []}

    def result(self, run_id: str) -> dict[str, Any]:
        """Return a run's result.json."""
        return dict(json.loads((self.root / ".runforge/runs" / run_id / "result.json").read_bytes()))

    # --- waiting and the end -------------------------------------------------------------------

    def until(self, condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
        """Wait until a condition is true; at the timeout fail and show the state of the queue."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                states = {job["run_id"]: job["state"] for job in self.jobs()}
                said = self.said(self.daemons[-1])[-500:] if self.daemons else "no daemon"
                raise Unmet(f"not within {seconds:.0f} s: {what}; jobs: {states}; daemon: {said}")
            time.sleep(_POLL)

    def finish(self) -> dict[str, Any]:
        """Stop everything; check that nothing is left and that the journal is in order."""
        if self.daemons and self.daemons[-1].poll() is None:
            self.stop_daemon()
        with contextlib.suppress(Unmet):
            self.until(lambda: not self._strays(), "every process is gone", 5.0)
        strays, locks = self._strays(), held_locks(self.root)
        require(not strays, f"stray processes: {strays}")
        require(not locks, f"held locks: {locks}")
        verdict = json.loads(self.run("doctor", "--json", "--workspace", str(self.root), expect=None))["data"]
        found = {f["name"]: f for f in verdict["findings"]}
        require(verdict["ok"], f"doctor: {[f for f in verdict['findings'] if f['status'] == 'problem']}")
        require(found["exports"]["status"] == "ok", f"exports differ: {found['exports']['text']}")
        return {
            "stray_processes": strays,
            "held_locks": locks,
            "journal": found["journal"]["text"],
            "exports": found["exports"]["text"],
        }

    def _strays(self) -> list[int]:
        others = self.bystanders()
        return [pid for pid in processes_of(self.root) if pid not in others]

    def clean_up(self) -> None:
        """Kill all that is left, also what is started meanwhile."""
        for process in self.daemons:
            if process.poll() is None:
                process.kill()
                process.wait()
        deadline = time.monotonic() + _CLEAN_UP_SECONDS
        while (left := processes_of(self.root)) and time.monotonic() < deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_POLL)


_Kind = TypeVar("_Kind", bound=Arena)


@contextlib.contextmanager
def arena(kind: Callable[[Path], _Kind], *, prefix: str, keep: bool = False) -> Iterator[_Kind]:
    """Yield a new arena; delete everything afterwards, with `keep` all but its files."""
    folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
    try:
        made = kind(folder / "ws")
        try:
            yield made
        finally:
            made.clean_up()
            made.afterwards.close()
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
