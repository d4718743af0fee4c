"""A mutant: one deliberate break of the program, and the tests that must see it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Mutant:
    """One break: an old text that occurs once in a file is replaced by a new one."""

    name: str
    file: str
    old: str
    new: str
    #: `file::function` each; a few quick ones.
    tests: tuple[str, ...]
    #: What a user would lose by it.
    why: str

    def broken(self, text: str) -> str:
        """Return the file's text with the break in it."""
        return text.replace(self.old, self.new)

    def problems(self, root: Path = ROOT) -> list[str]:
        """Return what has moved away under this entry: its old text, or its tests."""
        found = []
        path = root / self.file
        count = path.read_text("utf-8").count(self.old) if path.is_file() else 0
        if count != 1:
            found.append(f"{self.name}: its old text is in {self.file} {count} times, not once")
        found += [f"{self.name}: there is no {test}" for test in self.tests if not _is_test(root, test)]
        return found


def _is_test(root: Path, name: str) -> bool:
    file, _, function = name.partition("::")
    path = root / file
    if not path.is_file():
        return False
    functions = {
        node.name
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    # A case of a parametrized one is named in brackets.
    return function.partition("[")[0] in functions
