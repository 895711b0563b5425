"""The request, with the rules and the decision sheet frozen into it, and the votes on it."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django_fsm import FSMField

from accounts.roles import ROLES
from approvals.models.policy import Policy
from approvals.querysets import RequestQuerySet
from approvals.states import Facet, RequestState, Verdict, VoteState
from core.machine import LifecycleModel, Machine
from releases.models import Change, Product, Release

State = RequestState
machine = Machine("request", label="Approval request")
vote_machine = Machine("vote", label="Vote")


class ApprovalRequest(LifecycleModel):
    """A question to named roles about one release or one change, bound to a frozen decision sheet."""

    machine = machine

    release = models.ForeignKey(Release, models.PROTECT, null=True, blank=True, related_name="requests")
    change = models.ForeignKey(Change, models.PROTECT, null=True, blank=True, related_name="requests")
    policy = models.ForeignKey(
        Policy, models.SET_NULL, null=True, related_name="+", help_text="Where the rules were copied from"
    )
    policy_name = models.CharField(max_length=100)
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="requests")
    sheet = models.JSONField(help_text="{facet: content} as last frozen")
    digests = models.JSONField(help_text="{facet: SHA-256}")
    digest = models.CharField(max_length=64, help_text="SHA-256 over all facets")
    state = FSMField(default=State.PENDING, choices=State.choices, protected=True)
    opened_at = models.DateTimeField(default=timezone.now)
    deadline_hours = models.PositiveIntegerField(default=72, help_text="From the opening, and again from a reopening")
    due_at = models.DateTimeField(help_text="When it expires")
    decided_at = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)

    objects = RequestQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.CheckConstraint(
                name="request_of_one_subject", condition=Q(release__isnull=True) ^ Q(change__isnull=True)
            ),
            models.UniqueConstraint(
                fields=["release"],
                condition=Q(state__in=["pending", "suspended", "approved"]),
                name="request_one_live_per_release",
            ),
            models.UniqueConstraint(
                fields=["change"],
                condition=Q(state__in=["pending", "suspended", "approved"]),
                name="request_one_live_per_change",
            ),
        ]
        indexes = [models.Index(fields=["state", "due_at"], name="request_by_state")]

    def __str__(self):
        return f"Approval of {self.subject}"

    def get_absolute_url(self) -> str:
        return reverse("portal:inbox_item", args=[self.pk])

    @property
    def subject(self) -> Release | Change:
        return self.release if self.release_id else self.change

    @property
    def rights_scope(self) -> Product:
        return self.subject.product

    @machine.transition(
        state, source=State.PENDING, target=State.APPROVED, right="", label="Approve", automatic=True, gates=("quorum",)
    )
    def approve(self):
        self.decided_at = timezone.now()

    @machine.transition(state, source=State.PENDING, target=State.REJECTED, right="", label="Reject", automatic=True)
    def reject(self):
        self.decided_at = timezone.now()

    @machine.transition(
        state,
        source=[State.PENDING, State.SUSPENDED],
        target=State.EXPIRED,
        right="",
        label="Expire",
        automatic=True,
        gates=("overdue",),
    )
    def expire(self):
        self.decided_at = timezone.now()

    @machine.transition(
        state,
        source=[State.PENDING, State.SUSPENDED, State.APPROVED],
        target=State.WITHDRAWN,
        right="releases.manage_release",
        label="Withdraw",
        reason=True,
    )
    def withdraw(self, reason: str):
        self.decided_at = timezone.now()

    @machine.transition(
        state,
        source=[State.PENDING, State.SUSPENDED, State.APPROVED],
        target=State.SUPERSEDED,
        right="",
        label="Supersede",
        automatic=True,
    )
    def supersede(self):
        self.decided_at = timezone.now()

    @machine.transition(state, source=State.APPROVED, target=State.PENDING, right="", label="Reopen", automatic=True)
    def reopen(self):
        """A watched facet changed after the approval: votes went stale and the quorum is open again."""
        self.decided_at = None

    @machine.transition(state, source=State.PENDING, target=State.SUSPENDED, right="", label="Suspend", automatic=True)
    def suspend(self):
        pass

    @machine.transition(state, source=State.SUSPENDED, target=State.PENDING, right="", label="Restore", automatic=True)
    def restore(self):
        pass


class RequestRule(models.Model):
    """A rule as copied into a request: an edited policy neither strands nor alters it."""

    request = models.ForeignKey(ApprovalRequest, models.CASCADE, related_name="rules")
    role = models.CharField(max_length=40)
    need = models.PositiveSmallIntegerField()
    veto = models.BooleanField()
    facets = models.JSONField(default=list)

    class Meta:
        ordering = ["request_id", "pk"]
        constraints = [models.UniqueConstraint(fields=["request", "role"], name="request_rule_once_per_role")]

    def __str__(self):
        return f"{self.need} of {self.role_name}"

    @property
    def role_name(self) -> str:
        return ROLES[self.role].name if self.role in ROLES else self.role

    @property
    def watched(self) -> set[str]:
        return set(self.facets) or set(Facet.values)


class FrozenSheet(models.Model):
    """One version of a request's decision sheet, kept for good: what a vote was given on, and what a difference is shown to."""

    request = models.ForeignKey(ApprovalRequest, models.PROTECT, related_name="sheets")
    digest = models.CharField(max_length=64, help_text="SHA-256 over all facets")
    digests = models.JSONField(help_text="{facet: SHA-256}")
    content = models.JSONField(help_text="{facet: content}")
    frozen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["request_id", "pk"]
        constraints = [models.UniqueConstraint(fields=["request", "digest"], name="sheet_once_per_request")]

    def __str__(self):
        return f"Sheet {self.digest[:12]} of request {self.request_id}"


class Vote(LifecycleModel):
    """What one person said to one sheet. What was said never changes; it can only cease to count."""

    machine = vote_machine

    request = models.ForeignKey(ApprovalRequest, models.PROTECT, related_name="votes")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="votes")
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    comment = models.TextField(blank=True)
    roles = models.JSONField(default=list, help_text="Roles of the rules that the person was eligible for")
    sheet = models.ForeignKey(FrozenSheet, models.PROTECT, related_name="votes", help_text="What was shown")
    digests = models.JSONField(help_text="{facet: SHA-256} of the sheet that was shown")
    state = FSMField(default=VoteState.CAST, choices=VoteState.choices, protected=True)
    cast_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.TextField(blank=True)

    class Meta:
        ordering = ["request_id", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "person"], condition=Q(state="cast"), name="vote_one_counting_per_person"
            ),
        ]

    def __str__(self):
        return f"{self.person} on {self.request_id}: {self.verdict}"

    @property
    def rights_scope(self) -> Product:
        return self.request.rights_scope

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
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    text = models.TextField()
    asked_at = models.DateTimeField(default=timezone.now)
    answer = models.TextField(blank=True)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["request_id", "pk"]

    def __str__(self):
        return self.text[:60]

    @property
    def rights_scope(self) -> Product:
        return self.request.rights_scope
