"""What the attempts used of their GPUs, added up from looks."""

from __future__ import annotations

import pytest

from runforge.core.outcome import ExitRecord
from runforge.core.used import Used
from runforge.daemon.gpu_use import GpuUse
from runforge.machine.gpu_world import Owner, Seen


def saw(uuid: str, use: int | None = None, has_pids: bool = True, used_mb: int = 0, **memory: int) -> Seen:
    owners = tuple(
        Owner(number, "python", "me", mb, token=token, is_ours=True)
        for number, (token, mb) in enumerate(memory.items())
    )
    return Seen(uuid, 81920, used_mb, 0, 0, is_known=True, owners=owners, has_pids=has_pids, use=use)


def record(seconds: float) -> ExitRecord:
    at = "2026-01-01T00:00:00.000Z"
    ended = ExitRecord("t", 0, None, False, False, None, at, at, int(seconds * 1000), 0, 0)
    return ended._replace(peak_rss_mb=900.5, cpu_seconds=12.25)


def test_the_highest_memory_and_the_mean_use_of_each_device_count() -> None:
    use = GpuUse()
    use.begin("t", ["a", "b"])
    use.begin("other", ["b"])
    looks = [(saw("a", 0, t=100), saw("b", 0, t=50)), (saw("a", 90, t=700), saw("b", 30, t=50, other=9))]
    looks += [(saw("a", 50, t=300), saw("b", 10))]
    for at, seen in enumerate(looks):
        use.add(seen, float(at))
        use.add(seen, at + 0.5)  # the same look, asked for again
    assert use.of("t", record(4)) == Used({"a": 700, "b": 50}, 45.0, 8.0, 900.5, 12.25, 0.5)
    assert use.of("other", None) == Used({"b": 9}, 20.0, 2.0)


def test_time_that_nobody_watched_is_not_made_up() -> None:
    use = GpuUse()
    use.begin("t", ["a"])
    use.add((saw("a", 100, t=1),), 0.0)
    use.add((saw("a", 100, t=1),), 500.0)
    assert use.of("t", record(500)) == Used({"a": 1}, 100.0, 500.0, 900.5, 12.25, 0.006)
    use.add((), 501.0)  # the driver is broken: nothing is known
    assert use.of("t", record(500)) == Used({"a": 1}, 100.0, 500.0, 900.5, 12.25, 0.006)


@pytest.mark.parametrize(("others", "peak"), [((), {"a": 5000}), (("x",), {})])
def test_without_pids_the_memory_of_a_device_is_that_of_its_only_run(
    others: tuple[str, ...], peak: dict[str, int]
) -> None:
    use = GpuUse()
    for token in ("t", *others):
        use.begin(token, ["a"])
    use.add((saw("a", has_pids=False, used_mb=5000),), 0.0)
    found = use.of("t", record(1))
    assert found is not None
    assert found.peak_vram == peak


def test_a_run_without_gpus_has_memory_and_time_alone() -> None:
    use = GpuUse()
    use.begin("t", [])
    assert use.of("t", record(1)) == Used(peak_rss_mb=900.5, cpu_seconds=12.25)
    assert use.of("t", None) is None
    use.begin("u", ["a"])
    assert use.of("u", None) is None
    use.forget("u")
    assert use.of("u", record(1)) == Used(peak_rss_mb=900.5, cpu_seconds=12.25)
