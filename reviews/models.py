"""What we learned: the post-release review, its findings and its action items."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from core.machine import LifecycleModel, Machine, StateField
from releases.models import Product, Release
from reviews.querysets import ReviewQuerySet
from reviews.states import ActionState, FindingKind, Outcome, ReviewState

State = ReviewState
PERSON = settings.AUTH_USER_MODEL
review_machine = Machine("review", label="Post-release review")
action_machine = Machine("action", label="Action item")


class Review(LifecycleModel):
    """The review of one release, opened by its end, filled with facts by itself, approved by someone other than its manager."""

    machine = review_machine

    release = models.OneToOneField(Release, models.PROTECT, related_name="review_of")
    due_at = models.DateTimeField()
    facts = models.JSONField(
        default=dict, blank=True, help_text="Collected: timeline, deployments, waivers, overrides, votes, sign-offs"
    )
    outcome = models.CharField(max_length=8, choices=Outcome.choices, blank=True)
    summary = models.TextField(blank=True)
    author = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="+")
    approved_by = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)
    state = StateField(default=State.SCHEDULED, choices=State.choices, protected=True)
    opened_at = models.DateTimeField(default=timezone.now)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self):
        return f"Review of {self.release}"

    def get_absolute_url(self) -> str:
        return reverse("reviews:review", args=[self.pk])

    @property
    def rights_scope(self) -> Product:
        return self.release.product

    @review_machine.transition(
        state, source=State.SCHEDULED, target=State.COLLECTING, right="", label="Collect", automatic=True
    )
    def collect(self):
        pass

    @review_machine.transition(
        state, source=State.COLLECTING, target=State.DRAFT, right="", label="Finish collecting", automatic=True
    )
    def finish_collecting(self):
        pass

    @review_machine.transition(
        state,
        source=[State.DRAFT, State.REOPENED],
        target=State.IN_REVIEW,
        right="releases.review_release",
        label="Submit for approval",
        gates=("written",),
    )
    def submit(self):
        pass

    @review_machine.transition(
        state,
        source=State.IN_REVIEW,
        target=State.APPROVED,
        right="releases.approve_review",
        label="Approve the review",
        gates=("written",),
    )
    def approve(self):
        self.approved_at = timezone.now()

    @review_machine.transition(
        state,
        source=[State.IN_REVIEW, State.APPROVED],
        target=State.REOPENED,
        right="releases.approve_review",
        label="Send back",
        reason=True,
    )
    def reopen(self, reason: str):
        self.approved_by = self.approved_at = None

    @review_machine.transition(
        state, source=State.APPROVED, target=State.CLOSED, right="", label="Close", automatic=True
    )
    def close(self):
        pass


class Finding(models.Model):
    """Something the review found."""

    review = models.ForeignKey(Review, models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=10, choices=FindingKind.choices)
    text = models.TextField()
    added_by = models.ForeignKey(PERSON, models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["review_id", "pk"]

    def __str__(self):
        return self.text[:60]


class ActionItem(LifecycleModel):
    """What somebody will do about a finding, until when. A mandatory one needs owner and date before the release closes."""

    machine = action_machine

    review = models.ForeignKey(Review, models.PROTECT, related_name="actions")
    finding = models.ForeignKey(Finding, models.SET_NULL, null=True, blank=True, related_name="actions")
    title = models.CharField(max_length=200)
    owner = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="action_items")
    due_on = models.DateField(null=True, blank=True)
    mandatory = models.BooleanField(default=True)
    outcome = models.TextField(blank=True, help_text="What was done, or why it was dropped")
    state = StateField(default=ActionState.PROPOSED, choices=ActionState.choices, protected=True)
    state_since = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["review_id", "pk"]
        constraints = [
            models.CheckConstraint(
                name="action_accepted_is_owned",
                condition=Q(state__in=["proposed", "dropped"]) | Q(owner__isnull=False, due_on__isnull=False),
            ),
        ]

    def __str__(self):
        return self.title

    @property
    def rights_scope(self) -> Product:
        return self.review.rights_scope

    @action_machine.transition(
        state,
        source=ActionState.PROPOSED,
        target=ActionState.ACCEPTED,
        right="releases.review_release",
        label="Accept",
        gates=("owned",),
    )
    def accept(self):
        self._entered()

    @action_machine.transition(
        state, source=ActionState.ACCEPTED, target=ActionState.IN_PROGRESS, right="releases.comment", label="Start"
    )
    def start(self):
        self._entered()

    @action_machine.transition(
        state,
        source=[ActionState.ACCEPTED, ActionState.IN_PROGRESS],
        target=ActionState.DONE,
        right="releases.comment",
        label="Mark done",
    )
    def finish(self):
        self._entered()

    @action_machine.transition(
        state, source=ActionState.DONE, target=ActionState.VERIFIED, right="releases.review_release", label="Verify"
    )
    def verify(self):
        self._entered()

    @action_machine.transition(
        state,
        source=[ActionState.PROPOSED, ActionState.ACCEPTED, ActionState.IN_PROGRESS],
        target=ActionState.DROPPED,
        right="releases.review_release",
        label="Drop",
        reason=True,
    )
    def drop(self, reason: str):
        self.outcome = reason
        self._entered()

    def _entered(self) -> None:
        self.state_since = timezone.now()
