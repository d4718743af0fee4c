"""Breaks of the daemon and of the rules by which it decides."""

from __future__ import annotations

from gauntlets.mutant import Mutant

_LOCK = "tests/daemon/test_lock.py"
_LOCAL = "tests/backends/test_local.py"
_POLICY = "runforge/core/policy.py"

MUTANTS = (
    Mutant(
        "lock-not-looked-at",
        "runforge/daemon/loop.py",
        "        if not self._lock.is_ours():\n",
        "        if self._lock is None:\n",
        (f"{_LOCK}::test_a_daemon_whose_lock_is_not_its_own_any_more_ends",),
        "two daemons think that the queue is theirs",
    ),
    Mutant(
        "another-file-taken-for-the-lock",
        "runforge/daemon/lock.py",
        "            if not lock.is_ours():  # the file",
        "            if lock is None:  # the file",
        (f"{_LOCK}::test_a_lock_file_that_is_replaced_while_it_is_taken_is_not_taken_for_the_lock",),
        "a daemon starts beside another",
    ),
    Mutant(
        "lock-told-by-its-name",
        "runforge/daemon/lock.py",
        "return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)",
        "return there.st_dev == held.st_dev",
        (f"{_LOCK}::test_a_daemon_whose_lock_is_not_its_own_any_more_ends[replaced]",),
        "two daemons think that the queue is theirs",
    ),
    Mutant(
        "holder-told-by-pid-alone",
        "runforge/daemon/replace.py",
        "        and os_process.start_ticks(holder.pid) == row.start_ticks\n",
        "",
        (f"{_LOCK}::test_a_holder_that_started_at_another_time_than_the_daemon_is_not_signalled",),
        "`daemon --replace` kills another program",
    ),
    Mutant(
        "undelivered-cancel-forgotten",
        "runforge/daemon/orders.py",
        "        if all(told):",
        "        if told is not None:",
        ("tests/backends/test_local.py::test_a_cancel_that_the_disk_had_no_room_for_is_delivered_later",),
        "a canceled run goes on to its end",
    ),
    Mutant(
        "unseen-is-an-ending",
        "runforge/daemon/engine.py",
        "        except OSError as error:\n            # Nothing can be read",
        "        except BlockingIOError as error:\n            # Nothing can be read",
        ("tests/daemon/test_engine.py::test_a_run_that_cannot_be_judged_now_holds_up_no_other",),
        "one run that cannot be read now stops the queue",
    ),
    Mutant(
        "canceled-run-queued-again",
        _POLICY,
        "    if ending.state is State.QUEUED and job.cancel_requested:\n",
        "    if ending.state is State.QUEUED and job.cancel_requested is None:\n",
        ("tests/core/test_policy.py::test_a_run_that_was_canceled_meanwhile_is_not_queued_again",),
        "a canceled run is started again",
    ),
    Mutant(
        "lost-not-cleaned-up",
        _POLICY,
        "Decision((Act.CLEAN_UP, *closing, Act.LEAVE_RESULT), ending)",
        "Decision((*closing, Act.LEAVE_RESULT), ending)",
        ("tests/core/test_policy.py::test_what_is_lost_is_killed_before_its_end_counts",),
        "two attempts of a run live at once",
    ),
    Mutant(
        "unclaimed-not-revoked",
        _POLICY,
        "        return Decision((Act.REVOKE,))\n",
        "        return _unstarted(report, job, past)\n",
        ("tests/core/test_policy.py::test_what_lives_is_left_alone_and_what_nobody_claimed_is_closed_first",),
        "a late supervisor starts beside the next attempt",
    ),
    Mutant(
        "success-without-a-result",
        _POLICY,
        '    if result.status != "succeeded":\n',
        '    if result.status == "":\n',
        ("tests/core/test_policy.py::test_an_exit_record_decides",),
        "a run that failed is called a success",
    ),
)
