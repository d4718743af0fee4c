"""What a training script may say to RunForge and ask of it. Outside of a run every call does nothing.

    import runforge_run as run

    run.params                    # the run's parameters
    run.checkpoint_dir            # a folder for checkpoints, kept for later attempts; None outside of a run
    run.resuming                  # whether an earlier attempt has left checkpoints there
    run.attempt                   # 1, 2, ...; 0 outside of a run
    run.log(step=i, loss=x)       # metrics; names that are no Python names: run.log({"val/loss": x}, step=i)
    if run.should_stop():         # the run was canceled, or is to make room
        save()
        run.leave()               # ends the program with exit code 85
    run.finished()                # the exit code 0 that follows is the real end

One file, standard library only, Python 3.7 or newer. `runforge helper` prints it, for a copy in your repository.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import threading
from typing import Any

__all__ = ["finished", "leave", "log", "should_stop"]

#: The exit code of a program that was asked to stop and has saved its work.
LEFT = 85
#: Files whose presence asks a run to stop, beside the file with its parameters.
_ORDERS = ("cancel", "yield", "stop")
_STEPS = ("step", "epoch")


class _State:
    """What is known about the run."""

    def __init__(self) -> None:
        self.run_dir = os.environ.get("RUNFORGE_RUN_DIR", "")
        self.orders = os.path.dirname(os.environ.get("RUNFORGE_PARAMS", ""))
        #: The process whose SIGTERM was noted, and whether one came.
        self.watcher = 0
        self.was_asked = False
        self.has_complained = False


_state = _State()


def __getattr__(name: str) -> Any:
    if name == "params":
        return _params()
    if name == "checkpoint_dir":
        return _checkpoint_dir()
    if name == "resuming":
        return _resuming()
    if name == "attempt":
        return _attempt()
    raise AttributeError("module 'runforge_run' has no attribute {!r}".format(name))  # noqa: UP032


def _params() -> dict[str, Any]:
    try:
        with open(os.environ.get("RUNFORGE_PARAMS", ""), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _attempt() -> int:
    number = os.environ.get("RUNFORGE_ATTEMPT", "")
    return int(number) if number.isdigit() else 0


def _checkpoints() -> str:
    given = os.environ.get("RUNFORGE_CHECKPOINT_DIR", "")
    return given or (os.path.join(_state.run_dir, "checkpoints") if _state.run_dir else "")


def _checkpoint_dir() -> str | None:
    folder = _checkpoints()
    if not folder:
        return None
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        _complain("the folder for checkpoints could not be made: {}".format(error))  # noqa: UP032
    return folder


def _resuming() -> bool:
    if os.environ.get("RUNFORGE_RESUME") == "1":
        return True
    try:
        return _attempt() > 1 and bool(os.listdir(_checkpoints()))
    except OSError:
        return False


def log(values: dict[str, Any] | None = None, *, step: float | None = None, **more: Any) -> None:
    """Add metrics. Without `step`, an `epoch` among them is the step.

    Of the processes of one distributed training only the first one (RANK 0) adds any. Never raises.
    """
    if not _state.run_dir or os.environ.get("RANK", "0") != "0":
        return
    given = dict(values or {}, **more)
    if step is None:
        step = given.pop("epoch", None)
    lines = [_line(str(name), value, step) for name, value in given.items()]
    data = "".join(lines).encode("utf-8", "replace")
    if not data:
        return
    try:
        # One write at the end of the file: lines of several processes do not mix.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(os.path.join(_state.run_dir, "metrics.jsonl"), flags, 0o600)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)
    except OSError as error:
        _complain("metrics could not be written: {}".format(error))  # noqa: UP032


def _line(name: str, value: Any, step: Any) -> str:
    try:
        number = float(value)
        at = None if step is None else float(step)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        _complain("{} is not a number: {!r}".format(name, type(value).__name__))  # noqa: UP032
        return ""
    entry = {"name": name, "value": number if math.isfinite(number) else _word(number)}
    if at is not None and math.isfinite(at):
        entry["step"] = int(at) if at.is_integer() else at
    return json.dumps(entry) + "\n"


def _word(number: float) -> str:
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _complain(problem: str) -> None:
    """Say the first problem; a training must not end because of its metrics."""
    if not _state.has_complained:
        _state.has_complained = True
        sys.stderr.write("runforge_run: {}\n".format(problem))  # noqa: UP032


def should_stop() -> bool:
    """Return whether the run was canceled or is to make room. From the first call on, a SIGTERM only says so."""
    if not _state.orders:
        return False
    _watch()
    return _state.was_asked or any(os.path.exists(os.path.join(_state.orders, name)) for name in _ORDERS)


def _watch() -> None:
    """Note a SIGTERM instead of dying of it, if the script does not handle it."""
    is_main = threading.current_thread() is threading.main_thread()
    if _state.watcher != os.getpid() and is_main and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        _state.watcher = os.getpid()
        signal.signal(signal.SIGTERM, _note)


def _note(number: int, _frame: Any) -> None:
    if os.getpid() == _state.watcher:
        _state.was_asked = True
        return
    # A child, such as a data loader: it ends as it would have ended.
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def leave() -> None:
    """End the program; its work is saved and can go on later."""
    if _state.run_dir:
        _be_left_alone()
        sys.exit(LEFT)


def _be_left_alone() -> None:
    """Let no SIGTERM end the program from here on, if the script does not handle it: its end has begun.

    An order may have been seen before its signal comes, and Python notes none any more while it ends.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) in (signal.SIG_DFL, _note):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def finished() -> None:
    """Say that the exit code 0 that follows is the end of the training, whatever was asked of it."""
    if not _state.orders:
        return
    _be_left_alone()
    try:
        with open(os.path.join(_state.orders, "finished"), "wb"):
            pass
    except OSError as error:
        _complain("the end could not be noted: {}".format(error))  # noqa: UP032
