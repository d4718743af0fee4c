"""What the source may not hold: shells, unpickling, the journal's file opened by anybody but SQLite."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent / "runforge"
FILES = sorted(ROOT.rglob("*.py"))
#: Reading one of these executes what it says.
_EXECUTES = {
    *(
        f"{module}.{name}"
        for module in ("pickle", "dill", "cloudpickle")
        for name in ("load", "loads", "Unpickler")
    ),
    *(
        "joblib.load",
        "torch.load",
        "numpy.load",
        "np.load",
        "pandas.read_pickle",
        "shelve.open",
        "marshal.loads",
    ),
    *("yaml.load", "yaml.unsafe_load", "eval", "exec", "compile", "__import__"),
}
#: Bytes that the same process has made a moment ago, and that never leave it; modules by names that stand in the source;
#: modules from a file beside Python's own compiled ones: who may write there may write the sources. The first bytes of the
#: journal before SQLite has opened it in this process: no lock is dropped.
_OF_ITS_OWN = {
    "training/prepared.py": ["pickle.loads"] * 2,
    "training/warmup.py": ["pickle.loads"] * 2,
    "later.py": ["__import__"],
    "bytecode.py": ["exec", "marshal.loads"],
    "store/look.py": ["os.open of the journal"],
}
_SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn"}
_OPENS = {
    "open",
    "os.open",
    "io.open",
    "read_bytes",
    "read_text",
    "write_bytes",
    "write_text",
    "open_file",
    "read_bounded",
}


def calls(source: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the dotted name of what is called, as far as it has one; imported names in full."""
    tree = ast.parse(source)
    full = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 0
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            yield full.get(name, name), node


def faults(source: str) -> list[str]:
    """What a source does and may not do."""
    found = []
    for name, node in calls(source):
        if name in _EXECUTES | _SHELLS:
            found.append(name)
        if any(k.arg == "shell" and ast.unparse(k.value) != "False" for k in node.keywords):
            found.append(f"{name} with a shell")
        opened = [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
        if name.rpartition(".")[2] in _OPENS and any(_is_journal(part) for part in opened):
            found.append(f"{name} of the journal")
    return found


def _is_journal(part: ast.expr) -> bool:
    text = ast.unparse(part)
    return text.endswith(".journal") or "runforge.db" in text


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_is_unpickled_and_no_shell_is_asked(path: Path) -> None:
    allowed = _OF_ITS_OWN.get(str(path.relative_to(ROOT)), [])
    assert faults(path.read_text("utf-8")) == allowed


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.loads(x)",
        "from pickle import load\nload(x)",
        "from joblib import load as take\ntake(x)",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import subprocess\nsubprocess.Popen(x, shell=is_shell)",
        "import os\nos.system('ls')",
        "open(workspace.journal)",
        "self._workspace.journal.read_bytes()",
        "import os\nos.open(f'{folder}/runforge.db', 0)",
    ],
)
def test_they_would_be_seen(source: str) -> None:
    assert len(faults(source)) == 1
