"""Watches the queue: reads queue.json all the time, and checks the timestamps afterwards."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import Any

from gauntlets.arena import Arena

_POLL = 0.02


class Watcher:
    """Reads queue.json all the time and remembers the extremes."""

    def __init__(self, watched: Arena) -> None:
        self._arena = watched
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.most_running = 0
        self.most_gpu_running = 0
        self.readings = 0
        self.torn = 0

    def __enter__(self) -> Watcher:  # noqa: PYI034 - Self is not in Python 3.10
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(_POLL):
            try:
                jobs = self._arena.jobs()
            except (json.JSONDecodeError, UnicodeDecodeError):
                self.torn += 1
                continue
            running = [job for job in jobs if job["state"] == "running"]
            self.readings += 1
            self.most_running = max(self.most_running, len(running))
            self.most_gpu_running = max(self.most_gpu_running, sum(j["requires_gpu"] for j in running))

    def evidence(self) -> dict[str, Any]:
        """Return what was seen, for the report."""
        return {
            "max_concurrency": self.most_running,
            "max_gpu_concurrency": self.most_gpu_running,
            "readings_of_queue_json": self.readings,
            "torn_readings": self.torn,
        }


def most_at_once(jobs: list[dict[str, Any]]) -> int:
    """Return how many of the jobs ran at the same time, by their timestamps."""
    moments = [(j["started_at"], 1) for j in jobs if j["started_at"]]
    moments += [(j["finished_at"], -1) for j in jobs if j["started_at"] and j["finished_at"]]
    most = now = 0
    for _, step in sorted(moments):
        now += step
        most = max(most, now)
    return most


def states(jobs: list[dict[str, Any]]) -> dict[str, str]:
    """Return each run's state."""
    return {job["run_id"]: job["state"] for job in jobs}


def longest_wait(order: list[str], lane_of: dict[str, str]) -> int:
    """Return the most starts that one group had between two starts of another waiting group.

    `order` holds the runs as they started, `lane_of` their groups, all queued before the first start.
    Round-robin means 1.
    """
    worst = 0
    for lane in set(lane_of.values()):
        left = sum(other == lane for other in lane_of.values())
        since: dict[str, int] = {}
        for run_id in order:
            if lane_of[run_id] == lane:
                left, since = left - 1, {}
            elif left:
                since[lane_of[run_id]] = since.get(lane_of[run_id], 0) + 1
                worst = max(worst, *since.values())
    return worst


def read_lines(path: Any) -> list[str]:
    """Return the words of a file that runs append to; none if it is missing."""
    with contextlib.suppress(FileNotFoundError):
        return list(path.read_text().split())
    return []
