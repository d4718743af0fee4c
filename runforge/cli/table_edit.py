"""The commands that change queued runs, or make new runs from old ones (see commands.py): with submit's options."""

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
    option,
)
from runforge.cli.table_submit import SUBMIT

_OF_SUBMIT = {parameter.name: parameter for parameter in SUBMIT.parameters}
#: What `edit` and `rerun` change. For most of them the value `none` takes away what is there.
_CHANGES = (
    option(
        "--set",
        "texts",
        "A parameter; the word lr=0.01 alone means it too.",
        name="assign",
        metavar="KEY=VALUE",
    ),
    option("--unset", "texts", "Take this parameter away; may be repeated.", metavar="KEY"),
    *(
        _OF_SUBMIT[name]
        for name in (
            *(
                "name",
                "tag",
                "notes",
                "folder",
                "env",
                "env_keep",
                "env_from",
                "shell",
                "gpus",
                "vram",
                "gpu",
                "cpus",
                "mem",
            ),
            *(
                "time",
                "grace",
                "stall",
                "resumable",
                "on_lost",
                "retry",
                "backoff",
                "after",
                "hold",
                "at",
                "metric",
                "metrics",
                "notify",
            ),
        )
    ),
    option("--priority -p", "int", "Higher starts first.", low=-MOST, high=MOST),
)
_CODE = option(
    "--code",
    "text",
    "`then`: with the code of then; `now`: with that of now.",
    metavar="then|now",
    completes="code",
)
_CHOICE = (TARGETS, WHERE, YES, WORKSPACE, JSON)

EDIT = (
    Command(
        "edit",
        "edit:edit",
        "Change queued runs and groups; without options, in your editor.",
        (
            *(*_CHOICE, *_CHANGES),
            *(_OF_SUBMIT[name] for name in ("max_parallel", "breaker", "stop", "keep_artifacts", "command")),
        ),
        ends_at_once=True,
        examples=[
            "runforge edit 12",
            "runforge edit 12-18 lr=0.01 -t 2h",
            "runforge edit 12 --after none --at none -- python train.py --lr 0.1",
            "runforge edit lm --max-parallel 4 --metric val/acc:max --stop asha:eta=3,min=5",
        ],
    ),
    Command(
        "rerun",
        "edit:rerun",
        "Make new runs from old ones, changed if you like.",
        (*_CHOICE, *_CHANGES, _OF_SUBMIT["group"], _CODE, _OF_SUBMIT["command"]),
        ends_at_once=True,
        examples=[
            "runforge rerun 12",
            "runforge rerun 12 --code then",
            "runforge rerun --where 'state:failed group:lm' lr=0.01",
        ],
    ),
    Command(
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
                "--number -n",
                "int",
                "So many more trials of a --random or --tpe sweep.",
                low=1,
                high=1_000_000,
            ),
            MAX_RUNS,
            JSON,
            WORKSPACE,
        ),
        ends_at_once=True,
        examples=["runforge extend lm -S lr=3e-4 -S layers=4..12", "runforge extend lm -n 30"],
    ),
)
