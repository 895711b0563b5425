"""Whole processes die while the tools of every kind of driver are at work: worker, beat, broker, database."""

import os
from collections.abc import Callable

import pytest
from django.conf import settings as django_settings
from django.db import connections

from config.embedded import children, places, postgres, programs
from tests.conftest import FAST
from tests.faults import world
from tests.faults.world import Case
from tests.journeys.conftest import Slipway
from tests.journeys.test_faults import broker  # noqa: F401

pytestmark = pytest.mark.journey


@pytest.fixture
def cases(transactional_db, tmp_path):
    with world.cases(tmp_path) as found:
        yield found


@pytest.fixture
def slipway(cases, server_environment):
    """Worker and beat that know the programs of the counterparts."""
    named = [case.rig.settings for case in cases.values()]
    environment = server_environment | {
        "FAULTS_PROGRAMS": os.pathsep.join(program for one in named for program in one.get("HOOK_PROGRAMS", [])),
    }
    found = Slipway(environment, settings="tests.faults.settings")
    found.start()
    yield found
    found.stop()


def restart_the_database(started: list[children.Child]) -> None:
    """Stop PostgreSQL, which ends every connection, and start it again on the same data."""
    place = places.of(django_settings.TEST_HOME)
    old = next(child for child in started if child.name == "postgres")
    children.stop([old])
    started.remove(old)
    started.append(postgres.start(place, programs.find(place.account), FAST))


def until_all_run(slipway: Slipway, cases: dict[str, Case]) -> None:
    wait_for(slipway, cases, lambda case: case.run.state == "running")


def wait_for(slipway: Slipway, cases: dict[str, Case], true: Callable[[Case], bool]) -> None:
    """Wait until it is true of every case; the stories of those of which it is not are told otherwise."""
    try:
        slipway.until(lambda: all(map(true, cases.values())), patience_s=60)
    except pytest.fail.Exception as failure:
        stories = "\n".join(f"{driver}: {case.story()}" for driver, case in cases.items() if not true(case))
        pytest.fail(f"{stories}\n{failure.msg}", pytrace=False)


def until_all_ended(slipway: Slipway, cases: dict[str, Case], point: str, outcome) -> None:
    def over(case: Case) -> bool:
        case.let_end()
        return case.is_settled()

    wait_for(slipway, cases, over)
    for case in cases.values():
        case.check()
        assert not case.asked
        outcome(point, case)


def test_a_worker_killed_while_the_tools_run_is_followed_by_one_that_finds_them_again(slipway, cases, outcome):
    until_all_run(slipway, cases)
    slipway.kill_worker()
    for case in cases.values():
        case.let_end()
        case.let_the_claim_lapse()  # the one that the worker took with it
    slipway.start()
    until_all_ended(slipway, cases, "worker killed -9 while tools run", outcome)


def test_a_beat_that_is_killed_is_followed_by_one_that_looks_at_what_is_due(slipway, cases, outcome):
    until_all_run(slipway, cases)
    slipway.kill_beat()
    for case in cases.values():
        case.let_end()
    slipway.start()
    until_all_ended(slipway, cases, "beat killed while tools run", outcome)


def test_a_broker_that_is_down_and_comes_back_empty_loses_nothing(slipway, cases, broker, outcome):  # noqa: F811
    until_all_run(slipway, cases)
    broker.kill()
    for case in cases.values():
        case.let_end()
    assert all(case.run.state == "running" for case in cases.values())
    broker.start_empty()
    until_all_ended(slipway, cases, "broker down, then back and empty", outcome)


def test_a_database_that_is_restarted_in_the_middle_loses_nothing(slipway, cases, outcome, pytestconfig):
    until_all_run(slipway, cases)
    connections.close_all()
    restart_the_database(pytestconfig.slipway_servers)
    for case in cases.values():
        case.let_the_claim_lapse()  # the one whose end could not be written down
    until_all_ended(slipway, cases, "database restarted while tools run", outcome)
