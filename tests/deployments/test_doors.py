"""The doors of a deployment: who may, what stands in the way, what it means for the release."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from core.blockers import Refused
from core.models import Event
from deployments import where
from deployments.actions import deployment as doors
from deployments.actions.run import stop_run
from deployments.drivers import OutcomeUnknown, Progress
from deployments.models import Deployment, Run
from releases.models import Environment, RollbackPlan
from tests.deployments.conftest import fresh, runs_of, turn
from tests.factories import accounts, approvals, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db


def codes(refusal) -> list[str]:
    return [b.code for b in refusal.value.blockers]


def names_of(row) -> list[str]:
    stream = f"{row._meta.model_name}:{row.pk}"
    return list(Event.objects.filter(stream=stream).order_by("seq").values_list("name", flat=True))


def refused(place, environment) -> list[str]:
    with pytest.raises(Refused) as refusal:
        doors.deploy(place.release.pk, environment.pk, actor=place.deployer)
    assert not Run.objects.exists()
    assert not Event.objects.exists()
    return codes(refusal)


def test_nobody_without_the_right_deploys(place, tool):
    stranger = accounts.person()
    planned = shipping.deployment(place.release, place.staging)

    with pytest.raises(PermissionDenied, match="Only a Release manager or a Deployer"):
        doors.start_deployment(planned.pk, actor=place.stakeholder)
    with pytest.raises(Http404):
        doors.start_deployment(planned.pk, actor=stranger)
    with pytest.raises(PermissionDenied):
        doors.deploy(place.release.pk, place.staging.pk, actor=place.stakeholder)
    for door in (doors.pause, doors.resume, doors.abort, doors.roll_back):
        with pytest.raises(PermissionDenied):
            door(planned.pk, actor=place.stakeholder, reason="I want to.")

    assert fresh(planned).state == "planned"
    assert not Event.objects.exists()


def test_a_taken_environment_names_its_holder(place, tool):
    holder = shipping.deployment(place.release, place.staging, "running")

    with pytest.raises(Refused) as refusal:
        place.into_staging()

    assert codes(refusal) == ["environment-taken"]
    assert f"#{holder.pk}" in refusal.value.blockers[0].message
    assert refusal.value.blockers[0].url == holder.get_absolute_url()


def test_a_candidate_goes_to_production_only_after_the_environment_before(place, tool):
    place.approved()
    Deployment.objects.all().delete()

    assert refused(place, place.production) == ["not-verified-before"]


def test_what_was_rolled_back_before_production_does_not_count_as_verified(place, tool):
    place.approved()
    releases.put_in_state(Deployment.objects.get(), "rolled_back")

    assert refused(place, place.production) == ["not-verified-before"]


def test_only_the_current_candidate_is_deployed(place, tool):
    planned = shipping.deployment(place.release, place.staging)
    releases.candidate(place.release)

    with pytest.raises(Refused) as refusal:
        doors.start_deployment(planned.pk, actor=place.deployer)

    assert codes(refusal) == ["not-current-candidate"]


@pytest.mark.parametrize("state", ["draft", "planned", "building", "on_hold", "cancelled", "closed"])
def test_a_release_that_is_not_being_tested_enters_no_staging(place, tool, state):
    releases.put_in_state(place.release, state)

    assert refused(place, place.staging) == ["release-state"]


def test_production_asks_what_the_release_itself_asks(place, tool):
    place.verified_in_staging()
    releases.put_in_state(place.release, "ready")

    asked = refused(place, place.production)

    assert "approval-missing" in asked


def test_a_blocked_environment_and_a_blocked_release_are_entered_by_nothing(place, tool):
    Environment.objects.filter(pk=place.staging.pk).update(blocked_reason="The disk is full.")
    type(place.release).objects.filter(pk=place.release.pk).update(blocked_reason="A security hole.")

    assert refused(place, place.staging) == ["environment-blocked", "release-blocked"]


def test_production_waits_for_the_window_and_staging_does_not(place, tool):
    place.approved()
    soon = timezone.now() + timedelta(hours=1)
    type(place.release).objects.update(window_starts_at=soon, window_ends_at=soon + timedelta(hours=1))

    asked = refused(place, place.production)

    assert any("window" in code for code in asked)
    assert place.into_staging().state == "running"


def test_a_freeze_stops_its_tiers_until_an_override_is_granted(place, tool):
    freeze = releases.freeze(tiers=["staging"])

    assert refused(place, place.staging) == ["frozen"]

    approvals.override(freeze, place.release)
    assert place.into_staging().state == "running"


def test_a_freeze_of_production_leaves_staging_alone(place, tool):
    releases.freeze()

    assert place.into_staging().state == "running"


def test_an_environment_without_a_fitting_hook_is_not_deployed_to(place, tool):
    hook = place.staging.hooks.get()
    place.staging.hooks.update(is_active=False)
    assert refused(place, place.staging) == ["no-hook"]

    place.staging.hooks.update(is_active=True, config={"program": "bad"})
    assert refused(place, place.staging) == [f"hook-unfit:{hook.pk}"]


def test_older_than_what_runs_is_refused(place, tool):
    running = shipping.verified(place.staging, "4.9.0")

    with pytest.raises(Refused) as refusal:
        place.into_staging()

    assert codes(refusal) == ["older-than-running"]
    assert refusal.value.blockers[0].url == running.get_absolute_url()


def test_a_verified_production_deployment_releases_and_finishes_the_changes(place, tool):
    change = releases.change(place.product, place.release, "approved")
    place.approved()

    deployment = place.into_production()
    assert fresh(place.release).state == "deploying"
    assert fresh(change).state == "implementing"
    turn()

    assert fresh(deployment).state == "succeeded"
    assert fresh(place.release).state == "released"
    assert fresh(change).state == "done"
    assert names_of(place.release) == ["release.deploying_started", "release.released"]
    assert where.running([place.staging, place.production])[place.production.pk].deployment == deployment


def test_a_held_change_keeps_the_release_out_of_production(place, tool):
    change = releases.change(place.product, place.release, "approved")
    type(change).objects.update(held_reason="Wait for the lawyers.")
    place.approved()

    asked = refused(place, place.production)

    assert len(asked) == 1
    assert fresh(place.release).state == "ready"


def test_a_failed_first_production_deployment_leaves_the_release_ready(place, tool):
    place.approved()
    tool.answers["ship"] = Progress("failed", "", 0, "Exit status 1.")

    place.into_production()
    turn()

    assert fresh(place.release).state == "ready"
    assert names_of(place.release) == ["release.deploying_started", "release.deploying_stopped"]


def test_a_release_left_half_way_in_production_is_deployed_again_or_taken_back(place, tool):
    shipping.verified(place.production, "4.7.0")
    place.approved()
    tool.answers["ship"] = Progress("failed", "", 0, "Exit status 1.")
    place.into_production()
    turn()
    assert fresh(place.release).state == "deploying"

    tool.answers.clear()
    again = place.into_production()
    turn()

    assert fresh(again).state == "succeeded"
    assert fresh(place.release).state == "released"


def test_a_production_deployment_aborted_before_any_call_leaves_the_release_ready(place, tool):
    shipping.verified(place.production, "4.7.0")
    place.approved()

    deployment = place.into_production()
    doors.abort(deployment.pk, actor=place.deployer, reason="Not now.")

    assert fresh(place.release).state == "ready"


def test_a_rollback_brings_the_last_verified_candidate_back_and_says_so_everywhere(place, tool):
    before = shipping.verified(place.production, "4.7.0")
    change = releases.change(place.product, place.release, "approved")
    place.approved()
    deployment = place.into_production()
    turn()

    rollback = doors.roll_back(deployment.pk, actor=place.deployer, reason="Orders are lost.")
    assert fresh(deployment).state == "rolling_back"
    turn()

    assert (fresh(rollback).state, rollback.candidate_id) == ("succeeded", before.candidate_id)
    assert fresh(deployment).state == "rolled_back"
    assert fresh(place.release).state == "rolled_back"
    assert fresh(change).state == "backed_out"
    assert tool.started[-1].inputs["version"] == before.candidate.version
    assert where.running([place.production])[place.production.pk].deployment == rollback


def test_rollback_hooks_are_called_where_there_are_any(place, tool):
    shipping.verified(place.staging, "4.7.0")
    shipping.hook(place.staging, name="Undo", driver="tool", config={"does": "undo"}, on="rollback")
    deployment = place.into_staging()
    turn()

    doors.roll_back(deployment.pk, actor=place.deployer, reason="Orders are lost.")
    turn()

    assert [call.config["does"] for call in tool.started] == ["ship", "undo"]
    assert tool.started[-1].inputs["action"] == "rollback"


def test_a_rollback_skips_window_and_freeze_but_not_a_blocked_environment(place, tool):
    shipping.verified(place.staging, "4.7.0")
    deployment = place.into_staging()
    turn()
    releases.freeze(tiers=["staging"])
    type(place.release).objects.update(blocked_reason="A security hole.")
    Environment.objects.update(blocked_reason="The disk is full.")

    with pytest.raises(Refused) as refusal:
        doors.roll_back(deployment.pk, actor=place.deployer, reason="Orders are lost.")
    assert codes(refusal) == ["environment-blocked"]
    assert fresh(deployment).state == "succeeded"

    Environment.objects.update(blocked_reason="")
    doors.roll_back(deployment.pk, actor=place.deployer, reason="Orders are lost.")
    turn()
    assert fresh(deployment).state == "rolled_back"


def test_a_rollback_of_a_live_deployment_waits_until_its_tool_has_stopped(place, tool):
    shipping.verified(place.staging, "4.7.0")
    tool.answers["ship"] = Progress("running")
    deployment = place.into_staging()
    turn(3)

    rollback = doors.roll_back(deployment.pk, actor=place.deployer, reason="Wrong one.")

    assert runs_of(deployment) == [("1-1", "cancelled")]
    assert [run.due_at for run in rollback.runs.all()] == [None]
    stopping = Run.objects.get(deployment=deployment)
    assert stopping.is_stopping
    stop_run(stopping.pk)
    assert tool.stopped == [stopping.key]
    tool.answers.clear()
    Deployment.objects.filter(pk=rollback.pk).update(due_at=timezone.now())
    turn()
    assert (fresh(rollback).state, fresh(deployment).state) == ("succeeded", "rolled_back")


def test_a_rollback_that_fails_is_loud_and_may_be_tried_again(place, tool):
    shipping.verified(place.staging, "4.7.0")
    deployment = place.into_staging()
    turn()
    tool.answers["ship"] = Progress("failed", "", 0, "Exit status 1.")

    rollback = doors.roll_back(deployment.pk, actor=place.deployer, reason="Orders are lost.")
    turn()

    assert (fresh(rollback).state, fresh(deployment).state) == ("failed", "rollback_failed")
    assert "Exit status 1." in fresh(deployment).detail
    assert names_of(deployment)[-1] == "deployment.rollback_failed"

    tool.answers.clear()
    again = doors.roll_back(deployment.pk, actor=place.deployer, reason="Once more.")
    turn()
    assert (fresh(again).state, fresh(deployment).state) == ("succeeded", "rolled_back")


def test_there_is_no_way_back_from_the_first_deployment_or_past_a_later_one(place, tool):
    first = place.into_staging()
    turn()
    with pytest.raises(Refused) as refusal:
        doors.roll_back(first.pk, actor=place.deployer, reason="Orders are lost.")
    assert codes(refusal) == ["no-way-back"]

    releases.candidate(place.release)
    place.release.refresh_from_db()
    place.into_staging()
    turn()
    with pytest.raises(Refused) as refusal:
        doors.roll_back(first.pk, actor=place.deployer, reason="Orders are lost.")
    assert "not-newest" in codes(refusal)


@pytest.mark.parametrize(("automatic", "ends"), [(True, "rolled_back"), (False, "failed")])
def test_a_failure_rolls_back_by_itself_only_where_the_plan_says_so(place, tool, automatic, ends):
    shipping.verified(place.staging, "4.7.0")
    RollbackPlan.objects.create(release=place.release, automatic=automatic)
    tool.answers["ship"] = Progress("failed", "", 0, "Exit status 1.")
    tool.on_start = lambda call: tool.answers.clear() if call.inputs["version"] != new else None
    new = place.release.candidate.version
    deployment = place.into_staging()

    turn()

    assert fresh(deployment).state == ends
    assert Deployment.objects.filter(rolls_back=deployment, state="succeeded").exists() is automatic
    if automatic:
        assert fresh(deployment).reason == "By itself: Ship failed: Exit status 1."


def test_a_scheduled_deployment_starts_by_itself_when_it_is_due(place, tool):
    at = timezone.now() + timedelta(hours=1)
    planned = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer, scheduled_for=at)
    turn()
    assert fresh(planned).state == "scheduled"

    _arrive(planned)
    turn()

    assert fresh(planned).state == "succeeded"
    assert fresh(planned).started_by == place.deployer


def test_a_scheduled_start_into_a_freeze_waits_for_a_person_and_records_why(place, tool):
    at = timezone.now() + timedelta(hours=1)
    planned = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer, scheduled_for=at)
    freeze = releases.freeze(tiers=["staging"])

    _arrive(planned)
    turn()

    assert fresh(planned).state == "awaiting_approval"
    assert str(freeze) in fresh(planned).detail
    assert Event.objects.get(name="deployment.awaiting").payload["blockers"] == ["frozen"]
    assert tool.started == []


def test_a_scheduled_start_of_somebody_who_lost_the_right_does_not_happen(place, tool):
    at = timezone.now() + timedelta(hours=1)
    planned = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer, scheduled_for=at)
    place.deployer.groups.clear()

    _arrive(planned)
    turn()

    assert fresh(planned).state == "awaiting_approval"
    assert tool.started == []


def test_a_scheduled_start_queues_while_the_environment_is_taken(place, tool):
    holder = shipping.deployment(place.release, place.staging, "running")
    at = timezone.now() + timedelta(hours=1)
    planned = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer, scheduled_for=at)
    _arrive(planned)
    turn(2)
    assert fresh(planned).state == "queued"

    releases.put_in_state(holder, "aborted")
    _arrive(planned)
    turn()

    assert fresh(planned).state == "succeeded"


def test_what_waits_expires_when_its_window_closes(place, tool):
    place.approved()
    planned = shipping.deployment(place.release, place.production, "scheduled", scheduled_for=timezone.now())
    past = timezone.now() - timedelta(hours=3)
    type(place.release).objects.update(window_starts_at=past, window_ends_at=past + timedelta(hours=1))
    _arrive(planned)

    turn()

    assert fresh(planned).state == "expired"
    assert "its window closed" in fresh(planned).detail


def test_a_new_candidate_supersedes_what_waits_and_nothing_else(place, tool):
    waiting = shipping.deployment(place.release, place.staging, "scheduled", scheduled_for=timezone.now())
    ended = shipping.deployment(place.release, place.staging, "failed")
    releases.candidate(place.release)
    current = shipping.deployment(place.release, place.staging)

    assert doors.supersede(place.release.pk, actor=place.deployer) == 1

    assert [fresh(row).state for row in (waiting, ended, current)] == ["superseded", "failed", "planned"]


def test_a_service_account_may_not_say_that_a_step_succeeded(place, tool):
    robot = accounts.person("robot", roles=["deployer"], on=place.product, is_service=True)
    tool.answers["ship"] = OutcomeUnknown("No answer.")
    deployment = place.into_staging()
    turn()

    with pytest.raises(PermissionDenied, match="never sign"):
        doors.resume(deployment.pk, actor=robot, reason="Surely.", how="succeeded")

    assert fresh(deployment).state == "paused"


def test_where_tells_what_runs_in_two_queries(place, django_assert_num_queries):
    shipping.verified(place.staging, "4.6.0", verified_at=timezone.now() - timedelta(days=2))
    newest = shipping.verified(place.staging, "4.7.0")
    shipping.deployment(place.release, place.staging, "failed")

    with django_assert_num_queries(2):
        found = where.running([place.staging, place.production])
        told = {pk: (r.deployment.pk, r.version, r.candidate.release.version) for pk, r in found.items()}
    assert told == {place.staging.pk: (newest.pk, newest.candidate.version, "4.7.0")}


def _arrive(planned: Deployment) -> None:
    """Its time has come."""
    now = timezone.now()
    Deployment.objects.filter(pk=planned.pk).update(scheduled_for=now, due_at=now)
