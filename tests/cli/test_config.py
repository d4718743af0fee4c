"""`config`, defaults of `submit`, `--notify`, and what the doctor says of notices, as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runforge.cli import fast_path
from runforge.core.records import Job
from runforge.core.resources import Resources
from runforge.errors import InvalidRequest, Missing
from runforge.store import outbox, records, targets
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.notices.listener import listening

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _no_own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))


@pytest.fixture
def run(ws: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(ws.root)

    def call(*words: str) -> tuple[int, str, str]:
        code = fast_path.run([words[0], "-w", str(ws.root), *words[1:]])
        assert code is not None, words
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def write(ws: Workspace, text: str) -> Path:
    path = ws.hidden / "config.toml"
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    return path


def job(ws: Workspace, name: str = "@last") -> Job:
    with open_journal(ws) as journal, journal.read() as tx:
        return targets.job(tx, name)


def request(ws: Workspace) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ws.root / job(ws).run_dir / "request.json").read_bytes())
    return found


def test_config_shows_what_is_in_force_and_why_but_no_address(ws: Workspace, run: Run) -> None:
    path = write(ws, "[submit]\ngpus = 2\n[notify]\nto = ['https://hooks.example/hush', 'ntfys://hush']\n")
    code, out, _ = run("config")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert lines["submit.gpus"].split()[1:] == ["2", f"{path}:2"]
    assert "target 1 (https://hooks.example), target 2 (ntfys://...)" in lines["notify.to"]
    assert lines["guard.stall"].split(maxsplit=2)[1:] == ["1800s", "built in"]
    _, as_json, _ = run("config", "--json")
    settings = {each["name"]: each for each in json.loads(as_json)["data"]["settings"]}
    assert settings["submit.gpus"] == {"name": "submit.gpus", "value": 2, "source": str(path), "line": 2}
    assert "hush" not in out + as_json


def test_config_warns_of_what_is_unknown_and_refuses_a_wrong_rule(ws: Workspace, run: Run) -> None:
    write(ws, "[submit]\ngpu = 1\n")
    assert "Warning: " in run("config")[2]
    write(ws, "[submit]\nretry = '3:exitt'\n")
    for words in (["config"], ["submit", "--", "true"]):
        with pytest.raises(InvalidRequest, match=r"config.toml:2: \[submit\] retry: 'exitt' is no cause"):
            run(*words)


def test_submit_takes_what_it_was_not_given_from_the_file(ws: Workspace, run: Run) -> None:
    text = "cpus = 1\nmem = '1G'\ntime = '2h'\nretry = ['2:exit']\nbackoff = '5s'\nmax_parallel = 3\nnotify = 'fail'\n"
    write(ws, f"[submit]\n{text}")
    assert run("submit", "--", "true")[0] == 0
    made = job(ws)
    assert made.needs == Resources(1, 0, 0, 1024)
    assert made.notify == "fail"
    assert request(ws)["timeout_seconds"] == 7200
    assert request(ws)["retry"] == [{"times": 2, "causes": ["exit"], "backoff_seconds": 5.0}]
    run("submit", "-t", "1m", "--mem", "2G", "--notify", "never", "--retry", "1", "--", "true")
    assert (job(ws).needs.mem_mb, job(ws).notify, request(ws)["timeout_seconds"]) == (2048, "never", 60)


def test_the_limit_is_that_of_new_groups_alone(ws: Workspace, run: Run) -> None:
    def limit() -> int | None:
        with open_journal(ws) as journal, journal.read() as tx:
            return records.group(tx.row("groups.by_id", group_id=job(ws).group_id)).run_limit

    write(ws, "[submit]\nmax_parallel = 3\n")
    run("submit", "-S", "a=1,2", "-g", "lm", "--", "echo", "{a}")
    assert limit() == 3
    write(ws, "[submit]\nmax_parallel = 7\n")
    run("submit", "-g", "lm", "--", "true")
    assert limit() == 3
    run("submit", "-g", "lm", "--max-parallel", "4", "--", "true")
    assert limit() == 4


def test_guards_are_those_of_the_file_where_no_option_says_it(ws: Workspace, run: Run) -> None:
    def breaker() -> int | None:
        with open_journal(ws) as journal, journal.read() as tx:
            return records.group(tx.row("groups.by_id", group_id=job(ws).group_id)).breaker

    write(ws, '[guard]\nbreaker = "off"\nstall = "10m:kill"\n')
    run("submit", "-S", "a=1,2", "--", "echo", "{a}")
    assert breaker() == 0
    assert (request(ws)["stall_seconds"], request(ws)["stall_kill"]) == (600, True)
    run("submit", "-S", "a=1,2", "--breaker", "3", "--stall", "1h", "--", "echo", "{a}")
    assert breaker() == 3
    assert request(ws)["stall_seconds"] == 3600
    write(ws, "")
    run("submit", "-S", "a=1,2", "--", "echo", "{a}")
    assert breaker() is None
    assert "stall_seconds" not in request(ws)


def test_a_request_speaks_for_itself(ws: Workspace, run: Run) -> None:
    write(ws, "[submit]\ntime = '2h'\ngpus = 1\nnotify = 'done'\n")
    run("submit", "--request", str(ws.root / "request.json"))
    assert "timeout_seconds" not in request(ws)
    assert (job(ws).needs.gpus, job(ws).notify) == (0, "done")


def test_submit_refuses_a_file_that_others_may_write(ws: Workspace, run: Run) -> None:
    write(ws, "[submit]\ngpus = 1\n").chmod(0o666)
    with pytest.raises(Missing, match="other users may write it"):
        run("submit", "--", "true")


def test_notify_is_checked_and_can_be_changed_also_while_a_run_goes_on(ws: Workspace, run: Run) -> None:
    with pytest.raises(InvalidRequest, match=r"--notify: 'don' is unknown\. Did you mean 'done'"):
        run("submit", "--notify", "don", "--", "true")
    run("submit", "--notify", "done", "--", "true")
    number = str(job(ws).seq)
    assert run("edit", number, "--notify", "start")[0] == 0
    assert job(ws, number).notify == "start"
    with open_journal(ws) as journal:
        journal.connection.execute("UPDATE jobs SET state = 'running', started_at = created_at")
    assert run("edit", number, "--notify", "none")[0] == 0
    assert job(ws, number).notify is None
    run("rerun", number, "--notify", "fail")
    assert job(ws).notify == "fail"


def test_the_doctor_sends_a_test_and_says_how_each_target_answered(ws: Workspace, run: Run) -> None:
    assert run("doctor", "--notify")[1].split()[:2] == ["warning", "notices"]
    with listening() as web:
        write(ws, f"[notify]\nto = ['{web.url}/hush', 'cmd:/no/such/program']\n")
        code, out, _ = run("doctor", "--notify")
        assert web.events == ["test"]
    first, second = out.splitlines()
    assert code == 1
    assert first.split(maxsplit=2) == ["ok", "notices", "target 1 (http://127.0.0.1): it answered 200"]
    assert second.startswith(
        "problem  notices      target 2 (cmd:/no/such/program): there is no such program"
    )


def test_the_doctor_tells_what_was_given_up_and_of_a_bad_file(ws: Workspace, run: Run) -> None:
    run("submit", "--", "true")
    with open_journal(ws) as journal, journal.write() as tx:
        outbox.note(tx, "disk")
        (row,) = outbox.due(tx, "2999-01-01T00:00:00.000Z", 1)
        outbox.record(tx, row._replace(tries=4), [], "target 1 (https://a.example): it answered 500", row.at)
    assert "given up: disk of" in run("doctor")[1]
    write(ws, "[submit]\ngpus = 'x'\n")
    code, out, _ = run("doctor")
    assert code == 1
    assert "problem  config       " in out


@pytest.mark.parametrize(
    ("stall", "seconds", "kills"), [("10m:kill", 600.0, 1), ("20d", 1_728_000.0, 0), ("off", 0.0, 0)]
)
def test_the_guards_of_a_new_group_and_of_its_runs(
    ws: Workspace, run: Run, stall: str, seconds: float, kills: int
) -> None:
    write(ws, f"[guard]\nbreaker = 2\nstall = '{stall}'\n")
    code, _, said = run("submit", "-g", "mine", "-S", "x=1,2", "--", "true", "{x}")
    assert code == 0, said
    last = job(ws)
    assert (last.stall_seconds, last.stall_kill) == (seconds, kills)
    with open_journal(ws) as journal, journal.read() as tx:
        assert records.group(tx.row("groups.by_id", group_id=last.group_id)).breaker == 2
    assert run("submit", "-g", "loud", "-S", "x=1,2", "--breaker", "off", "--", "true", "{x}")[0] == 0
    with open_journal(ws) as journal, journal.read() as tx:
        assert records.group(tx.row("groups.by_id", group_id=job(ws).group_id)).breaker == 0


def test_a_held_sweep_says_how_to_release_all_of_it(ws: Workspace, run: Run) -> None:
    code, _, said = run("submit", "--hold", "-S", "x=1,2", "--", "echo", "{x}")
    assert code == 0, said
    group = job(ws).group_id
    assert f"the runs wait: they are held; `runforge release {group}` lets them start" in said
    assert run("release", str(group))[0] == 0
    assert not job(ws).held
