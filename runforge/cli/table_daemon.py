"""The commands for the daemon and for care (see commands.py)."""

from __future__ import annotations

from runforge.cli.parameters import (
    JSON,
    MOST,
    STATE_DIR,
    WORKSPACE,
    Command,
    argument,
    flag,
    option,
    optional,
)

DAEMON = (
    Command(
        "daemon",
        "daemon:daemon",
        "Run the daemon, which starts the queued runs.",
        (
            WORKSPACE,
            option("--max-parallel", "int", "Runs at the same time.", default=2, high=MOST),
            option(
                "--gpu-slots",
                "text",
                "`auto`: a GPU for each run, or the memory that it asks for; or so many GPU runs at the same time.",
                default="auto",
                metavar="N|auto",
            ),
            option("--devices", "text", "Use only these GPUs: 0,2 or UUIDs.", metavar="0,2|UUID"),
            option(
                "--orphans",
                "text",
                "What to do with runs whose end is unknown: requeue, fail or cancel.",
                default="requeue",
                metavar="POLICY",
                completes="orphans",
            ),
            option(
                "--backend",
                "text",
                "Where the runs run: `local`, or `slurm`: each as a job of the cluster.",
                metavar="local|slurm",
            ),
            option("--ahead", "int", "With slurm: so many may wait in its queue.", low=1, high=10_000),
            option("--slurm", "text", "With slurm: options for sbatch, as one text.", metavar="OPTIONS"),
            flag("--replace", "Take over from a running daemon, by force if it hangs."),
            flag("--detach", "Run in the background; return when the daemon is ready.", "-d"),
            STATE_DIR,
        ),
        examples=[
            "runforge daemon --detach --max-parallel 4",
            "runforge daemon -d --backend slurm --max-parallel 64",
        ],
    ),
    Command(
        "stop-daemon",
        "daemon:stop_daemon",
        "Stop the daemon; running runs continue unless told.",
        (
            optional(
                "seconds",
                "seconds",
                "With --drain: wait at most this many seconds.",
                low=0.0,
                metavar="[SECONDS]",
            ),
            WORKSPACE,
            flag("--drain", "Wait until running runs have finished."),
            flag("--cancel-running", "Also stop the running runs (TERM, 10 s, KILL)."),
        ),
        ends_at_once=True,
        examples=["runforge stop-daemon --drain 600"],
    ),
    Command(
        "doctor",
        "doctor:doctor",
        "Check machine, journal and files; 1 if something is wrong.",
        (
            WORKSPACE,
            JSON,
            flag("--recover", "Make a new journal from a damaged one. The damaged one is kept."),
            flag("--notify", "Send a test notice, and tell how each target answered."),
            flag(
                "--slurm",
                "Check Slurm: its commands, your options, and by a short job a node and the folder.",
            ),
        ),
        examples=["runforge doctor", "runforge doctor --notify"],
    ),
    Command(
        "config",
        "config:config",
        "Show the settings in force, and which file sets each.",
        (WORKSPACE, JSON),
        reads_only=True,
        examples=["runforge config"],
    ),
    Command(
        "backup",
        "doctor:backup",
        "Copy the journal into one file, also while it is in use.",
        (
            argument("to", "file", "The path of the copy; it must not exist.", metavar="FILE"),
            WORKSPACE,
        ),
        examples=["runforge backup /mnt/backup/churn.db"],
    ),
    Command(
        "drill",
        "drill:drill",
        "Kill RunForge in temporary workspaces, check every outcome.",
        (
            option("--only", "texts", "Only this drill; may be repeated.", metavar="NAME"),
            option("--seed", "int", "The same seed gives the same kills.", default=1, low=0, high=MOST),
            flag("--keep", "Keep the workspaces and print their paths."),
            flag("--list", "Only list the drills.", name="list_only"),
            JSON,
        ),
        examples=["runforge drill --list"],
    ),
)
