"""An attempt as a real process, for the tests of everything that runs one."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runforge.attempts import cleanup, exit_record, orders, report
from runforge.backends.local.zygote_client import Reply, ZygoteClient
from runforge.core.outcome import ExitRecord, Finding
from runforge.machine import os_process
from runforge.supervise.supervisor import supervise
from tests.conftest import wait_until


def in_child(step: Callable[[], object]) -> int:
    """Run a step in a forked process, which ends with it whatever it does; return its pid."""
    pid = os.fork()
    if pid == 0:
        try:
            step()
        finally:
            os._exit(0)
    return pid


class Attempt:
    """One attempt in a folder of its own, run by a forked supervisor."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "attempt"
        self.run_dir = root / "run"
        self.folder.mkdir()
        self.run_dir.mkdir()
        self.pid = 0
        # Sweeps go by the token: tests that run side by side must not share one.
        self.token = secrets.token_hex(16)

    def spec(self, argv: list[str] | None, **changes: Any) -> Path:
        values = {
            "version": 1,
            "token": self.token,
            "run_id": "r",
            "attempt": 1,
            "workspace": str(self.run_dir),
            "run_dir": str(self.run_dir),
            "attempt_dir": str(self.folder),
            "target": None,
            "argv": argv,
            "finish": None,
            "preamble": ["hello"],
            "cwd": str(self.run_dir),
            "env": {},
            "umask": 0o022,
            "grace_seconds": 0.5,
            "log_limit_bytes": 1_000_000,
            "echo": False,
            "payload": {
                "request": {"device": {"type": "cpu"}, "model": {"family": "command"}},
                "grant": {"gpus": 0, "gpu": None},
                "threads": 1,
            },
            **changes,
        }
        path = self.folder / "spec.json"
        path.write_text(json.dumps(values))
        return path

    def start(self, code: str, **changes: Any) -> None:
        self.start_spec(self.spec([sys.executable, "-u", "-c", code], **changes))

    def start_spec(self, path: Path) -> None:
        def run() -> None:
            os.setsid()
            supervise(path)

        self.pid = in_child(run)

    def wait(self) -> ExitRecord | None:
        os.waitpid(self.pid, 0)
        return exit_record.read(self.folder, self.token)

    def run(self, code: str, **changes: Any) -> ExitRecord:
        self.start(code, **changes)
        record = self.wait()
        assert record is not None
        return record

    def cancel(self) -> None:
        orders.cancel(self.folder)

    def kill_supervisor(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def finding(self) -> Finding:
        return report.find(self.folder, self.token)[0]

    @property
    def log(self) -> str:
        path = self.run_dir / "logs.txt"
        return path.read_text("utf-8", errors="replace") if path.exists() else ""

    def marked(self) -> list[int]:
        return os_process.marked(self.token, self.folder / cleanup.TREE_LOCK, None)


def replies(client: ZygoteClient) -> Reply:
    found: list[Reply] = []

    def has_come() -> bool:
        found.extend(client.replies())
        return bool(found)

    wait_until(has_come, "the zygote answers")
    return found[0]
