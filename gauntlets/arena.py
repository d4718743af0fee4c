"""A throw-away workspace, a real daemon, and a watcher that sees every state that the exports show."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CLI = [sys.executable, "-m", "runforge_cli"]
_POLL = 0.02


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
        (root / "data").mkdir(parents=True)
        (root / "data" / "train.csv").write_text(_csv(), encoding="utf-8")

    def run(self, *arguments: str, expect: int | None = 0) -> str:
        """Run a command of RunForge; return its standard output."""
        done = subprocess.run(
            [*CLI, *arguments], capture_output=True, text=True, check=False, timeout=120, cwd=self.root.parent
        )
        if expect is not None and done.returncode != expect:
            raise GauntletFailed(f"{arguments} gave {done.returncode}: {done.stderr or done.stdout}")
        return done.stdout

    def daemon(self, max_parallel: int = 2, gpu_slots: int = 1, *more: str) -> subprocess.Popen[bytes]:
        """Start a daemon the way a user does, and wait until it says that it is up."""
        log = open(self.root / f"daemon-{len(self.daemons)}.out", "wb")  # noqa: SIM115
        process = subprocess.Popen(
            [
                *CLI,
                "daemon",
                "--workspace",
                str(self.root),
                "--max-parallel",
                str(max_parallel),
                "--gpu-slots",
                str(gpu_slots),
                *more,
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        self.daemons.append(process)
        self.until(lambda: "[RF:DAEMON=STARTED" in self.said(process), "the daemon is up")
        return process

    def said(self, process: subprocess.Popen[bytes]) -> str:
        """Return what a daemon has printed so far."""
        number = self.daemons.index(process)
        return (self.root / f"daemon-{number}.out").read_text("utf-8", errors="replace")

    def kill_daemon(self) -> None:
        """Kill the newest daemon without a chance to clean up."""
        process = self.daemons[-1]
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.killed.append(process.pid)

    def stop_daemon(self) -> None:
        """Stop the newest daemon as a user does."""
        self.run("stop-daemon", "--workspace", str(self.root))
        self.daemons[-1].wait(timeout=20)

    def sweep(self, count: int, *, name: str, seconds: float = 0.3, device: str = "cpu", **model: Any) -> str:
        """Enqueue a sweep of watchable runs; return the group's id."""
        path = self.root / f"plan-{name}.json"
        path.write_text(
            json.dumps(plan(self.root, count, name=name, seconds=seconds, device=device, **model))
        )
        said = self.run("enqueue-sweep", "--plan", str(path), "--workspace", str(self.root))
        line = next(line for line in said.splitlines() if line.startswith("[RF:GROUP=ENQUEUED "))
        require(line.endswith(f" runs={count}]"), f"{line} does not say runs={count}")
        return line.split()[1]

    def queue(self) -> dict[str, Any]:
        """Return queue.json as a client reads it."""
        with contextlib.suppress(FileNotFoundError):
            return dict(json.loads((self.root / ".runforge/queue/queue.json").read_bytes()))
        return {"jobs": []}

    def jobs(self, group_id: str | None = None) -> list[dict[str, Any]]:
        """Return the jobs of queue.json, of one group if asked."""
        return [j for j in self.queue()["jobs"] if group_id is None or j["group_id"] == group_id]

    def group(self, group_id: str) -> dict[str, Any]:
        """Return group.json."""
        path = self.root / ".runforge/groups" / group_id / "group.json"
        return dict(json.loads(path.read_bytes())) if path.exists() else {"status": None, "runs": []}

    def result(self, run_id: str) -> dict[str, Any]:
        """Return a run's result.json."""
        return dict(json.loads((self.root / ".runforge/runs" / run_id / "result.json").read_bytes()))

    def until(self, condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
        """Wait until a condition holds; fail with what the queue looks like if it does not."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                states = {job["run_id"]: job["state"] for job in self.jobs()}
                raise GauntletFailed(f"not within {seconds:.0f} s: {what}; jobs: {states}")
            time.sleep(_POLL)

    def until_ended(self, group_id: str, status: str) -> None:
        """Wait until a group has the status that it must end with."""
        self.until(lambda: self.group(group_id)["status"] == status, f"{group_id} is {status}")

    def finish(self) -> dict[str, Any]:
        """Stop everything; check that nothing is left and that the journal is in order."""
        if self.daemons and self.daemons[-1].poll() is None:
            self.stop_daemon()
        verdict = json.loads(self.run("doctor", "--json", "--workspace", str(self.root), expect=None))["data"]
        found = {f["name"]: f for f in verdict["findings"]}
        require(verdict["ok"], f"doctor: {[f for f in verdict['findings'] if f['status'] == 'problem']}")
        require(found["exports"]["status"] == "ok", f"exports differ: {found['exports']['text']}")
        strays = processes_naming(str(self.root))
        require(not strays, f"stray processes: {strays}")
        return {"doctor": found["journal"]["text"], "strays": 0, "killed": self.killed}

    def clean_up(self) -> None:
        """Kill whatever is left and remove the workspace."""
        for process in self.daemons:
            if process.poll() is None:
                process.kill()
                process.wait()
        for pid in processes_naming(str(self.root)):
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


def processes_naming(text: str) -> list[int]:
    """Return live processes whose command line or environment names the workspace."""
    found = []
    needle = text.encode()
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        with contextlib.suppress(OSError, IndexError):
            folder = Path("/proc") / name
            is_dead = (folder / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
            if not is_dead and (
                needle in (folder / "cmdline").read_bytes() or needle in (folder / "environ").read_bytes()
            ):
                found.append(int(name))
    return found


class Watcher:
    """Reads queue.json all the time and remembers the extremes and the order of starts."""

    def __init__(self, watched: Arena) -> None:
        self._arena = watched
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.most_running = 0
        self.most_gpu_running = 0
        self.readings = 0

    def __enter__(self) -> Watcher:  # noqa: PYI034 - Self is not in Python 3.10
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(_POLL):
            running = [job for job in self._arena.jobs() if job["state"] == "running"]
            self.readings += 1
            self.most_running = max(self.most_running, len(running))
            self.most_gpu_running = max(self.most_gpu_running, sum(j["requires_gpu"] for j in running))


def start_order(jobs: list[dict[str, Any]]) -> list[str]:
    """Return run ids in the order in which they started."""
    return [
        j["run_id"]
        for j in sorted(jobs, key=lambda j: (j["started_at"] or "9", j["job_id"]))
        if j["started_at"]
    ]


def most_at_once(jobs: list[dict[str, Any]]) -> int:
    """Return how many of the jobs ran at the same time, from their own timestamps."""
    moments = [(j["started_at"], 1) for j in jobs if j["started_at"]]
    moments += [(j["finished_at"], -1) for j in jobs if j["started_at"] and j["finished_at"]]
    most = now = 0
    for _, step in sorted(moments):
        now += step
        most = max(most, now)
    return most


def request(*, seconds: float = 0.3, device: str = "cpu", **model: Any) -> dict[str, Any]:
    """Return a request: a command that takes a while, or the model that was given."""
    chosen = model or {
        "family": "command",
        "command": [sys.executable, "-c", "import sys,time; time.sleep(float(sys.argv[1]))", "{seconds}"],
        "hyperparameters": {"seconds": seconds, "n": 0},
    }
    return {
        "version": 1,
        "preset": "custom" if chosen["family"] == "command" else "fast",
        "dataset": {"path": "data/train.csv", "label_column": "label"},
        "model": chosen,
        "device": {"type": device},
        "created_at": "2026-01-01T00:00:00.000Z",
        "created_by": "gauntlets",
    }


def plan(root: Path, count: int, *, name: str, seconds: float, device: str, **model: Any) -> dict[str, Any]:
    """Return a sweep plan of `count` runs."""
    axis = "model.hyperparameters.n" if not model else "model.hyperparameters.random_state"
    return {
        "version": 1,
        "kind": "sweep_plan",
        "created_at": "2026-01-01T00:00:00.000Z",
        "created_by": "gauntlets",
        "workspace": str(root),
        "group": {"name": name},
        "base_request": request(seconds=seconds, device=device, **model),
        "strategy": {"type": "grid", "parameters": [{"path": axis, "values": list(range(count))}]},
        "execution": {"max_parallel": 2},
    }


def _csv() -> str:
    rows = [f"{i % 7},{(i * 3) % 11},{'yes' if i % 7 > 3 else 'no'}" for i in range(60)]
    return "a,b,label\n" + "\n".join(rows) + "\n"
