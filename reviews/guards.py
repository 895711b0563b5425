"""What stands in the way of a review, an action item, and the end of a release."""

from django.urls import reverse

from core.blockers import Blocker
from core.gates import Clear
from reviews.states import ActionState, ReviewState


def _page(review, part: str = "") -> str:
    return reverse("reviews:review", args=[review.pk]) + part


def unwritten(review) -> list[Blocker]:
    """The review has an outcome and a summary."""
    found = []
    if not review.outcome:
        found.append(
            Blocker(
                "review-outcome",
                "The review does not say yet how the release went.",
                _page(review, "#write"),
                "Choose an outcome",
                "outcome",
            )
        )
    if not review.summary.strip():
        found.append(
            Blocker("review-summary", "The review has no summary.", _page(review, "#write"), "Write it", "summary")
        )
    return found


def unowned(action) -> list[Blocker]:
    """An accepted action item has an owner and a date."""
    page = _page(action.review, f"#action-{action.pk}")
    found = []
    if action.owner_id is None:
        found.append(Blocker("action-owner", f"“{action.title}” has no owner.", page, "Name an owner", "owner"))
    if action.due_on is None:
        found.append(Blocker("action-date", f"“{action.title}” has no date.", page, "Set a date", "due_on"))
    return found


def review_not_approved(release) -> list[Blocker]:
    review = _review_of(release)
    if review is None:
        return [Blocker("review-missing", "The review has not been opened yet; Slipway opens it within a minute.")]
    if review.state in (ReviewState.APPROVED, ReviewState.CLOSED):
        return []
    said = {
        ReviewState.IN_REVIEW: "The review waits for approval by someone other than the release manager.",
        ReviewState.REOPENED: "The review was sent back and is not approved.",
    }.get(review.state, "The review is not written yet.")
    return [Blocker("review-not-approved", said, _page(review), "Open the review")]


def review_approved(release) -> Clear:
    review = _review_of(release)
    return Clear(f"Approved by {review.approved_by.name}" if review.approved_by else "")


def actions_unowned(release) -> list[Blocker]:
    """Each mandatory action item has an owner and a date, or was dropped with a reason."""
    review = _review_of(release)
    if review is None:
        return []
    open_items = [a for a in review.actions.all() if a.mandatory and a.state != ActionState.DROPPED]
    return [blocker for action in open_items for blocker in unowned(action)]


def actions_owned(release) -> str:
    items = [a for a in _review_of(release).actions.all() if a.mandatory]
    return f"{len(items)} mandatory, each with owner and date" if items else "None needed"


def _review_of(release):
    return getattr(release, "review_of", None)
