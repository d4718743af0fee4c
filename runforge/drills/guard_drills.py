"""The drill of the breaker: runs that all fail alike, and a daemon that is killed around their ends."""

from __future__ import annotations

import contextlib
import time
from random import Random

from runforge.drills.arena import require
from runforge.drills.scene import Scene, run
from runforge.failpoints import VARIABLE

_RUNS = 14
_MOST = 5
#: Around the transaction that records the last failure and pauses the group.
_POINTS = ("end.judged", "breaker.tripped", "tx.written", "tx.committed", "end.recorded")


def breaker(here: Scene, dice: Random) -> str:
    """All runs of a group fail alike; however often the daemon is killed, five start, and then none."""
    group = here.put(*[run(dice.uniform(0, 0.1), code=3) for _ in range(_RUNS)], breaker=_MOST)
    kills = sum(_killed_at(here, point, dice) for point in _POINTS)
    here.daemon(1)
    here.until(lambda: here.group(group)["paused"], "the breaker has paused the group")
    _require_still(here, _MOST)
    told = here.group(group)
    require(told["paused_by"] == "breaker", f"it is paused by {told['paused_by']}")
    require(told["pause_reason"] == f"{_MOST} x exit 3", f"the reason is {told['pause_reason']}")
    here.run("resume", group, "--workspace", str(here.root))
    here.until(lambda: here.group(group)["paused"], "the breaker has paused the group again")
    _require_still(here, 2 * _MOST + 1)
    here.run("cancel", group, "--yes", "--workspace", str(here.root))
    here.until_over()
    return f"{kills} kills; {_MOST} equal failures paused the group, and {_MOST} more after it was resumed"


def _killed_at(here: Scene, point: str, dice: Random) -> int:
    """Run a daemon that kills itself at a point; one that gets there no more is killed after a while."""
    here.environment = {VARIABLE: f"{point}:{dice.randrange(1, 3)}"}
    try:
        process = here.spawn_daemon(1, 0)
    finally:
        here.environment = {}
    deadline = time.monotonic() + dice.uniform(0.3, 1.0)
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        here.kill_daemon()
    return 1


def _require_still(here: Scene, starts: int) -> None:
    """Require that no more runs have started, once a run of nobody's group has gone through."""
    other = here.submit(seconds=0)
    here.until(lambda: other in here.ended, "a run without a group has ended")
    require(len(here.started) == starts + 1, f"{len(here.started) - 1} runs have started, not {starts}")
