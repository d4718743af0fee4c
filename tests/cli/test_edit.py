"""`edit` and `rerun` as they are typed, and `edit` in an editor."""

from __future__ import annotations

import json
import os
import re
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from runforge.cli import editor, fast_path, program
from runforge.cli.edit_changes import changes
from runforge.cli.edit_text import shown
from runforge.core.records import Job
from runforge.core.resources import Resources
from runforge.core.states import State
from runforge.errors import InvalidRequest, OperationFailed, RunForgeError
from runforge.queue import edit as editing
from runforge.queue.edit_wish import Edit
from runforge.store import targets
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.cli.terminal import Terminal
from tests.queue.editing_kit import end, in_order, job, on_disk, queued, request, request_of, start


@pytest.fixture
def run(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def call(*words: object) -> tuple[int, str]:
        code = fast_path.run(
            [str(word) for word in words[:1]] + ["-w", str(ws.root)] + [str(w) for w in words[1:]]
        )
        assert code is not None
        return code, capsys.readouterr().out

    return call


def test_a_run_gets_other_gpus(ws: Workspace, run: Callable[..., tuple[int, str]]) -> None:
    first = queued(ws, "lr=0.1", "seed=1")[0]
    assert run("edit", first.seq, "-G", 1, "--vram", "2G")[0] == 0
    assert job(ws, first.job_id).needs == Resources(gpus=1, vram_mb=2048)
    assert (
        run("edit", first.seq, "--vram", "learned", "--gpu", "GPU-00000001-0000-0000-0000-000000000000")[0]
        == 0
    )
    now = job(ws, first.job_id)
    assert now.needs == Resources(gpus=1, pins="GPU-00000001-0000-0000-0000-000000000000")
    assert now.learns
    assert run("edit", first.seq, "--vram", "none", "--gpu", "none")[0] == 0
    assert job(ws, first.job_id).needs == Resources(gpus=1)
    assert not job(ws, first.job_id).learns
    assert run("edit", first.seq, "-G", 0)[0] == 0
    assert job(ws, first.job_id).needs == Resources()
    for words, said in (
        (["--vram", "much"], "--vram 'much' is not a valid size"),
        (["--gpu", "3"], "there is no GPU 3 here"),
        (["-G", "2", "--gpu", "GPU-1"], "are too few for 2 GPUs"),
        (["--retry", "1:exit:batch=/2"], "changes nothing after gpu_oom alone"),
    ):
        with pytest.raises(RunForgeError, match=re.escape(said)):
            fast_path.run(["edit", "-w", str(ws.root), str(first.seq), *words])
    in_order(ws)


def test_the_text_of_edit_has_the_memory_and_the_change_of_a_rule(
    ws: Workspace, run: Callable[..., tuple[int, str]]
) -> None:
    first = queued(ws, "lr=0.1", "seed=1")[0]
    run("edit", first.seq, "-G", 1, "--vram", "learned", "--retry", "2:gpu_oom:lr=/2")
    text = shown([(job(ws, first.job_id), request(ws, first.job_id))])
    assert 'vram = "learned"' in text
    assert 'retry = ["2:gpu_oom:lr=/2"]' in text
    (edit,) = changes(text, text.replace('"learned"', '"2G"')).values()
    assert edit.fields == {"resources.vram_mb": 2048}


def test_options_change_runs(ws: Workspace, run: Callable[..., tuple[int, str]]) -> None:
    jobs = queued(ws, "lr=0.1,0.2", "seed=1")
    start(ws, jobs[1].job_id)
    numbers = f"{jobs[0].seq}-{jobs[1].seq}"
    code, said = run(
        "edit", numbers, "--set", "lr=1e-3", "-t", "2h", "-p", 3, "--retry", "2:exit", "--mem", "1G"
    )
    assert code == 0
    assert said.splitlines()[-1] == f"1 changed, 1 skipped (already running: {jobs[1].seq})"
    now, new = job(ws, jobs[0].job_id), request(ws, jobs[0].job_id)
    assert (new.hyperparameters["lr"], new.timeout_seconds, now.priority) == (0.001, 7200, 3)
    assert (now.needs.mem_mb, json.loads(now.retry_rules)[0]["times"]) == (1024, 2)
    code, _ = run(
        "edit", jobs[0].seq, "-t", "none", "--retry", "none", "--mem", "none", "--", "echo", "{lr}", "x"
    )
    new = request(ws, jobs[0].job_id)
    assert (new.timeout_seconds, new.retry, new.needs.mem_mb) == (None, (), 0)
    assert new.command == ("echo", "{lr}", "x")
    assert run("edit", jobs[1].seq, "-t", "2h")[0] == 1
    in_order(ws)


def test_the_parser_reads_the_same_call(ws: Workspace) -> None:
    (one,) = queued(ws)
    words = ["edit", str(one.seq), f"-w{ws.root}", "--priority=-5", "--", "true", "--", "-x"]
    assert fast_path.run(words) is None
    assert program.program().main(args=words, prog_name="runforge", standalone_mode=False) == 0
    assert request(ws, one.job_id).command == ("true", "--", "-x")
    assert job(ws, one.job_id).priority == -5


def test_a_group_is_changed_itself_and_its_runs_by_the_rest(
    ws: Workspace, run: Callable[..., tuple[int, str]]
) -> None:
    jobs = queued(ws, "lr=0.1,0.2", "seed=1")
    group = str(jobs[0].group_id)
    words = ("-n", "other", "--notes", "why", "--max-parallel", 3, "--metric", "acc:max", "-t", "1h")
    code, said = run("edit", group, *words)
    assert (code, said.splitlines()[-1]) == (0, "3 changed, 0 skipped")
    shown = json.loads((ws.group_dir(group) / "group.json").read_bytes())
    assert (shown["name"], shown["notes"]) == ("other", "why")
    assert {request(ws, each.job_id).timeout_seconds for each in jobs} == {3600}
    assert job(ws, jobs[0].job_id).name == jobs[0].name
    code, said = run("edit", group, "--max-parallel", 3)
    assert (code, said) == (1, f"0 changed, 1 skipped (is so already: {group})\n")
    in_order(ws)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing says what to change"),
        (["--set", "lr"], "KEY=VALUE"),
        (["--set", "a b=1"], "a b"),
        (["--shell"], "--shell"),
        (["--backoff", "3s"], "--retry"),
        (["--max-parallel", "3"], "Name the group"),
        (["-t", "soon"], "soon"),
        (["--after", "nobody"], "nobody"),
        (["--", "no-such-program"], "no-such-program"),
        (["-C", "/nowhere"], "/nowhere"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_changed(
    ws: Workspace, run: Callable[..., tuple[int, str]], words: list[str], said: str
) -> None:
    (one,) = queued(ws)
    with pytest.raises(RunForgeError, match=said):
        run("edit", one.seq, *words)
    assert job(ws, one.job_id) == one
    in_order(ws)


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.RUNNING, State.QUEUED])
def test_a_new_run_is_made_from_an_old_one(
    ws: Workspace, run: Callable[..., tuple[int, str]], state: State
) -> None:
    old, _ = queued(ws, "lr=0.1,0.2", "seed=1", name="lm", tags=["x"])
    if state is not State.QUEUED:
        start(ws, old.job_id)
    if state in {State.SUCCEEDED, State.FAILED}:
        end(ws, old.job_id, state)
    editing.edit(ws, {old.job_id: Edit(fields={"notes": "later"})})
    code, said = run("rerun", old.seq, "lr=5", "-p", 2, "--hold")
    made = newest(ws, said.strip())
    assert (code, made.state, made.held, made.priority, made.group_id) == (
        0,
        State.QUEUED,
        True,
        2,
        old.group_id,
    )
    assert (made.name, made.tags, made.notes, made.env_id) == ("lm", '["x"]', "later", old.env_id)
    assert request(ws, made.job_id).hyperparameters == {"lr": 5, "seed": 1}
    assert request(ws, made.job_id).raw["rerun_from"] == old.run_id
    assert job(ws, old.job_id).state is state
    in_order(ws)


def newest(ws: Workspace, run_id: str) -> Job:
    with open_journal(ws) as journal, journal.read() as tx:
        return targets.job(tx, run_id)


# --- the editor ------------------------------------------------------------------------------------


@pytest.fixture
def in_editor(
    run: Callable[..., tuple[int, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., tuple[int, str]]:
    """Return a function that runs `edit` with a shell script as the editor; $1 is the text."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "texts"))
    (tmp_path / "texts").mkdir()

    def call(script: str, *words: object) -> tuple[int, str]:
        program = tmp_path / "editor"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("VISUAL", str(program))
        for stream in ("stdin", "stdout"):
            monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
        return run("edit", *words)

    return call


def texts(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "texts").iterdir())


def test_runs_are_changed_in_the_editor(
    ws: Workspace, in_editor: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    jobs = queued(ws, "lr=0.1,0.2", "seed=1", name="lm", timeout_seconds=60)
    script = (
        "sed -i -e '0,/^lr = 0.1/s//lr = 0.05/' -e 's/^# priority = 0/priority = 4/' -e '/^time/d' \"$1\""
    )
    code, said = in_editor(script, f"{jobs[0].seq}-{jobs[1].seq}")
    assert (code, said.splitlines()[-1]) == (0, "2 changed, 0 skipped")
    first, second = (request(ws, each.job_id) for each in jobs)
    assert (first.hyperparameters["lr"], second.hyperparameters["lr"]) == (0.05, 0.2)
    assert (first.timeout_seconds, second.timeout_seconds) == (None, None)
    assert [job(ws, each.job_id).priority for each in jobs] == [4, 4]
    assert texts(tmp_path) == []
    in_order(ws)


@pytest.mark.parametrize("script", ["true", ': > "$1"'])
def test_a_text_that_says_nothing_new_changes_nothing(
    ws: Workspace, in_editor: Callable[..., tuple[int, str]], tmp_path: Path, script: str
) -> None:
    (one,) = queued(ws)
    assert in_editor(script, one.seq) == (1, "0 changed, 0 skipped\n")
    assert (job(ws, one.job_id), texts(tmp_path)) == (one, [])


def test_an_editor_that_fails_at_once_leaves_no_text_behind(
    ws: Workspace, in_editor: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    (one,) = queued(ws)
    with pytest.raises(OperationFailed, match="exit code 3") as caught:
        in_editor("exit 3", one.seq)
    assert (caught.value.fix, texts(tmp_path)) == ("Nothing was changed", [])


def test_an_edit_says_what_is_different_now(ws: Workspace, run: Callable[..., tuple[int, str]]) -> None:
    (one,) = queued(ws, "lr=0.1", "seed=1")
    for words, told in (
        (["lr=0.3", "-p", "2"], "lr=0.3, priority 2"),
        (["--unset", "seed", "--", "echo", "{lr}"], "without seed"),
        (["-n", "new", "--hold", "--at", "2030-01-01T00:00"], "name new, held, not before "),
        (["--at", "none", "-t", "5m"], "no start time"),
        (["-t", "6m"], "request changed"),
        (["--notes", "why", "--tag", "a"], "new tags, new notes"),
    ):
        code, said = run("edit", one.seq, *words)
        assert (code, said.splitlines()[0].startswith(f"{one.seq}  {one.run_id}  {told}")) == (0, True), said


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo '# mine' >> \"$1\"; exit 3", "exit code 3"),
        ("echo '# mine' >> \"$1\"; kill -9 $$", f"signal {signal.SIGKILL.value}"),
        ("echo 'lr = = 3' >> \"$1\"", r"not TOML.*line \d+"),
        ("sed -i 's/^# priority = 0/priority = true/' \"$1\"", r"line \d+: priority must be a whole number"),
        (
            "sed -i 's/^# priority = 0/prioritty = 3/' \"$1\"",
            r"line \d+: there is no field.*Did you mean 'priority'",
        ),
        ('sed -i \'s/^# time = .*/time = "soon"/\' "$1"', r"line \d+: time 'soon'"),
        ("sed -i 's/^command = .*/command = []/' \"$1\"", r"line \d+: a run needs a command"),
        ("echo '[99]' >> \"$1\"", r"line \d+: there is no run '99'"),
        ("printf '\\377' >> \"$1\"", "cannot be read"),
        ('sed -i \'s/^folder = .*/folder = "\\/nowhere"/\' "$1"', "/nowhere"),
    ],
)
def test_whatever_goes_wrong_the_run_stays_and_the_text_is_kept(
    ws: Workspace, in_editor: Callable[..., tuple[int, str]], tmp_path: Path, script: str, said: str
) -> None:
    (one,) = queued(ws)
    with pytest.raises(RunForgeError) as caught:
        in_editor(script, one.seq)
    (kept,) = texts(tmp_path)
    assert re.search(said, str(caught.value))
    assert f"Nothing was changed; your text is kept in {kept}" in str(caught.value)
    assert isinstance(caught.value, (InvalidRequest, OperationFailed)) or caught.value.exit_code == 3
    assert job(ws, one.job_id) == one
    editing.edit(ws, {one.job_id: Edit(priority=1)})  # nothing is locked
    in_order(ws)


def test_a_run_that_was_started_in_the_meantime_stays(
    ws: Workspace,
    in_editor: Callable[..., tuple[int, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (one,) = queued(ws, "lr=0.1", "seed=1")
    opened = editor._open

    def meanwhile(program: list[str], file: Path) -> None:
        start(ws, one.job_id)
        opened(program, file)

    monkeypatch.setattr(editor, "_open", meanwhile)
    before = on_disk(ws, one.job_id)
    code, said = in_editor("sed -i 's/^lr = 0.1/lr = 9/' \"$1\"", one.seq)
    assert (code, said) == (1, f"0 changed, 1 skipped (already running: {one.seq})\n")
    (kept,) = texts(tmp_path)
    assert "lr = 9" in kept.read_text()
    assert on_disk(ws, one.job_id) == before


def test_the_text_gives_back_what_it_shows(ws: Workspace, in_editor: Callable[..., tuple[int, str]]) -> None:
    (one,) = queued(
        ws,
        name='a "quoted" \\ name\x7f ü',
        notes="two\nlines",
        tags=["a b"],
        retry=[{"times": 2, "causes": ["exit"], "backoff_seconds": 90.5}],
        resources={"cpus": 3, "mem_mb": 1500},
        grace_seconds=0.5,
    )
    assert in_editor("true", one.seq)[1] == "0 changed, 0 skipped\n"
    code, _ = in_editor("sed -i 's/^cpus = 3/cpus = 2/' \"$1\"", one.seq)
    old, new = request_at(one), request(ws, one.job_id)
    assert code == 0
    assert new.raw == {**old, "resources": {"cpus": 2, "mem_mb": 1500}, "environment": new.raw["environment"]}


def request_at(one: Job) -> dict[str, object]:
    return request_of(
        "echo",
        "1",
        name=one.name,
        notes=one.notes,
        tags=json.loads(one.tags),
        retry=[{"times": 2, "causes": ["exit"], "backoff_seconds": 90.5}],
        grace_seconds=0.5,
    )


def test_an_edit_by_another_person_is_not_overwritten(ws: Workspace, tmp_path: Path) -> None:
    (one,) = queued(ws, "lr=0.1", "seed=1")
    program = tmp_path / "editor"
    program.write_text("#!/bin/sh\nsed -i 's/^lr = 0.1/lr = 9/' \"$2\"; echo open; read line\n")
    program.chmod(0o755)
    more = {"EDITOR": f"{program} --wait", "VISUAL": "", "TMPDIR": str(tmp_path)}
    terminal = Terminal("edit", one.seq, "-w", ws.root, columns=300, **more)
    terminal.until("open")
    editing.set_parameters(ws, {one.job_id: {"lr": 5}})
    os.write(terminal.master, b"\n")
    assert terminal.end() == 1
    (kept,) = tmp_path.glob("runforge-edit-*.toml")
    assert f"Your text is kept in {kept}" in terminal.text
    assert f"0 changed, 1 skipped (changed meanwhile: {one.seq})" in terminal.text
    assert request(ws, one.job_id).hyperparameters["lr"] == 5
