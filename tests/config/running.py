"""Drive a real `manage.py run` from outside, as somebody at a terminal would."""

import http.client
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

from config.embedded import places

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = ("SLIPWAY_", "DJANGO_", "PG", "PYTEST_", "MAKE")


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return server.getsockname()[1]


@contextmanager
def folder(name: str = "var"):
    """A directory for one installation, which the servers' account may enter when root runs the tests."""
    above = Path(tempfile.mkdtemp(prefix="slipway-run-"))
    above.chmod(0o711)
    try:
        yield above / name
    finally:
        places.of(above / name).tidy()
        shutil.rmtree(above, ignore_errors=True)


class Run:
    """One `manage.py run` on a port of its own."""

    def __init__(self, var: Path, port: int | None = None, **environment: str):
        self.var, self.port = var, port or free_port()
        clean = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        wanted = {"SLIPWAY_VAR_DIR": str(var), "PORT": str(self.port), "SLIPWAY_DEMONSTRATION": "false"}
        wanted["MAKELEVEL"] = "1"  # it ends with its parent, as below make: no test run leaves one behind
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "run"],
            cwd=ROOT,
            env=clean | wanted | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
        )

    def wait_until_it_serves(self) -> "Run":
        return self.wait_until_it_says("Slipway runs at")

    def wait_until_it_says(self, words: str, patience_s: float = 240) -> "Run":  # a first start loads the demonstration
        until = time.monotonic() + patience_s
        said = ""
        while words not in said:
            assert time.monotonic() < until, said
            waiting, _, _ = select.select([self.process.stdout], [], [], 1)
            if waiting:
                line = self.process.stdout.readline().decode()
                assert line, f"it ended before it said {words!r}:\n{said}"
                said += line
        return self

    def get(self, path: str) -> tuple[int, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def pid_of(self, name: str) -> int:
        note = json.loads((self.var / "run" / "children").read_text())
        return next((pid for called, pid, *_ in note if called == name), 0)

    def child(self, name: str) -> psutil.Process:
        return psutil.Process(self.pid_of(name))

    def end(self, number: int = signal.SIGTERM, patience_s: float = 30) -> tuple[int, str]:
        """Send a signal and wait: exit status and what was said since."""
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=patience_s)
        return self.process.returncode, said.decode()

    def finish(self, patience_s: float = 30) -> tuple[int, str]:
        """Wait for a run that ends by itself: exit status and all that it said."""
        said, _ = self.process.communicate(timeout=patience_s)
        return self.process.returncode, said.decode()

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.end()
