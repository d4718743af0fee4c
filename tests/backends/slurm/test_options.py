"""`[slurm]` in config.toml and `--slurm`: what sbatch is told, and what is refused in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from runforge import config
from runforge.backends.slurm import options
from runforge.backends.slurm.options import SlurmOptions, arguments, environment, from_settings
from runforge.core.resources import Resources
from runforge.errors import InvalidRequest
from runforge.workspace import Workspace


@pytest.fixture(autouse=True)
def no_settings_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))


def loaded(ws: Workspace, text: str, words: str | None = None, ahead: int | None = None) -> SlurmOptions:
    path = ws.hidden / config.FILE
    path.write_text("[slurm]\n" + text, "utf-8")
    path.chmod(0o600)
    return from_settings(config.load(ws), words, ahead)


def test_without_settings_nothing_is_asked_for(ws: Workspace) -> None:
    found = loaded(ws, "")
    assert found == SlurmOptions()
    assert arguments(found, Resources()) == []
    assert config.load(ws)["daemon.backend"] == "local"


def test_every_setting(ws: Workspace) -> None:
    found = loaded(
        ws,
        'partition = "gpu"\naccount = "lab"\nqos = "long"\nconstraint = "a100|h100"\nexclude = "n[3-5]"\n'
        'time = "4:00:00"\nmem = "16G"\ncpus = 4\ngpu = "gpu:a100"\nsetup = ["module load python"]\n'
        'python = "/shared/my venv/bin/python"\nexport = "NONE"\nextra = ["--reservation=ours", "-w", "n1"]\n'
        "ahead = 4\npoll_seconds = 60\nfence_seconds = 90\n",
    )
    assert arguments(found, Resources(gpus=2)) == [
        *("--partition=gpu", "--account=lab", "--qos=long", "--constraint=a100|h100", "--exclude=n[3-5]"),
        *("--export=NONE", "--time=4:00:00", "--cpus-per-task=4", "--mem=16G", "--gres=gpu:a100:2"),
        *("--reservation=ours", "-w", "n1"),
    ]
    assert (found.setup, found.python) == (("module load python",), "/shared/my venv/bin/python")
    assert (found.ahead, found.poll_seconds, found.fence_seconds) == (4, 60.0, 90.0)


@pytest.mark.parametrize(
    ("settings", "needs", "limit", "wanted"),
    [
        ({}, Resources(cpus=8), None, ["--cpus-per-task=8"]),
        ({"cpus": 2}, Resources(), None, ["--cpus-per-task=2"]),
        ({"cpus": 2}, Resources(cpus=8), None, ["--cpus-per-task=8"]),
        ({"mem": "4G"}, Resources(mem_mb=10240), None, ["--mem=10240M"]),
        ({"mem": "0"}, Resources(), None, ["--mem=0"]),
        ({"time": "1-0"}, Resources(), 5400.0, ["--time=90"]),
        ({}, Resources(), 61.0, ["--time=2"]),
        ({}, Resources(), 0.5, ["--time=1"]),
        ({}, Resources(gpus=1), None, ["--gres=gpu:1"]),
        ({"gpu": "--gpus-per-node={count}"}, Resources(gpus=2), None, ["--gpus-per-node=2"]),
        ({"gpu": "--gpus-per-node={count}"}, Resources(), None, []),
    ],
)
def test_what_a_run_needs_wins(
    settings: dict[str, object], needs: Resources, limit: float | None, wanted: list[str]
) -> None:
    assert arguments(SlurmOptions(**settings), needs, limit) == wanted  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "wanted"), [("90m", "90"), ("12h", "720"), ("30", "30"), ("2-12", "2-12"), ("90s", "2")]
)
def test_a_time_in_either_form(ws: Workspace, text: str, wanted: str) -> None:
    assert loaded(ws, f'time = "{text}"').time == wanted


def test_the_daemons_own_words_come_last(ws: Workspace) -> None:
    found = loaded(ws, 'extra = ["--nice"]', '-p gpu -A lab -t 4:00:00 --comment="two words"', 3)
    assert found.extra == ("--nice", "-p", "gpu", "-A", "lab", "-t", "4:00:00", "--comment=two words")
    assert found.ahead == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("partition = 5", '[slurm] partition: 5 is not possible; a text such as "gpu" is wanted'),
        ('partition = "-p gpu"', "partition"),
        ('partition = "two words"', "partition"),
        ('time = "soon"', "[slurm] time"),
        ('mem = "lots"', "[slurm] mem"),
        ('gpu = "gpu:2"', 'such as "gpu:a100"'),
        ('gpu = "--gpus=2"', "[slurm] gpu"),
        ("cpus = 0", "a whole number from 1"),
        ("ahead = 0", "a whole number from 1"),
        ("poll_seconds = 1", "a number of seconds from 5"),
        ("fence_seconds = true", "a number of seconds"),
        ('extra = ["--job-name=x"]', "--job-name is RunForge's own business"),
        ('extra = ["script.sh"]', "'script.sh' is no option of sbatch"),
        ('extra = ["--nice=3", "script.sh"]', "is no option of sbatch"),
    ],
)
def test_what_is_refused_is_told(ws: Workspace, text: str, told: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        loaded(ws, text)
    assert told in str(caught.value)


def test_an_unknown_setting_is_told_with_the_likely_one(ws: Workspace) -> None:
    loaded(ws, 'partitions = "gpu"')
    assert "partition" in config.load(ws).warnings[0]


@pytest.mark.parametrize(
    "word",
    [
        *(
            "--job-name=x",
            "--job-name",
            "-J",
            "-Jx",
            "--output=f",
            "-of",
            "-e",
            "--error",
            "--array=1-3",
            "-a1",
        ),
        *("--wrap=ls", "--parsable", "--requeue", "--no-requeue", "--wait", "-W", "--chdir=/", "-D"),
        *("--jo=x", "--arr=1", "--test", "-QJx", "-HJ", "-M", "--clusters=all", "--uid=0", "--help", "-V"),
    ],
)
def test_what_runforge_says_itself_is_refused(word: str) -> None:
    with pytest.raises(InvalidRequest, match="RunForge's own business"):
        options.require_allowed([word], "here")


@pytest.mark.parametrize(
    "words",
    [
        *(["-p", "gpu"], ["-pgpu"], ["--mem=4G"], ["-C", "a100"], ["--wait-all-nodes=1"], ["--exclusive"]),
        *(
            ["-x", "n1"],
            ["--nodelist", "n1"],
            ["-Qp", "gpu"],
            ["--signal=B:USR1@60"],
            ["-n1"],
            ["-d", "afterok:7"],
        ),
    ],
)
def test_the_rest_is_passed_on(words: list[str]) -> None:
    options.require_allowed(words, "here")


def test_words_are_quoted_as_in_a_shell(ws: Workspace) -> None:
    with pytest.raises(InvalidRequest, match="Quote it as in a shell"):
        loaded(ws, "", '--comment="open')
    with pytest.raises(InvalidRequest, match="--slurm"):
        loaded(ws, "", "-p gpu job.sh --array=3")


def test_variables_that_speak_to_slurm_are_left_out() -> None:
    given = {
        "PATH": "/bin",
        "SLURM_CONF": "/etc/slurm.conf",
        "CUDA_VISIBLE_DEVICES": "0",
        "SLURMISH": "x",
        "SLURM_JOB_ID": "7",
        "SBATCH_PARTITION": "x",
        "SQUEUE_FORMAT": "%i",
        "SLURM_CLUSTERS": "b",
        "SLURM_JWT": "t",
    }
    kept = {"PATH", "SLURM_CONF", "CUDA_VISIBLE_DEVICES", "SLURMISH", "SLURM_JWT"}
    assert environment(given).keys() == kept
