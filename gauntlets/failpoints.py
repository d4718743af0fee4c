"""Kills at every failpoint, at the first pass, the second, and so on, until it is not passed so often.

After each kill the user repeats what was not acknowledged, a new daemon empties the queue, and the invariants
must hold. A point that is never passed is an error: nothing would be tested there.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gauntlets import failpoint_checks
from gauntlets.failpoint_rig import FAILS, LOSES, OK, WAITS, Killed, Rig, preload, rig
from runforge.core.dependencies import RUN, Parent
from runforge.core.records import Job
from runforge.core.states import TERMINAL, State
from runforge.drills import invariants
from runforge.errors import RunForgeError
from runforge.failpoints import POINTS
from runforge.queue import cancel, edit, move, pause, pauses, prune, retry
from runforge.queue.change import change
from runforge.queue.edit_wish import Edit
from runforge.store import migrate, transitions, verify
from runforge.store.opening import open_journal
from runforge.store.recovery import recover, swap
from runforge.store.writer_lock import writers_held_off
from runforge.views import lists
from runforge.workspace import Workspace

#: No scenario passes a point more often.
_MOST_HITS = 200
_PAGE = 4096
#: How the points of pauses begin.
_PAUSES = ("pause.", "freeze.", "thaw.", "yield.")


def _everyday(here: Rig) -> None:
    """A sweep of four: one succeeds, one fails and is retried, one loses its supervisor, one is canceled."""
    here.enqueue()
    here.start()
    here.until_state(OK, State.SUCCEEDED)
    here.until_state(FAILS, State.FAILED)
    here.until_state(LOSES, State.SUCCEEDED)
    jobs = here.jobs()
    here.until_state(WAITS, State.RUNNING)
    here.call(lambda: cancel.cancel_run(here.ws, jobs[WAITS].run_id))
    here.until_state(WAITS, State.CANCELED)
    here.call(lambda: retry.retry_run(here.ws, jobs[FAILS].run_id))
    here.until_state(FAILS, State.SUCCEEDED)
    here.call(lambda: _checkpoint(here))
    here.stop()


def _submitting(here: Rig) -> None:
    """The same, queued as `submit` does it."""
    here.submits = True
    _everyday(here)


def _snapping(here: Rig) -> None:
    """The same, with a snapshot of the code."""
    here.make_repository()
    _submitting(here)


def _searching(here: Rig) -> None:
    """A search for four trials, each made by the daemon."""
    here.searches = True
    here.release.touch()
    here.enqueue()
    here.start()
    here.until(lambda: here.is_search_over() and _are_over(here), "every trial has ended")
    here.stop()


def _editing(here: Rig) -> None:
    """All runs are edited before a daemon starts them."""
    here.enqueue()
    wish = Edit(fields={"timeout_seconds": 300})
    here.call(lambda: edit.edit(here.ws, {job.job_id: wish for job in here.jobs()}))
    here.start()
    here.until_state(OK, State.SUCCEEDED)
    here.stop()


def _telling(here: Rig) -> None:
    """The everyday sweep, with a hook that hears of its first failure and of its end."""
    here.configure_hook()
    _everyday(here)


def _checkpoint(here: Rig) -> None:
    with open_journal(here.ws) as journal:
        journal.checkpoint()


def _interrupted(here: Rig, point: str = "launch.spec_written:2") -> None:
    """A sweep after a first daemon that died with its attempts' folders made and nothing claimed."""
    here.enqueue()
    here.start(point)
    here.until(lambda: not here.is_daemon_alive(), "the first daemon has been killed")
    here.start()
    here.until_state(OK, State.SUCCEEDED)
    here.stop()


def _unlaunched(here: Rig) -> None:
    """A sweep after a first daemon that died before its attempts had folders."""
    _interrupted(here, "claim.committed:1")


def _waiting(here: Rig) -> None:
    """A sweep of which two runs wait for one that fails: they are canceled, and come back when that is retried."""
    here.enqueue()
    jobs = here.jobs()
    here.call(lambda: _wait_for(here.ws, jobs[FAILS], jobs[OK], jobs[LOSES]))
    here.call(lambda: move.move(here.ws, [jobs[LOSES].job_id, jobs[WAITS].job_id], move.FRONT))
    here.start()
    here.until_state(FAILS, State.FAILED)
    here.release.touch()
    here.until_state(WAITS, State.SUCCEEDED)
    here.call(lambda: retry.retry_run(here.ws, jobs[FAILS].run_id))
    here.until(lambda: _are_over(here), "all have ended")
    here.stop()


def _pausing(here: Rig) -> None:
    """A sweep of which one run is frozen, goes on, and makes room, although it is not resumable: it starts again."""
    here.enqueue()
    here.start()
    here.until_state(WAITS, State.RUNNING)
    job_ids = [here.jobs()[WAITS].job_id]
    here.call(lambda: pauses.freeze(here.ws, job_ids))
    here.until(lambda: "[RunForge: frozen]" in _log(here), "it is frozen")
    here.call(lambda: pauses.thaw(here.ws, job_ids))
    here.until(lambda: "[RunForge: goes on" in _log(here), "it goes on")
    here.call(lambda: pauses.ask_to_yield(here.ws, job_ids, is_forced=True))
    here.until(lambda: here.jobs()[WAITS].yields == 1, "it has made room")
    here.release.touch()
    here.until(lambda: _are_over(here), "all have ended")
    here.stop()


def _judged(here: Rig) -> None:
    """A sweep whose rule stops the run that gets no better, and that keeps the artifacts of its best run only."""
    here.rule = {"stop": "patience:1", "keep": 1}
    here.enqueue()
    here.start()
    here.until_state(WAITS, State.CANCELED)
    here.until_state(FAILS, State.FAILED)
    folder = here.ws.root / here.jobs()[FAILS].run_dir / "artifacts"
    here.until(lambda: not folder.exists(), "the artifacts of the run that failed are deleted")
    here.stop()


def _guarded(here: Rig) -> None:
    """A sweep whose breaker lets its first failure pause it, and that is resumed."""
    here.breaker = 1
    here.enqueue()
    here.start()
    here.until_state(FAILS, State.FAILED)
    here.call(lambda: pause.resume_group(here.ws, "walk"))
    here.release.touch()
    here.until(lambda: _are_over(here), "all have ended")
    here.stop()


def _log(here: Rig) -> str:
    log = here.ws.root / here.jobs()[WAITS].run_dir / "logs.txt"
    return log.read_text() if log.exists() else ""


def _wait_for(ws: Workspace, parent: Job, *children: Job) -> None:
    with change(ws) as tx:
        for child in children:
            transitions.depend(tx, child.job_id, [Parent(RUN, parent.job_id)])


def _pruning(here: Rig) -> None:
    """A sweep that is pruned after its end."""
    here.release.touch()
    here.enqueue()
    here.start()
    here.until(lambda: _are_over(here), "all have ended")
    here.stop()
    # From now on the jobs may be gone.
    here.forgets = True
    here.call(lambda: prune.prune(here.ws, 0.0))


def _migrating(here: Rig) -> None:
    """A new journal that is filled and migrated to a later version."""
    here.enqueue()
    with one_more_migration(here.ws.root.parent):
        here.call(lambda: _checkpoint(here))


def _damaged(here: Rig) -> None:
    """An empty queue whose journal is damaged and recovered."""
    here.release.touch()
    here.enqueue()
    here.start()
    here.until(lambda: _are_over(here), "all have ended")
    here.stop()
    with here.ws.journal.open("r+b") as file:
        file.write(os.urandom(_PAGE))
    here.call(lambda: _repair(here.ws))


def _repair(ws: Workspace) -> None:
    """Do what `doctor --recover` does."""
    with writers_held_off(ws):
        is_finished = swap.finish(ws) is not None
    if not is_finished and _is_damaged(ws):
        with writers_held_off(ws):
            recover.recover(ws)


def _is_damaged(ws: Workspace) -> bool:
    try:
        return bool(verify.check(ws))
    except RunForgeError:
        return True


@contextlib.contextmanager
def one_more_migration(folder: Path, more: str = "") -> Iterator[None]:
    """Let this process know a version that adds the table `later` with one row, and does more if asked."""
    before = migrate.FILES, migrate.NEWEST
    later = folder / f"{migrate.NEWEST + 1:03d}_later.sql"
    table = "CREATE TABLE later (one INTEGER PRIMARY KEY) STRICT;\nINSERT INTO later VALUES (1);\n"
    later.write_text(table + more)
    migrate.FILES, migrate.NEWEST = [*migrate.FILES, later], migrate.NEWEST + 1
    try:
        yield
    finally:
        migrate.FILES, migrate.NEWEST = before


_SCENARIOS: dict[str, Callable[[Rig], None]] = {
    **dict.fromkeys(POINTS, _everyday),
    **dict.fromkeys((point for point in POINTS if point.startswith("migrate.")), _migrating),
    **dict.fromkeys((point for point in POINTS if point.startswith("recover.")), _damaged),
    "submit.inserted": _submitting,
    **dict.fromkeys(("code.kept", "code.exported"), _snapping),
    **dict.fromkeys((point for point in POINTS if point.startswith(("sampler.", "trials."))), _searching),
    **dict.fromkeys((point for point in POINTS if point.startswith("edit.")), _editing),
    **dict.fromkeys((point for point in POINTS if point.startswith("notice.")), _telling),
    "lost.revoked": _interrupted,
    "lost.closed": _unlaunched,
    **dict.fromkeys(("cascade.one_canceled", "revival.one_queued", "move.one_placed"), _waiting),
    "prune.forgotten": _pruning,
    "breaker.tripped": _guarded,
    **dict.fromkeys(("stop.noted", "stop.delivered", "artifacts.noted"), _judged),
    **dict.fromkeys((point for point in POINTS if point.startswith(_PAUSES)), _pausing),
}


def _are_over(here: Rig) -> bool:
    return all(job.state in TERMINAL for job in here.jobs())


def _is_done(here: Rig) -> bool:
    # In this order: a search that is over adds no trial, so one that ends in between has none that is not seen.
    return (not here.searches or here.is_search_over()) and _are_over(here)


def _recover(here: Rig) -> None:
    """Repeat what was not acknowledged, let a daemon empty the queue, and stop."""
    if not (here.is_search_known() if here.searches else here.acknowledged):
        here.enqueue()
    here.keep_alive()
    frozen = [job.job_id for job in here.jobs() if job.frozen_at is not None]
    if frozen:
        here.call(lambda: pauses.thaw(here.ws, frozen))
    if not any(job.cancel_requested for job in here.jobs()):
        here.release.touch()
    # A killed process may still be dying, so a daemon that seemed alive may be gone soon.
    here.until(lambda: here.keep_alive() and _goes_on(here) and _is_done(here), "every job has ended")
    here.stop()


def _goes_on(here: Rig) -> bool:
    """Resume the sweep if its breaker has paused it."""
    if here.breaker and any(group.paused for group in lists.groups(here.ws)):
        here.call(lambda: pause.resume_group(here.ws, "walk"))
    return True


def _broken(here: Rig) -> list[str]:
    here.until(lambda: not here.strays(), "every process of the workspace is gone")
    witness, known = (None, []) if here.forgets else (here.witness, here.acknowledged)
    found = invariants.check(here.ws, witness, acknowledged=known)
    for job in here.jobs():
        if job.cancel_requested and job.state is not State.CANCELED:
            found.append(f"{job.run_id} should be canceled but is {job.state}")
    return found + failpoint_checks.of_files(here)


def try_once(point: str, nth: int) -> tuple[bool, list[str]]:
    """Kill the process that passes the point for the Nth time; return whether one did, and what broke."""
    with rig(point, nth) as here:
        with contextlib.suppress(Killed):
            _SCENARIOS[point](here)
        has_fired = here.has_fired
        here.disarm()
        try:
            if _SCENARIOS[point] is _migrating:
                return has_fired, _migrated(here)
            if _SCENARIOS[point] is _damaged:
                here.call(lambda: _repair(here.ws))
            _recover(here)
            return has_fired, _broken(here)
        except (AssertionError, RunForgeError) as failure:
            return has_fired, [str(failure)]


def _migrated(here: Rig) -> list[str]:
    """Migrate again without a failpoint; return what is wrong with the journal or its backup."""
    if not here.acknowledged:
        here.enqueue()
    found = []
    with one_more_migration(here.ws.root.parent):
        here.call(lambda: _checkpoint(here))
        with open_journal(here.ws) as journal:
            if journal.connection.execute("SELECT count(*) FROM later").fetchone()[0] != 1:
                found.append("the migration was applied twice")
        found += invariants.check(here.ws, None, acknowledged=here.acknowledged)
    backup = here.ws.journal.with_name(f"{here.ws.journal.name}.bak-{migrate.NEWEST}")
    backup.replace(here.ws.journal)
    for suffix in ("-wal", "-shm"):
        Path(f"{here.ws.journal}{suffix}").unlink(missing_ok=True)
    # The backup is a journal of this version, with everything in it.
    return found + invariants.check(here.ws, None, acknowledged=here.acknowledged)


def walk(point: str, most: int = _MOST_HITS) -> tuple[int, list[str]]:
    """Kill at a point with N = 1, 2... until it is not passed; return how often, and what broke."""
    found: list[str] = []
    for nth in range(1, most + 1):
        has_fired, broken = try_once(point, nth)
        found += [f"{point}:{nth}: {text}" for text in broken]
        if not has_fired:
            if nth == 1:
                found.append(f"{point} was never passed: no crash there is tested")
            return nth - 1, found
    return most, found


def main(arguments: list[str]) -> int:
    """`python -m gauntlets failpoints [POINT...] [--most N]`: the walk; 0 if nothing was broken."""
    parser = argparse.ArgumentParser(prog="python -m gauntlets failpoints")
    parser.add_argument("points", nargs="*", choices=[*POINTS, []], metavar="POINT")
    parser.add_argument("--most", type=int, default=_MOST_HITS, help="highest N for each point")
    options = parser.parse_args(arguments)
    preload()
    kills, broken, begin = 0, [], time.monotonic()
    print(f"{'point':24}{'kills':>6}{'broken':>8}{'time':>9}")
    for point in options.points or POINTS:
        start = time.monotonic()
        hits, found = walk(point, options.most)
        kills += hits
        broken += found
        print(f"{point:24}{hits:6}{len(found):8}{time.monotonic() - start:8.1f}s", flush=True)
        for text in found:
            print(f"    {text}", flush=True)
    print(f"{kills} kills in {time.monotonic() - begin:.0f} s, {len(broken)} invariants broken")
    return int(bool(broken))
