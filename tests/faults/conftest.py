"""The fault matrix: faults at points of a deployment's way, for every kind of driver; what came of each is printed at the end."""

import multiprocessing
import os
import signal
from collections.abc import Iterator

import pytest
from django.db import connections

from deployments.actions import run as run_doors
from deployments.actions import steps, verification
from tests.faults import world
from tests.faults.world import Case
from tests.journeys.conftest import processes  # noqa: F401

OUTCOMES: dict[tuple[str, str], str] = {}


def pytest_terminal_summary(terminalreporter):
    if not OUTCOMES:
        return
    points = list(dict.fromkeys(point for point, _ in OUTCOMES))
    drivers = sorted({driver for _, driver in OUTCOMES})
    width = max(map(len, points)) + 1
    terminalreporter.section("faults: what came of each deployment")
    terminalreporter.write_line(" " * width + " ".join(f"{driver:<15}" for driver in drivers))
    for point in points:
        told = (OUTCOMES.get((point, driver), "-") for driver in drivers)
        terminalreporter.write_line(f"{point:<{width}}" + " ".join(f"{word:<15}" for word in told))
    terminalreporter.write_line(
        "done: succeeded, each key started at most once. asked: the same, after a person was asked and tried the step again. "
        "stopped: aborted, and its environment was not free before its tool had ended."
    )


@pytest.fixture
def outcome():
    """Note what came of a case at a point: (point, case)."""

    def note(point: str, case: Case, word: str = "") -> None:
        OUTCOMES[point, case.driver] = word or ("asked" if case.asked else "done")

    return note


@pytest.fixture
def impatient(monkeypatch, settings) -> None:
    """An engine turned by hand: a claim lapses in a second, a tool is asked again at once."""
    settings.HOOK_LEASE_S = 1
    monkeypatch.setattr(run_doors, "POLL_S", 0)
    monkeypatch.setattr(run_doors, "TRY_AGAIN_S", 0)
    monkeypatch.setattr(run_doors, "POLL_LEASE_S", 1)
    for module in (steps, run_doors):
        monkeypatch.setattr(module, "ring_after_commit", lambda *_: None)
    monkeypatch.setattr(verification, "LEASE_S", 1)


@pytest.fixture
def cases(transactional_db, impatient, tmp_path) -> Iterator[dict[str, Case]]:
    with world.cases(tmp_path) as found:
        yield found


@pytest.fixture(scope="session")
def fork_server():
    """Processes that have Slipway loaded already. Made once, on the database of the tests."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.tripwire"])
    return context


@pytest.fixture
def die_at(fork_server, server_environment, monkeypatch):
    """A function (point, task, arguments, settings): the task is begun by a process that is killed with -9 at the point."""
    for name, value in server_environment.items():
        monkeypatch.setenv(name, value)

    def die(point: str, task: str, arguments: tuple, settings: dict) -> None:
        from tests.faults import tripwire

        connections.close_all()
        process = fork_server.Process(target=tripwire.do, args=(point, task, arguments, settings))
        process.start()
        process.join(30)
        assert process.exitcode == -signal.SIGKILL, f"{point}: the process ended with {process.exitcode}"

    return die


assert os.name == "posix", "the tripwire needs fork and SIGKILL"
