"""`runforge.system.os` is `os`; in a process that began without it, it does what `os` does."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import runforge
from bench import big
from runforge import system
from runforge.cli import samples

ROOT = Path(runforge.__file__).parents[1]


def _said(code: str, **env: str) -> list[str]:
    """Return what a program prints that begins without `site`, with the stand-in as `os`."""
    begin = f"import sys; sys.path.append({str(ROOT)!r}); from runforge.system import os, complete\n"
    run = subprocess.run(
        [sys.executable, "-S", "-c", begin + code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **env},
    )
    return run.stdout.splitlines()


def test_it_is_os_where_that_is_loaded() -> None:
    assert system.os is os


def test_it_does_without_os_what_short_commands_ask_for() -> None:
    code = (
        "os.environ['RF_NEW'] = 'n\u00e9w'\n"
        "found = [os.environ.get('RF_A'), os.environ['RF_B'], 'RF_C' in os.environ, os.environ.get('RF_C', 'x'),\n"
        "    os.environ.get('RF_C'), os.path.realpath('/tmp/../tmp/x'), os.path.isdir('/'), os.path.join('/a', 'b'),\n"
        "    os.path.lexists('/nowhere'), os.getcwd(), os.listdir('/')[:0], os.sep, os.pathsep, os.devnull, os.O_NOFOLLOW,\n"
        "    os.defpath, os.fsdecode(b'\\xff'), os.fsdecode('x'), os.fsencode('\\udcff'), os.fsencode(b'x'),\n"
        "    sorted(os.environ.items())]\n"
        "print('os' in sys.modules, ascii(found))\n"
        "import os\n"
        "again = [os.environ.get('RF_A'), os.environ['RF_B'], 'RF_C' in os.environ, os.environ.get('RF_C', 'x'),\n"
        "    os.environ.get('RF_C'), os.path.realpath('/tmp/../tmp/x'), os.path.isdir('/'), os.path.join('/a', 'b'),\n"
        "    os.path.lexists('/nowhere'), os.getcwd(), os.listdir('/')[:0], os.sep, os.pathsep, os.devnull, os.O_NOFOLLOW,\n"
        "    os.defpath, os.fsdecode(b'\\xff'), os.fsdecode('x'), os.fsencode('\\udcff'), os.fsencode(b'x'),\n"
        "    sorted(os.environ.items())]\n"
        "print(found == again, ascii(os.environ['RF_NEW']))\n"
    )
    first, second = _said(code, RF_A="1", RF_B="\u65e5\udcff", PYTHONUTF8="1")
    assert first.startswith("False ['1', '\\u65e5\\udcff', False, 'x', None,")
    assert second == "True 'n\\xe9w'"


def test_it_has_all_of_os_as_soon_as_more_is_asked_for() -> None:
    whole = (
        "import os as whole, posixpath, genericpath\n"
        "print([n for n in vars(whole) if n[:2] != '__' and getattr(os, n) is not getattr(whole, n)],"
        " posixpath.os is genericpath.os is whole)\n"
    )
    for asked in (
        "os.get_exec_path()",
        "os.environ.copy()",
        "{**os.environ}",
        "complete()",
        "complete(); complete()",
    ):
        assert _said(f"{asked}\n{whole}") == ["[] True"], asked


def test_what_os_does_not_have_it_has_not() -> None:
    assert _said("print(hasattr(os, 'nothing'), hasattr(os.environ, 'nothing'))") == ["False False"]


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["--help"],
        ["jobs", "--help"],
        ["jobs"],
        ["groups"],
        ["queue-status"],
        ["show"],
        ["why", "1"],
        ["submit", "--", "true"],
        ["enqueue-run", "--run-id", "r"],
    ],
    ids=" ".join,
)
def test_short_commands_never_import_it(tmp_path: Path, words: list[str]) -> None:
    """Without the modules that come in one file: these may be more than this call needs."""
    here = big.make(tmp_path / "ws", 6, 1)
    here.run_dir("r").mkdir(parents=True)
    request = {**samples.request(), "model": {"family": "command", "command": ["true"]}}
    (here.run_dir("r") / "request.json").write_bytes(samples.encode(request))
    found = importlib.util.find_spec("pysqlite3")
    places = [
        str(ROOT),
        *([] if found is None or found.origin is None else [str(Path(found.origin).parents[1])]),
    ]
    code = f"import sys; sys.path += {places}; from runforge.__main__ import main; main()"
    run = subprocess.run(
        [
            *(sys.executable, "-S", "-X", "importtime", "-X", f"pycache_prefix={tmp_path}/compiled"),
            *("-c", code, *words),
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path / "ws",
    )
    assert run.stdout
    assert not {"os", "_collections_abc"} & {
        line.rpartition("|")[2].strip() for line in run.stderr.splitlines()
    }
