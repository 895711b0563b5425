"""What the gates of a deployment let pass, and what looks like a reason and is none."""

from datetime import timedelta

import pytest
from django.http import Http404
from django.utils import timezone

from core.blockers import Refused
from deployments import pipeline, way_back
from deployments.actions import deployment as doors
from deployments.actions import runbook
from deployments.models import Deployment, Runbook, RunbookStep
from releases.models import Product
from tests.deployments.conftest import fresh, turn
from tests.deployments.line import Line, make
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db


def codes_of(door, *args, **kwargs) -> list[str]:
    with pytest.raises(Refused) as refusal:
        door(*args, **kwargs)
    return [b.code for b in refusal.value.blockers]


# The order of candidates


def test_an_earlier_candidate_of_the_same_release_does_not_follow_a_later_one(place, tool):
    planned = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer)
    first = place.release.candidate
    releases.candidate(place.release)
    place.verified_in_staging()
    type(place.release).objects.filter(pk=place.release.pk).update(candidate=first)

    assert codes_of(doors.start_deployment, planned.pk, actor=place.deployer) == ["older-than-running"]


def test_what_runs_there_may_be_deployed_again(place, tool):
    place.verified_in_staging()

    assert place.into_staging().state == "running"


def test_nothing_is_planned_for_a_release_without_a_candidate(place, tool):
    type(place.release).objects.filter(pk=place.release.pk).update(candidate=None)

    asked = {"actor": place.deployer}
    assert codes_of(doors.plan_deployment, place.release.pk, place.staging.pk, **asked) == ["no-candidate"]
    assert not Deployment.objects.exists()


def test_what_never_started_has_nothing_to_undo(place, tool):
    shipping.verified(place.staging, "4.7.0")
    planned = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer)
    doors.abort(planned.pk, actor=place.deployer, reason="Not now.")

    assert codes_of(doors.roll_back, planned.pk, actor=place.deployer, reason="Undo it.") == ["never-started"]


def test_a_rollback_is_not_rolled_back(place, tool):
    shipping.verified(place.staging, "4.7.0")
    made = place.verified_in_staging()
    back = doors.roll_back(made.pk, actor=place.deployer, reason="Errors.")
    turn()

    assert codes_of(doors.roll_back, back.pk, actor=place.deployer, reason="Undo it.") == ["is-rollback"]


def test_the_way_back_leads_to_what_was_verified_last_and_not_to_what_came_after(place):
    for version in ("4.6.0", "4.7.0"):
        shipping.verified(place.staging, version)
    made = place.verified_in_staging()
    assert made.way_back.candidate.version == "4.7.0-rc.1"
    shipping.verified(place.staging, "4.9.0")
    assert fresh(made).way_back.candidate.version == "4.7.0-rc.1"


def test_a_candidate_that_was_deployed_twice_is_not_its_own_way_back(place):
    shipping.verified(place.staging, "4.7.0")
    place.verified_in_staging()
    assert place.verified_in_staging().way_back.candidate.version == "4.7.0-rc.1"


# Rehearsals


@pytest.fixture
def demanding(place, tool):
    """Ready for production, where the product asks for a rehearsal that nobody made."""
    shipping.verified(place.staging, "4.7.0")
    shipping.verified(place.production, "4.6.0")
    Product.objects.update(rehearsed_strategies=[place.release.strategy])
    place.release.refresh_from_db()
    return place.approved()


def test_nobody_asks_for_a_rehearsal_before_production(demanding):
    assert demanding.into_staging().state == "running"
    assert "rehearsal-missing" in codes_of(demanding.into_production)


def test_a_rollback_that_was_meant_proves_no_way_back(demanding):
    made = demanding.staging.deployments.running().get()
    doors.roll_back(made.pk, actor=demanding.deployer, reason="Errors.")
    turn()
    assert fresh(made).state == "rolled_back"
    assert way_back.rehearsal_of(fresh(demanding.release)).made is None

    demanding.verified_in_staging()
    assert "rehearsal-missing" in codes_of(demanding.into_production)


def test_of_several_rehearsals_the_newest_that_still_fits_counts(demanding):
    made = demanding.staging.deployments.running().get()
    fits = way_back.digest(demanding.release, demanding.staging)
    for digest in (fits, "sha256:of-another-way"):
        rehearsal = {"kind": "rollback", "rolls_back": made, "is_rehearsal": True, "way_back_digest": digest}
        shipping.deployment(demanding.release, demanding.staging, "succeeded", **rehearsal)

    found = way_back.rehearsal_of(fresh(demanding.release))

    assert (found.is_fresh, found.made.way_back_digest) == (True, fits)


# Points of no return


@pytest.fixture
def crossed(place) -> RunbookStep:
    """A step of the release's runbook that is marked as a point of no return, not done yet."""
    book = runbook.add_runbook(place.release.pk, actor=place.deployer)
    step = runbook.add_step(
        book.pk, actor=place.deployer, name="Migrate", owner=place.deployer, point_of_no_return=True
    )
    Runbook.objects.update(state="running")
    return step


@pytest.mark.parametrize(
    ("step", "book", "told", "is_crossed"),
    [("waiting", "running", True, False), ("failed", "running", True, False), ("skipped", "running", True, False),
     ("done", "running", True, True), ("done", "aborted", True, True), ("failed", "aborted", False, False)],
)  # fmt: skip
def test_a_marked_step_is_crossed_once_it_is_done_and_is_no_matter_of_an_aborted_runbook_before(
    place, crossed, step, book, told, is_crossed
):
    RunbookStep.objects.update(state=step, ended_at=timezone.now())
    Runbook.objects.update(state=book)
    made = shipping.deployment(fresh(place.release), place.production, "running")

    points = [point for point in way_back.points(made, made.way_back) if point.what == "step of the runbook"]

    assert [bool(point.crossed_at) for point in points] == ([is_crossed] if told else [])


def test_a_marked_step_is_a_matter_of_production_alone(place, tool, crossed):
    shipping.verified(place.staging, "4.7.0")
    RunbookStep.objects.update(state="done", ended_at=timezone.now())
    made = place.verified_in_staging()

    assert doors.roll_back(made.pk, actor=place.deployer, reason="Errors.").state == "running"


def test_a_call_that_is_not_marked_closes_no_way_back(place, tool):
    shipping.verified(place.staging, "4.7.0")
    made = place.into_staging()
    turn()

    assert way_back.points(fresh(made), made.way_back) == []


# Phases


@pytest.fixture
def line(tool) -> Line:
    return make()


def test_a_soak_counts_from_the_first_of_several_deployments_of_the_same_candidate(line):
    line.phase(line.test, soak_minutes=60)
    line.verify(line.test, ago_minutes=70)
    line.verify(line.test, ago_minutes=10)

    assert line.deploy(line.eu).state == "running"


def test_a_soak_is_over_in_the_very_instant(line):
    line.phase(line.test, soak_minutes=60)
    made = line.verify(line.test)
    over = made.verified_at + timedelta(minutes=60)

    def is_open(at):
        seen = pipeline.of(line.release, at)
        return seen.is_open(seen.phases[1])

    assert [is_open(over - timedelta(microseconds=1)), is_open(over)] == [False, True]


def test_what_only_a_rollback_brought_there_has_not_been_there(line):
    undone = shipping.verified(line.test, "4.9.0")
    line.verify(line.test, kind="rollback", rolls_back=undone)

    assert not pipeline.of(line.release).phases[0].is_reached


def test_a_phase_opens_with_the_last_of_those_before_it_and_names_the_nearest(line):
    line.phase(line.test, name="First", soak_minutes=90)
    line.phase(line.eu, name="Second", soak_minutes=60)
    first, second = line.verify(line.test), line.verify(line.eu)

    seen = pipeline.of(line.release)

    assert seen.opens_at(seen.phases[2]) == first.verified_at + timedelta(minutes=90)
    assert seen.opened_by(seen.phases[2]) == second
    Deployment.objects.filter(pk=second.pk).delete()
    seen = pipeline.of(line.release)
    assert seen.opens_at(seen.phases[2]) is None  # somebody must deploy to the second one first
    assert seen.opened_by(seen.phases[2]) == first


def test_the_door_asks_for_the_right_before_it_says_anything_of_the_release(place):
    type(place.release).objects.filter(pk=place.release.pk).update(candidate=None)

    with pytest.raises(Http404):
        doors.plan_deployment(place.release.pk, place.staging.pk, actor=accounts.person())
