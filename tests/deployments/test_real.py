"""The engine on real parts: programs, processes that die, threads that race."""

import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import connection

from core.blockers import Refused
from core.events import verify
from core.models import Event
from deployments import due
from deployments.actions import deployment as doors
from deployments.actions import run as run_doors
from deployments.drivers import Progress
from deployments.models import Deployment, LogLine, Run
from deployments.tasks import tick
from tests.deployments.conftest import TASKS, fresh, runs_of, turn
from tests.deployments.counterpart import Counterpart
from tests.factories import deployments as shipping
from tests.factories import releases

pytestmark = pytest.mark.django_db(transaction=True)

PROGRAM = """\
import sys, time
with open(sys.argv[1], "a") as marks:
    marks.write(sys.argv[2] + "\\n")
print("[ 50%] shipping", sys.argv[2], flush=True)
time.sleep(float(sys.argv[3]))
print("[100%] shipped", flush=True)
"""


@pytest.fixture
def program(tmp_path, settings):
    """A program that leaves one mark each time it is executed; a function that reads the marks."""
    path = tmp_path / "ship.py"
    path.write_text(PROGRAM)
    settings.HOOK_PROGRAMS = [str(path)]
    settings.VAR_DIR = tmp_path
    return path


def marks(program) -> list[str]:
    file = program.with_name("marks")
    return file.read_text().split() if file.exists() else []


def commanded(place, program, seconds: float = 0) -> None:
    arguments = [str(program.with_name("marks")), "{version}", str(seconds)]
    place.staging.hooks.update(driver="command", config={"program": str(program), "arguments": arguments})


def until_ended(deployment: Deployment, seconds: float = 20) -> Deployment:
    ends = time.monotonic() + seconds
    while not fresh(deployment).has_ended and time.monotonic() < ends:
        for task, pk in due.everything():
            TASKS[task](pk)
        time.sleep(0.1)
    return fresh(deployment)


def test_a_real_program_is_executed_once_and_its_output_becomes_the_log(place, program):
    commanded(place, program, 0.2)

    deployment = until_ended(place.into_staging())

    assert deployment.state == "succeeded"
    assert marks(program) == [place.release.candidate.version]
    assert [line.text for line in LogLine.objects.all()] == [
        f"[ 50%] shipping {place.release.candidate.version}",
        "[100%] shipped",
    ]
    assert list(verify()) == []


def test_a_real_program_is_stopped_when_the_deployment_is_aborted(place, program):
    commanded(place, program, 60)
    deployment = place.into_staging()
    ends = time.monotonic() + 10
    while not LogLine.objects.exists() and time.monotonic() < ends:
        turn(1)
        time.sleep(0.1)

    doors.abort(deployment.pk, actor=place.deployer, reason="Wrong afternoon.")
    ends = time.monotonic() + 15
    while Run.objects.stopping().exists() and time.monotonic() < ends:
        turn(1)
        time.sleep(0.1)

    assert runs_of(deployment) == [("1-1", "cancelled")]
    assert not Run.objects.stopping().exists()
    assert Run.objects.get().detail == "Cancelled."


CLAIM_AND_CALL = """\
import django; django.setup()
import sys, time
from deployments.actions import run as doors

def hang(run, outcome):
    print("called", flush=True)
    time.sleep(60)

doors._settle_started = hang
doors.start_run(int(sys.argv[1]))
"""


def test_a_worker_killed_between_the_call_and_its_settling_starts_nothing_twice(place, program, server_environment):
    commanded(place, program, 0.2)
    deployment = place.into_staging()
    run = Run.objects.get()
    environment = server_environment | {
        "SLIPWAY_HOOK_PROGRAMS": str(program),
        "PYTHONPATH": str(settings.BASE_DIR),
        "RUNS": str(settings.VAR_DIR),
    }
    script = CLAIM_AND_CALL.replace(
        "import sys, time",
        "import os, sys, time\nfrom django.conf import settings\nsettings.VAR_DIR = os.environ['RUNS']",
    ).replace("from deployments", f"settings.HOOK_PROGRAMS = [{str(program)!r}]\nfrom deployments", 1)
    worker = subprocess.Popen(
        [sys.executable, "-c", script, str(run.pk)], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert worker.stdout.readline().strip() == "called"
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
    assert fresh(run).state == "claimed"
    assert run_doors.start_run(run.pk) is False  # its claim stands

    Run.objects.filter(pk=run.pk).update(due_at=run.deployment.created_at)  # until it lapses
    ended = until_ended(deployment)

    assert ended.state == "succeeded"
    assert marks(program) == [place.release.candidate.version]
    assert Event.objects.filter(name="run.started").count() == 1


def test_of_two_simultaneous_starts_into_one_environment_one_starts_and_the_other_is_told_by_whom(place, tool):
    tool.answers["ship"] = Progress("running")
    other = releases.release(place.product, state="testing", version="4.9.0")
    planned = [shipping.deployment(release, place.staging) for release in (place.release, other)]
    at_once = threading.Barrier(2)

    def start(row):
        at_once.wait(5)
        try:
            return doors.start_deployment(row.pk, actor=place.deployer).pk
        except Refused as refusal:
            return [b.code for b in refusal.blockers]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(start, planned))

    assert sorted(map(str, results)) == sorted([str(Deployment.objects.live().get().pk), "['environment-taken']"])
    assert Event.objects.filter(name="deployment.started").count() == 1
    assert Run.objects.count() == 1


def test_callback_and_poll_race_and_the_run_ends_once(place, tool):
    tool.answers["ship"] = Progress("running")
    deployment = place.into_staging()
    for task, pk in due.everything():
        TASKS[task](pk)
    run = Run.objects.get()
    tool.answers["ship"] = Progress("succeeded", "polled\n")
    at_once = threading.Barrier(6)

    def report(number):
        at_once.wait(5)
        try:
            if number % 2:
                run_doors.poll_run(run.pk)
            else:
                run_doors.receive_callback(run.token, {"signed": "yes", "webhook-id": str(number)}, b"succeeded")
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(report, range(6)))

    assert fresh(run).state == "succeeded"
    assert Event.objects.filter(name="run.ended").count() == 1
    assert LogLine.objects.count() <= 1
    turn()
    assert fresh(deployment).state == "succeeded"
    assert Event.objects.filter(name="deployment.succeeded").count() == 1


def test_ten_workers_at_one_due_row_call_the_tool_once(place, tool):
    place.into_staging()
    run = Run.objects.get()

    def work(_):
        try:
            return run_doors.start_run(run.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as threads:
        assert sorted(threads.map(work, range(10))) == [False] * 9 + [True]
    assert len(tool.started) == 1


def test_the_service_must_say_the_version_that_was_deployed(place, tool):
    version = place.release.candidate.version
    with Counterpart() as service:
        place.staging.url = service.url
        place.staging.save()
        type(place.staging.verification).objects.update(steady_s=0, timeout_s=60)
        service.answers = {"/health": (200, b"ok"), "/version": (200, {"version": "4.7.0"})}
        deployment = place.into_staging()
        turn(8)
        assert fresh(deployment).state == "verifying"
        assert deployment.samples.last().detail == f"Version 4.7.0 answers, expected {version}."

        service.answers["/version"] = (200, {"version": version})
        turn(8)

    assert fresh(deployment).state == "succeeded"


def test_a_real_worker_carries_a_deployment_to_its_end(place, program, worker):
    """Beat is played by this test: it ticks each second; all else is the worker's."""
    place.staging.hooks.update(driver="http", config={"url": "http://127.0.0.1:9/"})
    deployment = place.into_staging()
    Run.objects.update(deadline_at=deployment.created_at)

    ends = time.monotonic() + 20
    while not fresh(deployment).has_ended and time.monotonic() < ends:
        tick()
        time.sleep(0.5)

    assert fresh(deployment).state == "failed"
    assert "could not be reached" in fresh(deployment).detail
