"""The bench works from end to end on tiny sizes; how fast anything is, is not asserted."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import __main__ as program
from bench import plots
from bench.figures import Figure, as_markdown, as_text, from_document, growth

pytestmark = pytest.mark.slow(shared=True)

ROOT = Path(__file__).parents[2]


def bench(tmp_path, *words):
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "bench", "--quick", *words]
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    done = bench(folder, "--only", "b,d,g,h,r", "--json", str(folder / "figures.json"))
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((folder / "figures.json").read_text("utf-8")), folder


def test_every_part_asked_for_has_figures_and_they_are_in_the_table(measured):
    table, report, _ = measured
    assert {figure["key"] for figure in report["figures"]} == set("bdghr")
    for figure in report["figures"]:
        assert figure["name"] in table
        assert figure["ours"] > 0
    assert report["machine"]["version"]


@pytest.mark.parametrize("part", ["m", "n", "o", "p", "q"])
def test_parts_of_whole_processes_have_figures(tmp_path, part):
    done = bench(tmp_path, "--only", part, "--json", str(tmp_path / "figures.json"))
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "figures.json").read_bytes())["figures"]
    assert {figure["key"] for figure in figures} == {part}
    assert all(figure["ours"] > 0 for figure in figures if "processor" not in figure["name"])


def test_a_peer_that_is_not_here_is_skipped_with_a_word(measured):
    table, report, _ = measured
    drain = next(figure for figure in report["figures"] if figure["key"] == "b")
    assert drain["peers"]["HyperQueue"] == "not installed (--install-peers)"
    assert "HyperQueue: not installed (--install-peers)" in table


def test_nothing_is_left_behind(measured):
    assert [path.name for path in measured[2].iterdir()] == ["figures.json"]


def test_an_unknown_figure_is_refused(tmp_path):
    done = bench(tmp_path, "--only", "z")
    assert done.returncode == 2
    assert "no figure z; there are a, b" in done.stderr


def test_a_part_that_fails_is_told_and_costs_the_others_nothing(monkeypatch, capsys):
    def broken(_rounds, *, quick):
        yield Figure("x", "before", "ms", 1.0)
        raise OSError(f"no room, quick {quick}")

    def whole(_rounds, *, quick):
        yield Figure("y", f"after, quick {quick}", "ms", 2.0)

    monkeypatch.setattr(program, "PARTS", {"x": broken, "y": whole})
    names = [figure.name for figure in program.measure(["x", "y"], 1, quick=True)]
    assert names == ["before", "FAILED: OSError: no room, quick True", "after, quick True"]
    assert "FAILED: OSError" in capsys.readouterr().err


def flat(jobs, ours, *, key="e", is_higher_better=False):
    return Figure(key, "status", "ms", ours, jobs=jobs, is_higher_better=is_higher_better)


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        ([flat(1_000, 10.0), flat(100_000, 12.0)], "holds"),
        ([flat(1_000, 10.0), flat(100_000, 40.0)], "GROWS FASTER"),
        (
            [flat(1_000, 40.0, is_higher_better=True), flat(100_000, 10.0, is_higher_better=True)],
            "GROWS FASTER",
        ),
        ([flat(1_000, 10.0, is_higher_better=True), flat(100_000, 40.0, is_higher_better=True)], "holds"),
    ],
)
def test_growth_is_held_against_the_logarithm(figures, verdict):
    (line,) = growth(figures)
    assert line.endswith(verdict)


def test_growth_is_told_of_flat_figures_with_several_sizes_only():
    assert growth([flat(1_000, 10.0)]) == []
    assert growth([flat(100, 1.0, key="d"), flat(1_000, 10.0, key="d")]) == []


FIGURES = [
    Figure(
        "b", "drain", "jobs/s", 400.0, {"one": 200.0, "none": "not installed"}, 1200.0, "spawns", "331", True
    ),
    Figure("e", "status, a < b", "ms", 20.0, {"other": 40.0}, jobs=1_000),
    Figure("e", "status, a < b", "ms", 21.0, {}, jobs=10_000),
    Figure("e", "status, a < b", "ms", 22.0, {}, jobs=100_000),
]


def test_the_table_has_ratios_in_the_right_direction():
    for text in (as_text(FIGURES), as_markdown(FIGURES)):
        drain = next(line for line in text.splitlines() if "drain" in line)
        assert "one 200" in drain
        assert "2.00" in drain
        assert "none: not installed" in text


def test_a_figure_survives_json():
    assert [from_document(json.loads(json.dumps(figure.document()))) for figure in FIGURES] == FIGURES


def test_docs_get_the_table_between_the_marks_and_plots_that_are_xml(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = Path("docs/performance.md")
    page.parent.mkdir()
    page.write_text("before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n", "utf-8")
    report = {"machine": {"size": "2 cores"}, "figures": [figure.document() for figure in FIGURES]}
    for _ in range(2):
        program.write_docs(report)
    text = page.read_text("utf-8")
    assert text.startswith("before\n<!-- figures -->\n")
    assert text.endswith("<!-- end of figures -->\nafter\n")
    assert "stale figures" not in text
    assert text.count("| figure |") == 1
    for name in ("ratios.svg", "growth.svg"):
        assert ET.parse(page.parent / "performance" / name).getroot().tag.endswith("svg")


def test_plots_of_nothing_are_drawn_too(tmp_path):
    plots.draw([], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"ratios.svg", "growth.svg"}
