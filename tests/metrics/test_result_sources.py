"""result.json says where metrics are from that the run did not report itself, and `show` says it too."""

from __future__ import annotations

from pathlib import Path

from runforge.documents.result import build_result, encode, read_result
from runforge.metrics.last_values import RunValues
from tests.metrics.kit import RECORDED, run_of


def test_sources_of_a_result(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"best": 1}\n')
    values = RunValues(run_of(tmp_path, RECORDED / "xgboost"))
    assert values.sources() == [
        {
            "path": "logs.txt",
            "kind": "log",
            "by": "printed",
            "metrics": ["train-logloss", "train-auc", "eval-logloss", "eval-auc"],
        }
    ]
    document = build_result(
        status="failed",
        started_at="",
        finished_at="",
        duration_ms=1,
        effective_config=None,
        metrics=values.last,
        metric_sources=values.sources(),
    )
    result = read_result(encode(document))
    assert result is not None
    assert result.remarks == [
        "4 metrics from logs.txt (printed lines): train-logloss, train-auc, eval-logloss, eval-auc"
    ]


def test_strange_sources_do_no_harm() -> None:
    document = build_result(
        status="failed", started_at="", finished_at="", duration_ms=1, effective_config=None
    )
    for strange in (5, [5, {}], [{"metrics": 7}], [{"metrics": {"a": 1}}], [{"path": [], "metrics": [[]]}]):
        result = read_result(encode({**document, "metric_sources": strange}))
        assert result is not None
        assert all(isinstance(remark, str) for remark in result.remarks)
