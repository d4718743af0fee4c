"""The commands that compare what runs have measured (see commands.py)."""

from __future__ import annotations

from runforge.cli.parameters import JSON, MOST, WHERE, WORKSPACE, Command, flag, option, optional

_TARGETS = optional(
    "targets",
    "texts",
    "Runs and groups: numbers (12, 3-9), ids, names of groups, @last. Default of `results`: all runs.",
    metavar="[TARGET]...",
    completes="target",
)

RESULTS = (
    Command(
        "results",
        "results:results",
        "Print parameters and metrics of runs, also as CSV.",
        (
            _TARGETS,
            WHERE,
            WORKSPACE,
            option("--sort", "text", "Best first: a metric, perhaps with :min or :max; or another column."),
            option("--top", "int", "Only the best runs, so many.", low=1, high=MOST),
            option("--by", "texts", "Mean and deviation over runs that differ in this only.", metavar="KEY"),
            option("--format", "text", "table, csv, jsonl, md or json. Default: as the file's name ends."),
            option("--output -o", "file", "Write into this file.", name="output_file"),
            flag("--curves", "All values of all metrics, one a row."),
            flag("--importance", "Of one sweep: how closely its metric follows each parameter."),
        ),
        reads_only=True,
        examples=[
            "runforge results @last --top 5",
            "runforge results lm --by seed --sort val/loss:min",
            "runforge results lm -o lm.csv",
            "runforge results lm --curves -o curves.csv",
            "runforge results lm --importance",
        ],
    ),
    Command(
        "compare",
        "compare:compare",
        "Show what differs between runs, by default the two newest.",
        (
            _TARGETS,
            WORKSPACE,
            option("--format", "text", "table, md or json. Default: table."),
            flag("--diff", "Print what differs between the code of two runs."),
            JSON,
        ),
        reads_only=True,
        examples=["runforge compare 41 47", "runforge compare 41 47 --diff"],
    ),
)
