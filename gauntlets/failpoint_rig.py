"""A workspace in which one process is killed at one failpoint, and what a user then does.

Commands and daemons are forked from this process, which has imported everything, so that a scenario takes one
second. They run the same functions as the real commands.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gauntlets.plans import csv_text, plan, request
from runforge import failpoints, workspace
from runforge.backends.local import launcher
from runforge.core.records import Job
from runforge.core.states import State
from runforge.daemon.main import run_daemon
from runforge.daemon.sampling import FAKE_SAMPLER
from runforge.documents import strict_json
from runforge.drills.traces import processes_of
from runforge.errors import RunForgeError
from runforge.queue import daemon_wish, environment, ordering, provenance, submit, submitting
from runforge.queue.ordering import Order
from runforge.store import records
from runforge.store.opening import exists, open_journal
from runforge.sweeps.combine import Sweep

#: The runs of a scenario, in order, by what they do at their first attempt.
OK, FAILS, LOSES, WAITS = range(4)
KINDS = ("ok", "fails", "loses", "waits")
#: Arguments: witness, release, kind. `loses` kills its supervisor, `waits` waits for the release.
_PROGRAM = """
note() { printf '%s %s %s%s\\n' "$1" "$RUNFORGE_RUN_ID" "$RUNFORGE_ATTEMPT" "$2" >>"$witness"; }
witness=$0 release=$1 kind=$2 code=0
echo "this is attempt $RUNFORGE_ATTEMPT"
note START ''
case $kind in
    fails) mkdir -p "$RUNFORGE_RUN_DIR/artifacts"; [ "$RUNFORGE_ATTEMPT" = 1 ] && code=3 ;;
    loses) [ "$RUNFORGE_ATTEMPT" = 1 ] && kill -9 $PPID && sleep 20 ;;
    waits) echo '[RF:METRIC=loss 1]'; echo '[RF:METRIC=loss 1]'; while [ ! -e "$release" ]; do sleep 0.02; done ;;
esac
note END " $code"
exit $code
"""
#: Suggests one kind after the other.
_SAMPLER = f"""
import json, sys
asked = json.load(sys.stdin)
kinds = [{{"model.hyperparameters.kind": kind}} for kind in {KINDS}]
print(json.dumps({{"suggestions": [kinds[(asked["seed"] + n) % 4] for n in range(asked["count"])]}}))
"""
#: What commands import when they need it; imported here once for all. With one thread, or a fork is not safe.
_PRELOADED = ("sqlite_utils", "numpy")
_DEADLINE = 60.0
_PAUSE = 0.02


def preload() -> None:
    """Import once what each scenario would import again."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    for name in _PRELOADED:
        importlib.import_module(name)


class Killed(Exception):
    """The armed point has killed a process."""


class Rig:
    """One temporary workspace with one armed point."""

    def __init__(self, folder: Path, point: str, nth: int) -> None:
        (folder / "ws" / "data").mkdir(parents=True)
        (folder / "ws" / "data" / "train.csv").write_text(csv_text(), encoding="utf-8")
        self.ws = workspace.at(folder / "ws")
        self.witness = folder / "witness"
        self.release = folder / "release"
        self.acknowledged: list[str] = []
        self.forgets = False
        #: The runs are queued as `submit` does it, not from a plan.
        self.submits = False
        #: So many equal failures pause the sweep; 0 is never.
        self.breaker = 0
        #: More of the plan's strategy: a stop rule, and how many runs keep their artifacts.
        self.rule: dict[str, Any] = {}
        #: Whether a hook hears of notices.
        self.has_hook = False
        self._hook = folder / "hook"
        #: A repository whose code the runs start in, as with `submit --snapshot`; None for none.
        self.repository: Path | None = None
        #: The runs are the trials of a search, which the daemon makes one by one.
        self.searches = False
        self._counter = folder / "count"
        self._sampler = folder / "sampler.py"
        self._sampler.write_text(_SAMPLER)
        self._log = folder / "log"
        self._armed: str | None = f"{point}:{nth}"
        self._nth = nth
        self._daemon = 0

    @property
    def has_fired(self) -> bool:
        """Whether the point has been passed often enough to kill."""
        return self._counter.exists() and self._counter.stat().st_size >= self._nth

    def disarm(self) -> None:
        """Start all later processes without the failpoint."""
        self._armed = None

    # --- processes -----------------------------------------------------------------------------

    def call(self, function: Callable[[], object]) -> bool:
        """Do something like a command, in its own process; return whether it was refused."""
        _, status = os.waitpid(self._fork(function, self._armed), 0)
        if os.WIFSIGNALED(status):
            self._check_fired()
        return os.waitstatus_to_exitcode(status) != 0

    def _check_fired(self) -> None:
        if self._armed is None or not self.has_fired:
            raise AssertionError(f"a process died without the failpoint: {self.said()}")
        raise Killed

    def start(self, armed: str | None = None) -> None:
        """Start a daemon; with another armed point if one is given (it counts alone)."""
        self._daemon = self._fork(lambda: run_daemon(self.ws, max_parallel=2), armed or self._armed)

    def is_daemon_alive(self) -> bool:
        """Return whether the daemon still runs; reap it if it has ended."""
        if self._daemon and os.waitpid(self._daemon, os.WNOHANG)[0]:
            self._daemon = 0
        return bool(self._daemon)

    def keep_alive(self) -> bool:
        """Start a daemon if there is none."""
        if not self.is_daemon_alive():
            self.start()
        return True

    def stop(self) -> None:
        """Stop the daemon as `stop-daemon` does, and wait for its end."""
        # A daemon that takes over begins with no wish: one that comes before that would be forgotten.
        self.until(lambda: self._has_taken_over() or not self.is_daemon_alive(), "the daemon has taken over")
        self.call(lambda: daemon_wish.set_wanted(self.ws, "stop"))
        self.until(lambda: not self.is_daemon_alive(), "the daemon has stopped")

    def _has_taken_over(self) -> bool:
        if not exists(self.ws):
            return False
        with open_journal(self.ws) as journal, journal.read() as tx:
            return any(row["pid"] == self._daemon for row in tx.rows("journal.daemon"))

    def _fork(self, function: Callable[[], object], armed: str | None) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            self._arm(armed)
            function()
            code = 0
        except RunForgeError as refusal:
            print(f"refused: {refusal}", flush=True)
            code = 2
        except BaseException:  # noqa: BLE001 - the process ends here, whatever it was
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _arm(self, armed: str | None) -> None:
        os.umask(0o077)
        os.environ["XDG_CONFIG_HOME"] = str(self.witness.parent / "no-settings")
        if armed is not None:
            os.environ[failpoints.VARIABLE] = armed
            if armed == self._armed:
                os.environ[failpoints.COUNTER] = str(self._counter)
            failpoints.arm()
        # The runs here are commands: a zygote with scikit-learn would cost each scenario two seconds.
        launcher.WARMUP = launcher.FINISH
        os.environ[FAKE_SAMPLER] = str(self._sampler)

    def said(self) -> str:
        """Return the end of what the forked processes have printed."""
        return self._log.read_text("utf-8", "replace")[-2000:] if self._log.exists() else ""

    # --- the queue -----------------------------------------------------------------------------

    def enqueue(self) -> None:
        """Enqueue the four runs."""
        command = ["/bin/sh", "-c", _PROGRAM, str(self.witness), str(self.release), "{kind}"]
        captured = environment.capture(os.environ)
        base = request(family="command", command=command, hyperparameters={})
        base["environment"] = captured.document()
        if self.searches:
            self.call(lambda: self._submit(captured, strict_json.dump(self._search(base))))
            return
        if self.submits:
            rows = tuple({"kind": kind} for kind in KINDS)
            order = Order(base, "walk", sweep=Sweep(rows, ()), environment=captured)
            self.call(lambda: self._order(order))
            self.acknowledged = [job.run_id for job in self.jobs()]
            return
        runs = [{"model.hyperparameters.kind": kind} for kind in KINDS]
        strategy = {"type": "list", "runs": runs, **self.rule}
        document = plan(self.ws.root, base, strategy, name="walk", breaker=self.breaker)
        objective = {"objective": {"metric": "loss", "direction": "minimize"}} if self.rule else {}
        data = strict_json.dump({**document, **objective})
        self.call(lambda: self._submit(captured, data))
        self.acknowledged = [job.run_id for job in self.jobs()]

    def _order(self, order: Order) -> None:
        if self.repository is not None:
            self.ws.prepare()
            code = provenance.capture(self.ws, self.repository, ["sh"], os.environ, seconds=_DEADLINE)
            folder = str(provenance.export(self.ws, code))
            model = {**order.request["model"], "folder": folder}
            submission = order.submission._replace(code_tree=code.id)
            order = order._replace(
                request={**order.request, "model": model}, code=code, submission=submission
            )
        submitting.submit(self.ws, order, ordering.prepare(order))

    def make_repository(self) -> None:
        """Make a repository with one commit and a change."""
        self.repository = self.witness.parent / "code"
        self.repository.mkdir()
        (self.repository / "train.py").write_text("one\n")
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "one"]):
            identity = ["-c", "user.name=eve", "-c", "user.email=eve@example.org"]
            subprocess.run(["git", *identity, "-C", str(self.repository), *words], check=True)
        (self.repository / "train.py").write_text("two\n")

    def lacking_code(self) -> list[str]:
        """Return the runs whose code is not there as it was."""
        found = []
        for job in self.jobs():
            tree = (job.code_tree or "").partition("-")[0]
            ref = self.repository and self.repository / ".git" / "refs" / "runforge" / tree
            if not tree or not ref or not ref.is_file():
                found.append(f"{job.run_id}: no ref keeps its code")
            elif (self.ws.code_dir / tree / "train.py").read_text() != "two\n":
                found.append(f"{job.run_id}: its snapshot is not its code")
        return found

    def _search(self, base: dict[str, Any]) -> dict[str, Any]:
        space = [{"path": "model.hyperparameters.kind", "values": list(KINDS)}]
        strategy = {"type": "tpe", "number": len(KINDS), "parameters": space}
        document = plan(self.ws.root, base, strategy, name="walk")
        return {**document, "objective": {"metric": "loss", "direction": "minimize"}}

    def is_search_over(self) -> bool:
        """Return whether every trial of the search is made."""
        if not exists(self.ws):
            return False
        with open_journal(self.ws) as journal, journal.read() as tx:
            groups = [records.group(row) for row in tx.rows("groups.all")]
        return bool(groups) and not any(group.is_open for group in groups)

    def is_search_known(self) -> bool:
        """Return whether the search is in the journal."""
        if not exists(self.ws):
            return False
        with open_journal(self.ws) as journal, journal.read() as tx:
            return bool(tx.rows("groups.all"))

    def _submit(self, captured: environment.Captured, plan_bytes: bytes) -> None:
        self.ws.prepare()
        environment.keep(self.ws, captured)
        submit.enqueue_sweep(self.ws, plan_bytes, where="plan.json")

    def jobs(self) -> list[Job]:
        """Return the jobs in the journal."""
        if not exists(self.ws):
            return []
        with open_journal(self.ws) as journal, journal.read() as tx:
            return [records.job(row) for row in tx.rows("jobs.all")]

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a fact; Killed if the armed point kills a process meanwhile."""
        deadline = time.monotonic() + _DEADLINE
        while not condition():
            if self._armed is not None and self.has_fired:
                raise Killed
            if time.monotonic() > deadline:
                states = [(job.run_id, job.state.value, job.attempt, job.error) for job in self.jobs()]
                raise AssertionError(f"not within {_DEADLINE:.0f} s: {what}; {states}; {self.said()}")
            time.sleep(_PAUSE)

    def until_state(self, which: int, state: State) -> None:
        """Wait until one of the four runs is in a state."""
        self.until(lambda: self.jobs()[which].state is state, f"{KINDS[which]} is {state}")

    # --- notices -------------------------------------------------------------------------------

    def configure_hook(self) -> None:
        """Let a program hear of notices."""
        self.has_hook = True
        self._hook.write_text('#!/bin/sh\ncat >> "$0.heard"\n', "ascii")
        self._hook.chmod(0o700)
        self.ws.prepare()
        path = self.ws.hidden / "config.toml"
        path.touch(0o600)
        path.write_text(f"[notify]\nto = ['cmd:{self._hook}']\n", "utf-8")

    def has_heard(self, event: str) -> bool:
        """Return whether the hook has heard of an event."""
        heard = self._hook.with_name("hook.heard")
        return heard.exists() and f'"event": "{event}"' in heard.read_text("utf-8")

    def strays(self) -> list[int]:
        """Return the processes that are left of the workspace."""
        return processes_of(self.ws.root)

    def clean_up(self) -> None:
        """Kill all that is left."""
        if self._daemon:
            os.kill(self._daemon, signal.SIGKILL)
            os.waitpid(self._daemon, 0)
        for pid in self.strays():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def rig(point: str, nth: int) -> Iterator[Rig]:
    """Yield a new rig and delete it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="failpoint-"))
    made = Rig(folder, point, nth)
    try:
        yield made
    finally:
        made.clean_up()
        shutil.rmtree(folder, ignore_errors=True)
