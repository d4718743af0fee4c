"""Breaks of the rules that stop runs of a sweep early."""

from __future__ import annotations

from gauntlets.mutant import Mutant

_RULES = "runforge/core/stop_rules.py"
_WATCH = "runforge/daemon/stop_watch.py"
_TESTS = "tests/core/test_stop_rules.py"
_WATCH_TESTS = "tests/daemon/test_stop_watch.py"
_MEDIAN = (f"{_TESTS}::test_median_by_hand",)
_RUNGS = (f"{_TESTS}::test_asha_has_rungs_and_judges_each_once",)
_SUCCEEDED = (f"{_WATCH_TESTS}::test_median_compares_with_the_runs_that_have_succeeded_alone",)
_SILENT = (
    f"{_WATCH_TESTS}::test_a_run_that_reports_nothing_more_is_stopped_once_another_reaches_the_target",
)

MUTANTS = (
    Mutant(
        "median-of-too-few",
        _RULES,
        "MEDIAN_RUNS, MEDIAN_VALUES = 5, 3",
        "MEDIAN_RUNS, MEDIAN_VALUES = 5, 1",
        _MEDIAN,
        "a run is stopped because of a single other run",
    ),
    Mutant(
        "median-by-the-last-value",
        _RULES,
        "best, threshold = best_of([value for _, value in curve], direction), _middle(known)",
        "best, threshold = curve[-1][1], _middle(known)",
        _MEDIAN,
        "one bad value stops a good run",
    ),
    Mutant(
        "median-without-warm-up",
        _RULES,
        "    if step < MEDIAN_WARM_UP * length:\n",
        "    if step < 0:\n",
        (f"{_TESTS}::test_median_decides_nothing_in_the_first_tenth",),
        "a run is stopped by its first values",
    ),
    Mutant(
        "median-of-all-runs",
        _RULES,
        "return _median(direction, curve, finished)",
        "return _median(direction, curve, others)",
        _SUCCEEDED,
        "stopped runs make the rule milder and milder",
    ),
    Mutant(
        "direction-ignored",
        _RULES,
        "return value > than if direction == MINIMIZE else value < than",
        "return value > than",
        _MEDIAN,
        "a sweep that maximizes stops its best runs",
    ),
    Mutant(
        "equal-is-worse",
        _RULES,
        "return value > than if direction == MINIMIZE else value < than",
        "return value >= than if direction == MINIMIZE else value <= than",
        _MEDIAN,
        "of runs that are equally good none goes on",
    ),
    Mutant(
        "diverged-goes-on",
        _RULES,
        "    if math.isnan(value):\n        return True\n",
        "    if math.isnan(value):\n        return False\n",
        _MEDIAN,
        "a run whose loss is NaN takes its slot to the end",
    ),
    Mutant(
        "rung-judged-again",
        _RULES,
        "    if since >= rung:\n        return None\n",
        "",
        _RUNGS,
        "runs are stopped long after they have passed their rung",
    ),
    Mutant(
        "highest-rung-left-out",
        _RULES,
        "while rung * rule.eta <= step",
        "while rung * rule.eta < step",
        _RUNGS,
        "runs are stopped later than asha says",
    ),
    Mutant(
        "asha-lets-one-more-go-on",
        _RULES,
        "there[max(len(there) // rule.eta, 1) - 1]",
        "there[min(len(there) // rule.eta, len(there) - 1)]",
        (f"{_TESTS}::test_asha_lets_a_third_go_on",),
        "a sweep spends its time on runs that asha stops",
    ),
    Mutant(
        "value-after-the-rung",
        _RULES,
        "bisect.bisect_left(curve, rung, key=_step)",
        "bisect.bisect_right(curve, rung, key=_step)",
        (f"{_TESTS}::test_asha_takes_the_first_value_at_or_above_the_rung",),
        "runs are compared at different steps",
    ),
    Mutant(
        "target-stops-its-own-run",
        _RULES,
        "        return None  # it has reached the target itself\n",
        "        pass\n",
        (f"{_TESTS}::test_target_stops_the_others",),
        "the run that has reached the target is stopped",
    ),
    Mutant(
        "patience-one-more",
        _RULES,
        "if since >= rule.number else None",
        "if since > rule.number else None",
        (f"{_TESTS}::test_patience_counts_values_without_a_new_best",),
        "a run goes on for longer than it was given",
    ),
    Mutant(
        "stopped-runs-are-references",
        _WATCH,
        ' if row["state"] == State.SUCCEEDED.value]',
        "]",
        _SUCCEEDED,
        "stopped runs make the rule milder and milder",
    ),
    Mutant(
        "compared-with-itself",
        _WATCH,
        " if job_id != own)]",
        ")]",
        (f"{_WATCH_TESTS}::test_a_run_is_not_compared_with_itself",),
        "a run counts twice on its rung",
    ),
    Mutant(
        "unread-sweep-left-alone",
        _WATCH,
        "            self._next = self._clock.monotonic() + _AGAIN_SECONDS\n",
        "",
        (f"{_WATCH_TESTS}::test_a_sweep_of_which_not_all_curves_are_read_is_looked_at_again_soon",),
        "after a restart nothing of a large sweep is stopped for minutes",
    ),
    Mutant(
        "silent-run-misses-the-target",
        _WATCH,
        "(curve[-1][0] == since and rule.kind != stop_rules.TARGET)",
        "curve[-1][0] == since",
        _SILENT,
        "a run that reports nothing more runs on after its sweep has reached the target",
    ),
    Mutant(
        "target-leaves-the-queue",
        _WATCH,
        "                _close(tx, job.group_id, now)\n",
        "                pass\n",
        _SILENT,
        "a sweep that has reached its target starts the next run",
    ),
    Mutant(
        "judged-before-it-is-written",
        _WATCH,
        "            verdict = stop_rules.decide(",
        "            self._judged[own] = curve[-1][0]\n            verdict = stop_rules.decide(",
        (f"{_WATCH_TESTS}::test_a_verdict_that_a_full_disk_kept_out_is_given_at_the_next_look",),
        "after a full disk a run that was to be stopped runs on",
    ),
    Mutant(
        "rule-given-later-unheard",
        _WATCH,
        "return version in {self._seen, (self._ruleless, version[1])}",
        "return version == self._seen or self._ruleless is not None",
        (f"{_WATCH_TESTS}::test_without_a_rule_it_sleeps_until_another_process_writes",),
        "`edit --stop` does nothing for a sweep that runs",
    ),
    Mutant(
        "verdict-over-a-cancel",
        "runforge/store/sql/jobs.sql",
        "AND state = 'running' AND cancel_requested = 0 AND stop_reason IS NULL;",
        "AND state = 'running' AND stop_reason IS NULL;",
        (f"{_WATCH_TESTS}::test_a_run_that_a_person_cancels_gets_no_verdict",),
        "a run that a person canceled is said to be stopped by a rule",
    ),
    Mutant(
        "extended-sweep-loses-its-rule",
        "runforge/queue/studies.py",
        "stop=before.stop if study.stop == NO_RULE else study.stop,",
        "stop=study.stop,",
        ("tests/queue/test_sweeps.py::test_a_sweep_keeps_its_stop_rule_until_another_is_asked_for",),
        "a sweep that is extended stops no run any more",
    ),
    Mutant(
        "stopped-run-queued-again",
        "runforge/core/policy.py",
        "        return Ending(State.CANCELED, Cause.STOPPED_EARLY, words)\n",
        "        return ending\n",
        ("tests/core/test_policy.py::test_a_run_that_is_lost_while_it_is_stopped_is_not_queued_again",),
        "a run that its rule has stopped starts again after a crash",
    ),
    Mutant(
        "stopped-trial-forgotten",
        "runforge/queue/suggesting.py",
        "        return {**told, **_stopped(row)} if has_shown_something else None\n",
        "        return None\n",
        ("tests/daemon/test_sampling.py::test_what_the_runs_have_shown_is_told",),
        "TPE learns nothing from the runs that were stopped, and suggests their like again",
    ),
)
