"""Breaks of edits: of the compare-and-set, and of the request that takes another one's place."""

from __future__ import annotations

from gauntlets.mutant import Mutant

_SQL = "runforge/store/sql/jobs.sql"
_EDIT = "runforge/queue/edit.py"
_FILE = "runforge/documents/edited_request.py"
_TESTS = "tests/queue/test_edit.py"
_MEANWHILE = f"{_TESTS}::test_a_run_that_changes_between_reading_and_writing_stays"
_KILLED = f"{_TESTS}::test_a_kill_anywhere_leaves_the_old_runs_or_the_new_ones"
_MODEL = "tests/store/test_histories.py::test_a_long_history_of_waiting_is_what_the_model_says"

MUTANTS = (
    Mutant(
        "edit-of-a-run-that-was-edited",
        _SQL,
        "WHERE job_id = :job_id AND state = 'queued' AND version = :version;",
        "WHERE job_id = :job_id AND state = 'queued' AND :version >= 0;",
        (_MODEL,),
        "the later of two edits takes back what the other has changed",
    ),
    Mutant(
        "edit-of-a-run-that-was-started",
        _SQL,
        "WHERE job_id = :job_id AND state = 'queued' AND version = :version;",
        "WHERE job_id = :job_id AND version = :version;",
        (_MODEL,),
        "a run is called another one than it is",
    ),
    Mutant(
        "edit-does-not-look-again",
        _EDIT,
        "            reason = _why_not(job, plan.edit, plan.job.version) or _twin(tx, job, plan)\n",
        "            reason = None\n",
        (_MEANWHILE,),
        "one run that has started keeps all the others from being edited",
    ),
    Mutant(
        "edited-request-not-placed",
        _FILE,
        "            os.replace(new, folder / _NAME)\n",
        "            pass\n",
        (_KILLED,),
        "an edited run is refused at its launch",
    ),
    Mutant(
        "torn-request-placed",
        _FILE,
        "    if data is not None and sha256_of(data) == sha:\n",
        "    if data is not None:\n",
        (f"{_TESTS}::test_a_request_that_waits_beside_is_placed_only_if_it_is_whole",),
        "a file that is not the run's request takes the place of one that was",
    ),
    Mutant(
        "request-exchanged-too-early",
        _EDIT,
        "    edited_request.keep(workspace.root / plan.job.run_dir, plan.data)\n    failpoints",
        "    edited_request.keep(workspace.root / plan.job.run_dir, plan.data)\n"
        "    edited_request.place(workspace.root / plan.job.run_dir, digest(plan.data))\n    failpoints",
        (_KILLED,),
        "a killed edit leaves a run that the journal does not know",
    ),
    Mutant(
        "retry-forgets-a-killed-edit",
        "runforge/queue/taken_request.py",
        "request_file.read_of_run(workspace.root / job.run_dir, job.request_sha)",
        "request_file.read_of_run(workspace.root / job.run_dir, None)",
        (f"{_TESTS}::test_a_run_that_was_canceled_after_a_killed_edit_comes_back_as_edited",),
        "an edit that was acknowledged is taken back",
    ),
    Mutant(
        "launch-ignores-a-killed-edit",
        "runforge/backends/preparing.py",
        "request_file.read_of_run(run_dir, job.request_sha)",
        "request_file.read_of_run(run_dir, None)",
        ("tests/e2e/test_edit.py::test_a_launch_runs_what_the_journal_names",),
        "a run whose edit was killed is refused at its launch",
    ),
)
