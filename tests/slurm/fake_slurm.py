"""A Slurm of files: `sbatch`, `squeue`, `scancel`, `scontrol`, `sacct` and `sinfo` that do, and fail, as a test tells them.

    slurm = FakeSlurm(folder)           # put slurm.bin before the PATH of whoever calls the commands
    slurm.fault("sbatch", "lost", 1)    # the next submission is accepted, and its answer lost
    slurm.begin(job_id)                 # a node takes it: the script runs for real
    slurm.end(job_id, "NODE_FAIL")      # or ends it, as far as Slurm is concerned

The file is the program too: each command is a call of it with its own name. Jobs are JSON in one folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROGRAMS = ("sbatch", "squeue", "scancel", "scontrol", "sacct", "sinfo")
#: What a command says and does not do.
FAULTS = {
    "refused": "error: Batch job submission failed: Invalid partition name specified",
    "too large": "error: Batch job submission failed: Requested node configuration is not available",
    "limit": "error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy"
    " (job submit limit, user's size and/or time limits)",
    "unreachable": "error: Unable to contact slurm controller (connect failure)",
    "failing": "error: Batch job submission failed: Socket timed out on send/recv operation",
    #: It does it, but says that nobody answered.
    "lost": "error: Batch job submission failed: Socket timed out on send/recv operation",
    #: It never ends.
    "hanging": "",
}
_OVER = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY"}
#: Options with a value, by their short names.
_NAMES = {
    "J": "job-name",
    "n": "name",
    "o": "output",
    "u": "user",
    "t": "states",
    "D": "chdir",
    "j": "jobs",
    "p": "partition",
}
_ALONE = {
    "parsable",
    "no-requeue",
    "test-only",
    "array",
    "noheader",
    "h",
    "P",
    "X",
    "full",
    "me",
    "parsable2",
    "Q",
    "quiet",
    "hold",
}


class FakeSlurm:
    """The folder behind the commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._steps: list[subprocess.Popen[bytes]] = []
        self.bin = folder / "bin"
        if not self.bin.exists():
            for path in (self.bin, folder / "jobs"):
                path.mkdir(parents=True)
            (folder / "state.json").write_text(
                json.dumps({"next": 1, "faults": {}, "begins": False, "late": 0, "nodes": ""})
            )
            for name in PROGRAMS:
                path = self.bin / name
                words = map(
                    shlex.quote, [sys.executable, "-I", "-S", os.path.abspath(__file__), name, str(folder)]
                )
                path.write_text(f'#!/bin/sh\nexec {" ".join(words)} "$@"\n')
                path.chmod(0o755)

    # --- what a test tells it ------------------------------------------------------------------

    def fault(self, program: str, kind: str, times: int = 1_000_000) -> None:
        """Let the next calls of a program fail in a way; `FAULTS` says which there are. 0 times: no longer."""
        with self.state() as state:
            state["faults"][program] = [kind, times]

    def controller_is_gone(self, is_gone: bool = True) -> None:
        """Let all programs say that nobody answers."""
        for program in PROGRAMS:
            self.fault(program, "unreachable", 1_000_000 if is_gone else 0)

    def set(self, **values: Any) -> None:
        """Set `next` (the number of the next job), `begins` (jobs begin at once), `late` (lists until one is seen), `nodes`
        (what sinfo says)."""
        with self.state() as state:
            state.update(values)

    def begin(self, job_id: str, node: str = "n1") -> None:
        """Let a node take a job: its script runs, and the job ends with it."""
        words = [sys.executable, "-I", "-S", __file__, "_step", str(self.folder), job_id, node]
        with open(self.folder / "steps.out", "ab") as log:
            step = subprocess.Popen(
                words, start_new_session=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._steps.append(step)

    def end(self, job_id: str, state: str, reason: str = "None") -> None:
        """Say of a job that it has ended so. Its processes know nothing of that."""
        self.change(job_id, state=state, reason=reason)

    def forget(self, job_id: str) -> None:
        """Drop a job from the list, as after MinJobAge or by a controller that was killed; sacct still has it."""
        self.change(job_id, is_forgotten=True)

    def kill(self, job_id: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to all of a job's processes, but for the one that says how it ended."""
        for pid in _descendants(self.job(job_id).get("pid", 0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self) -> None:
        """Kill the processes of all jobs."""
        for job in self.jobs():
            self.kill(job["id"])
        for step in self._steps:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(step.pid, signal.SIGKILL)
            step.wait(timeout=20)

    # --- what a test sees ----------------------------------------------------------------------

    def jobs(self) -> list[dict[str, Any]]:
        """Return all jobs by number, the forgotten too."""
        found = [json.loads(path.read_text()) for path in (self.folder / "jobs").glob("*.json")]
        return sorted(found, key=lambda job: int(job["serial"]))

    def job(self, job_id: str) -> dict[str, Any]:
        """Return the newest job of a number that Slurm knows; else the newest."""
        found = [job for job in self.jobs() if job["id"] == job_id]
        return ([job for job in found if not job["is_forgotten"]] or found)[-1]

    def named(self, name: str) -> list[dict[str, Any]]:
        """Return the jobs of a name, the oldest first."""
        return [job for job in self.jobs() if job["name"] == name]

    def calls(self, program: str = "") -> list[list[str]]:
        """Return the words of the calls so far, of one program or of all."""
        with contextlib.suppress(FileNotFoundError):
            found = map(json.loads, (self.folder / "calls").read_text().splitlines())
            return [words for words in found if program in {"", words[0]}]
        return []

    # --- the files -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def state(self) -> Iterator[dict[str, Any]]:
        """Yield what is set, to read or change, while nobody else does."""
        with open(self.folder / "lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = json.loads((self.folder / "state.json").read_text())
            yield state
            _write(self.folder / "state.json", state)

    def change(self, job_id: str, **values: Any) -> None:
        """Change a job."""
        with self.state():
            job = {**self.job(job_id), **values}
            _write(self.folder / "jobs" / f"{job['serial']}.json", job)

    def add(self, **values: Any) -> dict[str, Any]:
        """Add a job with the next number."""
        with self.state() as state:
            serial = len(list((self.folder / "jobs").glob("*.json")))
            job = {
                "id": str(state["next"]),
                "serial": serial,
                "state": "PENDING",
                "reason": "Priority",
                "node": "",
                **values,
            }
            job |= {"unseen": state["late"], "is_forgotten": False}
            state["next"] += 1
            _write(self.folder / "jobs" / f"{serial}.json", job)
        return job


def _descendants(pid: int) -> list[int]:
    """Return what a process has started, and what these have."""
    found = [pid] if pid else []
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            parents[int(name)] = int(Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[1])
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def _write(path: Path, value: Any) -> None:
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(value))
    os.replace(draft, path)


# --- the programs ----------------------------------------------------------------------------------


def main() -> int:
    """Be one of the commands."""
    program, slurm, words = sys.argv[1], FakeSlurm(Path(sys.argv[2])), sys.argv[3:]
    if program == "_step":
        return _step(slurm, *words)
    with slurm.state() as state, open(slurm.folder / "calls", "a") as log:
        log.write(json.dumps([program, *words]) + "\n")
        kind, times = state["faults"].get(program, ["", 0])
        if times:
            state["faults"][program] = [kind, times - 1]
    if times and kind == "hanging":
        time.sleep(3600)
    if not times or kind == "lost":
        code = COMMANDS[program](slurm, *_parsed(words))
        if not times:
            return code
    print(f"{program}: {FAULTS[kind]}", file=sys.stderr)
    return 1


def _parsed(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return options and the other words."""
    options: dict[str, str] = {}
    rest = []
    left = list(words)
    while left:
        word = left.pop(0)
        if not word.startswith("-") or word == "-":
            rest.append(word)
            continue
        name, mark, value = word.lstrip("-").partition("=")
        if not word.startswith("--") and len(name) > 1:
            name, mark, value = name[0], "=", word[2:]
        takes_value = not mark and name not in _ALONE
        options[_NAMES.get(name, name)] = left.pop(0) if takes_value and left else value
    return options, rest


def _sbatch(slurm: FakeSlurm, options: dict[str, str], rest: list[str]) -> int:
    if "version" in options:
        print("slurm-wlm 22.05.8")
        return 0
    script = Path(rest[0]).read_text() if rest else sys.stdin.read()
    if "test-only" in options:
        print(
            "sbatch: Job 1 to start at 2026-01-01T00:00:00 using 1 processors on nodes n1 in partition main",
            file=sys.stderr,
        )
        return 0
    variables = dict(os.environ)
    job = slurm.add(
        name=options.get("job-name", "sbatch"), options=options, script=script, variables=variables
    )
    with slurm.state() as state:
        begins = state["begins"]
    if begins:
        slurm.begin(job["id"])
    print(job["id"] if "parsable" in options else f"Submitted batch job {job['id']}")
    return 0


def _step(slurm: FakeSlurm, job_id: str, node: str) -> int:
    """Run a job's script, as the node's daemon does, and say how it ended."""
    job = slurm.job(job_id)
    script = slurm.folder / "jobs" / f"{job['serial']}.sh"
    script.write_text(job["script"])
    slurm.change(job_id, state="RUNNING", reason="None", node=node, pid=os.getpid())
    output = job["options"].get("output", "/dev/null").replace("%j", job_id)
    added = {
        "SLURM_JOB_ID": job_id,
        "SLURM_JOB_NAME": job["name"],
        "SLURMD_NODENAME": node,
        "SLURM_CPUS_ON_NODE": "1",
    }
    signal.signal(signal.SIGTERM, lambda *_: None)  # it lives on to say how the script ended
    with open(output, "ab") as log:
        done = subprocess.run(
            ["/bin/sh", str(script)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=job["options"].get("chdir"),
            env={**job["variables"], **added},
            check=False,
        )
    if slurm.job(job_id)["state"] in {"RUNNING", "COMPLETING"}:
        is_canceled = slurm.job(job_id)["state"] == "COMPLETING"
        slurm.end(job_id, "CANCELLED" if is_canceled else "FAILED" if done.returncode else "COMPLETED")
    return 0


def _squeue(slurm: FakeSlurm, options: dict[str, str], _rest: list[str]) -> int:
    form = options.get("format") or options.get("output") or "%i %j %T"
    if "noheader" not in options and "h" not in options:
        print(form.replace("%i", "JOBID").replace("%T", "STATE").replace("%j", "NAME"))
    for job in _chosen(slurm, options):
        if job["unseen"]:
            slurm.change(job["id"], unseen=job["unseen"] - 1)
        elif not job["is_forgotten"] and (options.get("states") == "all" or job["state"] not in _OVER):
            line = form
            for mark, name in (
                ("%i", "id"),
                ("%T", "state"),
                ("%r", "reason"),
                ("%N", "node"),
                ("%j", "name"),
            ):
                line = line.replace(mark, job[name])
            print(line)
    return 0


def _chosen(slurm: FakeSlurm, options: dict[str, str]) -> list[dict[str, Any]]:
    names, ids = options.get("name"), options.get("jobs")
    return [
        job
        for job in slurm.jobs()
        if (names is None or job["name"] in names.split(",")) and (ids is None or job["id"] in ids.split(","))
    ]


def _scancel(slurm: FakeSlurm, options: dict[str, str], rest: list[str]) -> int:
    names = options.get("name", "").split(",")
    for job in slurm.jobs():
        if job["is_forgotten"] or (job["id"] not in rest and job["name"] not in names):
            continue
        if job["state"] == "PENDING":
            slurm.end(job["id"], "CANCELLED")
        elif job["state"] == "RUNNING":
            slurm.change(job["id"], state="COMPLETING")
            slurm.kill(job["id"], signal.SIGTERM)
    return 0


def _scontrol(slurm: FakeSlurm, _options: dict[str, str], rest: list[str]) -> int:
    verb, *words = rest
    if verb == "ping":
        print("Slurmctld(primary) at here is UP")
    if verb == "show":
        print(
            "ClusterName             = here\nKillWait                = 40 sec\nAccountingStorageType   = accounting_storage/none"
        )
    ids = {job_id for word in words for job_id in word.removeprefix("jobid=").split(",")}
    names = {word.partition("=")[2] for word in words if word.lower().startswith(("name=", "jobname="))}
    for job in slurm.jobs():
        if (job["id"] in ids or job["name"] in names) and job["state"] == "PENDING":
            slurm.change(job["id"], reason="JobHeldUser" if verb in {"hold", "uhold"} else "Priority")
    return 0


def _sacct(slurm: FakeSlurm, options: dict[str, str], _rest: list[str]) -> int:
    columns = (options.get("format") or options.get("output") or "JobID,State").split(",")
    names = {
        "jobid": "id",
        "jobidraw": "id",
        "state": "state",
        "reason": "reason",
        "nodelist": "node",
        "jobname": "name",
    }
    for job in _chosen(slurm, options):
        print(
            "|".join(str(job.get(names.get(column.partition("%")[0].lower(), ""), "")) for column in columns)
        )
    return 0


def _sinfo(slurm: FakeSlurm, _options: dict[str, str], _rest: list[str]) -> int:
    with slurm.state() as state:
        print(state["nodes"])
    return 0


COMMANDS = {
    "sbatch": _sbatch,
    "squeue": _squeue,
    "scancel": _scancel,
    "scontrol": _scontrol,
    "sacct": _sacct,
    "sinfo": _sinfo,
}

if __name__ == "__main__":
    sys.exit(main())
