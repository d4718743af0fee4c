"""config.toml: which file wins, what is refused, what is only told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runforge import config
from runforge.config import Stall
from runforge.errors import InvalidRequest, Missing
from runforge.workspace import Workspace


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home" / ".config" / "runforge"
    folder.mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return folder


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


def test_without_files_all_is_as_built_in(ws: Workspace) -> None:
    found = config.load(ws)
    assert found["guard.breaker"] == 5
    assert found["guard.stall"] == Stall(1800.0, kills=False)
    assert found["notify.to"] == []
    assert found["submit.gpus"] is None
    assert {value.source for value in found.values.values()} == {"built in"}


def test_the_workspace_wins_over_the_user_setting_by_setting(ws: Workspace, home: Path) -> None:
    mine = write(home / "config.toml", '[submit]\ngpus = 1\ntime = "2h"\n\n[guard]\nbreaker = "off"\n')
    here = write(ws.hidden / "config.toml", "[submit]\ngpus = 2 # more\nmax-parallel = 3\n")
    found = config.load(ws)
    assert [found[f"submit.{key}"] for key in ("gpus", "time", "max_parallel")] == [2, "2h", 3]
    assert found["guard.breaker"] == 0
    sources = [found.values[name].source for name in ("submit.gpus", "submit.time", "submit.max_parallel")]
    assert sources == [f"{here}:2", f"{mine}:3", f"{here}:3"]


def test_xdg_config_home_moves_the_users_file(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "xdg" / "runforge"
    folder.mkdir(parents=True)
    write(folder / "config.toml", "[guard]\nstall = '10m:kill'\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert config.load(ws)["guard.stall"] == Stall(600.0, kills=True)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(ws: Workspace, home: Path, mode: int) -> None:
    for path in (ws.hidden / "config.toml", home / "config.toml"):
        write(path, "[submit]\ngpus = 1\n", mode)
        with pytest.raises(Missing, match=r"other users may write it.*chmod go-w"):
            config.load(ws)
        path.unlink()


def test_a_folder_that_others_may_write_makes_its_file_refused(ws: Workspace, home: Path) -> None:
    write(home / "config.toml", "")
    home.chmod(0o777)
    with pytest.raises(Missing, match=r"runforge: other users may write it"):
        config.load(ws)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(ws: Workspace) -> None:
    path = write(ws.hidden / "config.toml", "")
    os.chown(path, 12345, -1)
    if os.stat(path).st_uid == os.geteuid():
        return  # a root without that right
    with pytest.raises(Missing, match="belongs to another user"):
        config.load(ws)


def test_a_users_file_may_be_a_link_as_dotfiles_are_but_not_the_workspaces(
    ws: Workspace, home: Path, tmp_path: Path
) -> None:
    real = write(tmp_path / "dotfile.toml", "[submit]\ngpus = 4\n")
    (home / "config.toml").symlink_to(real)
    assert config.load(ws)["submit.gpus"] == 4
    (ws.hidden / "config.toml").symlink_to(real)
    with pytest.raises(Missing, match="cannot be read"):
        config.load(ws)


def test_a_pipe_or_a_giant_is_refused_at_once(ws: Workspace) -> None:
    path = ws.hidden / "config.toml"
    os.mkfifo(path)
    with pytest.raises(Missing, match="cannot be read"):
        config.load(ws)
    path.unlink()
    write(path, "#" * (2 << 20))
    with pytest.raises(Missing, match="cannot be read"):
        config.load(ws)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[submit]\ngpu = 1\n", "config.toml:2: unknown setting 'gpu' in [submit]. Did you mean 'gpus'?"),
        ("[submt]\n", "unknown section 'submt'. Did you mean 'submit'?"),
        ("gpus = 1\n", "unknown setting outside of a section 'gpus'. Did you mean 'gpus'?"),
    ],
)
def test_what_is_unknown_is_told_with_what_was_meant(ws: Workspace, text: str, said: str) -> None:
    write(ws.hidden / "config.toml", text)
    (warning,) = config.load(ws).warnings
    assert said in warning


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[submit]\n\ngpus = 'two'\n", r"config.toml:3: \[submit\] gpus: a whole number from 0 to 1024"),
        ("[submit]\ngpus = true\n", "whole number"),
        ("[submit]\nsnapshot = 1\n", "true or false"),
        ("[submit]\nnotify = 'nver'\n", "Did you mean 'never'"),
        ("[submit]\ntime = 'soon'\n", "config.toml:2: .*'soon' is not possible"),
        ("[submit]\nmem = 12\n", 'a text such as "10G"'),
        ("[guard]\nstall = '10m:die'\n", "is not possible"),
        ("[guard]\nbreaker = -1\n", "whole number"),
        ("[notify]\non = ['group_don']\n", "Did you mean 'group_done'"),
        ("[notify]\nto = [1]\n", "a list of texts"),
        ("[submit\n", r"it is not TOML: .*line 1"),
        ("\x00", "it is not TOML"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_file(ws: Workspace, text: str, said: str) -> None:
    write(ws.hidden / "config.toml", text)
    with pytest.raises(InvalidRequest, match=said) as caught:
        config.load(ws)
    assert str(ws.hidden / "config.toml") in str(caught.value)


def test_an_address_is_not_repeated_in_an_error(ws: Workspace) -> None:
    write(ws.hidden / "config.toml", "[notify]\nto = ['https://a.example/', 'hush-hush']\n")
    with pytest.raises(InvalidRequest, match="target 2 is no address") as caught:
        config.load(ws)
    assert "hush" not in str(caught.value)
