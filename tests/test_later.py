"""What is imported or compiled later is what it stands for."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from runforge import later


def test_a_module_is_loaded_at_its_first_use() -> None:
    code = (
        "import sys; from runforge import later\n"
        "before = 'csv' in sys.modules, 're' in sys.modules, 'runforge.ids' in sys.modules\n"
        "found = later.pattern('a(.)'), later.module('runforge.ids')\n"
        "print(before, 're' in sys.modules, found[0].match('ab')[1], 're' in sys.modules)\n"
        "print(later.csv.QUOTE_ALL, found[1].job_id('2026-11-23T17:05:09.123Z', 7))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == [
        "(False, False, False) False b True",
        "1 job_20261123_170509_0007",
    ]


def test_it_is_the_module_itself_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert later.re.compile is re.compile
    monkeypatch.setattr(shutil, "which", lambda _name: "here")
    assert later.shutil.which("x") == "here"
    with pytest.raises(AttributeError):
        _ = later.re.no_such_thing  # type: ignore[attr-defined]


def test_a_pattern_has_all_that_a_compiled_one_has() -> None:
    made = later.pattern(r"(?i)a(?P<rest>\d*)")
    assert (made.pattern, made.groups, bool(made.flags & re.IGNORECASE)) == (r"(?i)a(?P<rest>\d*)", 1, True)
    found = made.fullmatch("A12")
    assert found is not None
    assert found["rest"] == "12"
    assert made.sub("-", "a1 b A") == "- b -"
    assert later.pattern(rb"\s").split(b"a b") == [b"a", b"b"]
