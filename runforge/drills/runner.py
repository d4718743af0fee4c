"""Plays drills one after the other, each in its own temporary workspace."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType

from runforge.drills.arena import Unmet, arena
from runforge.drills.catalogue import DRILLS, Drill
from runforge.drills.file_drills import Skipped
from runforge.drills.scene import Scene

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a drill; `verdict` is held, broken or skipped."""

    name: str
    expected: str
    seen: str
    verdict: str
    seconds: float
    folder: str | None


def play(names: Iterable[str], *, seed: int, keep: bool, tell: Callable[[Result], None]) -> list[Result]:
    """Play drills by name. Each has its own random numbers, so it repeats alone as among others.

    A signal to stop ends the current drill, kills everything that it started, and raises KeyboardInterrupt.
    """
    listen()
    results = []
    for name in names:
        results.append(_play(DRILLS[name], Random(f"{seed} {name}"), keep=keep))  # noqa: S311 - dice
        tell(results[-1])
    return results


def listen() -> None:
    """Turn the signals to stop into a KeyboardInterrupt, once, so that the clean-up is not interrupted."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in _STOPS:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in _STOPS:
        signal.signal(number, stop)


def _play(drill: Drill, dice: Random, *, keep: bool) -> Result:
    start = time.monotonic()
    folder: Path | None = None
    try:
        with arena(Scene, prefix=f"runforge-drill-{drill.name}-", keep=keep) as here:
            folder = here.root if keep else None
            seen = drill.play(here, dice)
            here.finish()
        verdict = "held"
    except Skipped as reason:
        seen, verdict = str(reason), "skipped"
    except (Unmet, OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
        # A missing or senseless file is a failure just like a wrong outcome.
        seen, verdict = str(error) if isinstance(error, Unmet) else repr(error), "broken"
    seconds = round(time.monotonic() - start, 2)
    return Result(drill.name, drill.expected, seen, verdict, seconds, str(folder) if folder else None)
