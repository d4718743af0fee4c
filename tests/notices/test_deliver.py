"""One delivery: web hooks that answer, hang, refuse and redirect; programs; Apprise."""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runforge.notices import deliver as module
from runforge.notices.deliver import Undelivered, deliver
from runforge.notices.targets import Target, targets_of
from tests.conftest import wait_until
from tests.notices.listener import Listener, listening

EVENT: dict[str, Any] = {"schema": "runforge.event/1", "event": "failed", "title": "T", "text": "Ünd so"}


@pytest.fixture
def web() -> Iterator[Listener]:
    with listening() as made:
        yield made


def tell(address: str, event: dict[str, Any] | None = None) -> str:
    return deliver(Target(1, address), event or EVENT)


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n", "utf-8")
    path.chmod(0o700)
    return path


def test_a_web_hook_gets_the_event_as_json(web: Listener) -> None:
    assert tell(f"{web.url}/hook?x=1") == "it answered 200"
    ((path, headers, body),) = web.heard
    assert path == "/hook?x=1"
    assert headers["Content-Type"] == "application/json"
    assert body == EVENT


def test_name_and_password_become_a_header(web: Listener) -> None:
    tell(web.url.replace("://", "://eve:p%40ss@"))
    assert web.heard[0][1]["Authorization"] == f"Basic {base64.b64encode(b'eve:p@ss').decode()}"


@pytest.mark.parametrize("code", [400, 403, 404, 429, 500, 503])
def test_an_answer_that_is_an_error_is_undelivered(web: Listener, code: int) -> None:
    web.code = code
    with pytest.raises(Undelivered, match=f"it answered {code}"):
        tell(web.url)


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(Undelivered, match="cannot be reached: Connection refused"):
        tell(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("manner", ["hang", "drip"])
def test_a_server_that_never_answers_is_left_after_a_while(
    web: Listener, manner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.5)
    web.manner = manner
    with pytest.raises(Undelivered, match=r"no answer within|no answer that can|cannot be reached"):
        tell(web.url)


def test_rubbish_is_no_answer(web: Listener) -> None:
    web.manner = "rubbish"
    with pytest.raises(Undelivered, match="no answer that can be understood"):
        tell(web.url)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(web: Listener, code: int) -> None:
    with listening() as other:
        web.code, web.headers = code, {"Location": f"{other.url}/hush"}
        with pytest.raises(Undelivered, match="redirects to another address") as caught:
            tell(web.url.replace("://", "://eve:pass@"))
        assert other.heard == []
        assert "hush" not in str(caught.value)


def test_a_redirect_to_a_file_of_this_machine_is_not_followed(web: Listener) -> None:
    web.code, web.headers = 302, {"Location": "file:///etc/passwd"}
    with pytest.raises(Undelivered):
        tell(web.url)


def test_a_redirect_on_the_same_host_repeats_the_post_but_not_for_ever(web: Listener) -> None:
    web.code, web.headers = 307, {"Location": f"{web.url}/again"}
    with pytest.raises(Undelivered, match="again and again"):
        tell(f"{web.url}/first")
    assert {body["event"] for _, _, body in web.heard} == {"failed"}
    web.code = 302
    with pytest.raises(Undelivered, match="redirects to a page"):
        tell(f"{web.url}/first")


@pytest.mark.parametrize("address", ["http://", "http://[", "https://a b/", "http://127.0.0.1:99999/"])
def test_an_address_that_is_none_is_undelivered(address: str) -> None:
    with pytest.raises(Undelivered):
        tell(address)


def test_a_program_gets_the_event_on_its_standard_input(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    program = script(
        tmp_path / "say it",
        f'cat > "{heard}"; echo rubbish; echo more >&2; echo $RUNFORGE_EVENT >> "{heard}"',
    )
    assert tell(f"cmd:{program}") == "it ended with exit code 0"
    first, second = heard.read_text("utf-8").splitlines()
    assert json.loads(first) == EVENT
    assert second == "failed"


def test_a_program_below_home_and_with_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    script(tmp_path / "say", f'echo "$1" > "{tmp_path}/heard"')
    tell("cmd:~/say 'two words'")
    assert (tmp_path / "heard").read_text("ascii") == "two words\n"


@pytest.mark.parametrize(
    ("body", "said"),
    [("exit 3", "exit code 3"), ("kill -9 $$", "signal 9"), ("exec 0<&-; exit 1", "exit code 1")],
)
def test_a_program_that_fails_is_undelivered(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(Undelivered, match=said):
        tell(f"cmd:{script(tmp_path / 'bad', body)}", {**EVENT, "text": "x" * 500_000})


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    for line in (f"cmd:{tmp_path}/none", "cmd:", "cmd:'", "cmd:no-such-program-here"):
        with pytest.raises(Undelivered, match="no such program"):
            tell(line)
    path = tmp_path / "plain"
    path.write_text("no script", "ascii")
    with pytest.raises(Undelivered, match="cannot be started"):
        tell(f"cmd:{path}")


def test_a_program_that_hangs_is_killed_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.5)
    pids = tmp_path / "pids"
    program = script(tmp_path / "hang", f'sleep 60 & echo $! $$ > "{pids}"; wait')
    with pytest.raises(Undelivered, match="no answer within"):
        tell(f"cmd:{program}")
    for pid in pids.read_text("ascii").split():
        wait_until(lambda pid=pid: _is_gone(int(pid)), f"{pid} is gone")


def _is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_other_schemes_go_to_the_apprise_program_which_shows_no_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    heard = tmp_path / "heard"
    script(
        tmp_path / "apprise",
        f'echo "$1 $2 $3" > "{heard}"; cat "$4" >> "{heard}"; stat -c %a "$4" >> "{heard}"; cat >> "{heard}"',
    )
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert tell("ntfys://hush-topic") == "Apprise has told it"
    assert heard.read_text("utf-8").splitlines() == ["-t T -c", "ntfys://hush-topic", "600", "Ünd so"]
    script(tmp_path / "apprise", "exit 1")
    with pytest.raises(Undelivered, match="Apprise could not tell it") as caught:
        tell("ntfys://hush-topic")
    assert "hush" not in str(caught.value)


def test_without_apprise_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Undelivered, match=r"pip install 'runforge\[notify\]'"):
        tell("ntfys://topic")


def test_a_label_shows_no_secret() -> None:
    addresses = ["https://u:p@hooks.example/T0/B0/hush", "ntfys://hush", "cmd:~/bin/say", "https://[hush"]
    labels = [target.label for target in targets_of([*addresses, addresses[0]])]
    assert labels == [
        "target 1 (https://hooks.example)",
        "target 2 (ntfys://...)",
        "target 3 (cmd:~/bin/say)",
        "target 4 (https://...)",
    ]
