"""The command that queues any command, with all its options (see commands.py)."""

from __future__ import annotations

from runforge.cli.parameters import (
    JSON,
    MAX_RUNS,
    MOST,
    ON_LOST,
    RESUMABLE,
    WORKSPACE,
    Command,
    flag,
    option,
    optional,
)

#: How a sweep draws its runs, and how often each is made.
SEARCH = (
    option(
        "--random", "int", "Draw so many runs from the intervals and values of -S.", low=1, high=1_000_000
    ),
    option(
        "--tpe",
        "int",
        "Let Optuna's TPE choose so many runs, each with what the earlier ones have shown.",
        low=1,
        high=1_000_000,
    ),
    option("--seed", "int", "Of --random and --tpe; 0 if not given.", low=0, high=2**32 - 1),
    option("--repeat", "int", "Make each run of the sweep so often.", default=1, low=1, high=10_000),
    option(
        "--stop",
        "text",
        "Stop runs of the sweep early: median, asha:eta=3,min=5, target:0.95 or patience:10; `off` does not.",
        metavar="RULE",
    ),
    option(
        "--keep-artifacts",
        "int",
        "Of the ended runs of the sweep keep only the artifacts of so many of the best.",
        low=1,
        high=1_000_000,
        metavar="K",
    ),
    flag("--allow-duplicates", "Make also runs that the group has already."),
)
SUBMIT = Command(
    "submit",
    "submit:submit",
    "Queue any command, or a sweep of it, in this environment.",
    (
        option("--name -n", "text", "The name of the run or sweep; it becomes a part of the run's id."),
        option("--tag", "texts", "A tag, to find it by; may be repeated."),
        option("--notes", "text", "A remark, kept with the run."),
        option("-C", "folder", "Where the command starts. Default: here.", name="folder"),
        option(
            "--env -e", "texts", "A variable of the run: NAME=VALUE; may be repeated.", metavar="NAME=VALUE"
        ),
        option("--env-keep", "texts", "Keep this variable although it looks like a secret.", metavar="NAME"),
        option("--env-from", "file", "A file with lines NAME=VALUE, read when the run starts."),
        flag("--shell", "The command is one line for `bash -c`."),
        option("--gpus -G", "int", "How many GPUs it needs; 0 for none.", low=0, high=1024),
        option(
            "--vram",
            "text",
            "What it uses of each GPU: 10G. It shares it then. `learned`: as runs of the same recipe did.",
            metavar="SIZE|learned",
        ),
        option("--gpu", "texts", "Only on this GPU; may be repeated.", metavar="UUID|INDEX"),
        option("--cpus", "int", "How many CPU cores it needs.", low=1, high=65536),
        option("--mem", "text", "How much memory it needs: 800M, 10G.", metavar="SIZE"),
        option("--group -g", "text", "Join this group; an unknown one is made.", completes="group"),
        option("--priority -p", "int", "Higher starts first.", default=0, low=-MOST, high=MOST),
        option(
            "--max-parallel",
            "int",
            "At most this many of the group's runs at the same time.",
            low=1,
            high=MOST,
        ),
        option(
            "--breaker",
            "text",
            "So many equal failures in a row pause the group: a number, or `off`; 5 if not given.",
            metavar="N",
        ),
        option(
            "--time -t", "text", "Stop it after this time: 90s, 45m, 12h, 2d or HH:MM:SS.", metavar="TIME"
        ),
        option(
            "--grace",
            "text",
            "The time between the request to end and KILL; 10s if not given, 60s with --resumable.",
            metavar="TIME",
        ),
        RESUMABLE,
        ON_LOST,
        option(
            "--stall",
            "text",
            "Mark it after this time without output, metrics, CPU or GPU use, 30m if not given; `:kill` ends it, `off` never.",
            metavar="TIME[:kill]",
        ),
        option(
            "--retry",
            "texts",
            "Try again so often: N or N:CAUSES, of exit, signal, oom, gpu_oom, timeout, lost; may be repeated."
            " `2:gpu_oom:batch=/2` halves a parameter.",
            metavar="N[:CAUSES[:CHANGE]]",
            completes="retry",
        ),
        option(
            "--backoff",
            "text",
            "The pause before the first retry; each is twice as long. 30s if not given.",
            metavar="TIME",
        ),
        option(
            "--after",
            "texts",
            "Start after this run or group has succeeded; `:any`: has ended; `:fail`: has failed. May be repeated.",
            metavar="TARGET[:ok|any|fail]",
            completes="either",
        ),
        flag("--hold", "Do not start it before `runforge release`."),
        option("--at", "text", "Do not start before: +2h, 22:30, 2026-11-24T22:30.", metavar="WHEN"),
        option(
            "-S",
            "texts",
            "Vary a parameter: lr=1e-4,1e-3, seed=1..5 or an interval, lr=1e-5..1e-1:log; may be repeated.",
            name="sweep",
            metavar="KEY=VALUES",
        ),
        option(
            "--zip",
            "texts",
            "Vary these parameters together, not in every combination.",
            name="zipped",
            metavar="A,B",
        ),
        option(
            "--from", "file", "A CSV or JSONL file: each row is a run; `-` is standard input.", name="rows"
        ),
        *SEARCH,
        option(
            "--params",
            "text",
            "`file`: the program reads its parameters from $RUNFORGE_PARAMS.",
            metavar="file",
        ),
        option(
            "--metric",
            "text",
            "The metric that decides which run is best: val/loss:min.",
            metavar="NAME[:min|max]",
        ),
        option(
            "--metrics",
            "text",
            "Where its metrics are: a file or folder, `none`, or `re:` and a pattern for its log.",
            metavar="PATH",
        ),
        option(
            "--notify",
            "text",
            "Tell of it (docs/notices.md): done, fail, start, or never.",
            metavar="WHEN",
            completes="notify",
        ),
        flag("--snapshot", "Start it in a copy of the code as it is now: later changes do not reach it."),
        flag("--no-snapshot", "Start it in your folder, whatever config.toml says."),
        option("--request", "file", "Submit this request.json instead of a command; `-` is standard input."),
        MAX_RUNS,
        flag("--wait", "Wait until it has ended; the exit code is that of `wait`."),
        flag("--follow", "Print the log until the run has ended; the exit code is that of `wait`.", "-f"),
        flag("--start", "Start a daemon in the background if none is running."),
        flag("--dry-run", "Print the commands that would run, and change nothing."),
        JSON,
        WORKSPACE,
        optional("command", "rest", "The program and its arguments, after `--`.", metavar="COMMAND..."),
    ),
    ends_at_once=True,
    aliases=["add"],
    examples=[
        "runforge submit -- python train.py --lr 0.1",
        "runforge submit -G 1 -t 2h --retry 2 -n lm -- python train.py",
        "runforge submit --resumable --grace 2m -- python train.py",
        "runforge submit -S lr=1e-4,1e-3 -S seed=1..5 -- python train.py --lr {lr} --seed {seed}",
        "runforge submit -S lr=1e-5..1e-1:log --random 50 --metric val/loss:min -- python train.py --lr {lr}",
        "runforge submit --after @last --shell -- 'python evaluate.py > scores.txt'",
    ],
)
