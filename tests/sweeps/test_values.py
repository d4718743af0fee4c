"""What `-S KEY=VALUES` means: every form of the grammar, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from runforge.core.space import Dimension
from runforge.errors import InvalidPlan, InvalidRequest
from runforge.sweeps import rows
from runforge.sweeps.combine import Sweep, combine
from runforge.sweeps.values import parse, require_values


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("lr=1e-4,1e-3", [1e-4, 1e-3]),
        ("lr=1", [1]),
        ("x=true,false,null,None,True", [True, False, None, "None", "True"]),
        ("x=a, b ,c d", ["a", "b", "c d"]),
        ("x=007,.5,1_000,0x10", ["007", ".5", "1_000", "0x10"]),
        ("x=NaN,Infinity,-Infinity,1e999", ["NaN", "Infinity", "-Infinity", "1e999"]),
        ('x="a,b",\'c,"d\',"tab\\t"', ["a,b", 'c,"d', "tab\t"]),
        ("x=\"\",''", ["", ""]),
        ('x="1","null"', ["1", "null"]),
        ('x=[64,64],[128],{"a":1}', [[64, 64], [128], {"a": 1}]),
        ("x=don't,it's", ["don't", "it's"]),
        ("x=a=b,c==d", ["a=b", "c==d"]),
        ("x=9223372036854775807,9223372036854775808", [2**63 - 1, "9223372036854775808"]),
        ("x=\uff11,\u0663", ["\uff11", "\u0663"]),
        ("seed=1..5", [1, 2, 3, 4, 5]),
        ("seed=1..9:2", [1, 3, 5, 7, 9]),
        ("seed=1..8:3", [1, 4, 7]),
        ("seed=5..1:2", [5, 3, 1]),
        ("seed=-2..1", [-2, -1, 0, 1]),
        ("seed=3..3", [3]),
        ("seed=1..3,10,20..21", [1, 2, 3, 10, 20, 21]),
        ("x=0..1:0.1", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        ("x=1e-3..2e-3:5e-4", [0.001, 0.0015, 0.002]),
        ("x=../data,./a..b,a..e,v1..x,1../x", ["../data", "./a..b", "a..e", "v1..x", "1../x"]),
        ('x="1..5"', ["1..5"]),
        ("x=range(1,5)", [1, 2, 3, 4]),
        ("x=range(5)", [0, 1, 2, 3, 4]),
        ("x=range(0, 10, 3)", [0, 3, 6, 9]),
        ("x=range(5,1,-2)", [5, 3]),
        ("x=range(0,1,0.25),2", [0.0, 0.25, 0.5, 0.75, 2]),
        ("x=range(start=1,stop=4)", [1, 2, 3]),
        ("x=range(0,1,0.1)", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
        ("x=choice(adam,sgd,1)", ["adam", "sgd", 1]),
        ("x=relu(0,1),tanh", ["relu(0,1)", "tanh"]),
        ("optimizer.lr=0.1", [0.1]),
    ],
)
def test_values_are_read_as_they_are_meant(typed: str, values: list[Any]) -> None:
    found = parse(typed)
    assert found.key == typed.partition("=")[0]
    assert found.values() == values
    assert [type(value) for value in found.values()] == [type(value) for value in values]
    assert found.number == len(values)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "no `=`"),
        ("lr", "no `=`"),
        ("=1", "no parameter's name"),
        ("lr=", "gives no value"),
        ("lr=  ", "gives no value"),
        ("lr=1,,2", "is empty"),
        ("lr=1,", "is empty"),
        ("lr=,1", "is empty"),
        ("1r=1", "no parameter's name"),
        ("lr.=1", "no parameter's name"),
        ("a b=1", "no parameter's name"),
        ("ключ=1", "no parameter's name"),
        ("+optimizer.lr=1", "Write optimizer.lr=..."),
        ("--lr=1", "Write lr=..."),
        ("x" * 129 + "=1", "no parameter's name"),
        ("lr=1e-5..1e-1,1", "beside other values"),
        ("lr=1e-1..1e-5", "Write 1e-5..1e-1"),
        ("lr=0..1:log", "above 0"),
        ("lr=2..2:log", "is empty"),
        ("lr=interval(0)", "is not understood"),
        ("lr=shuffle(range(3))", "not known here"),
        ("n=1..", "is no range"),
        ("n=..5", "is no range"),
        ("n=1..x", "is no range"),
        ("n=1..5:", "is no number"),
        ("n=1..5:x", "is no number"),
        ("n=1..5:0", "not above 0"),
        ("n=1..5:-1", "not above 0"),
        ("n=1..99999999999999999999", "too long"),
        ("n=1e-999..1:1e-999", "too long"),
        ("n=0..1e301:1", "too long"),
        ("n=range(5,1)", "has no values"),
        ("n=range(1,2,0)", "step 0"),
        ("n=range(1,2,3,4)", "not understood"),
        ("n=range()", "is no number"),
        ("n=range(a)", "is no number"),
        ("n=range(stop=3,stop=4)", "not understood"),
        ("n=range(1,5", "not closed"),
        ('n="a', "not closed"),
        ("n='a", "not closed"),
        ('n="a"b', "follows a quoted value"),
        ("n=[a,b]", "begins no JSON value"),
        ("n=[NaN]", "begins no JSON value"),
        ("n=[1e999]", "begins no JSON value"),
        ("n=[" + "[" * 100_000, "begins no JSON value"),
        ('n="\\ud800"', "not closed"),
        ('n="\\u0000"', "NUL"),
        ("n=\udcff", "not UTF-8"),
    ],
)
def test_what_means_nothing_is_refused_with_a_word_on_what_to_write(typed: str, said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse(typed)
    assert said in str(refused.value)
    assert refused.value.where.startswith("-S ")
    assert refused.value.fix


@pytest.mark.parametrize(
    ("typed", "low", "high", "is_log"),
    [
        ("lr=1e-5..1e-1", 1e-5, 0.1, False),
        ("lr=1e-5..1e-1:log", 1e-5, 0.1, True),
        ("n=1..64:log", 1, 64, True),
        ("lr=interval(0, 1)", 0.0, 1.0, False),
        ("lr=-1..0.5", -1.0, 0.5, False),
        ("n=1..8", 1, 8, False),
    ],
)
def test_an_interval_is_a_dimension_of_a_search(typed: str, low: float, high: float, is_log: bool) -> None:
    found = parse(typed).dimension("p", 100)
    assert found == Dimension("p", low, high, is_log)
    assert found.is_whole == isinstance(low, int)


def test_values_are_a_dimension_too_and_a_combination_takes_no_interval() -> None:
    assert parse("a=x,y").dimension("p", 100) == Dimension("p", values=("x", "y"))
    assert parse("n=1..9:2").dimension("p", 100) == Dimension("p", values=(1, 3, 5, 7, 9))
    with pytest.raises(InvalidRequest, match="needs --random N or --tpe N"):
        require_values(parse("lr=1e-5..1e-1:log"))


def swept(*axes: str, pairs: tuple[str, ...] = (), table: str = "", limit: int = 10_000) -> Sweep:
    found = rows.parse(table.encode(), where="t") if table else []
    return combine([parse(axis) for axis in axes], pairs, found, limit)


def test_axes_make_every_combination_and_the_last_varies_fastest() -> None:
    made = swept("a=1,2", "b=x,y")
    assert made.is_grid
    assert made.runs() == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]
    assert made.axes() == [("a", [1, 2]), ("b", ["x", "y"])]


def test_paired_axes_vary_together_and_the_rest_is_a_product() -> None:
    made = swept("lr=1,2", "seed=1..2", "wd=[3],[4]", pairs=("lr,wd",))
    assert made.number == 4
    assert not made.is_grid
    assert made.runs() == [
        {"lr": 1, "wd": [3], "seed": 1},
        {"lr": 1, "wd": [3], "seed": 2},
        {"lr": 2, "wd": [4], "seed": 1},
        {"lr": 2, "wd": [4], "seed": 2},
    ]


def test_each_row_is_a_run_times_the_axes() -> None:
    made = swept("seed=1..2", table="lr,name\n0.1,a\n0.2,\n")
    assert made.keys == ["lr", "name", "seed"]
    assert made.runs() == [
        {"lr": 0.1, "name": "a", "seed": 1},
        {"lr": 0.1, "name": "a", "seed": 2},
        {"lr": 0.2, "name": None, "seed": 1},
        {"lr": 0.2, "name": None, "seed": 2},
    ]


@pytest.mark.parametrize(
    ("axes", "pairs", "said"),
    [
        (("a=1", "a=2"), (), "varied twice"),
        (("a=1", "a.b=2"), (), "one is inside the other"),
        (("a=1,2", "b=1"), ("a,b",), "a has 2, b has 1"),
        (("a=1", "b=1"), ("a",), "needs two names"),
        (("a=1", "b=1"), ("a,a",), "paired twice"),
        (("a=1", "b=1", "c=1"), ("a,b", "b,c"), "paired twice"),
        (("rate=1", "b=1"), ("rat,b",), "Did you mean 'rate'?"),
        (("a=1", "b=1"), ("a,",), "not given by -S"),
    ],
)
def test_a_parameter_stands_once(axes: tuple[str, ...], pairs: tuple[str, ...], said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        swept(*axes, pairs=pairs)
    assert said in str(refused.value)


def test_a_parameter_of_a_row_is_no_axis_too() -> None:
    with pytest.raises(InvalidRequest, match="lr is varied twice"):
        swept("lr=1", table="lr\n2\n")


@pytest.mark.parametrize(
    "axes",
    [
        ("n=1..99999999999999999",),
        ("n=range(99999999999999999)",),
        ("n=0..1e300:1e-300",),
        *[("a=1..1000", "b=1..1000", "c=1..1000")],
    ],
)
def test_too_many_runs_are_counted_and_never_made(axes: tuple[str, ...]) -> None:
    with pytest.raises(InvalidPlan, match="the limit is 10,000"):
        swept(*axes)


def test_the_limit_says_the_option_that_raises_it() -> None:
    with pytest.raises(InvalidPlan, match="--max-runs 11"):
        swept("n=1..11", limit=10)
    assert swept("n=1..10", limit=10).number == 10


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ("lr,x\r\n1e-3,a\r\n\r\n", [{"lr": 1e-3, "x": "a"}]),
        ('\ufefflr,x\n1,"a,b"\n2,"c\nd"', [{"lr": 1, "x": "a,b"}, {"lr": 2, "x": "c\nd"}]),
        ("lr\tx\n1\ta,b\n", [{"lr": 1, "x": "a,b"}]),
        ('layers\n"[1,2]"\n', [{"layers": [1, 2]}]),
        ('{"lr": 1, "o": {"x": [1]}}\n\n{"lr": null}\n', [{"lr": 1, "o": {"x": [1]}}, {"lr": None}]),
    ],
)
def test_rows_are_read_from_csv_and_from_json_lines(table: str, found: list[dict[str, Any]]) -> None:
    assert rows.parse(table.encode(), where="t") == found


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (b"", "no rows"),
        (b"lr\n", "no rows"),
        (b"lr,lr\n1,2\n", "line 1: the column lr appears twice"),
        (b"lr,x\n1\n", "line 2: 1 cells, but the header has 2"),
        (b"lr,\n1,2\n", "line 1: '' is no parameter's name"),
        (b'lr\n"a\n', "not CSV"),
        (b"lr\n\xff\n", "not UTF-8"),
        (b"lr\n\0\n", "NUL"),
        (b'[{"lr": 1}]', "one object a line"),
        (b'{"lr": 1}\n[2]\n', "line 2: the row cannot be accepted: it is a list"),
        (b'{"lr": 1, "lr": 2}', "appears twice"),
        (b'{"lr": NaN}', "NaN is not allowed"),
        (b'{"l r": 1}', "no parameter's name"),
    ],
)
def test_wrong_rows_are_refused_with_their_line(table: bytes, said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        rows.parse(table, where="t")
    assert said in str(refused.value)
