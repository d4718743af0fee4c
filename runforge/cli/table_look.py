"""The commands that show the queue (see commands.py)."""

from __future__ import annotations

from runforge.cli.parameters import (
    GROUP_OR_RUN,
    JSON,
    MOST,
    RUN,
    WORKSPACE,
    Command,
    flag,
    option,
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
        "Show one run: command, state, why, attempts, timeline.",
        (RUN, WORKSPACE, flag("--env", "Print its stored environment, secrets masked."), JSON),
        reads_only=True,
        examples=["runforge show @last", "runforge show @last --env"],
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
