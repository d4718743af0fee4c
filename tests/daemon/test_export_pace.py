"""How often a daemon writes the exports: by what they cost."""

from __future__ import annotations

import pytest

from runforge.daemon.housekeeping import EXPORT_SECONDS, EXPORT_SHARE, OLDEST_SECONDS, WAITING_SHARE, pause


@pytest.mark.parametrize(
    ("took", "processor", "wanted"),
    [
        (0.001, 0.001, EXPORT_SECONDS),  # at most five times a second
        (0.05, 0.05, 1.0),  # a twentieth of its time
        (0.06, 0.01, 1.2),
        (0.3, 0.05, 1.7),  # it waited: with the write itself they get two seconds old
        (0.3, 0.2, 4.0),  # the processor alone takes longer than that
        (3.0, 0.01, 15.0),  # a daemon that waits is deaf: never for more than a fifth of its time
        (3.0, 1.0, 20.0),
        (0.5, 0.5, 10.0),
    ],
)
def test_the_pause_follows_the_cost(took: float, processor: float, wanted: float) -> None:
    assert pause(took, processor) == pytest.approx(wanted)


def test_no_share_is_exceeded() -> None:
    for took, processor in ((0.3, 0.3), (0.9, 0.2), (5.0, 1.0), (5.0, 0.0), (60.0, 20.0)):
        assert processor / pause(took, processor) <= EXPORT_SHARE + 1e-9
        assert took / pause(took, processor) <= WAITING_SHARE + 1e-9
    assert OLDEST_SECONDS >= EXPORT_SECONDS
