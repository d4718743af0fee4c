"""The first process of an isolated node: gives it a host name, a boot id and mounts, then collects what others leave.

Started by slurm_cluster.py in new namespaces, as `slurm_node.py NAME FOLDER [SHARED]`. When it is killed, the kernel kills
everything on the node.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

#: A name is seen so late, and a missing one so much later; no lock is seen by another host.
LATE = "attr_timeout=3,entry_timeout=3,negative_timeout=10,allow_other"


def main() -> None:
    """Make the node, say so in FOLDER/NAME.up, and stay."""
    name, folder, *shared = sys.argv[1:]
    host, address = socket.gethostname(), socket.gethostbyname(socket.gethostname())
    os.umask(0o022)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    # slurmd listens where its own host's name points to; the outer name is the controller's.
    hosts = Path(folder, f"{name}.hosts")
    hosts.write_text(f"127.0.0.1 localhost\n{address} {name} {host}\n", "utf-8")
    boot = Path(folder, f"{name}.boot_id")
    boot.write_text("-".join(os.urandom(count).hex() for count in (4, 2, 2, 2, 6)) + "\n", "utf-8")
    for source, target in ((hosts, "/etc/hosts"), (boot, "/proc/sys/kernel/random/boot_id")):
        subprocess.run(["mount", "--bind", str(source), target], check=True)
    socket.sethostname(name)
    for path in shared:
        subprocess.run(["bindfs", "-o", LATE, path, path], check=True)
    Path(folder, f"{name}.up").touch()
    subprocess.Popen(["sleep", "infinity"])  # with one child there, waiting never fails
    while True:
        os.wait()


if __name__ == "__main__":
    main()
