"""The commands of `runforge`: one table that everything about them is made from.

The parser and its help (program.py), the calls that need no parser (fast_path.py), the shell's completion
(completion.py) and the reference in docs/usage.md (reference.py) read it. No command, option, default or help text
stands in a second place. To add a command, add it here and write its function.
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

ABOUT = "Run experiments in order, and find every run accounted for, whatever crashed."
VERSION = flag("--version", "Print the version.")

_START = (
    Command(
        "init",
        "setup:init",
        "Make a workspace with sample data, a sweep plan and a request to start from.",
        (
            optional("folder", "folder", "The folder; made if it is not there.", default="."),
            STATE_DIR,
            flag(
                "--new-journal",
                "Begin with an empty queue where the journal is gone; what was in it is forgotten.",
            ),
        ),
        examples=["runforge init churn"],
    ),
    Command(
        "demo",
        "setup:demo",
        "Run the whole main job on sample data: sweep, daemon, progress, best runs.",
        (
            optional("folder", "folder", "Where; a new temporary folder by default."),
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
        "Put the run of an existing run folder into the queue.",
        (
            option("--run-id", "text", "The name of the run folder.", is_required=True),
            WORKSPACE,
            option("--group-id -g", "text", "Join this group.", completes="group"),
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
        "Start nothing more of a group; what runs goes on.",
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
        "Queue the failed runs of a group once more.",
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
        "Queue a failed or canceled run once more.",
        (RUN, WORKSPACE),
        ends_at_once=True,
    ),
    Command(
        "set-priority",
        "queue:set_priority",
        "Set the priority of a run, or of all live runs of a group.",
        (
            RUN_OR_GROUP,
            argument("priority", "int", "Higher starts first; 0 is usual.", low=-MOST, high=MOST),
            WORKSPACE,
        ),
        ends_at_once=True,
        examples=["runforge set-priority @last 5"],
    ),
    Command(
        "prune",
        "queue:prune",
        "Forget jobs that ended long ago. Run folders stay unless --delete-runs is given.",
        (
            option("--older-than", "text", "30d, 12h, 45m or 90s.", is_required=True),
            WORKSPACE,
            flag("--delete-runs", "Delete the run folders too, models and all."),
            flag("--dry-run", "Only say what would go."),
            flag("--yes", "Do not ask.", "-y"),
        ),
        examples=["runforge prune --older-than 30d --dry-run"],
    ),
)

_LOOK = (
    Command(
        "tui",
        "tui:tui",
        "See and steer the queue in the terminal.",
        (
            WORKSPACE,
            flag("--read-only", "Look only: every key that would change something is refused."),
            flag("--ascii", "No symbols beyond ASCII.", name="ascii_only"),
            flag("--no-mouse", "Leave the mouse to the terminal, for selecting text."),
            option(
                "--refresh",
                "seconds",
                "Seconds between repaints at the most often; 0.5, over SSH 1.",
                low=0.1,
                high=60.0,
            ),
        ),
    ),
    Command(
        "queue-status",
        "show:queue_status",
        "Show the queue at a glance.",
        (WORKSPACE, JSON, flag("--watch", "Print anew whenever something changes.")),
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
        "List jobs in order of creation.",
        (
            WORKSPACE,
            option("--group -g", "text", "Of this group.", completes="group"),
            option("--state", "text", "In this state.", completes="state"),
            option("--limit", "int", "At most this many.", low=1, high=MOST),
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
        "Print a run's log. A terminal is shown control characters and does not obey them, but for colours.",
        (
            RUN,
            WORKSPACE,
            flag("-f", "Go on until the run ends.", "--follow", name="follow"),
            option("--attempt", "int", "An earlier attempt's log.", low=1, high=MOST),
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
            option("--timeout", "seconds", "Give up after seconds.", low=0.0),
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
        "Execute one request here and now, without daemon or queue.",
        (
            option("--request", "file", "A request.json, or `-` for standard input; makes a run folder."),
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
        "Run a sweep plan in the foreground; where a daemon lives, follow it there.",
        (
            *(PLAN, WORKSPACE, DRY_RUN, DRY_RUN_SECONDS),
            flag("--enqueue", "Only put it into the queue."),
            MAX_RUNS,
        ),
    ),
)

_DAEMON = (
    Command(
        "daemon",
        "daemon:daemon",
        "Be the workspace's daemon: start what is queued, see it through, write it down.",
        (
            WORKSPACE,
            option("--max-parallel", "int", "Runs at the same time.", default=2, high=MOST),
            option("--gpu-slots", "int", "GPU runs at the same time.", default=1, high=MOST),
            option(
                "--orphans", "text", "Runs whose end nobody saw: requeue, fail or cancel.", default="requeue"
            ),
            flag("--replace", "Take over from a daemon that lives, by force if it hangs."),
            flag("--detach", "Go into the background once it is up.", "-d"),
            STATE_DIR,
        ),
        examples=["runforge daemon --detach --max-parallel 4"],
    ),
    Command(
        "stop-daemon",
        "daemon:stop_daemon",
        "Stop the daemon and wait until it is down. Running runs go on unless told otherwise.",
        (
            optional("seconds", "seconds", "With --drain: at most this long.", low=0.0, metavar="[SECONDS]"),
            WORKSPACE,
            flag("--drain", "Let running runs finish first."),
            flag("--cancel-running", "Stop the running runs too (TERM, 10 s, KILL)."),
        ),
        ends_at_once=True,
        examples=["runforge stop-daemon --drain 600"],
    ),
    Command(
        "doctor",
        "doctor:doctor",
        "Check SQLite, file system, rights, GPUs, locks, journal and exports; 1 if something is wrong.",
        (
            WORKSPACE,
            JSON,
            flag("--recover", "Make a new journal out of a damaged one; the old one is kept beside it."),
        ),
    ),
    Command(
        "backup",
        "doctor:backup",
        "Copy the journal into one file while it is in use. A plain `cp` of a live journal may be torn.",
        (
            argument("to", "file", "Where the copy goes; it must not exist.", metavar="FILE"),
            WORKSPACE,
        ),
        examples=["runforge backup /mnt/backup/churn.db"],
    ),
    Command(
        "drill",
        "drill:drill",
        "Kill, stop and starve RunForge in throw-away workspaces and check every outcome; 1 if one is wrong.",
        (
            option("--only", "texts", "Play this one; may be repeated.", metavar="NAME"),
            option("--seed", "int", "Same seed, same moments of the kills.", default=1, low=0, high=MOST),
            flag("--keep", "Keep the workspaces and say where they are."),
            flag("--list", "List the drills and play none.", name="list_only"),
            JSON,
        ),
    ),
)

#: The sections of the help, in its order.
SECTIONS = {"Start": _START, "Queue": _QUEUE, "Look": _LOOK, "Without the queue": _DIRECT, "Daemon": _DAEMON}
COMMANDS = {command.name: command for commands in SECTIONS.values() for command in commands}
