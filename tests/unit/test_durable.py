"""Files that are synced together."""

from __future__ import annotations

from pathlib import Path

import pytest

from runforge.files import durable


@pytest.mark.parametrize("count", [3, 40])
def test_every_file_is_synced_and_a_missing_one_is_told(
    tmp_path: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / str(number) for number in range(count)]
    for file in files:
        file.write_bytes(b"x")
    synced: list[Path] = []
    really = durable.fsync_file
    monkeypatch.setattr(durable, "fsync_file", lambda path: (really(path), synced.append(path)))
    durable.fsync_files(files)
    assert sorted(synced) == sorted(files)
    files[count // 2].unlink()
    with pytest.raises(FileNotFoundError):
        durable.fsync_files(files)
