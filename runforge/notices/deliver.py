"""Delivers one event to one target, within a fixed time. Undelivered says why not, and shows no address."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any
from urllib import request as web
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit

from runforge import __version__
from runforge.notices.targets import PROGRAM, WEB, Target

#: One delivery takes at most this long, whatever the other side does.
SECONDS = 15.0
_ANSWER_LIMIT = 1 << 16
_MOST_REDIRECTS = 3
_REPEATED = (307, 308)
#: Reads address, title and text from standard input, so that no list of processes shows them.
_APPRISE = (
    "import json, sys, apprise; given = json.load(sys.stdin); told = apprise.Apprise(); "
    "sys.exit(not (told.add(given['url']) and told.notify(title=given['title'], body=given['text'])))"
)


class Undelivered(Exception):
    """The target was not told, or has not said that it was."""


class _TooLong(BaseException):
    """The time is up. Nothing but this module catches it."""


def deliver(target: Target, event: dict[str, Any]) -> str:
    """Tell a target; return how it answered. Undelivered if it is not sure that it was told."""
    try:
        with _limited(SECONDS):
            if target.scheme in WEB:
                return _post(target.address, event)
            if target.scheme == PROGRAM:
                return _run_program(target.address.partition(":")[2], event)
            return _tell_apprise(target.address, event)
    except _TooLong:
        raise Undelivered(f"no answer within {SECONDS:.0f} seconds") from None


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise _TooLong in the block when the time is up; for the main thread."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# --- the web ---------------------------------------------------------------------------------------


class _SameHost(web.HTTPRedirectHandler):
    """Follows a redirect that repeats the post on the same host; the address may be a secret of that host."""

    http_error_308 = web.HTTPRedirectHandler.http_error_302  # Python 3.10 does not know it

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:  # noqa: ARG002
        """Return the repeated request, or raise Undelivered."""
        fp.close()
        there, here = urlsplit(newurl), urlsplit(req.full_url)
        if (there.scheme, there.netloc) != (here.scheme, here.netloc):
            raise Undelivered("it redirects to another address, which is not followed")
        if code not in _REPEATED:
            raise Undelivered(f"it answers {code} and redirects to a page; that is no address to post to")
        count = getattr(req, "hops", 0) + 1
        if count > _MOST_REDIRECTS:
            raise Undelivered("it redirects again and again")
        again = web.Request(newurl, data=req.data, headers=dict(req.headers), method="POST")  # noqa: S310
        again.hops = count  # type: ignore[attr-defined]
        return again


def _post(address: str, event: dict[str, Any]) -> str:
    try:
        url, headers = _without_password(address)
        headers |= {"Content-Type": "application/json", "User-Agent": f"runforge/{__version__}"}
        asked = web.Request(url, data=_encoded(event), headers=headers, method="POST")  # noqa: S310 - http(s)
        with web.build_opener(_SameHost).open(asked, timeout=SECONDS) as answer:
            answer.read(_ANSWER_LIMIT)
            return f"it answered {answer.status}"
    except HTTPError as error:
        error.close()
        raise Undelivered(f"it answered {error.code}") from None
    except URLError as error:
        reason = error.reason
        text = reason.strerror if isinstance(reason, OSError) else None
        raise Undelivered(f"it cannot be reached: {text or type(reason).__name__}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise Undelivered(f"it gave no answer that can be understood ({type(error).__name__})") from None


def _without_password(address: str) -> tuple[str, dict[str, str]]:
    """Return the address without `user:password@`, which becomes a header."""
    parts = urlsplit(address)
    user, mark, host = parts.netloc.rpartition("@")
    if not mark:
        return address, {}
    plain = base64.b64encode(unquote(user).encode()).decode("ascii")
    return urlunsplit(parts._replace(netloc=host)), {"Authorization": f"Basic {plain}"}


def _encoded(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode("ascii")


# --- programs --------------------------------------------------------------------------------------


def _run_program(line: str, event: dict[str, Any]) -> str:
    words = _words(line.strip())
    code = _run([*words], _encoded(event) + b"\n", {"RUNFORGE_EVENT": str(event["event"])})
    if code != 0:
        raise Undelivered(f"it ended with {_end(code)}")
    return "it ended with exit code 0"


def _words(line: str) -> list[str]:
    """Return the program and its arguments: the whole line if that is a file, else its words."""
    whole = os.path.expanduser(line)
    if os.path.isfile(whole):
        return [whole]
    try:
        words = shlex.split(line)
    except ValueError:
        words = []
    program = shutil.which(os.path.expanduser(words[0])) if words else None
    if program is None:
        raise Undelivered("there is no such program, or it may not be executed")
    return [program, *words[1:]]


def _end(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _run(words: Sequence[str], given: bytes, more: dict[str, str]) -> int:
    """Run a program in a session of its own and return its exit code; what it prints is not looked at.

    Whatever of it still runs at the end is killed.
    """
    try:
        child = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **more},
        )
    except OSError as error:
        raise Undelivered(f"it cannot be started: {error.strerror}") from None
    try:
        with contextlib.suppress(BrokenPipeError):  # it need not read all of it
            child.communicate(given)
        return child.wait()
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


# --- Apprise ---------------------------------------------------------------------------------------


def _tell_apprise(address: str, event: dict[str, Any]) -> str:
    title, text = str(event["title"]), str(event["text"])
    if find_spec("apprise") is not None:
        given = json.dumps({"url": address, "title": title, "text": text}).encode()
        code = _run([sys.executable, "-I", "-c", _APPRISE], given, {})
    else:
        program = shutil.which("apprise")
        if program is None:
            raise Undelivered("Apprise is not installed: `pip install 'runforge[notify]'`")
        code = _run_apprise(program, address, title, text)
    if code != 0:
        raise Undelivered(f"Apprise could not tell it ({_end(code)})")
    return "Apprise has told it"


def _run_apprise(program: str, address: str, title: str, text: str) -> int:
    """Run Apprise's program with the address in a file that only this user can read."""
    with tempfile.TemporaryDirectory(prefix="runforge-notice-") as folder:
        path = Path(folder) / "apprise.conf"
        path.touch(0o600)
        path.write_text(f"{address}\n", "utf-8")
        return _run([program, "-t", title, "-c", str(path)], text.encode(), {})
