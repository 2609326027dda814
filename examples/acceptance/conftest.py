"""What tasks and tests of this project share: pytest fixtures, as ever."""

from __future__ import annotations

import subprocess
import sys
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

OUT = Path(__file__).parent / "out"


class RegistryHandler(BaseHTTPRequestHandler):
    """``PUT /name`` keeps a file, ``GET /name`` gives it back. Files lie on disk, for all registries."""

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_bytes(content)
        self.answer(201, b"")

    def do_GET(self) -> None:
        if self.file.is_file():
            self.answer(200, self.file.read_bytes())
        else:
            self.answer(404, b"")

    @property
    def file(self) -> Path:
        return OUT / "registry" / Path(self.path).name

    def answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Stay silent."""


class Registry:
    """A package registry that runs."""

    def __init__(self, port: int) -> None:
        self.address = f"127.0.0.1:{port}"

    def task_environment(self) -> dict[str, str]:
        """Tell tasks where it is: a fixture's value with this method adds to their environment."""
        return {"REGISTRY": self.address}

    def get(self, name: str) -> bytes:
        """Fetch a file for a test."""
        return fetch(self.address, f"/{name}")


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    """A real HTTP server on a free port: one for the session, with ``-n`` one for each worker."""
    with ThreadingHTTPServer(("127.0.0.1", 0), RegistryHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Registry(server.server_port)
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def release() -> dict[str, str]:
    """What is released; a mapping of strings adds to the environment of tasks as it is."""
    return {"RELEASE": "1.4.2"}


@pytest.fixture
def guestbook() -> Iterator[str]:
    """The application as it was deployed, started for one test; gives its address."""
    command = [sys.executable, OUT / "deployed" / "guestbook.pyz"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def fetch(address: str, path: str, body: bytes | None = None) -> bytes:
    """Send a request, and give what comes back."""
    connection = HTTPConnection(address, timeout=30)
    try:
        connection.request("GET" if body is None else "POST", path, body)
        response = connection.getresponse()
        assert response.status == 200, response.status
        return response.read()
    finally:
        connection.close()
