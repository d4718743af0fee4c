"""The folders of new runs. They are durable before the journal knows the runs."""

from __future__ import annotations

from runforge import blocks, failpoints, ids
from runforge.digest import sha256_of
from runforge.documents import strict_json
from runforge.errors import CanceledByUser, OperationFailed
from runforge.files.durable import fsync_dir, fsync_files, sync_one_by_one, write_new
from runforge.later import shutil
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from runforge.paths import Path
    from runforge.store.journal import Journal
    from runforge.workspace import Workspace

#: More files than this are synced together.
_MANY = 64


@blocks.contextmanager
def all_or_nothing(journal: Journal, folders: RunFolders, count: int) -> Iterator[None]:
    """Make the folders of so many runs and queue them in the block; if that fails, the folders are removed."""
    try:
        yield
    except BaseException as error:
        # Ctrl-C may come just after the commit: then the folders belong to jobs.
        is_known = folders.remove_unless_known(journal)
        if isinstance(error, KeyboardInterrupt):
            runs = "the run is" if count == 1 else f"all {count} runs are"
            what = f"{runs} in the queue already" if is_known else "nothing was enqueued"
            raise CanceledByUser(f"interrupted; {what}") from None
        raise


class RunFolders:
    """The folders of a sweep that is being enqueued, removable until its transaction."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._made: list[Path] = []

    def make_group(self, now: str, name: str, plan: bytes | None) -> str:
        """Reserve a group id by making its folder (mkdir has one winner); keep a copy of its plan in it, if any."""
        repeat = 1
        while True:
            group_id = ids.group_id(now, name, repeat=repeat)
            folder = self._workspace.group_dir(group_id)
            try:
                folder.mkdir(0o700)
            except FileExistsError:
                repeat += 1
            else:
                break
        self._made.append(folder)
        failpoints.hit("enqueue.group_made")
        if plan is not None:
            write_new(folder / "plan.json", plan)
        fsync_dir(folder)
        fsync_dir(folder.parent)
        return group_id

    def path_of(self, run_id: str) -> str:
        """Return the folder of a run, as the journal has it."""
        return self._workspace.relative(self._workspace.run_dir(run_id))

    def taken(self, run_ids: Sequence[str]) -> str | None:
        """Return the first of these runs that has a folder already; None if there is none."""
        parent = self._workspace.runs_dir
        return next((run_id for run_id in run_ids if os.path.lexists(parent / run_id)), None)

    def make_runs(self, run_ids: Sequence[str], requests: Sequence[dict[str, Any]]) -> list[str]:
        """Write the run folders and their requests, durable when this returns; return the requests' digests.

        Raises OperationFailed for an id that is taken: an older journal was restored and uses its numbers
        again.
        """
        files, digests = [], []
        parent = self._workspace.runs_dir
        taken = self.taken(run_ids)
        if taken is not None:
            raise OperationFailed(
                f"run folder {taken} exists already, of a run that this journal does not know; nothing was changed",
                fix="Try again: a second later the ids are different",
            )
        for run_id, request in zip(run_ids, requests, strict=True):
            folder = parent / run_id
            # Noted first, because Ctrl-C may come after the system call.
            self._made.append(folder)
            folder.mkdir(0o700)
            failpoints.hit("enqueue.run_made")
            files.append(folder / "request.json")
            data = strict_json.dump(request)
            digests.append(sha256_of(data))
            write_new(files[-1], data, durable=False)
        failpoints.hit("enqueue.written")
        sync = sync_one_by_one
        if len(files) > _MANY:  # for fewer it would take longer to import and to end than it saves
            from runforge.files.together import sync
        # All are written before the first is synced: one commit then covers most of them.
        fsync_files(files, sync)
        fsync_dir(self._workspace.runs_dir)
        failpoints.hit("enqueue.durable")
        return digests

    def remove_unless_known(self, journal: Journal) -> bool:
        """Delete everything if the journal knows none of it; return whether it does: all or nothing."""
        if not self._made:
            return False
        newest = self._made[-1].name
        with journal.read() as tx:
            is_known = any(
                row is not None
                for row in (tx.row("jobs.by_run_id", run_id=newest), tx.row("groups.by_id", group_id=newest))
            )
        if not is_known:
            for folder in self._made:
                shutil.rmtree(folder, ignore_errors=True)
        return is_known
