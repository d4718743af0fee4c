"""`runforge helper` prints the file that scripts import."""

from __future__ import annotations

from pathlib import Path

import pytest

from runforge.cli import helper
from runforge.supervise.helper_path import FOLDER


def test_the_helper_is_printed_as_runs_import_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert helper.show() == 0
    assert capsys.readouterr().out == (Path(FOLDER) / helper.NAME).read_text("utf-8")
