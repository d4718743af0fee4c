"""`doctor --slurm`: each thing that keeps runs from going over Slurm is told, with what to do."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from gauntlets import slurm_cluster
from runforge.backends.slurm import pilot_probe, probe, probe_files
from runforge.backends.slurm.options import SlurmOptions
from runforge.backends.slurm.pilot_terms import Terms
from runforge.workspace import Workspace
from tests.slurm.fake_slurm import FakeSlurm

pytestmark = pytest.mark.slow
Run = Callable[..., subprocess.CompletedProcess[str]]
PILOTS = Terms(most=2, slots=4, seconds=7200.0, idle=60.0, cpus=2, mem_mb=1000)
NODES = """\
n1|mixed|main*|1-00:00:00|16|64000|none
n2|drained*|main*|1-00:00:00|64|64000|Not responding | since noon
n3|idle|short|30:00|4|4000|none
"""


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
    assert found[-1][2] == "Slurm takes --partition=gpu"
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


def test_pilots_that_slurm_grants(told: FakeSlurm) -> None:
    told.set(nodes=NODES)
    found = probe.commands(SlurmOptions(pilots=PILOTS))
    assert found[-1] == (
        *("pilots", "ok"),
        "Slurm grants 4 slots on one node (8 CPUs, 4000M) for 2h00m, in main; 2 at most",
    )
    assert told.calls("sbatch")[-1][1:] == ["--test-only", "--time=120", "--cpus-per-task=8", "--mem=4000M"]
    assert not told.jobs(), "nothing is submitted"
    told.fault("sinfo", "unreachable")
    assert probe.commands(SlurmOptions(pilots=PILOTS)) == found


@pytest.mark.parametrize(
    ("partition", "there_is"),
    [
        ("", "; the largest node, n1, has 16 CPUs and 64000M"),
        ("short", "; the largest node, n3, has 4 CPUs and 4000M"),
        ("unknown", ""),
    ],
)
def test_pilots_that_slurm_refuses(told: FakeSlurm, partition: str, there_is: str) -> None:
    told.set(nodes=NODES)
    told.fault("sbatch", "too large")
    found = pilot_probe.look(SlurmOptions(extra=("-p", partition) if partition else ()), PILOTS)
    refused = "4 slots on one node (8 CPUs, 4000M) for 2h00m: Requested node configuration is not available"
    fix = "Lower `slots`, `cpus` or `mem` of [slurm] pilots in config.toml"
    assert found == [("pilots", "problem", f"Slurm does not grant {refused}{there_is}. {fix}")]
    told.set(nodes=NODES.replace("mixed", "down"))
    ((_, _, text),) = pilot_probe.look(SlurmOptions(), PILOTS)
    assert "; no node of main takes jobs now: n1 down, n2 drained* (Not responding | since noon). " in text
    told.controller_is_gone()
    assert pilot_probe.look(SlurmOptions(), PILOTS)[0][:2] == ("pilots", "warning")


def test_a_pilot_that_is_longer_than_its_partition_allows(told: FakeSlurm) -> None:
    told.set(nodes=NODES)
    (found,) = pilot_probe.look(SlurmOptions(), PILOTS._replace(seconds=2 * 86400.0))
    assert found[:2] == ("pilots", "problem")
    assert "asks for 2d00h, and main gives 1d00h at most. Lower `time` of [slurm] pilots" in found[2]
    told.set(nodes=NODES.replace("1-00:00:00", "infinite"))
    assert pilot_probe.look(SlurmOptions(), PILOTS._replace(seconds=2 * 86400.0))[0][1] == "ok"


def test_what_is_usual_for_runs_may_not_fit_into_a_pilot(told: FakeSlurm) -> None:
    assert told.bin.is_dir()
    fitting = SlurmOptions(cpus=2, mem="1000", time="1:00:00")
    assert [status for _, status, _ in pilot_probe.look(fitting, PILOTS)] == ["ok"]
    _, *found = pilot_probe.look(SlurmOptions(cpus=4, mem="2G", time="4:00:00"), PILOTS)
    assert [status for _, status, _ in found] == ["warning"] * 3
    assert [text.partition(". ")[0] for _, _, text in found] == [
        f"a run that says nothing of `{name}` gets [slurm] {name} = {value}"
        for name, value in (("cpus", 4), ("mem", "2G"), ("time", "4:00:00"))
    ]


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
        for pilots, words in (
            ('slots = 64, time = "10:00"', "; the largest node, n1, has "),
            ('slots = 2, time = "2-0"', "main gives 1d00h at most"),
        ):
            config.write_text(f'[daemon]\nbackend = "slurm"\n[slurm]\npilots = {{ count = 1, {pilots} }}\n')
            done = cli("doctor", "-w", ws.root, **cluster.environment)
            assert done.returncode == 1
            assert words in done.stdout


def test_a_queue_of_this_machine_asks_no_slurm(cli: Run, slurm: FakeSlurm, ws: Workspace) -> None:
    done = cli("doctor", "-w", ws.root, PATH=f"{slurm.bin}:/usr/bin:/bin")
    assert "slurm" not in done.stdout
    assert not slurm.calls()
