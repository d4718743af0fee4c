"""Which of its devices a daemon is left by `--devices`."""

from __future__ import annotations

import pytest

from runforge.machine.gpu_choice import restricted
from runforge.machine.gpu_world import Seen
from runforge.machine.gpus import Gpu, Gpus
from tests.machine.nvml import uuid

FOUR = Gpus(
    tuple(Gpu(number, uuid(number), "a card", 81920) for number in range(4)),
    seen=tuple(Seen(uuid(number), 81920, number, 0, 0, True) for number in range(4)),
)


@pytest.mark.parametrize(
    ("devices", "indices"), [("2,0", [2, 0]), (uuid(3), [3]), ("GPU-00000001,3", [1, 3]), ("0,0", [0])]
)
def test_the_devices_that_are_named_are_left_with_what_was_seen(devices: str, indices: list[int]) -> None:
    own = restricted(FOUR, devices)
    assert [gpu.index for gpu in own.usable] == indices
    assert [each.used_mb for each in own.seen] == indices


def test_a_name_of_nothing_is_told_with_the_option_s_name() -> None:
    own = restricted(FOUR, "7")
    assert own.problem == "--devices is '7', which names none of this machine's GPUs"
    (remark,) = restricted(FOUR, "1,9").remarks
    assert remark.startswith("--devices is '1,9': '9' names no GPU here")
    assert restricted(Gpus(absence="no driver"), "1").absence == "no driver"
