"""System calls that fail for a while in daemon, zygote and supervisor: no outcome changes, nothing runs twice.

Here are a dozen cases; `python -m gauntlets syscalls` plays every call on every kind of file with every error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gauntlets import syscalls_shim
from gauntlets.syscalls_shim import ERRORS, kind_of_file, pairs

pytestmark = pytest.mark.slow

_CANNOT = 3
_CASES = [
    "live:open:attempts/*/*/claim:EIO",
    "live:link:attempts/*/*/claim:EMLINK",
    "live:create:attempts/*/*/exit.rec:EACCES",
    "live:fsync:attempts/*/*/exit.rec:EIO",
    "live:write:attempts/*/*/exit.rec:ENOSPC",
    "live:open:attempts/*/*/spec.json:EIO",
    "live:open:runs/*/request.json:EPERM",
    "live:mkdir:attempts/*/*:EACCES",
    "live:rename:runs/*/result.json:EIO",
    "live:fsync:runforge.db-wal:EIO",
    "takeover:open:attempts/*/*/exit.rec:ENFILE",
    "takeover:create:attempts/*/*/sup.lock:EIO",
]


def _play(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "gauntlets", "syscalls", "--json", str(folder / "report.json"), *options]
    return subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, **environment}
    )


def _report(folder: Path, *options: str) -> dict[str, Any]:
    done = _play(folder, *options)
    if done.returncode == _CANNOT:
        pytest.skip(done.stderr.strip())
    report: dict[str, Any] = json.loads((folder / "report.json").read_bytes())
    assert done.returncode == int(not report["passed"]), done.stderr
    return report


def test_a_call_that_fails_for_a_while_changes_no_outcome(tmp_path: Path) -> None:
    words = [word for case in _CASES for word in ("--only", case)]
    report = _report(tmp_path, "--side-by-side", "4", *words)
    assert [(one["case"], one["broken"]) for one in report["reports"] if one["broken"]] == []
    assert report["not_met"] == []
    assert [one["case"] for one in report["reports"]] == _CASES


def test_a_case_that_is_never_met_is_no_success(tmp_path: Path) -> None:
    report = _report(tmp_path, "--only", "live:open:no/such/file:EIO")
    assert (report["passed"], report["not_met"]) == (False, ["live:open:no/such/file:EIO"])


def test_a_machine_without_a_compiler_is_told_in_one_line(tmp_path: Path) -> None:
    done = _play(tmp_path, PATH=str(tmp_path))
    assert done.returncode == _CANNOT
    assert done.stderr == "syscalls: skipped, needs a C compiler (cc or gcc), and there is none\n"


def test_what_a_life_has_called_becomes_cases() -> None:
    noted = [
        ("daemon", "open", "attempts/20260101-000000-sweep-0001/1/claim"),
        ("supervisor", "open", "attempts/20260101-000000-sweep-0002/12/claim"),
        ("daemon", "rename", "queue/queue.json"),
        ("daemon", "write", "queue/.rf-tmp-0123 (deleted)"),
    ]
    claim, queue = pairs("live", noted)
    assert claim == ("live", "open", "attempts/*/*/claim", ("daemon", "supervisor"))
    assert queue.processes == ("daemon",)
    assert [case.error for case in queue.cases] == [*ERRORS["rename"]]
    assert claim.cases[0].name == "live:open:attempts/*/*/claim:EIO"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("runs/r1/logs.txt", "runs/*/logs.txt"),
        ("runs/r1/previous/earlier-1/logs.txt", "runs/*/previous/*/logs.txt"),
        ("attempts/.rf-tmp-00ff", "attempts/.rf-tmp-*"),
        ("runforge.db-wal", "runforge.db-wal"),
        (".", "."),
    ],
)
def test_a_path_stands_for_a_kind_of_file(path: str, kind: str) -> None:
    assert kind_of_file(path) == kind


def test_every_error_is_one_of_this_system() -> None:
    import errno

    assert {name for names in syscalls_shim.ERRORS.values() for name in names} <= set(
        errno.errorcode.values()
    )
