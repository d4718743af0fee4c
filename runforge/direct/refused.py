"""`run --run-dir` that is refused: the run folder says so, for clients that look nowhere else."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from runforge import clock
from runforge.attempts import build_spec
from runforge.documents.result import build_result, encode
from runforge.errors import RunForgeError
from runforge.files.durable import write_atomic
from runforge.metrics import tokens
from runforge.text import safe


@contextlib.contextmanager
def told(run_dir: Path, in_private: Callable[[], object] | None = None) -> Iterator[None]:
    """If the block is refused, write logs.txt and result.json; first move aside what earlier attempts left.

    `in_private` does the same as the block, but its error quotes no dataset, because files store it.
    """
    try:
        yield
    except RunForgeError as error:
        with contextlib.suppress(OSError):  # it may not be written: the error itself has the last word
            _leave(run_dir, _kept(error, in_private))
        raise


def _kept(error: RunForgeError, in_private: Callable[[], object] | None) -> RunForgeError:
    if in_private is not None:
        try:
            in_private()
        except RunForgeError as other:
            return other
    return error


def _leave(run_dir: Path, error: RunForgeError) -> None:
    if os.lstat(run_dir).st_uid != os.geteuid():
        return
    build_spec.set_aside(run_dir, next_attempt(run_dir) - 1)
    now, message = clock.now(), safe(str(error))
    document = build_result(
        status="failed",
        started_at=now,
        finished_at=now,
        duration_ms=0,
        effective_config=None,
        error={"message": message, "type": type(error).__name__},
    )
    lines = (tokens.stage("STARTING"), f"ERROR: {message}", tokens.stage("FAILED"))
    write_atomic(run_dir / "logs.txt", "".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
    write_atomic(run_dir / "result.json", encode(document))


def next_attempt(run_dir: Path) -> int:
    """Return the number of this attempt: the earlier ones keep their files in `previous/<n>`."""
    previous = run_dir / "previous"
    kept = [int(p.name) for p in previous.glob("*") if p.name.isdigit()] if previous.is_dir() else []
    has_left = any((run_dir / name).exists() for name in build_spec.OUTPUTS)
    return max(kept, default=0) + 1 + int(has_left)
