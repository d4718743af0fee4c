"""The start marker is on disk before anything starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runforge.attempts import start_marker
from tests.synced import Synced


def test_a_claim_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = Synced(monkeypatch)
    assert start_marker.claim(tmp_path, "token")
    assert synced.names == [start_marker.NAME]


def test_a_closed_folder_is_synced_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = Synced(monkeypatch)
    folder = tmp_path / "r" / "1"
    assert start_marker.close_missing(folder, "token")
    assert synced.names == [start_marker.NAME, "r"]
    assert os.listdir(folder) == [start_marker.NAME]


def test_a_link_whose_answer_was_lost_is_won_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def repeated(source: Path, name: Path) -> None:
        link(source, name)
        link(source, name)  # as a network file system does; it says that the name is there

    monkeypatch.setattr(os, "link", repeated)
    assert start_marker.claim(tmp_path, "first")
    monkeypatch.setattr(os, "link", link)
    assert not start_marker.claim(tmp_path, "second")
