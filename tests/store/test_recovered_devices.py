"""Which devices an attempt had, by its spec: of every version, and of none."""

from __future__ import annotations

from typing import Any

import pytest

from runforge.store.recovery.from_attempts import _devices


@pytest.mark.parametrize(
    ("grant", "uuids"),
    [
        ({"gpus": 2, "gpu": {"uuid": "A"}, "devices": [{"uuid": "A"}, {"uuid": "B"}]}, ["A", "B"]),
        ({"gpus": 2, "gpu": None, "devices": []}, []),
        ({"gpus": 2, "gpu": {"uuid": "A"}}, ["A"]),
        ({"gpus": 0, "gpu": None}, []),
        ({"devices": [None]}, []),
        ({}, []),
    ],
)
def test_devices_are_read_from_the_spec(grant: dict[str, Any], uuids: list[str]) -> None:
    assert _devices({"payload": {"grant": grant}}) == uuids
    assert _devices({}) == _devices(None) == []
