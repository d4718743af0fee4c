"""The commands that change the queue (see commands.py)."""

from __future__ import annotations

from runforge.cli.parameters import (
    DRY_RUN,
    DRY_RUN_SECONDS,
    JSON,
    MAX_RUNS,
    MOST,
    PLAN,
    STATE_DIR,
    WORKSPACE,
    Command,
    option,
)
from runforge.cli.table_submit import SUBMIT

QUEUE = (
    SUBMIT,
    Command(
        "enqueue-sweep",
        "enqueueing:enqueue_sweep",
        "Put all runs of a sweep plan into the queue.",
        (PLAN, WORKSPACE, DRY_RUN, DRY_RUN_SECONDS, MAX_RUNS, STATE_DIR, JSON),
        ends_at_once=True,
        examples=["runforge enqueue-sweep --plan plan.json"],
    ),
    Command(
        "enqueue-run",
        "enqueueing:enqueue_run",
        "Queue the run of a run folder; one that has ended runs again.",
        (
            option("--run-id", "text", "The name of the run folder.", is_required=True),
            WORKSPACE,
            option("--group-id -g", "text", "Join this group; an unknown one is made.", completes="group"),
            option("--priority", "int", "Higher starts first.", default=0, low=-MOST, high=MOST),
            DRY_RUN,
            DRY_RUN_SECONDS,
            JSON,
        ),
        ends_at_once=True,
        examples=["runforge enqueue-run --run-id baseline --priority 5"],
    ),
)
