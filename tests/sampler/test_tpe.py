"""The sampler by itself: the same question has the same answer, whatever the machine has seen before."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
from typing import Any

import pytest

from runforge.core.space import contains, from_document
from runforge.machine import os_process
from tests.conftest import wait_until

pytest.importorskip("optuna", reason="Optuna is not installed: pip install 'runforge[optuna]'")
SPACE = [
    {"path": "lr", "low": 1e-5, "high": 0.1, "scale": "log"},
    {"path": "layers", "low": 1, "high": 8},
    {"path": "kind", "values": ["a", 1, 1.0, None, [1, 2]]},
]


def trial(number: int, state: str = "complete", **more: Any) -> dict[str, Any]:
    values = {
        "lr": 10 ** -(1 + number % 4),
        "layers": 1 + number % 8,
        "kind": ["a", 1, 1.0, None, [1, 2]][number % 5],
    }
    return {
        "values": values,
        "state": state,
        **({"value": float(number % 7)} if state == "complete" else {}),
        **more,
    }


def ask(count: int = 1, seed: int = 0, told: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    trials = [trial(number) for number in range(30)] if told is None else told
    question = {"version": 1, "space": SPACE, "seed": seed, "direction": "minimize", "trials": trials}
    done = answer({**question, "count": count})
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])["suggestions"]
    assert all(contains(from_document(SPACE), values) for values in found)
    return list(found)


def answer(question: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runforge.sampler"]
    return subprocess.run(command, input=json.dumps(question), capture_output=True, text=True, check=False)


def test_the_same_question_has_the_same_answer_and_the_seed_counts() -> None:
    first = ask()
    assert ask() == first
    assert ask(seed=1) != first


def test_several_at_once_are_those_that_are_asked_one_after_the_other() -> None:
    first, second = ask(count=2)
    told = [*(trial(number) for number in range(30)), {"values": first, "state": "running"}]
    assert ask(seed=1, told=told) == [second]


def test_every_kind_of_trial_can_be_told() -> None:
    told = [trial(number) for number in range(12)]
    told += [
        trial(1, "failed"),
        trial(2, "running"),
        trial(3, "pruned", steps={"4": 0.5}),
        trial(4, "pruned"),
    ]
    assert ask(told=told)


def test_a_wrong_question_is_answered_in_one_line() -> None:
    done = answer({"version": 2})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ValueError: version 2 of the question is not known\n"


def test_it_ends_with_whoever_asks_even_if_it_is_stopped() -> None:
    given, question = os.pipe()
    asker = "import subprocess, sys, time; child = subprocess.Popen(sys.argv[1:]); print(child.pid, flush=True); time.sleep(600)"
    command = [sys.executable, "-c", asker, sys.executable, "-m", "runforge.sampler"]
    try:
        with subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE, text=True) as asking:
            assert asking.stdout is not None
            pid = int(asking.stdout.readline())
            os.write(question, b"{")
            wait_until(lambda: _waiting(given) == 0, "it reads")
            os.kill(pid, signal.SIGSTOP)
            asking.kill()
        wait_until(lambda: os_process.start_ticks(pid) is None or os_process.is_zombie(pid), "it is gone")
    finally:
        os.close(given)
        os.close(question)


def _waiting(pipe: int) -> int:
    """Return how many bytes nobody has read yet."""
    return int(struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0])
