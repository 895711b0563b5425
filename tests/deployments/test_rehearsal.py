"""A rehearsal: the way back is gone before production, and production asks for it where the product says so."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.utils import timezone

from core.blockers import Refused
from core.models import Event
from deployments import around, way_back, where
from deployments.actions import deployment as doors
from deployments.actions.rehearsal import in_the_way, rehearse
from deployments.actions.sighting import report_deployment
from deployments.drivers import Progress
from deployments.models import Booking, Deployment, Hook, Verification
from releases.models import Environment, Phase, Product, RollbackPlan
from releases.states import Strategy
from tests.deployments.conftest import fresh, turn
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db


def codes(refusal) -> list[str]:
    return [b.code for b in refusal.value.blockers]


@pytest.fixture
def prepared(place, tool):
    """Earlier versions ran in both environments, and the product wants the rollbacks of such releases rehearsed."""
    shipping.verified(place.staging, "4.7.0")
    shipping.verified(place.production, "4.6.0")
    Product.objects.update(rehearsed_strategies=[place.release.strategy])
    place.release.refresh_from_db()
    return place


@pytest.fixture
def ready(prepared):
    return prepared.approved()


@pytest.fixture
def easy(prepared):
    """As `prepared`, but nobody asks for a rehearsal. What an approval sees is set up before `approved()`."""
    Product.objects.update(rehearsed_strategies=[])
    prepared.release.product.refresh_from_db()
    return prepared


def rehearsed(place) -> Deployment:
    made = rehearse(place.release.pk, place.staging.pk, actor=place.deployer)
    turn()
    return fresh(made)


def refused(place) -> list[str]:
    with pytest.raises(Refused) as refusal:
        place.into_production()
    return codes(refusal)


def test_production_waits_for_a_rehearsal_where_the_product_says_so(ready):
    assert refused(ready) == ["rehearsal-missing"]
    assert not Deployment.objects.filter(environment=ready.production, release=ready.release).exists()


def test_a_strategy_that_needs_no_rehearsal_goes_without_one(ready):
    other = next(s for s in Strategy.values if s != ready.release.strategy)
    Product.objects.update(rehearsed_strategies=[other])

    assert ready.into_production().state == "running"


def test_the_refusal_leads_to_where_it_is_rehearsed(ready):
    with pytest.raises(Refused) as refusal:
        ready.into_production()

    [blocker] = refusal.value.blockers
    assert (blocker.url, blocker.fix) == ("/r/payments/4.8.0/rehearse/staging/", "Rehearse now")


def test_a_rehearsal_goes_back_and_puts_the_candidate_there_again(ready):
    state = ready.release.state

    made = rehearsed(ready)

    assert (made.state, made.is_rehearsal, made.candidate.version) == ("succeeded", True, "4.7.0-rc.1")
    again = ready.staging.deployments.running().get()
    assert (again.candidate, again.state, again.kind) == (ready.release.candidate, "succeeded", "deploy")
    assert again.created_by == ready.deployer
    assert fresh(ready.release).state == state
    assert fresh(made.rolls_back).state == "rolled_back"
    assert ready.into_production().state == "running"


def test_a_rehearsal_is_noted_on_the_rollback_plan_by_itself(ready):
    plan = releases.rollback_plan(ready.release)

    made = rehearsed(ready)

    assert fresh(plan).rehearsed_at == made.verified_at
    told = Event.objects.get(name="release.rollback_plan_changed")
    assert told.actor == ready.deployer


def test_a_failed_rehearsal_proves_nothing_and_leaves_the_environment_as_any_failed_rollback(ready, tool):
    state = ready.release.state
    made = rehearse(ready.release.pk, ready.staging.pk, actor=ready.deployer)
    tool.answers["ship"] = Progress("failed", "", 0, "The disk is full.")
    turn()

    assert (fresh(made).state, fresh(made.rolls_back).state) == ("failed", "rollback_failed")
    assert not Deployment.objects.filter(environment=ready.staging, scheduled_for__isnull=False).exists()
    assert fresh(ready.release).state == state
    with pytest.raises(Refused) as refusal:
        ready.into_production()
    said = {b.code: b.message for b in refusal.value.blockers}
    assert f"#{made.pk}, did not succeed" in said["rehearsal-missing"]


def test_another_candidate_needs_a_rehearsal_of_its_own(ready):
    rehearsed(ready)
    releases.candidate(ready.release)
    ready.verified_in_staging()

    assert "rehearsal-missing" in refused(ready)


@pytest.mark.parametrize("change", ["plan", "hook there", "hook in production"])
def test_a_way_back_that_has_changed_since_is_rehearsed_again(ready, change):
    releases.rollback_plan(ready.release)
    rehearsed(ready)
    if change == "plan":
        RollbackPlan.objects.update(steps="Restore the backup.")
    else:
        place = ready.staging if change == "hook there" else ready.production
        Hook.objects.filter(environment=place).update(config={"does": "ship", "slowly": True})

    assert "rehearsal-changed" in refused(ready)


def test_a_hook_that_only_deploys_does_not_age_a_rehearsal_of_rollback_hooks(ready):
    for place in (ready.staging, ready.production):
        shipping.hook(place, name="Back", driver="tool", config={"does": "back"}, on="rollback")
    rehearsed(ready)
    Hook.objects.filter(on="deploy").update(timeout_s=30)
    assert way_back.rehearsal_of(fresh(ready.release)).is_fresh

    Hook.objects.filter(on="rollback").update(timeout_s=30)
    assert not way_back.rehearsal_of(fresh(ready.release)).is_fresh


def test_who_owns_the_plan_and_when_it_was_rehearsed_do_not_change_the_way(ready):
    plan = releases.rollback_plan(ready.release)
    before = way_back.digest(ready.release, ready.staging)
    RollbackPlan.objects.update(owner=accounts.person(), rehearsed_at=timezone.now())
    ready.release.rollback_plan = fresh(plan)

    assert way_back.digest(ready.release, ready.staging) == before


def test_a_rehearsal_grows_old(ready):
    made = rehearsed(ready)
    days = ready.product.rehearsal_days
    Deployment.objects.filter(pk=made.pk).update(verified_at=timezone.now() - timedelta(days=days, minutes=1))

    assert refused(ready) == ["rehearsal-old"]

    Deployment.objects.filter(pk=made.pk).update(verified_at=timezone.now() - timedelta(days=days, minutes=-1))
    assert ready.into_production().state == "running"


def test_nobody_rehearses_in_production_or_what_does_not_run_there(ready):
    with pytest.raises(Refused) as refusal:
        rehearse(ready.release.pk, ready.production.pk, actor=ready.deployer)
    assert codes(refusal) == ["rehearsal-in-production"]

    releases.candidate(ready.release)
    with pytest.raises(Refused) as refusal:
        rehearse(ready.release.pk, ready.staging.pk, actor=ready.deployer)
    assert codes(refusal) == ["not-there"]


def test_only_those_who_may_deploy_rehearse(ready):
    with pytest.raises(PermissionDenied):
        rehearse(ready.release.pk, ready.staging.pk, actor=ready.stakeholder)
    assert not Event.objects.exists()


def test_a_rehearsal_stops_at_a_stop(ready):
    Environment.objects.filter(pk=ready.staging.pk).update(blocked_reason="The disk is full.")

    with pytest.raises(Refused) as refusal:
        rehearse(ready.release.pk, ready.staging.pk, actor=ready.deployer)

    assert codes(refusal) == ["environment-blocked"]


def test_the_candidate_waits_for_a_person_when_a_gate_closes_while_it_is_rehearsed(ready):
    rehearse(ready.release.pk, ready.staging.pk, actor=ready.deployer)
    releases.freeze(tiers=["staging"])
    turn()

    again = Deployment.objects.filter(release=ready.release, environment=ready.staging).latest("pk")
    assert again.state == "awaiting_approval"
    assert "freezes Staging" in again.detail


def test_a_newer_candidate_is_not_pushed_aside_by_the_end_of_a_rehearsal(ready):
    rehearse(ready.release.pk, ready.staging.pk, actor=ready.deployer)
    releases.candidate(ready.release)
    turn()

    assert not Deployment.objects.filter(scheduled_for__isnull=False).exists()


def test_a_rollback_asks_for_no_rehearsal(easy):
    made = easy.approved().into_production()
    turn()
    Product.objects.update(rehearsed_strategies=Strategy.values)

    doors.roll_back(made.pk, actor=easy.deployer, reason="Errors.")
    turn()

    assert fresh(made).state == "rolled_back"


# The candidate must come back


def never_begun(place) -> list:
    """The blockers of a rehearsal in staging; nothing of it was begun, and the page shows the same."""
    before = Deployment.objects.count()
    with pytest.raises(Refused) as refusal:
        rehearse(place.release.pk, place.staging.pk, actor=place.deployer)
    assert Deployment.objects.count() == before
    assert where.running_in(place.staging).candidate == place.release.candidate
    shown = in_the_way(fresh(place.release), fresh(place.staging), where.running_in(place.staging))
    assert [b.code for b in shown] == codes(refusal)
    return refusal.value.blockers


@pytest.mark.parametrize("state", ["deploying", "released", "on_hold"])
def test_nobody_rehearses_while_the_release_may_not_enter_the_environment(ready, state):
    releases.put_in_state(ready.release, state)

    assert [b.code for b in never_begun(ready)] == ["release-state"]


def test_a_stop_of_the_release_keeps_it_from_being_rehearsed(ready):
    type(ready.release).objects.update(blocked_reason="Legal looks at it.")

    assert "release-blocked" in [b.code for b in never_begun(ready)]


def test_nobody_rehearses_in_a_freeze(ready):
    releases.freeze(tiers=["staging"])

    assert [b.code for b in never_begun(ready)] == ["frozen"]


def test_nobody_rehearses_where_the_hooks_of_a_deployment_are_unfit(ready):
    for place in (ready.staging, ready.production):
        shipping.hook(place, name="Back", driver="tool", config={"does": "back"}, on="rollback")
    Hook.objects.filter(environment=ready.staging, on="deploy").update(is_active=False)

    assert [b.code for b in never_begun(ready)] == ["no-hook"]


def test_a_rehearsal_does_not_overtake_those_who_wait_for_the_environment(ready):
    other = releases.release(ready.product, state="testing", version="4.9.0")
    shipping.deployment(other, ready.staging, "queued", queued_at=timezone.now())

    assert [b.code for b in never_begun(ready)] == ["queue-before"]


def test_a_rehearsal_does_not_take_the_time_that_another_booked(ready):
    other = releases.release(ready.product, state="testing", version="4.9.0")
    row = shipping.deployment(other, ready.staging, "scheduled")
    begun = timezone.now() - timedelta(minutes=5)
    Booking.objects.create(
        deployment=row, environment=ready.staging, starts_at=begun, ends_at=begun + timedelta(hours=1)
    )

    assert [b.code for b in never_begun(ready)] == ["environment-booked"]


def test_a_stop_of_the_environment_is_said_once(ready):
    Environment.objects.filter(pk=ready.staging.pk).update(blocked_reason="The disk is full.")

    assert [b.code for b in never_begun(ready)] == ["environment-blocked"]


def test_the_page_shows_why_it_cannot_be_rehearsed_now_and_has_no_button(ready, client):
    client.force_login(ready.deployer)
    address = "/r/payments/4.8.0/rehearse/staging/"
    assert "could also be deployed there again" not in client.get(address).text
    releases.freeze(tiers=["staging"])

    said = client.get(address).text

    assert "freezes Staging" in said
    assert "could also be deployed there again" in said
    assert client.post(address).status_code == 409


# A step that was skipped


@pytest.fixture
def skipping(ready, tool) -> Deployment:
    """A rehearsal whose second step failed, and was skipped by the deployer."""
    releases.rollback_plan(ready.release)
    for place in (ready.staging, ready.production):
        for name in ("Drain", "Restore"):
            does = {"does": name.lower()}
            shipping.hook(place, name=name, driver="tool", config=does, on="rollback", on_failure="pause")
    tool.answers["restore"] = Progress("failed", "", 0, "There is no backup.")
    made = rehearsed(ready)
    assert made.state == "paused"
    doors.resume(made.pk, actor=ready.deployer, reason="We have none here.", how="skip")
    turn()
    return fresh(made)


def test_a_rehearsal_in_which_a_step_was_skipped_does_not_count(ready, skipping):
    assert skipping.state == "succeeded"
    assert way_back.rehearsal_of(fresh(ready.release)).made is None

    with pytest.raises(Refused) as refusal:
        ready.into_production()

    said = {b.code: b.message for b in refusal.value.blockers}
    assert f"In the last try, #{skipping.pk}, “Restore” was skipped" in said["rehearsal-missing"]


def test_it_is_not_noted_as_rehearsed_and_the_candidate_is_put_back_all_the_same(ready, skipping):
    assert fresh(ready.release).rollback_plan.rehearsed_at is None
    again = ready.staging.deployments.running().get()
    assert (again.candidate, again.kind) == (ready.release.candidate, "deploy")


def test_page_and_sheet_say_that_a_step_was_skipped(ready, skipping, client):
    client.force_login(ready.deployer)
    said = client.get("/r/payments/4.8.0/way-back/").text
    assert "“Restore” was skipped in Staging" in said
    notes = [note.text for note in around.way_back_notes(fresh(ready.release)) if note.topic == "Rehearsal"]
    assert notes == ["In the rehearsal in Staging “Restore” was skipped, so it does not count."]


def test_a_step_that_was_tried_again_and_succeeded_was_not_skipped(ready, tool):
    Hook.objects.filter(environment=ready.staging).update(on_failure="pause")
    tool.answers["ship"] = Progress("failed", "", 0, "The disk is full.")
    made = rehearsed(ready)
    tool.answers.clear()
    doors.resume(made.pk, actor=ready.deployer, reason="There is room again.", how="retry")
    turn()

    found = way_back.rehearsal_of(fresh(ready.release))
    assert (found.made, found.is_fresh) == (made, True)


# The point of no return


def test_after_the_point_of_no_return_there_is_no_rollback(easy):
    Hook.objects.filter(environment=easy.production).update(point_of_no_return=True)
    made = easy.approved().into_production()
    assert [point.crossed_at for point in way_back.points(fresh(made), made.way_back)] == [None]
    turn()

    with pytest.raises(Refused) as refusal:
        doors.roll_back(made.pk, actor=easy.deployer, reason="Errors.")

    assert codes(refusal) == ["point-of-no-return"]
    assert "“Ship”" in refusal.value.blockers[0].message
    assert fresh(made).state == "succeeded"


def test_before_the_point_of_no_return_there_is_still_a_way_back(easy, tool):
    Hook.objects.filter(environment=easy.production).update(point_of_no_return=True, on_failure="pause")
    tool.answers["ship"] = Progress("failed", "", 0, "Nothing was migrated.")
    made = easy.approved().into_production()
    turn()
    tool.answers.clear()

    doors.roll_back(made.pk, actor=easy.deployer, reason="Errors.")

    assert fresh(made).state == "rolling_back"


def test_past_the_point_of_no_return_nothing_is_rolled_back_by_itself(easy):
    releases.rollback_plan(easy.release, automatic=True)
    Hook.objects.filter(environment=easy.production).update(point_of_no_return=True)
    Environment.objects.filter(pk=easy.production.pk).update(url="http://127.0.0.1:9")
    Verification.objects.update(timeout_s=0)
    made = easy.approved().into_production()
    turn()

    assert fresh(made).state == "failed"
    assert not made.rollbacks.exists()


# What came there without Slipway


@pytest.mark.parametrize(("version", "what"), [("9.9.9", "9.9.9 was put there"), ("", "It was taken out")])
def test_nobody_rehearses_where_something_else_was_put_without_slipway(ready, version, what):
    report(ready, version)

    with pytest.raises(Refused) as refusal:
        rehearse(ready.release.pk, ready.staging.pk, actor=ready.deployer)

    assert codes(refusal) == ["not-there"]
    assert f"is not what runs verified in Staging. {what} without Slipway" in refusal.value.blockers[0].message
    assert not Deployment.objects.filter(is_rehearsal=True).exists()


def test_the_place_to_rehearse_is_not_where_something_else_was_put_without_slipway(ready):
    assert way_back.place_to_rehearse(ready.release) == ready.staging
    report(ready, "9.9.9")

    assert way_back.place_to_rehearse(ready.release) is None
    with pytest.raises(Refused) as refusal:
        ready.into_production()
    assert [b.fix for b in refusal.value.blockers if b.code == "rehearsal-missing"] == ["Open the way back"]


def test_deployed_there_again_the_candidate_can_be_rehearsed(ready):
    report(ready, "9.9.9")
    ready.into_staging()
    turn()

    assert rehearsed(ready).state == "succeeded"


def test_a_candidate_that_was_only_seen_there_is_not_rehearsed(ready):
    Deployment.objects.update(verified_at=F("verified_at") - timedelta(minutes=10))
    report(ready, "9.9.9")
    report(ready, ready.release.candidate.version)

    assert way_back.place_to_rehearse(ready.release) is None


def test_what_runs_by_a_rollback_is_not_rehearsed_and_not_offered(ready):
    Deployment.objects.filter(environment=ready.staging, release=ready.release).update(
        kind="rollback", rolls_back=Deployment.objects.get(environment=ready.production)
    )

    assert way_back.place_to_rehearse(ready.release) is None
    with pytest.raises(Refused) as refusal:
        rehearse(ready.release.pk, ready.staging.pk, actor=ready.deployer)
    assert codes(refusal) == ["not-there"]


def report(place, version: str) -> None:
    reporter = accounts.person(roles=["contributor"], on=place.product, is_service=True)
    assert report_deployment(place.staging.pk, actor=reporter, version=version).outcome == "recorded"


def test_the_page_says_before_that_a_soak_would_begin_anew(ready, client):
    phase = Phase.objects.create(product=ready.product, name="Dress rehearsal", soak_minutes=90)
    Environment.objects.filter(pk=ready.staging.pk).update(phase=phase)
    client.force_login(ready.deployer)
    address = "/r/payments/4.8.0/rehearse/staging/"
    assert "its soak of 1 h 30 min begins anew" in client.get(address).text

    Deployment.objects.update(verified_at=F("verified_at") - timedelta(minutes=91))
    assert "begins anew" not in client.get(address).text
