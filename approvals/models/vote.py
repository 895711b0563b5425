"""What is said to a request: votes, each on one sheet, and questions."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from approvals.models.request import PERSON, ApprovalRequest, FrozenSheet
from approvals.models.stand_in import Delegation
from approvals.states import Verdict, VoteState
from core.machine import LifecycleModel, Machine, StateField
from releases.models import Product

vote_machine = Machine("vote", label="Vote")


class Vote(LifecycleModel):
    """What one person said to one sheet. What was said never changes; it can only cease to count."""

    machine = vote_machine

    request = models.ForeignKey(ApprovalRequest, models.PROTECT, related_name="votes")
    person = models.ForeignKey(PERSON, models.PROTECT, related_name="votes", help_text="Who voted")
    seat = models.ForeignKey(
        PERSON,
        models.PROTECT,
        related_name="seated_votes",
        help_text="Whose place it fills: the voter's own, or by delegation",
    )
    delegation = models.ForeignKey(Delegation, models.PROTECT, null=True, blank=True, related_name="votes")
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    comment = models.TextField(blank=True)
    counts_for = models.JSONField(default=list, help_text="Rules that it could fill, by whom they ask: their `who`")
    sheet = models.ForeignKey(FrozenSheet, models.PROTECT, related_name="votes", help_text="What was shown")
    digests = models.JSONField(help_text="{facet: SHA-256} of the sheet that was shown")
    state = StateField(default=VoteState.CAST, choices=VoteState.choices, protected=True)
    cast_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.TextField(blank=True)

    class Meta:
        ordering = ["request_id", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "person"], condition=Q(state="cast"), name="vote_one_counting_per_person"
            ),
            models.UniqueConstraint(
                fields=["request", "seat"], condition=Q(state="cast"), name="vote_one_counting_per_seat"
            ),
        ]

    def __str__(self):
        return f"{self.person} on {self.request_id}: {self.verdict}"

    @property
    def rights_scope(self) -> Product | None:
        return self.request.rights_scope

    @property
    def is_stand_in(self) -> bool:
        return self.seat_id != self.person_id

    @vote_machine.transition(
        state,
        source=VoteState.CAST,
        target=VoteState.REVOKED,
        right="releases.vote",
        label="Take the vote back",
        reason=True,
    )
    def revoke(self, reason: str):
        self.ended_at, self.ended_because = timezone.now(), reason

    @vote_machine.transition(
        state,
        source=VoteState.CAST,
        target=VoteState.INVALIDATED,
        right="",
        label="Make stale",
        automatic=True,
        reason=True,
    )
    def invalidate(self, reason: str):
        self.ended_at, self.ended_because = timezone.now(), reason


class Question(models.Model):
    """A question on a sheet, and its answer. It counts as no vote and stops no clock."""

    request = models.ForeignKey(ApprovalRequest, models.CASCADE, related_name="questions")
    asked_by = models.ForeignKey(PERSON, models.PROTECT, related_name="+")
    text = models.TextField()
    asked_at = models.DateTimeField(default=timezone.now)
    answer = models.TextField(blank=True)
    answered_by = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="+")
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["request_id", "pk"]

    def __str__(self):
        return self.text[:60]

    @property
    def rights_scope(self) -> Product | None:
        return self.request.rights_scope
