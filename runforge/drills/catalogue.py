"""All drills by name, with their expected outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from runforge.drills import (
    daemon_drills,
    file_drills,
    graph_drills,
    guard_drills,
    notice_drills,
    pause_drills,
    run_drills,
    waiting_drills,
)
from runforge.drills.scene import Scene


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill and its expected outcome."""

    name: str
    expected: str
    play: Callable[[Scene, Random], str]


_ALL = (
    Drill("acknowledged", "acknowledged jobs are kept", daemon_drills.acknowledged),
    Drill("adopted", "a running job is kept and adopted", daemon_drills.adopted),
    Drill("exit-0", "exit 0 without a daemon: succeeded", daemon_drills.exit_zero),
    Drill("exit-3", "exit 3 without a daemon: failed", daemon_drills.exit_three),
    Drill("restart", "a clean restart", daemon_drills.restarted),
    Drill("random-kills", "each run once, true outcomes", daemon_drills.random_kills),
    Drill("supervisor-killed", "started again, never beside itself", run_drills.supervisor_killed),
    Drill("all-killed", "started again, true outcomes", run_drills.all_killed),
    Drill("zygotes-killed", "replaced, each run once", run_drills.zygotes_killed),
    Drill("late-launch", "a late launch starts nothing", run_drills.late_launch),
    Drill("reboot", "interrupted runs start again", run_drills.rebooted),
    Drill("stopped-daemon", "noticed; continues when woken", daemon_drills.stopped),
    Drill("stale-daemon", "writes nothing when it wakes up", daemon_drills.stale),
    Drill("cancel-alone", "a cancel works without a daemon", daemon_drills.cancel_without_daemon),
    Drill("freeze", "stands still, goes on, ends once", pause_drills.freeze),
    Drill("yield", "saves with exit 0, goes on later", pause_drills.give_way),
    Drill("dependencies", "runs wait for others, kill or not", waiting_drills.dependencies),
    Drill("folder-deleted", "that job fails, others continue", file_drills.folder_deleted),
    Drill("exports-deleted", "written again", file_drills.exports_deleted),
    Drill("exports-forged", "not believed, written again", file_drills.exports_forged),
    Drill("clock-jumps", "order and outcomes hold", daemon_drills.clock_jumps),
    Drill("fan-in", "tried again first, then awaited", graph_drills.fan_in),
    Drill("breaker", "equal failures pause their group", guard_drills.breaker),
    Drill("edit", "the old run or the new one", graph_drills.edit),
    Drill("notice", "told at least once, kill or not", notice_drills.notice),
    # The last one, because its small disk stays mounted in this process.
    Drill("disk-full", "ends are kept and recorded later", file_drills.disk_full),
)
DRILLS = {drill.name: drill for drill in _ALL}
