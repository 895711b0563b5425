"""An emergency release goes the short way: fewer tests, one approver, and a review within a day that nobody can skip."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals import actions as approvals
from core.blockers import Refused
from reviews import actions as reviews
from reviews.models import Review
from tests.journeys import story

pytestmark = pytest.mark.journey


def codes(refusal) -> list[str]:
    return [b.code for b in refusal.value.blockers]


def draft_with_candidate(people, shop):
    """Drafted and built, with a way back, and with nothing that only the long way asks for."""
    release = story.draft(people, shop, "4.7.2", "emergency", title="No double booking")
    story.add_candidate(people, release, shop.tags["v4.7.2"])
    story.risk.save_rollback_plan(
        release.pk,
        actor=people.manager,
        trigger="A payment is booked twice",
        steps="Redeploy.",
        expected_minutes=2,
        owner=people.deployer,
    )
    return release


def test_an_emergency_ships_with_one_test_and_one_vote_and_owes_a_review_within_a_day(slipway, people, shop):
    release = draft_with_candidate(people, shop)
    with pytest.raises(Refused) as refusal:
        approvals.expedite_release(release.pk, actor=people.manager)
    assert [code.partition(":")[0] for code in codes(refusal)] == ["signoff-missing", "change-unapproved"]

    story.authorise(people, release)
    story.report_on(people.tester, release, "functional")
    request = approvals.expedite_release(release.pk, actor=people.manager)
    assert [(rule.who, rule.need) for rule in request.rules.all()] == [("role:operations-approver", 1)]
    assert request.due_at <= timezone.now() + timedelta(hours=4)
    with pytest.raises(Refused) as refusal:
        story.vote(request, people.qa)
    assert codes(refusal) == ["no-rule-for-you"]
    story.vote(request, people.operations)
    release.refresh_from_db()
    assert release.state == "ready"

    slipway.until_state(story.deploy(people, release, shop.staging), "succeeded")
    slipway.until_state(story.deploy(people, release, shop.production), "succeeded")
    assert shop.runs_in(shop.production) == "4.7.2-rc.1"

    slipway.until_state(release, "review")
    review = slipway.until_state(Review.objects.get(release=release), "draft")
    assert review.due_at - release.released_at <= timedelta(hours=24, minutes=1)
    with pytest.raises(Refused) as refusal:
        reviews.close_release(release.pk, actor=people.manager)
    assert codes(refusal) == ["review-not-approved", "retrospective-missing"]
    with pytest.raises(Refused) as refusal:
        reviews.approve_review(review.pk, actor=people.change_manager)
    assert codes(refusal) == ["state"]

    story.vote_for_each(people, release.requests.retrospective().get())
    assert release.requests.retrospective().get().state == "approved"
    story.close(people, release)
    release.refresh_from_db()
    assert release.state == "closed"
    slipway.until_settled()


def test_a_release_that_is_no_emergency_cannot_take_the_short_way(people, shop):
    release = story.draft(people, shop, "4.7.2", "patch")
    story.authorise(people, release)
    with pytest.raises(Refused) as refusal:
        approvals.expedite_release(release.pk, actor=people.manager)
    assert "not-emergency" in codes(refusal)
    release.refresh_from_db()
    assert release.state == "draft"
