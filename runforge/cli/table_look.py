"""The commands that show the queue (see commands.py)."""

from __future__ import annotations

from runforge.cli.parameters import (
    JSON,
    MOST,
    RUNS,
    UTC,
    WHERE,
    WORKSPACE,
    Command,
    flag,
    option,
    optional,
)

LOOK = (
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
        examples=["runforge tui --read-only"],
    ),
    Command(
        "queue-status",
        "show:queue_status",
        "Show a short summary of the queue.",
        (WORKSPACE, JSON, UTC, flag("--watch", "Print again whenever something changes.")),
        reads_only=True,
        examples=["runforge queue-status --watch"],
        aliases=["status"],
    ),
    Command(
        "groups",
        "show:groups",
        "List the groups, oldest first.",
        (WORKSPACE, JSON),
        reads_only=True,
        examples=["runforge groups --json"],
    ),
    Command(
        "jobs",
        "show:jobs",
        "List jobs, oldest first.",
        (
            optional(
                "targets", "texts", "Only these runs and groups.", metavar="[TARGET]...", completes="either"
            ),
            WHERE,
            WORKSPACE,
            option("--group -g", "text", "Only jobs of this group.", completes="group"),
            option("--state", "text", "Only jobs in this state.", completes="state"),
            option("--tag", "text", "Only jobs with this tag."),
            option("--limit", "int", "At most this many jobs.", low=1, high=MOST),
            JSON,
            UTC,
        ),
        reads_only=True,
        examples=[
            "runforge jobs --group @last --state failed",
            "runforge jobs --where 'lr>0.001 !state:failed'",
        ],
        aliases=["ls"],
    ),
    Command(
        "show",
        "show:show",
        "Show runs: command, state, why, attempts, timeline.",
        (RUNS, WHERE, WORKSPACE, flag("--env", "Print its stored environment, secrets masked."), JSON, UTC),
        reads_only=True,
        examples=["runforge show @last", "runforge show 12 --env"],
    ),
    Command(
        "gpus",
        "gpus:gpus",
        "Show the machine's GPUs: memory, use, who holds them.",
        (
            WORKSPACE,
            option("--release", "text", "Let runs start again on this quarantined GPU: a number or a UUID."),
            JSON,
            UTC,
        ),
        examples=["runforge gpus", "runforge gpus --release 2"],
    ),
    Command(
        "logs",
        "follow:logs",
        "Print logs; a terminal gets control characters as text.",
        (
            RUNS,
            WHERE,
            WORKSPACE,
            flag("-f", "Continue until the run ends.", "--follow", name="follow"),
            option("-n --lines", "int", "Only so many lines at the end.", name="lines", low=0, high=MOST),
            option("--attempt", "int", "The number of an earlier attempt.", low=1, high=MOST),
        ),
        reads_only=True,
        examples=["runforge logs @last --follow", "runforge logs --where state:failed -n 5"],
        aliases=["log"],
    ),
    Command(
        "wait",
        "follow:wait",
        "Wait for the end: 0 all succeeded, 1 one failed, 5 canceled.",
        (
            optional(
                "targets",
                "texts",
                "Runs and groups, as for `cancel`. Default: `@last`.",
                metavar="[TARGET]...",
                completes="either",
            ),
            WHERE,
            WORKSPACE,
            flag("--all", "Wait for all that is queued or running now.", name="every"),
            option("--timeout", "seconds", "Stop waiting after this many seconds.", low=0.0),
            JSON,
        ),
        reads_only=True,
        examples=["runforge wait --timeout 3600", "runforge wait lm 12-15", "runforge wait --all"],
    ),
)
