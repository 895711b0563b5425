"""What a run under supervise.py leaves in its folder, and whether its processes are still there."""

import json
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path

import psutil

from deployments.drivers import supervise
from deployments.drivers.joblog import after
from deployments.drivers.protocol import Call

CLOCK_SLACK_S = 2
TAIL_BYTES = 64_000


def read_json(path: Path) -> dict | None:
    """The content, or None when the file is not there. All of these files appear whole."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None


def read_log(path: Path, offset: int, *, to_the_end: bool) -> tuple[str, int]:
    """The text after `offset` bytes and the offset behind it.

    A character whose last bytes are still missing waits for the next look, unless this is the last. Bytes that are
    no UTF-8, and NUL, which the database cannot hold, become U+FFFD.
    """
    try:
        with path.open("rb") as log:
            log.seek(offset)
            data = log.read()
    except FileNotFoundError:
        return "", offset
    return after(data, offset, to_the_end=to_the_end)


def is_alive(process: dict) -> bool:
    """Whether the process that was noted down is the one that has its number now, and has not ended."""
    try:
        found = psutil.Process(process["pid"])
        if "ticks" in process:
            now = supervise.identity(process["pid"])
            same = (now.get("ticks"), now.get("boot")) == (process["ticks"], process["boot"])
        else:  # noted down where there is no /proc
            same = abs(found.create_time() - process["created_at"]) < CLOCK_SLACK_S
        return same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def key_of(folder: Path) -> str:
    """The key of the call that a folder belongs to; nothing when it does not say."""
    call = read_json(folder / "call.json")
    return str(call.get("key", "")) if call else ""


def is_going_on(folder: Path) -> bool:
    """Whether a run may have a process still: one that is alive here, or one of another machine that has not told its end."""
    owner, program = read_json(folder / "supervisor.json"), read_json(folder / "program.json")
    if owner and owner["host"] != socket.gethostname():
        return not (folder / "exit.json").exists()
    return any(process is not None and is_alive(process) for process in (owner, program))


def stop_orphan(folder: Path) -> None:
    """End a program that has lost its supervisor, if it is still there."""
    program = read_json(folder / "program.json")
    if program and is_alive(program):
        with suppress(ProcessLookupError):
            os.killpg(program["pid"], signal.SIGTERM)


def describe(ending: dict, call: Call) -> str:
    """How a run ended, in a sentence."""
    if ending["error"]:
        return ending["error"]
    if ending["cancelled"]:
        return "Cancelled."
    if ending["timed_out"]:
        return f"Stopped: it ran longer than its time limit of {call.timeout_s:g} s."
    if ending["signal"]:
        return f"Ended by signal {ending['signal']}."
    return f"Exit status {ending['exit_code']}."


def last_line(path: Path) -> str:
    with suppress(OSError):
        lines = path.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "no reason given"
    return "no reason given"


def tail(path: Path) -> str:
    """The end of a log, nothing when there is none."""
    if not path.exists():
        return ""
    return read_log(path, max(0, path.stat().st_size - TAIL_BYTES), to_the_end=True)[0]
