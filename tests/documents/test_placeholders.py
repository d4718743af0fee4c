"""What fills the `{name}` in a command, and what happens where nothing does."""

from __future__ import annotations

from typing import Any

import pytest

from runforge.documents import doubts
from runforge.documents.placeholders import filled, require_filled
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
        ("{opt.lr}", {"opt": {"lr": 1}}, "the name of one hyperparameter, without dots"),
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


@pytest.mark.parametrize(
    "part", ["{}", "{1..3}", "${HOME}", "{a,b}", '{"a": 1}', "for x in y:\n    print(f'{x}')", "{ print $1 }"]
)
def test_braces_of_other_kinds_stay_without_a_word(part: str) -> None:
    made = request(part, lr=1)
    require_filled(made, where="r.json")
    assert list(doubts.in_request(made)) == []
    assert filled(made)[1] == part
