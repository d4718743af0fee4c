"""HyperQueue and gflow, both in Rust: each in its own environment, used through its user interface.

HyperQueue's package has server, worker and client; gflow's (`runqd` on PyPI) has a daemon and command-line
clients.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.peers import Missing, program
from bench.waiting import until

#: Runs in HyperQueue's environment. Each input line is a number of tasks; each output line is the seconds
#: that they took. A last task waits for all others and shows the end, because the client itself asks only
#: once a second.
_DRIVER = """
import json, os, sys, time
from hyperqueue import Client, Job
from hyperqueue.cluster import LocalCluster, WorkerConfig
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
folder = sys.argv[1]
os.chdir(folder)
def stamped(path):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            text = open(path).read()
        except FileNotFoundError:
            text = ""
        if text.endswith("\\n"):
            return int(text) / 1e9
        time.sleep(0.002)
    raise SystemExit("its job has not started")
with LocalCluster(server_dir=folder, worker_config=WorkerConfig(cores=2)) as cluster:
    client = Client(folder)
    for line in sys.stdin:
        path = os.path.join(folder, "stamp-%d" % time.monotonic_ns())
        job = Job(max_fails=None)
        tasks = [job.program(["true"]) for _ in range(json.loads(line))]
        job.program(["sh", "-c", "date +%s%N > '" + path + "'"], deps=tasks)
        begin = time.time()
        client.submit(job)
        took = stamped(path) - begin
        print(json.dumps(took), file=answers, flush=True)
"""


@contextlib.contextmanager
def hyperqueue() -> Iterator[Callable[[int], float]]:
    """HyperQueue: server and a worker of two cores, no journal; 0 tasks measure its latency."""
    python = program("HyperQueue", "python")
    folder = tempfile.mkdtemp(prefix="bench-hq-")
    pipe = subprocess.PIPE
    command = [python, "-c", _DRIVER, folder]
    driver = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)

    def drain(count: int) -> float:
        if driver.stdin is None or driver.stdout is None:
            raise Missing("no pipe")
        try:
            driver.stdin.write(f"{count}\n")
            driver.stdin.flush()
            return float(json.loads(driver.stdout.readline()))
        except (OSError, ValueError):
            raise Missing("its server does not answer") from None

    try:
        drain(1)
        yield drain
    finally:
        with contextlib.suppress(OSError):
            driver.communicate(timeout=20)


class Gflow:
    """A running gflow: submitting and listing by its clients."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bin = Path(program("gflow", "gflowd")).parent
        path = f"{self._bin}:{os.environ['PATH']}"
        own = {"HOME": str(folder), "TMUX_TMPDIR": str(folder), "TMUX": "", "PATH": path}
        self.environment = {**os.environ, **own}

    def call(self, name: str, *words: str) -> float:
        """Return the milliseconds of one of its commands."""
        begin = time.monotonic()
        nowhere = subprocess.DEVNULL
        command = [str(self._bin / name), *words]
        subprocess.run(
            command, check=True, env=self.environment, cwd=self._folder, stdout=nowhere, stderr=nowhere
        )
        return (time.monotonic() - begin) * 1000

    def listed(self) -> float:
        """Return the milliseconds of `gqueue --all`."""
        return self.call("gqueue", "--all")

    def answers(self) -> bool:
        """Return whether the daemon is up."""
        try:
            self.listed()
        except subprocess.CalledProcessError:
            return False
        return True

    def latency(self) -> float:
        """Return the milliseconds from calling `gbatch` to the job's own code."""
        path = self._folder / f"stamp-{time.monotonic_ns()}"
        begin = time.time()
        self.call("gbatch", "--auto-close", "sh", "-c", f"date +%s%N > {path}")
        until(
            lambda: path.exists() and path.read_text("ascii").endswith("\n"),
            "its job has started", pause=0.002, error=Missing,
        )  # fmt: skip
        return (int(path.read_text("ascii")) / 1e9 - begin) * 1000


@contextlib.contextmanager
def gflow() -> Iterator[Gflow]:
    """gflow: a daemon and one tmux session per job, with its own home and tmux server."""
    if shutil.which("tmux") is None:
        raise Missing("not measured (it needs tmux)")
    folder = Path(tempfile.mkdtemp(prefix="bench-gflow-"))
    running = Gflow(folder)
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            [program("gflow", "gflowd"), "-q"], env=running.environment, cwd=folder, stdout=log, stderr=log
        )
    try:
        until(running.answers, "its daemon answers", seconds=20, pause=0.1, error=Missing)
        yield running
    finally:
        daemon.terminate()
        daemon.wait(20)
        subprocess.run(["tmux", "kill-server"], env=running.environment, capture_output=True, check=False)
