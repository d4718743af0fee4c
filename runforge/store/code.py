"""The code of runs in the journal: which tree of git objects it was, and what else is known of it."""

from __future__ import annotations

from runforge import light_json
from runforge.digest import sha256_of
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.store.journal import Transaction


class Code(NamedTuple):
    """The code of a run; without a tree nothing is kept, and the facts say why."""

    tree: str | None
    root: str | None
    #: Where the run starts, relative to the root.
    folder: str
    commit: str | None
    branch: str | None
    is_dirty: bool
    left_out: str
    facts: str

    @property
    def id(self) -> str:
        """Its name in the journal: equal for equal code, environment and folder."""
        digest = sha256_of("\0".join(map(str, self)).encode("utf-8", "surrogateescape"))
        return f"{self.tree or 'none'}-{digest[:12]}"

    @property
    def known(self) -> dict[str, Any]:
        """The facts."""
        found: dict[str, Any] = light_json.loads(self.facts)
        return found


def note(tx: Transaction, code: Code) -> None:
    """Write the code of new runs into the journal, in the transaction that makes them."""
    tx.run(
        "code.insert",
        code_id=code.id,
        tree=code.tree,
        root=code.root,
        folder=code.folder,
        commit_id=code.commit,
        branch=code.branch,
        is_dirty=int(code.is_dirty),
        left_out=code.left_out,
        facts=code.facts,
    )


def read(tx: Transaction, code_id: str | None) -> Code | None:
    """Return the code that a job names; None if it has none."""
    row = None if code_id is None else tx.row("code.by_id", code_id=code_id)
    if row is None:
        return None
    code = Code(*tuple(row)[1:])
    return code._replace(is_dirty=bool(code.is_dirty))


def forget_unused(tx: Transaction) -> list[tuple[str, str]]:
    """Forget the code that no job names; return the trees, and their roots, that nothing of this journal needs."""
    rows = tx.rows("code.unused")
    gone = {(row["tree"], row["root"]) for row in rows if row["tree"] is not None and not row["is_kept"]}
    if rows:
        tx.run("code.delete_unused")
    return sorted(gone)


def still_used(tx: Transaction, tree: str, root: str) -> bool:
    """Return whether a tree of a working tree is known here."""
    return tx.row("code.is_kept", tree=tree, root=root) is not None


def trees(tx: Transaction) -> set[str]:
    """Return all trees that are known here."""
    return {row["tree"] for row in tx.rows("code.trees")}
