"""Breaks in what runs attempts: attempts' files, supervisors, backends."""

from __future__ import annotations

from gauntlets.mutant import Mutant

_SUPERVISOR = "runforge/supervise/supervisor.py"
_STOPPING = "runforge/supervise/stopping.py"
_RECORD = "runforge/attempts/exit_record.py"
_MARKER = "runforge/attempts/start_marker.py"
_BACKEND = "runforge/backends/local/backend.py"
_ATTEMPTS = "tests/supervise/test_attempts.py"
_PROTOCOL = "tests/supervise/test_protocol.py"
_GRACE = "tests/supervise/test_grace.py"
_LOCAL = "tests/backends/test_local.py"

MUTANTS = (
    Mutant(
        "artifacts-left-to-a-retry",
        "runforge/attempts/build_spec.py",
        'OUTPUTS = ("logs.txt", "result.json", "metrics.jsonl", "sources.jsonl", "artifacts")',
        'OUTPUTS = ("logs.txt", "result.json", "metrics.jsonl", "sources.jsonl")',
        ("tests/attempts/test_outputs.py::test_everything_that_an_attempt_leaves_is_moved",),
        "a retry that fails shows the model of the attempt before",
    ),
    Mutant(
        "record-before-lock",
        "runforge/attempts/report.py",
        "    is_live = is_locked(attempt_dir / SUPERVISOR_LOCK)\n    record = exit_record.read(attempt_dir, token)\n",
        "    record = exit_record.read(attempt_dir, token)\n    is_live = is_locked(attempt_dir / SUPERVISOR_LOCK)\n",
        ("tests/attempts/test_report.py::test_a_supervisor_that_ends_between_two_looks_has_ended",),
        "a run that has just ended well is called lost and run again",
    ),
    Mutant(
        "unreadable-lock-is-free",
        "runforge/attempts/report.py",
        "            return False  # none of ours is there\n        raise\n",
        "            return False  # none of ours is there\n        return False\n",
        ("tests/attempts/test_unreadable.py::test_an_unreadable_file_postpones_the_judgement",),
        "a disk that fails for a moment has a run run twice",
    ),
    Mutant(
        "foreign-record-believed",
        _RECORD,
        'lambda fields: make(fields) if fields.text("token") == token else None',
        "make",
        (f"{_ATTEMPTS}::test_a_damaged_exit_record_is_no_outcome[foreign]",),
        "a job gets the outcome of an earlier life",
    ),
    Mutant(
        "torn-record-believed",
        "runforge/attempts/checked_line.py",
        "if int(checksum, 16) != zlib.crc32(body):",
        "if not checksum:",
        (f"{_ATTEMPTS}::test_a_damaged_exit_record_is_no_outcome[flipped]",),
        "a damaged record gives a job a false outcome",
    ),
    Mutant(
        "record-not-synced",
        _RECORD,
        "    os.pwrite(descriptor, _encoded(record), 0)\n    os.fsync(descriptor)\n",
        "    os.pwrite(descriptor, _encoded(record), 0)\n",
        (f"{_ATTEMPTS}::test_what_a_run_leaves_is_on_disk_before_its_end_is",),
        "a power cut takes an outcome",
    ),
    Mutant(
        "claim-has-two-winners",
        _MARKER,
        "_link_once(temporary, attempt_dir / NAME)",
        "os.replace(temporary, attempt_dir / NAME)",
        (f"{_ATTEMPTS}::test_a_claim_has_one_winner",),
        "one attempt is started twice",
    ),
    Mutant(
        "claim-not-synced",
        _MARKER,
        "        fsync_file(attempt_dir / NAME)\n",
        "        pass\n",
        ("tests/attempts/test_start_marker.py::test_a_claim_is_synced",),
        "after a power cut a run that had started starts again",
    ),
    Mutant(
        "closed-folder-not-synced",
        _MARKER,
        "    fsync_dir(attempt_dir.parent)\n    return True\n",
        "    return True\n",
        ("tests/attempts/test_start_marker.py::test_a_closed_folder_is_synced_where_it_lies",),
        "after a power cut a late launch starts beside the next attempt",
    ),
    Mutant(
        "stranger-killed-after-the-scan",
        "runforge/attempts/cleanup.py",
        "            if ticks is not None and os_process.is_marked(pid, token, lock, session):\n",
        "            if ticks is not None:\n",
        (f"{_PROTOCOL}::test_a_pid_that_passed_to_a_stranger_after_the_scan_is_spared",),
        "another program is killed, because a pid was used again",
    ),
    Mutant(
        "strangers-session-killed",
        "runforge/attempts/cleanup.py",
        "    return None if is_reused else session\n",
        "    return session\n",
        (f"{_PROTOCOL}::test_a_session_number_that_passed_to_a_stranger_is_spared",),
        "a login session is killed, because its number was used before",
    ),
    Mutant(
        "supervisors-lock-shared",
        "runforge/supervise/attempt_lock.py",
        "fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)",
        (f"{_PROTOCOL}::test_killed_before_its_claim_it_can_be_revoked_and_never_starts",),
        "a live run is taken for lost, killed and run again",
    ),
    Mutant(
        "forged-spec-run",
        _SUPERVISOR,
        "    if digest and hashlib.sha256(data).hexdigest() != digest:\n",
        "    if not data:\n",
        ("tests/supervise/test_changed_spec.py::test_a_spec_that_was_changed_starts_nothing",),
        "whoever may write the folder decides what is executed",
    ),
    Mutant(
        "logout-ends-supervisors",
        _SUPERVISOR,
        "        signal.signal(number, signal.SIG_IGN)\n",
        "        signal.signal(number, signal.SIG_DFL)\n",
        (f"{_ATTEMPTS}::test_a_supervisor_ignores_what_a_logout_sends",),
        "runs end with the terminal",
    ),
    Mutant(
        "leftovers-not-ended",
        _SUPERVISOR,
        "            if not self._workers.others(os_process.children()):\n                break\n",
        "            break\n",
        (f"{_ATTEMPTS}::test_what_the_run_leaves_behind_is_ended_and_cannot_hang_it",),
        "processes of ended runs keep the GPU",
    ),
    Mutant(
        "no-cont-on-cancel",
        _STOPPING,
        "os_process.send(pid, signal.SIGCONT)",
        "os_process.send(pid, 0)",
        (f"{_GRACE}::test_a_frozen_run_can_save",),
        "a run that stands still cannot save before it is killed",
    ),
    Mutant(
        "told-twice",
        _STOPPING,
        "if told not in self._told and os_process.send(pid, number):",
        "if os_process.send(pid, number):",
        (f"{_GRACE}::test_at_half_the_grace_the_tree_is_told_and_at_its_end_it_is_killed",),
        "a program takes the second TERM for: leave without saving",
    ),
    Mutant(
        "late-supervisor-writes",
        "runforge/supervise/ownership.py",
        "return is_locked and self._is_claimed() and self._later_attempts() <= self._known",
        "return True",
        ("tests/supervise/test_late_supervisor.py::test_what_the_next_attempt_wrote_stays",),
        "a supervisor that slept overwrites the next attempt's result",
    ),
    Mutant(
        "dead-zygotes-attempts-forgotten",
        _BACKEND,
        "            if watched is not None:\n                watched.is_launching = False\n",
        "            if watched is None:\n                continue\n",
        (f"{_LOCAL}::test_an_attempt_that_a_dead_zygote_was_asked_for_is_judged",),
        "a run stays running for ever",
    ),
    Mutant(
        "cancel-lost-on-a-full-disk",
        "runforge/backends/acting.py",
        "NotADirectoryError):\n        return True\n    except OSError:\n        return False\n",
        "NotADirectoryError):\n        return True\n    except OSError:\n        return True\n",
        (f"{_LOCAL}::test_a_cancel_that_the_disk_had_no_room_for_is_delivered_later",),
        "a canceled run goes on to its end",
    ),
    Mutant(
        "adopted-by-pid-alone",
        _BACKEND,
        "        is_it = os_process.start_ticks(owner.pid) == owner.start_ticks\n",
        "        is_it = True\n",
        (f"{_LOCAL}::test_a_stranger_with_the_pid_of_a_supervisor_is_not_waited_for",),
        "a run is running as long as some other program is",
    ),
    Mutant(
        "lost-supervisor-not-swept",
        _BACKEND,
        "        session = owner.pid if owner is not None and owner.boot_id == os_process.boot_id() else None\n",
        "        session = None\n",
        (f"{_LOCAL}::test_a_lost_attempt_is_swept_with_the_supervisor_that_nobody_can_trust",),
        "two attempts of a run live at once",
    ),
    Mutant(
        "frozen-strangers-killed",
        "runforge/backends/local/frozen.py",
        "        and os_process.start_ticks(owner.pid) == owner.start_ticks\n",
        "",
        ("tests/backends/test_frozen.py::test_a_stranger_with_the_number_of_a_supervisor_is_spared",),
        "another program that stands still is killed",
    ),
)
