"""RunForge's own paths are those of `pathlib`."""

from __future__ import annotations

import contextlib
import copy
import os
import pathlib
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runforge.paths import Path

#: A busy machine is no fault.
SLOWLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

PARTS = st.lists(st.sampled_from(["a", "bc.d", ".", "..", "", "/", "~", ".h", "a b", "é"]), max_size=5)
TEXTS = PARTS.map("/".join)
#: What both answer with a text, a path, a truth or an error.
ASKED: list[Callable[[Any], Any]] = [
    str,
    os.fspath,
    lambda path: path.name,
    lambda path: path.parent,
    lambda path: list(path.parents),
    lambda path: path.with_name("new"),
    lambda path: path.with_name(".."),
    lambda path: path.with_name("a/b"),
    lambda path: path / "below",
    lambda path: path / "/root",
    lambda path: "above" / path,
    lambda path: path.relative_to("a"),
    lambda path: path.relative_to("/"),
    lambda path: path.relative_to("."),
    lambda path: path.as_posix(),
    lambda path: path.is_absolute(),
    lambda path: path.suffix,  # asked of pathlib
    lambda path: path.is_relative_to("/a"),
    hash,
]


def _answer(ask: Callable[[Any], Any], path: Any) -> object:
    try:
        found = ask(path)
    except (ValueError, OSError, RuntimeError) as error:
        return type(error)
    if isinstance(found, list):
        return [str(each) for each in found]
    return str(found) if hasattr(found, "__fspath__") else found


@SLOWLY
@given(TEXTS, st.sampled_from(ASKED))
def test_both_say_the_same(text: str, ask: Callable[[Any], Any]) -> None:
    assert _answer(ask, Path(text)) == _answer(ask, pathlib.Path(text))


@SLOWLY
@given(TEXTS, TEXTS)
def test_both_join_and_compare_the_same(one: str, other: str) -> None:
    ours, theirs = Path(one, other), pathlib.Path(one, other)
    assert str(ours) == str(theirs)
    assert str(Path(one) / other) == str(pathlib.Path(one) / other)
    assert ours == theirs
    assert theirs == ours
    assert (Path(one) == Path(other)) == (pathlib.Path(one) == pathlib.Path(other))
    assert (Path(one) < Path(other)) == (pathlib.Path(one) < pathlib.Path(other))
    assert Path(one) != one


def _all_kinds(folder: pathlib.Path) -> list[str]:
    (folder / "file").write_text("text\n")
    (folder / "folder").mkdir()
    (folder / "link").symlink_to("file")
    (folder / "dangling").symlink_to("nothing")
    (folder / "circle").symlink_to("circle")
    (folder / "pipe").touch()
    return ["file", "folder", "link", "dangling", "circle", "nothing", "file/below", "nul\0"]


LOOKS: list[Callable[[Any], Any]] = [
    lambda path: path.exists(),
    lambda path: path.is_dir(),
    lambda path: path.is_file(),
    lambda path: path.is_symlink(),
    lambda path: path.stat().st_ino,
    lambda path: path.lstat().st_ino,
    lambda path: path.read_bytes(),
    lambda path: path.read_text("utf-8"),
    lambda path: path.unlink(missing_ok=True) if "nothing" in path.name else None,
    lambda path: path.mkdir(),
]


@pytest.mark.parametrize("number", range(len(LOOKS)))
def test_both_see_the_same(tmp_path: pathlib.Path, number: int) -> None:
    found = []
    for kind in (Path, pathlib.Path):
        folder = tmp_path / kind.__module__
        folder.mkdir()
        names = _all_kinds(folder)
        answers = [_answer(LOOKS[number], kind(folder, name)) for name in names]
        found.append(
            [type(answer) if isinstance(answer, int) and answer > 1 else answer for answer in answers]
        )
    assert found[0] == found[1]


def test_links_are_resolved(tmp_path: pathlib.Path) -> None:
    _all_kinds(tmp_path)
    for name in ("link", "nothing"):
        assert Path(tmp_path, name).resolve() == (tmp_path / name).resolve()
    assert Path(tmp_path, "link").resolve(strict=True) == tmp_path.resolve() / "file"
    for name in ("nothing", "circle"):
        with pytest.raises((OSError, RuntimeError)):
            Path(tmp_path, name).resolve(strict=True)


def test_the_home_folder_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert Path.home() == pathlib.Path.home() == tmp_path
    assert Path("~/x").expanduser() == tmp_path / "x"
    assert Path("x").expanduser() == pathlib.Path("x")
    assert Path.cwd() == pathlib.Path.cwd()
    with pytest.raises(RuntimeError):
        Path("~nobody-of-this-name").expanduser()


def test_a_path_is_copied_and_used_as_a_file(tmp_path: pathlib.Path) -> None:
    path = Path(tmp_path, "f")
    with open(path, "w", encoding="ascii") as file:
        file.write("x")
    for twin in (copy.copy(path), copy.deepcopy(path), pickle.loads(pickle.dumps(path))):
        assert twin == path
        assert {twin} == {pathlib.Path(path)}
    with contextlib.closing(path.open("rb")) as opened:  # what it does not have is asked of pathlib
        assert opened.read() == b"x"
    with pytest.raises(AttributeError):
        _ = path.no_such_thing  # type: ignore[attr-defined]
