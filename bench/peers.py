"""Other queues, used like their users do. One that is not available here says why.

GNU parallel and task-spooler come from the distribution; the others come from PyPI, each in its own
environment (`python -m bench --install-peers`, below ~/.cache/runforge-bench).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.waiting import until

FROM_PYPI = {
    "HyperQueue": ["hyperqueue"],
    "gflow": ["runqd"],
    "jobd": ["jobd", "psutil"],
    "gq-local": ["gq-local"],
}
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "runforge-bench"
_PORT = 18765
Drain = Callable[[int], float]


#: Functions that end the peers' servers; `end_servers` calls them.
_servers: list[tuple[list[str], dict[str, str]]] = []


class Missing(Exception):
    """A peer is not available here; the message says why."""


def end_servers() -> None:
    """End the servers that are left, while their sockets still exist."""
    while _servers:
        command, env = _servers.pop()
        subprocess.run(command, check=False, env=env)


def install() -> None:
    """Install the peers from PyPI, each into its own environment."""
    for name, packages in FROM_PYPI.items():
        folder = _CACHE / name
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        done = subprocess.run([str(folder / "bin/pip"), "install", "-q", *packages], check=False)
        if done.returncode:
            shutil.rmtree(folder)
        print(f"{name}: {'cannot be installed' if done.returncode else 'installed'}", file=sys.stderr)


def program(package: str, name: str) -> str:
    """Return the path of a program of a peer from PyPI; Missing if it is not installed."""
    path = _CACHE / package / "bin" / name
    if not path.exists():
        raise Missing("not installed (--install-peers)")
    return str(path)


def _found(name: str, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise Missing(f"not installed ({package})")
    return path


@contextlib.contextmanager
def parallel() -> Iterator[Drain]:
    """GNU parallel: no queue, no journal; the least cost of a tool with one log per job."""
    client = _found("parallel", "Debian's parallel")

    def drain(count: int) -> float:
        folder = tempfile.mkdtemp(prefix="bench-")
        log = f"{folder}/log"
        command = [
            client,
            "--will-cite",
            "-j2",
            "--joblog",
            log,
            "true {}",
            ":::",
            *map(str, range(count)),
        ]
        return _timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))

    yield drain


@contextlib.contextmanager
def tsp() -> Iterator[Drain]:
    """task-spooler: a daemon in memory, one client process per job."""
    client = _found("tsp", "Debian's task-spooler")
    folder = tempfile.mkdtemp(prefix="bench-")
    env = {
        **os.environ,
        "TS_SOCKET": f"{folder}/socket",
        "TMPDIR": folder,
        "TS_MAXCONN": "2000",
        "TS_SLOTS": "2",
    }

    def tsp_(*words: str) -> None:
        subprocess.run([client, *words], check=True, env=env, stdout=subprocess.DEVNULL)

    def drain(count: int) -> float:
        def all_of_them() -> None:
            for _ in range(count):
                tsp_("-n", "true")
            # It starts them in order: when the last has ended, at most one other still runs.
            subprocess.run([client, "-w"], check=False, env=env)

        return _timed(all_of_them)

    try:
        tsp_("-S", "2")
        yield drain
    finally:
        subprocess.run([client, "-K"], check=False, env=env)


def tsp_status(count: int) -> Callable[[], float]:
    """Return a function that lists a task-spooler queue with this many finished jobs."""
    client = _found("tsp", "Debian's task-spooler")
    folder = tempfile.mkdtemp(prefix="bench-tsp-")
    env = {**os.environ, "TS_SOCKET": f"{folder}/socket", "TMPDIR": folder, "TS_MAXFINISHED": str(count)}
    _servers.append(([client, "-K"], env))
    for _ in range(count):
        subprocess.run([client, "-n", "true"], check=True, env=env, stdout=subprocess.DEVNULL)

    def listed() -> float:
        return 1000 * _timed(
            lambda: subprocess.run([client, "-l"], check=True, env=env, stdout=subprocess.DEVNULL)
        )

    return listed


def tsp_latency(code: list[str]) -> Callable[[], float]:
    """Return a function that measures the milliseconds from the client's call to a job's first line."""
    client = _found("tsp", "Debian's task-spooler")
    folder = tempfile.mkdtemp(prefix="bench-tsp-")
    env = {**os.environ, "TS_SOCKET": f"{folder}/socket", "TMPDIR": folder}
    _servers.append(([client, "-K"], env))
    number = 0

    def one() -> float:
        nonlocal number
        number += 1
        out = Path(folder) / f"out-{number}"
        begin = time.time()
        subprocess.run([client, "-n", *code, str(out)], check=True, env=env, stdout=subprocess.DEVNULL)
        until(
            lambda: out.exists() and out.read_text().endswith("\n"),
            "task-spooler has started its job", pause=0.002, error=Missing,
        )  # fmt: skip
        return (float(out.read_text()) - begin) * 1000

    return one


@contextlib.contextmanager
def jobd() -> Iterator[Drain]:
    """jobd: a broker with HTTP and SQLite, and a worker that asks it for jobs."""
    programs = {name: program("jobd", name) for name in ("jobd", "jobd-worker", "job")}
    folder = Path(tempfile.mkdtemp(prefix="bench-jobd-"))
    (folder / "config").mkdir()
    (folder / "config/projects.yaml").write_text("projects:\n  bench: {priority: 50}\n")
    (folder / "bin").mkdir()
    (folder / "bin/true").symlink_to("/bin/true")
    url = f"http://127.0.0.1:{_PORT}"
    env = {
        "HOME": str(folder),
        "PATH": str(folder / "bin"),  # without systemd-run, which needs a session that may not exist
        "JOBD_CONFIG_DIR": str(folder / "config"),
        "JOBD_LOGS_DIR": str(folder / "logs"),
        "JOBD_PORT": str(_PORT),
        "JOBD_URL": url,
        "JOBD_WORKER_MAX_CONCURRENT_JOBS": "2",
        "JOBD_ALLOW_NO_AUTH": "1",
    }
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> None:
        with open(folder / f"{name}.log", "wb") as log:
            started.append(subprocess.Popen([programs[name]], env=env, stdout=log, stderr=log, cwd=folder))

    def drain(count: int) -> float:
        def submit_and_wait() -> None:
            words = ["submit", "-p", "bench", "--count", str(count), "--", "true"]
            done = subprocess.run(
                [programs["job"], *words], check=False, env=env, capture_output=True, text=True, cwd=folder
            )
            last = done.stdout.rpartition("]")[0].rpartition(",")[2].strip()
            subprocess.run(
                [programs["job"], "wait", last], env=env, check=False, capture_output=True, cwd=folder
            )

        return _timed(submit_and_wait)

    try:
        start("jobd")
        _until_answered(f"{url}/health")
        start("jobd-worker")
        _until_answered(f"{url}/workers", lambda answer: answer not in {b"[]", b""})
        yield drain
    finally:
        for process in started:
            process.send_signal(signal.SIGKILL)
            process.wait()


def _until_answered(url: str, is_right: Callable[[bytes], bool] = lambda _: True) -> None:
    def answers() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return is_right(answer.read())
        except OSError:
            return False

    until(answers, "its broker answers", seconds=20, pause=0.2, error=Missing)


def others() -> dict[str, float | str]:
    """Return why some peers cannot be measured here."""
    found: dict[str, float | str] = {"gflow": "not drained (it looks for ended jobs every few seconds)"}
    try:
        command = program("gq-local", "gq")
        folder = tempfile.mkdtemp(prefix="bench-")
        env = {**os.environ, "HOME": folder}
        done = subprocess.run(
            [command, "run", "-g", "0", "--", "true"], check=False, env=env, capture_output=True
        )
        needs_gpu = "its daemon does not start without an NVIDIA GPU"
        found["gq-local"] = needs_gpu if done.returncode else "schedules GPUs only"
    except Missing as reason:
        found["gq-local"] = str(reason)
    return found


def _timed(action: Callable[[], object]) -> float:
    start = time.monotonic()
    action()
    return time.monotonic() - start
