"""Every ending leaves a true result.json, whatever the run itself wrote or did not write."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runforge.attempts.spec import Spec
from runforge.core.outcome import ExitRecord
from runforge.documents.result import read_result
from runforge.metrics.points import Rejected
from runforge.training import outcome, worker

MakeSpec = Callable[..., Spec]
COMMAND = {"model": {"family": "command", "command": ["prog"]}, "dataset": None}


def ending(**changes: Any) -> ExitRecord:
    started, finished = "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.500Z"
    record = ExitRecord("token", 0, None, False, False, None, started, finished, 1500, 0, 0)
    return record._replace(**changes)


@pytest.fixture
def command(make_spec: MakeSpec) -> Spec:
    return make_spec(COMMAND)


def result(spec: Spec) -> dict[str, Any]:
    data = (spec.run_dir / "result.json").read_bytes()
    assert read_result(data) is not None
    document: dict[str, Any] = json.loads(data)
    return document


def report(spec: Spec, *lines: bytes) -> None:
    (spec.run_dir / "metrics.jsonl").write_bytes(b"\n".join(lines) + b"\n")


@pytest.mark.parametrize(
    ("changes", "status", "kind", "words"),
    [
        ({}, "succeeded", None, ""),
        ({"exit_code": 3}, "failed", "exit", "exit code 3"),
        (
            {"exit_code": 137},
            "failed",
            "exit",
            "killed by signal 9 (SIGKILL), perhaps because memory ran out",
        ),
        ({"exit_code": 139}, "failed", "exit", "code 139, which often means: killed by signal 11 (SIGSEGV)"),
        ({"exit_code": 137, "oom": True}, "failed", "oom", "out of memory"),
        ({"exit_code": 255}, "failed", "exit", "exit code 255"),
        ({"exit_code": None, "signal": 9}, "failed", "signal", "killed by signal 9 (SIGKILL)"),
        ({"exit_code": None, "signal": 63}, "failed", "signal", "killed by signal 63"),
        ({"exit_code": None, "signal": 9, "oom": True}, "failed", "oom", "out of memory"),
        ({"exit_code": None}, "failed", "lost", "unseen"),
        ({"canceled": True}, "cancelled", "canceled", "canceled"),
        ({"exit_code": None, "signal": 15, "canceled": True}, "cancelled", "canceled", "canceled"),
        ({"exit_code": None, "spawn_error": "no\x1bfile"}, "failed", "spawn_failed", "no\\x1bfile"),
    ],
)
def test_a_command_ends_as_its_process_did(
    command: Spec, changes: dict[str, Any], status: str, kind: str | None, words: str
) -> None:
    lines, _ = outcome.finish(command, ending(**changes))
    assert lines == [f"[RF:STAGE={'COMPLETED' if status == 'succeeded' else 'FAILED'}]"]
    found = result(command)
    assert (found["status"], found["duration_ms"]) == (status, 1500)
    assert (found["error"] or {}).get("type") == kind
    assert words in (found["error"] or {"message": ""})["message"]
    assert found["effective_config"]["model"]["family"] == "command"


def test_the_first_metric_named_is_primary_with_its_last_value(command: Spec) -> None:
    report(
        command,
        b'{"name": "loss", "value": 2.0, "step": 1}',
        b'{"name": "auc", "value": 0.5}',
        b'{"name": "loss", "value": 1, "step": 2}',
    )
    outcome.finish(command, ending())
    summary = result(command)["summary"]
    assert summary == {"primary_metric": {"name": "loss", "value": 1.0}, "metrics": {"loss": 1.0, "auc": 0.5}}


def test_the_objective_is_primary_where_it_was_reported(make_spec: MakeSpec) -> None:
    spec = make_spec(COMMAND, objective=("auc", "maximize"))
    report(spec, b'{"name": "loss", "value": 2.0}', b'{"name": "auc", "value": 0.5}')
    outcome.finish(spec, ending())
    assert result(spec)["summary"]["primary_metric"] == {"name": "auc", "value": 0.5}


def test_lines_that_are_no_metric_are_passed_over(command: Spec) -> None:
    report(
        command,
        b"\xff\x00garbage",
        b"[" * 50_000,
        b'{"name": "a", "value": true}',
        b'{"name": "a", "value": "1"}',
        b'{"name": 1, "value": 1}',
        b"null",
        b'{"name": "long", "value": 1, "x": "' + b"y" * 200_000 + b'"}',
        b'{"name": "evil\\ud800\\u0000", "value": 3}',
    )
    told = "7 lines looked like metrics and were not: first: \ufffd\\x00garbage"
    lines, _ = outcome.finish(command, ending())
    assert lines == [f"[RunForge: {told}]", "[RF:STAGE=COMPLETED]"]
    assert list(result(command)["summary"]["metrics"].values()) == [3.0]
    assert result(command)["warnings"] == [told]


def test_a_line_of_step_and_metrics_is_in_the_summary(command: Spec) -> None:
    report(command, b'{"step": 1, "loss": 0.5, "acc": 0.25}', b'{"step": 2, "loss": 0.25}')
    outcome.finish(command, ending())
    summary = result(command)["summary"]
    assert summary == {
        "primary_metric": {"name": "loss", "value": 0.25},
        "metrics": {"loss": 0.25, "acc": 0.25},
    }


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"NaN", "NaN"),
        (b"1e999", "Infinity"),
        (b'"-inf"', "-Infinity"),
        (b"null", "NaN"),
        (b"-1" + b"0" * 400, "-Infinity"),
    ],
)
def test_a_run_that_ends_in_nan_or_infinity_has_diverged(command: Spec, value: bytes, told: str) -> None:
    report(
        command, b'{"name": "loss", "value": 0.5}', b'{"acc": 0.75}', b'{"name": "loss", "value": %s}' % value
    )
    outcome.finish(command, ending())
    found = result(command)
    assert (found["status"], found["summary"]) == ("succeeded", None)
    assert found["diverged"] == {"metric": "loss", "value": told}
    assert found["last_values"] == {"loss": told, "acc": 0.75}
    read = read_result((command.run_dir / "result.json").read_bytes())
    assert read is not None
    assert (read.metric_name, read.metric_value) == ("loss", None)
    assert read.remarks == [f"it has diverged: the last value of loss is {told}"]


def test_a_metric_that_recovers_has_not_diverged(command: Spec) -> None:
    report(command, b'{"loss": NaN}', b'{"loss": 0.5, "other": NaN}')
    outcome.finish(command, ending())
    found = result(command)
    assert found["summary"] == {"primary_metric": {"name": "loss", "value": 0.5}, "metrics": {"loss": 0.5}}
    assert (found["diverged"], found["last_values"]) == (None, {"loss": 0.5, "other": "NaN"})


def test_what_was_printed_like_a_metric_is_told_with_the_rest(command: Spec) -> None:
    printed = Rejected()
    printed.add(b"[RF:METRIC=loss 0,5]")
    report(command, b"rubbish")
    lines, _ = outcome.finish(command, ending(), printed)
    assert lines[0] == "[RunForge: 2 lines looked like metrics and were not: first: [RF:METRIC=loss 0,5]]"


def test_a_failed_run_keeps_its_metrics(command: Spec) -> None:
    report(command, b'{"loss": 0.5}')
    outcome.finish(command, ending(exit_code=3))
    assert result(command)["summary"]["metrics"] == {"loss": 0.5}


def test_a_flood_of_names_leaves_a_result_that_can_be_read(command: Spec) -> None:
    report(command, *(b'{"name": "m%d", "value": 1}' % number for number in range(5000)))
    outcome.finish(command, ending())
    assert len(result(command)["summary"]["metrics"]) == 1000
    told = ["4,000 values were left out: the run has more than 1,000 metrics: first: m1000"]
    assert result(command)["warnings"] == told


def test_a_pipe_in_the_place_of_the_metrics_does_not_hang(command: Spec) -> None:
    os.mkfifo(command.run_dir / "metrics.jsonl")
    outcome.finish(command, ending())
    assert result(command)["summary"] is None


def test_artifacts_are_listed_without_following_links(command: Spec) -> None:
    folder = command.run_dir / "artifacts"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "checkpoint-1.pt").write_bytes(b"123")
    (folder / "passwd").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(folder)
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.txt")).write_bytes(b"1")
    outcome.finish(command, ending())
    assert result(command)["artifacts"] == [
        {"path": "artifacts/\ufffd.txt", "type": "log", "bytes": 1},
        {"path": "artifacts/sub/checkpoint-1.pt", "type": "checkpoint", "bytes": 3},
    ]


def test_a_good_result_of_the_worker_stays(make_spec: MakeSpec) -> None:
    spec = make_spec(dry_run_seconds=0.0)
    assert worker.main(spec) == 0
    before = result(spec)
    assert outcome.finish(spec, ending())[0] == []
    assert result(spec) == before


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ENFILE])
def test_a_good_result_that_cannot_be_read_now_stays(
    make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    spec = make_spec(dry_run_seconds=0.0)
    worker.main(spec)
    before = result(spec)
    opened = os.open

    def refusing(path: Any, *arguments: Any, **options: Any) -> int:
        if Path(os.fsdecode(path)).name == "result.json":
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refusing)
        with pytest.raises(OSError, match=os.strerror(number)):
            outcome.finish(spec, ending())
    assert result(spec) == before


def test_a_cancel_that_came_too_late_to_stop_it_still_is_one(make_spec: MakeSpec) -> None:
    spec = make_spec(dry_run_seconds=0.0)
    worker.main(spec)
    outcome.finish(spec, ending(canceled=True))
    assert result(spec)["status"] == "cancelled"


@pytest.mark.parametrize("left", [None, b"", b'{"version": 1}', b'{"version": 1, "status": "failed"}'])
def test_a_success_without_a_result_is_none(make_spec: MakeSpec, left: bytes | None) -> None:
    spec = make_spec()
    if left is not None:
        (spec.run_dir / "result.json").write_bytes(left)
    assert outcome.finish(spec, ending())[0] == ["[RF:STAGE=FAILED]"]
    assert result(spec)["error"]["type"] == "bad_result"


_GOOD = b'{"version": 1, "status": "succeeded", "duration_ms": 1, "summary": null, "x": %s}'


@pytest.mark.parametrize(
    "left",
    [
        b"NaN",
        b"1e999",
        b"[" * 5000 + b"]" * 5000,
        b'{"a": 1, "a": 2}',
        b'"' + b"x" * (5 * 2**20) + b'"',
        "link",
        "fifo",
    ],
    ids=["nan", "infinite", "deep", "duplicate", "huge", "link", "fifo"],
)
def test_an_unusable_result_is_a_bad_one(make_spec: MakeSpec, tmp_path: Path, left: bytes | str) -> None:
    spec = make_spec()
    path = spec.run_dir / "result.json"
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_bytes(_GOOD % b"1")  # good in itself
    if left == "link":
        path.symlink_to(elsewhere)
    elif left == "fifo":
        os.mkfifo(path)
    else:
        assert isinstance(left, bytes)
        path.write_bytes(_GOOD % left)
    assert outcome.finish(spec, ending())[0] == ["[RF:STAGE=FAILED]"]
    assert result(spec)["error"]["type"] == "bad_result"
    assert not path.is_symlink()
    assert elsewhere.read_bytes() == _GOOD % b"1"


def test_a_run_folder_that_is_gone_is_left_alone(make_spec: MakeSpec) -> None:
    spec = make_spec()
    spec.run_dir.rmdir()
    assert outcome.finish(spec, ending())[0] == []


def test_a_lost_attempt_gets_its_result(make_spec: MakeSpec) -> None:
    spec = make_spec()
    outcome.write_lost(
        spec.run_dir,
        None,
        status="failed",
        error_type="lost",
        message="its process is gone",
        started_at="2026-01-01T00:00:00.000Z",
        finished_at="2026-01-01T00:00:01.000Z",
        duration_ms=1000,
    )
    assert result(spec)["error"] == {"message": "its process is gone", "type": "lost"}
