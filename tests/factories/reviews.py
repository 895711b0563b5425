"""Reviews and action items."""

from datetime import timedelta

from django.utils import timezone

from releases.models import Release
from reviews.models import ActionItem, Review
from tests.factories.releases import put_in_state, release


def review(of: Release | None = None, state: str = "draft", **fields) -> Review:
    of = of or release(state="review")
    defaults = {"due_at": timezone.now() + timedelta(days=7), "outcome": "success", "summary": "It went as planned."}
    return put_in_state(Review.objects.create(release=of, **(defaults | fields)), state)


def action_item(of: Review, state: str = "proposed", **fields) -> ActionItem:
    defaults = {
        "title": "Alert on slow refunds",
        "owner": of.release.manager,
        "due_on": timezone.localdate() + timedelta(days=14),
    }
    return put_in_state(ActionItem.objects.create(review=of, **(defaults | fields)), state)
