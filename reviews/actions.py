"""Doors of reviews."""

from datetime import timedelta

from django.contrib.auth import get_user_model
from django.utils import timezone

from accounts import policy
from accounts.actions import system_user
from core import moments
from core.blockers import refuse
from core.events import record
from core.locking import locked
from core.machine import MACHINES
from releases.models import Release
from releases.states import ReleaseState
from reviews import facts
from reviews.models import ActionItem, Finding, Review
from reviews.states import ReviewState

User = get_user_model()

DUE = timedelta(days=7)
DUE_EMERGENCY = timedelta(hours=24)
REMIND_BEFORE = timedelta(hours=24)
REMIND_EMERGENCY_BEFORE = timedelta(hours=6)


def open_review(release_id: int) -> Review | None:
    """Open the review of a release that shipped or was rolled back; take the release to review. Harmless to repeat.

    Due after 7 days, after 24 hours for an emergency. A release rolled back while in review gets its review reopened.
    None when the release is in neither state.
    """
    with locked(Release.objects, release_id) as release:
        if release.state not in (ReleaseState.RELEASED, ReleaseState.ROLLED_BACK):
            return None
        due_at = timezone.now() + (DUE_EMERGENCY if release.is_emergency else DUE)
        review, new = Review.objects.get_or_create(release=release, defaults={"due_at": due_at})
        actor = system_user()
        if not new and review.state in (ReviewState.IN_REVIEW, ReviewState.APPROVED):
            review.reopen(reason="The release was rolled back after the review began.")
            review.save()
            record("review.reopened", review, actor=actor)
        release.open_review()
        release.save()
        record("release.review_opened", release, actor=actor, review=review.pk, due_at=review.due_at)
    return review


def collect(review_id: int) -> Review:
    """Fill the review with the facts of its release, anew each time until it is submitted."""
    with locked(Review.objects, review_id) as review:
        if review.state == ReviewState.SCHEDULED:
            review.collect()
            review.finish_collecting()
        if review.state in (ReviewState.DRAFT, ReviewState.REOPENED):
            review.facts = facts.collect(review.release)
            review.save()
            record("review.collected", review, actor=system_user())
    return review


def write_review(review_id: int, *, actor: User, outcome: str, summary: str) -> Review:
    """Set outcome and summary. Raises Refused once it is submitted."""
    with locked(Review.objects, review_id) as review:
        policy.require(actor, "releases.review_release", review)
        _require_open(review)
        review.outcome, review.summary, review.author = outcome, summary, actor
        review.save()
        record("review.written", review, actor=actor, outcome=outcome)
    return review


def add_finding(review_id: int, *, actor: User, kind: str, text: str) -> Finding:
    with locked(Review.objects, review_id) as review:
        policy.require(actor, "releases.comment", review)
        _require_open(review)
        finding = Finding.objects.create(review=review, kind=kind, text=text, added_by=actor)
        record("finding.added", review, actor=actor, kind=kind, text=text)
    return finding


def add_action(
    review_id: int, *, actor: User, title: str, owner: User | None = None, due_on=None, mandatory: bool = True
) -> ActionItem:
    with locked(Review.objects, review_id) as review:
        policy.require(actor, "releases.review_release", review)
        _require_open(review)
        moments.fit(due_on=due_on)
        action = ActionItem.objects.create(review=review, title=title, owner=owner, due_on=due_on, mandatory=mandatory)
        record(
            "action.added",
            review,
            actor=actor,
            action=action.pk,
            title=title,
            owner=owner.pk if owner else None,
            due_on=due_on,
        )
    return action


def change_action(action_id: int, *, actor: User, **fields) -> ActionItem:
    """Change title, owner, due_on, mandatory or outcome of an action item."""
    with locked(ActionItem.objects, action_id) as action:
        policy.require(actor, "releases.review_release", action)
        moments.fit(due_on=fields.get("due_on"))
        before = {name: getattr(action, name) for name in fields}
        for name, value in fields.items():
            setattr(action, name, value)
        action.save()
        changed = {n: [str(before[n] or ""), str(v or "")] for n, v in fields.items() if before[n] != v}
        record("action.changed", action.review, actor=actor, action=action.pk, changed=changed, owner=action.owner_id)
    return action


def take_action_step(action_id: int, name: str, *, actor: User, reason: str = "") -> ActionItem:
    """Move an action item. Its owner may start and finish it; nobody verifies their own."""
    with locked(ActionItem.objects, action_id) as action:
        step = MACHINES["action"].steps[name]
        if not (action.owner_id == actor.pk and name in ("start", "finish")):
            policy.require(actor, step.right if name not in ("start", "finish") else "releases.review_release", action)
        if name == "verify" and action.owner_id == actor.pk:
            refuse("own-action", f"“{action.title}” is yours; somebody else verifies it.")
        getattr(action, name)(reason=reason)
        action.save()
        record(
            f"action.{action.state}", action.review, actor=actor, action=action.pk, title=action.title, reason=reason
        )
    return action


def submit_review(review_id: int, *, actor: User) -> Review:
    """Hand the review over for approval."""
    with locked(Review.objects, review_id) as review:
        policy.require(actor, "releases.review_release", review)
        review.submit()
        review.author = actor
        review.save()
        record("review.submitted", review, actor=actor)
    return review


def approve_review(review_id: int, *, actor: User) -> Review:
    """Approve a submitted review: by someone other than the release manager and the author."""
    with locked(Review.objects, review_id) as review:
        policy.require(actor, "releases.approve_review", review)
        policy.require_person(actor)
        if actor.pk in (review.release.manager_id, review.author_id):
            refuse(
                "own-review",
                "The release manager and the author of a review do not approve it. Ask somebody else who may.",
            )
        review.approved_by = actor
        review.approve()
        review.save()
        record("review.approved", review, actor=actor)
    return review


def reopen_review(review_id: int, *, actor: User, reason: str) -> Review:
    """Send a review back to its author."""
    with locked(Review.objects, review_id) as review:
        policy.require(actor, "releases.approve_review", review)
        review.reopen(reason=reason)
        review.save()
        record("review.reopened", review, actor=actor, reason=reason)
    return review


def close_release(release_id: int, *, actor: User) -> Release:
    """Close a release whose review is approved and whose mandatory action items are owned; the review closes with it."""
    with locked(Release.objects, release_id) as release:
        policy.require(actor, "releases.manage_release", release)
        release.close()
        release.save()
        review = Review.objects.select_for_update(no_key=True, of=("self",)).get(release=release)
        review.close()
        review.save()
        record("release.closed", release, actor=actor)
        record("review.closed", review, actor=actor)
    return release


def remind(review_id: int) -> bool:
    """Record once that a review is due soon. False when that was done, or when it is finished."""
    with locked(Review.objects, review_id) as review:
        if review.reminded_at or review.state in (ReviewState.APPROVED, ReviewState.CLOSED):
            return False
        review.reminded_at = timezone.now()
        review.save()
        record("review.due", review, actor=system_user(), due_at=review.due_at)
    return True


def due_for_reminder() -> list[int]:
    """Ids of unfinished reviews whose reminder is due: a day before the date, six hours for an emergency."""
    now = timezone.now()
    waiting = (
        Review.objects.unfinished()
        .filter(reminded_at__isnull=True, due_at__lte=now + REMIND_BEFORE)
        .select_related("release")
    )
    return [r.pk for r in waiting if not r.release.is_emergency or r.due_at <= now + REMIND_EMERGENCY_BEFORE]


def _require_open(review: Review) -> None:
    if review.state not in (ReviewState.DRAFT, ReviewState.REOPENED):
        refuse("review-not-open", f"The review cannot be edited while it is {review.get_state_display().lower()}.")
