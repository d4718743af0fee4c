"""A private Slurm cluster in a throw-away folder: every part can be killed and started again.

    with running(nodes=3) as cluster: ...      # $SLURM_CONF of the clients: cluster.environment

Everything lies in the folder: configuration, spool, logs, munge's key and socket. Ports are free ones of the moment, so
several clusters run beside each other. A keeper ends the cluster when the process that started it is gone, however that
ended. With `isolate` (as root) each node has processes, host name, boot id and mounts of its own; with `share` these
mounts show a folder as a network file system does: names are seen late, and locks end at the host.
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
from collections.abc import Callable, Iterator
from pathlib import Path

from gauntlets import slurm_config
from gauntlets.slurm_config import NAMESPACES, lacking, program
from runforge.machine import os_process

__all__ = ["Cluster", "NotUp", "clear", "lacking", "running", "steps", "strays"]

_UP_SECONDS = 120.0
_POLL = 0.02
#: Between two looks that cost a command of Slurm each.
_ASK_POLL = 0.1
_CLIENT_SECONDS = 30.0
_NODE = str(Path(__file__).with_name("slurm_node.py"))


class NotUp(Exception):
    """The cluster, or a part of it, does not do what it must; says what it said last."""


class Cluster:
    """A cluster in a folder. Its parts: `munge`, `controller`, `n1`... (a slurmd) and `node:n1`... (all of a node)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.conf = self.folder / "slurm.conf"
        self.names: list[str] = []
        self.is_isolated = False
        self._share: Path | None = None
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self._keeper: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What Slurm's commands, and a daemon that calls them, need."""
        return {"SLURM_CONF": str(self.conf)}

    # --- starting ------------------------------------------------------------------------------

    def start(
        self,
        *,
        nodes: int = 3,
        cpus: int = 4,
        gpus: int = 0,
        isolate: bool = False,
        share: Path | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        """Start it and wait until every node is idle; NotUp if that does not happen.

        `share`, with `isolate`: a folder that the nodes see late. `settings`: lines of slurm.conf.
        """
        self.names = [f"n{number}" for number in range(1, nodes + 1)]
        self.is_isolated, self._share = isolate, share
        slurm_config.write(self.folder, self.names, cpus=cpus, gpus=gpus, settings=settings or {})
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "gauntlets.slurm_cluster", str(self.folder)],
            stdin=subprocess.PIPE,
            cwd=Path(__file__).parent.parent,
            start_new_session=True,
        )
        for part in ("munge", "controller", *self.names):
            self._start(part)
        self.until(lambda: self.states() == {f"{nodes} idle"}, "every node is idle")

    def _start(self, part: str) -> None:
        if part == "munge":
            base = self.folder / "munge"
            files = [f"--{name}={base}/{file}" for name, file in _MUNGE_FILES.items()]
            # --force: the folder may lie below /tmp.
            self._spawn(part, ["munged", "--force", "--foreground", "--num-threads=2", *files])
            self.until((base / "socket").exists, "munge is up")
        elif part == "controller":
            self._spawn(part, ["slurmctld", "-D", "-f", str(self.conf)])
            self.until(self.answers, "the controller answers")
        else:
            inside = self._inside(part) if self.is_isolated else []
            self._spawn(part, [*inside, "slurmd", "-D", "-N", part, "-f", str(self.conf)])

    def _inside(self, name: str) -> list[str]:
        """Return the words that run a program on a node; make the node if it is not there."""
        node = f"node:{name}"
        if not self.lives(node):
            ready = self.folder / f"{name}.up"
            ready.unlink(missing_ok=True)
            shared = [str(self._share)] if self._share else []
            self._spawn(node, [*NAMESPACES, sys.executable, _NODE, name, str(self.folder), *shared])
            self.until(ready.exists, f"{node} is there")
        return ["nsenter", "-t", str(self._first(node)), "-p", "-m", "-u", "-i", "-r"]

    def _first(self, node: str) -> int:
        """Return the first process of a node, as this host numbers it."""
        return os_process.children(self._parts[node].pid)[0]

    def login(self) -> list[str]:
        """Return the words before a command that see the shared folder late too, as on a login node.

        The command is the process that is started: it can be killed by its number.
        """
        return [*self._inside("login")[:3], "-m"] if self.is_isolated else []

    def machinery(self) -> set[int]:
        """Return the processes that make the nodes: they name the shared folder, and no run has started them."""
        makers = [process.pid for part, process in self._parts.items() if part.startswith("node:")]
        nodes = {pid for maker in makers for pid in os_process.children(maker)}
        return {
            *makers,
            *nodes,
            *(pid for node in nodes for pid in os_process.children(node) if _is_mount(pid)),
        }

    def _spawn(self, part: str, command: list[str]) -> None:
        found = program(command[0])
        # What the starter's environment says of devices or of Slurm must not reach the runs.
        kept = {name: os.environ[name] for name in ("HOME", "USER", "LANG", "TMPDIR") if name in os.environ}
        path = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
        with open(self.folder / f"{part.replace(':', '-')}.out", "ab") as log:
            self._parts[part] = subprocess.Popen(
                [found or command[0], *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**kept, "PATH": path, **self.environment},
                cwd="/",
                start_new_session=True,
            )

    # --- killing -------------------------------------------------------------------------------

    def lives(self, part: str) -> bool:
        """Return whether a part runs."""
        process = self._parts.get(part)
        return process is not None and process.poll() is None

    def kill(self, part: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to a part; after SIGKILL it is gone when this returns."""
        if part.startswith("node:") and not self.is_isolated:
            name = part.removeprefix("node:")
            self.kill(name, number)
            while left := steps(self.folder, name):  # one may have begun another meanwhile
                for pid in left:
                    os_process.send(pid, number)
            return
        if not self.lives(part):
            return
        outer = self._parts[part].pid
        # nsenter and unshare wait for the process that is meant.
        inner = os_process.children(outer) if self.is_isolated and part not in {"munge", "controller"} else []
        for pid in inner or [outer]:
            os_process.send(pid, number)
        if number == signal.SIGKILL:
            self._parts[part].wait(timeout=_UP_SECONDS)

    def revive(self, part: str) -> None:
        """Start a part that was killed, as an administrator would."""
        name = part.removeprefix("node:")
        if not self.lives(name):
            self._start(name)
        # After a kill the controller may drain nodes ("Duplicate jobid") until somebody resumes them.
        with contextlib.suppress(NotUp):
            self.client("scontrol", "update", f"nodename=n[1-{len(self.names)}]", "state=resume")

    def stop(self) -> None:
        """End everything that belongs to the folder, jobs too."""
        for process in self._parts.values():
            os_process.send(process.pid, signal.SIGKILL)
        clear(self.folder)
        for process in self._parts.values():
            process.wait(timeout=_UP_SECONDS)
        if self._keeper is not None:
            self._keeper.communicate(timeout=_UP_SECONDS)  # its input ends, so it does

    # --- looking -------------------------------------------------------------------------------

    def client(self, *command: str) -> str:
        """Run one of Slurm's commands and return what it prints; NotUp if it fails or does not end."""
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=_CLIENT_SECONDS,
                check=False,
                env={**os.environ, **self.environment},
            )
        except subprocess.TimeoutExpired:
            raise NotUp(f"{command[0]} does not end") from None
        if done.returncode:
            raise NotUp(f"{command}: {done.stderr.strip()}")
        return done.stdout

    def answers(self) -> bool:
        """Return whether the controller answers."""
        if not self.lives("controller"):
            raise NotUp(f"the controller has ended: {self._last('controller')}")
        try:
            return " UP" in self.client("scontrol", "ping")
        except NotUp:
            return False

    def states(self) -> set[str]:
        """Return how many nodes are in each state, such as `3 idle`."""
        with contextlib.suppress(NotUp):
            return set(self.client("sinfo", "-h", "-p", "main", "-o", "%D %t").splitlines())
        return set()

    def until(self, condition: Callable[[], object], what: str, seconds: float = _UP_SECONDS) -> None:
        """Wait for a condition; NotUp if it does not come."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                said = {part: self._last(part) for part in self._parts}
                raise NotUp(f"not within {seconds:.0f} s: {what}; nodes: {self.states()}; they said: {said}")
            time.sleep(_ASK_POLL)

    def _last(self, part: str) -> str:
        """Return the last line that a part has written."""
        files = [self.folder / f"{part.replace(':', '-')}.{end}" for end in ("out", "log")]
        lines = [
            line
            for path in files
            if path.exists()
            for line in path.read_text("utf-8", "replace").splitlines()
        ]
        return lines[-1][-200:] if lines else ""


@contextlib.contextmanager
def running(**options: object) -> Iterator[Cluster]:
    """Yield a cluster that is up, in a folder of its own; end it afterwards. The options are those of `start`."""
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="rf-slurm-")))  # short: it has sockets
    try:
        cluster.start(**options)  # type: ignore[arg-type]
        yield cluster
    finally:
        cluster.stop()


def clear(folder: Path) -> None:
    """Kill what is left of the cluster in a folder, until nothing is, and delete the folder."""
    deadline = time.monotonic() + _UP_SECONDS
    while (left := strays(folder)) and time.monotonic() < deadline:
        for pid in left:
            os_process.send(pid, signal.SIGKILL)
        time.sleep(_POLL)
    shutil.rmtree(folder, ignore_errors=True)


_MUNGE_FILES = {
    "socket": "socket",
    "key-file": "key",
    "pid-file": "pid",
    "log-file": "log",
    "seed-file": "seed",
}


def strays(folder: Path) -> list[int]:
    """Return the parts that still run, and the processes of jobs."""
    conf, inside = str(folder / "slurm.conf"), f"{folder}/"
    return [
        pid
        for pid in _others()
        if _is_of_job(pid, conf)
        or any(path.startswith(inside) for _, path in os_process.open_descriptors(pid))
    ]


def steps(folder: Path, node: str) -> list[int]:
    """Return the processes of a node's jobs, and Slurm's own that look after them."""
    conf, log = str(folder / "slurm.conf"), str(folder / f"{node}.log")
    return [
        pid
        for pid in _others()
        if _is_of_job(pid, conf, node) or any(path == log for _, path in os_process.open_descriptors(pid))
    ]


def _is_of_job(pid: int, conf: str, node: str | None = None) -> bool:
    words = os_process.environment(pid)
    is_ours = words.get("SLURM_CONF") == conf and "SLURM_JOB_ID" in words
    return is_ours and (node is None or words.get("SLURMD_NODENAME") == node)


def _is_mount(pid: int) -> bool:
    return os_process.name_of(pid) == "bindfs"


def _others() -> list[int]:
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and not os_process.is_zombie(pid)]


if __name__ == "__main__":  # the keeper: its input ends when whoever started the cluster is gone
    sys.stdin.buffer.read()
    clear(Path(sys.argv[1]))
