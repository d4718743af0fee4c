"""JSON without the package is that of the package."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runforge import light_json
from runforge.choices import Choice

#: A busy machine is no fault.
SLOWLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEXTS = st.text(st.characters(codec=None), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "indent": st.none() | st.integers(0, 3),
        "sort_keys": st.booleans(),
        "ensure_ascii": st.booleans(),
        "allow_nan": st.booleans(),
        "separators": st.none() | st.just((",", ":")),
    },
)


def _said(write: Any, *values: Any, **options: Any) -> object:
    try:
        return write(*values, **options)
    except (ValueError, TypeError, RecursionError) as error:
        return type(error), str(error)


@SLOWLY
@given(VALUES, OPTIONS)
def test_values_are_written_as_by_the_package(value: Any, options: Any) -> None:
    assert _said(light_json.dumps, value, **options) == _said(json.dumps, value, **options)


class _Word(Choice):
    A = "a"


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    "value", [{2: 2, None: 3, True: 4, 1.5: 5}, {(): 1}, {1}, b"x", _Word.A, {_Word.A: 1}, [object], CIRCLE]
)
def test_what_is_not_plain_is_left_to_the_package(value: Any) -> None:
    if value is CIRCLE:
        with pytest.raises((ValueError, RecursionError)):
            light_json.dumps(value)
    else:
        assert _said(light_json.dumps, value) == _said(json.dumps, value)


@SLOWLY
@given(
    VALUES.map(json.dumps)
    | st.text(max_size=12)
    | st.sampled_from(["NaN", "[1,]", '{"a":1}x', " 1 ", "\ufeff1"])
)
def test_texts_are_read_as_by_the_package(text: str) -> None:
    assert repr(_said(light_json.loads, text)) == repr(_said(json.loads, text))
    data = text.encode("utf-8", "surrogatepass")
    assert repr(_said(light_json.loads, data)) == repr(_said(json.loads, data))


@pytest.mark.parametrize("text", ["{{", "[1,]", "nul", '"\\x"', "1 2", ""])
def test_an_error_is_that_of_the_package_before_it_is_loaded(text: str) -> None:
    code = (
        "import sys; from runforge import light_json\n"
        "assert 'json' not in sys.modules\n"
        "try: light_json.loads(sys.argv[1])\n"
        "except ValueError as error: print(type(error).__name__, error)"
    )
    run = subprocess.run([sys.executable, "-c", code, text], capture_output=True, text=True, check=True)
    with pytest.raises(json.JSONDecodeError) as said:
        json.loads(text)
    assert run.stdout == f"JSONDecodeError {said.value}\n"


@SLOWLY
@given(VALUES.map(json.dumps))
def test_hooks_are_called_as_by_the_package(text: str) -> None:
    hooks: dict[str, Any] = {
        "parse_float": str,
        "parse_int": str,
        "parse_constant": str,
        "object_pairs_hook": list,
    }
    assert light_json.loads(text, **hooks) == json.loads(text, **hooks)
