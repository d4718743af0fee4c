"""What the machine and a run's past say is shown, and does nothing to the terminal."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from rich.text import Text

from runforge.core.used import Used
from runforge.machine.load import GpuProcess, GpuView, Machine
from runforge.tui.machine_history import History
from runforge.tui.machine_view import MachineView
from runforge.tui.run_info import info_text
from runforge.views.queue_snapshot import JobQuery, QueueReader, QueueSnapshot
from runforge.views.shown import AttemptView, RunView
from runforge.workspace import Workspace
from tests.hostile import harm_in

from .kit import enqueue, jobs_of, lived

HOSTILE = "\x1b]2;PWNED\x07\x9b31m\u202e[@click=app.quit]q[/]"


def harm(text: Text) -> list[str]:
    assert "PWNED" in text.plain
    return harm_in(text.plain.encode("utf-8", "surrogatepass"))


def test_a_runs_past_is_harmless(ws: Workspace) -> None:
    enqueue(ws, runs=1)
    attempt = AttemptView(1, "now", "now", HOSTILE, HOSTILE, 1, 9, HOSTILE, (HOSTILE,))
    entry = {"at": "now", "event": "failed", "attempt": 1, "detail": {"error": HOSTILE}}
    job = jobs_of(ws)["0001"]
    for view in (
        RunView(job, [attempt], [], str(ws.root / job.run_dir)),
        RunView(job, [], [entry], str(ws.root / job.run_dir)),
        RunView(job, [], [], str(ws.root / HOSTILE)),
    ):
        assert harm(info_text(view)) == []


def machine(*gpus: GpuView, problem: str | None = None) -> Machine:
    return Machine(1, (0.0, 0.0, 0.0), 0.0, 1, 2, 1, 2, 1, 2, list(gpus), problem)


def gpu(name: str, *processes: GpuProcess) -> GpuView:
    return GpuView(0, name, "GPU-0", 1, 1, 2, 30, 10.0, list(processes))


def test_names_of_the_machine_are_harmless(ws: Workspace) -> None:
    lived(ws)
    reader = QueueReader(ws)
    snapshot = reader.snapshot(JobQuery())
    reader.close()
    hostile_run = [job._replace(run_id=HOSTILE) for job in snapshot.running[:1]]
    for seen, queue in (
        (machine(problem=HOSTILE), snapshot),
        (replace(machine(), gpu_absence=HOSTILE), snapshot),
        (machine(gpu(HOSTILE)), snapshot),
        (machine(gpu("A", GpuProcess(1, HOSTILE, 1, None, "me"))), snapshot),
        (machine(gpu("A", GpuProcess(1, "python", 1, None, HOSTILE))), snapshot),
        (machine(gpu("A", GpuProcess(1, "python", 1, HOSTILE, "me"))), snapshot),
        (machine(replace(gpu("A"), held=(HOSTILE,))), snapshot),
        (machine(), snapshot._replace(running=hostile_run)),
        (machine(), snapshot._replace(daemon=snapshot.daemon._replace(gpu_problem=HOSTILE))),
    ):
        assert harm(shown(seen, queue)) == []


def test_who_holds_a_gpu_is_shown(ws: Workspace) -> None:
    lived(ws)
    with contextlib.closing(QueueReader(ws)) as reader:
        snapshot = reader.snapshot(JobQuery())
    held = ("41 lm (9.0 GiB)", "held by another queue of eve")
    lines = shown(machine(replace(gpu("A"), held=held)), snapshot).plain.splitlines()
    assert [line.strip() for line in lines[-2:]] == [*held]


def test_what_an_attempt_used_is_shown(ws: Workspace) -> None:
    enqueue(ws, runs=1)
    job = jobs_of(ws)["0001"]
    used = Used({"GPU-0": 62669}, 43.2, 8.0, 900.0, 61.0, 0.5)
    attempt = AttemptView(
        1, "2026-01-01T00:00:00.000Z", None, None, None, 0, None, "a", ("a", "b"), used=used
    )
    said = info_text(RunView(job, [attempt], [], str(ws.root / job.run_dir))).plain
    assert "GPU a, b" in said
    assert "used GPU memory 61.2 GiB, GPU 43 % busy, watched for 50% of its time, memory 900 MiB" in said


def shown(seen: Machine, queue: QueueSnapshot) -> Text:
    view = MachineView()
    view.show(seen, queue, History())
    return view.render()
