"""Drills of the notices: who sends them is killed, and the hook hears of everything all the same."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random

from runforge import failpoints
from runforge.drills.arena import require
from runforge.drills.scene import Scene, run

_HOOK = """#!/bin/sh
cat >> "$0.heard"
echo "what a hook prints is nobody's business"
"""


def notice(here: Scene, dice: Random) -> str:
    """The sender is killed after it told a hook, then the daemon; a hook that fails hinders no other."""
    hook = here.root.parent / "hook"
    hook.write_text(_HOOK, "ascii")
    hook.chmod(0o700)
    counter = here.root.parent / "passes"
    here.environment |= {failpoints.VARIABLE: "notice.sent:1", failpoints.COUNTER: str(counter)}
    here.put(run(0.1, 3), run(dice.uniform(0.1, 0.3), 3), run(0.1))
    _configure(here, f"cmd:{hook}", "cmd:/bin/false")
    here.daemon()
    here.until(lambda: _heard(hook)["failed"], "the hook has heard of the first failure")
    here.until(counter.exists, "the sender was killed")
    here.kill_daemon()
    here.environment.clear()
    here.daemon()
    here.until(lambda: _heard(hook)["failed"] > 1, "what was not recorded is told again")
    here.until(lambda: _heard(hook)["group_done"], "the hook has heard of the end")
    here.until_over()
    heard = _heard(hook)
    require(heard["failed"] == 2, f"a sweep tells of its first failure, and not of others: {heard}")
    return "first failure and end were told, once more after the kill"


def _configure(here: Scene, *targets: str) -> None:
    path = here.root / ".runforge" / "config.toml"
    path.touch(0o600)
    path.write_text(f"[notify]\nto = {json.dumps(targets)}\n", "utf-8")


def _heard(hook: Path) -> Counter[str]:
    """Return how often the hook has heard of which event."""
    path = hook.with_name("hook.heard")
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return Counter(str(json.loads(line)["event"]) for line in lines)
