"""`runforge gpus`: what is on each device, which runs hold it, and why it gets no new ones."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest

from runforge.cli import gpus as command
from runforge.errors import Missing, OperationFailed
from runforge.machine import gpu_lease
from runforge.machine.gpu_world import Owner
from runforge.store.opening import open_journal
from runforge.views import gpus
from runforge.views.gpus import GpuShown, Holder
from runforge.workspace import Workspace
from tests.machine.nvml import FakeNvml, uuid

GIB = 2**30
WHY = "3 runs failed here"


@pytest.fixture
def quarantined(ws: Workspace, nvml: FakeNvml) -> Workspace:
    nvml.says([{"used": 100 * 2**20, "use": 7}, {}, {"errors": {"nvmlDeviceGetUUID": "GpuIsLost"}}])
    with open_journal(ws, create=True) as journal, journal.write() as tx:
        tx.run("attempts.quarantine", device=uuid(1), now="2026-01-01T00:00:00.000Z", reason=WHY)
    return ws


@pytest.fixture
def run(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(release: str | None = None, *, as_json: bool = False) -> str:
        assert command.gpus(ws.root, as_json, False, release) == 0
        return capsys.readouterr().out

    return run


@pytest.mark.usefixtures("quarantined")
def test_each_device_has_a_line(run: Callable[..., str]) -> None:
    said = run().splitlines()
    assert [line.split() for line in said[:2]] == [
        ["GPU", "NAME", "MEMORY", "USE", "HELD", "BY"],
        ["0", "Fake", "H200", "0.1", "of", "80.0", "GiB", "7", "%", "nobody"],
    ]
    assert f": {WHY}; `runforge gpus --release 1`" in said[2]
    assert "quarantined since 2026-01-01" in said[2]
    assert said[3:] == ["GPU 2 cannot be used: GpuIsLost by nvmlDeviceGetUUID"]


@pytest.mark.usefixtures("quarantined")
def test_json_has_all_of_it(run: Callable[..., str]) -> None:
    document = json.loads(run(as_json=True))
    assert document["schema"] == "runforge.gpus/1"
    first, second = document["data"]["gpus"]
    assert first == {
        "index": 0,
        "uuid": uuid(0),
        "name": "Fake H200",
        "memory_mb": 81920,
        "used_mb": 100,
        "use": 7,
        "runs": [],
        "processes": [],
        "held_by": None,
        "quarantined": None,
        "is_known": True,
        "has_pids": True,
    }
    assert second["quarantined"] == {"since": "2026-01-01T00:00:00.000Z", "reason": WHY}
    assert document["data"]["refused"] == ["GPU 2 cannot be used: GpuIsLost by nvmlDeviceGetUUID"]


@pytest.mark.usefixtures("quarantined")
@pytest.mark.parametrize("name", ["1", uuid(1), "gpu-00000001"])
def test_a_quarantined_device_is_given_back(run: Callable[..., str], name: str) -> None:
    assert f"Released {uuid(1)}" in run(name)
    assert WHY not in run()
    with pytest.raises(OperationFailed, match="is not quarantined"):
        run(name)


@pytest.mark.usefixtures("quarantined")
def test_a_device_that_is_gone_is_given_back_by_its_uuid(run: Callable[..., str], nvml: FakeNvml) -> None:
    nvml.says(1)
    with pytest.raises(Missing, match="no GPU is called"):
        run("7")
    assert f"Released {uuid(1)}" in run(uuid(1))


def test_a_broken_driver_and_none_are_told_apart(nvml: FakeNvml, run: Callable[..., str]) -> None:
    nvml.says(2, errors={"nvmlInit": "LibRmVersionMismatch"})
    assert "does not work: LibRmVersionMismatch by nvmlInit; runs that need a GPU wait" in run()
    nvml.says(2, errors={"nvmlInit": "DriverNotLoaded"})
    assert run() == "No GPU: DriverNotLoaded by nvmlInit\n"


def test_strangers_and_other_queues_are_named(ws: Workspace, nvml: FakeNvml) -> None:
    nvml.says([{"processes": [{"pid": os.getpid(), "memory": 2 * GIB}]}, {}])
    lock = gpu_lease.take(uuid(1), "b" * 16, is_whole=True)
    assert lock is not None
    first, second = gpus.read(ws).gpus
    os.close(lock)
    (stranger,) = first.processes
    assert (stranger.pid, stranger.memory_mb) == (os.getpid(), 2048)
    assert f"(pid {os.getpid()}, 2.0 GiB), not RunForge's" in gpus.held_text(first)
    assert gpus.held_text(second).startswith("held by another queue")


def test_the_words_for_runs() -> None:
    runs = (Holder(41, "r41", "lm", None, 62669), Holder(44, "r44", "eval", 9216, None))
    other = Owner(9, "python", "eve", 1024, run_id="r9", token="t")
    shown = GpuShown(0, "GPU-0", "H100", 81500, 62669, 98, (*runs, Holder(5, "r5", "x", 0, 10)), (other,))
    shown_text = gpus.held_text(shown)
    assert shown_text == (
        "41 lm (61.2 GiB), 44 eval (9.0 GiB), 5 x (10 MiB); eve: python (pid 9, 1.0 GiB), run r9 of another queue"
    )
    assert gpus.memory_text(shown) == "61.2 of 79.6 GiB"
    doubtful = GpuShown(0, "GPU-0", "H100", 0, None, None, is_known=False, has_pids=False)
    assert gpus.memory_text(doubtful) == "not reported"
    assert "memory alone decides" in gpus.held_text(doubtful)
