"""What fills the `{name}` in a command, and what happens where nothing does."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runforge.documents import doubts, placeholders
from runforge.documents.placeholders import filled, names_in, require_filled, takes_all
from runforge.documents.request import Request, parse_request
from runforge.errors import InvalidRequest
from tests.documents.kit import REQUEST, changed


def request(*command: str, **values: Any) -> Request:
    model = {"family": "command", "command": ["prog", *command], "hyperparameters": values}
    return parse_request(changed(REQUEST, model=model), where="r.json")


def test_hyperparameters_stand_in_the_place_of_their_names() -> None:
    made = request("--lr={lr}", "{on}", "{text}-{lr}", "{}", "${HOME}", lr=1e-05, on=True, text="a b")
    assert filled(made) == ("prog", "--lr=1e-05", "true", "a b-1e-05", "{}", "${HOME}")
    require_filled(made, where="r.json")
    assert list(doubts.in_request(made)) == []


@pytest.mark.parametrize(
    ("part", "values", "words"),
    [
        ("{learning_rate}", {"lr": 1}, r"command\[1\]: {learning_rate} names no hyperparameter; known: lr"),
        ("--lr={learning_rate}", {}, "known: none is given. Add it to model.hyperparameters"),
        ("{droput}", {"dropout": 1}, "Did you mean 'dropout'?"),
        (
            "{opt.rl}",
            {"opt": {"lr": 1}},
            "{opt.rl} names no hyperparameter; known: opt.lr. Did you mean 'opt.lr'?",
        ),
        ("{a.b}", {"lr": 1}, "Add it to model.hyperparameters; a dot leads into an object"),
        ("{opt.lr}", {"opt": {"lr": None}}, "because model.hyperparameters.opt.lr is null"),
        ("--all={args}", {"lr": 1}, "`{args}` must be an argument of its own"),
        ("{lr}", {"lr": None}, "{lr} has no value, because model.hyperparameters.lr is null"),
        ("a {lr} b", {"lr": None}, "{lr} has no value"),
    ],
)
def test_an_argument_that_nothing_fills_is_refused(part: str, values: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        require_filled(request(part, **values), where="r.json")
    assert str(caught.value).startswith("r.json: model.command[1]")


def test_the_way_out_that_a_refusal_names_works() -> None:
    with pytest.raises(InvalidRequest, match=r'add {"print": "{print}"}'):
        require_filled(request("{print}"), where="r.json")
    made = request("{print}", print="{print}")
    require_filled(made, where="r.json")
    assert filled(made) == ("prog", "{print}")


def test_inside_of_a_text_it_is_told() -> None:
    made = request("train.py --lr {learning_rate} --o out/{nmae}", lr=1, name="x")
    require_filled(made, where="r.json")
    told = "model.command[1]: {learning_rate} stays as it is: there is no such hyperparameter"
    assert list(doubts.in_request(made)) == [
        told,
        "model.command[1]: {nmae} stays as it is: there is no such hyperparameter. Did you mean 'name'?",
    ]


def line(text: str, **values: Any) -> Request:
    model = {"family": "command", "command": text, "shell": True, "hyperparameters": values}
    return parse_request(changed(REQUEST, model=model), where="r.json")


def test_a_dot_leads_into_an_object() -> None:
    made = request("{opt.lr}", "--wd={opt.decay.wd}", "{opt}", opt={"lr": 0.1, "decay": {"wd": 0}})
    require_filled(made, where="r.json")
    assert filled(made) == ("prog", "0.1", "--wd=0", '{"lr": 0.1, "decay": {"wd": 0}}')


def test_all_values_at_once() -> None:
    values = {"lr": 0.1, "opt": {"wd": 0, "name": "adam w"}, "off": None, "deep": True, "sizes": [1, 2]}
    made = request("{args}", "--", "{args:hydra}", **values)
    require_filled(made, where="r.json")
    assert list(doubts.in_request(made)) == []
    plain = ("--lr=0.1", "--opt.wd=0", "--opt.name=adam w", "--deep=true", "--sizes=[1, 2]")
    hydra = ("lr=0.1", "opt.wd=0", "opt.name='adam w'", "off=null", "deep=true", "sizes=[1,2]")
    assert filled(made) == ("prog", *plain, "--", *hydra)
    assert takes_all(made.command)
    assert names_in(made.command) == []


def test_all_of_nothing_is_nothing_and_an_own_args_comes_first() -> None:
    assert filled(request("{args}", "{args:hydra}", "x")) == ("prog", "x")
    assert filled(request("{args}", args="mine")) == ("prog", "mine")
    told = "model.command[1]: {args} stays as it is: there is no such hyperparameter. "
    assert list(doubts.in_request(request("run {args}, x", lr=1))) == [
        told + "`{args}` must be an argument of its own"
    ]


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("a,b", "'a,b'"),
        ("it's", r"'it\'s'"),
        ("1", "'1'"),
        ("1e-3", "'1e-3'"),
        ("null", "'null'"),
        ("", "''"),
    ],
)
def test_texts_that_hydra_would_read_as_something_else_are_quoted(value: str, word: str) -> None:
    assert filled(request("{args:hydra}", name=value))[1] == f"name={word}"


def test_a_line_for_bash_gets_its_values_quoted() -> None:
    made = line("run --name {name} {args} ${HOME} | tee {out.dir}/log", name="a b; rm x", out={"dir": "o'p"})
    require_filled(made, where="r.json")
    words = "run --name 'a b; rm x' '--name=a b; rm x' '--out.dir=o'\"'\"'p' ${HOME} | tee 'o'\"'\"'p'/log"
    assert filled(made) == ("bash", "-c", words)
    assert list(doubts.in_request(made)) == []


def test_no_value_is_filled_into_another_one() -> None:
    assert filled(line("a {x} {args}", x="{y}", y="$(id)"))[2] == "a '{y}' '--x={y}' '--y=$(id)'"
    assert filled(request("{x}", x="{y}", y=1))[1] == "{y}"


@pytest.mark.parametrize(
    "part", ["{}", "{1..3}", "${HOME}", "{a,b}", '{"a": 1}', "for x in y:\n    print(f'{x}')", "{ print $1 }"]
)
def test_braces_of_other_kinds_stay_without_a_word(part: str) -> None:
    made = request(part, lr=1)
    require_filled(made, where="r.json")
    assert list(doubts.in_request(made)) == []
    assert filled(made)[1] == part


@given(
    st.lists(
        st.sampled_from(["{", "}", "a", "_", ".", "1", "\u00e9", " ", "x.y", "{x.y}", "{a}", "\u0660"]),
        max_size=9,
    )
)
def test_names_are_found_as_the_pattern_finds_them(pieces: list[str]) -> None:
    values = {"a": "{a}", "x": {"y": 1}, "_": None, "a1": True}
    text = "".join(pieces)

    def fill(match: re.Match[str]) -> str:
        found = placeholders.value_of(values, match[1])
        return match[0] if found is None else found[0] if isinstance(found[0], str) else json.dumps(found[0])

    expected = placeholders._PLACEHOLDER.sub(fill, text)
    assert placeholders.filled_with([f"-{text}"], values, is_shell=False) == (f"-{expected}",)
