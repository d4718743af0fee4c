"""Breaks of commands, files and what the screens draw."""

from __future__ import annotations

from gauntlets.mutant import Mutant

_FOLDERS = "runforge/queue/run_folders.py"
_DURABLE = "runforge/files/durable.py"
_MACHINE = "runforge/tui/machine_view.py"
_FOLDERS_TESTS = "tests/queue/test_run_folders.py"
_SYNCED = f"{_FOLDERS_TESTS}::test_everything_is_synced_before_the_jobs_are_made"
_REPLACED = (
    "tests/files/test_durable.py::"
    "test_a_replaced_file_is_whole_on_disk_before_it_has_its_name_and_its_name_after"
)
_HARMLESS = "tests/tui/test_run_info.py::test_names_of_the_machine_are_harmless"

MUTANTS = (
    Mutant(
        "interrupt-deletes-known-folders",
        _FOLDERS,
        "        if not is_known:\n",
        "        if is_known is not None:\n",
        (f"{_FOLDERS_TESTS}::test_an_interrupt_around_the_commit_keeps_the_folders_of_known_runs_alone",),
        "Ctrl-C takes the folders of runs that are in the queue",
    ),
    Mutant(
        "number-of-a-killed-command",
        "runforge/queue/new_jobs.py",
        "        if folders.taken(run_ids) is None:\n",
        "        if run_ids is not None:\n",
        (f"{_FOLDERS_TESTS}::test_no_run_gets_a_folder_that_a_killed_command_has_left",),
        "a line that is typed again in the same second is refused, because a killed one has left a folder",
    ),
    Mutant(
        "daemon-called-late",
        "runforge/queue/submit.py",
        "            made = _make_sweep(journal, folders, plan, runs, submission, owner)\n        called = call(workspace)\n",
        "            made = _make_sweep(journal, folders, plan, runs, submission, owner)\n        called = None\n",
        (f"{_FOLDERS_TESTS}::test_the_daemon_is_called_before_anything_else_is_done",),
        "a run waits for what its command does after the commit",
    ),
    Mutant(
        "requests-not-synced",
        _FOLDERS,
        "        fsync_files(files, sync)\n",
        "",
        (_SYNCED,),
        "a power cut leaves queued runs without a request",
    ),
    Mutant(
        "run-folders-not-synced",
        _FOLDERS,
        "        fsync_dir(self._workspace.runs_dir)\n",
        "",
        (_SYNCED,),
        "a power cut leaves queued runs without a folder",
    ),
    Mutant(
        "group-folder-not-synced",
        _FOLDERS,
        "        fsync_dir(folder.parent)\n",
        "",
        (_SYNCED,),
        "a power cut takes the plan of a sweep",
    ),
    Mutant(
        "prune-by-a-stale-list",
        "runforge/queue/prune.py",
        "            old = _prunable(tx, before, seqs)\n            groups",
        '            old = [records.job(row) for row in tx.rows("jobs.window", seqs=json.dumps(list(seqs)))]\n'
        "            groups",
        ("tests/queue/test_prune.py::test_a_run_that_is_retried_meanwhile_is_kept_with_its_files",),
        "a run that was retried a moment ago is deleted",
    ),
    Mutant(
        "cancel-needs-a-daemon",
        "runforge/queue/cancel.py",
        '            write_atomic(folder / "cancel", b"", durable=False)\n',
        "            pass\n",
        ("tests/queue/test_cancel.py::test_the_file_that_the_supervisor_watches_is_left",),
        "without a daemon nothing can be canceled",
    ),
    Mutant(
        "file-not-synced",
        _DURABLE,
        "            if durable:\n                os.fsync(descriptor)\n            info",
        "            info",
        (_REPLACED,),
        "a power cut leaves empty files",
    ),
    Mutant(
        "name-not-synced",
        _DURABLE,
        "    if durable and sync_folder:\n",
        "    if not durable:\n",
        (_REPLACED,),
        "a power cut takes a file back",
    ),
    Mutant(
        "new-file-not-synced",
        _DURABLE,
        "        _write_all(descriptor, data, path)\n        if durable:\n            os.fsync(descriptor)\n    finally",
        "        _write_all(descriptor, data, path)\n    finally",
        ("tests/files/test_durable.py::test_a_new_file_is_on_disk_when_it_is_written",),
        "a power cut leaves empty files",
    ),
    Mutant(
        "tree-not-synced",
        _DURABLE,
        "    try:\n        os.fsync(descriptor)\n    except OSError as error:\n        return error.errno or errno.EIO\n",
        "",
        ("tests/supervise/test_attempts.py::test_what_a_run_leaves_is_on_disk_before_its_end_is",),
        "a power cut leaves a success with an empty model",
    ),
    Mutant(
        "syncs-not-waited-for",
        "runforge/files/together.py",
        "    while count:\n",
        "    while False:\n",
        ("tests/files/test_together.py::test_the_kernel_tells_of_each_file",),
        "a power cut leaves a success with an empty model",
    ),
    Mutant(
        "links-followed",
        "runforge/files/reading.py",
        "flags | os.O_NOFOLLOW | os.O_NONBLOCK",
        "flags | os.O_NONBLOCK",
        ("tests/files/test_durable.py::test_a_planted_link_is_replaced_and_never_read",),
        "a planted link has another file read or written",
    ),
    Mutant(
        "foreign-workspace-accepted",
        "runforge/workspace.py",
        "    if info.st_uid != os.geteuid():\n",
        "    if info.st_uid < 0:\n",
        ("tests/test_workspace.py::test_a_workspace_of_another_user_is_refused",),
        "another user decides what is executed as you",
    ),
    Mutant(
        "group-may-write-the-workspace",
        "runforge/workspace.py",
        "    if info.st_mode & 0o022:\n",
        "    if info.st_mode & 0o002:\n",
        ("tests/test_workspace.py::test_a_workspace_that_others_may_write_is_refused",),
        "everybody in your group decides what is executed as you",
    ),
    Mutant(
        "attempts-drawn-raw",
        "runforge/tui/run_info.py",
        "(safe(word, 300) for word in",
        "(word for word in",
        ("tests/tui/test_run_info.py::test_a_runs_past_is_harmless",),
        "an error message controls the terminal",
    ),
    Mutant(
        "timeline-drawn-raw",
        "runforge/tui/run_info.py",
        "{safe(str(why), 300)}",
        "{why}",
        ("tests/tui/test_run_info.py::test_a_runs_past_is_harmless",),
        "an error message controls the terminal",
    ),
    Mutant(
        "process-names-drawn-raw",
        _MACHINE,
        "{safe(process.name, 30)}",
        "{process.name}",
        (_HARMLESS,),
        "another user's program controls the terminal",
    ),
    Mutant(
        "driver-errors-drawn-raw",
        _MACHINE,
        'f"  {safe(machine.gpu_problem, 200)}\\n"',
        'f"  {machine.gpu_problem}\\n"',
        (_HARMLESS,),
        "a text from outside controls the terminal",
    ),
)
