"""`--resumable` and `--on-lost`: what they mean in a request, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from runforge.cli.resuming import resuming
from runforge.documents.request import parse_request
from runforge.errors import InvalidRequest
from tests.documents.kit import REQUEST, changed


@pytest.mark.parametrize(
    ("signal", "on_lost", "fields"),
    [
        (None, None, {}),
        ("TERM", None, {"resumable": True}),
        ("sigusr1", None, {"resumable": True, "yield_signal": "USR1"}),
        (None, "hold", {"on_lost": "hold"}),
    ],
)
def test_their_fields(signal: str | None, on_lost: str | None, fields: dict[str, Any]) -> None:
    assert resuming(signal, on_lost) == fields
    read = parse_request(changed(REQUEST, **fields), where="x").resuming
    assert read.is_resumable is ("resumable" in fields)
    assert (read.signal, read.on_lost) == (fields.get("yield_signal", "TERM"), on_lost)


def test_an_edit_takes_them_away() -> None:
    assert resuming("none", "none", none="none") == {
        "resumable": None,
        "yield_signal": None,
        "on_lost": None,
    }
    assert resuming("TERM", None, none="none") == {"resumable": True, "yield_signal": None}


@pytest.mark.parametrize(
    ("signal", "on_lost", "words"),
    [
        ("KILL", None, "--resumable=KILL names no signal"),
        ("STOP", None, "names no signal"),
        ("TREM", None, "Did you mean 'TERM'?"),
        (None, "keep", "--on-lost 'keep' is unknown. Give one of requeue, resume, hold, fail"),
        (None, "resum", "Did you mean 'resume'?"),
    ],
)
def test_others_are_refused(signal: str | None, on_lost: str | None, words: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(words)):
        resuming(signal, on_lost)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"resumable": 1}, "resumable: must be true or false"),
        ({"yield_signal": "USR1"}, 'yield_signal: is about a run with "resumable": true'),
        ({"resumable": True, "yield_signal": "KILL"}, "yield_signal: 'KILL' is unknown; known are TERM"),
        ({"on_lost": "cancel"}, "on_lost: 'cancel' is unknown; known are requeue, resume, hold, fail"),
    ],
)
def test_a_request_that_says_them_wrongly_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(words)):
        parse_request(changed(REQUEST, **fields), where="x")
