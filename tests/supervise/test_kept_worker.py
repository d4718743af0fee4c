"""A worker that takes one run after the other: nothing of a run reaches the next, and each is seen as its own."""

from __future__ import annotations

import colorsys  # noqa: F401 - "a module that is exchanged" must be there before
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.utils.parallel

from runforge import light_json
from runforge.attempts import exit_record, orders
from runforge.attempts.cleanup import RESTING
from runforge.core.outcome import ExitRecord
from runforge.machine import os_process
from runforge.supervise import fingerprint, resting, workers
from runforge.supervise.kept import Kept
from runforge.supervise.supervisor import supervise
from runforge.supervise.workers import Workers
from tests.conftest import wait_until
from tests.supervise.kit import Attempt, in_child

pytestmark = pytest.mark.slow
_HERE = "tests.supervise.trainings"
#: What a run does to them is seen if they are loaded.
LOADED = (np, sklearn.utils.parallel)

#: What a run may do, and how a later one would see it.
POISONS = {
    "a module's name": (f"import {_HERE} as t; t.STATE = 1", f"import {_HERE} as t; print(t.STATE)"),
    "settings in a dict": (
        f"import {_HERE} as t; t.SETTINGS['colour'] = 'red'",
        f"import {_HERE} as t; print(t.SETTINGS)",
    ),
    "a list": (f"import {_HERE} as t; t.SEEN.append('x')", f"import {_HERE} as t; print(t.SEEN)"),
    "a class": (f"import {_HERE} as t; t.Tool.size = 9", f"import {_HERE} as t; print(t.Tool.size)"),
    "an object": (f"import {_HERE} as t; t.TOOL.speed = 9", f"import {_HERE} as t; print(t.TOOL.speed)"),
    "a default value": (
        f"import {_HERE} as t; t.collect('x')",
        f"import {_HERE} as t; print(t.collect('y'))",
    ),
    "a poisoned function": (
        "import os.path; os.path.basename = lambda path: 'poison'",
        "import os.path; print(os.path.basename('/a/b'))",
    ),
    "a poisoned builtin": ("import builtins; builtins.sum = max", "print(sum([1, 2]))"),
    "a module that is exchanged": (
        "import sys, types; sys.modules['colorsys'] = types.ModuleType('colorsys')",
        "import colorsys; print(hasattr(colorsys, 'rgb_to_hsv'))",
    ),
    "a module that is gone": (
        "import sys; del sys.modules['warnings']",
        "import sys; print('warnings' in sys.modules)",
    ),
    "the path of modules": ("import sys; sys.path.insert(0, '/poison')", "import sys; print(sys.path[0])"),
    "a finder of modules": (
        "import sys; sys.meta_path.insert(0, object())",
        "import sys; print(len(sys.meta_path))",
    ),
    "filters of warnings": (
        "import warnings; warnings.simplefilter('always', FutureWarning)",
        "import warnings; print(warnings.filters)",
    ),
    "a warning that was shown": (
        "import warnings; vars(warnings)['__warningregistry__'] = {('w', UserWarning, 1): True, 'version': 0}",
        "import warnings; print(sorted(map(str, vars(warnings).get('__warningregistry__', {}))))",
    ),
    "the state of NumPy's random": (
        "import numpy; numpy.random.seed(1)",
        "import numpy; print(numpy.random.get_state()[1][:3])",
    ),
    "NumPy's errors": ("import numpy; numpy.seterr(all='raise')", "import numpy; print(numpy.geterr())"),
    "NumPy's printing": (
        "import numpy; numpy.set_printoptions(precision=1)",
        "import numpy; print(numpy.array([1 / 3]))",
    ),
    "scikit-learn's settings": (
        "import sklearn; sklearn.set_config(assume_finite=True)",
        "import sklearn; print(sklearn.get_config()['assume_finite'])",
    ),
    "a decimal context": (
        "import decimal; decimal.getcontext().prec = 3",
        "import decimal; print(decimal.getcontext().prec)",
    ),
    "a thread": (
        "import threading, time; threading.Thread(target=time.sleep, args=(99,), daemon=True).start()",
        "import threading; print(threading.active_count())",
    ),
    "a timer": (
        "import signal; signal.setitimer(signal.ITIMER_VIRTUAL, 9999)",
        "import signal; print(signal.getitimer(signal.ITIMER_VIRTUAL)[0] > 0)",
    ),
    "a handler of a signal": (
        "import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
        "import signal; print(signal.getsignal(signal.SIGUSR1))",
    ),
    "a blocked signal": (
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])",
        "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))",
    ),
    "the locale": (
        "import locale; locale.setlocale(locale.LC_ALL, 'C.UTF-8' if locale.setlocale(locale.LC_ALL) == 'C' else 'C')",
        "import locale; print(locale.setlocale(locale.LC_ALL))",
    ),
    "a limit": (
        "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (99, r.getrlimit(r.RLIMIT_NOFILE)[1]))",
        "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE))",
    ),
    "niceness": ("import os; os.nice(3)", "import os; print(os.getpriority(os.PRIO_PROCESS, 0))"),
    "the depth of calls": (
        "import sys; sys.setrecursionlimit(444)",
        "import sys; print(sys.getrecursionlimit())",
    ),
    "the garbage collector": ("import gc; gc.disable()", "import gc; print(gc.isenabled())"),
    "a tracer": ("import sys; sys.setprofile(lambda *a: None)", "import sys; print(sys.getprofile())"),
    "a hook of errors": ("import sys; sys.excepthook = print", "import sys; print(sys.excepthook)"),
    "a call at the end": (
        "import atexit; atexit.register(print)",
        "import atexit; print(atexit._ncallbacks())",
    ),
    "a variable behind Python's back": (
        "import os; os.putenv('POISON', 'x')",
        "import subprocess; print(subprocess.run('echo $POISON', shell=True, capture_output=True, env=None).stdout)",
    ),
}
#: What each run is given anew: here the check is one more lock on the door.
GIVEN_ANEW = {
    "the state of random": ("import random; random.seed(1)", "print('every forked process has another one')"),
    "the environment": (
        "import os; os.environ['POISON'] = 'x'",
        "import os; print(os.environ.get('POISON'))",
    ),
    "the folder": ("import os; os.chdir('/tmp')", "import os; print(os.getcwd() == '/tmp')"),
    "the mask for files": ("import os; os.umask(0)", "import os; print(os.umask(0))"),
    "an open file": (
        "import os; os.open('/etc/passwd', os.O_RDONLY)",
        "import os; print(len(os.listdir('/proc/self/fd')))",
    ),
    "a replaced output": (
        "import io, sys; sys.stdout = io.StringIO()",
        "import sys; print(type(sys.stdout))",
    ),
    "a child that has ended": ("import subprocess; subprocess.run(['true'])", "print('nothing')"),
    "much memory": (f"import {_HERE} as t; t.hoard(100)", "print('nothing')"),
}


class Queue:
    """A supervisor in a process of its own that takes one attempt after the other, as from a zygote."""

    def __init__(self, root: Path, *, is_checked: bool = True) -> None:
        self._root = root
        self._is_checked = is_checked
        self._attempts: list[Attempt] = []
        self.pid = in_child(self._serve)

    def _serve(self) -> None:
        os.setsid()
        if not self._is_checked:
            _take_the_checks_out()
        kept = Workers(Kept.made(f"{_HERE}:main", _HERE))
        number = 0
        while True:
            number += 1
            ready = self._root / str(number) / "ready"
            while not ready.exists():
                time.sleep(0.005)
            supervise(self._root / str(number) / "attempt" / "spec.json", workers=kept)

    def start(self, code: str, **changes: Any) -> Attempt:
        """Let it take one more attempt; `changes` are of the spec."""
        folder = self._root / str(len(self._attempts) + 1)
        folder.mkdir()
        attempt = Attempt(folder)
        attempt.pid = self.pid
        self._attempts.append(attempt)
        payload = {
            "request": {"device": {"type": "cpu"}, "model": {"family": "logistic_regression"}, "code": code},
            "grant": {"gpus": 0, "gpu": None},
            "threads": 1,
            **changes.pop("payload", {}),
        }
        attempt.spec(
            None, target=f"{_HERE}:main", payload=payload, **{"version": 3, "environment": None, **changes}
        )
        (folder / "ready").touch()
        return attempt

    def run(self, code: str, **changes: Any) -> tuple[int, str, ExitRecord]:
        """Let it do one more attempt; return the worker's pid, what it printed besides, and the record."""
        attempt = self.start(code, **changes)
        record = ended(attempt)
        return (*said(attempt), record)

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def ended(attempt: Attempt) -> ExitRecord:
    wait_until(lambda: exit_record.read(attempt.folder, attempt.token) is not None, "it has ended")
    record = exit_record.read(attempt.folder, attempt.token)
    assert record is not None
    return record


def said(attempt: Attempt) -> tuple[int, str]:
    found = re.search(r"process (\d+)\n((?s:.*))", attempt.log)
    assert found, attempt.log
    return int(found[1]), found[2]


def _take_the_checks_out() -> None:
    """Keep the worker whatever a run has left in it: what these tests must not let through."""

    class Blind(fingerprint.Objects):
        def are_the_same(self) -> bool:
            return True

    class Careless(resting.Resting):
        def _look(self) -> tuple[Any, ...]:
            return ()

        def _is_alone(self) -> bool:
            return True

        def _is_as_given(self, *_: Any) -> bool:
            os.umask(self._umask)
            return True

    from runforge.supervise import kept

    kept.Objects = Blind  # type: ignore[misc]
    workers.Resting = Careless  # type: ignore[misc]


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    made = Queue(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("name", [*POISONS, *GIVEN_ANEW])
def test_nothing_of_a_run_reaches_the_next(queue: Queue, name: str) -> None:
    poison, look = {**POISONS, **GIVEN_ANEW}[name]
    clean = queue.run(look if name in POISONS else "pass")[1]
    poisoned, _, record = queue.run(poison)
    after, seen, _ = queue.run(look)
    assert record.exit_code == 0
    assert poisoned != after, "the worker was kept"
    if name in POISONS:
        assert seen == clean


@pytest.mark.parametrize("name", POISONS)
def test_without_the_check_it_would(tmp_path: Path, name: str) -> None:
    """The control of the test above: its poisons do reach the next run where the worker is kept all the same."""
    poison, look = POISONS[name]
    queue = Queue(tmp_path, is_checked=False)
    try:
        first, clean, _ = queue.run(look)
        queue.run(poison)
        after, seen, _ = queue.run(look)
    finally:
        queue.close()
    assert (first, seen == clean) == (after, False)


def test_runs_that_leave_nothing_share_a_process_and_nothing_else(queue: Queue) -> None:
    code = "import os; print('out', os.getcwd(), os.environ['ONE'], os.environ.get('OLD')); os.write(2, b'err\\n')"
    first = queue.start(code, env={"ONE": "1", "OLD": "x"}, umask=0o027)
    ended(first)
    second = queue.start(code + "; open('made', 'w').close()", env={"ONE": "2"}, umask=0o077)
    record = ended(second)
    assert said(first)[0] == said(second)[0]
    assert said(first)[1] == f"out {first.run_dir} 1 x\nerr\n"
    assert said(second)[1] == f"out {second.run_dir} 2 None\nerr\n"
    assert record.exit_code == 0
    assert (second.run_dir / "made").stat().st_mode & 0o777 == 0o600


def test_what_a_run_has_used_is_its_own(queue: Queue) -> None:
    burn = "import time; end = time.process_time() + 0.5\nwhile time.process_time() < end: pass\nx = b'x' * 200_000_000"
    pid, _, burned = queue.run(burn)
    then, _, idle = queue.run("pass")
    last, _, killed = queue.run("import os; os.kill(os.getpid(), 9)")
    assert pid == then == last
    assert burned.cpu_seconds is not None
    assert burned.cpu_seconds >= 0.5
    assert burned.peak_rss_mb is not None
    for record in (idle, killed):
        assert record.cpu_seconds is not None
        assert record.cpu_seconds < 0.4
        assert record.peak_rss_mb is not None
        assert record.peak_rss_mb < burned.peak_rss_mb - 100
    assert killed.signal == signal.SIGKILL


def test_the_worker_holds_the_trees_lock_while_it_has_the_run_and_no_longer(
    queue: Queue, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    wait = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
    pid, _, _ = queue.run("pass")
    attempt = queue.start(wait)
    wait_until(lambda: "process" in attempt.log, "it runs")
    assert attempt.marked() == [pid]
    assert os_process.name_of(pid) != RESTING
    go.touch()
    ended(attempt)
    assert attempt.marked() == []
    assert os_process.name_of(pid) == RESTING
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert not any(str(tmp_path) in path for _, path in os_process.open_descriptors(pid))


def is_gone(pid: int) -> bool:
    return os_process.start_ticks(pid) is None or os_process.is_zombie(pid)


def test_a_killed_supervisor_leaves_no_worker_be_it_at_work_or_at_rest(tmp_path: Path) -> None:
    for code in ("pass", "import time; time.sleep(99)"):
        (tmp_path / code[:4]).mkdir()
        queue = Queue(tmp_path / code[:4])
        pid, _, _ = queue.run("pass")
        attempt = queue.start(code)
        wait_until(lambda attempt=attempt: "process" in attempt.log, "it runs")  # type: ignore[misc]
        queue.close()
        wait_until(lambda pid=pid: is_gone(pid), "its worker has ended")  # type: ignore[misc]
        wait_until(lambda attempt=attempt: not attempt.marked(), "nothing is left")  # type: ignore[misc]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
def test_a_worker_that_is_killed_or_stopped_at_rest_costs_no_run(queue: Queue, number: int) -> None:
    pid, _, _ = queue.run("pass")
    wait_until(lambda: os_process.name_of(pid) == RESTING, "it rests")
    os.kill(pid, number)
    other, text, record = queue.run("print('second')")
    assert (other != pid, text, record.exit_code) == (True, "second\n", 0)
    wait_until(lambda: is_gone(pid), "the first one has ended")
    assert queue.run("pass")[0] == other


def test_a_run_that_failed_is_the_last_of_its_worker(queue: Queue) -> None:
    for code, end in (("code = 1", 1), ("raise ValueError", 1), ("import os; os._exit(0)", 0)):
        pid, _, record = queue.run(code)
        assert record.exit_code == end
        assert queue.run("pass")[0] != pid


def test_a_run_that_was_asked_to_end_is_the_last_of_its_worker(queue: Queue) -> None:
    calm = "import signal, time; signal.signal(signal.SIGTERM, lambda *a: None); print('ready', flush=True); time.sleep(1)"
    calm += "; signal.signal(signal.SIGTERM, signal.SIG_DFL)"
    first = queue.start(calm)
    wait_until(lambda: "ready" in first.log, "it runs")
    orders.cancel(first.folder)
    assert ended(first).canceled
    assert queue.run("pass")[0] != said(first)[0]
    pid, _, record = queue.run("import time; time.sleep(99)", timeout_seconds=0.3)
    assert record.timed_out == 0.3
    assert queue.run("pass")[0] != pid


def test_a_run_that_was_frozen_is_the_last_of_its_worker(queue: Queue, tmp_path: Path) -> None:
    go = tmp_path / "go"
    first = queue.start(f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)")
    wait_until(lambda: "process" in first.log, "it runs")
    orders.give(first.folder, orders.FREEZE)
    wait_until(lambda: "frozen" in first.log, "it stands still")
    orders.withdraw(first.folder, orders.FREEZE)
    go.touch()
    assert ended(first).exit_code == 0
    assert queue.run("pass")[0] != said(first)[0]


def test_a_worker_ends_after_some_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resting, "_MOST_RUNS", 3)
    queue = Queue(tmp_path)
    pids = [queue.run("pass")[0] for _ in range(7)]
    queue.close()
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]


def test_what_a_supervisor_makes_at_its_first_use_is_made_before() -> None:
    """If its parser of JSON were made between two workers, no later one would be as the zygote was."""
    light_json._scans.clear()
    kept = Kept.made(f"{_HERE}:main", _HERE)
    kept.objects.begin()
    light_json.loads('{"a": 1}')
    assert light_json._scans
    assert kept.objects.are_the_same()


def test_the_first_sync_of_a_supervisor_changes_nothing_that_a_worker_would_see(tmp_path: Path) -> None:
    """A new interpreter, for in this one somebody may have synced before."""
    first = (
        f"import os; from {Kept.__module__} import Kept; from runforge.files import together;"
        f"kept = Kept.made('{_HERE}:main', '{_HERE}'); kept.objects.begin();"
        f"folder = os.open({str(tmp_path)!r}, os.O_RDONLY); assert together.sync([folder, folder]) == [0, 0];"
        "assert kept.objects.are_the_same()"
    )
    subprocess.run([sys.executable, "-c", first], check=True)


def test_what_a_run_leaves_running_ends_with_it(queue: Queue) -> None:
    pid, text, record = queue.run(
        "import os, subprocess; p = subprocess.Popen(['sleep', '99']); print(p.pid)"
    )
    assert record.exit_code == 0
    assert is_gone(int(text))
    assert queue.run("pass")[0] != pid


def test_a_run_with_an_environment_or_a_device_of_its_own_has_a_process_of_its_own(
    queue: Queue, tmp_path: Path
) -> None:
    lines = tmp_path / "lines.env"
    lines.write_text("A=1\n")
    own = {"file": None, "sha": None, "source": str(lines), "secrets": []}
    gpu = {"index": 0, "uuid": "u", "name": "n", "memory_mb": 1}
    apart: list[dict[str, Any]] = [
        {"environment": own},
        {"payload": {"grant": {"gpus": 1, "gpu": gpu, "devices": [gpu]}}},
        {"payload": {"dry_run_seconds": 1.0}},
    ]
    for changes in apart:
        pids = [queue.run("pass")[0], queue.run("pass", **changes)[0]]
        pids += [queue.run("pass")[0], queue.run("pass")[0]]
        assert len(set(pids)) == 3, changes
        assert pids[2] == pids[3], "no worker is kept any more"


def test_a_run_whose_order_is_too_long_to_hand_over_gets_a_new_process(queue: Queue) -> None:
    first = queue.run("pass")[0]
    second, said, record = queue.run("import os; print(len(os.environ['LONG']))", env={"LONG": "x" * 100_000})
    assert (first == second, said, record.exit_code) == (False, "100000\n", 0)


def test_memory_stays_flat(queue: Queue) -> None:
    use = "x = b'x' * 20_000_000"
    for _ in range(3):  # the first ones make what all others share
        pid = queue.run(use)[0]
    before = resident(pid)
    pids = {queue.run(use)[0] for _ in range(30)}
    assert pids == {pid}
    assert resident(pid) < before + 8 * 1024


def resident(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
