"""Attempts as real processes: outcomes, cancels, kills at the worst moment, nothing left behind."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge.attempts import cleanup, exit_record, report, start_marker
from runforge.backends.local.zygote_client import ZygoteClient
from runforge.core.outcome import Finding, ResultFacts
from runforge.machine import os_process
from runforge.supervise.supervisor import supervise
from tests.conftest import wait_until
from tests.supervise.kit import Attempt, in_child, replies

pytestmark = pytest.mark.slow
FINISH = "runforge.training.outcome:finish"


def test_an_exit_code_is_recorded(attempt: Attempt) -> None:
    record = attempt.run("print('out'); import sys; sys.exit(3)")
    assert (record.exit_code, record.signal, record.canceled) == (3, None, False)
    assert attempt.log == "hello\nout\n"
    assert attempt.finding() is Finding.ENDED


def test_what_a_run_leaves_is_on_disk_before_its_end_is(
    attempt: Attempt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, sync = tmp_path / "synced", os.fsync

    def noting(descriptor: int) -> None:
        with open(synced, "a") as stream:
            print(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")), file=stream)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    attempt.run(
        "import os; os.makedirs('artifacts/deep'); open('artifacts/deep/model', 'w').write('x');"
        "os.mkfifo('artifacts/pipe'); print('[RF:METRIC=loss 1]')",
        finish=FINISH,
    )
    names = synced.read_text().split()
    assert {"logs.txt", "metrics.jsonl", "model", "deep", "artifacts", "result.json", "run"} <= set(names)
    assert names[-1] == "exit.rec"


def test_a_result_that_the_disk_refuses_is_left_to_the_daemon(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def refusing(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith("result.json"):
            raise OSError(errno.EIO, "made up")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", refusing)
    record = attempt.run("print('out')", finish=FINISH)
    assert record.exit_code == 0
    assert not (attempt.run_dir / "result.json").exists()
    assert record.result is None  # else the daemon would take the file to be there, and nobody would write it
    assert not report.ended(attempt.folder, attempt.run_dir, record).has_result_file


def test_the_record_has_the_result_of_a_run_that_has_ended_well(attempt: Attempt) -> None:
    """So the daemon need not read its file; the reason of a failure may be longer than a record."""
    record = attempt.run("print('[RF:METRIC=loss 0.5]')", finish=FINISH)
    assert record.result == ResultFacts("succeeded", None, "loss", 0.5)
    assert record.result == report.result_in(attempt.run_dir)


def test_a_result_that_somebody_has_deleted_is_missing_whatever_the_record_has(attempt: Attempt) -> None:
    record = attempt.run("print('[RF:METRIC=loss 0.5]')", finish=FINISH)
    (attempt.run_dir / "result.json").unlink()
    here = report.ended(attempt.folder, attempt.run_dir, record)
    assert (here.result, here.has_result_file) == (None, False)
    elsewhere = report.ended(attempt.folder, attempt.run_dir, record, is_here=False)
    assert (elsewhere.result, elsewhere.has_result_file) == (record.result, True)


def test_a_result_that_a_record_might_cut_is_read_from_its_file(attempt: Attempt) -> None:
    record = attempt.run("import sys; sys.exit(3)", finish=FINISH)
    assert record.result is None
    assert report.result_in(attempt.run_dir) is not None
    named = ResultFacts("succeeded", None, "loss", 0.5)
    assert exit_record.keeps(named)
    assert not exit_record.keeps(named._replace(metric_name="n" * 500))


def test_a_signal_is_recorded(attempt: Attempt) -> None:
    record = attempt.run("import os; os.kill(os.getpid(), 9)")
    assert (record.exit_code, record.signal) == (None, 9)


def test_metrics_are_found_in_the_output(attempt: Attempt) -> None:
    lines = [
        "[RF:METRIC=loss 0.5 step=1]",
        "[RF:METRIC=loss 1e999 step=2]",
        "2026-01-01 INFO [RF:METRIC=val/mAP@[IoU=0.5] 1 step=4096.0]",
        "[RF:METRIC=loss nan epoch=0.5]",
        "[RF:METRIC=acc -1.5e-3]",
        "[RF:METRIC=lost np.float64(1)]",
    ]
    attempt.run(f"print({chr(10).join(lines)!r})")
    entries = [json.loads(line) for line in (attempt.run_dir / "metrics.jsonl").read_text().splitlines()]
    assert [(e["name"], e["value"], e["step"]) for e in entries] == [
        ("loss", 0.5, 1),
        ("loss", "Infinity", 2),
        ("val/mAP@[IoU=0.5]", 1, 4096),
        ("loss", "NaN", 0.5),
        ("acc", -0.0015, None),
    ]


def test_a_log_is_capped_and_keeps_head_and_tail(attempt: Attempt) -> None:
    record = attempt.run("print('HEAD'); print('x' * 3_000_000); print('TAIL')", log_limit_bytes=100_000)
    assert attempt.log.startswith("hello\nHEAD\n")
    assert attempt.log.endswith("TAIL\n")
    assert "bytes were cut here" in attempt.log
    assert len(attempt.log) < 200_000
    assert record.dropped_bytes > 2_800_000


def test_binary_output_does_no_harm(attempt: Attempt) -> None:
    record = attempt.run("import os; os.write(1, bytes(range(256)) * 1000)")
    assert record.exit_code == 0
    assert record.log_bytes == len(b"hello\n") + 256_000


def test_a_cancel_that_is_obeyed(attempt: Attempt) -> None:
    attempt.start("print('up', flush=True); import time; time.sleep(60)")
    wait_until(lambda: "up" in attempt.log, "the run is up")
    attempt.cancel()
    record = attempt.wait()
    assert record is not None
    assert (record.canceled, record.signal) == (True, signal.SIGTERM)


def test_a_cancel_that_is_ignored_becomes_a_kill(attempt: Attempt) -> None:
    attempt.start(
        "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    wait_until(lambda: "up" in attempt.log, "the run is up")
    attempt.cancel()
    record = attempt.wait()
    assert record is not None
    assert (record.canceled, record.signal) == (True, signal.SIGKILL)


def test_a_cancel_before_the_start_starts_nothing(attempt: Attempt) -> None:
    attempt.cancel()
    record = attempt.run("print('started')")
    assert record.canceled
    assert "started" not in attempt.log


DOUBLE_FORK = (
    "import os, time, signal\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork() == 0:\n"
    "        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "        print('escaped', os.getpid(), flush=True)\n"
    "        time.sleep(60)\n"
    "    os._exit(0)\n"
    "os.wait()\n"
)


def test_what_the_run_leaves_behind_is_ended_and_cannot_hang_it(attempt: Attempt) -> None:
    record = attempt.run(DOUBLE_FORK + "time.sleep(0.2)")
    assert record.exit_code == 0
    assert "escaped" in attempt.log
    assert attempt.marked() == []


def test_a_cancel_reaches_escaped_children(attempt: Attempt) -> None:
    attempt.start(DOUBLE_FORK + "print('up', flush=True); time.sleep(60)")
    wait_until(lambda: "up" in attempt.log and "escaped" in attempt.log, "both are up")
    attempt.cancel()
    record = attempt.wait()
    assert record is not None
    assert record.canceled
    assert attempt.marked() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_supervisor_ignores_what_a_logout_sends(attempt: Attempt, number: signal.Signals) -> None:
    attempt.start("print('up', flush=True); import time; time.sleep(0.4)")
    wait_until(lambda: "up" in attempt.log, "the run is up")
    os.kill(attempt.pid, number)
    record = attempt.wait()
    assert record is not None
    assert record.exit_code == 0


def test_a_killed_supervisor_takes_its_run_along_and_is_judged_lost(attempt: Attempt) -> None:
    attempt.start(DOUBLE_FORK + "print('up', flush=True); time.sleep(60)")
    wait_until(lambda: "up" in attempt.log and "escaped" in attempt.log, "both are up")
    assert attempt.finding() is Finding.LIVE
    attempt.kill_supervisor()
    wait_until(lambda: attempt.finding() is not Finding.LIVE, "the lock is free")
    assert attempt.finding() is Finding.LOST
    assert cleanup.clean_up(attempt.token, attempt.folder, attempt.pid).found >= 1
    assert attempt.marked() == []


def test_a_child_without_environment_and_descriptors_is_swept_by_its_session(attempt: Attempt) -> None:
    code = (
        "import subprocess, time\n"
        "child = subprocess.Popen(['sleep', '77'], env={}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "print('child', child.pid, flush=True); time.sleep(60)\n"
    )
    attempt.start(code)
    wait_until(lambda: "child " in attempt.log, "the child is up")
    child = int(attempt.log.split("child ")[1])
    attempt.kill_supervisor()
    assert cleanup.clean_up(attempt.token, attempt.folder, attempt.pid).found >= 1
    assert os_process.is_zombie(child)


def test_a_reboot_is_told_from_a_kill(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt.start("print('up', flush=True); import time; time.sleep(60)")
    wait_until(lambda: "up" in attempt.log, "the run is up")
    attempt.kill_supervisor()
    monkeypatch.setenv(os_process.FAKE_BOOT_ID, "another-boot")
    assert attempt.finding() is Finding.REBOOTED


def test_a_revoked_attempt_is_never_started(attempt: Attempt) -> None:
    assert attempt.finding() is Finding.UNCLAIMED
    assert start_marker.revoke(attempt.folder, attempt.token)
    attempt.start("print('started')")
    os.waitpid(attempt.pid, 0)
    assert attempt.log == ""
    assert attempt.finding() is Finding.REVOKED


def test_a_claim_has_one_winner(attempt: Attempt) -> None:
    for _ in range(20):
        (attempt.folder / start_marker.NAME).unlink(missing_ok=True)
        wins: list[bool] = []
        gate = threading.Barrier(16)

        def race(kind: int, gate: threading.Barrier = gate, wins: list[bool] = wins) -> None:
            gate.wait()
            wins.append(
                (start_marker.claim if kind % 2 else start_marker.revoke)(attempt.folder, attempt.token)
            )

        racers = [threading.Thread(target=race, args=(n,)) for n in range(16)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert wins.count(True) == 1


@pytest.mark.parametrize("damage", ["torn", "flipped", "foreign", "zero"])
def test_a_damaged_exit_record_is_no_outcome(attempt: Attempt, damage: str) -> None:
    attempt.run("pass")
    path = attempt.folder / exit_record.NAME
    data = bytearray(path.read_bytes())
    if damage == "torn":
        data[40:] = bytes(len(data) - 40)
    elif damage == "flipped":
        data[60] ^= 1
    elif damage == "zero":
        data = bytearray(len(data))
    path.write_bytes(data)
    token = "other" if damage == "foreign" else attempt.token
    assert exit_record.read(attempt.folder, token) is None
    assert report.find(attempt.folder, token)[0] is not Finding.ENDED


def test_a_second_supervisor_of_the_same_attempt_leaves(attempt: Attempt) -> None:
    go = attempt.folder / "go"
    attempt.start(f"print('once', flush=True)\nimport os\nwhile not os.path.exists({str(go)!r}): pass")
    wait_until(lambda: "once" in attempt.log, "the first is up")
    os.waitpid(in_child(lambda: supervise(attempt.folder / "spec.json")), 0)
    go.touch()
    attempt.wait()
    assert attempt.log.count("once") == 1


@pytest.fixture
def zygote(tmp_path: Path) -> Iterator[ZygoteClient]:
    client = ZygoteClient([], dict(os.environ), tmp_path / "zygote.log")
    client.start()
    yield client
    client.close()


def test_a_zygote_answers_with_a_handle_of_the_supervisor(attempt: Attempt, zygote: ZygoteClient) -> None:
    path = attempt.spec([sys.executable, "-c", "print('from the zygote')"])
    zygote.submit(7, path)
    reply = replies(zygote)
    assert (reply.id, reply.error) == (7, None)
    assert reply.handle is not None
    wait_until(lambda: attempt.finding() is Finding.ENDED, "the run has ended")
    os.close(reply.handle)
    assert "from the zygote" in attempt.log


def test_a_supervisor_outlives_its_zygote(attempt: Attempt, tmp_path: Path) -> None:
    client = ZygoteClient([], dict(os.environ), tmp_path / "zygote.log")
    client.start()
    code = "print('up', flush=True); import time; time.sleep(0.6); print('done')"
    client.submit(1, attempt.spec([sys.executable, "-c", code]))
    reply = replies(client)
    wait_until(lambda: "up" in attempt.log, "the run is up")
    assert client._process is not None
    client._process.kill()
    wait_until(lambda: not client.alive(), "the zygote is dead")
    client.close()
    assert reply.handle is not None
    os.close(reply.handle)
    wait_until(lambda: attempt.finding() is Finding.ENDED, "the run has ended")
    assert "done" in attempt.log
