"""`python -m gauntlets sweeps [--trials 200] [--seed S] [--seconds N] [--hangs 1] [--no-optuna] [--json FILE]`.

Three sweeps at once: `random`, `tpe`, and `line`, a TPE sweep whose trials go one at a time. Meanwhile daemon, zygote
and sampler get SIGKILL at random moments, and the sampler hangs, prints rubbish, fails or is missing. Beside the
invariants of `chaos`, every sweep must have the runs that it has without kills (those of `tpe` follow from what was
running when it was asked, so with Optuna only their number is known), each once, and end.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gauntlets import aftermath
from gauntlets.chaos import Chaos, conclude
from gauntlets.sweep_load import Sampler, Sweeps
from runforge import workspace as workspaces
from runforge.drills.arena import Unmet, arena
from runforge.drills.scene import Scene, run
from runforge.machine import os_process

_SLOTS = 4
#: What the sampler does wrong, and a part of the reason with which its sweep waits then.
_FAULTS = {
    "rubbish": "printed no answer",
    "outside": "outside of the space",
    "failing": "no memory",
    "missing": "can't open file",
}
_LOTS = (*("daemon",) * 5, "zygote", *("sampler",) * 5, "stop daemon", "stop sampler", "hanging", *_FAULTS)
#: A part of what a group is told whose sampler hangs.
_HUNG = "gave no answer in 60 s"
#: How it is counted; what begins with stop is no kill.
_LONG = "stop: hanging for long"


class SweepChaos(Chaos):
    """One run of this gauntlet."""

    lots = _LOTS

    def __init__(
        self, here: Scene, *, trials: int, seed: int, seconds: float, hangs: int, has_optuna: bool
    ) -> None:
        super().__init__(here, kills=0, runs=0, seed=seed, seconds=seconds)
        self._hangs = hangs
        #: Seconds between two faults: an answer must have a chance.
        self._pause = 1.5 if has_optuna else 0.3
        self._sampler = Sampler(here, has_optuna=has_optuna)
        self._sweeps = Sweeps(here, trials, seed)
        self._workspace = workspaces.at(here.root)
        self._expected = _without_kills(trials, seed, has_optuna=has_optuna)
        self._known: dict[str, None] = {}
        self._reasons: Counter[str] = Counter()

    # --- the load ------------------------------------------------------------------------------

    def begin_load(self) -> None:
        """Queue the sweeps."""
        for name in self._sweeps.wanted:
            self._sweeps.queue(name)

    def finish_load(self) -> None:
        """Let the sampler work from now on."""
        self._sampler.be("good")

    def acknowledged(self) -> list[str]:
        """Return the runs that were in the journal at any moment."""
        self._known.update(dict.fromkeys(job.run_id for job in self._sweeps.jobs()))
        return list(self._known)

    def is_busy(self) -> bool:
        """Return whether a sweep has not ended."""
        return not self._sweeps.are_over()

    # --- the faults ----------------------------------------------------------------------------

    def hunt(self) -> None:
        """Kill and spoil until every sweep has ended; once the sampler hangs until the daemon gives it up."""
        while self.is_busy() and not self.is_late:
            if self.hits[_LONG] < self._hangs and self._sweeps.are_half_made():
                self._hang_for_long()
            time.sleep(self.dice.expovariate(1 / self._pause))
            lot = self.dice.choice(self.lots)
            if lot in _FAULTS:
                self._spoil(lot)
            elif lot == "hanging":
                self._kill_beside_a_hung_one()
            else:
                self.hit(lot)
            self._resume()
            self.acknowledged()
            self.progress()

    def pids(self, kind: str, daemon: int) -> list[int]:
        """Return the daemon's processes of this kind."""
        return self._sampler.pids(daemon) if kind == "sampler" else super().pids(kind, daemon)

    def _resume(self) -> None:
        """Note why groups wait for their sampler, and let it be asked again."""
        for name, group in self._sweeps.groups().items():
            if group.is_paused:
                self._reasons[f"{group.paused_by}: {str(group.pause_reason)[:60]}"] += 1
                if group.paused_by != "sampler" or name == "random":
                    self.broken.append(f"{name} was paused by {group.paused_by}: {group.pause_reason}")
        aftermath.resume_all(self._workspace)

    def _waits(self, why: str) -> bool:
        """Return whether a sweep waits for its sampler for this reason; those with another one are asked again."""
        reasons = [group.pause_reason or "" for group in self._sweeps.groups().values() if group.is_paused]
        is_told = any(why in reason for reason in reasons)
        if reasons and not is_told:
            self._resume()
        return is_told

    def _spoil(self, mode: str) -> None:
        self.keep_daemon()
        self._resume()
        self._sampler.be(mode)
        self.hits[f"stop: {mode}"] += 1
        # One that was good when it was asked may still answer.
        self._until(
            lambda: self._waits(_FAULTS[mode]) or not self._sweeps.want_trials(),
            f"a sweep waits: {mode}",
        )
        self._sampler.be("good")

    def _stopped(self) -> int | None:
        """Return a sampler that hangs."""
        self.keep_daemon()
        pids = self._sampler.pids(self.here.daemons[-1].pid)
        return next((pid for pid in pids if os_process.is_stopped(pid)), None)

    def _wait_until_it_hangs(self) -> int | None:
        self._resume()
        self._sampler.be("hanging")
        self._until(lambda: self._stopped() or self._is_done_or_resumed(), "a sampler hangs")
        self._sampler.be("good")
        return self._stopped()

    def _is_done_or_resumed(self) -> bool:
        """Return whether no sampler will be asked any more; a sweep that waits is asked again."""
        self._resume()
        return not self._sweeps.want_trials()

    def _kill_beside_a_hung_one(self) -> None:
        """Kill the daemon of a sampler that hangs: the sampler ends with it."""
        pid = self._wait_until_it_hangs()
        if pid is None:
            return
        self.hit("daemon")
        self.hits["stop: hanging"] += 1
        self._until(lambda: os_process.is_zombie(pid), "a hung sampler ends with its daemon")

    def _hang_for_long(self) -> None:
        """While a sampler hangs, everything else goes on; then its sweep waits and says why."""
        if self._wait_until_it_hangs() is None:
            return
        self.hits[_LONG] += 1
        others = set(self.here.ended)
        self.here.put(*(run(0.01 * number) for number in range(1, 6)), name="others")
        made = self._sweeps.count_made()
        self._until(lambda: len(set(self.here.ended) - others) >= 5, "other runs go on")
        self._until(
            lambda: self._sweeps.count_made() > made or not self._sweeps.all_want_trials(),
            "the other sweep goes on",
        )
        if self._waits(_HUNG):
            self.broken.append("the sampler was given up before others were looked at")
        self._until(lambda: self._waits(_HUNG), "its sweep waits", 120.0)
        self._resume()

    def _until(self, condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
        try:
            self.here.until(condition, what, seconds)
        except Unmet as error:
            self.broken.append(str(error))

    # --- the end -------------------------------------------------------------------------------

    def report(self, hunted: float) -> dict[str, Any]:
        """Return what happened, and what is wrong with the sweeps."""
        self.broken += self._sweeps.check(self._expected)
        made = {name: len(runs) for name, runs in self._sweeps.made().items()}
        compared = sorted(self._expected)
        return {**super().report(hunted), "made": made, "compared": compared, "waited": dict(self._reasons)}

    def load_lines(self) -> list[str]:
        """Return nothing: no process of a load says anything."""
        return []


def _without_kills(trials: int, seed: int, *, has_optuna: bool) -> dict[str, list[str]]:
    """Return the runs of the sweeps when nothing goes wrong; not of those that depend on who was faster."""
    with arena(Scene, prefix="sweeps-") as here:
        Sampler(here, has_optuna=has_optuna)
        sweeps = Sweeps(here, trials, seed)
        for name in ("random", "line") if has_optuna else sweeps.wanted:
            sweeps.queue(name)
        here.daemon(_SLOTS)
        here.until(sweeps.are_over, "the sweeps end without kills", 1200.0)
        made = sweeps.made()
        here.finish()
    return made


def main(words: list[str]) -> int:
    """Play it once; 0 if every invariant held."""
    parser = argparse.ArgumentParser(prog="python -m gauntlets sweeps")
    parser.add_argument("--trials", type=int, default=200, help="how many trials `random` and `tpe` have")
    parser.add_argument("--seed", type=int, default=1, help="of the sweeps and of the kills")
    parser.add_argument("--seconds", type=float, default=1800.0, help="no kill after this")
    parser.add_argument("--hangs", type=int, default=1, help="how often a sampler hangs for a minute")
    parser.add_argument("--no-optuna", action="store_true", help="a sampler that answers by the seed alone")
    parser.add_argument("--keep", action="store_true", help="keep the workspace")
    parser.add_argument("--json", type=Path, default=Path("sweeps-report.json"), help="the report's file")
    given = parser.parse_args(words)
    has_optuna = not given.no_optuna and importlib.util.find_spec("optuna") is not None
    with arena(Scene, prefix="chaos-", keep=given.keep) as here:
        wanted = {name: getattr(given, name) for name in ("trials", "seed", "seconds", "hangs")}
        report = SweepChaos(here, **wanted, has_optuna=has_optuna).play()
        report["optuna"] = has_optuna
        if given.keep:
            report["folder"] = str(here.root)
    return conclude(report, given.json)
