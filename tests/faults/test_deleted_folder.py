"""Run folders that were deleted to make room: all that is known about their runs stays known."""

from __future__ import annotations

import json
import shutil

import pytest

from gauntlets.arena import Arena

pytestmark = pytest.mark.slow


def test_the_history_of_an_ended_run_outlives_its_folder(here: Arena) -> None:
    group = here.sweep(2, name="gone", seconds=0.1)
    place = ("-w", str(here.root))
    here.daemon(1)
    here.until_ended(group, "completed")
    run_id = here.jobs(group)[0]["run_id"]
    before = here.jobs(group)
    shutil.rmtree(here.root / ".runforge/runs" / run_id)
    here.kill_daemon()
    here.daemon(1)
    assert json.loads(here.run("show", run_id, "--json", *place))["data"]["job"]["state"] == "succeeded"
    assert "missing" in here.run("show", run_id, *place)
    here.run("logs", run_id, *place, expect=3)
    later = here.sweep(1, name="later", seconds=0.1)
    here.until_ended(later, "completed")
    assert here.jobs(group) == before
    here.finish()
