"""The hostile corpus through every command, as words, names, paths, documents, logs and errors, on a real terminal."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge.cli import samples
from runforge.cli.commands import COMMANDS
from runforge.cli.setup import make_workspace
from runforge.queue import submit
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace
from tests.hostile import CORPUS
from tests.security.forked import Forks, forks

pytestmark = pytest.mark.slow(shared=True)

#: What RunForge itself writes: line ends, colours, and the erasing of a line that grows.
_OURS = re.compile("\x1b\\[[0-9;]*m|\r\n|\r\x1b\\[K")
_CONTROL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\udc80-\udcff]"
)
#: As far as a word of a command line can hold them.
WORDS = [os.fsdecode(t.encode("utf-8", "replace"))[:100_000] for t in CORPUS if "\0" not in t]
#: X is the hostile word, W the workspace, F a file in it.
CALLS = [
    *(f"{c} --group-id X -w W" for c in ("pause-group", "resume-group", "retry-failed", "cancel-group")),
    *(f"{c} X -w W" for c in ("show", "logs", "wait", "cancel-run", "retry-run")),
    *(
        f"{c} -w FX"
        for c in ("queue-status", "groups", "jobs", "doctor", "daemon", "stop-daemon", "tui", "config")
    ),
    *("enqueue-run --run-id X -w W", "enqueue-run --run-id none --group-id X -w W", "set-priority X 1 -w W"),
    *("set-priority @last X -w W", "jobs --group X -w W", "jobs --state X -w W", "jobs --limit X -w W"),
    *(
        f"{c} X -w W"
        for c in ("cancel", "retry", "hold", "release", "pause", "resume", "move --front", "remove -y")
    ),
    *("edit X -p 1 -w W", "edit @last --set X -w W", "edit @last lr=X -w W", "edit @last --unset X -w W"),
    *(
        "extend X -n 1 -w W",
        "extend @last -S X -w W",
        "extend @last -n X -w W",
        "submit --seed X -w W -- true",
    ),
    *("edit @last --after X -w W", "edit @last -w W -- X", "rerun X -w W", "rerun @last --code X -w W"),
    *("submit --notify X -w W -- true", "edit @last --notify X -w W", "compare X X --diff -w W"),
    *("freeze X -w W", "thaw X -w W", "yield X -w W", "why X -w W", "show X --diff -w W"),
    *(
        "helper X",
        "gpus --release X",
        "submit --after X -w W -- true",
        "cancel none --where X -w W",
        "move 1 --before X -w W",
        "show 3-X -w W",
    ),
    *("prune --older-than X -w W", "enqueue-sweep --plan FX -w W", "sweep --plan FX -w W"),
    *(
        "run --request FX -w W",
        "run --run-dir FX -w W",
        "daemon --max-parallel X -w W",
        "daemon --orphans X -w W",
    ),
    *(
        "drill --only X",
        "stop-daemon --drain X -w W",
        "init FX",
        "demo FX",
        "backup FX -w W",
        "X",
        "--X",
        "jobs --X -w W",
    ),
    *(f"{c} X -w W" for c in ("cancel", "retry", "hold", "release", "pause", "resume", "remove --yes")),
    *("move X --front -w W", "submit -S X -w W -- true"),
    *("edit X lr=1 -w W", "edit @last --set X -w W", "edit @last --command X -w W", "rerun X -w W"),
    *("edit @last -t X -w W", "edit @last -e X -w W", "edit @last -C FX -w W", "rerun @last --unset X -w W"),
    *("results X -w W", "results --format X -w W", "compare X -w W", "compare @last --format X -w W"),
    *("enqueue-sweep --plan F --state-dir FX", "wait --timeout X -w W", "logs @last --attempt X -w W"),
]
#: Each call gets every eighth word, each its own.
_EVERY = 8


def harm(said: str) -> list[str]:
    return _CONTROL.findall(_OURS.sub("", said))


@pytest.fixture(scope="module")
def program() -> Iterator[Forks]:
    with forks() as made:
        yield made


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with a hostile text in every field."""
    before = os.umask(0o077)
    ws = make_workspace(tmp_path_factory.mktemp("hostile") / "ws")
    words = [text.encode("utf-8", "replace").decode() for text in CORPUS]
    plan = {**samples.plan(str(ws.root)), "group": {"name": words[-1] or "x", "notes": "".join(words)[:1000]}}
    plan["strategy"] = {"type": "list", "runs": [{"notes": text} for text in words]}
    submit.enqueue_sweep(ws, samples.encode(_without_nul(plan)), where="plan.json")
    with open_journal(ws) as journal, journal.write() as tx:
        run = journal.connection.execute
        for row, text in zip(tx.rows("jobs.all"), words, strict=True):
            told = (json.dumps({f"model.{text}": text}), text, text, text, row["created_at"], row["seq"])
            run(
                "UPDATE jobs SET overrides=?, error=?, cause=?, metric_name=?, metric_value=0.5, "
                "finished_at=?, state='failed' WHERE seq=?",
                told,
            )
        run("UPDATE groups SET name=?, notes=?", ("\n".join(words[:150]), "".join(words[-90:])))
    everything = "\n".join(CORPUS).encode("utf-8", "surrogatepass") + bytes(range(256))
    folder = ws.root / lists.jobs(ws)[0].run_dir
    (folder / "logs.txt").write_bytes(everything)
    for text in words[:60]:
        if text and "/" not in text and "\0" not in text:
            (folder / text).touch()
    yield ws
    os.umask(before)


def _without_nul(plan: dict[str, object]) -> dict[str, object]:
    return dict(json.loads(json.dumps(plan).replace("\\u0000", "")))


@pytest.mark.parametrize("call", CALLS)
def test_as_a_word_of_the_command_line(planted: Workspace, program: Forks, call: str) -> None:
    file, place = str(planted.root / "plan.json"), str(planted.root)
    entries = len(lists.jobs(planted))
    for word in WORDS[CALLS.index(call) % _EVERY :: _EVERY]:
        if "FX" in call and (".." in word or not word.strip("/. ")):
            continue  # no name below a file, but a path to somewhere else, or the file itself
        filled = {"X": word, "--X": f"--{word}", "W": place, "F": file, "FX": f"{file}/{word}"}
        code, said = program.on_terminal(*(filled.get(part, part) for part in call.split()))
        assert harm(said) == [], (call, word)
        assert "Traceback" not in said, (call, word)
        assert "internal error" not in said, (call, word)
        assert code in {0, 1, 2, 3, 6}, (call, word, said)
        assert code != 0 or "Usage:" in said, (call, word, said)
    assert len(lists.jobs(planted)) == entries


@pytest.mark.parametrize(
    "call",
    [
        "queue-status",
        "groups",
        "jobs",
        "show @last",
        "doctor",
        "wait",
        "logs FIRST",
        "show FIRST",
        "results",
        "results --format csv",
        "results --format md",
        "results --format json --sort number:max",
        "compare",
        "prune --older-than 1w --dry-run",
    ],
)
def test_as_what_was_stored(planted: Workspace, program: Forks, call: str) -> None:
    filled = {"FIRST": lists.jobs(planted)[0].run_id}
    code, said = program.on_terminal(
        *(filled.get(word, word) for word in call.split()), "-w", str(planted.root)
    )
    assert harm(said.replace("\t", " ") if call.startswith("logs") else said) == []
    assert "Traceback" not in said
    assert code == (1 if call == "wait" else 0), said


def test_of_every_run(planted: Workspace, program: Forks) -> None:
    for job in lists.jobs(planted)[::2]:
        code, said = program.on_terminal("show", job.run_id, "-w", str(planted.root))
        assert (code, harm(said)) == (0, []), said


FIELDS = ["preset", "dataset.path", "dataset.label_column", "model.family", "device.type", "name", "version"]


@pytest.mark.parametrize("field", [*FIELDS, "model.hyperparameters.X", "X"])
def test_in_a_document(planted: Workspace, program: Forks, tmp_path: Path, field: str) -> None:
    for number, text in enumerate(CORPUS[len(field) % _EVERY :: _EVERY]):
        document = samples.request()
        *parents, last = field.split(".")
        place = document
        for name in parents:
            place = place.setdefault(name, {})
        place[text if last == "X" else last] = 0 if last == "X" else text
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(document))
        code, said = program.on_terminal("run", "--request", str(path), "--dry-run", "-w", str(planted.root))
        assert harm(said) == [], (field, text)
        assert "Traceback" not in said
        assert code in {0, 2, 3}, said


def test_in_the_path_of_the_workspace(tmp_path: Path, program: Forks) -> None:
    for number, text in enumerate(["x\x1b]0;PWNED\x07y", "a\nb", "\u202egnp.exe", "\x9b31m", "[/x]"]):
        ws = make_workspace(tmp_path / str(number) / text)
        submit.enqueue_sweep(ws, (ws.root / "plan.json").read_bytes(), where="plan.json")
        for call in (
            "queue-status",
            "groups",
            "jobs",
            "show @last",
            "doctor",
            "logs @last",
            "run --request none",
        ):
            code, said = program.on_terminal(*call.split(), "-w", str(ws.root))
            assert harm(said) == [], (call, text)
            assert "Traceback" not in said
            assert code in {0, 1, 3}, said
        code, said = program.on_terminal(
            "backup", str(tmp_path / f"copy {text}".replace("/", "")), "-w", str(ws.root)
        )
        assert (code, harm(said)) == (0, []), said


def test_every_command_is_among_them() -> None:
    assert {call.split()[0] for call in CALLS} >= set(COMMANDS)


def test_harm_would_be_seen() -> None:
    for text in CORPUS[:30]:
        assert harm(f"x{text}y\r\n") != [] or text.isprintable()
