"""The quick way prints what the full way prints, or leaves the call to it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import big
from runforge import clock
from runforge import workspace as workspaces
from runforge.cli import completion, fast_path, output, quick
from runforge.cli.commands import COMMANDS
from runforge.core.devices import Device
from runforge.place import Place
from runforge.queue import cancel
from runforge.store import filesystems, look, migrate
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace
from tests.cli.conftest import HOSTILE
from tests.machine.conftest import nvml as nvml  # noqa: PLC0414 - a fixture
from tests.machine.nvml import FakeNvml

pytestmark = pytest.mark.slow

LATER = "2030-01-01T00:00:00.000Z"
#: What makes a queue of sixty jobs in three groups, six of which have ended, a queue with all that lists can show.
STATES = {
    "as it is": "",
    "running": "UPDATE jobs SET state = 'running', started_at = '2026-01-02T03:04:05.678Z' WHERE seq IN (8, 9)",
    "stalled": "UPDATE jobs SET state = 'running', started_at = '{now}', stalled_at = '{now}' WHERE seq = 9",
    "frozen": "UPDATE jobs SET state = 'running', started_at = '{now}', frozen_at = '{now}' WHERE seq = 9",
    "yielding": "UPDATE jobs SET state = 'running', started_at = '{now}', yield_requested = 2 WHERE seq = 9",
    "held": "UPDATE jobs SET held = 1 WHERE state = 'queued'",
    "later": "UPDATE jobs SET not_before = '{later}', delayed = 1, error = 'e' WHERE state = 'queued' AND seq % 2",
    "at a time": "UPDATE jobs SET not_before = '{later}', delayed = 1 WHERE state = 'queued'",
    "blocked": "UPDATE jobs SET blockers = seq % 3 WHERE state = 'queued'",
    "of strangers": "UPDATE jobs SET name = '{hostile}', tags = '[\"a\", \"\u202e\u65e5\"]', error = '{hostile}' WHERE seq % 2",
    "long": "UPDATE jobs SET error = '{long}', metric_name = '{long}' WHERE seq = 3",
    "metrics": "UPDATE jobs SET metric_name = 'loss', metric_value = CASE seq % 3 WHEN 0 THEN 1e-9 WHEN 1 THEN 9e999 END",
    "other metric": "UPDATE jobs SET metric_name = 'loss', metric_value = 2 WHERE seq = 2",
    "overrides": 'UPDATE jobs SET overrides = \'{{"a.lr": 0.1, "b.lr": null, "x": [1, {{"y": true}}], "s": "t\u00e9", "n": NaN}}\'',
    "retried": "UPDATE jobs SET attempt = 12 WHERE seq = 2",
    "backwards": "UPDATE jobs SET finished_at = '2026-01-01T00:00:00.000Z', started_at = '2026-01-01T00:00:00.001Z' WHERE seq = 2",
    "days": "UPDATE jobs SET finished_at = '2026-03-01T00:00:00.049Z', started_at = '2026-02-25T23:59:59.999Z' WHERE seq = 2",
    "alone": "UPDATE jobs SET group_id = NULL, name = 'mine' WHERE seq IN (2, 20)",
    "paused": "UPDATE groups SET is_paused = 1, paused_by = 'breaker', pause_reason = '{hostile}' WHERE lane_id = 2",
    "open": "UPDATE groups SET is_open = 1 WHERE lane_id = 3",
    "limited": "UPDATE groups SET run_limit = 0",
    "large": "UPDATE shapes SET cpus = 4096",
    "much memory": "UPDATE shapes SET mem_mb = 999999999",
    "gpus": "UPDATE shapes SET gpus = gpus + 3",
    "daemon": "UPDATE daemon SET state = 'running', max_parallel = 0",
    "gpu slots": "UPDATE daemon SET gpu_auto = 1, gpu_slots = 4",
}
LISTS = [name for name in quick.ANSWERED if name != "logs"]
#: Of what is asked where a command can be asked of all.
ALL = {"show": ["1-60"], "why": ["1-40", "sweep 0", "sweep 1"]}
#: States that are left to the full way.
LEFT = {("frozen", "jobs"), ("frozen", "queue-status"), ("yielding", "jobs"), ("yielding", "queue-status")}


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time stands still: both ways tell of it."""
    at = clock._milliseconds(clock.now())
    monkeypatch.setattr(clock, "_now", lambda: at)


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    made = big.make(tmp_path / "ws", 60, 3, ended=0.1)
    cancel.cancel_group(made, "sweep 2")
    return made


def _both(capsys: pytest.CaptureFixture[str], words: list[str]) -> tuple[bool, str, str]:
    """Return whether the quick way answered, and what both have printed."""
    capsys.readouterr()
    done = quick.answer(list(words))
    one = capsys.readouterr()
    fast_path.run(words)
    other = capsys.readouterr()
    return done, f"{one.out}---{one.err}", f"{other.out}---{other.err}"


def _change(here: Workspace, *statements: str) -> None:
    values = {"now": clock.now(), "later": LATER, "hostile": HOSTILE, "long": "x" * 3000}
    with open_journal(here) as journal, journal.locked():
        # These states have ways of their own to come about.
        for way in ("foreign_keys=OFF", "ignore_check_constraints=ON", "writable_schema=ON"):
            journal.connection.execute(f"PRAGMA {way}")
        journal.connection.execute("DELETE FROM sqlite_schema WHERE type = 'trigger'")
        journal.connection.execute("PRAGMA writable_schema=RESET")
        for statement in filter(None, statements):
            journal.connection.execute(statement.format(**values))


@pytest.mark.parametrize("command", LISTS)
@pytest.mark.parametrize("state", STATES)
def test_both_ways_print_the_same(
    here: Workspace, capsys: pytest.CaptureFixture[str], state: str, command: str
) -> None:
    _change(here, STATES[state])
    done, one, other = _both(capsys, [command, *ALL.get(command, []), "-w", str(here.root)])
    assert done == ((state, command) not in LEFT)
    assert one == (other if done else "---")


@pytest.mark.parametrize("command", LISTS)
@pytest.mark.parametrize("columns", [200, 80, 40, 5])
@pytest.mark.parametrize("colour", ["colour", "none"])
def test_both_ways_print_the_same_on_terminals(
    here: Workspace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    columns: int,
    colour: str,
) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setattr(output, "has_colour", lambda: colour == "colour")
    monkeypatch.setattr(output, "terminal_width", lambda: columns)
    for state in ("running", "of strangers", "paused"):
        _change(here, STATES[state])
    done, one, other = _both(capsys, [command, "--workspace", str(here.root)])
    assert done
    assert one == other
    assert ("\x1b[" in one) == (colour == "colour" and command not in {"show", "why"})


#: What is known of the runs 1 to 9 beside what lists show.
KNOWN = (
    "UPDATE jobs SET state = 'failed', error = 'exit code 1', cause = 'exit' WHERE seq IN (1, 2, 3)",
    "UPDATE jobs SET notes = '{hostile}', priority = 3, is_resumable = 1, yields = 2, on_lost = 'hold' WHERE seq = 2",
    """UPDATE jobs SET retry_rules = '[{{"causes": ["oom"], "times": 2, "change": "lr=lr/2"}}, {{}}]', retries_used = '[1]'
       WHERE seq = 2""",
    """INSERT INTO attempts SELECT job_id, run_id, 1, 't' || seq, 0, '{now}', '{now}', 'oom', '{hostile}', 1, 9,
       '["GPU-1", "GPU-2"]', 's', 0, iif(seq = 2, 'slurm:c:12', NULL), iif(seq = 2, '{now}', NULL), 'node-1',
       iif(seq = 2, '{{"GPU-1": 4096}}', NULL), 55.5, 10.0, 2048.0, 77.7, 0.5
       FROM jobs WHERE seq IN (2, 3)""",
    """INSERT INTO attempts SELECT job_id, run_id, 2, 'u' || seq, 0, '{now}', NULL, NULL, NULL, NULL, NULL, '[]', NULL, 0,
       'slurm:c:13', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM jobs WHERE seq IN (2, 3)""",
    "INSERT INTO code VALUES ('c', 'abcdef0123456789', '/r', '', 'fedcba9876543210', 'main', 1, '[]', '{{\"left_out\": 3}}')",
    "INSERT INTO code VALUES ('d', NULL, NULL, '/f', NULL, NULL, 0, '[]', '{{\"why\": \"no git\"}}')",
    "UPDATE jobs SET code_tree = iif(seq = 1, 'c', 'd') WHERE seq IN (1, 2)",
    """INSERT INTO dependencies SELECT jobs.job_id, parents.job_id, 'run', 'fail', parents.seq = 1 FROM jobs, jobs AS parents
       WHERE jobs.seq IN (4, 50) AND parents.seq IN (1, 3, 55)""",
    "INSERT INTO dependencies SELECT jobs.job_id, group_id, 'group', 'any', 0 FROM jobs WHERE jobs.seq = 50",
    "UPDATE jobs SET blockers = 3 WHERE seq = 50",
    "UPDATE jobs SET state = 'running', started_at = '{now}', waiting = 'Resources' WHERE seq = 8",
    "UPDATE jobs SET state = 'running', started_at = '{now}', frozen_at = '{now}' WHERE seq = 9",
)


def _request(**more: object) -> dict[str, object]:
    model = {
        "family": "command",
        "command": ["python", "a b.py", "--x={x.y}", "{no}", "{args}"],
        "hyperparameters": {"x": {"y": 0.5}, "s": HOSTILE},
        "cwd": "below/./here",
    }
    about = {
        "version": 1,
        "preset": "custom",
        "device": {"type": "cpu"},
        "created_at": "x",
        "created_by": "x",
    }
    return {**about, "model": model, **more}


def _live(here: Workspace) -> None:
    """Give the first runs the folders that they would have."""
    limits = {"timeout_seconds": 90, "grace_seconds": 5, "resources": {"cpus": 2, "vram_mb": "learned"}}
    shell = {"family": "command", "command": "echo {x} | cat\nls", "shell": True, "hyperparameters": {"x": 1}}
    environment = {"id": "e" * 64, "from": "a file", "secrets": ["TOKEN"]}
    requests = [
        json.dumps(_request()),
        json.dumps(_request(model=shell, environment=environment, **limits)),
        json.dumps(_request(model={"family": "ridge", "hyperparameters": {"alpha": 1.0}})),
        json.dumps(_request(preset=HOSTILE)),
        '{"version": 1, "version": 2}',
    ]
    for number, (job, request) in enumerate(zip(lists.jobs(here), requests, strict=False), 1):
        (folder := here.root / job.run_dir).mkdir(parents=True)
        (folder / "request.json").write_text(request)
        (folder / "logs.txt").write_text(f"[RF:STAGE=X]\nTraceback:\n  {HOSTILE}\nValueError: {number}\n")
        result = {"version": 1, "status": "failed", "diverged": {"metric": HOSTILE, "value": "NaN"}}
        (folder / "result.json").write_text(json.dumps(result) if number < 3 else "{")
        if number < 3:
            digest = hashlib.sha256(request.encode()).hexdigest()
            _change(here, f"UPDATE jobs SET request_sha = '{digest}' WHERE seq = {number}")


def test_both_ways_show_all_that_is_known_of_runs(
    here: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    _change(here, *KNOWN)
    _live(here)
    for words in (
        ["show", "1-60"],
        ["why", "1-10,50-60"],
        ["why"],
        ["show", "@last"],
        ["why", "@last", "--utc"],
    ):
        done, one, other = _both(capsys, [*words, "-w", str(here.root)])
        assert done, words
        assert one == other
        if words == ["show", "1-60"]:
            shown = one
    for text in (
        "--x=0.5",
        "NaN",
        "slurm:c:12",
        "4.0 GiB",
        "abcdef0123",
        "no git",
        "1m30s from its start",
        "up to 2 times",
        "(once it has failed)",
    ):
        assert text in shown, text


def test_the_devices_of_a_frozen_run_are_asked(
    here: Workspace, capsys: pytest.CaptureFixture[str], nvml: FakeNvml
) -> None:
    _change(here, STATES["frozen"], STATES["gpus"])
    name = lists.jobs(here)[8].run_id
    nvml.says([{"processes": [{"pid": os.getpid(), "memory": 20 << 30}]}])
    done, one, other = _both(capsys, ["show", name, "-w", str(here.root)])
    assert done
    assert one == other


def test_what_is_not_found_is_left_to_the_full_way(
    here: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("61", "70-80", "nope", "2026", "3-", "@last~99", "grp_"):
        for command in ("show", "why"):
            assert not quick.answer([command, name, "-w", str(here.root)])
    assert capsys.readouterr() == ("", "")


def test_both_ways_tell_of_a_daemon(here: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """One that lives, hangs, has GPUs, has none, stops; and disks without room."""
    place = Place(str(here.root))
    lock = os.open(place.daemon_lock, os.O_RDWR | os.O_CREAT, 0o600)
    os.write(lock, b"%d\n" % os.getpid())
    gpu = {**Device("GPU-1", 80_000)._asdict(), "index": 0, "name": HOSTILE}
    told: list[dict[str, object]] = [
        {"last_heartbeat": clock.now()},
        {"last_heartbeat": "2026-01-01T00:00:00.000Z"},
        {"last_heartbeat": clock.now(), "gpus": [gpu]},
        {"last_heartbeat": clock.now(), "gpu_problem": HOSTILE},
        {},
    ]
    with open_journal(here):  # a daemon has the journal open
        for held in (True, False):
            fcntl.flock(lock, fcntl.LOCK_EX if held else fcntl.LOCK_UN)
            for document in told:
                Path(place.daemon_json).write_text(json.dumps(document) + "\n")
                for command in LISTS:
                    done, one, other = _both(capsys, [command, "-w", str(here.root)])
                    assert done
                    assert one == other
    os.close(lock)


def test_a_full_disk_is_told_by_both(
    here: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNFORGE_MIN_FREE_BYTES", str(1 << 60))
    done, one, other = _both(capsys, ["queue-status", "-w", str(here.root)])
    assert done
    assert one == other
    assert not quick.answer(["jobs", "-w", str(here.root)])  # the full way adds a note


def test_times_are_local_or_in_utc(
    here: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "XXX-05:30")
    _change(here, STATES["at a time"])
    for words in ([], ["--utc"]):
        done, one, other = _both(capsys, ["jobs", *words, "-w", str(here.root)])
        assert done
        assert one == other
    assert "UTC" in one


def test_the_workspace_is_found_as_ever(
    here: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    below = here.root / "a" / "b"
    below.mkdir(parents=True)
    (link := here.root.parent / "link").symlink_to(here.root)
    monkeypatch.delenv("RUNFORGE_WORKSPACE", raising=False)
    monkeypatch.chdir(below)
    assert _both(capsys, ["groups"])[0]
    monkeypatch.chdir("/")
    assert not quick.answer(["groups"])
    monkeypatch.setenv("RUNFORGE_WORKSPACE", str(link))
    done, one, other = _both(capsys, ["groups"])
    assert done
    assert one == other


@pytest.mark.parametrize(
    "words",
    [
        *(
            ["jobs", "--json"],
            ["jobs", "3"],
            ["jobs", "--limit", "3"],
            ["jobs", "--state", "x"],
            ["jobs", "--nope"],
        ),
        *(
            ["groups", "--utc"],
            ["queue-status", "--watch"],
            ["queue-status", "x"],
            ["jobs", "-w"],
            ["jobs", "-w", "--utc"],
        ),
        *(["logs", "-f"], ["logs", "1", "2"], ["logs", "1-2"], ["logs", "--utc"], ["logs", "12345678"]),
        *(
            ["jobs", "--"],
            ["show", ""],
            ["why", "--json"],
            ["nope"],
            ["jobs", "-w", "/nowhere"],
            ["jobs", "-w", "a", "-w", "b"],
        ),
    ],
    ids=" ".join,
)
def test_all_else_is_left_to_the_full_way(
    here: Workspace, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(here.root)
    assert not quick.answer(words)


LOGS = {
    "none": None,
    "empty": b"",
    "plain": "epoch 1\tloss 0.5\n\u65e5\u672c\n".encode(),
    "hostile": HOSTILE.encode() + b"\n",
    "colours": b"\x1b[31mred\x1b[0m\n",
    "unfinished": b"one\ntwo",
    "progress": b"1 %\r2 %\r3 %\n",
    "broken": b"\xff\xfe\n",
    "long": b"x" * 90 + b"\n" * 300_000,
}


@pytest.mark.parametrize("is_terminal", [True, False], ids=["terminal", "pipe"])
@pytest.mark.parametrize("log", LOGS)
def test_both_ways_print_the_same_log(
    here: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    log: str,
    is_terminal: bool,
) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda: is_terminal)
    monkeypatch.setattr(output, "has_colour", lambda: is_terminal)
    monkeypatch.setattr(output, "can_redraw", lambda: is_terminal)
    newest = here.root / lists.jobs(here)[-1].run_dir
    newest.mkdir(parents=True)
    data = LOGS[log]
    if data is not None:
        (newest / "logs.txt").write_bytes(data)
    for words in ([], ["@last"], ["60"]):
        line = ["logs", *words, "-w", str(here.root)]
        capfdbinary.readouterr()
        done = quick.answer(line)
        sys.stdout.flush()
        one = capfdbinary.readouterr()
        assert done == (data is not None and (not is_terminal or log in {"empty", "plain"}))
        if done:
            fast_path.run(line)
            sys.stdout.flush()
            assert capfdbinary.readouterr() == one
        else:
            assert one == (b"", b"")


def test_a_number_that_is_an_id_too_is_left_to_the_full_way(here: Workspace) -> None:
    (folder := here.root / lists.jobs(here)[6].run_dir).mkdir(parents=True)
    (folder / "logs.txt").touch()
    assert quick.answer(["logs", "7", "-w", str(here.root)])
    _change(here, "UPDATE jobs SET run_id = '7' WHERE seq = 9")
    assert not quick.answer(["logs", "7", "-w", str(here.root)])
    assert not quick.answer(["logs", "99", "-w", str(here.root)])


def test_the_words_are_those_of_the_table() -> None:
    for name, takes in quick.ANSWERED.items():
        options = {word: option for option in COMMANDS[name].options for word in option.words}
        assert COMMANDS[name].reads_only
        assert {options[word].kind for word in quick.WORKSPACE} == {"folder"}
        assert (quick.TAKES_UTC in options) == (quick.TAKES_UTC in takes)
        assert quick.TAKES_TARGETS not in takes or COMMANDS[name].arguments[0].takes_several


def _other_version(here: Workspace) -> None:
    with open_journal(here) as journal:
        journal.connection.execute("PRAGMA user_version=99")


def _replace(here: Workspace) -> None:
    copy = here.journal.with_name("copy")
    copy.write_bytes(here.journal.read_bytes())
    copy.replace(here.journal)


ODD: dict[str, Callable[[Workspace], object]] = {
    "another version": _other_version,
    "a replaced journal": _replace,
    "no note": lambda here: (here.hidden / "has_journal").unlink(),
    "a sweep in the foreground": lambda here: (here.hidden / "foreground").mkdir(),
    "a recovery": lambda here: (here.hidden / "runforge.db.recovery").touch(),
    "a folder elsewhere": lambda here: (here.hidden / "state_dir").write_text("/elsewhere\n"),
    "others may write": lambda here: here.hidden.chmod(0o777),
    "an empty journal": lambda here: here.journal.write_bytes(b""),
    "no journal": lambda here: here.journal.unlink(),
    "damage": lambda here: here.journal.write_bytes(b"x" * 8192),
    "a link": lambda here: (
        here.journal.rename(here.root / "db") and here.journal.symlink_to(here.root / "db")
    ),
    "a lock that is a copy": lambda here: (
        (here.root / "l").write_bytes(here.write_lock.read_bytes())
        and (here.root / "l").replace(here.write_lock)
    ),
    "a -wal that is a folder": lambda here: Path(f"{here.journal}-wal").mkdir(),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("rest", [0.0, 60.0])
def test_a_journal_that_is_not_plain_is_left_to_the_full_way(
    here: Workspace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    odd: str,
    rest: float,
) -> None:
    monkeypatch.setattr(look, "_REST", rest)
    ODD[odd](here)
    for command in quick.ANSWERED:
        assert not quick.answer([command, "-w", str(here.root)])
    assert capsys.readouterr() == ("", "")


def test_a_side_file_that_a_daemon_misses_is_left_to_the_full_way(here: Workspace) -> None:
    lock = os.open(here.daemon_lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert not quick.answer(["groups", "-w", str(here.root)])
    os.close(lock)
    assert quick.answer(["groups", "-w", str(here.root)])


def test_the_rules_are_those_of_the_full_way(here: Workspace) -> None:
    place = Place(str(here.root))
    for name in Place.__slots__:
        assert str(getattr(place, name)) == str(getattr(here, name)), name
    assert place.attempt_dir("r", 2) == str(here.attempt_dir("r", 2))
    assert (migrate.NEWEST, migrate.APPLICATION_ID, "wal") == look._VERSIONS
    assert tuple(f" - {kind}" for kind in filesystems._NETWORK) == look._NETWORK
    assert workspaces.VARIABLE == "RUNFORGE_WORKSPACE"


#: What each command may import of RunForge and of the standard library, beside what the interpreter itself does.
_LOOK = "bytecode cli cli.main cli.quick own_python place store store.look store.queries store.sqlite store.transaction system views"
_ALL = f"{_LOOK} cells clock cli.output cli.tables cli.width text views.labels"
_COMPLETION = "cli.completion cli.known cli.made_table cli.parameter cli.words views.nameable"
_DISK = "machine machine.disk_space named"
_RECORDS = "choices later core core.daemon_row core.group_status core.job_numbers core.ranking core.records core.resources core.states"
_RECORDS += " core.used documents documents.edited_request errors light_json named store.code store.plain_targets store.records"
_RECORDS += " store.uses views.kin views.pauses views.run_views views.shown"
_FACTS = "cli.timeline documents.placeholders documents.result documents.strict_json digest files files.reading files.tail"
_FACTS += " store.daemon_holder views.code views.daemon_told views.log_end views.quoting views.remarks views.run_facts"
_STATUS = "cli.quick_status cli.status core core.daemon_row core.group_status"
_STATUS += " core.resources core.waiting files files.reading light_json store.daemon_holder"
_STATUS += " views.daemon_status views.daemon_told views.group_rows views.kin views.live_rows views.rows views.summary views.words"
ALLOWED = {
    "jobs": f"{_ALL} {_DISK} cli.quick_lists light_json views.rows",
    "groups": f"{_ALL} cli.quick_lists views.group_rows core core.group_status",
    "queue-status": f"{_ALL} {_DISK} {_STATUS}",
    "logs": f"{_ALL} cli.quick_logs files files.reading",
    "show": f"{_ALL} {_RECORDS} {_FACTS} cli.one_run cli.quick_runs",
    "why": f"{_ALL} {_RECORDS} cli.quick_runs cli.why views.estimate views.why views.why_answers views.why_words",
}
LIBRARY = {
    "__future__",
    "gc",
    "fcntl",
    "errno",
    "_collections",
    "_json",
    "_operator",
    "pysqlite3._sqlite3",
    "_sqlite3",
}
LIBRARY |= {"_sha2", "_sha256"}


def _imported(call: str) -> tuple[str, set[str]]:
    """Return what a call says in a fresh interpreter, and the modules that it has imported."""
    code = (
        "import sys; before = set(sys.modules)\n"
        "from runforge.cli import main, quick\n"
        f"done = {call}\n"
        "print(done, *sorted(set(sys.modules) - before), file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    done, *names = run.stderr.splitlines()[-1].split()
    return done, set(names)


@pytest.mark.parametrize("command", quick.ANSWERED)
def test_only_these_modules_are_imported(here: Workspace, command: str) -> None:
    (folder := here.root / lists.jobs(here)[-1].run_dir).mkdir(parents=True)
    (folder / "logs.txt").touch()
    _change(here, KNOWN[0])
    (folder := here.root / lists.jobs(here)[0].run_dir).mkdir(parents=True)
    (folder / "logs.txt").write_text("Traceback\nValueError: x\n")
    (folder / "result.json").write_text('{"version": 1, "status": "failed"}')
    model = {"family": "command", "command": ["a b", "{c}"], "hyperparameters": {"c": 1}}
    request = json.dumps(_request(model=model))
    (folder / "request.json").write_text(request)
    digest = hashlib.sha256(request.encode()).hexdigest()
    _change(here, f"UPDATE jobs SET request_sha = '{digest}' WHERE seq = 1")
    words = [command, *(["1"] if command in ALL else []), "-w", str(here.root)]
    done, names = _imported(f"quick.answer({words})")
    assert done == "True"
    allowed = {"runforge", *(f"runforge.{name}" for name in ALLOWED[command].split())}
    assert names <= allowed | LIBRARY


def test_why_a_run_waits_imports_little_more(here: Workspace) -> None:
    """The queue is run forward without `random`, which imports hashes, and without the readers of metrics."""
    done, names = _imported(f"quick.answer(['why', '50', '-w', {str(here.root)!r}])")
    assert done == "True"
    forward = (
        "core.course core.devices core.durations core.forecast core.room core.scheduling machine.size"
        " views.daemon_told views.estimates views.free views.why_live views.why_live_words views.why_parts"
    )
    allowed = {"runforge", *(f"runforge.{name}" for name in f"{ALLOWED['why']} {_STATUS} {forward}".split())}
    assert names <= allowed | LIBRARY | {"_heapq", "_random", "math"}


def test_completing_an_id_reads_what_the_full_way_reads_and_imports_as_little(
    here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here.root)
    for what, begin, count in (
        ("run", "", 60),
        ("run", "2", 71),
        ("group", "", 6),
        ("either", "g", 3),
        ("run", "x", 0),
    ):
        found = completion._nameable(what, begin, None)
        assert len(found) == count
        assert found == lists.nameable(here, what, begin)
        assert completion._nameable(what, begin, here.root) == found
        assert completion._nameable(what, begin, str(here.root)) == found
    line = {"COMP_WORDS": "runforge show 2", "COMP_CWORD": "2", "_RUNFORGE_COMPLETE": "complete_bash"}
    for name, value in line.items():
        monkeypatch.setenv(name, value)
    done, names = _imported("len(main._made([]).split())")
    assert done == "71"
    allowed = {"runforge", *(f"runforge.{name}" for name in f"{_LOOK} {_COMPLETION}".split())}
    assert names <= allowed | LIBRARY


def test_completing_without_a_plain_journal_goes_the_full_way(here: Workspace) -> None:
    found = lists.nameable(here, "either", "")
    lock = os.open(here.daemon_lock, os.O_RDWR | os.O_CREAT, 0o600)
    (here.hidden / "foreground").mkdir()  # left to the full way
    assert completion._nameable("either", "", here.root) == found != []
    os.close(lock)
    assert completion._nameable("either", "", "/nowhere") == []
