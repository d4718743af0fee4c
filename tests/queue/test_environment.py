"""The environment of the submitting shell: what is kept of it, what only by name, and how it is stored."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from runforge.attempts import environment as launched
from runforge.attempts.environment import EnvironmentFiles
from runforge.core.submission import USUAL
from runforge.documents import environment as stored
from runforge.documents.request import parse_request
from runforge.errors import InvalidRequest, Missing, OperationFailed
from runforge.queue import environment, environment_words, submit
from runforge.queue.change import change
from runforge.workspace import Workspace
from tests.documents.kit import REQUEST, changed

SHELL = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/home/me",
    "VIRTUAL_ENV": "/home/me/p/.venv",
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "4",
    "AWS_CA_BUNDLE": "/etc/ssl/all.pem",
    "SECRETS_FILE": "/run/secrets",
    "XDG_CACHE_HOME": "/fast/cache",
    "BASH_FUNC_module%%": "() {  eval `modulecmd`\n}",
}
TERMINALS = {
    **dict.fromkeys(
        ("TERM", "SSH_TTY", "SSH_AUTH_SOCK", "TMUX", "TMUX_PANE", "DISPLAY", "DBUS_X", "PWD"), "x"
    ),
    **dict.fromkeys(("XDG_RUNTIME_DIR", "XDG_SESSION_ID", "VSCODE_PID", "OLDPWD", "SHLVL", "_", "PS1"), "x"),
    **dict.fromkeys(("LS_COLORS", "CUDA_VISIBLE_DEVICES", "RUNFORGE_WORKSPACE", "RUNFORGE_FAILPOINT"), "x"),
}
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "a",
    "CERT_PATH": "https://ada:pw@host/x",
    "DATABASE": "postgres://ada:pw@db/x",
    "HF_TOKEN": "b",
    "SLACK_BOT_TOKEN": "c",
    "SSH": "",
    "WANDB_API_KEY": "d",
}
NAMES = tuple(sorted(name for name in SECRETS if name != "SSH"))


def test_it_is_whole_without_what_belongs_to_the_terminal_and_without_secrets() -> None:
    made = environment.capture({**SHELL, **TERMINALS, **SECRETS})
    assert made.variables == {**SHELL, "SSH": ""}
    assert made.secrets == NAMES
    assert made.document() == {"id": made.id, "from": None, "secrets": list(NAMES)}


def test_what_is_given_on_purpose_counts() -> None:
    shell = {**SHELL, "WANDB_API_KEY": "d"}
    made = environment.capture(shell, ["SEED=3", "EMPTY=", "A=b=c"], keep=["WANDB_API_KEY"])
    assert made.variables == {**shell, "SEED": "3", "EMPTY": "", "A": "b=c"}
    assert made.secrets == ()


@pytest.mark.parametrize(
    ("override", "keep", "words"),
    [
        ("SEED", (), "--env 'SEED' is not NAME=value"),
        ("=3", (), "is not NAME=value"),
        ("A B=3", (), "is not NAME=value"),
        ("CUDA_VISIBLE_DEVICES=0", (), "RunForge sets it itself. Ask for GPUs"),
        ("RUNFORGE_RUN_ID=x", (), "RunForge sets it itself"),
        ("API_KEY=hunter2", (), "API_KEY looks like a secret, and the environment is stored.*--env-from"),
        ("SEED=3", ("NONE",), "--env-keep NONE: there is no such variable"),
    ],
)
def test_what_cannot_be_is_refused(override: str, keep: tuple[str, ...], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        environment.capture(SHELL, [override], keep=keep)
    assert "hunter2" not in str(caught.value)


def test_a_secret_may_be_given_and_stored_on_purpose() -> None:
    assert environment.capture({}, ["API_KEY=x"], keep=["API_KEY"]).variables == {"API_KEY": "x"}


def test_it_is_stored_once_by_its_content_and_readable_by_its_owner_alone(ws: Workspace) -> None:
    first = environment.capture(SHELL)
    again = environment.capture(dict(reversed(SHELL.items())))
    old = os.umask(0)
    try:
        assert environment.keep(ws, first) == environment.keep(ws, again)
    finally:
        os.umask(old)
    assert environment.keep(ws, environment.capture({**SHELL, "B": "\udcff"})) != first.id
    assert len(os.listdir(ws.envs_dir)) == 2
    file = ws.env_file(first.id)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_bytes()) == {"variables": SHELL}
    assert stored.digest(file.read_bytes()) == first.id


def test_a_damaged_one_is_mended_by_the_next_submission(ws: Workspace) -> None:
    made = environment.capture(SHELL)
    environment.keep(ws, made)
    ws.env_file(made.id).write_bytes(b"{")
    environment.keep(ws, made)
    assert stored.parse(ws.env_file(made.id).read_bytes()) == SHELL


@pytest.mark.parametrize("point", ["file.written", "file.replaced", "environment.kept"])
def test_a_kill_while_it_is_stored_leaves_nothing_half(ws: Workspace, point: str) -> None:
    code = (
        "import pathlib; from runforge import workspace; from runforge.queue import environment;"
        f"environment.keep(workspace.at(pathlib.Path({str(ws.root)!r})), environment.capture({SHELL!r}))"
    )
    command = [sys.executable, "-c", code]
    killed = subprocess.run(command, check=False, env={**os.environ, "RUNFORGE_FAILPOINT": f"{point}:1"})
    assert killed.returncode == -signal.SIGKILL
    for file in ws.envs_dir.glob("*.json"):
        assert stored.digest(file.read_bytes()) == file.stem
    subprocess.run(command, check=True)
    assert stored.parse(ws.env_file(environment.capture(SHELL).id).read_bytes()) == SHELL


def test_a_lost_or_changed_one_is_told_with_the_way_out(ws: Workspace) -> None:
    made = environment.capture(SHELL)
    environment.keep(ws, made)
    files = launched.of_request(
        ws, parse_request(changed(REQUEST, environment=made.document()), where="r").environment
    )
    assert launched.variables(files, {"DAEMON": "1"}) == SHELL
    ws.env_file(made.id).write_bytes(stored.encode({**SHELL, "LD_PRELOAD": "/evil.so"}))
    with pytest.raises(
        OperationFailed, match=r"environment was changed: .*`runforge submit` or `runforge edit`"
    ):
        launched.variables(files, {})
    ws.env_file(made.id).unlink()
    with pytest.raises(Missing, match=r"environment is lost: .*\.json is missing"):
        launched.variables(files, {})


def test_secrets_come_from_the_file_else_from_the_daemon(ws: Workspace, tmp_path: Path) -> None:
    source = tmp_path / ".env"
    source.write_text("# mine\nexport HF_TOKEN='from file' # really\n\nPLAIN=1 # one\nQUOTED=\"a # b\"\n")
    made = environment.capture({**SHELL, **SECRETS}, source=source)
    environment.keep(ws, made)
    daemon = {"WANDB_API_KEY": "from daemon", "HF_TOKEN": "daemon", "OTHER": "1", "CUDA_VISIBLE_DEVICES": "3"}
    files = EnvironmentFiles(ws.env_file(made.id), made.id, source, made.secrets)
    given = {"WANDB_API_KEY": "from daemon", "HF_TOKEN": "from file", "PLAIN": "1", "QUOTED": "a # b"}
    assert launched.variables(files, daemon) == {
        **SHELL,
        "SSH": "",
        **given,
        "CUDA_VISIBLE_DEVICES": "3",
    }
    assert environment_words.lacking(made, daemon) == (
        "AWS_SECRET_ACCESS_KEY",
        "CERT_PATH",
        "DATABASE",
        "SLACK_BOT_TOKEN",
    )
    source.unlink()
    with pytest.raises(Missing, match="from which the run takes variables at each launch"):
        launched.variables(files, daemon)


@pytest.mark.parametrize("line", ["no equals", "1A=3", "A='open", 'A="x" y', "A B=3"])
def test_a_wrong_line_of_the_file_is_named_without_its_text(tmp_path: Path, line: str) -> None:
    (tmp_path / "e").write_text(f"A=1\n{line}\n")
    with pytest.raises(InvalidRequest, match=r"e: line 2 is not NAME=value") as caught:
        environment.capture({}, source=tmp_path / "e")
    assert line not in str(caught.value)


def test_a_file_that_is_missing_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"--env-from .* is missing"):
        environment.capture({}, source=tmp_path / "none")


def test_the_daemons_own_environment_is_seen(ws: Workspace) -> None:
    assert environment_words.names_of_daemon(ws) is None
    ws.prepare()
    code = "import fcntl, os, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); f.write(str(os.getpid())); f.flush(); print('up', flush=True); sys.stdin.read()"
    held = subprocess.Popen(
        [sys.executable, "-c", code, str(ws.daemon_lock)],
        env={"WANDB_API_KEY": "x"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert held.stdout is not None
    assert held.stdout.readline() == b"up\n"
    names = environment_words.names_of_daemon(ws)
    held.communicate()
    assert names is not None
    assert "WANDB_API_KEY" in names


def test_the_summary_says_which_it_is_and_what_it_lacks(tmp_path: Path) -> None:
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").symlink_to(sys.executable)
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.7\n")
    shell = {"VIRTUAL_ENV": str(venv), "PATH": f"{venv}/bin:/bin"}
    made = environment.capture(shell)
    assert (
        environment_words.summary(made, None)
        == f"environment {made.id[:4]} (.venv, Python 3.11, 2 variables)"
    )
    made = environment.capture({**shell, "WANDB_API_KEY": "x"})
    assert environment_words.summary(made, {"WANDB_API_KEY"}).endswith(
        "2 variables; not kept: WANDB_API_KEY, the daemon has it)"
    )
    fix = "give --env-from FILE, or --env-keep WANDB_API_KEY)"
    assert environment_words.summary(made, ()).endswith(f"and the daemon has no WANDB_API_KEY: {fix}")
    assert environment_words.summary(made, None).endswith(
        f"no daemon is there that has it; start it from this shell, or {fix}"
    )
    (tmp_path / "e").write_text("WANDB_API_KEY=y\n")
    made = environment.capture({**shell, "WANDB_API_KEY": "x"}, source=tmp_path / "e")
    assert environment_words.summary(made, None).endswith(f"read from {tmp_path}/e when the run starts)")


def test_a_conda_environment_is_known_by_its_folder(tmp_path: Path) -> None:
    prefix = tmp_path / "envs/torch"
    for name in ("bin", "conda-meta"):
        (prefix / name).mkdir(parents=True)
    (prefix / "bin/python").symlink_to(sys.executable)
    (prefix / "conda-meta/python-3.12.4-h1_0.json").touch()
    made = environment.capture({"CONDA_PREFIX": str(prefix), "PATH": f"{prefix}/bin"})
    assert "(conda torch, Python 3.12, 2 variables)" in environment_words.summary(made, None)


def test_environments_that_no_job_names_are_forgotten_after_an_hour(ws: Workspace) -> None:
    used, fresh, unused = (environment.capture({**SHELL, "N": name}) for name in "abc")
    for made in (used, fresh, unused):
        environment.keep(ws, made)
    folder = ws.run_dir("r")
    folder.mkdir(parents=True)
    model = {"family": "command", "command": ["true"]}
    document = changed(REQUEST, model=model, environment=used.document())
    (folder / "request.json").write_text(json.dumps(document))
    assert submit.enqueue_run(ws, "r", USUAL).env_id == used.id
    for made in (used, unused):
        os.utime(ws.env_file(made.id), (0, 0))
    with change(ws) as tx:
        assert environment.forget_unused(ws, tx) == 1
    assert {path.stem for path in ws.envs_dir.iterdir()} == {used.id, fresh.id}
    environment.keep(ws, used)
    assert ws.env_file(used.id).stat().st_mtime > 0


# --- the program -----------------------------------------------------------------------------------


def required(folder: Path, *command: str, path: str = "/usr/bin:/bin", shell: bool = False) -> None:
    model = {"family": "command", "command": command[0] if shell else list(command), "shell": shell}
    request = parse_request(changed(REQUEST, model=model), where="r")
    environment_words.require_program(request, {"PATH": path}, folder)


def test_the_program_is_looked_for_as_the_run_will_look(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/mine"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    required(tmp_path, "sh")
    required(tmp_path, "bin/mine")
    required(tmp_path, "./bin/mine")
    required(tmp_path, "mine", path="bin:/bin")
    required(tmp_path, str(program))
    required(tmp_path, "no-such | thing", shell=True)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["pyhton"], "pyhton is in no folder of the PATH. .*Searched: /usr/bin:/bin"),
        (["./gone"], "program not found: .*/./gone. Check the path"),
        (["./crlf.sh"], "Windows line ends"),
        (["./env-crlf.py"], r"Windows line ends, so its first line names the interpreter python3\\r"),
        (["./old.py"], "the interpreter in its first line does not exist: /opt/gone/python"),
    ],
)
def test_a_program_that_is_missing_is_refused(tmp_path: Path, command: list[str], words: str) -> None:
    scripts = {
        "crlf.sh": b"#!/bin/sh\r\necho\r\n",
        "env-crlf.py": b"#!/usr/bin/env python3\r\n",
        "old.py": b"#!/opt/gone/python -u\n",
    }
    for name, data in scripts.items():
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o755)
    with pytest.raises(Missing, match=words):
        required(tmp_path, *command)


def test_a_script_that_may_not_be_executed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.sh").write_text("#!/bin/sh\n")
    with pytest.raises(InvalidRequest, match=r"train.sh is not executable. Run `chmod \+x "):
        required(tmp_path, "./train.sh")
