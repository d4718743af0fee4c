"""Breaks of the journal."""

from __future__ import annotations

from gauntlets.mutant import Mutant

_JOURNAL = "runforge/store/journal.py"
_MOVES = "runforge/store/transitions.py"
_TESTS = "tests/store/test_journal.py"
_REPLACED = "tests/faults/test_replaced_journal.py"

MUTANTS = (
    Mutant(
        "checkpoint-without-lock",
        _JOURNAL,
        'failpoints.hit("checkpoint.before")\n        with self.locked(), explained(self._path):',
        'failpoints.hit("checkpoint.before")\n        with explained(self._path):',
        ("tests/store/test_writer_lock.py::test_a_checkpoint_waits_for_the_writers_lock",),
        "older SQLite can lose a commit beside a checkpoint",
    ),
    Mutant(
        "commit-not-synced",
        "runforge/store/sqlite.py",
        "PRAGMA synchronous=FULL",
        "PRAGMA synchronous=NORMAL",
        ("tests/store/test_sqlite.py::test_a_commit_is_on_disk_and_nobody_folds_the_wal_back_unasked",),
        "a power cut takes runs that were acknowledged",
    ),
    Mutant(
        "write-without-lock",
        _JOURNAL,
        'failpoints.hit("tx.before")\n        with self.locked(), explained(self._path):',
        'failpoints.hit("tx.before")\n        with explained(self._path):',
        ("tests/store/test_writer_lock.py::test_a_write_waits_for_the_writers_lock",),
        "writers starve one another",
    ),
    Mutant(
        "epoch-not-checked",
        _JOURNAL,
        "_check_epoch(transaction, epoch)\n",
        "_check_epoch(transaction, None)\n",
        (f"{_TESTS}::test_a_stale_daemon_is_fenced",),
        "a daemon that was taken over goes on writing",
    ),
    Mutant(
        "failed-write-kept",
        _JOURNAL,
        'self._connection.execute("ROLLBACK")',
        'self._connection.execute("COMMIT")',
        (f"{_TESTS}::test_a_transaction_that_fails_leaves_nothing",),
        "half a change stays in the queue",
    ),
    Mutant(
        "written-beside-the-journal",
        _JOURNAL,
        '        if self.is_replaced():\n            raise JournalReplaced(\n                "the journal was deleted',
        '        if False:\n            raise JournalReplaced(\n                "the journal was deleted',
        (f"{_REPLACED}::test_nobody_writes_into_a_file_that_is_not_the_journal_any_more",),
        "what is enqueued goes into a file that nobody opens",
    ),
    Mutant(
        "foreign-wal-replayed",
        "runforge/store/which_file.py",
        "    if not is_other(workspace):\n        return\n",
        "    return\n",
        (f"{_REPLACED}::test_the_wal_of_the_old_file_is_not_replayed_into_the_new_one",),
        "a backup that is put back is destroyed",
    ),
    Mutant(
        "missing-journal-made-anew",
        "runforge/store/opening.py",
        "    try:\n        traces.require_none(workspace)\n    except JournalMissing:\n",
        "    try:\n        pass\n    except JournalMissing:\n",
        ("tests/faults/test_missing_journal.py::test_each_trace_alone_tells_that_there_was_one",),
        "a deleted queue is replaced by an empty one, without a word",
    ),
    Mutant(
        "migrated-without-a-backup",
        "runforge/store/migrate.py",
        'backup.copy(connection, path.with_name(f"{path.name}.bak-{before}"))',
        "backup.copy",
        ("tests/store/test_versions.py::test_the_backup_is_the_journal_of_version_1",),
        "no way back from a new version",
    ),
    Mutant(
        "moves-not-guarded",
        _MOVES,
        "    if changed != 1:\n",
        "    if changed > 1:\n",
        (
            f"{_TESTS}::test_a_claim_is_won_once_and_slots_are_given_once",
            f"{_TESTS}::test_a_late_end_of_an_earlier_attempt_changes_nothing",
        ),
        "an attempt that is over changes the outcome of the next one",
    ),
    Mutant(
        "slot-given-twice",
        "runforge/store/migrations/007_pages.sql",
        "CREATE UNIQUE INDEX slots_in_use",
        "CREATE INDEX slots_in_use",
        (f"{_TESTS}::test_a_claim_is_won_once_and_slots_are_given_once",),
        "more runs go on than there are slots",
    ),
    Mutant(
        "postponed-counts-as-lost",
        _MOVES,
        "lost=int(ending.cause not in FREE)",
        "lost=1",
        ("tests/faults/test_refusals.py::test_a_postponed_attempt_costs_none_of_the_jobs_chances",),
        "a full machine fails the jobs that wait for it",
    ),
    Mutant(
        "fail-fast-forgotten",
        _MOVES,
        "    if not group.fail_fast:\n",
        "    if group.fail_fast:\n",
        (f"{_TESTS}::test_a_failed_run_fails_its_group_fast",),
        "a plan's fail_fast does nothing",
    ),
)
