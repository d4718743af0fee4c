"""`[slurm] pilots` in config.toml, and which runs fit into a pilot."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from runforge import config
from runforge.backends.slurm.options import from_settings
from runforge.backends.slurm.pilot_terms import Terms, Wish, memory_mb, time_seconds, wish
from runforge.core.resources import Resources
from runforge.errors import InvalidRequest
from runforge.workspace import Workspace

HOUR = Terms(most=4, slots=4, seconds=3600.0, idle=60.0, cpus=2, mem_mb=4096)


@pytest.fixture(autouse=True)
def no_settings_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))


def terms(ws: Workspace, text: str) -> Terms | None:
    path = ws.hidden / config.FILE
    path.write_text("[slurm]\n" + text, "utf-8")
    path.chmod(0o600)
    return from_settings(config.load(ws)).pilots


def test_there_are_none_without_the_setting(ws: Workspace) -> None:
    assert terms(ws, "") is None


def test_what_is_not_said_is_usual(ws: Workspace) -> None:
    assert terms(ws, "pilots = { count = 2 }") == Terms(2, 4, 3600.0, 60.0, 1, 0)
    usual = 'cpus = 2\nmem = "4G"\n'
    assert terms(ws, usual + 'pilots = { count = 4, time = "2:00:00", idle = 5 }') == Terms(
        4, 4, 7200.0, 5.0, 2, 4096
    )
    own = 'pilots = { count = 1, slots = 8, time = "90m", cpus = 1, mem = "500M" }'
    assert terms(ws, usual + own) == Terms(1, 8, 5400.0, 60.0, 1, 500)
    assert terms(ws, 'pilots = { count = 2, time = "20s" }') == Terms(2, 4, 60.0, 60.0, 1, 0)
    assert terms(ws, "[slurm.pilots]\ncount = 2\n") == Terms(2, 4, 3600.0, 60.0, 1, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pilots = 4", "a table such as { count = 4"),
        ("pilots = { slots = 4 }", "count is missing"),
        ("pilots = { count = 0 }", "count: a whole number from 1 to 1000 is wanted"),
        ("pilots = { count = 2, slot = 4 }", "'slot' is unknown. Did you mean 'slots'?"),
        ('pilots = { count = 2, time = "soon" }', "time: 'soon' is not possible"),
        ('pilots = { count = 2, time = "UNLIMITED" }', "time: a limit is wanted"),
        ("pilots = { count = 2, idle = 0 }", "idle: a number of seconds from 1 to 86400 is wanted"),
        ('pilots = { count = 2, mem = "much" }', "mem: 'much' is not possible"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(ws: Workspace, text: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=r"\[slurm\] pilots: ") as error:
        terms(ws, text)
    assert words in str(error.value)
    assert (error.value.where or "").endswith("config.toml:2")


def wished(limit: float | None = None, *, lost: int = 0, time: str = "", **needs: Any) -> Wish | None:
    usual: dict[str, Any] = {"usual_cpus": None, "usual_mem": "", "usual_time": time}
    return wish(HOUR, Resources(**needs), limit, was_lost=lost > 0, **usual)


def test_a_run_fits_by_its_own_needs() -> None:
    assert wished() == Wish(None)
    assert wished(60.0) == Wish(60.0)
    assert wished(cpus=2, mem_mb=4096) == Wish(None)
    assert wished(cpus=3) is None
    assert wished(mem_mb=4097) is None
    assert wished(gpus=1) is None
    assert wished(3600.0) is None
    assert wished(time="30") == Wish(1800.0), "what is usual for a run that names no time"
    assert wished(time="4:00:00") is None
    assert wished(60.0, time="4:00:00") == Wish(60.0)


def test_a_run_that_names_no_time_and_was_lost_is_no_short_one() -> None:
    assert wished(lost=1) is None
    assert wished(60.0, lost=1) == Wish(60.0)


def test_a_run_begins_only_if_it_fits_into_the_time_that_is_left() -> None:
    assert HOUR.useful_seconds == 3540.0
    assert HOUR.takes(60.0, 75.0)
    assert not HOUR.takes(60.0, 74.0)
    assert HOUR.takes(None, 1770.0), "the first half is for those of which nobody knows"
    assert not HOUR.takes(None, 1769.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 5400.0),
        ("1:30", 90.0),
        ("2:00:00", 7200.0),
        ("1-0", 86400.0),
        ("1-2:30", 95400.0),
        ("1-2:30:10", 95410.0),
        ("UNLIMITED", math.inf),
    ],
)
def test_slurms_times(text: str, seconds: float) -> None:
    assert time_seconds(text) == seconds


@pytest.mark.parametrize(("text", "mb"), [("", 0), ("500", 500), ("16G", 16384), ("1t", 2**20), ("100K", 1)])
def test_slurms_sizes(text: str, mb: int) -> None:
    assert memory_mb(text) == mb
