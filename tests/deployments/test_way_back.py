"""Where a rollback leads, which deployment is undone next, and what was crossed before: told over several deployments."""

import pytest
from django.utils import timezone

from core.blockers import Refused
from deployments import guards, pipeline, way_back, where
from deployments.actions import deployment as doors
from deployments.drivers import Progress
from deployments.models import Deployment, Hook, Run, Runbook, RunbookStep
from releases.models import Environment, RollbackPlan
from tests.deployments.conftest import fresh, turn
from tests.factories import deployments as shipping
from tests.factories import releases

pytestmark = pytest.mark.django_db


def refused(row: Deployment, place) -> list:
    with pytest.raises(Refused) as refusal:
        doors.roll_back(row.pk, actor=place.deployer, reason="Orders are lost.")
    return refusal.value.blockers


def codes(blockers) -> list[str]:
    return [b.code for b in blockers]


def rolled_back(row: Deployment, place) -> Deployment:
    made = doors.roll_back(row.pk, actor=place.deployer, reason="Orders are lost.")
    turn()
    assert (fresh(made).state, fresh(row).state) == ("succeeded", "rolled_back")
    return fresh(made)


def deployed(place, candidate: bool = False) -> Deployment:
    """The release's candidate, or a newer one of it, into staging by the tool."""
    if candidate:
        releases.candidate(place.release)
        place.release.refresh_from_db()
    made = place.into_staging()
    turn()
    return fresh(made)


# Where it leads


def test_a_rollback_leads_to_what_overtook_while_the_deployment_waited(place, tool):
    shipping.verified(place.staging, "4.7.0")
    planned = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer)
    shipping.verified(place.staging, "4.7.1")
    doors.start_deployment(planned.pk, actor=place.deployer)
    turn()

    back = rolled_back(planned, place)

    assert back.candidate.version == "4.7.1-rc.1"
    assert where.running_in(place.staging).version == "4.7.1-rc.1"


def test_what_overtook_the_very_first_deployment_is_a_way_back(place, tool):
    planned = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer)
    shipping.verified(place.staging, "4.7.1")
    tool.answers["ship"] = Progress("failed", "", 0, "Exit status 1.")
    RollbackPlan.objects.create(release=place.release, automatic=True)
    tool.on_start = lambda call: tool.answers.clear() if call.inputs["version"] == "4.7.1-rc.1" else None

    doors.start_deployment(planned.pk, actor=place.deployer)
    turn()

    assert fresh(planned).state == "rolled_back"
    assert where.running_in(place.staging).version == "4.7.1-rc.1"


def test_until_it_starts_the_way_back_is_what_was_verified_by_now(place):
    planned = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer)
    assert planned.way_back is None
    shipping.verified(place.staging, "4.7.1")

    assert fresh(planned).way_back.candidate.version == "4.7.1-rc.1"
    assert way_back.of(place.release, place.staging).version_to == "4.7.1-rc.1"


# Further back


@pytest.fixture
def twice(place, tool) -> tuple[Deployment, Deployment, Deployment]:
    """Staging: 4.7.0, then the first candidate, then the second one, which was rolled back to the first."""
    shipping.verified(place.staging, "4.7.0")
    first = deployed(place)
    second = deployed(place, candidate=True)
    return first, second, rolled_back(second, place)


def test_what_a_rollback_brought_back_can_be_undone_too(place, twice):
    first, _, _ = twice

    assert rolled_back(first, place).candidate.version == "4.7.0-rc.1"
    assert where.running_in(place.staging).version == "4.7.0-rc.1"


def test_what_was_undone_after_a_rollback_had_brought_it_counts_as_verified_no_more(place, twice):
    first, _, _ = twice
    environments = pipeline.environments_of(place.product)
    assert pipeline.read(first.candidate, environments).phases[0].verified
    doors.roll_back(first.pk, actor=place.deployer, reason="Orders are lost.")
    assert not pipeline.read(first.candidate, environments).phases[0].verified
    turn()

    assert not pipeline.read(first.candidate, environments).phases[0].verified
    assert pipeline.read(first.candidate, environments).phases[0].is_reached


def test_what_was_undone_is_no_way_back_of_a_later_deployment(place, twice):
    first, _, _ = twice
    earliest = rolled_back(first, place).candidate
    again = shipping.deployment(earliest.release, place.staging, "succeeded")

    assert fresh(again).way_back is None


def test_a_rollback_names_what_is_undone_to_go_further_back(place, twice):
    first, _, back = twice

    [blocker] = refused(back, place)

    assert blocker.message.endswith(f"undo what brought {first.candidate.version} there: #{first.pk}.")
    assert blocker.url == first.get_absolute_url()

    rolled_back(first, place)
    [blocker] = refused(back, place)
    assert blocker.message.endswith("Deploy the candidate again instead.")


def test_the_page_of_a_rollback_leads_to_what_is_undone_to_go_further_back(place, twice, client):
    first, _, back = twice
    client.force_login(place.deployer)

    said = client.get(back.get_absolute_url()).text

    assert "To go further back" in said
    assert f'href="{first.get_absolute_url()}"' in said


def test_an_earlier_deployment_that_a_rollback_passed_over_is_not_what_runs(place, tool):
    earlier = shipping.verified(place.staging, "4.7.0")
    first = deployed(place)
    again = deployed(place)
    rolled_back(again, place)

    [blocker] = refused(first, place)

    assert blocker.code == "not-newest"
    assert f"#{earlier.pk} (4.7.0-rc.1)" in blocker.message
    assert blocker.url == earlier.get_absolute_url()


def test_a_later_deployment_that_failed_is_still_the_one_to_undo(place, tool):
    shipping.verified(place.staging, "4.7.0")
    first = deployed(place)
    tool.answers["ship"] = Progress("failed", "", 0, "Exit status 1.")
    second = deployed(place, candidate=True)
    assert second.state == "failed"

    [blocker] = refused(first, place)

    assert (blocker.code, blocker.url) == ("not-newest", second.get_absolute_url())


def test_a_release_that_was_deployed_twice_is_taken_back_as_a_whole(place, tool):
    shipping.verified(place.production, "4.7.0")
    other = Environment.objects.create(product=place.product, name="EU", slug="eu", tier="production", position=9)
    approved = place.approved()
    for _ in range(2):
        made = approved.into_production()
        turn()
    assert fresh(made).state == "succeeded"
    rolled_back(fresh(made), place)

    assert fresh(place.release).state == "rolled_back"
    unproven = guards.production_unproven(fresh(place.release))
    assert codes(unproven) == ["not-verified-in:production", f"not-verified-in:{other.slug}"]


# What was crossed before


@pytest.fixture
def migrating(place, tool):
    """Staging: 4.7.0 runs; a marked call comes before one that fails."""
    shipping.verified(place.staging, "4.7.0")
    Hook.objects.filter(environment=place.staging).update(name="Migrate", point_of_no_return=True)
    shipping.hook(place.staging, name="Restart", driver="tool", config={"does": "restart"}, position=9)
    tool.answers["restart"] = Progress("failed", "", 0, "Exit status 1.")
    return place


@pytest.mark.parametrize("newer", [False, True])
def test_a_point_of_no_return_stays_crossed_at_the_next_deployment(migrating, tool, newer):
    assert codes(refused(deployed(migrating), migrating)) == ["point-of-no-return"]
    tool.answers["ship"] = Progress("failed", "", 0, "The lock is held.")
    next_one = deployed(migrating, candidate=newer)
    assert Run.objects.filter(deployment=next_one, state="succeeded").count() == 0

    [blocker] = refused(next_one, migrating)

    assert blocker.code == "point-of-no-return"
    assert "“Migrate”" in blocker.message


def test_past_a_point_that_an_earlier_deployment_crossed_nothing_is_rolled_back_by_itself(migrating, tool):
    deployed(migrating)
    RollbackPlan.objects.create(release=migrating.release, automatic=True)
    tool.answers["ship"] = Progress("failed", "", 0, "The lock is held.")

    assert deployed(migrating, candidate=True).state == "failed"
    assert not Deployment.objects.filter(kind="rollback").exists()


def test_a_point_that_was_crossed_before_is_told_once_and_as_crossed(migrating, tool):
    crossed = deployed(migrating)
    at = Run.objects.get(deployment=crossed, name="Migrate").ended_at

    told = way_back.of(migrating.release, migrating.staging).no_return

    assert [(point.name, point.crossed_at) for point in told] == [("Migrate", at)]


def test_what_was_verified_after_the_crossing_is_a_way_back_again(migrating, tool):
    deployed(migrating)
    tool.answers.clear()
    Hook.objects.filter(name="Migrate").update(point_of_no_return=False)
    deployed(migrating, candidate=True)
    third = deployed(migrating, candidate=True)

    assert rolled_back(third, migrating).candidate.number == 2


def test_a_rollback_that_deploys_by_marked_hooks_crosses_nothing_behind_itself(place, tool):
    shipping.verified(place.staging, "4.7.0")
    made = deployed(place)
    Hook.objects.filter(environment=place.staging).update(point_of_no_return=True)
    shipping.hook(place.staging, name="Restart", driver="tool", config={"does": "restart"}, position=9)
    tool.answers["restart"] = Progress("failed", "", 0, "Exit status 1.")
    failed = doors.roll_back(made.pk, actor=place.deployer, reason="Orders are lost.")
    turn()
    assert fresh(failed).state == "failed"
    assert Run.objects.filter(deployment=failed, state="succeeded", point_of_no_return=True).exists()
    tool.answers.clear()

    rolled_back(made, place)


def test_what_people_did_in_production_for_another_release_counts_until_something_is_verified_after_it(place):
    shipping.verified(place.production, "4.7.0")
    other = releases.release(place.product, version="4.7.9")
    book = Runbook.objects.create(release=other, name="Cut-over", created_by=place.deployer)
    step = RunbookStep.objects.create(runbook=book, position=1, name="Drop the table", point_of_no_return=True)
    assert way_back.of(place.release, place.production).crossed is None
    RunbookStep.objects.update(ended_at=timezone.now())
    releases.put_in_state(step, "done")

    assert way_back.of(place.release, place.production).crossed.name == "Drop the table"
    assert way_back.of(place.release, place.staging).crossed is None
    shipping.verified(place.production, "4.7.8")
    assert way_back.of(place.release, place.production).crossed is None
