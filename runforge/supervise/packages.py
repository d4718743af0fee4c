"""Which packages the run's interpreter has: names and versions, kept once for each content.

Read from the names of the folders that pip, uv and conda leave beside each package; nothing is imported or started.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from runforge.attempts import environment
from runforge.attempts.packages import NAME, folder_of
from runforge.attempts.spec import Spec
from runforge.errors import RunForgeError
from runforge.files import durable, programs

_SUFFIX = ".dist-info"
#: A list that is longer is no environment.
_MOST = 20_000
_SYSTEM = ("/", "/usr", "/usr/local")


def begin(spec: Spec, own: Mapping[str, str]) -> threading.Thread | None:
    """Note the packages beside the run, which has started: a slow disk holds nothing up. None if it has no environment.

    To start a thread costs a short run a tenth of its time. `own` are the variables of this process.
    """
    argv = spec.argv or ()
    prefix = None
    with contextlib.suppress(OSError, RunForgeError):
        prefix = _prefix_of(spec, argv, own)
    if prefix is None:
        return None
    thread = threading.Thread(target=_try_to_note, args=(spec, prefix), daemon=True)
    thread.start()
    return thread


def _prefix_of(spec: Spec, argv: tuple[str, ...], own: Mapping[str, str]) -> Path | None:
    if not argv or not folder_of(spec.workspace).parent.is_dir():
        return None
    return _prefix(argv[0], spec.cwd, environment.variables(spec.environment, own))


def _try_to_note(spec: Spec, prefix: Path) -> None:
    with contextlib.suppress(OSError):
        _note(spec, prefix)


def _note(spec: Spec, prefix: Path) -> None:
    """Keep the list of packages, and let the attempt's folder name it. OSError if that cannot be done."""
    found = sorted(set(_packages(prefix)))
    if not found:
        return
    data = json.dumps({"prefix": str(prefix), "packages": found}, indent=0).encode("utf-8", "surrogateescape")
    digest = hashlib.sha256(data).hexdigest()
    folder = folder_of(spec.workspace)
    path = folder / f"{digest}.json"
    if not path.exists():
        durable.make_dir(folder)
        temporary = folder / f"{durable.TEMPORARY_PREFIX}{os.urandom(8).hex()}"
        durable.write_new(temporary, data)
        os.replace(temporary, path)
    durable.write_new(spec.attempt_dir / NAME, f"{digest}\n".encode("ascii"), durable=False)


def _prefix(program: str, cwd: Path, variables: Mapping[str, str]) -> Path | None:
    """Return the environment that a program belongs to: its own folder's, else the one that is active.

    A shell of the system may start anything: for it, the active one comes first.
    """
    path = variables.get("PATH", os.defpath)
    found = programs.find(program, path, str(cwd))
    own = os.path.dirname(os.path.dirname(found)) if found else ""
    active = [variables.get(name, "") for name in ("VIRTUAL_ENV", "CONDA_PREFIX")]
    is_systems = own in _SYSTEM and not os.path.basename(program).startswith("python")
    places = [*active, str(cwd / ".venv"), own] if is_systems else [own, *active, str(cwd / ".venv")]
    return next(
        (Path(place) for place in places if place and os.access(f"{place}/bin/python", os.X_OK)), None
    )


def _packages(prefix: Path) -> Iterator[str]:
    for site in prefix.glob("lib/python3*/site-packages"):
        with os.scandir(site) as entries:
            for number, entry in enumerate(entries):
                if number > _MOST:
                    return
                if entry.name.endswith(_SUFFIX):
                    name, _, version = entry.name[: -len(_SUFFIX)].rpartition("-")
                    yield f"{name}=={version}"
