"""`doctor --slurm`: each thing that keeps runs from going over Slurm is told, with what to do."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from gauntlets import slurm_cluster
from runforge.backends.slurm import probe, probe_files
from runforge.backends.slurm.options import SlurmOptions
from runforge.workspace import Workspace
from tests.slurm.fake_slurm import FakeSlurm

pytestmark = pytest.mark.slow
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def told(slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """A made-up Slurm whose commands are on the PATH, and whose nodes take jobs at once."""
    monkeypatch.setenv("PATH", f"{slurm.bin}:/usr/bin:/bin")
    slurm.set(begins=True)
    return slurm


def node(ws: Workspace, **settings: str) -> dict[str, tuple[str, str]]:
    rows = probe.node(ws.hidden, SlurmOptions(**settings), lambda _: None)
    assert not list(ws.hidden.glob("probe-*"))
    return {name: (status, text) for name, status, text in rows}


def test_all_is_well(told: FakeSlurm, ws: Workspace) -> None:
    found = probe.commands(SlurmOptions(partition="gpu"))
    assert [status for _, status, _ in found] == ["ok"] * 3
    assert found[-1][2] == "Slurm takes them: --partition=gpu"
    rows = node(ws)
    assert {status for status, _ in rows.values()} == {"ok"}
    assert set(rows) == {"node", "folder", "links", "names", "locks", "clock"}
    assert "200 names" in rows["links"][1]
    assert told.jobs()[0]["name"].startswith("rf-probe-")


def test_where_slurm_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert probe.commands(SlurmOptions())[0][1:] == (
        *(
            "problem",
            "sbatch, squeue, scancel, scontrol: not on the PATH. Load Slurm's module, or use a login node",
        ),
    )


def test_a_silent_controller_and_refused_options(told: FakeSlurm) -> None:
    told.fault("sbatch", "refused")
    name, status, text = probe.commands(SlurmOptions(partition="nope"))[-1]
    assert (name, status) == ("options", "problem")
    assert text.startswith("Slurm refuses --partition=nope: Invalid partition name specified. See `sinfo -s`")
    told.controller_is_gone()
    found = probe.commands(SlurmOptions())
    assert [status for _, status, _ in found] == ["problem"]
    assert "Unable to contact slurm controller" in found[0][2]


def test_no_node_has_room(told: FakeSlurm, ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    told.set(begins=False)
    monkeypatch.setattr(probe, "_NODE_SECONDS", 4.0)
    status, text = node(ws)["node"]
    assert status == "warning"
    assert "no node took the probe" in text
    assert "Priority" in text
    assert told.jobs()[0]["state"] == "CANCELLED"


def test_a_node_without_python(told: FakeSlurm, ws: Workspace) -> None:
    status, text = node(ws, python="/nowhere/python")["node"]
    assert status == "problem"
    assert "/nowhere/python" in text
    assert "Set `python` or `setup` in [slurm]" in text
    assert told.jobs()


def test_two_winners_are_seen(told: FakeSlurm, ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told.bin.is_dir()
    take = probe_files.take
    # A file system on which this side believes that it has won each name, whoever was first: the node wins them all too.
    monkeypatch.setattr(probe_files, "take", lambda *words: words[1] == "race" or take(*words))
    status, text = node(ws)["links"]
    assert status == "problem"
    assert "names were made twice" in text


def test_on_a_cluster(cli: Run, ws: Workspace) -> None:
    why = slurm_cluster.lacking()
    if why is not None:
        pytest.skip(why)
    with slurm_cluster.running(nodes=1) as cluster:
        done = cli("doctor", "--slurm", "-w", ws.root, **cluster.environment)
        assert done.returncode == 0, done.stdout
        assert "link() has one winner" in done.stdout
        assert not list(ws.hidden.glob("probe-*"))
        config = ws.hidden / "config.toml"
        config.write_text('[daemon]\nbackend = "slurm"\n[slurm]\npartition = "nope"\n')
        config.chmod(0o600)
        done = cli("doctor", "-w", ws.root, **cluster.environment)
        assert done.returncode == 1
        assert "Slurm refuses --partition=nope: Invalid partition name specified" in done.stdout


def test_a_queue_of_this_machine_asks_no_slurm(cli: Run, slurm: FakeSlurm, ws: Workspace) -> None:
    done = cli("doctor", "-w", ws.root, PATH=f"{slurm.bin}:/usr/bin:/bin")
    assert "slurm" not in done.stdout
    assert not slurm.calls()
