"""Breaks of what waits: edges between runs, retries, limits, the order."""

from __future__ import annotations

from gauntlets.mutant import Mutant

_EDGES = "runforge/store/edges.py"
_MOVES = "runforge/store/transitions.py"
_TESTS = "tests/store/test_edges.py"
_RETRYING = "runforge/core/retrying.py"

MUTANTS = (
    Mutant(
        "group-never-settles-for-children",
        _MOVES,
        '        if row["is_group_awaited"]:\n',
        "        if False:\n",
        (f"{_TESTS}::test_a_group_counts_when_it_settles",),
        "what waits for a sweep waits for ever",
    ),
    Mutant(
        "revival-stops-after-the-first",
        _MOVES,
        "    while back:\n",
        "    if back:\n",
        (f"{_TESTS}::test_a_parent_that_is_retried_brings_back_what_was_canceled_because_of_it",),
        "a retried run leaves behind what waited for it",
    ),
    Mutant(
        "circles-accepted",
        _EDGES,
        "    _refuse_circles(tx, job)\n",
        "",
        (f"{_TESTS}::test_runs_never_wait_in_a_circle",),
        "two runs wait for each other for ever",
    ),
    Mutant(
        "any-without-a-start",
        "runforge/core/dependencies.py",
        "condition == Condition.FAIL else had_started",
        "condition == Condition.FAIL else True",
        (f"{_TESTS}::test_any_wants_a_parent_that_had_started",),
        "a run starts after one that never ran",
    ),
    Mutant(
        "forgotten-parent-still-awaited",
        _EDGES,
        '    tx.run("edges.forget_parent", parent=parent_id)\n',
        "",
        (f"{_TESTS}::test_nobody_waits_for_a_run_or_group_that_is_forgotten",),
        "a run waits for one that is gone",
    ),
    Mutant(
        "group-limit-ignored",
        "runforge/queue/limit.py",
        "run_limit=run_limit, now",
        "run_limit=None, now",
        ("tests/queue/test_waiting_runs.py::test_a_limit_that_is_changed_holds_for_the_runs_that_go_on",),
        "a sweep takes more of the machine than its owner allowed",
    ),
    Mutant(
        "cancel-tried-again",
        _RETRYING,
        "or job.cancel_requested or",
        "or",
        ("tests/core/test_retrying.py::test_a_cancel_wins",),
        "a run that was canceled starts again",
    ),
    Mutant(
        "retries-without-end",
        _RETRYING,
        "    if used[number] >= rules[number].times:\n        return None\n",
        "",
        (
            "tests/core/test_retrying.py::test_the_first_rule_that_names_the_cause_decides_and_each_counts_its_own_uses",
        ),
        "a run that cannot succeed is started for ever",
    ),
    Mutant(
        "later-runs-unheard",
        "runforge/daemon/engine.py",
        "            self._delays.load(tx)  # somebody may have queued a run for later\n",
        "",
        ("tests/daemon/test_tried_again.py::test_a_daemon_that_has_nothing_to_do_hears_of_a_run_for_later",),
        "a run that was to start at ten starts when something else ends",
    ),
    Mutant(
        "no-room-in-the-order",
        "runforge/queue/move.py",
        "    if step <= max(abs(low), abs(high), 1.0) * _CLOSEST:\n",
        "    if step < 0:\n",
        ("tests/queue/test_waiting_runs.py::test_ten_thousand_moves_to_one_place",),
        "runs that were moved often stand in any order",
    ),
)
