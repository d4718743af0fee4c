"""What a private cluster reads: its configuration, its key, its ports; and what this machine lacks for one."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "munged")
_INSTALL = "apt-get install --no-install-recommends slurm-wlm munge"
#: What a node of its own has for itself.
NAMESPACES = ["unshare", "--pid", "--uts", "--mount", "--ipc", "--fork", "--kill-child", "--mount-proc"]
_CONF = """\
ClusterName=cluster
SlurmctldHost={host}({address})
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=0,bf_interval=2
DefMemPerCPU=100
{settings}
{gres}
NodeName=n[1-{nodes}] NodeHostname={host} NodeAddr={address} Port=[{ports}] CPUs={cpus} RealMemory=4000 {cards} State=UNKNOWN
PartitionName=main Nodes=n[1-{nodes}] Default=YES MaxTime=1-0 DefaultTime=10 State=UP PriorityTier=1
PartitionName=urgent Nodes=n[1-{nodes}] MaxTime=1-0 DefaultTime=10 State=UP PriorityTier=10 PreemptMode=OFF
"""
#: Patient ones: on a busy machine a node that answers late must not be given up, nor a job that it starts late.
_SETTINGS = {
    "SlurmctldTimeout": "10",
    "SlurmdTimeout": "120",
    "BatchStartTimeout": "120",
    "InactiveLimit": "0",
    "KillWait": "15",
    "MinJobAge": "300",
    "MessageTimeout": "10",
}
#: For drills: a node that was killed is given up soon, which takes minutes elsewhere.
IMPATIENT = {"SlurmdTimeout": "5", "BatchStartTimeout": "10"}


def lacking(*, isolate: bool = False, late: bool = False) -> str | None:
    """Return why no cluster can be started here, in a line for people; None if one can."""
    for name in _PROGRAMS:
        if program(name) is None:
            return f"{name} is not installed (Debian: {_INSTALL})"
    try:
        socket.gethostbyname(host())
    except OSError:
        return f"the name of this host, {host()}, does not resolve; add it to /etc/hosts"
    if not isolate:
        return None
    if (
        os.geteuid() != 0
        or subprocess.run([*NAMESPACES, "true"], capture_output=True, check=False).returncode
    ):
        return "nodes of their own need root and namespaces"
    if late and (program("bindfs") is None or not os.path.exists("/dev/fuse")):
        return "a file system with late names needs bindfs and /dev/fuse (Debian: apt-get install bindfs)"
    return None


def write(folder: Path, names: Sequence[str], *, cpus: int, gpus: int, settings: Mapping[str, str]) -> None:
    """Write all that a cluster of these nodes reads."""
    for name in ("state", "spool", "munge"):
        (folder / name).mkdir(mode=0o755, parents=True)
    # A node's daemon, and with pam or munge another user, must be able to pass.
    folder.chmod(0o755)
    key = folder / "munge" / "key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    ports, count = _free_ports(len(names) + 1), len(names)
    text = _CONF.format(
        host=host(),
        # By NoInAddrAny each daemon listens where its host's name points to; in containers that is not loopback.
        address=socket.gethostbyname(host()),
        port=ports[0],
        user=pwd.getpwuid(os.geteuid()).pw_name,
        folder=folder,
        settings="\n".join(f"{name}={value}" for name, value in {**_SETTINGS, **settings}.items()),
        gres="GresTypes=gpu" if gpus else "",
        nodes=count,
        ports=",".join(map(str, ports[1:])),
        cpus=cpus,
        cards=f"Gres=gpu:{gpus}" if gpus else "",
    )
    (folder / "slurm.conf").write_text(text, "utf-8")
    # Slurm reads it before it knows that no plugin wants cgroups.
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n", "utf-8")
    if gpus:  # devices that are everywhere stand for the cards
        line = f"NodeName=n[1-{count}] Name=gpu File=/dev/tty[0-{gpus - 1}] Flags=nvidia_gpu_env\n"
        (folder / "gres.conf").write_text(line, "utf-8")


def host() -> str:
    """Return this host's short name."""
    return socket.gethostname().partition(".")[0]


def program(name: str) -> str | None:
    """Return where a program is; an administrator's too."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("", 0))
        return [one.getsockname()[1] for one in sockets]
