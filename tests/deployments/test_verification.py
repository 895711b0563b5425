"""Verification through the whole engine: samples, their hooks, people's words, pauses, lost workers and rollback."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from core.blockers import Refused
from core.models import Event
from deployments.actions import check as check_doors
from deployments.actions import deployment as doors
from deployments.actions import run as run_doors
from deployments.actions import statement, verification
from deployments.drivers import OutcomeUnknown, Progress
from deployments.models import Run, Sample
from tests.deployments.conftest import fresh, turn
from tests.deployments.counterpart import Counterpart
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db
HEALTHY = (200, {"healthy": True})


@pytest.fixture
def service(place):
    """The deployed service: well, and the version that is deployed."""
    with Counterpart() as server:
        place.staging.url = server.url
        place.staging.save()
        server.answers |= {"/health": HEALTHY, "/ready": HEALTHY}
        server.answers["/version"] = (200, {"version": place.release.candidate.version})
        yield server


def steady(place, **fields):
    place.staging.verification.delete()
    return shipping.quick(fresh(place.staging), **fields)


def verifying(place):
    """A deployment whose hooks are done and whose verification was never looked at."""
    deployment = place.into_staging()
    for _ in range(20):
        if fresh(deployment).state == "verifying":
            return fresh(deployment)
        turn(1)
    raise AssertionError(fresh(deployment).state)


def answers_of(sample: Sample) -> dict:
    return {result["check"]: result["ok"] for result in sample.results}


def grow_old(deployment, seconds: float) -> None:
    """As if everything that was seen so far had been seen so much earlier."""
    by = timedelta(seconds=seconds)
    for sample in deployment.samples.all():
        closed_at = sample.closed_at - by if sample.closed_at else None
        Sample.objects.filter(pk=sample.pk).update(at=sample.at - by, closed_at=closed_at)


def due_now(deployment) -> None:
    type(deployment).objects.filter(pk=deployment.pk).update(due_at=timezone.now())


def test_all_checks_are_asked_in_the_same_sample_and_all_must_be_well(place, tool, service):
    shipping.check(place.staging, name="Ready")
    shipping.check(place.staging, name="Switched off", config={"address": "/nowhere"}, is_active=False)

    deployment = place.into_staging()
    turn()

    assert fresh(deployment).state == "succeeded"
    sample = Sample.objects.get()
    assert (sample.ok, sample.is_open, sample.status) == (True, False, 200)
    assert answers_of(sample) == {"Health": True, "Ready": True}
    assert sample.detail == "All 2 checks are well."
    assert sample.since == fresh(deployment).verifying_since
    assert Event.objects.get(name="deployment.succeeded").payload["checks"] == ["Health", "Ready"]


def test_one_check_that_is_not_well_keeps_the_deployment_from_succeeding_and_is_named_when_the_time_is_over(
    place, tool, service
):
    shipping.check(place.staging, name="Ready")
    service.answers["/ready"] = (503, b"warming up")
    deployment = verifying(place)

    turn(5)
    assert fresh(deployment).state == "verifying"
    assert {sample.ok for sample in Sample.objects.all()} == {False}

    type(deployment).objects.update(verifying_since=deployment.verifying_since)
    steady(place, timeout_s=0)
    due_now(deployment)
    turn()

    assert fresh(deployment).state == "failed"
    assert fresh(deployment).detail == ("Not verified within 0 s. Ready: Answered 503, expected 200: warming up")


def test_checks_that_are_well_by_turns_are_never_well_together(place, tool, service):
    shipping.check(place.staging, name="Ready")
    bad = (500, b"")
    service.answers["/health"] = [HEALTHY, bad, HEALTHY, bad]
    service.answers["/ready"] = [bad, HEALTHY, bad, HEALTHY]
    deployment = verifying(place)

    turn(4)

    seen = [answers_of(sample) for sample in Sample.objects.order_by("pk")]
    assert [(answer["Health"], answer["Ready"]) for answer in seen] == [(True, False), (False, True)] * 2
    assert fresh(deployment).state == "verifying"


def test_a_bad_sample_begins_the_steady_time_anew(place, tool, service):
    steady(place, steady_s=10, interval_s=1, timeout_s=600)
    deployment = verifying(place)
    verification.verify(deployment.pk)
    grow_old(deployment, 9)
    service.answers["/health"] = [(500, b""), HEALTHY]
    due_now(deployment)
    verification.verify(deployment.pk)
    grow_old(deployment, 5)
    due_now(deployment)
    verification.verify(deployment.pk)

    assert fresh(deployment).state == "verifying"
    assert [sample.ok for sample in Sample.objects.order_by("pk")] == [True, False, True]
    grow_old(deployment, 11)
    due_now(deployment)
    verification.verify(deployment.pk)
    assert fresh(deployment).state == "succeeded"


def test_the_first_look_waits_for_the_delay_and_the_next_one_for_the_interval(place, tool, service):
    steady(place, delay_s=60, interval_s=30, steady_s=5, timeout_s=600)
    deployment = verifying(place)
    assert 50 < (deployment.due_at - timezone.now()).total_seconds() <= 60
    doors.advance(deployment.pk)  # a message of the last hook that comes late
    turn()
    assert not Sample.objects.exists()

    due_now(deployment)
    turn()

    assert Sample.objects.count() == 1
    assert 20 < (fresh(deployment).due_at - timezone.now()).total_seconds() <= 30


def test_a_hook_of_the_verification_is_called_in_each_sample_under_a_key_of_that_sample(place, tool, service):
    steady(place, steady_s=1, interval_s=0, timeout_s=600)
    shipping.hook(place.staging, name="Smoke", on="verify", driver="tool", config={"does": "smoke"})
    deployment = verifying(place)
    turn(6)
    first = Sample.objects.order_by("pk").first()
    grow_old(deployment, 2)
    due_now(deployment)
    turn()

    assert fresh(deployment).state == "succeeded"
    samples = list(Sample.objects.order_by("pk"))
    assert len(samples) > 1
    keys = [call.key for call in tool.started if call.config["does"] == "smoke"]
    assert keys == [f"{deployment.key}-s{sample.pk}-1" for sample in samples]
    assert answers_of(first) == {"Health": True, "Smoke": True}
    assert tool.started[-1].inputs["action"] == "verify"


def test_a_sample_stays_open_until_its_hook_has_ended(place, tool, service):
    shipping.hook(place.staging, name="Smoke", on="verify", driver="tool", config={"does": "smoke"})
    tool.answers["smoke"] = Progress("running", "half of it\n")
    deployment = verifying(place)
    turn(6)

    sample = Sample.objects.get()
    assert (sample.is_open, answers_of(sample)) == (True, {"Health": True})
    assert fresh(deployment).state == "verifying"
    del tool.answers["smoke"]
    turn()

    assert fresh(deployment).state == "succeeded"
    assert answers_of(fresh(sample)) == {"Health": True, "Smoke": True}
    assert Sample.objects.count() == 1


@pytest.mark.parametrize(
    ("answer", "ok"), [(Progress("failed", "", 0, "2 of 9 failed."), False), (OutcomeUnknown("No answer."), None)]
)
def test_a_hook_that_fails_or_is_lost_sight_of_is_not_well(place, tool, service, answer, ok):
    shipping.hook(place.staging, name="Smoke", on="verify", driver="tool", config={"does": "smoke"})
    tool.answers["smoke"] = answer
    deployment = verifying(place)

    turn(8)

    first = Sample.objects.order_by("pk").first()
    assert (first.ok, answers_of(first)) == (False, {"Health": True, "Smoke": ok})
    assert fresh(deployment).state == "verifying"


def test_a_hook_that_shall_ask_pauses_the_deployment(place, tool, service):
    shipping.hook(place.staging, name="Smoke", on="verify", driver="tool", config={"does": "smoke"}, on_failure="pause")
    tool.answers["smoke"] = Progress("failed", "", 0, "2 of 9 failed.")
    deployment = verifying(place)

    turn()

    assert (fresh(deployment).state, fresh(deployment).detail) == ("paused", "Smoke: 2 of 9 failed.")
    tool.answers.clear()
    doors.resume(deployment.pk, actor=place.deployer, reason="The test was wrong.")
    turn()
    assert fresh(deployment).state == "succeeded"


def test_a_hook_that_never_ends_is_bounded_by_the_time_limit_and_told_to_stop(place, tool, service):
    shipping.hook(place.staging, name="Smoke", on="verify", driver="tool", config={"does": "smoke"})
    tool.answers["smoke"] = Progress("running")
    deployment = verifying(place)
    turn(4)
    grow_old(deployment, 30)
    due_now(deployment)
    turn()

    assert fresh(deployment).state == "failed"
    assert fresh(deployment).detail == "Not verified within 5 s. Smoke: It has not ended in time."
    assert tool.stopped == [f"{deployment.key}-s{Sample.objects.get().pk}-1"]


def test_a_pause_and_resume_begin_the_steady_time_anew(place, tool, service):
    steady(place, steady_s=10, interval_s=1, timeout_s=600)
    deployment = verifying(place)
    verification.verify(deployment.pk)
    grow_old(deployment, 11)
    doors.pause(deployment.pk, actor=place.deployer, reason="A moment.")
    doors.resume(deployment.pk, actor=place.deployer, reason="On.")
    turn(4)

    assert fresh(deployment).state == "verifying"
    assert Sample.objects.filter(since=deployment.verifying_since).count() == 1
    assert Sample.objects.filter(since=fresh(deployment).verifying_since).count() == 1


def test_a_sample_that_was_open_when_the_deployment_paused_is_closed_and_its_hook_not_called_beside_the_next(
    place, tool, service
):
    shipping.hook(place.staging, name="Smoke", on="verify", driver="tool", config={"does": "smoke"})
    tool.answers["smoke"] = Progress("running")
    deployment = verifying(place)
    turn(4)
    first = Sample.objects.get()
    doors.pause(deployment.pk, actor=place.deployer, reason="A moment.")
    assert (fresh(first).is_open, fresh(first).ok) == (False, False)
    doors.resume(deployment.pk, actor=place.deployer, reason="On.")
    turn(6)
    assert Sample.objects.count() == 1
    assert [call.config["does"] for call in tool.started].count("smoke") == 1

    tool.answers.clear()
    turn()

    assert fresh(deployment).state == "succeeded"
    assert Sample.objects.count() == 2


def test_a_worker_that_died_while_it_asked_leaves_a_sample_that_is_not_well_and_no_hook_is_called_twice(
    place, tool, service
):
    shipping.hook(place.staging, name="Smoke", on="verify", driver="tool", config={"does": "smoke"})
    deployment = verifying(place)
    assert verification._claim(deployment.pk)[2] is True  # and died there
    lost = Sample.objects.get()
    due_now(deployment)
    assert verification.verify(deployment.pk) is False  # its lease stands
    turn(4)
    assert fresh(lost).is_open

    Sample.objects.update(asked_until=timezone.now() - timedelta(seconds=1))
    due_now(deployment)
    turn()

    assert fresh(deployment).state == "succeeded"
    assert (fresh(lost).ok, answers_of(fresh(lost))) == (False, {"Health": None, "Smoke": True})
    keys = [run.key for run in Run.objects.filter(purpose="verify")]
    assert [call.key for call in tool.started if call.config["does"] == "smoke"] == keys
    assert len(keys) == Sample.objects.count() == 2


def test_a_lease_that_a_clock_made_endless_is_given_up(place, tool, service):
    deployment = verifying(place)
    verification._claim(deployment.pk)
    Sample.objects.update(asked_until=timezone.now() + timedelta(hours=1))
    due_now(deployment)

    turn()

    assert fresh(deployment).state == "succeeded"


def test_the_answers_of_a_worker_that_was_given_up_count_no_more(place, tool, service):
    deployment = verifying(place)
    _, sample, _ = verification._claim(deployment.pk)
    Sample.objects.update(asked_until=timezone.now() - timedelta(seconds=1))
    due_now(deployment)
    service.answers["/health"] = (500, b"")
    verification.verify(deployment.pk)
    closed, due_at = fresh(sample), fresh(deployment).due_at

    with verification.held(deployment.pk) as row:
        verification._settle(row, sample, [{"check": "Health", "kind": "health", "ok": True, "detail": ""}])

    assert answers_of(fresh(sample)) == {"Health": None}
    assert (fresh(sample).closed_at, len(fresh(sample).results)) == (closed.closed_at, 1)
    assert (fresh(deployment).state, fresh(deployment).due_at) == ("verifying", due_at)


def test_a_clock_set_by_an_hour_neither_fails_nor_proves_anything(place, tool, service):
    steady(place, steady_s=30, interval_s=1, timeout_s=120)
    deployment = verifying(place)
    for jumped_s in (3600, -7200):
        verification.verify(deployment.pk)
        grow_old(deployment, jumped_s)
        due_now(deployment)
    verification.verify(deployment.pk)

    assert fresh(deployment).state == "verifying"
    assert Sample.objects.count() == 3


def test_two_workers_do_not_look_at_the_same_time(place, tool, service):
    deployment = verifying(place)
    assert verification._claim(deployment.pk)

    assert verification.verify(deployment.pk) is False
    assert service.requests == []


def test_silence_is_never_well_and_a_persons_word_is(place, tool, service):
    shipping.check(place.staging, "manual", name="Sign-in")
    deployment = verifying(place)
    turn(3)
    assert fresh(deployment).state == "verifying"
    assert answers_of(Sample.objects.last()) == {"Health": True, "Sign-in": None}

    statement.state_check(deployment.pk, "Sign-in", actor=place.deployer, ok=True, comment="Signed in twice.")
    turn()

    assert fresh(deployment).state == "succeeded"
    assert Sample.objects.last().results[-1]["detail"] == "Dana says: well. Signed in twice."
    told = Event.objects.get(name="deployment.check_stated").payload
    assert (told["check"], told["ok"], told["comment"]) == ("Sign-in", True, "Signed in twice.")


def test_the_word_that_it_is_not_well_fails_at_once(place, tool, service):
    shipping.check(place.staging, "manual", name="Sign-in")
    deployment = verifying(place)
    turn(2)

    statement.state_check(deployment.pk, "Sign-in", actor=place.deployer, ok=False, comment="A blank page.")

    assert fresh(deployment).state == "failed"
    assert fresh(deployment).detail == "Sign-in: Dana says that it is not well. A blank page."
    assert not Sample.objects.filter(is_open=True).exists()


def test_a_word_given_before_a_pause_does_not_count_after_it(place, tool, service):
    shipping.check(place.staging, "manual", name="Sign-in")
    steady(place, steady_s=60, timeout_s=600)
    deployment = verifying(place)
    statement.state_check(deployment.pk, "Sign-in", actor=place.deployer, ok=True)
    doors.pause(deployment.pk, actor=place.deployer, reason="A moment.")
    doors.resume(deployment.pk, actor=place.deployer, reason="On.")

    turn(4)

    assert answers_of(Sample.objects.last())["Sign-in"] is None


@pytest.mark.parametrize(
    ("ok", "comment", "check", "code"),
    [(False, " ", "Sign-in", "no-comment"), (True, "", "Health", "no-such-check"), (True, "", "", "no-such-check")],
)
def test_a_word_must_name_a_manual_check_and_say_what_is_not_well(place, tool, service, ok, comment, check, code):
    shipping.check(place.staging, "manual", name="Sign-in")
    deployment = verifying(place)

    with pytest.raises(Refused) as refusal:
        statement.state_check(deployment.pk, check, actor=place.deployer, ok=ok, comment=comment)

    assert [b.code for b in refusal.value.blockers] == [code]
    assert fresh(deployment).state == "verifying"


def test_a_word_counts_only_while_it_is_verified(place, tool):
    shipping.check(place.staging, "manual", name="Sign-in")
    deployment = place.into_staging()

    with pytest.raises(Refused) as refusal:
        statement.state_check(deployment.pk, "Sign-in", actor=place.deployer, ok=True)

    assert [b.code for b in refusal.value.blockers] == ["not-verifying"]


def test_only_a_person_who_may_deploy_or_sign_tests_has_a_word(place, tool, service):
    shipping.check(place.staging, "manual", name="Sign-in")
    deployment = verifying(place)
    robot = accounts.person("robot", roles=["deployer"], on=place.product, is_service=True)

    for nobody in (place.stakeholder, robot):
        with pytest.raises(PermissionDenied):
            statement.state_check(deployment.pk, "Sign-in", actor=nobody, ok=True)
    tester = accounts.person("tess", roles=["tester"], on=place.product)

    assert statement.state_check(deployment.pk, "Sign-in", actor=tester, ok=True).person == tester


def test_a_check_is_not_changed_while_it_is_being_asked(place, tool, service):
    keeper = accounts.person("kim", roles=["release-manager"], on=place.product)
    check = shipping.check(place.staging, name="Ready")
    service.answers["/ready"] = (500, b"")
    deployment = verifying(place)

    for door in (
        lambda: check_doors.remove_check(check.pk, actor=keeper),
        lambda: check_doors.save_check(place.staging.pk, actor=keeper, check_id=check.pk, is_active=False),
        lambda: verification.set_verification(place.staging.pk, actor=keeper, steady_s=0),
    ):
        with pytest.raises(Refused) as refusal:
            door()
        assert [b.code for b in refusal.value.blockers] == ["verifying"]

    doors.pause(deployment.pk, actor=place.deployer, reason="The check is wrong.")
    check_doors.remove_check(check.pk, actor=keeper)
    doors.resume(deployment.pk, actor=place.deployer, reason="It is gone.")
    turn()
    assert fresh(deployment).state == "succeeded"


def test_where_there_is_nothing_to_ask_the_word_of_the_hooks_stands(place, tool):
    deployment = place.into_staging()
    turn()

    assert fresh(deployment).state == "succeeded"
    assert Sample.objects.get().detail == verification.NOTHING_TO_ASK


def test_without_an_address_the_checks_still_have_to_be_steady(place, tool):
    shipping.check(place.staging, "manual", name="Sign-in")
    steady(place, steady_s=60, timeout_s=600)
    deployment = verifying(place)
    statement.state_check(deployment.pk, "Sign-in", actor=place.deployer, ok=True)

    turn(3)

    assert Sample.objects.last().ok
    assert fresh(deployment).state == "verifying"


def automatic(place, server):
    """An earlier version runs in staging, the plan rolls back by itself, and a Prometheus watches the errors."""
    earlier = shipping.verified(place.staging, "4.7.0")
    releases.rollback_plan(place.release, automatic=True)
    shipping.check(
        place.staging,
        "prometheus",
        name="Error rate",
        config={"address": server.url, "query": 'errors{env="{environment}"}', "threshold": 1, "operator": "<"},
    )
    return earlier


def vector(value):
    return 200, {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, value]}]}}


def test_a_prometheus_check_that_goes_bad_rolls_back_by_itself_and_the_rollback_is_verified_by_it_too(
    place, tool, service
):
    earlier = automatic(place, service)
    service.answers["/api/v1/query"] = [vector("0.2"), vector("7")]
    service.answers["/version"] = (200, f"{place.release.candidate.version} or {earlier.candidate.version}".encode())
    steady(place, steady_s=1, timeout_s=2)
    deployment = verifying(place)
    turn(2)
    assert Sample.objects.order_by("pk").first().ok
    grow_old(deployment, 10)
    due_now(deployment)
    turn(1)

    undone = fresh(deployment)
    assert undone.state == "rolling_back"
    assert undone.reason == "By itself: Not verified within 2 s. Error rate: 7, must be below 1."
    service.answers["/api/v1/query"] = vector("0.1")
    for _ in range(8):
        turn(1)
        rollback = undone.rollbacks.get()
        grow_old(rollback, 2)
        due_now(rollback)

    assert fresh(deployment).state == "rolled_back"
    assert fresh(rollback).state == "succeeded"
    assert rollback.candidate == earlier.candidate
    assert answers_of(rollback.samples.last()) == {"Health": True, "Error rate": True}


def test_what_the_plan_does_not_undo_by_itself_stays_failed(place, tool, service):
    automatic(place, service)
    place.release.rollback_plan.automatic = False
    place.release.rollback_plan.save()
    service.answers["/api/v1/query"] = vector("7")
    steady(place, timeout_s=0)

    deployment = place.into_staging()
    turn()

    assert fresh(deployment).state == "failed"
    assert not deployment.rollbacks.exists()


def test_run_ends_of_a_sample_do_not_wake_a_second_worker_while_the_first_asks(place, tool, service):
    shipping.hook(place.staging, name="Smoke", on="verify", driver="tool", config={"does": "smoke"})
    deployment = verifying(place)
    verification._claim(deployment.pk)
    run = Run.objects.get(purpose="verify")
    run_doors.start_run(run.pk)
    run_doors.poll_run(run.pk)
    assert fresh(run).state == "succeeded"

    assert verification.verify(deployment.pk) is False
    assert fresh(Sample.objects.get()).asked_until is not None
