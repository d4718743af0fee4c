"""The commands to begin with, and those that run without the queue (see commands.py)."""

from __future__ import annotations

from runforge.cli.parameters import (
    DRY_RUN,
    DRY_RUN_SECONDS,
    MAX_RUNS,
    PLAN,
    STATE_DIR,
    WORKSPACE,
    Command,
    flag,
    option,
    optional,
)

START = (
    Command(
        "init",
        "setup:init",
        "Make a workspace; in an empty folder with sample data.",
        (
            optional("folder", "folder", "The folder; it is made if it does not exist.", default="."),
            STATE_DIR,
            flag("--bare", "Make only `.runforge`; so it is in a folder that is not empty."),
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
        "Show the whole job on sample data in a minute.",
        (
            optional("folder", "folder", "The folder; by default a new temporary folder."),
            option("--max-parallel", "int", "Runs at the same time.", default=2, low=1),
        ),
        examples=["runforge demo"],
    ),
    Command(
        "helper",
        "helper:show",
        "Print runforge_run.py, which a script imports to log metrics and to be asked to stop.",
        (),
        examples=["runforge helper"],
    ),
)


DIRECT = (
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
        "Run a sweep plan in the foreground; a live daemon runs it.",
        (
            *(PLAN, WORKSPACE, DRY_RUN, DRY_RUN_SECONDS),
            flag("--enqueue", "Only put the runs into the queue."),
            MAX_RUNS,
        ),
        examples=["runforge sweep --plan plan.json"],
    ),
)
