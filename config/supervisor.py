"""Keep programs running until a signal or the end of a server asks to stop, and leave nobody behind."""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.embedded import children
from config.embedded.places import Places

SHORTEST_WAIT_S, LONGEST_WAIT_S = 1, 30
CALM_S = 60  # whoever ran this long and ends has not just failed to start
LOOK_EVERY_S = 0.25


class Stopped(BaseException):
    """A signal asked to stop. What was asked for is no fault, and nobody may catch it as one."""


class StaysSilent(RuntimeError):
    """A program did not answer, or ended before it did; the message holds the last lines of its log."""


class ServerEnded(RuntimeError):
    """A server that everything stands on has gone. Better to end, and be started again whole, than to limp."""


class Signals:
    """Turns SIGINT, SIGTERM and SIGHUP into `Stopped`, raised wherever the main thread is, so that a start can be cut
    short too. Between `hold()` and its end they wait; once told, further ones are ignored and the stop runs to its end."""

    def __init__(self):
        self.holding = False
        self.told = False

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._tell)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            signal.signal(signal.SIGHUP, self._tell)

    @contextmanager
    def hold(self) -> Iterator[None]:
        self.holding = True
        yield
        self.holding = False
        if self.told:
            raise Stopped

    def _tell(self, number, frame) -> None:
        first, self.told = not self.told, True
        if first and not self.holding:
            raise Stopped


@dataclass
class Program:
    """Something to keep running. `wait_s` grows while it keeps failing."""

    name: str
    argv: Sequence[str]
    child: children.Child | None = None
    started_at: float = 0
    due_at: float = 0
    wait_s: float = SHORTEST_WAIT_S


class Supervisor:
    """Servers are watched, programs are watched and started again. `say` takes one line for the person watching."""

    def __init__(self, places: Places, signals: Signals, say: Callable[[str], None], cwd: Path):
        self.places, self.signals, self.say, self.cwd = places, signals, say, cwd
        self.servers: list[children.Child] = []
        self.programs: list[Program] = []

    def take(self, servers: list[children.Child]) -> None:
        self.servers = servers
        self._write_down()

    def start(self, name: str, argv: Sequence[str]) -> Program:
        program = Program(name, argv)
        self.programs.append(program)
        self._spawn(program)
        return program

    def wait_until(self, answers: Callable[[], bool], program: Program, *, patience_s: float) -> None:
        """Wait until `answers()`. Raises StaysSilent if the program ends before, or takes longer."""
        until = time.monotonic() + patience_s
        while not answers():
            self._require_servers()
            if not program.child.alive or time.monotonic() > until:
                what = "stays silent" if program.child.alive else f"ended with {program.child.exit_text}"
                raise StaysSilent(f"{program.name} {what} ({program.child.log}):\n{program.child.last_lines()}")
            time.sleep(0.05)

    def watch(self) -> None:
        """Returns never; raises Stopped or ServerEnded."""
        while True:
            self._require_servers()
            for program in self.programs:
                self._look_after(program)
            time.sleep(LOOK_EVERY_S)

    def stop(self, before_the_servers: Callable[[], None] = lambda: None) -> None:
        """Stop the programs together, then call `before_the_servers`, then stop these."""
        children.stop([program.child for program in self.programs if program.child])
        before_the_servers()
        children.stop(self.servers)
        (self.places.run / "children").unlink(missing_ok=True)

    def _look_after(self, program: Program) -> None:
        if program.child.alive:
            return
        now = time.monotonic()
        if not program.due_at:
            children.end_group(program.child)
            if now - program.started_at > CALM_S:
                program.wait_s = SHORTEST_WAIT_S
            program.due_at = now + program.wait_s
            self.say(
                f"{program.name} ended with {program.child.exit_text}; it starts again in {program.wait_s} s. "
                f"See {program.child.log}"
            )
            program.wait_s = min(program.wait_s * 2, LONGEST_WAIT_S)
        elif now >= program.due_at:
            self._spawn(program)

    def _spawn(self, program: Program) -> None:
        with self.signals.hold():  # between its birth and our note of it a signal would orphan it
            program.child = children.spawn(
                program.name, program.argv, log=self.places.log / f"{program.name}.log", cwd=self.cwd
            )
            program.started_at, program.due_at = time.monotonic(), 0
            self._write_down()

    def _require_servers(self) -> None:
        for server in self.servers:
            if not server.alive:
                raise ServerEnded(f"{server.name} ended with {server.exit_text}:\n{server.last_lines()}")

    def _write_down(self) -> None:
        started = [program.child for program in self.programs if program.child]
        children.write_down(self.places.run / "children", [*self.servers, *started])


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]
