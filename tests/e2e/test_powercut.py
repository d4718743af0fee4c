"""Power cuts of a disk in an image: nothing acknowledged is lost, and without syncs the gauntlet sees the loss."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import wait_until

pytestmark = pytest.mark.slow

_CANNOT, _STOPPED = 3, 5


def _words(report: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "gauntlets", "powercut", "--fs", "ext4", "--json", str(report), *options]


def _cut(folder: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Play the gauntlet in its own process, with mounts that no other process sees."""
    report = folder / "report.json"
    words = _words(report, *options)
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    assert report.exists(), done.stderr
    series = json.loads(report.read_bytes())["file_systems"][0]
    if done.returncode == _CANNOT:
        pytest.skip(series["skipped"])
    return done.returncode, series


def test_nothing_acknowledged_is_lost_and_nothing_starts_twice(tmp_path: Path) -> None:
    code, series = _cut(tmp_path, "--cuts", "4", "--seed", "3")
    assert series["broken"] == []
    assert code == 0
    assert series["cuts"] == 4
    assert series["acknowledged_entries"] > 0
    assert series["witnessed_starts"] > 0


@pytest.mark.parametrize(
    ("way", "seen"), [("journal", "acknowledged entries are lost"), ("files", "has no request.json any more")]
)
def test_what_is_not_synced_is_seen_to_be_lost(tmp_path: Path, way: str, seen: str) -> None:
    code, series = _cut(tmp_path, "--cuts", "2", "--seed", "1", "--unsafe", way)
    assert code == 1
    assert [text for text in series["broken"] if seen in text], series["broken"]


def test_a_machine_that_cannot_do_it_says_why(tmp_path: Path) -> None:
    words = _words(tmp_path / "report.json", "--cuts", "1")
    bare = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, env=bare)
    assert done.returncode == _CANNOT
    assert done.stderr.startswith("ext4: skipped, needs ")
    assert done.stderr.count("\n") == 1


def test_stopped_in_the_middle_it_leaves_nothing(tmp_path: Path) -> None:
    words = _words(tmp_path / "report.json", "--cuts", "50")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    there = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(words, env=there, stderr=subprocess.PIPE, text=True) as gauntlet:
        wait_until(
            lambda: gauntlet.poll() or list(temporary.glob("*/load-*.out")), "the load has started", 60
        )
        gauntlet.send_signal(signal.SIGINT)
        _, said = gauntlet.communicate(timeout=60)
    if gauntlet.returncode == _CANNOT:
        pytest.skip(said.strip())
    assert gauntlet.returncode == _STOPPED
    assert list(temporary.iterdir()) == []
    images = [path.read_text() for path in Path("/sys/block").glob("loop*/loop/backing_file")]
    assert [image for image in images if str(temporary) in image] == []
