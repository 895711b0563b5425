"""How services are when nothing is deployed: asked in turn, never while a deployment holds them; drift is found by itself."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from config.celery import app
from deployments import due, where
from deployments.actions import health as doors
from deployments.models import Deployment, Health, Sighting
from deployments.tasks import look_around
from releases.models import Change, Environment
from tests.deployments.conftest import fresh
from tests.deployments.counterpart import Counterpart
from tests.factories import deployments as shipping
from tests.factories import releases

pytestmark = pytest.mark.django_db


@pytest.fixture
def service():
    with Counterpart() as server:
        server.answers["/health"] = (200, {"healthy": True})
        server.answers["/version"] = (200, {"version": "4.7.0-rc.1"})
        yield server


@pytest.fixture
def watched(place, service):
    """Production at the service's address, where Slipway put 4.7.0 an hour ago."""
    Environment.objects.filter(pk=place.production.pk).update(url=service.url)
    place.production.url = service.url
    place.proven = shipping.verified(place.production, "4.7.0", verified_at=timezone.now() - timedelta(hours=1))
    return place


def look(times: int = 1) -> None:
    for _ in range(times):
        Health.objects.update(due_at=timezone.now())
        look_around()


def runs(place) -> str:
    return where.running_in(place.production).version


def test_a_service_that_is_well_is_taken_down_as_well_with_its_version(watched):
    before = timezone.now()

    assert look_around() == 1

    row = watched.production.health
    assert (row.ok, row.version, row.detail) == (True, "4.7.0-rc.1", "Answered 200.")
    assert before <= row.since <= row.at
    assert timedelta(seconds=53) < row.due_at - before < timedelta(seconds=70)


def test_it_is_not_asked_again_before_its_time(watched):
    assert [look_around(), look_around()] == [1, 0]

    Health.objects.update(due_at=timezone.now())
    assert look_around() == 1


def test_since_tells_when_it_became_what_it_is(watched, service):
    look()
    well_since = Health.objects.get().since
    look()
    assert Health.objects.get().since == well_since

    service.answers["/health"] = (503, b"no ledger")
    look()

    row = Health.objects.get()
    assert (row.ok, row.detail) == (False, "Answered 503, expected 200: no ledger")
    assert row.since > well_since


def test_a_service_that_does_not_answer_is_not_well_and_has_no_version(watched, service):
    Environment.objects.filter(pk=watched.production.pk).update(url="http://127.0.0.1:9")

    look()

    row = Health.objects.get()
    assert (row.ok, row.version) == (False, "")
    assert "No answer" in row.detail


@pytest.mark.parametrize("state", ["running", "verifying", "paused", "rolling_back"])
def test_nobody_is_asked_while_a_deployment_holds_the_environment(watched, state):
    shipping.deployment(watched.release, watched.production, state)

    assert look_around() == 0


def test_an_answer_from_before_a_deployment_took_the_environment_is_dropped(watched, service, monkeypatch):
    asked = doors.ask_together

    def meanwhile(questions, **how):
        shipping.deployment(watched.release, watched.production, "running")
        return asked(questions, **how)

    monkeypatch.setattr(doors, "ask_together", meanwhile)

    look_around()

    assert Health.objects.get().ok is None


@pytest.mark.parametrize("why", ["no address", "retired product", "nothing there and no verification", "switched off"])
def test_who_is_not_asked(watched, settings, why):
    if why == "no address":
        Environment.objects.update(url="")
    elif why == "retired product":
        type(watched.product).objects.update(is_active=False)
    elif why == "switched off":
        settings.HEALTH_EVERY_S = 0
    else:
        watched.production.verification.delete()
        Deployment.objects.update(verified_at=None)

    assert look_around() == 0
    assert not Health.objects.exists()


def test_a_version_that_drifted_is_sighted_once_it_answered_twice_in_a_row(watched, service):
    look(2)
    assert not Sighting.objects.exists()

    service.answers["/version"] = (200, {"version": "4.7.1"})
    look()
    assert not Sighting.objects.exists()
    look()

    sighting = Sighting.objects.get()
    assert (sighting.version, sighting.source, sighting.candidate) == ("4.7.1", "probe", None)
    assert sighting.change == Change.objects.get(type="unauthorised")
    assert "the service itself says so" in sighting.change.description
    assert runs(watched) == "4.7.1"
    look(3)
    assert Sighting.objects.count() == 1


def test_two_versions_that_take_turns_are_no_drift(watched, service):
    for version in ("4.7.1", "4.7.2", "4.7.1", "4.7.2"):
        service.answers["/version"] = (200, {"version": version})
        look()
        assert Health.objects.get().version == version

    assert not Sighting.objects.exists()


def test_a_look_from_before_the_last_deployment_is_no_witness_of_drift(watched, service):
    look(2)
    shipping.deployment(watched.release, watched.production, "succeeded")

    look()
    assert not Sighting.objects.exists()

    look()
    assert Sighting.objects.get().candidate == watched.proven.candidate


@pytest.mark.parametrize("said", ["4.7.0", "v4.7.0", "v4.7.0-rc.1"])
def test_the_release_s_version_is_the_same_as_its_candidate_s(watched, service, said):
    service.answers["/version"] = (200, {"version": said})

    look(3)

    assert not Sighting.objects.exists()


@pytest.mark.parametrize("answer", [(404, b""), (200, b"<html>a page</html>"), (200, {"build": 7}), (200, b"")])
def test_a_service_that_names_no_version_never_drifts(watched, service, answer):
    service.answers["/version"] = answer

    look(3)

    assert not Sighting.objects.exists()
    assert Health.objects.get().ok


def test_a_slow_service_holds_no_other_up_and_all_are_asked_within_one_bound(watched, service, monkeypatch):
    monkeypatch.setattr(doors, "LOOK_S", 3)
    service.answers["/slow"] = "drip"
    slow, fast = releases.pipeline(releases.product())
    for environment, path in ((slow, "/slow"), (fast, "/health")):
        Environment.objects.filter(pk=environment.pk).update(url=service.url)
        shipping.quick(environment, path=path, version_path="")

    began = time.monotonic()
    assert look_around() == 3

    assert time.monotonic() - began < 10  # and not the minute that the slow one takes
    answers = dict(Health.objects.values_list("environment", "ok"))
    assert answers == {slow.pk: False, fast.pk: True, watched.production.pk: True}


def test_at_most_so_many_are_asked_at_once_and_the_others_next(watched, service, monkeypatch):
    monkeypatch.setattr(doors, "AT_ONCE", 2)
    for environment in releases.pipeline(releases.product()):
        Environment.objects.filter(pk=environment.pk).update(url=service.url)
        shipping.quick(environment)

    assert [look_around(), look_around(), look_around()] == [2, 1, 0]
    assert Health.objects.filter(ok=True).count() == 3


def test_who_was_claimed_and_lost_is_asked_again_after_the_lease(watched):
    now = timezone.now()
    doors._claim(now)

    assert look_around() == 0
    assert due.unasked(now + timedelta(seconds=doors.LEASE_S + 1)).count() == 1


def test_beat_asks_for_it(watched):
    tasks = {entry["task"]: entry for entry in app.conf.beat_schedule.values()}

    assert tasks["deployments.tasks.look_around"]["schedule"] == 10
    assert look_around.name in tasks
    assert fresh(watched.production).url
