"""An approval that was given before any deployment exists: it counts at the start, and keeps no place in any queue."""

import pytest

from approvals.actions import cast_vote, request_release_approval
from core import outbox
from core.blockers import Refused
from core.models import Delivery
from deployments.actions import deployment as doors
from deployments.models import Deployment
from releases import actions as release_doors
from tests.approvals.conftest import shown
from tests.deployments.conftest import fresh, turn
from tests.factories import accounts, approvals, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db


@pytest.fixture
def agreed(place, tool):
    """The release is approved through the doors, and nothing of it was ever deployed."""
    approvals.required(place.release.strategy, "functional")
    releases.change(place.product, place.release, state="approved")
    releases.rollback_plan(place.release)
    approvals.signed_off(place.release, "functional")
    approvals.policy({"qa-approver": 1})
    manager = accounts.person("maren", roles=["release-manager"], on=place.product)
    quinn = accounts.person("quinn", roles=["qa-approver"], on=place.product)
    request = request_release_approval(place.release.pk, actor=manager)
    cast_vote(request.pk, actor=quinn, verdict="approve", digest=shown(request))
    deliver_all()
    assert not Deployment.objects.exists()
    return place


def deliver_all() -> None:
    for pk in Delivery.objects.filter(consumer__startswith="approvals.").order_by("pk").values_list("pk", flat=True):
        outbox.deliver(pk)


def test_it_makes_the_release_ready_and_starts_nothing(agreed):
    assert fresh(agreed.release).state == "ready"
    assert not Deployment.objects.exists()


def test_it_counts_when_production_starts_days_later(agreed):
    agreed.into_staging()
    turn()

    row = agreed.into_production()

    assert row.state == "running"
    assert fresh(agreed.release).state == "deploying"


def test_it_does_not_open_a_phase_that_is_not_open(agreed):
    with pytest.raises(Refused) as refusal:
        agreed.into_production()

    assert [b.code for b in refusal.value.blockers] == ["not-verified-before"]


def test_it_holds_no_queue_another_release_goes_before_it(agreed):
    other = releases.release(agreed.product, state="testing", version="4.8.1")

    assert doors.deploy(other.pk, agreed.staging.pk, actor=agreed.deployer).state == "running"
    assert not Deployment.objects.filter(release=agreed.release).exists()


def test_a_new_candidate_takes_it_back(agreed):
    robot = accounts.person("robin", roles=["contributor"], on=agreed.product)
    artifacts = [{"name": "image", "digest": "sha256:" + "b" * 64}]
    release_doors.add_candidate(
        agreed.release.pk, actor=robot, version="", commit="e" * 40, artifacts=artifacts, build_url=""
    )
    deliver_all()
    release = fresh(agreed.release)
    shipping.deployment(release, agreed.staging, "succeeded")
    releases.put_in_state(release, "ready")

    with pytest.raises(Refused) as refusal:
        doors.deploy(release.pk, agreed.production.pk, actor=agreed.deployer)

    assert any(b.code.startswith("approval") for b in refusal.value.blockers)
