"""The command that changes queued runs, with all its options (see commands.py)."""

from __future__ import annotations

from runforge.cli.parameters import (
    JSON,
    MAX_RUNS,
    MOST,
    TARGETS,
    WHERE,
    WORKSPACE,
    YES,
    Command,
    argument,
    flag,
    option,
)

_CHANGES = (
    TARGETS,
    WHERE,
    YES,
    option(
        "--set",
        "texts",
        "A parameter: lr=0.01; `edit RUN lr=0.01` too.",
        name="sets",
        metavar="KEY=VALUE",
    ),
    option("--unset", "texts", "Remove this parameter; may be repeated.", metavar="KEY"),
    option("--command", "text", "Another command, as one text.", metavar="COMMAND"),
    option("-C", "folder", "Where the command starts.", name="folder"),
    option("--env -e", "texts", "Like --env-here, and this variable.", metavar="NAME=VALUE"),
    option("--env-keep", "texts", "Like --env-here, and keep this secret in a file.", metavar="NAME"),
    option("--env-from", "file", "Like --env-here, and a file that is read when the run starts."),
    flag("--env-here", "Give the runs the environment of this shell."),
    option("--gpus -G", "int", "How many GPUs a run needs.", low=0, high=1024),
    option("--cpus", "int", "How many CPU cores a run needs.", low=1, high=65536),
    option("--mem", "text", "How much memory a run needs: 800M, 10G.", metavar="SIZE"),
    option("--priority -p", "int", "Higher starts first.", low=-MOST, high=MOST),
    option("--time -t", "text", "The time limit: 90s, 45m, 12h, 2d or HH:MM:SS; `none`.", metavar="TIME"),
    option("--grace", "text", "The time between the request to end and KILL; `none`.", metavar="TIME"),
    option(
        "--retry", "texts", "Retries: N or N:CAUSES; 0 for none.", metavar="N[:CAUSES]", completes="retry"
    ),
    option("--backoff", "text", "The pause before the first retry.", metavar="TIME"),
    option("--name -n", "text", "The name; the id stays."),
    option("--tag", "texts", "The tags, instead of those before; may be repeated, '' for none."),
    option("--notes", "text", "The notes; '' for none."),
    WORKSPACE,
    JSON,
)

EDIT = Command(
    "edit",
    "edit:edit",
    "Change queued runs before they start; names, tags and notes at any time.",
    _CHANGES,
    ends_at_once=True,
    examples=[
        "runforge edit 12 lr=0.01",
        "runforge edit --where 'group:lm state:queued' -t 4h -p 5",
        "runforge edit 12 --command 'python train.py --lr {lr}'",
    ],
)
RERUN = Command(
    "rerun",
    "edit:rerun",
    "Queue new runs like old ones, in any state, with changes if asked for.",
    _CHANGES,
    ends_at_once=True,
    examples=["runforge rerun 12", "runforge rerun 12 lr=0.01 --env-here"],
)
EXTEND = Command(
    "extend",
    "extend:extend",
    "Let a sweep go on: more values, or more trials; only new runs are made.",
    (
        argument(
            "group", "text", "The sweep's group: id, unique beginning, name, or @last.", completes="group"
        ),
        option(
            "-S",
            "texts",
            "More values of a parameter, or another interval; may be repeated.",
            name="sweep",
            metavar="KEY=VALUES",
        ),
        option(
            "--number -n", "int", "So many more trials of a --random or --tpe sweep.", low=1, high=1_000_000
        ),
        MAX_RUNS,
        JSON,
        WORKSPACE,
    ),
    ends_at_once=True,
    examples=["runforge extend lm -S lr=3e-4 -S layers=4..12", "runforge extend lm -n 30"],
)
