"""What the machine screen remembers: ten minutes, and not more."""

from __future__ import annotations

from math import isnan

from runforge.machine.load import GpuProcess, GpuView, Machine
from runforge.machine.run_load import RunLoad
from runforge.tui.machine_history import History
from runforge.tui.machine_screen import MachineScreen
from runforge.tui.sparkline import levels
from runforge.workspace import Workspace

from .kit import Looker, lived, look


def machine(cpu: float, *gpus: GpuView) -> Machine:
    return Machine(2, (0.0, 0.0, 0.0), cpu, 50, 100, 0, 0, 25, 100, list(gpus), None)


def test_what_is_older_than_ten_minutes_leaves() -> None:
    history = History()
    history.record(machine(10), {"a": RunLoad(150, 1_000)}, 1_000.0)
    history.record(machine(30), {}, 1_300.0)
    assert history.columns("cpu", 4) == [
        *history.columns("cpu", 4)[:1],
        10.0,
        *history.columns("cpu", 4)[2:3],
        30.0,
    ]
    assert history.last("cpu") == 30
    assert history.last("run a cpu") is None  # it has ended, and is still in the past
    assert 150.0 in history.columns("run a cpu", 4)
    history.record(machine(50), {}, 1_600.0)
    assert [value for value in history.columns("cpu", 4) if not isnan(value)] == [30.0, 50.0]
    assert all(map(isnan, history.columns("run a cpu", 4)))
    assert not any(name.startswith("run") for name in history._values)


def test_gpus_and_the_memory_of_runs_on_them_are_remembered() -> None:
    mine, other = GpuProcess(1, "python", 300, "a", "me"), GpuProcess(2, "python", 500, None, "you")
    gpu = GpuView(0, "H100", "GPU-1", 80, 800, 1000, 61, 350.0, [mine, other])
    history = History()
    history.record(machine(0, gpu), {}, 5.0)
    found = {name: history.last(f"gpu GPU-1 {name}") for name in ("use", "memory", "heat", "power")}
    assert found == {"use": 80, "memory": 80, "heat": 61, "power": 350}
    assert history.last("run a vram") == 300


def test_levels_are_between_nothing_and_all() -> None:
    assert levels([0.0, 50.0, 100.0, 150.0, float("nan")]) == "▁▅██·"
    assert levels([1.0, 2.0], 0.0) == "██"


def test_the_machine_screen_shows_the_past_from_the_first_look_on(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("m")
        await at.until(lambda: isinstance(at.app.screen, MachineScreen), "the machine")
        await at.sees("cores", "memory", "#1 ")

        def has_past() -> bool:
            lines = [line for line in at.lines if line.startswith((" memory", " disk"))]
            return len(lines) == 2 and all(any(sign in line for sign in "▁▂▃▄▅▆▇█") for line in lines)

        await at.until(has_past, "the past")
        before = at.app.history._newest
        await at.press("q")
        await at.until(lambda: at.app.history._newest > before, "it is watched on the queue screen, too", 20)

    look(ws, journey, size=(120, 40))
