"""The protocol at its edges: kills between two steps, damaged files, strangers that must be spared."""

from __future__ import annotations

import contextlib
import fcntl
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runforge.attempts import cleanup, exit_record, report, start_marker
from runforge.backends.local.zygote_client import ZygoteClient
from runforge.core.outcome import ExitRecord, Finding
from runforge.machine import os_process
from runforge.supervise.log_pump import LogPump
from runforge.supervise.supervisor import supervise
from tests.conftest import wait_until
from tests.supervise.kit import Attempt, in_child, replies

TOKEN = "a" * 32


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def record(message: str | None = None) -> ExitRecord:
    now = "2026-01-01T00:00:00.000Z"
    return ExitRecord(TOKEN, 127, None, False, False, message, now, now, 1, 2, 3)


# --- the exit record ---------------------------------------------------------------------------


@pytest.mark.parametrize("letter", ["x", '"', "é", "\udc80", "😀"])
def test_a_record_with_any_message_can_be_read(tmp_path: Path, letter: str) -> None:
    descriptor = exit_record.preallocate(tmp_path)
    exit_record.write(descriptor, record(letter * 5000 + ": the reason"))
    os.close(descriptor)
    found = exit_record.read(tmp_path, TOKEN)
    assert found is not None
    assert found.spawn_error is not None
    assert found.spawn_error.startswith(letter)
    assert found.spawn_error.endswith(": the reason")


def test_a_record_needs_no_room_at_the_end(tmp_path: Path) -> None:
    descriptor = exit_record.preallocate(tmp_path)
    os.fsync(descriptor)
    before = os.fstat(descriptor)
    exit_record.write(descriptor, record())
    after = os.stat(tmp_path / exit_record.NAME)
    os.close(descriptor)
    assert (after.st_ino, after.st_size, after.st_blocks) == (before.st_ino, 4096, before.st_blocks)


@pytest.mark.parametrize("name", [exit_record.NAME, start_marker.NAME])
@pytest.mark.parametrize("plant", [os.mkfifo, os.mkdir, lambda path: os.symlink("/etc/passwd", path)])
def test_what_is_no_file_is_no_outcome(tmp_path: Path, name: str, plant: Callable[[Path], None]) -> None:
    plant(tmp_path / name)
    assert report.find(tmp_path, TOKEN)[0] in {Finding.UNCLAIMED, Finding.LOST}


# --- the start marker -------------------------------------------------------------------------


def _race(folder: Path, gate: Any, wins: Any, number: int) -> None:
    gate.wait()
    wins.put((start_marker.claim if number % 2 else start_marker.revoke)(folder, TOKEN))


def test_of_64_processes_one_wins(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    gate, wins = fork.Barrier(64), fork.SimpleQueue()
    racers = [fork.Process(target=_race, args=(tmp_path, gate, wins, n)) for n in range(64)]
    for racer in racers:
        racer.start()
    results = [wins.get() for _ in racers]
    for racer in racers:
        racer.join()
    assert results.count(True) == 1
    assert os.listdir(tmp_path) == [start_marker.NAME]


@pytest.mark.parametrize("text", ["", "garbage", "[]", '{"kind": "started"}'])
def test_a_damaged_claim_is_lost_and_not_judged_for_ever(tmp_path: Path, text: str) -> None:
    (tmp_path / start_marker.NAME).write_text(text)
    assert not start_marker.revoke(tmp_path, TOKEN)
    assert report.find(tmp_path, TOKEN)[0] is Finding.LOST


def test_a_claim_of_another_token_is_of_an_earlier_life(tmp_path: Path) -> None:
    assert start_marker.claim(tmp_path, "b" * 32)
    assert report.find(tmp_path, TOKEN)[0] is Finding.EARLIER


# --- the lock ----------------------------------------------------------------------------------


def test_asking_whether_it_lives_keeps_no_supervisor_from_starting(attempt: Attempt) -> None:
    lock = os.open(attempt.folder / report.SUPERVISOR_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_SH)
    attempt.start("print('ran')")
    wait_until(lambda: _waits_for(attempt.pid, attempt.folder), "the supervisor tries for its lock")
    fcntl.flock(lock, fcntl.LOCK_UN)  # the child has the same open file: a close would not unlock it
    os.close(lock)
    found = attempt.wait()
    assert found is not None
    assert found.exit_code == 0


def _waits_for(pid: int, folder: Path) -> bool:
    links = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            links.append(os.readlink(f"/proc/{pid}/fd/{name}"))
    return links.count(str(folder / report.SUPERVISOR_LOCK)) == 2  # the inherited one and its own


# --- kills between two steps -------------------------------------------------------------------


def start_stuck_in(attempt: Attempt, patched: tuple[Any, str], *, after: bool = False) -> None:
    """Start a supervisor that stops at one step, before or after it, and says so."""
    module, name = patched
    step = getattr(module, name)
    reached, tell = os.pipe()

    def stuck(*arguments: Any) -> Any:
        if after:
            step(*arguments)
        os.write(tell, b".")
        while True:
            signal.pause()

    attempt.spec([sys.executable, "-c", "print('ran')"])

    def run() -> None:
        os.setsid()
        setattr(module, name, stuck)
        supervise(attempt.folder / "spec.json")

    attempt.pid = in_child(run)
    os.close(tell)
    assert os.read(reached, 1) == b"."
    os.close(reached)


def test_killed_before_its_claim_it_can_be_revoked_and_never_starts(attempt: Attempt) -> None:
    start_stuck_in(attempt, (start_marker, "claim"))
    assert attempt.finding() is Finding.LIVE
    attempt.kill_supervisor()
    assert attempt.finding() is Finding.UNCLAIMED
    assert start_marker.revoke(attempt.folder, attempt.token)
    assert attempt.finding() is Finding.REVOKED
    assert attempt.log == ""


def test_killed_after_its_claim_it_is_lost(attempt: Attempt) -> None:
    start_stuck_in(attempt, (start_marker, "claim"), after=True)
    attempt.kill_supervisor()
    assert attempt.finding() is Finding.LOST
    assert attempt.log == ""


def test_killed_before_its_record_it_is_lost_though_the_run_went_well(attempt: Attempt) -> None:
    start_stuck_in(attempt, (exit_record, "write"))
    assert attempt.log == "hello\nran\n"
    attempt.kill_supervisor()
    assert attempt.finding() is Finding.LOST


def test_killed_after_its_record_it_has_ended(attempt: Attempt) -> None:
    start_stuck_in(attempt, (exit_record, "write"), after=True)
    attempt.kill_supervisor()
    finding, record = report.find(attempt.folder, attempt.token)
    assert finding is Finding.ENDED
    assert record is not None
    assert record.exit_code == 0


# --- sweeping ----------------------------------------------------------------------------------


def test_a_session_number_that_passed_to_a_stranger_is_spared(
    attempt: Attempt, stranger: subprocess.Popen[bytes]
) -> None:
    owner = {
        "kind": start_marker.STARTED,
        "token": attempt.token,
        "start_ticks": 1,
        "boot_id": os_process.boot_id(),
    }
    (attempt.folder / start_marker.NAME).write_text(json.dumps({**owner, "pid": stranger.pid}))
    assert cleanup.clean_up(attempt.token, attempt.folder, stranger.pid).found == 0
    assert stranger.poll() is None


def test_a_pid_that_passed_to_a_stranger_after_the_scan_is_spared(
    attempt: Attempt, stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    scans = iter([[stranger.pid], []])
    monkeypatch.setattr(os_process, "marked", lambda *_: next(scans))
    cleanup.clean_up(attempt.token, attempt.folder, None)
    assert stranger.poll() is None


def test_a_lock_is_found_through_a_linked_folder(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    with (real / cleanup.TREE_LOCK).open("w") as lock:
        held = subprocess.Popen(["sleep", "60"], env={}, pass_fds=[lock.fileno()], start_new_session=True)
    assert cleanup.clean_up(TOKEN, link, None) == (1, [])
    assert held.wait() == -signal.SIGTERM


# --- the worker --------------------------------------------------------------------------------


def test_a_program_gets_three_descriptors_the_tree_lock_and_the_users_umask(attempt: Attempt) -> None:
    code = (
        "import os\n"
        "mask = os.umask(0); print('umask', oct(mask))\n"
        "for n in range(64):\n"
        "    try: print('fd', n, os.readlink(f'/proc/self/fd/{n}'))\n"
        "    except OSError: pass\n"
    )
    attempt.run(code, umask=0o027)
    assert "umask 0o27" in attempt.log
    found = [line.split(" ", 2)[1:] for line in attempt.log.splitlines() if line.startswith("fd ")]
    assert [number for number, _ in found] == ["0", "1", "2", "3"]
    assert found[0][1] == os.devnull
    assert found[3][1] == str(attempt.folder / cleanup.TREE_LOCK)


def test_a_program_that_may_not_be_executed_is_told_with_its_reason(attempt: Attempt) -> None:
    path = attempt.run_dir / "plain.txt"
    path.write_text("no program")
    attempt.spec([str(path)])
    attempt.pid = in_child(lambda: supervise(attempt.folder / "spec.json"))
    found = attempt.wait()
    assert found is not None
    assert found.spawn_error == f"{path}: Permission denied"


def test_metrics_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").mkdir()
    pump = LogPump(tmp_path, limit=1_000_000, reads_metrics=True)
    pump.open()
    reading, writing = os.pipe()
    os.write(writing, b"[RF:METRIC=a 1]\n[RF:METRIC=b 2]\n")
    os.close(writing)
    while pump.pump(reading):
        pass
    os.close(reading)
    pump.close()
    pump.release()
    (told,) = pump.rejected.sentences()
    assert told.startswith("2 printed metrics could not be written to metrics.jsonl: is not a regular file")


def test_a_line_too_long_hides_no_metric(tmp_path: Path) -> None:
    pump = LogPump(tmp_path, limit=1_000_000, reads_metrics=True)
    pump.open()
    reading, writing = os.pipe()
    for data in (b"x" * 60_000, b"x" * 60_000, b"[RF:METRIC=glued 1]\n[RF:METRIC=own 2]\n"):
        os.write(writing, data)
        assert pump.pump(reading)
    os.close(writing)
    assert not pump.pump(reading)
    os.close(reading)
    pump.close()
    pump.release()
    entries = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [entry["name"] for entry in entries] == ["glued", "own"]


# --- the zygote --------------------------------------------------------------------------------

MODULE = """
import os
import sys

IMPORTED_BY = os.getpid()


def main(spec):
    print("preloaded", IMPORTED_BY != os.getpid(), spec.env["WORD"], os.environ["RUNFORGE_TOKEN"])
    return 5


def fail(spec):
    raise RuntimeError("told in the log")


def finish(spec, ending, rejected, is_ours, kept):
    return [f"finish {ending.exit_code} {is_ours()}"], None


def leave(spec, ending, rejected, is_ours, kept):
    sys.exit("a result writer that leaves")
"""


@pytest.fixture
def warm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZygoteClient]:
    """A zygote with a module of the test's imported, which it finds on this process's path."""
    (tmp_path / "preloaded_for_test.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    client = ZygoteClient(["preloaded_for_test"], os.environ, tmp_path / "zygote.log")
    client.start()
    yield client
    client.close()


def run_in(zygote: ZygoteClient, attempt: Attempt, **changes: str | None) -> ExitRecord:
    path = attempt.spec(None, preamble=[], env={"WORD": "heard"}, **changes)
    zygote.submit(1, path)
    reply = replies(zygote)
    assert reply.handle is not None
    wait_until(lambda: attempt.finding() is Finding.ENDED, "the run has ended")
    os.close(reply.handle)
    found = exit_record.read(attempt.folder, attempt.token)
    assert found is not None
    return found


def test_a_function_runs_in_a_fork_with_its_module_imported(attempt: Attempt, warm: ZygoteClient) -> None:
    found = run_in(warm, attempt, target="preloaded_for_test:main", finish="preloaded_for_test:finish")
    assert found.exit_code == 5
    assert attempt.log == f"preloaded True heard {attempt.token}\nfinish 5 True\n"


def test_a_function_that_raises_leaves_a_traceback_and_exit_code_1(
    attempt: Attempt, warm: ZygoteClient
) -> None:
    found = run_in(warm, attempt, target="preloaded_for_test:fail")
    assert found.exit_code == 1
    assert "Traceback" in attempt.log
    assert attempt.log.endswith("RuntimeError: told in the log\n")


def test_a_result_writer_that_leaves_costs_no_record(attempt: Attempt, warm: ZygoteClient) -> None:
    found = run_in(warm, attempt, target="preloaded_for_test:main", finish="preloaded_for_test:leave")
    assert found.exit_code == 5
    assert "could not be written" in attempt.log


def test_a_zygote_ends_when_its_socket_closes_and_its_runs_go_on(attempt: Attempt, tmp_path: Path) -> None:
    client = ZygoteClient([], dict(os.environ), tmp_path / "zygote.log")
    client.start()
    code = "print('up', flush=True); import sys; sys.exit(int(open('go').read()))"
    go = attempt.run_dir / "go"
    os.mkfifo(go)  # the run waits here until it is told
    client.submit(1, attempt.spec([sys.executable, "-c", code]))
    reply = replies(client)
    wait_until(lambda: "up" in attempt.log, "the run is up")
    process, socket = client._process, client._socket
    assert process is not None
    assert socket is not None
    socket.close()
    assert process.wait(timeout=60) == 0
    assert attempt.finding() is Finding.LIVE
    go.write_text("4")
    wait_until(lambda: attempt.finding() is Finding.ENDED, "the run has ended")
    assert reply.handle is not None
    os.close(reply.handle)
    client.close()
    found = exit_record.read(attempt.folder, attempt.token)
    assert found is not None
    assert found.exit_code == 4
