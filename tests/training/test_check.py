"""The checks before anything is queued: cheap, and with the words that a training would use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from runforge.documents.request import parse_request
from runforge.errors import InvalidRequest, Missing
from runforge.training.check import LOOK, check_request
from tests.training.kit import REQUEST


def check(workspace: Path, **changes: Any) -> None:
    check_request(parse_request({**REQUEST, **changes}, where="request.json"), workspace)


def test_a_good_dataset_passes(workspace: Path) -> None:
    check(workspace)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "the dataset is empty"),
        (b"a,label\n", "no rows with a label"),
        (b"a,label\n1,\n2, \n", "no rows with a label"),
        (b"a,label\n1,x\n2,x\n", "one class only"),
        (b"a,label\n1,x\n2,x\n3,y\n", "two classes with two rows"),
        (b"label\nx\nx\ny\ny\n", "only the label column"),
        (b"a,Label\n1,x\n", "Did you mean 'Label'?"),
        (b"a,label\n\xff\xfe,x\n", "not UTF-8"),
        (b'a,label\n"' + b"x" * 200_000 + b'",x\n', "cannot be read"),
    ],
)
def test_a_bad_one_is_explained(workspace: Path, text: bytes, words: str) -> None:
    (workspace / "data" / "train.csv").write_bytes(text)
    with pytest.raises(InvalidRequest, match=r"train\.csv") as caught:
        check(workspace)
    assert words in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_the_first_name(workspace: Path) -> None:
    (workspace / "data" / "train.csv").write_bytes(b"\xef\xbb\xbflabel,a\r\nx,1\r\nx,2\r\ny,3\r\ny,4\r\n")
    check(workspace)


@pytest.mark.parametrize("kind", ["nothing", "folder", "pipe"])
def test_what_is_no_file_is_missing(workspace: Path, kind: str) -> None:
    path = workspace / "data" / "train.csv"
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(Missing):
        check(workspace)


def test_words_for_no_value_are_classes(workspace: Path) -> None:
    (workspace / "data" / "train.csv").write_text("a,label\n" + "1,None\n2,NA\n" * 5)
    check(workspace)


def test_a_ragged_row_is_found_wherever_it_is(workspace: Path) -> None:
    with (workspace / "data" / "train.csv").open("a") as stream:
        stream.writelines("1.0,2.0,red,kind_0\n" * 1000 for _ in range(20))
        stream.write("1.0,2.0,red,kind_0,\n")
    with pytest.raises(InvalidRequest, match="line 20152 has 5 cells, the header has 4"):
        check(workspace)


def test_a_big_file_is_not_read_to_its_end(workspace: Path) -> None:
    with (workspace / "data" / "train.csv").open("a") as stream:
        stream.write(("1.0,2.0,red,kind_0\n" * 1000) * (LOOK // 19_000 + 100))
        stream.write("ragged\n")
    check(workspace)


def test_a_quantity_is_asked_about(workspace: Path) -> None:
    (workspace / "data" / "train.csv").write_text("a,label\n" + "".join(f"{i},{i / 8}\n" for i in range(90)))
    with pytest.raises(InvalidRequest, match=r'quantity.*dataset.label_type "class"'):
        check(workspace)
    (workspace / "data" / "train.csv").write_text("a,label\n" + "1,0.5\n2,1.5\n" * 5)
    check(workspace, dataset={**REQUEST["dataset"], "label_type": "class"})


def test_weights_of_classes_that_are_none_are_refused(workspace: Path) -> None:
    model = {**REQUEST["model"], "hyperparameters": {"class_weight": {"kind_0": 2}}}
    check(workspace, model=model)
    model["hyperparameters"]["class_weight"]["kind_7"] = 1
    with pytest.raises(
        InvalidRequest, match="'kind_7' is not a class; the classes are kind_0, kind_1, kind_2"
    ):
        check(workspace, model=model)


def test_the_folder_of_a_command_must_be_there(workspace: Path) -> None:
    model = {"family": "command", "command": ["true"], "cwd": "nowhere"}
    with pytest.raises(InvalidRequest, match="nowhere"):
        check(workspace, model=model, dataset=None)
    check(workspace, model={**model, "cwd": "data"}, dataset=None)
