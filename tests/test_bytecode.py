"""What a short command imports is loaded from one file, as long as that says what the sources say."""

from __future__ import annotations

import marshal
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import runforge
from bench import big
from runforge import own_python

pytestmark = pytest.mark.slow

PACKAGE = Path(runforge.__file__).parent
#: What is imported as ever: the package, this loader, and what guards the path.
FIRST = {"runforge", "runforge.bytecode", "runforge.own_python"}
_MAIN = "import sys; sys.path.insert(0, {place!r}); from runforge.__main__ import main; main()"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a copy of RunForge of our own, and a workspace in it."""
    (made := tmp_path / "copy").mkdir()
    shutil.copytree(PACKAGE, made / "runforge", ignore=shutil.ignore_patterns("__pycache__"))
    big.make(made / "ws", 6, 1)
    return made


def _call(
    place: Path, *words: str, options: tuple[str, ...] = (), **env: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-c", _MAIN.format(place=str(place)), *words, "-w", str(place / "ws")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **env},
    )


def _imported(place: Path, *words: str) -> set[str]:
    """Return the modules of RunForge that a call imports one by one."""
    said = _call(place, *words, options=("-X", "importtime")).stderr
    names = (line.rpartition("|")[2].strip() for line in said.splitlines() if line.startswith("import time:"))
    return {name for name in names if name.partition(".")[0] == "runforge"}


def _timeless(said: str) -> str:
    return re.sub(r"\S+ \S+ ago", "", said)


def _files(place: Path) -> list[Path]:
    return sorted((place / "runforge" / "__pycache__").glob("*.modules*"))


@pytest.mark.parametrize("command", ["jobs", "queue-status", "show", "why", "groups", "results"])
def test_the_second_call_loads_all_at_once_and_says_the_same(place: Path, command: str) -> None:
    words = [command, *(["1"] if command in {"show", "why"} else [])]
    first = _call(place, *words)
    assert first.returncode == 0, first.stderr
    (file,) = _files(place)
    assert file.stat().st_mode & 0o777 == (place / "runforge/bytecode.py").stat().st_mode & 0o644
    second = _call(place, *words)
    assert _timeless(second.stdout) == _timeless(first.stdout)
    assert second.stderr == first.stderr
    left = _imported(place, *words)
    if command == "results":  # what it does when it runs is imported then
        assert not {"runforge.cli.main", "runforge.cli.results", "runforge.cli.made_table"} & left
    else:
        assert left == FIRST | {"runforge.__main__"}


def test_the_modules_are_as_imports_make_them(place: Path) -> None:
    _call(place, "queue-status")
    code = (
        f"import sys; sys.path.insert(0, {str(place)!r}); from runforge import bytecode\n"
        "if {load}: bytecode.load('queue-status')\n"
        "import inspect, runforge.cli.main, runforge.cli.quick_status, runforge.store.look, runforge.named, runforge.core\n"
        "for name, it in sorted(sys.modules.items()):\n"
        "    if name.startswith('runforge.') and name in {names}:\n"
        "        spec = it.__spec__\n"
        "        print(name, it.__file__, it.__package__, getattr(it, '__path__', ''), it.__doc__, sorted(vars(it)))\n"
        "        print(spec.name, spec.origin, spec.parent, spec.submodule_search_locations, type(spec.loader))\n"
        "        print(it is getattr(sys.modules[spec.parent], name.rpartition('.')[2], it), spec.has_location)\n"
        "        print(hash(inspect.getsource(it)) != 0, it.__loader__.get_filename(name))\n"
    )
    names = {
        "runforge.cli",
        "runforge.cli.quick_status",
        "runforge.store.look",
        "runforge.named",
        "runforge.core",
    }

    def told(*, load: bool) -> str:
        run = subprocess.run(
            [sys.executable, "-c", code.format(load=load, names=names)],
            capture_output=True,
            text=True,
            check=True,
        )
        return run.stdout.replace("'__cached__', ", "")

    assert told(load=True) == told(load=False)
    assert told(load=True).count("\n") >= 4 * len(names)


def test_a_changed_source_counts(place: Path) -> None:
    source = place / "runforge/cli/tables.py"
    text = source.read_text()
    assert '"STATE"' in text
    before = source.stat()
    assert "STATE" in _call(place, "jobs").stdout
    source.write_text(text.replace('"STATE"', '"STATY"'))  # as long as before, at another time
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
    for _ in range(2):
        assert "STATY" in _call(place, "jobs").stdout
    assert _imported(place, "jobs") == FIRST | {"runforge.__main__"}
    source.write_text(text.replace('"STATE"', '"STATES"'))  # longer, at the same time
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
    assert "STATES" in _call(place, "jobs").stdout
    shutil.rmtree(place / "runforge/__pycache__")
    source.unlink()
    assert "cannot import name 'tables'" in _call(place, "jobs").stderr


def test_a_source_that_is_gone_is_missed(place: Path) -> None:
    _call(place, "jobs")
    (place / "runforge/cli/tables.py").unlink()
    assert "cannot import name 'tables'" in _call(place, "jobs").stderr


def _other(path: Path, place: int) -> None:
    values: list[Any] = marshal.loads(path.read_bytes())
    values[place] = f"{values[place]}?"
    path.write_bytes(marshal.dumps(values))


DAMAGE = {
    "nothing in it": lambda path: path.write_bytes(b""),
    "half of it": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "another thing": lambda path: path.write_bytes(marshal.dumps(3)),
    "another form": lambda path: _other(path, 0),
    "another interpreter's": lambda path: _other(path, 1),
    "another folder's": lambda path: _other(path, 2),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_file_that_is_not_right_is_made_anew(place: Path, damage: str) -> None:
    said = _call(place, "jobs").stdout
    (file,) = _files(place)
    whole = file.read_bytes()
    DAMAGE[damage](file)
    assert _call(place, "jobs").stdout == said
    assert marshal.loads(file.read_bytes())[:3] == marshal.loads(whole)[:3]
    assert _imported(place, "jobs") == FIRST | {"runforge.__main__"}


def test_a_copied_checkout_has_its_own(place: Path, tmp_path: Path) -> None:
    _call(place, "jobs")
    shutil.copytree(place, tmp_path / "second", copy_function=shutil.copy2)
    (tmp_path / "second/runforge/cli/tables.py").write_text("raise SystemExit('the second')\n")
    assert _call(tmp_path / "second", "jobs").stderr == ""  # SystemExit is an end, as without
    assert _call(tmp_path / "second", "jobs").stdout == ""
    assert _call(place, "jobs").stdout != ""


def test_a_module_that_cannot_be_run_is_told_of_as_without(place: Path) -> None:
    source = place / "runforge/cells.py"
    text = "import os\nif os.environ.get('BREAK'):\n    raise ImportError('broken cells')\n"
    source.write_text(
        source.read_text().replace(
            "from __future__ import annotations\n", f"from __future__ import annotations\n{text}"
        )
    )
    assert _call(place, "jobs").returncode == 0
    (file,) = _files(place)
    broken = _call(place, "jobs", BREAK="1")
    file.unlink()
    without = _call(place, "jobs", BREAK="1")
    assert "broken cells" in without.stderr
    assert (broken.returncode, broken.stdout, broken.stderr) == (
        without.returncode,
        without.stdout,
        without.stderr,
    )


def test_nothing_is_written_where_python_writes_nothing(place: Path, tmp_path: Path) -> None:
    said = _call(place, "jobs", PYTHONDONTWRITEBYTECODE="1").stdout
    assert _call(place, "jobs", options=("-O",)).stdout == said
    assert _call(place, "jobs", PYTHONPYCACHEPREFIX=str(tmp_path / "cache")).stdout == said
    assert _call(place, "jobs", "--help").returncode == 0
    assert _call(place, "jobs", "--nope").returncode == 2
    assert _call(place, "nope").returncode == 2
    assert _files(place) == []


def test_a_folder_that_cannot_be_written_is_let_be(place: Path) -> None:
    (place / "runforge/__pycache__").write_text("a file\n")
    done = _call(place, "jobs", PYTHONDONTWRITEBYTECODE="")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_many_at_once_leave_one_file(place: Path) -> None:
    calls = [
        subprocess.Popen(
            [sys.executable, "-c", _MAIN.format(place=str(place)), "jobs", "-w", str(place / "ws")],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    said = {call.communicate()[0] for call in calls}
    assert [call.returncode for call in calls] == [0] * 8
    assert len(said) == 1
    assert len(_files(place)) == 1
    assert _imported(place, "jobs") == FIRST | {"runforge.__main__"}


def test_a_call_that_needs_more_imports_it(place: Path) -> None:
    _call(place, "why", "1")  # it has ended
    (file,) = _files(place)
    before = file.read_bytes()
    waiting = _imported(place, "why", "6")
    assert waiting > FIRST | {"runforge.__main__"}
    assert "runforge.store.look" not in waiting
    assert file.read_bytes() == before
    assert _imported(place, "why", "1") == FIRST | {"runforge.__main__"}


def test_the_path_is_what_site_makes_it() -> None:
    code = (
        "import sys; sys.path.append({place!r}); from runforge import own_python\n"
        "own_python.guard(); own_python.complete()\n"
        "print(*sorted(set(sys.path)), sys.prefix, sys.executable, sep='\\n')"
    )

    def path(*options: str) -> str:
        return subprocess.run(
            [sys.executable, *options, "-c", code.format(place=str(PACKAGE.parent))],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": f"/nowhere:{PACKAGE.parent / 'docs'}"},
        ).stdout

    assert path("-S") == path()
    assert own_python._state["is_whole"]


def test_the_path_is_whole_before_the_first_library_is_searched_for() -> None:
    code = (
        f"import sys; sys.path.append({str(PACKAGE.parent)!r}); from runforge import own_python; own_python.guard()\n"
        "import json, runforge.cli.main, runforge.digest; print('site' in sys.modules)\n"
        "import typer; print('site' in sys.modules, typer.__file__ != '')\n"
    )
    run = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["False", "True True"]


def test_other_processes_get_a_whole_path() -> None:
    code = (
        f"import sys; sys.path.append({str(PACKAGE.parent)!r}); from runforge import own_python; own_python.guard()\n"
        "words = own_python.command('m'); print('site' in sys.modules, *words[words.index('-c') + 2].split())\n"
    )
    run = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    is_whole, *path = run.stdout.split()
    assert is_whole == "True"
    assert any(entry.endswith("site-packages") for entry in path)
