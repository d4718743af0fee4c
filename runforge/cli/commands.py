"""The commands of `runforge`, in one table. Everything about them is made from it.

These read it: the parser and its help (program.py), the calls without the parser (fast_path.py), the shell's
completion (completion.py) and the reference in docs/usage.md (reference.py). No command, option, default or
help text is written in a second place. To add a command, add it here and write its function.
"""

from __future__ import annotations

from runforge.cli.parameters import (
    DRY_RUN,
    DRY_RUN_SECONDS,
    GROUP,
    GROUP_OR_RUN,
    JSON,
    MAX_RUNS,
    MOST,
    PLAN,
    RUN,
    RUN_OR_GROUP,
    STATE_DIR,
    WORKSPACE,
    Command,
    argument,
    flag,
    option,
    optional,
)

ABOUT = "Run experiments in order, and know the true outcome of every run, whatever crashes."
VERSION = flag("--version", "Print the version.")

_START = (
    Command(
        "init",
        "setup:init",
        "Make a workspace with sample data, a sweep plan and a request to start from.",
        (
            optional("folder", "folder", "The folder; it is made if it does not exist.", default="."),
            STATE_DIR,
            flag(
                "--new-journal",
                "Start with an empty queue if the journal is lost; the old queue is forgotten.",
            ),
        ),
        examples=["runforge init churn"],
    ),
    Command(
        "demo",
        "setup:demo",
        "Show everything on sample data: sweep, daemon, progress, best runs.",
        (
            optional("folder", "folder", "The folder; by default a new temporary folder."),
            option("--max-parallel", "int", "Runs at the same time.", default=2, low=1),
        ),
    ),
)

_QUEUE = (
    Command(
        "enqueue-sweep",
        "queue:enqueue_sweep",
        "Put all runs of a sweep plan into the queue.",
        (PLAN, WORKSPACE, DRY_RUN, DRY_RUN_SECONDS, MAX_RUNS, STATE_DIR),
        ends_at_once=True,
        examples=["runforge enqueue-sweep --plan plan.json"],
    ),
    Command(
        "enqueue-run",
        "queue:enqueue_run",
        "Put the run of an existing run folder into the queue; one that has ended runs again.",
        (
            option("--run-id", "text", "The name of the run folder.", is_required=True),
            WORKSPACE,
            option("--group-id -g", "text", "Join this group; an unknown one is made.", completes="group"),
            option("--priority", "int", "Higher starts first.", default=0, low=-MOST, high=MOST),
            DRY_RUN,
            DRY_RUN_SECONDS,
        ),
        ends_at_once=True,
        examples=["runforge enqueue-run --run-id baseline --priority 5"],
    ),
    Command(
        "pause-group",
        "queue:pause_group",
        "Start no more runs of a group; running runs continue.",
        (GROUP, WORKSPACE),
        ends_at_once=True,
    ),
    Command(
        "resume-group",
        "queue:resume_group",
        "Let a paused group start runs again.",
        (GROUP, WORKSPACE),
        ends_at_once=True,
    ),
    Command(
        "retry-failed",
        "queue:retry_failed",
        "Queue the failed runs of a group again.",
        (GROUP, WORKSPACE),
        ends_at_once=True,
        examples=["runforge retry-failed --group-id @last"],
    ),
    Command(
        "cancel-group",
        "queue:cancel_group",
        "Cancel the queued runs of a group and stop the running ones (TERM, 10 s, KILL).",
        (GROUP, WORKSPACE, flag("--let-running-finish", "Cancel only what has not started.")),
        ends_at_once=True,
    ),
    Command(
        "cancel-run",
        "queue:cancel_run",
        "Cancel one run, queued or running.",
        (RUN, WORKSPACE),
        ends_at_once=True,
    ),
    Command(
        "retry-run",
        "queue:retry_run",
        "Queue a failed or canceled run again.",
        (RUN, WORKSPACE),
        ends_at_once=True,
    ),
    Command(
        "set-priority",
        "queue:set_priority",
        "Set the priority of a run, or of all live runs of a group.",
        (
            RUN_OR_GROUP,
            argument("priority", "int", "Higher starts first; the default is 0.", low=-MOST, high=MOST),
            WORKSPACE,
        ),
        ends_at_once=True,
        examples=["runforge set-priority @last 5"],
    ),
    Command(
        "prune",
        "queue:prune",
        "Remove old ended jobs from the queue. Run folders stay unless --delete-runs is given.",
        (
            option("--older-than", "text", "The age: The age: 30d, 12h, 45m or 90s.", is_required=True),
            WORKSPACE,
            flag("--delete-runs", "Also delete the run folders, with their models."),
            flag("--dry-run", "Only say what would be removed."),
            flag("--yes", "Do not ask.", "-y"),
        ),
        examples=["runforge prune --older-than 30d --dry-run"],
    ),
)

_LOOK = (
    Command(
        "tui",
        "tui:tui",
        "Watch and control the queue in the terminal.",
        (
            WORKSPACE,
            flag("--read-only", "Only watch: refuse every key that would change something."),
            flag("--ascii", "Show only ASCII characters.", name="ascii_only"),
            flag("--no-mouse", "Leave the mouse to the terminal, to select text with it."),
            option(
                "--refresh",
                "seconds",
                "Shortest time between repaints; by default 0.5, over SSH 1.",
                low=0.1,
                high=60.0,
            ),
        ),
    ),
    Command(
        "queue-status",
        "show:queue_status",
        "Show a short summary of the queue.",
        (WORKSPACE, JSON, flag("--watch", "Print again whenever something changes.")),
        reads_only=True,
    ),
    Command(
        "groups",
        "show:groups",
        "List the groups, oldest first.",
        (WORKSPACE, JSON),
        reads_only=True,
    ),
    Command(
        "jobs",
        "show:jobs",
        "List jobs, oldest first.",
        (
            WORKSPACE,
            option("--group -g", "text", "Only jobs of this group.", completes="group"),
            option("--state", "text", "Only jobs in this state.", completes="state"),
            option("--limit", "int", "At most this many jobs.", low=1, high=MOST),
            JSON,
        ),
        reads_only=True,
        examples=["runforge jobs --group @last --state failed"],
    ),
    Command(
        "show",
        "show:show",
        "Show one run: state, attempts, timeline, files.",
        (RUN, WORKSPACE, JSON),
        reads_only=True,
        examples=["runforge show @last"],
    ),
    Command(
        "logs",
        "follow:logs",
        "Print a run's log. A terminal gets control characters as visible text, but real colours.",
        (
            RUN,
            WORKSPACE,
            flag("-f", "Continue until the run ends.", "--follow", name="follow"),
            option("--attempt", "int", "The number of an earlier attempt.", low=1, high=MOST),
        ),
        reads_only=True,
        examples=["runforge logs @last --follow"],
    ),
    Command(
        "wait",
        "follow:wait",
        "Wait until a group or a run has ended: 0 all succeeded, 1 one failed, 5 canceled.",
        (
            GROUP_OR_RUN,
            WORKSPACE,
            option("--timeout", "seconds", "Stop waiting after this many seconds.", low=0.0),
            JSON,
        ),
        reads_only=True,
        examples=["runforge wait --timeout 3600"],
    ),
)

_DIRECT = (
    Command(
        "run",
        "direct:run",
        "Execute one request at once, without daemon or queue.",
        (
            option(
                "--request", "file", "A request.json, or `-` for standard input. A run folder is made for it."
            ),
            option("--run-dir", "folder", "A run folder with its request.json."),
            WORKSPACE,
            DRY_RUN,
            DRY_RUN_SECONDS,
            option("--max-rows", "int", "Train on a sample of this many rows."),
        ),
        examples=["runforge run --request request.json --max-rows 1000"],
    ),
    Command(
        "sweep",
        "direct:sweep",
        "Run a sweep plan in the foreground. If a daemon is running, it runs the plan.",
        (
            *(PLAN, WORKSPACE, DRY_RUN, DRY_RUN_SECONDS),
            flag("--enqueue", "Only put the runs into the queue."),
            MAX_RUNS,
        ),
    ),
)

_DAEMON = (
    Command(
        "daemon",
        "daemon:daemon",
        "Run the workspace's daemon: it starts queued runs and records how they end.",
        (
            WORKSPACE,
            option("--max-parallel", "int", "Runs at the same time.", default=2, high=MOST),
            option("--gpu-slots", "int", "GPU runs at the same time.", default=1, high=MOST),
            option(
                "--orphans",
                "text",
                "What to do with runs whose end is unknown: requeue, fail or cancel.",
                default="requeue",
            ),
            flag("--replace", "Take over from a running daemon, by force if it hangs."),
            flag("--detach", "Run in the background; return when the daemon is ready.", "-d"),
            STATE_DIR,
        ),
        examples=["runforge daemon --detach --max-parallel 4"],
    ),
    Command(
        "stop-daemon",
        "daemon:stop_daemon",
        "Stop the daemon and wait until it has ended. Running runs continue unless an option stops them.",
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
        "Check SQLite, file system, permissions, GPUs, locks, journal and exports; 1 if something is wrong.",
        (
            WORKSPACE,
            JSON,
            flag("--recover", "Make a new journal from a damaged one. The damaged one is kept."),
        ),
    ),
    Command(
        "backup",
        "doctor:backup",
        "Copy the journal into one file, also while it is in use. A plain `cp` could be damaged.",
        (
            argument("to", "file", "The path of the copy; it must not exist.", metavar="FILE"),
            WORKSPACE,
        ),
        examples=["runforge backup /mnt/backup/churn.db"],
    ),
    Command(
        "drill",
        "drill:drill",
        "Kill and stop RunForge in temporary workspaces and check every outcome; 1 if one is wrong.",
        (
            option("--only", "texts", "Only this drill; may be repeated.", metavar="NAME"),
            option("--seed", "int", "The same seed gives the same kills.", default=1, low=0, high=MOST),
            flag("--keep", "Keep the workspaces and print their paths."),
            flag("--list", "Only list the drills.", name="list_only"),
            JSON,
        ),
    ),
)

#: The sections of the help, in its order.
SECTIONS = {"Start": _START, "Queue": _QUEUE, "Look": _LOOK, "Without the queue": _DIRECT, "Daemon": _DAEMON}
COMMANDS = {command.name: command for commands in SECTIONS.values() for command in commands}
