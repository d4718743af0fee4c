"""What cannot be read now is not missing, and what is garbled costs its own run alone."""

from __future__ import annotations

import errno
import json
import os
import zlib
from pathlib import Path
from typing import Any

import pytest

from runforge.attempts import exit_record, refusal, report, start_marker
from runforge.core.outcome import ExitRecord, Finding
from runforge.files import durable

TOKEN = "t" * 32
RECORD = ExitRecord(TOKEN, 0, None, False, False, None, "a", "b", 1, 2, 3)


@pytest.fixture
def attempt(tmp_path: Path) -> Path:
    """An attempt that has ended with exit code 0."""
    folder = tmp_path / "attempts" / "run" / "1"
    folder.mkdir(parents=True)
    descriptor = exit_record.preallocate(folder)
    exit_record.write(descriptor, RECORD)
    os.close(descriptor)
    assert start_marker.claim(folder, TOKEN)
    (folder / report.SUPERVISOR_LOCK).touch()
    return folder


def refuse(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    """Have every open of a file with this name fail, as a disk or missing rights do."""
    opened = os.open

    def refusing(path: Any, *arguments: Any, **options: Any) -> int:
        if Path(os.fsdecode(path)).name == name:
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refusing)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.EPERM, errno.ENFILE, errno.ENOMEM])
@pytest.mark.parametrize("name", [exit_record.NAME, report.SUPERVISOR_LOCK])
def test_an_unreadable_file_postpones_the_judgement(
    attempt: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    refuse(monkeypatch, name, number)
    with pytest.raises(OSError, match=os.strerror(number)):
        report.inspect(attempt, TOKEN, attempt)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_an_unreadable_start_marker_is_not_taken_for_none(
    attempt: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (attempt / exit_record.NAME).unlink()
    refuse(monkeypatch, start_marker.NAME, number)
    with pytest.raises(OSError, match=os.strerror(number)):
        report.inspect(attempt, TOKEN, attempt)


def test_an_unreadable_result_does_not_turn_a_success_into_a_failure(
    attempt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (attempt / "result.json").write_text("{}")
    refuse(monkeypatch, "result.json", errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        report.inspect(attempt, TOKEN, attempt)


@pytest.mark.parametrize(
    "data",
    [
        b"[1, 2]",
        b"[" * 3000,
        b"{}",
        *(
            json.dumps(
                {"kind": "started", "token": TOKEN, "pid": pid, "start_ticks": 1, "boot_id": "x"}
            ).encode()
            for pid in ("abc", -1, 0, 2**70, True, None)
        ),
    ],
)
def test_a_garbled_start_marker_means_that_somebody_may_have_started(attempt: Path, data: bytes) -> None:
    (attempt / exit_record.NAME).unlink()
    (attempt / start_marker.NAME).unlink()
    (attempt / start_marker.NAME).write_bytes(data)
    assert start_marker.read(attempt) is None
    assert report.find(attempt, TOKEN)[0] is Finding.LOST


@pytest.mark.parametrize(
    "change", [{"exit_code": "0"}, {"exit_code": 10**30}, {"signal": -9}, {"canceled": 0}, {"token": None}]
)
def test_a_record_with_values_of_other_kinds_is_no_record(attempt: Path, change: dict[str, Any]) -> None:
    body = json.dumps({**RECORD._asdict(), **change}).encode("ascii")
    (attempt / exit_record.NAME).write_bytes(b"%08x " % zlib.crc32(body) + body + b"\n")
    assert exit_record.read(attempt, TOKEN) is None


@pytest.mark.parametrize("name", ["claim", "exit.rec", "sup.lock"])
@pytest.mark.parametrize("kind", ["fifo", "link", "folder"])
def test_something_else_in_the_place_of_a_file_is_as_if_nothing_was_there(
    attempt: Path, name: str, kind: str
) -> None:
    (attempt / name).unlink()
    if kind == "fifo":
        os.mkfifo(attempt / name)
    elif kind == "link":
        (attempt / name).symlink_to("/etc/passwd")
    else:
        (attempt / name).mkdir()
    found, record = report.find(attempt, TOKEN)
    assert found in ({Finding.LOST} if name == "exit.rec" else {Finding.ENDED})
    assert (record is None) == (name == "exit.rec")


@pytest.mark.parametrize("what", ["file", "fifo", "dangling"])
@pytest.mark.parametrize("up", [0, 1, 2])
def test_what_stands_in_the_place_of_the_folder_is_moved_away(attempt: Path, what: str, up: int) -> None:
    place = [attempt, *attempt.parents][up]
    os.rename(place, place.with_name("moved"))
    if what == "file":
        place.touch()
    elif what == "fifo":
        os.mkfifo(place)
    else:
        place.symlink_to("/nonexistent")
    assert report.find(attempt, TOKEN)[0] is Finding.FOLDER_MISSING
    assert start_marker.close_missing(attempt, TOKEN)
    owner = start_marker.read(attempt)
    assert owner is not None
    assert owner.kind == start_marker.MISSING
    assert [path.name for path in place.parent.iterdir() if ".set-aside-" in path.name]


def test_a_marker_that_cannot_be_synced_is_won_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_path: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(start_marker, "fsync_file", failing)
    with pytest.raises(OSError, match="Input/output"):
        start_marker.claim(tmp_path, TOKEN)
    assert not start_marker.is_taken(tmp_path)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMLINK, errno.EPERM, errno.EIO])
def test_whatever_kept_a_supervisor_from_its_claim_is_left_for_the_daemon(
    tmp_path: Path, number: int
) -> None:
    with pytest.raises(OSError), refusal.left(tmp_path):  # noqa: PT011 - any number
        raise OSError(number, os.strerror(number))
    assert refusal.read(tmp_path) == number


def test_only_what_is_gone_is_gone(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert durable.read_if_there(tmp_path / "none", 9) is None
    assert durable.read_if_there(tmp_path / "file" / "below", 9) is None
    assert durable.read_if_there(tmp_path, 9) is None
    assert not durable.is_there(tmp_path / "file" / "below")
    assert not durable.is_folder(tmp_path / "file")


def test_a_winner_that_cannot_take_its_temporary_name_away_has_still_won(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(path: Any, **_options: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path))

    monkeypatch.setattr(os, "unlink", refusing)
    assert start_marker.claim(tmp_path, TOKEN)
    owner = start_marker.read(tmp_path)
    assert owner is not None
    assert owner.token == TOKEN
