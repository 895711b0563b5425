"""Child processes that end with their parent, however it ends."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from config.embedded.accounts import Account, leave_to_the_owner_above

PR_SET_PDEATHSIG = 1
LARGEST_LOG_BYTES = 5_000_000
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass
class Child:
    """A running program. `signals` are sent one after the other until it is gone, each with its patience in seconds."""

    name: str
    process: subprocess.Popen
    log: Path
    signals: Sequence[tuple[signal.Signals, float]]

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def exit_text(self) -> str:
        code = self.process.poll()
        return f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"

    def last_lines(self, count: int = 15) -> str:
        with open(self.log, "rb") as file:
            file.seek(max(0, self.log.stat().st_size - 8_000))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])


POLITE = ((signal.SIGTERM, 8), (signal.SIGQUIT, 3))


def spawn(
    name: str,
    argv: Sequence[str],
    *,
    log: Path,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    signals: Sequence[tuple[signal.Signals, float]] = POLITE,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> Child:
    """Start a program in a session of its own, so that Ctrl-C reaches only us, with its output appended to `log`.

    Call it from the main thread: Linux sends `death_signal` when the thread that spawned ends.
    """
    _keep_short(log)
    with open(log, "ab") as output:
        leave_to_the_owner_above(log)
        process = subprocess.Popen(  # noqa: S603
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with(os.getpid(), death_signal),  # runs after the change of user, which would clear it
            env=env,
            cwd=cwd,
            **(account.as_popen() if account else {}),
        )
    return Child(name, process, log, signals)


def end_with_parent(death_signal: signal.Signals = signal.SIGTERM) -> None:
    """Ask the kernel for `death_signal` when the process above this one ends. Does nothing outside Linux."""
    if LIBC:
        LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal))


def stop(children: Iterable[Child]) -> None:
    """Stop these at the same time and wait until all are gone; whoever outlives its signals is killed with its group."""
    waiting = [child for child in children if child.alive]
    plans = {child.pid: list(child.signals) for child in waiting}
    deadlines = dict.fromkeys(plans, 0.0)
    while waiting:
        for child in waiting:
            if time.monotonic() >= deadlines[child.pid]:
                deadlines[child.pid] = time.monotonic() + _next_signal(child.pid, plans[child.pid])
        time.sleep(0.05)
        waiting = [child for child in waiting if child.alive]


def end_group(child: Child) -> None:
    """Kill what a program that died by itself has left of its own children: they would keep its port or its work."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


@contextmanager
def stopped_on_failure(child: Child) -> Iterator[None]:
    try:
        yield
    except BaseException:  # a signal that cuts the start short among them
        stop([child])
        raise


def _next_signal(pid: int, plan: list[tuple[signal.Signals, float]]) -> float:
    try:
        if not plan:
            os.killpg(pid, signal.SIGKILL)
            return 5
        chosen, patience_s = plan.pop(0)
        os.kill(pid, chosen)
        return patience_s
    except ProcessLookupError:
        return 5


def write_down(path: Path, children: Iterable[Child]) -> None:
    """Leave a note of who runs, for a start after a kill -9."""
    note = []
    for child in children:
        try:
            note.append([child.name, child.pid, psutil.Process(child.pid).create_time(), int(child.signals[0][0])])
        except psutil.NoSuchProcess:
            continue
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(note))
    draft.replace(path)


def end_leftovers(path: Path, *, patience_s: float = 15) -> list[str]:
    """End what a killed run left behind and give the names. The kernel has told them already; this waits, and insists."""
    left = list(_leftovers(path))
    for _, process, number in left:
        process.send_signal(number)
    _, stubborn = psutil.wait_procs([process for _, process, _ in left], timeout=patience_s)
    for process in stubborn:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    psutil.wait_procs(stubborn, timeout=5)
    path.unlink(missing_ok=True)
    return [name for name, _, _ in left]


def _leftovers(path: Path) -> Iterable[tuple[str, psutil.Process, int]]:
    try:
        note = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return
    for name, pid, created, number in note:
        try:
            process = psutil.Process(pid)
            if process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE:
                yield name, process, number
        except psutil.NoSuchProcess:
            continue


def _die_with(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    def in_the_child() -> None:
        end_with_parent(death_signal)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)

    return in_the_child


def _keep_short(log: Path) -> None:
    if log.exists() and log.stat().st_size > LARGEST_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
