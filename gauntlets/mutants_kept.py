"""Breaks in what keeps a worker's runs apart: each lets something of one run into the next."""

from __future__ import annotations

from gauntlets.mutant import Mutant

_RESTING = "runforge/supervise/resting.py"
_TESTS = "tests/supervise/test_kept_worker.py"
_NEXT = f"{_TESTS}::test_nothing_of_a_run_reaches_the_next"

MUTANTS = (
    Mutant(
        "poisoned-modules-kept",
        _RESTING,
        "self._look() == self._settings and self._kept.objects.are_the_same()",
        "self._look() == self._settings",
        (f"{_NEXT}[a module's name]", f"{_NEXT}[a poisoned builtin]"),
        "what one run has done to a library decides the next one's result",
    ),
    Mutant(
        "changed-settings-kept",
        _RESTING,
        "        return (*fingerprint.settings(self._status), self._kept.libraries())\n",
        "        return ()\n",
        (f"{_NEXT}[NumPy's errors]", f"{_NEXT}[a handler of a signal]"),
        "a setting of one run decides the next one's result",
    ),
    Mutant(
        "busy-worker-kept",
        _RESTING,
        "not os_process.children() and self._status",
        "self._status",
        (f"{_TESTS}::test_what_a_run_leaves_running_ends_with_it",),
        "a program that one run has started goes on beside the next",
    ),
    Mutant(
        "changes-not-counted",
        "runforge/supervise/changed_dicts.py",
        "if new != old]",
        "if new < old]",
        (f"{_NEXT}[a module's name]", f"{_NEXT}[a poisoned builtin]"),
        "what one run has done to a library decides the next one's result",
    ),
    Mutant(
        "kept-for-ever",
        _RESTING,
        "self._runs >= _MOST_RUNS",
        "self._runs < 0",
        (f"{_TESTS}::test_a_worker_ends_after_some_runs",),
        "what no check sees adds up",
    ),
    Mutant(
        "grown-worker-kept",
        _RESTING,
        ' or self._has_grown(self._status.kilobytes("RssAnon"))',
        "",
        (f"{_NEXT}[much memory]",),
        "memory is full after a long sweep",
    ),
    Mutant(
        "failed-worker-kept",
        "runforge/supervise/worker_process.py",
        "if resting is not None and code == 0 else None",
        "if resting is not None else None",
        (f"{_TESTS}::test_a_run_that_failed_is_the_last_of_its_worker",),
        "a failed run counts as a success",
    ),
    Mutant(
        "signalled-worker-kept",
        "runforge/supervise/supervisor.py",
        "        if self._wishes.has_acted:\n            self._workers.dismiss()\n",
        "",
        (f"{_TESTS}::test_a_run_that_was_frozen_is_the_last_of_its_worker",),
        "a signal for one run ends the next",
    ),
    Mutant(
        "own-environment-shared",
        "runforge/supervise/kept.py",
        "            and spec.environment == DAEMONS\n",
        "",
        (f"{_TESTS}::test_a_run_with_an_environment_or_a_device_of_its_own_has_a_process_of_its_own",),
        "a secret of one run is in the memory of the next",
    ),
    Mutant(
        "earlier-runs-charged",
        "runforge/supervise/workers.py",
        "        return self._charged\n",
        "        return 0.0\n",
        (f"{_TESTS}::test_what_a_run_has_used_is_its_own",),
        "a run is said to have used what others did",
    ),
    Mutant(
        "changed-data-kept",
        "runforge/training/prepared.py",
        "info.st_mtime_ns, info.st_ctime_ns\n",
        "info.st_mtime_ns\n",
        ("tests/training/test_prepared.py::test_a_file_that_was_changed_is_read_again",),
        "a run trains on data that are not there any more",
    ),
)
