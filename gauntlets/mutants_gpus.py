"""Breaks of how GPUs are given: what is whole, what is shared, what is kept, and what is put aside."""

from __future__ import annotations

from gauntlets.mutant import Mutant

_RULES = "runforge/core/devices.py"
_DEVICES = "tests/core/test_devices.py"
_JOURNAL = "tests/store/test_devices.py"

MUTANTS = (
    Mutant(
        "strangers-memory-leased",
        _RULES,
        "- KEPT_FREE_MB - self.foreign_mb - self.leased_mb",
        "- KEPT_FREE_MB - self.leased_mb",
        (f"{_DEVICES}::test_no_device_is_given_above_its_memory_or_whole_to_two",),
        "a run is put where somebody else needs the memory",
    ),
    Mutant(
        "unknown-is-free",
        _RULES,
        "if self.is_whole or self.is_held or not self.is_known or not self.memory_mb:",
        "if self.is_whole or self.is_held or not self.memory_mb:",
        (f"{_DEVICES}::test_no_device_is_given_above_its_memory_or_whole_to_two",),
        "a device that cannot be seen is shared",
    ),
    Mutant(
        "only-what-was-asked-counts",
        _RULES,
        "max(share or 0, used_by.get(job_id, 0))",
        "(share or 0)",
        (f"{_JOURNAL}::test_what_a_run_uses_counts_if_it_is_more_than_it_said",),
        "a run that uses more than it said makes its neighbour fail",
    ),
    Mutant(
        "journal-overbooks",
        "runforge/store/migrations/004_care.sql",
        "WHEN NEW.share_mb > 0 AND NEW.share_mb + ",
        "WHEN NEW.share_mb < 0 AND NEW.share_mb + ",
        (f"{_JOURNAL}::test_the_journal_refuses_to_lease_a_device_above_its_memory",),
        "the database accepts more than a device has",
    ),
    Mutant(
        "nothing-kept-for-large-runs",
        "runforge/daemon/patience.py",
        "if now - since >= self._seconds and",
        "if now - since >= 1e9 and",
        (f"{_JOURNAL}::test_after_ten_minutes_devices_are_kept_for_a_large_run",),
        "a run of several GPUs waits for ever behind small ones",
    ),
    Mutant(
        "pins-forgotten",
        _RULES,
        "if not wanted or device.uuid in wanted]",
        "if device.uuid]",
        (f"{_DEVICES}::test_a_run_with_pins_has_no_other_device",),
        "a run gets another GPU than it asked for",
    ),
    Mutant(
        "same-share-after-oom",
        "runforge/store/transitions.py",
        "    if again.is_whole:\n",
        "    if False:\n",
        (f"{_JOURNAL}::test_the_next_attempt_after_a_full_device_has_a_whole_one_or_another",),
        "a run that was out of GPU memory gets as little again",
    ),
    Mutant(
        "quarantine-counts-attempts",
        "runforge/store/quarantine.py",
        '        runs.add(row["run_id"])\n',
        "        runs.add(str(len(runs)))\n",
        (f"{_JOURNAL}::test_one_run_that_fails_three_times_puts_nothing_aside",),
        "one bad run takes a GPU from everybody",
    ),
    Mutant(
        "learned-from-other-values",
        "runforge/store/learned.py",
        'if seen and _without_seeds(row["overrides"]) == same:',
        "if seen:",
        (f"{_JOURNAL}::test_memory_is_learned_from_runs_of_the_same_recipe_and_values",),
        "a run with a larger batch gets the memory of a smaller one",
    ),
)
