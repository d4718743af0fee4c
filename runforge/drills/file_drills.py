"""Drills of files and disks: folders deleted, exports deleted or forged, no space left."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from random import Random

from runforge.drills import mounts
from runforge.drills.arena import require
from runforge.drills.plans import plan, request
from runforge.drills.scene import Scene, run

_DISK_BYTES = 32 * 1024 * 1024


class Skipped(Exception):
    """This machine cannot do the drill."""


def folder_deleted(here: Scene, _dice: Random) -> str:
    """The folders of a running and of a queued run are deleted; the others continue."""
    here.put(run(1.0), run(0.1), run(0.1, 3), run(0.1))
    daemon = here.daemon(1)
    here.until_started()
    running, queued, *_ = (job["run_id"] for job in here.jobs())
    for run_id in (running, queued):
        shutil.rmtree(here.root / ".runforge/runs" / run_id)
    here.until_over()
    states = [job["state"] for job in here.jobs()]
    require(states == ["failed", "failed", "failed", "succeeded"], f"the jobs are {states}")
    reasons = [job["error"] for job in here.jobs()[:2]]
    require(all("folder" in reason for reason in reasons), f"the reasons are {reasons}")
    require(daemon.poll() is None, "the daemon has ended")
    return "2 failed with the reason, 2 true outcomes"


def exports_deleted(here: Scene, _dice: Random) -> str:
    """The JSON files that others read are deleted."""
    group = here.put(run(0.1), run(0.1, 3))
    here.daemon()
    here.until_over()
    files = _exports(here, group)
    for path in files:
        path.unlink()
    here.until(lambda: all(path.exists() for path in files), "the exports are back", 20)
    here.expect(("succeeded", 1, None), ("failed", 1, "exit code 3"))
    return "back within seconds, equal to the journal"


def exports_forged(here: Scene, dice: Random) -> str:
    """The JSON files are changed by hand: garbage in one, wrong values in the other."""
    group = here.put(run(0.1), run(0.1, 3))
    here.daemon()
    here.until_over()
    queue, document = _exports(here, group)

    def is_true() -> bool:
        with contextlib.suppress(ValueError):
            states = [job["state"] for job in json.loads(queue.read_bytes())["jobs"]]
            return here.group(group)["status"] == "failed" and states == ["succeeded", "failed"]
        return False

    here.until(is_true, "the exports tell the truth", 20)
    queue.write_bytes(dice.randbytes(200))
    lies = json.loads(document.read_bytes())
    lies["summary"]["succeeded"], lies["status"] = 2, "completed"
    document.write_text(json.dumps(lies))
    here.until(is_true, "the exports tell the truth again", 20)
    here.expect(("succeeded", 1, None), ("failed", 1, "exit code 3"))
    return "not believed, rewritten within seconds"


def _exports(here: Scene, group: str) -> tuple[Path, Path]:
    hidden = here.root / ".runforge"
    return hidden / "queue/queue.json", hidden / "groups" / group / "group.json"


def disk_full(here: Scene, dice: Random) -> str:
    """The disk is full while runs end; their ends are recorded once there is space again."""
    _mount_small_disk(here.root)
    here.afterwards.callback(mounts.unmount, here.root)
    here.put(run(0.8 + dice.uniform(0, 0.3)), run(0.8, 3), run(0.1))
    daemon = here.daemon()
    here.until_started(2)
    filler = here.root / "filler"
    _fill(filler)
    here.until(lambda: len(here.ended) == 2, "two have ended on the full disk")
    here.until(lambda: not here.supervisors(), "their supervisors are gone")
    base = request(seconds=0.1)
    document = plan(here.root, base, {"type": "list", "runs": [{}] * 50}, name="refused")
    (here.root.parent / "refused.json").write_text(json.dumps(document))
    words = ["enqueue-sweep", "--plan", str(here.root.parent / "refused.json")]
    here.run(*words, "--workspace", str(here.root), expect=1)
    require(daemon.poll() is None, f"the daemon has ended: {here.said(daemon)[-300:]}")
    filler.unlink()
    here.until_over()
    here.expect(("succeeded", 1, None), ("failed", 1, "exit code 3"), ("succeeded", 1, None))
    here.expect_each_once()
    return "2 ends recorded later, an enqueue refused"


def _fill(path: Path) -> None:
    """Write until the disk is full."""
    with open(path, "wb", buffering=0) as stream:
        for size in (1024 * 1024, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    stream.write(bytes(size))


def _mount_small_disk(folder: Path) -> None:
    """Mount a small disk in memory, visible only for this process and its children.

    It is gone with the last of them. Skipped if the user has no permission for that.
    """
    options = f"size={_DISK_BYTES},mode=0700,uid={os.getuid()},gid={os.getgid()}".encode()
    data = [path.read_bytes() for path in (folder / "data").iterdir()]
    try:
        mounts.make_own()
        mounts.mount(b"tmpfs", folder, b"tmpfs", options)
    except (AttributeError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Skipped(f"needs root, or user namespaces, to mount a small disk ({reason})") from None
    (folder / "data").mkdir()
    (folder / "data/train.csv").write_bytes(data[0])
