"""Failpoints: every one is registered, is passed somewhere, and kills exactly when it should."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge.failpoints import COUNTER, POINTS, VARIABLE

ROOT = Path(__file__).parents[1] / "runforge"
PASS_THRICE = "from runforge import failpoints\nfor n in range(3):\n    print(n, flush=True)\n    failpoints.hit('tx.begun')"


def _hits() -> Iterator[ast.Call]:
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "failpoints.hit":
                yield node


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_every_point_is_registered_and_every_registered_point_is_passed() -> None:
    passed = {ast.literal_eval(call.args[0]) for call in _hits()}
    assert passed == POINTS.keys()


def test_it_kills_the_nth_time_and_only_then() -> None:
    assert run(PASS_THRICE).stdout.split() == ["0", "1", "2"]
    assert run(PASS_THRICE, **{VARIABLE: "tx.written:1"}).returncode == 0
    killed = run(PASS_THRICE, **{VARIABLE: "tx.begun:2"})
    assert (killed.returncode, killed.stdout.split()) == (-9, ["0", "1"])


def test_a_counter_file_counts_over_all_processes(tmp_path: Path) -> None:
    armed = {VARIABLE: "tx.begun:5", COUNTER: str(tmp_path / "count")}
    assert run(PASS_THRICE, **armed).returncode == 0
    killed = run(PASS_THRICE, **armed)
    assert (killed.returncode, killed.stdout.split()) == (-9, ["0", "1"])
    assert (tmp_path / "count").read_bytes() == b"....."
    assert run(PASS_THRICE, **armed).returncode == 0


@pytest.mark.parametrize("text", ["tx.begun", "tx.begun:0", "tx.begun:x", "no.such:1", ":"])
def test_what_names_no_point_is_refused(text: str) -> None:
    refused = run(PASS_THRICE, **{VARIABLE: text})
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "runforge/failpoints.py" in refused.stderr


def test_a_disarmed_process_passes_it_on_to_nobody() -> None:
    code = (
        "import os\nfrom runforge import failpoints\nfailpoints.disarm()\nfailpoints.hit('tx.begun')\n"
        "print([name for name in os.environ if 'FAILPOINT' in name])"
    )
    left = run(code, **{VARIABLE: "tx.begun:1", COUNTER: "/nonexistent/count"})
    assert (left.returncode, left.stdout.strip()) == (0, "[]")
