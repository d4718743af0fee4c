"""The commands that change the queue (see commands.py)."""

from __future__ import annotations

from runforge.cli.parameters import (
    DRY_RUN,
    DRY_RUN_SECONDS,
    GROUP,
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
)
from runforge.cli.table_submit import SUBMIT

QUEUE = (
    SUBMIT,
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
