"""Where a journal may lie: no network file system."""

from __future__ import annotations

from pathlib import Path

import pytest

from runforge.errors import Missing
from runforge.store.filesystems import filesystem_of, is_network, require_local


def test_network_file_systems_are_refused_with_the_way_out(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:40 / /home/ada\\040l rw - nfs4 server:/home rw\n"
    )
    assert filesystem_of(Path("/home/ada l/work"), mounts) == "nfs4"
    assert filesystem_of(Path("/home/ada"), mounts) == "ext4"
    with pytest.raises(Missing, match="--state-dir"):
        require_local(Path("/home/ada l/work"), mounts)
    assert not is_network("xfs")
