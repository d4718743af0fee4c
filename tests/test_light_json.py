"""JSON is read as the package `json` reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from runforge.light_json import Reader, loads

TEXTS = [
    *(
        "{}",
        " [1, 2.5, -3e4, true, null]\n",
        '{"a": {"b": "\\u00e9\\ud83d\\ude00"}, "a": 2}',
        "NaN",
        "-Infinity",
        "1e999",
    ),
    *("", " ", "{", "[1,]", "nul", "{} x", "\ufeff{}", '"\x00"', "[" * 100_000, "'a'"),
]


def _outcome(read: Any, text: str) -> str:
    try:
        return repr(read(text))
    except (ValueError, RecursionError) as error:
        return f"{type(error).__name__}: {error}" if isinstance(error, ValueError) else "too deep"


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_it_reads_what_the_package_reads(text: str) -> None:
    assert _outcome(loads, text) == _outcome(json.loads, text)
    hooks: dict[str, Any] = {
        "parse_float": lambda number: f"float {number}",
        "parse_int": lambda number: f"int {number}",
        "parse_constant": lambda name: f"constant {name}",
        "object_pairs_hook": lambda pairs: [*pairs],
    }
    assert _outcome(Reader(**hooks).loads, text) == _outcome(lambda text: json.loads(text, **hooks), text)


def test_what_a_hook_refuses_is_refused_with_its_words() -> None:
    def refuse(number: str) -> Any:
        raise ValueError(f"{number} is too large")

    with pytest.raises(ValueError, match=r"^7 is too large$"):
        Reader(parse_int=refuse).loads("[7]")


def test_good_json_is_read_without_the_package() -> None:
    code = "import sys; from runforge.light_json import loads; loads('[{}]'); sys.exit('json' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
