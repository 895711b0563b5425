"""Runs one program to its end, whatever becomes of the worker that asked for it.

Started by path (`python -I supervise.py DIR`), so that it imports nothing of Slipway and starts quickly. DIR is the
folder of one run:

    call.json        what to run: argv, timeout_s, grace_s, log_max_bytes; written before this process is started
    supervisor.json  who runs it: its identity and the host. Appears atomically and only once: it is the claim of the run.
                     A folder without it has provably never started its program
    program.json     the identity of the program
    output.log       stdout and stderr of the program together, bounded
    cancel           somebody asks to stop
    exit.json        how it ended: status, exit_code, signal, timed_out, cancelled, error, started_at, ended_at

The process that is started forks: the parent leaves with 0 (this run is now supervised), 3 (it was supervised
before) or 4 (trouble, nothing claimed); the child leads a session of its own and has no parent that could take it along.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

CLAIMED, TAKEN, TROUBLE = 0, 3, 4
TICK_S = 0.2
DRAIN_S = 1.0


def identity(pid: int) -> dict:
    """What tells a process from a later one with the same number, whatever is done to the clock.

    On Linux its start in clock ticks since the boot (field 22 of /proc/PID/stat, proc(5)) and the boot's id; elsewhere its
    time of creation. Raises psutil.NoSuchProcess.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return {"pid": pid, "ticks": int(fields[19]), "boot": boot}  # the first field after the name is number 3
    except (OSError, IndexError):
        return {"pid": pid, "created_at": psutil.Process(pid).create_time()}


def write_draft(path: Path, text: str) -> str:
    """A complete file beside `path` under a name of its own, on the disk and ready to take its place."""
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft


def write_text(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace `path` at once; a reader sees the old or the new content, never a part."""
    draft = write_draft(path, text)
    os.chmod(draft, mode)
    os.replace(draft, path)


def write_json(path: Path, content: dict) -> None:
    """The same for JSON."""
    write_text(path, json.dumps(content))


def write_json_once(path: Path, content: dict) -> bool:
    """Create `path` with its whole content, or leave the one that is there; whether it was created."""
    draft = write_draft(path, json.dumps(content))
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(draft)
    return True


def main(folder: Path) -> int:
    """Claim the run and leave the rest to a detached child. Returns CLAIMED, TAKEN or TROUBLE."""
    read_end, write_end = os.pipe()
    if os.fork():
        os.close(write_end)
        answer = os.read(read_end, 1)
        return answer[0] if answer else TROUBLE
    os.close(read_end)
    os.setsid()
    me = identity(os.getpid()) | {"host": socket.gethostname()}
    won = write_json_once(folder / "supervisor.json", me)
    os.write(write_end, bytes([CLAIMED if won else TAKEN]))
    os.close(write_end)
    if won:
        Run(folder).follow()
    return CLAIMED


class Run:
    """The program of one folder, from its start to exit.json."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.call = json.loads((folder / "call.json").read_text("utf-8"))
        self.room_left = self.call["log_max_bytes"]
        self.cut = self.stopping = self.timed_out = self.cancelled = False
        self.kill_at = None
        self.family: set[psutil.Process] = set()
        self.started_at = time.time()
        signal.signal(signal.SIGTERM, self.on_sigterm)

    def on_sigterm(self, *_):
        self.cancelled = True

    def follow(self) -> None:
        self.deadline = time.monotonic() + self.call["timeout_s"]
        if (self.folder / "cancel").exists():
            self.cancelled = True
            self.write_exit(error="Cancelled before it started.")
            return
        try:
            self.program = self.launch()
        except (OSError, ValueError) as error:
            self.write_exit(error=f"{self.call['argv'][0]} could not be started: {error}")
            return
        with (self.folder / "output.log").open("ab", buffering=0) as self.log:
            while not self.has_ended():
                self.read(TICK_S)
                self.watch_the_clock()
            self.drain()
        if self.stopping:
            self.send(signal.SIGKILL)  # what is left of it
        self.program.wait()
        self.write_exit()

    def launch(self) -> subprocess.Popen:
        workplace = self.folder / "work"
        workplace.mkdir(exist_ok=True)
        program = subprocess.Popen(  # noqa: S603 - argv was allow-listed by the driver; no shell
            self.call["argv"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=workplace,
            start_new_session=True,
        )
        os.set_blocking(program.stdout.fileno(), False)
        with suppress(psutil.Error):
            write_json(self.folder / "program.json", identity(program.pid))
        return program

    def has_ended(self) -> bool:
        """Whether the program has ended; it is not waited for yet, so that its process group stays ours to signal."""
        return os.waitid(os.P_PID, self.program.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def read(self, wait_s: float) -> bool:
        """Move what the program says into the log; False when nothing came within `wait_s` or all has been said."""
        source = self.program.stdout.fileno()
        ready, _, _ = select.select([source], [], [], wait_s)
        if not ready:
            return False
        chunk = os.read(source, 65536)
        if not chunk:
            time.sleep(wait_s / 4)  # it closed its output and goes on
            return False
        self.keep(chunk)
        return True

    def keep(self, chunk: bytes) -> None:
        self.log.write(chunk[: self.room_left])
        if len(chunk) > self.room_left and not self.cut:
            self.cut = True
            self.log.write(f"\n[output cut here: more than {self.call['log_max_bytes']} bytes]\n".encode())
        self.room_left = max(0, self.room_left - len(chunk))

    def drain(self) -> None:
        """Take what is left in the pipe; a daemon that the program left behind may keep it open for ever."""
        end = time.monotonic() + DRAIN_S
        while time.monotonic() < end and self.read(0):
            pass

    def watch_the_clock(self) -> None:
        now = time.monotonic()
        if not self.stopping:
            self.cancelled = self.cancelled or (self.folder / "cancel").exists()
            self.timed_out = not self.cancelled and now >= self.deadline
            if self.cancelled or self.timed_out:
                self.stopping = True
                self.kill_at = now + self.call["grace_s"]
                self.send(signal.SIGTERM)
        elif now >= self.kill_at:
            self.send(signal.SIGKILL)

    def send(self, number: int) -> None:
        """Signal the program and its group; its pid is ours until it has been waited for.

        SIGKILL meets also what it started in sessions of their own, as Ansible starts tasks, and what of them was left behind.
        """
        with suppress(psutil.Error):
            self.family |= set(psutil.Process(self.program.pid).children(recursive=True))
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.program.pid, number)
        for process in self.family if number == signal.SIGKILL else ():
            with suppress(psutil.Error):  # psutil leaves alone whoever has the number of one that is gone
                process.kill()

    def write_exit(self, error: str = "") -> None:
        code = None if error else self.program.returncode
        succeeded = code == 0 and not self.stopping
        write_json(
            self.folder / "exit.json",
            {
                "status": "succeeded" if succeeded else "failed",
                "exit_code": code if code is not None and code >= 0 else None,
                "signal": -code if code is not None and code < 0 else None,
                "timed_out": self.timed_out,
                "cancelled": self.cancelled and (self.stopping or bool(error)),
                "error": error,
                "started_at": self.started_at,
                "ended_at": time.time(),
            },
        )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
