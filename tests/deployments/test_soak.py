"""What soaks, and what ends it: another version from outside, a rollback that was meant, and a rehearsal, which only borrows."""

from datetime import timedelta

import pytest
from django.utils import timezone

from deployments import pipeline
from deployments.actions import deployment as doors
from deployments.actions import promotion
from deployments.actions.rehearsal import rehearse
from deployments.actions.sighting import report_deployment
from deployments.drivers import Progress
from deployments.models import Deployment
from tests.deployments.conftest import fresh, turn
from tests.deployments.line import Line, make
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db


@pytest.fixture
def line(tool) -> Line:
    return make()


@pytest.fixture
def soaking(line) -> Line:
    """Test soaks for an hour, 4.7.0 is what ran there before, and EU is deployed to by itself."""
    shipping.verified(line.test, "4.7.0", verified_at=ago(2_000), started_at=ago(2_001))
    line.phase(line.test, name="First", soak_minutes=60)
    line.automatic(line.eu)
    return line


def ago(minutes: int):
    return timezone.now() - timedelta(minutes=minutes)


def seen(line, *, minutes_ago: int, version: str = "9.9.9", environment=None, **told):
    reporter = accounts.person(roles=["contributor"], on=line.product, is_service=True)
    place = environment or line.test
    return report_deployment(place.pk, actor=reporter, version=version, at=ago(minutes_ago), **told)


def rehearsed(line) -> Deployment:
    """Test went back to 4.7.0 and has the candidate again; the put back one."""
    rehearse(line.release.pk, line.test.pk, actor=line.deployer)
    turn()
    return line.test.deployments.running().get()


# From outside


@pytest.mark.parametrize(
    ("version", "what"),
    [("9.9.9", "9.9.9 took its place"), ("", "it was taken out"), ("4.9.0", "4.9.0 took its place")],
)
def test_a_soak_that_something_from_outside_cut_short_does_not_count(soaking, version, what):
    releases.release(soaking.product, state="testing", version="4.9.0")
    soaking.verify(soaking.test, ago_minutes=100)
    seen(soaking, minutes_ago=80, version=version)

    blocker = soaking.refused(soaking.eu)[0]

    assert blocker.code == "soak-cut-short"
    assert f"ran in Test for 20 min of 1 h, then {what}" in blocker.message
    assert "without Slipway. Deploy it there again." in blocker.message
    assert promotion.promote(soaking.release.pk) == []


def test_what_came_from_outside_after_the_soak_takes_nothing_from_it(soaking):
    soaking.verify(soaking.test, ago_minutes=100)
    seen(soaking, minutes_ago=40)

    assert [d.environment for d in promotion.promote(soaking.release.pk)] == [soaking.eu]


def test_what_ran_there_before_the_candidate_does_not_cut_its_soak(soaking):
    soaking.verify(soaking.test, ago_minutes=100)
    seen(soaking, minutes_ago=120)

    assert soaking.deploy(soaking.eu).state == "running"


def test_a_report_about_another_environment_cuts_nothing(soaking):
    soaking.verify(soaking.test, ago_minutes=100)
    seen(soaking, minutes_ago=80, environment=soaking.us)

    assert soaking.deploy(soaking.eu).state == "running"


def test_a_report_of_the_candidate_itself_cuts_nothing(soaking):
    soaking.verify(soaking.test, ago_minutes=100)
    shipping.sighting(soaking.test, soaking.release.candidate.version, candidate=soaking.release.candidate, at=ago(90))

    assert soaking.deploy(soaking.eu).state == "running"


def test_the_earlier_of_a_report_and_a_deployment_is_what_cut_the_soak(soaking):
    row = soaking.verify(soaking.test, ago_minutes=100)
    other = releases.release(soaking.product, state="testing", version="4.7.9")
    shipping.deployment(other, soaking.test, "failed", started_at=ago(90))
    seen(soaking, minutes_ago=70)

    standing = pipeline.of(soaking.release).phases[0].standings[0]

    assert (standing.cut_at < row.verified_at + timedelta(minutes=11), standing.cut_by) == (True, "")


def test_deployed_again_after_something_from_outside_the_candidate_soaks_anew(soaking):
    soaking.verify(soaking.test, ago_minutes=100)
    seen(soaking, minutes_ago=80)
    soaking.verify(soaking.test, ago_minutes=10)

    assert "for another 50 min" in soaking.refused(soaking.eu)[0].message


def test_the_engine_that_was_aimed_at_the_end_of_the_soak_promotes_nothing_and_rests(soaking):
    row = soaking.verify(soaking.test, ago_minutes=20)
    promotion.promote(soaking.release.pk)
    seen(soaking, minutes_ago=5)
    Deployment.objects.filter(pk=row.pk).update(due_at=timezone.now())

    turn()

    assert fresh(row).due_at is None
    assert not soaking.eu.deployments.exists()


# Taken back


def test_what_was_verified_before_the_candidate_was_taken_back_does_not_count_either(line):
    line.verify(line.test, ago_minutes=100)
    releases.put_in_state(line.verify(line.test, ago_minutes=50), "rolled_back")

    assert line.codes(line.eu) == ["not-verified-before"]


# Rehearsals


def test_a_rehearsal_before_the_end_of_the_soak_lets_it_begin_anew(soaking):
    soaking.verify(soaking.test, ago_minutes=20)

    again = rehearsed(soaking)

    standing = pipeline.of(soaking.release).phases[0].standings[0]
    assert (standing.deployment, standing.soaked_at) == (again, again.verified_at + timedelta(minutes=60))
    assert not soaking.eu.deployments.exists()


def test_the_engine_waits_for_the_soak_that_a_rehearsal_began_anew(soaking):
    row = soaking.verify(soaking.test, ago_minutes=20)
    promotion.promote(soaking.release.pk)

    again = rehearsed(soaking)
    promotion.promote(soaking.release.pk)

    assert (fresh(row).due_at, fresh(again).due_at) == (None, again.verified_at + timedelta(minutes=60))


def test_a_rehearsal_after_the_soak_takes_nothing_from_it(soaking):
    soaking.verify(soaking.test, ago_minutes=100)

    rehearsed(soaking)

    assert [d.environment for d in promotion.promote(soaking.release.pk)] == [soaking.eu]


def test_what_was_promoted_before_a_rehearsal_is_not_promoted_again(soaking):
    soaking.verify(soaking.test, ago_minutes=100)
    promotion.promote(soaking.release.pk)
    turn()

    rehearsed(soaking)

    assert promotion.promote(soaking.release.pk) == []
    assert soaking.eu.deployments.count() == 1


def test_while_it_is_rehearsed_the_next_phase_is_closed(soaking):
    soaking.verify(soaking.test, ago_minutes=100)
    rehearse(soaking.release.pk, soaking.test.pk, actor=soaking.deployer)

    assert promotion.promote(soaking.release.pk) == []
    assert soaking.codes(soaking.eu) == ["not-verified-before"]


def test_until_it_was_put_back_a_rehearsed_candidate_does_not_count(soaking):
    soaking.verify(soaking.test, ago_minutes=100)
    rehearse(soaking.release.pk, soaking.test.pk, actor=soaking.deployer)
    releases.freeze(tiers=[soaking.test.tier])
    turn()

    assert soaking.test.deployments.latest("pk").state == "awaiting_approval"
    assert "not-verified-before" in soaking.codes(soaking.us)


def test_after_a_rehearsal_that_failed_the_candidate_does_not_count(soaking, tool):
    soaking.verify(soaking.test, ago_minutes=100)
    rehearse(soaking.release.pk, soaking.test.pk, actor=soaking.deployer)
    tool.answers["ship"] = Progress("failed", "", 0, "The disk is full.")
    turn()

    assert soaking.codes(soaking.eu) == ["not-verified-before"]


def test_a_rollback_that_was_meant_ends_what_had_soaked_for_good(soaking):
    row = soaking.verify(soaking.test, ago_minutes=100)
    doors.roll_back(row.pk, actor=soaking.deployer, reason="Errors.")
    turn()
    assert fresh(row).state == "rolled_back"
    soaking.verify(soaking.test)

    assert [b.code for b in soaking.refused(soaking.eu)] == ["still-soaking"]


def test_a_rehearsal_that_failed_does_not_make_a_rehearsal_of_the_rollback_after_it(soaking, tool):
    row = soaking.verify(soaking.test, ago_minutes=100)
    rehearse(soaking.release.pk, soaking.test.pk, actor=soaking.deployer)
    tool.answers["ship"] = Progress("failed", "", 0, "The disk is full.")
    turn()
    tool.answers.clear()
    doors.roll_back(row.pk, actor=soaking.deployer, reason="Errors.")
    turn()
    assert fresh(row).state == "rolled_back"
    soaking.verify(soaking.test)

    assert [b.code for b in soaking.refused(soaking.eu)] == ["still-soaking"]
