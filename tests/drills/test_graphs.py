"""The check of `chaos --graphs`: a run that was ended before its first line, or after its last, may have let others start."""

from __future__ import annotations

import shlex

import pytest

from gauntlets import chaos_graphs
from gauntlets.arena import Arena
from runforge import workspace as workspaces
from runforge.drills import witness

pytestmark = pytest.mark.slow


def test_a_parent_that_failed_before_its_first_line_or_after_its_last_has_failed(here: Arena) -> None:
    seen_by = here.root.parent / "witness.txt"
    *program, seconds, code, kind = witness.command(seen_by)
    assert (seconds, code, kind) == ("{seconds}", "{code}", "{kind}")

    def submit(*words: str) -> str:
        return here.run("submit", *words[:-1], "-w", str(here.root), "--", *shlex.split(words[-1])).strip()

    plain = shlex.join([*program, "0", "0", "plain"])
    early = submit(plain)
    here.daemon(1)
    here.until(lambda: here.jobs()[0]["state"] == "succeeded", "the first one has ended")
    go = here.root.parent / "go"
    parent = submit("-t", "2s", shlex.join(["sh", "-c", f"test -e {shlex.quote(str(go))} || exec sleep 300"]))
    child = submit("--after", f"{parent}:fail", plain)
    late = submit("-t", "2s", shlex.join(["sh", "-c", f"{plain}; exec sleep 300"]))
    heir = submit("--after", f"{late}:fail", plain)
    here.until(lambda: here.jobs()[-1]["state"] == "succeeded", "the children have ended")
    go.touch()
    here.run("retry", parent, "-w", str(here.root))  # it succeeds then, and its child had started before
    here.until(
        lambda: [job["state"] for job in here.jobs()].count("succeeded") == 4, "the parent has succeeded"
    )
    here.stop_daemon()

    def broken(run_id: str, condition: str, parent: str = parent) -> list[str]:
        lines = [f"EDGES {run_id} {parent}:{condition}"]
        return chaos_graphs.check(workspaces.at(here.root), witness.read(seen_by), lines)

    assert broken(child, "fail") == []
    assert broken(child, "any") == []
    assert broken(heir, "fail", late) == []  # its last line says that all went well
    assert broken(child, "ok") == [f"{child} started before {parent} had ended as asked (ok)"]
    assert broken(early, "fail") == [f"{early} started before {parent} had ended as asked (fail)"]
