"""A throw-away workspace, a real daemon, and a watcher that sees every state that the exports show."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gauntlets.plans import csv_text, grid, plan, request
from gauntlets.traces import held_locks, parent_of, processes_of

__all__ = ["Arena", "GauntletFailed", "arena", "request", "require"]

CLI = [sys.executable, "-m", "runforge_cli"]
_POLL = 0.02
_STARTED = re.compile(r"^\[RF:QUEUE=JOB_STARTED \S+ run_id=(\S+?)(?: gpu=true)?\]$", re.MULTILINE)


class GauntletFailed(Exception):
    """A pass criterion was not met."""


def require(condition: object, message: str) -> None:
    """Fail the gauntlet with a message unless the condition holds."""
    if not condition:
        raise GauntletFailed(message)


class Arena:
    """One workspace and whatever runs in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.daemons: list[subprocess.Popen[bytes]] = []
        self.killed: list[int] = []
        self.commands: list[dict[str, Any]] = []
        (root / "data").mkdir(parents=True)
        (root / "data" / "train.csv").write_text(csv_text(), encoding="utf-8")

    # --- commands ------------------------------------------------------------------------------

    def run(self, *arguments: str, expect: int | None = 0, **environment: str) -> str:
        """Run a command of RunForge; return its standard output."""
        done = subprocess.run(
            [*CLI, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=self.root.parent,
            env={**os.environ, **environment},
        )
        self.commands.append({"command": list(arguments), "exit_code": done.returncode})
        if expect is not None and done.returncode != expect:
            raise GauntletFailed(f"{arguments} gave {done.returncode}: {done.stderr or done.stdout}")
        return done.stdout

    def daemon(self, max_parallel: int = 2, gpu_slots: int = 1, *more: str) -> subprocess.Popen[bytes]:
        """Start a daemon the way a user does, and wait until it says that it is up."""
        command = [*CLI, "daemon", "--workspace", str(self.root), *more]
        command += ["--max-parallel", str(max_parallel), "--gpu-slots", str(gpu_slots)]
        with open(self.root / f"daemon-{len(self.daemons)}.out", "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        self.daemons.append(process)
        self.until(lambda: "[RF:DAEMON=STARTED" in self.said(process), "the daemon is up")
        return process

    def said(self, process: subprocess.Popen[bytes]) -> str:
        """Return what a daemon has printed so far."""
        number = self.daemons.index(process)
        return (self.root / f"daemon-{number}.out").read_text("utf-8", errors="replace")

    def started(self) -> list[str]:
        """Return run ids in the order in which the daemons said that they started them."""
        return [run_id for process in self.daemons for run_id in _STARTED.findall(self.said(process))]

    def kill_daemon(self) -> None:
        """Kill the newest daemon without a chance to clean up."""
        process = self.daemons[-1]
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.killed.append(process.pid)

    def kill_runs(self) -> None:
        """Kill every run and its supervisor, as a machine does that is out of memory."""
        workers = [pid for pid in processes_of(self.root) if _is_worker(pid)]
        # The supervisors first: they must not live to see how their runs ended.
        for pid in [*{parent_of(worker) for worker in workers}, *workers]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.killed.append(pid)

    def stop_daemon(self) -> None:
        """Stop the newest daemon as a user does."""
        self.run("stop-daemon", "--workspace", str(self.root))
        self.daemons[-1].wait(timeout=20)

    def sweep(self, count: int, *, name: str, seconds: float = 0.3, device: str = "cpu", **model: Any) -> str:
        """Enqueue a sweep of watchable runs; return the group's id."""
        path = "model.hyperparameters." + ("random_state" if model else "n")
        base = request(seconds=seconds, device=device, **model)
        return self.enqueue(plan(self.root, base, grid(count, path), name=name), count)

    def enqueue(self, document: dict[str, Any], count: int, *options: str) -> str:
        """Enqueue a plan of `count` runs; return the group's id."""
        path = self.root / f"plan-{document['group']['name']}.json"
        path.write_text(json.dumps(document))
        said = self.run("enqueue-sweep", "--plan", str(path), "--workspace", str(self.root), *options)
        line = next(line for line in said.splitlines() if line.startswith("[RF:GROUP=ENQUEUED "))
        require(line.endswith(f" runs={count}]"), f"{line} does not say runs={count}")
        return line.split()[1]

    def group_command(self, command: str, group_id: str) -> str:
        """Run a command on a group; return what it printed."""
        return self.run(command, "--group-id", group_id, "--workspace", str(self.root))

    # --- files ---------------------------------------------------------------------------------

    def queue(self) -> dict[str, Any]:
        """Return queue.json as a client reads it."""
        with contextlib.suppress(FileNotFoundError):
            return dict(json.loads((self.root / ".runforge/queue/queue.json").read_bytes()))
        return {"jobs": []}

    def jobs(self, group_id: str | None = None) -> list[dict[str, Any]]:
        """Return the jobs of queue.json, of one group if asked."""
        return [j for j in self.queue()["jobs"] if group_id is None or j["group_id"] == group_id]

    def in_state(self, state: str, group_id: str | None = None) -> int:
        """Return how many jobs queue.json has in a state."""
        return sum(job["state"] == state for job in self.jobs(group_id))

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
        """Wait until a condition holds; fail with what the queue looks like if it does not."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                states = {job["run_id"]: job["state"] for job in self.jobs()}
                said = self.said(self.daemons[-1])[-500:] if self.daemons else "no daemon"
                raise GauntletFailed(f"not within {seconds:.0f} s: {what}; jobs: {states}; daemon: {said}")
            time.sleep(_POLL)

    def until_ended(self, group_id: str, status: str) -> None:
        """Wait until a group has the status that it must end with."""
        self.until(lambda: self.group(group_id)["status"] == status, f"{group_id} is {status}")

    def finish(self) -> dict[str, Any]:
        """Stop everything; check that nothing is left and that the journal is in order."""
        if self.daemons and self.daemons[-1].poll() is None:
            self.stop_daemon()
        with contextlib.suppress(GauntletFailed):
            self.until(lambda: not processes_of(self.root), "every process is gone", 5.0)
        strays, locks = processes_of(self.root), held_locks(self.root)
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

    def clean_up(self) -> None:
        """Kill whatever is left and remove the workspace."""
        for process in self.daemons:
            if process.poll() is None:
                process.kill()
                process.wait()
        for pid in processes_of(self.root):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)


@contextlib.contextmanager
def arena() -> Iterator[Arena]:
    """Yield a fresh arena and leave nothing of it behind."""
    made = Arena(Path(tempfile.mkdtemp(prefix="gauntlet-")) / "ws")
    try:
        yield made
    finally:
        made.clean_up()
        shutil.rmtree(made.root.parent, ignore_errors=True)


def _is_worker(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"\0RUNFORGE_RUN_DIR=" in b"\0" + Path(f"/proc/{pid}/environ").read_bytes()
    return False
