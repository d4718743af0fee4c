"""A disk that is a file: a file system in an image on a loop device, whose power can be cut.

What a file system has not given to its device is not in the image. So a copy of the image, made while every
process is frozen, is what a machine finds after it lost its power at that moment. The device keeps all that
it got: a disk that loses its own cache, although it should not, is not tested.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from runforge.drills import mounts
from runforge.drills.file_drills import Skipped

_COPIES = 20


@dataclass(frozen=True, slots=True)
class FileSystem:
    """How a file system is made, and how large it must be."""

    mkfs: tuple[str, ...]
    megabytes: int


FILE_SYSTEMS = {
    "ext4": FileSystem(("mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,nodiscard"), 96),
    "xfs": FileSystem(("mkfs.xfs", "-q", "-f"), 320),
    "btrfs": FileSystem(("mkfs.btrfs", "-q", "-f"), 256),
}


def require_means() -> None:
    """Give this process its own mounts, so that none stays; Skipped if images cannot be mounted."""
    if os.geteuid() != 0:
        raise Skipped("needs root, to mount images of disks")
    for program in ("mount", "umount"):
        if shutil.which(program) is None:
            raise Skipped(f"needs the program {program}")
    if not os.path.exists("/dev/loop-control"):
        raise Skipped("needs loop devices: there is no /dev/loop-control")
    try:
        mounts.make_own()
    except OSError as error:
        raise Skipped(f"needs the right to mount ({error.strerror})") from None


class Disk:
    """An image and the folder where it is mounted."""

    def __init__(self, kind: str, folder: Path) -> None:
        """Make the image beside the folder and mount it; Skipped if this machine has no such file system."""
        self._folder = folder
        self._image = folder.with_name("disk.img")
        self._cut = folder.with_name("cut.img")
        self._kind = kind
        system = FILE_SYSTEMS[kind]
        if shutil.which(system.mkfs[0]) is None:
            raise Skipped(f"needs the program {system.mkfs[0]}")
        with open(self._image, "wb") as stream:
            stream.truncate(system.megabytes * 1024 * 1024)
        folder.mkdir(parents=True, exist_ok=True)
        _call(*system.mkfs, str(self._image))
        self._mount()

    def cut(self) -> None:
        """Keep what is on the disk at this moment. All its processes must be frozen."""
        for _ in range(_COPIES):
            before = self._touched()
            _call("cp", "--sparse=auto", str(self._image), str(self._cut))
            # The file system's own threads continue. A copy that they wrote into is not of one moment.
            if self._touched() == before:
                return
        raise AssertionError("the disk does not come to rest")

    def reboot(self) -> None:
        """Mount what was on the disk when it was cut. No process may use the disk any more."""
        _call("umount", str(self._folder))
        os.replace(self._cut, self._image)
        self._mount()

    def keep(self, target: Path) -> None:
        """Copy what was on the disk when it was cut."""
        _call("cp", "--sparse=always", str(self._cut), str(target))

    def close(self) -> None:
        """Unmount it; the loop device goes with the mount, the files with their folder."""
        with contextlib.suppress(Skipped):
            _call("umount", str(self._folder))
            return
        mounts.unmount(self._folder)

    def _mount(self) -> None:
        _call("mount", "-t", self._kind, "-o", "loop", str(self._image), str(self._folder))

    def _touched(self) -> tuple[int, int]:
        info = self._image.stat()
        return info.st_mtime_ns, info.st_blocks


def _call(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        raise Skipped(f"{words[0]} gave {done.returncode}: {said}")
