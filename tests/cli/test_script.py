"""The installed command finds its interpreter, whatever characters the path has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import big
from runforge import __version__

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
_BODY = "import sys\nfrom runforge.__main__ import main\nsys.exit(main())\n"
#: How installers begin `runforge-cli`.
BEGINNINGS = {
    "a path": "#!{python}\n",
    "pip": "#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n",
    "uv": "#!/bin/sh\n'''exec' '{python}' \"$0\" \"$@\"\n' '''\n",
    "with options": "#!{python} -sP\n",
}


@pytest.fixture(params=["plain", "with a space", "it's"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An environment's folder of programs, with an interpreter that finds RunForge."""
    folder = tmp_path / str(request.param) / "bin"
    folder.mkdir(parents=True)
    (folder / "runforge").write_bytes((ROOT / "scripts" / "runforge").read_bytes())
    (folder / "runforge").chmod(0o755)
    return folder


def _install(folder: Path, beginning: str) -> None:
    """Put an interpreter and a `runforge-cli` into the folder."""
    python = folder / "python"
    python.symlink_to(sys.executable)
    (folder.parent / "pyvenv.cfg").write_text(f"home = {Path(sys.base_prefix, 'bin')}\n")
    packages = folder.parent / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "here.pth").write_text(f"{ROOT}\n")
    script = folder / "runforge-cli"
    script.write_text(BEGINNINGS[beginning].format(python=python) + _BODY)
    script.chmod(0o755)


def _said(command: list[str], folder: Path, **env: str) -> str:
    whole = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=folder, env={**whole, **env}, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_it_finds_its_interpreter(place: Path, tmp_path: Path, beginning: str) -> None:
    if beginning in {"a path", "with options"} and place.parent.name != "plain":
        pytest.skip("no installer writes this: the kernel cannot read it")
    if beginning == "with options" and sys.version_info < (3, 11):
        pytest.skip("-P is younger")
    if beginning == "uv" and "'" in str(place):
        pytest.skip("uv writes such a path in another way")
    _install(place, beginning)
    said = f"runforge {__version__}\n"
    assert _said([str(place / "runforge"), "--version"], tmp_path) == said
    (tmp_path / "links").mkdir()
    (link := tmp_path / "links" / "runforge").symlink_to(place / "runforge")
    assert _said([str(link), "--version"], tmp_path) == said
    (tmp_path / "links" / "runforge-cli").symlink_to(place / "runforge-cli")
    assert _said([str(link), "--version"], tmp_path) == said
    assert _said(["runforge", "--version"], tmp_path, PATH=f"{place}:{os.environ['PATH']}") == said
    assert _said(["sh", "runforge", "--version"], place) == said


def test_a_stranger_beside_a_link_is_not_asked(tmp_path: Path, place: Path) -> None:
    _install(place, "pip")
    (tmp_path / "links").mkdir()
    (link := tmp_path / "links" / "runforge").symlink_to(place / "runforge")
    (stranger := tmp_path / "links" / "runforge-cli").write_text("#!/bin/false\n")
    stranger.chmod(0o755)
    assert _said([str(link), "--version"], tmp_path) == f"runforge {__version__}\n"


def test_its_words_are_passed_on_as_they_are(place: Path) -> None:
    _install(place, "pip")
    done = subprocess.run(
        [str(place / "runforge"), "show", "*", "-w", "a  b $x *"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr.startswith("ERROR: workspace not found: a  b $x *. ")


#: How RunForge lies in an environment: its checkout is named there, or it lies there itself.
PLACES = {
    "a checkout": lambda packages: (packages / "_editable_impl_runforge.pth").write_text(f"{ROOT}\n"),
    "a copy": lambda packages: (packages / "runforge").symlink_to(ROOT / "runforge"),
    "named by another file": lambda packages: (packages / "here.pth").write_text(f"{ROOT}\n"),
}


@pytest.mark.parametrize(
    "place", ["plain"], indirect=True
)  # others are started by the installer's own script
@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("has_sqlite", [True, False], ids=["its SQLite", "Python's SQLite"])
def test_short_commands_begin_without_site(place: Path, tmp_path: Path, kind: str, has_sqlite: bool) -> None:
    """Where all that they need lies where it is expected. Others get the path that `site` makes, whoever makes it."""
    pysqlite3 = pytest.importorskip("pysqlite3")
    _install(place, "a path")
    packages = place.parent / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    (packages / "here.pth").unlink()
    PLACES[kind](packages)
    if has_sqlite:
        (packages / "pysqlite3").symlink_to(Path(pysqlite3.__file__).parent)
    big.make(tmp_path / "ws", 3, 1)

    def imported(*words: str) -> set[str]:
        run = subprocess.run(
            [str(place / "runforge"), words[0], "-w", str(tmp_path / "ws"), *words[1:]],
            env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"},
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        lines = [line for line in run.stderr.splitlines() if line.startswith("import time:")]
        return {line.rpartition("|")[2].strip() for line in lines}

    assert ("site" in imported("jobs")) == (not has_sqlite or kind == "named by another file")
    assert ("site" in imported("config")) == ("site" in imported("jobs"))
    assert ("site" in imported("submit", "--", "true")) == ("site" in imported("jobs"))
    assert "site" in imported("jobs", "--limit=2")  # before the first library, which is not there
