"""Runs in the environment of the shell that submitted them: venv, conda and uv, secrets, and what was changed since."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from gauntlets.arena import Arena
from gauntlets.plans import request
from runforge import workspace as workspaces
from runforge.core.records import Job
from runforge.queue import environment, retry, submit

pytestmark = pytest.mark.slow

#: What the arena's daemon is not to give to a run.
OF_DAEMON = "ONLY_OF_THE_DAEMON"
SECRET = "hunter2-is-no-password"
SEES = "import os, sys; print('SEES', sys.argv[1:], sys.prefix, sorted(os.environ.items()))"
FAILS = "import sys; print('\\x1b[31mstep 4\\x1b[0m'); raise RuntimeError('CUDA out of memory')"


def submitted(here: Arena, run_id: str, shell: dict[str, str], **more: Any) -> Job:
    """Submit a command as `submit` does: its environment is durable before the job is."""
    ws = workspaces.at(here.root)
    ws.prepare()
    source = more.pop("source", None)
    made = environment.capture(shell, source=source)
    environment.keep(ws, made)
    model = {"family": "command", "command": more.pop("command"), **more.pop("model", {})}
    document = {**request(**model), "environment": made.document(), **more}
    folder = ws.run_dir(run_id)
    folder.mkdir(parents=True)
    (folder / "request.json").write_text(json.dumps(document))
    return submit.enqueue_run(ws, run_id)


def log_of(here: Arena, run_id: str) -> str:
    return (here.root / ".runforge/runs" / run_id / "logs.txt").read_text()


def ended(here: Arena, run_id: str, state: str) -> dict[str, Any]:
    def job() -> dict[str, Any]:
        return next(job for job in here.jobs() if job["run_id"] == run_id)

    here.until(lambda: job()["state"] == state, f"{run_id} is {state}")
    return job()


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def venv(folder: Path) -> Path:
    """Make what `python -m venv` makes, without the packages."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").symlink_to(os.path.realpath(sys.executable))
    base = os.path.dirname(os.path.realpath(sys.executable))
    (folder / "pyvenv.cfg").write_text(f"home = {base}\nversion = 3.11\n")
    return folder


def test_venv_conda_and_uv_need_nothing_special(here: Arena) -> None:
    here.environment[OF_DAEMON] = "1"
    here.daemon(3)
    own = venv(here.root / "p/.venv")
    shell = {"PATH": f"{own}/bin:/usr/bin:/bin", "VIRTUAL_ENV": str(own), "HOME": "/nowhere"}
    submitted(here, "venv", shell, command=["python", "-c", SEES, "a"], model={"folder": str(own.parent)})
    conda = here.root / "conda/envs/torch"
    (conda / "bin").mkdir(parents=True)
    (conda / "bin/python").symlink_to(os.path.realpath(sys.executable))
    shell = {"PATH": f"{conda}/bin:/bin", "CONDA_PREFIX": str(conda), "CONDA_DEFAULT_ENV": "torch"}
    shows = "import os, sys; print('SEES', sys.executable, os.environ['CONDA_DEFAULT_ENV'])"
    submitted(here, "conda", shell, command=["python", "-c", shows])
    tools = script(here.root / "tools/uv", '#!/bin/sh\nshift\nPATH="$PWD/.venv/bin:$PATH" exec "$@"\n').parent
    line = "uv run python -c {code} | cat"
    model = {"shell": True, "folder": str(own.parent), "hyperparameters": {"code": SEES}}
    submitted(here, "uv", {"PATH": f"{tools}:/usr/bin:/bin"}, command=line, model=model)
    for run_id in ("venv", "conda", "uv"):
        ended(here, run_id, "succeeded")
        assert OF_DAEMON not in log_of(here, run_id)
    assert f"SEES ['a'] {own} [" in log_of(here, "venv")
    assert "('HOME', '/nowhere')" in log_of(here, "venv")
    assert "('RUNFORGE_RUN_ID', 'venv')" in log_of(here, "venv")
    assert f"SEES {conda}/bin/python torch" in log_of(here, "conda")
    assert f"SEES [] {own} [" in log_of(here, "uv")
    here.finish()


def test_secrets_reach_the_run_and_no_file(here: Arena) -> None:
    """Their values come from the daemon, or from a file outside; nothing in the workspace has them."""
    here.environment |= {"WANDB_API_KEY": SECRET, "UNRELATED_TOKEN": SECRET}
    here.daemon(2)
    (here.root.parent / "mine.env").write_text(f"HF_TOKEN={SECRET}\n")
    code = (
        "import os; names = [n for n, v in os.environ.items() if 'hunter2' in v]; print('HAS', sorted(names))"
    )
    shell = {"PATH": "/usr/bin:/bin", "WANDB_API_KEY": SECRET, "HF_TOKEN": SECRET, "DB": f"x://a:{SECRET}@b"}
    command = [sys.executable, "-c", code]
    submitted(here, "secret", shell, command=command, source=here.root.parent / "mine.env")
    training = request(family="logistic_regression", hyperparameters={})
    (here.root / ".runforge/runs/trains").mkdir()
    made = environment.capture(shell)
    document = {**training, "environment": made.document()}
    environment.keep(workspaces.at(here.root), made)
    (here.root / ".runforge/runs/trains/request.json").write_text(json.dumps(document))
    submit.enqueue_run(workspaces.at(here.root), "trains")
    ended(here, "secret", "succeeded")
    ended(here, "trains", "succeeded")
    assert "HAS ['HF_TOKEN', 'WANDB_API_KEY']" in log_of(here, "secret")
    here.stop_daemon()
    files = [path for path in here.root.rglob("*") if path.is_file()]
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert any(path.parent.name == "envs" for path in files)


def test_what_was_changed_behind_the_queue_is_refused_with_the_way_out(here: Arena) -> None:
    shell = {"PATH": "/usr/bin:/bin"}
    for run_id in ("same", "changed", "lost"):
        submitted(
            here,
            run_id,
            {**shell, "N": run_id},
            command=["echo", "ran", "{n}"],
            model={"hyperparameters": {"n": 1}},
        )
    lost = environment.capture({**shell, "N": "lost"}).id
    (here.root / f".runforge/envs/{lost}.json").unlink()
    path = here.root / ".runforge/runs/changed/request.json"
    path.write_text(path.read_text().replace('"n": 1', '"n": 2'))
    here.daemon(1)
    ended(here, "same", "succeeded")
    job = ended(here, "changed", "failed")
    assert job["cause"] == "launch_failed"
    assert "changed/request.json was changed after the run was queued" in job["error"]
    assert "`runforge retry changed` takes the file as it is now" in job["error"]
    job = ended(here, "lost", "failed")
    assert job["cause"] == "launch_failed"
    assert "the run's environment is lost" in job["error"]
    retry.retry_run(workspaces.at(here.root), "changed")
    ended(here, "changed", "succeeded")
    assert "ran 2" in log_of(here, "changed")
    here.finish()


def test_a_time_limit_is_kept_while_no_daemon_lives(here: Arena) -> None:
    code = "import time; print('up', flush=True); time.sleep(60)"
    here.daemon(1)
    submitted(here, "slow", {"PATH": "/bin"}, command=[sys.executable, "-c", code], timeout_seconds=3)
    log = here.root / ".runforge/runs/slow/logs.txt"
    here.until(lambda: log.exists() and "up" in log.read_text(), "it runs")
    here.kill_daemon()
    here.until((log.parent / "result.json").exists, "it was ended without a daemon")
    assert here.result("slow")["error"] == {"message": "time limit of 3s reached", "type": "timeout"}
    assert here.jobs()[0]["state"] == "running"
    here.daemon(1)
    job = ended(here, "slow", "failed")
    assert (job["cause"], job["error"]) == ("timeout", "time limit of 3s reached")
    here.finish()


def test_failures_say_what_the_log_says_last(here: Arena) -> None:
    here.daemon(2)
    shell = {"PATH": "/usr/bin:/bin"}
    commands = {
        "raises": [sys.executable, "-c", FAILS],
        "silent": ["false"],
        "killed": ["sh", "-c", f"echo before; kill -{signal.SIGKILL:d} $$"],
        "shells": ["sh", "-c", "sh -c 'kill -9 $$'; exit $?"],
        "aborts": ["sh", "-c", f"echo 'terminate called'; kill -{signal.SIGABRT:d} $$"],
        "hides": ["sh", "-c", f"echo 'no route to db://ada:{SECRET}@host'; exit 1"],
        "none": ["no-such-program"],
    }
    for run_id, command in commands.items():
        submitted(here, run_id, shell, command=command)
    errors = {run_id: ended(here, run_id, "failed")["error"] for run_id in commands}
    assert errors["raises"] == "exit code 1: RuntimeError: CUDA out of memory"
    assert here.result("raises")["error"]["message"] == "exit code 1"
    assert errors["silent"] == "exit code 1"
    assert errors["killed"] == "killed by signal 9 (SIGKILL)"
    assert errors["shells"].startswith("exit code 137, which often means: killed by signal 9 (SIGKILL)")
    assert errors["aborts"] == "killed by signal 6 (SIGABRT); last line: terminate called"
    assert errors["hides"] == "exit code 1: no route to db://***@host"
    searched = "not in the PATH of the environment that the run was submitted in; give its full path"
    assert searched in errors["none"]
    assert errors["none"].endswith("searched: /usr/bin:/bin)")
    here.finish()
