"""Programs that cannot be started, and whether the message names what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runforge.supervise.supervisor import supervise
from tests.supervise.kit import Attempt, in_child

_NO_PROGRAM: dict[str, tuple[bytes | None, str]] = {
    "no-such-program-here": (None, "No such file or directory (not in the PATH that the daemon was started"),
    "./none.sh": (None, "No such file or directory"),
    "./crlf.sh": (
        b"#!/bin/sh\r\necho hi\r\n",
        "has Windows line ends, so its first line names the interpreter",
    ),
    "./old.py": (b"#!/opt/gone/bin/python3 -u\nprint(1)\n", "does not exist: /opt/gone/bin/python3"),
    "./plain.sh": (b"echo hi\n", "a script needs a first line with its interpreter, such as #!/bin/sh"),
    "./empty": (b"", "Exec format error: the file is empty"),
    "./other": (b"\x7fELF\x02\x01\x01" + bytes(60), "built for another kind of machine"),
}


@pytest.mark.parametrize("program", _NO_PROGRAM)
def test_it_is_told_with_its_reason(tmp_path: Path, program: str) -> None:
    attempt = Attempt(tmp_path)
    data, words = _NO_PROGRAM[program]
    file = attempt.run_dir / program
    if data is not None:
        file.write_bytes(data)
        file.chmod(0o755)
    path = attempt.spec([program])
    spec = json.loads(path.read_text())
    path.write_text(json.dumps({**spec, "cwd": str(attempt.run_dir)}))
    attempt.pid = in_child(lambda: supervise(path))
    record = attempt.wait()
    assert record is not None
    assert record.spawn_error is not None
    assert record.spawn_error.startswith(f"{program}: ")
    assert words in record.spawn_error
