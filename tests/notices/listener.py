"""A real HTTP server on this machine that keeps what was posted, and answers as a test wants."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Listener:
    """What was heard, and how to answer: a code, with more headers, or `hang`, `rubbish`."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self.heard: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.code = 200
        self.headers: dict[str, str] = {}
        self.manner = "answer"
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def events(self) -> list[str]:
        return [body["event"] for _, _, body in self.heard]


@contextlib.contextmanager
def listening() -> Iterator[Listener]:
    """Yield a server that runs in a thread."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            told.heard.append((self.path, dict(self.headers), json.loads(self.rfile.read(length))))
            if told.manner == "hang":
                told.over.wait(30)
            elif told.manner == "drip":
                with contextlib.suppress(OSError):
                    while not told.over.wait(0.05):
                        self.wfile.write(b"H")
            elif told.manner == "rubbish":
                self.wfile.write(b"\x00\xff nothing that HTTP knows\r\n" * 100)
            else:
                self.send_response(told.code)
                for name, value in told.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"ok" * 200_000)

        def do_GET(self) -> None:
            told.heard.append((self.path, dict(self.headers), {"event": "GET"}))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            with contextlib.suppress(OSError):
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Listener(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield told
    finally:
        told.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
