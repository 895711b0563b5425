"""A release that does not work in production: the last verified candidate comes back, and the release is reviewed."""

import pytest

from core.blockers import Refused
from core.events import stream_of
from core.models import Event
from deployments.actions import deployment as deployments
from deployments.actions import verification
from deployments.actions.confirmation import confirm_rollback
from deployments.models import Deployment
from reviews.models import Review
from tests.journeys import story

pytestmark = pytest.mark.journey


def ship_the_good_one(slipway, people, shop):
    """4.7.2 runs in staging and production, verified."""
    good = story.ready(people, shop, "4.7.2", "v4.7.2")
    for place in (shop.staging, shop.production):
        slipway.until_state(story.deploy(people, good, place), "succeeded")
    slipway.until_state(good, "review")
    return good


def let_the_broken_one_through_staging(slipway, people, shop, **plan):
    """4.9.0 starts and names its version, but is not well. Staging asks for its version only, so nobody sees it there."""
    verification.set_verification(shop.staging.pk, actor=people.admin, path="/version")
    verification.set_verification(shop.production.pk, actor=people.admin, timeout_s=3)
    broken = story.ready(people, shop, "4.9.0", "v4.9.0-rc.1", **plan)
    slipway.until_state(story.deploy(people, broken, shop.staging), "succeeded")
    return broken


def is_back(slipway, people, shop, broken, failed) -> None:
    """The version before answers, everything says what happened, and the review is open."""
    slipway.until_state(failed, "rolled_back")
    assert shop.runs_in(shop.production) == "4.7.2-rc.1"
    assert shop.answer(shop.production, "/health") == {"healthy": True}
    rollback = Deployment.objects.get(rolls_back=failed)
    assert (rollback.state, rollback.kind, rollback.candidate.version) == ("succeeded", "rollback", "4.7.2-rc.1")
    slipway.until_state(broken, "review")
    names = list(Event.objects.filter(stream=stream_of(broken)).order_by("seq").values_list("name", flat=True))
    assert names[-3:] == ["release.deploying_started", "release.rolled_back", "release.review_opened"]
    assert story.change_of(broken).state == "backed_out"
    slipway.until_state(Review.objects.get(release=broken), "draft")
    confirm_rollback(rollback.pk, actor=people.change_manager, comment="4.7.2 answers again.")
    story.close(people, broken, outcome="failure")
    slipway.until_settled()


def test_a_release_that_is_not_well_in_production_is_taken_back_by_itself(slipway, people, shop):
    ship_the_good_one(slipway, people, shop)
    broken = let_the_broken_one_through_staging(slipway, people, shop, automatic=True)

    failed = story.deploy(people, broken, shop.production)

    slipway.until_state(failed, "rolled_back")
    rolling = Event.objects.get(name="deployment.rolling_back")
    assert rolling.payload["automatic"] is True
    assert "Not verified within 3 s" in rolling.payload["reason"]
    is_back(slipway, people, shop, broken, failed)


def test_a_deployer_takes_back_a_release_that_did_not_become_well(slipway, people, shop):
    ship_the_good_one(slipway, people, shop)
    broken = let_the_broken_one_through_staging(slipway, people, shop)

    failed = slipway.until_state(story.deploy(people, broken, shop.production), "failed")
    broken.refresh_from_db()
    assert broken.state == "deploying"  # half-way, and somebody has to decide
    assert shop.runs_in(shop.production) == "4.9.0-rc.1"
    with pytest.raises(Refused):
        deployments.roll_back(failed.pk, actor=people.deployer, reason=" ")

    deployments.roll_back(failed.pk, actor=people.deployer, reason="Its ledger does not answer.")

    is_back(slipway, people, shop, broken, failed)


def test_a_release_that_went_well_can_still_be_taken_back(slipway, people, shop):
    ship_the_good_one(slipway, people, shop)
    later = story.ready(people, shop, "4.8.0", "v4.8.0-rc.3")
    for place in (shop.staging, shop.production):
        shipped = slipway.until_state(story.deploy(people, later, place), "succeeded")
    slipway.until_state(later, "review")
    assert shop.runs_in(shop.production) == "4.8.0-rc.1"

    deployments.roll_back(shipped.pk, actor=people.deployer, reason="Refunds are booked twice.")

    slipway.until_state(shipped, "rolled_back")
    assert shop.runs_in(shop.production) == "4.7.2-rc.1"
    slipway.until(lambda: Event.objects.filter(stream=stream_of(later), name="release.review_opened").count() == 2)
    later.refresh_from_db()
    assert later.state == "review"
    assert Review.objects.filter(release=later).count() == 1
