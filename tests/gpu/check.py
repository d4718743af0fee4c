"""`make gpu-check`: RunForge on a real GPU, in at most six minutes. Skips with one line where there is none.

Four things must hold: eight runs are packed by their memory, a run that meets the end of the memory is tried again on
a whole device, the recorded peak is NVML's within 2 %, and a run sees the device that it was given and no other. And
a device on which somebody else works gets no run.

It needs no network. What this Python lacks is taken from .gpu-check/wheels (`make gpu-wheels`, where there is one).
"""

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
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WHEELS, SITE = ROOT / ".gpu-check" / "wheels", ROOT / ".gpu-check" / "site"
HOLD = Path(__file__).with_name("cuda_hold.py")
PEAK = Path(__file__).with_name("nvml_peak.py")
NEEDED = ("msgspec", "numpy", "pynvml", "psutil", "sklearn", "sqlite_utils", "textual", "typer")
SECONDS = 340
#: A run that must not start is given this long to start by mistake.
PATIENCE = 6.0
#: A look at the GPUs counts for a second from its end, and may have begun earlier: by one from before a stranger came, a run
#: may still begin beside it.
FRESH = 2.0
#: What a CUDA context takes besides what the run asks for, in MiB; more than any that was seen.
CONTEXT_MB = 1024
RUNS = 8
CLOSE = 0.02


class Failed(Exception):
    """Something is not as it must be."""


def require(condition: object, message: str) -> None:
    if not condition:
        raise Failed(message)


# --- where it runs -----------------------------------------------------------------------------


def why_not() -> str | None:
    """Return why this machine has no GPU to check; None if it has one."""
    seen = subprocess.run([sys.executable, str(HOLD)], capture_output=True, text=True, check=False)
    words = seen.stdout.split()
    if words[:1] != ["DEVICES"]:
        last = (seen.stderr.strip().splitlines() or ["it prints nothing"])[-1]
        return f"CUDA does not work here: {last}"
    return "CUDA sees no GPU" if words[1] == "0" else None


def environment() -> dict[str, str]:
    """Return the variables for RunForge's own programs; Failed if this Python lacks something."""
    if WHEELS.is_dir() and not SITE.exists():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", str(SITE)]
        subprocess.run([*pip, *map(str, sorted(WHEELS.glob("*.whl")))], check=True)
    paths = [str(ROOT), str(SITE), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    code = f"import importlib.util as u; print(*(n for n in {NEEDED!r} if u.find_spec(n) is None))"
    lacking = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    ).stdout.split()
    require(not lacking, f"{sys.executable} lacks {', '.join(lacking)}: `make gpu-wheels` gets them")
    return env


class Box:
    """A workspace with a daemon on this machine."""

    def __init__(self, root: Path, env: dict[str, str]) -> None:
        self.root = root
        self._env = env
        self.commands("init", "--bare", str(root), place=False)
        line = [*self._program, "daemon", "--workspace", str(root), "--max-parallel", str(RUNS + 2)]
        self._daemon_log = (root / "daemon.log").open("w")
        self.daemon = subprocess.Popen(line, env=env, stdout=self._daemon_log, stderr=self._daemon_log)

    _program = (sys.executable, "-m", "runforge")

    def commands(self, *words: str, place: bool = True, expect: int | None = 0) -> str:
        """Run a command of RunForge; return what it printed."""
        line = [*self._program, *words, *(["--workspace", str(self.root)] if place else [])]
        done = subprocess.run(line, env=self._env, capture_output=True, text=True, check=False, cwd=self.root)
        if expect is not None:
            require(done.returncode == expect, f"{words} gave {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def submit(self, *options: str, hold: tuple[str, ...] = ()) -> str:
        """Queue a run that holds memory; return its id."""
        line = [*self._program, "submit", *options, "--workspace", str(self.root)]
        line += ["--", sys.executable, str(HOLD), *hold]
        done = subprocess.run(line, env=self._env, capture_output=True, text=True, check=False)
        require(done.returncode == 0, f"submit {options}: {done.stderr.strip()}")
        return done.stdout.split()[-1]

    def show(self, run_id: str) -> dict[str, Any]:
        """Return all about a run."""
        return dict(json.loads(self.commands("show", run_id, "--json"))["data"])

    def gpus(self) -> list[dict[str, Any]]:
        """Return what `runforge gpus` says."""
        return list(json.loads(self.commands("gpus", "--json"))["data"]["gpus"])

    def log(self, run_id: str) -> str:
        """Return what a run has printed."""
        with contextlib.suppress(OSError):
            return (self.root / ".runforge" / "runs" / run_id / "logs.txt").read_text(errors="replace")
        return ""

    def has_ended(self, run_id: str) -> bool:
        return self.show(run_id)["job"]["state"] in {"succeeded", "failed", "canceled"}

    def wait(self, condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
        """Wait until a condition is true; Failed with what was seen instead."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                shown = self.commands("jobs", expect=None) + self.commands("gpus", expect=None)
                raise Failed(f"not within {seconds:.0f} s: {what}\n{shown}{self._said()}")
            time.sleep(0.2)

    def _said(self) -> str:
        return (self.root / "daemon.log").read_text()[-1500:]

    def close(self) -> None:
        """End the daemon and all runs."""
        with contextlib.suppress(Failed):
            self.commands("stop-daemon", "20", "--cancel-running", expect=None)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.daemon.wait(20)
        self.daemon.kill()
        self.daemon.wait()
        self._daemon_log.close()


# --- what must hold ----------------------------------------------------------------------------


def sees_its_own(box: Box) -> str:
    """A run sees the GPU that it was given, by UUID, and one without GPUs sees none."""
    run_id, plain = box.submit("-G", "1", hold=("--mb", "256")), box.submit("-G", "0")
    for each in (run_id, plain):
        box.wait(lambda each=each: box.has_ended(each), f"{each} has ended")
    given = box.show(run_id)["attempts"][0]["devices"]
    seen = [line.split()[1] for line in box.log(run_id).splitlines() if line.startswith("UUID ")]
    require(seen == given, f"it was given {given} and CUDA shows {seen}: {box.log(run_id)}")
    require("DEVICES 0" in box.log(plain), f"a run without a GPU sees one: {box.log(plain)}")
    return f"{given[0]} by CUDA too; none for a run without"


def are_packed(box: Box) -> str:
    """Eight runs with an eighth of the memory each are on one device at once, and it is never too full."""
    gpu = box.gpus()[0]
    share = (gpu["memory_mb"] - 2 * CONTEXT_MB) // RUNS
    require(share > 2 * CONTEXT_MB, f"GPU {gpu['index']} is too small for {RUNS} runs")
    go = box.root / "packed"
    held = ("--mb", str(share - CONTEXT_MB), "--until", str(go))
    options = ("-G", "1", "--vram", f"{share}M", "--gpu", gpu["uuid"])
    runs = [box.submit(*options, hold=held) for _ in range(RUNS)]
    box.wait(lambda: all("HELD" in box.log(run) for run in runs), "all eight hold their memory", 90)
    full = box.gpus()[0]["used_mb"]
    require(full <= gpu["memory_mb"], f"{full} MiB of {gpu['memory_mb']} are used")
    go.touch()
    for run in runs:
        box.wait(lambda run=run: box.has_ended(run), f"{run} has ended")
    states = [box.show(run)["job"]["state"] for run in runs]
    require(states == ["succeeded"] * RUNS, f"they ended as {states}")
    return f"{RUNS} runs of {share} MiB, {full} of {gpu['memory_mb']} MiB used"


def is_tried_again(box: Box) -> str:
    """A run that asks for more than there is fails as gpu_oom, and is tried once more on a whole device."""
    run_id = box.submit("-G", "1", "--vram", "2G", hold=("--mb", "512", "--too-much-unless", "RUNFORGE_OOMS"))
    box.wait(lambda: box.has_ended(run_id), "both attempts have ended", 120)
    view = box.show(run_id)
    causes = [attempt["cause"] for attempt in view["attempts"]]
    require(causes == ["gpu_oom", "exit"], f"the attempts ended as {causes}: {box.log(run_id)}")
    require(view["job"]["state"] == "succeeded", f"the run ended as {view['job']['state']}")
    return "gpu_oom, then succeeded"


def is_nvmls_peak(box: Box) -> str:
    """The recorded peak is what NVML has seen, within 2 %."""
    size = min(8192, box.gpus()[0]["memory_mb"] // 2)
    over = box.root / "measured"
    watch = [sys.executable, str(PEAK), str(over)]
    with subprocess.Popen(watch, env=box._env, stdout=subprocess.PIPE, text=True) as beside:
        run_id = box.submit("-G", "1", hold=("--mb", str(size), "--seconds", "6"))
        box.wait(lambda: box.has_ended(run_id), "it has ended")
        over.touch()
        seen = json.loads(beside.communicate(timeout=20)[0])
    attempt = box.show(run_id)["attempts"][0]
    (device,) = attempt["devices"]
    peak = attempt["used"]["peak_vram"].get(device, 0)
    close = [mb for mb in seen[device] if mb and abs(peak - mb) <= CLOSE * mb]
    require(close, f"recorded {peak} MiB, NVML: {seen[device]} MiB (of a process, of the device)")
    require(peak >= size, f"recorded {peak} MiB of {size}")
    return f"recorded {peak} MiB, NVML {close[0]} MiB; watched {attempt['used']['watched'] or 0:.0%}"


def is_respected(box: Box) -> str:
    """A GPU on which somebody else works gets no run that wants it whole."""
    gpu, go = box.gpus()[0], box.root / "gone"
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": gpu["uuid"]}
    line = [sys.executable, str(HOLD), "--mb", "2048", "--until", str(go)]
    with subprocess.Popen(line, env=env, stdout=subprocess.PIPE, text=True) as stranger:
        try:
            for said in stranger.stdout or ():
                if said.startswith("HELD"):
                    break
            time.sleep(FRESH)
            run_id = box.submit("-G", "1", "--gpu", gpu["uuid"], hold=("--mb", "64"))
            box.wait(lambda: box.show(run_id)["job"]["waiting"] == "no_gpu_slot", "it waits")
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                require(box.show(run_id)["job"]["state"] == "queued", "it has started beside a stranger")
                time.sleep(1)
            used = box.gpus()[0]["used_mb"]
            box.commands("cancel", run_id)
        finally:
            go.touch()
    return f"a run waited while a stranger had {used} MiB"


CHECKS = (sees_its_own, are_packed, is_tried_again, is_nvmls_peak, is_respected)


def holds(check: Callable[[Box], str], box: Box) -> bool:
    """Make a check and print how it ended; return whether all was well."""
    try:
        print(f"ok    {check.__name__}: {check(box)}", flush=True)
    except (Failed, subprocess.TimeoutExpired, KeyError, ValueError) as error:
        print(f"FAIL  {check.__name__}: {error} ({check.__doc__})", flush=True)
        return False
    return True


def main() -> int:
    reason = why_not()
    if reason is not None:
        print(f"gpu-check: skipped: {reason}")
        return 0
    start, failed = time.monotonic(), 0
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(SECONDS)
    root = Path(tempfile.mkdtemp(prefix="runforge-gpu-"))
    box = None
    try:
        box = Box(root, environment())
        failed = sum(not holds(check, box) for check in CHECKS)
    except Failed as error:
        failed += 1
        print(f"gpu-check: {error}", flush=True)
    finally:
        signal.alarm(0)
        if box is not None:
            box.close()
        shutil.rmtree(root, ignore_errors=True)
    print(f"gpu-check: {len(CHECKS)} checks, {failed} failed, {time.monotonic() - start:.0f} s")
    return 1 if failed else 0


def _give_up(*_: object) -> None:
    raise Failed(f"it took more than {SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())
