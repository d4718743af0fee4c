"""A supervisor runs the spec that the daemon wrote, and no other."""

from __future__ import annotations

import hashlib
import os
import sys

import pytest

from runforge.attempts import refusal
from runforge.supervise.supervisor import supervise
from tests.supervise.kit import Attempt, in_child


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_spec_that_was_changed_starts_nothing(attempt: Attempt, is_changed: bool) -> None:
    path = attempt.spec([sys.executable, "-c", "print('as written')"])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if is_changed:
        path.write_bytes(path.read_bytes().replace(b"as written", b"as changed"))
    os.waitpid(in_child(lambda: supervise(path, digest)), 0)
    assert refusal.is_forged(attempt.folder) == is_changed
    assert attempt.log == ("" if is_changed else "hello\nas written\n")
