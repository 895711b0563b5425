"""The request, with its rules and the versions of its decision sheet."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from approvals.models.exemption import FreezeOverride, Waiver
from approvals.models.lift import Lift
from approvals.models.policy import AskedRule, Policy
from approvals.querysets import RequestQuerySet
from approvals.states import Clock, Purpose, RequestState, Subject
from core import wording
from core.machine import LifecycleModel, Machine, StateField
from releases.models import Change, ChangeTemplate, Product, Release

State = RequestState
PERSON = settings.AUTH_USER_MODEL
# The field that holds the subject of each kind.
SUBJECT_FIELDS = {
    Subject.RELEASE.value: "release",
    Subject.CHANGE.value: "change",
    Subject.WAIVER.value: "waiver",
    Subject.OVERRIDE.value: "override",
    Subject.LIFT.value: "lift",
    Subject.TEMPLATE.value: "template",
    Subject.POLICY.value: "proposal",
}


def _one_subject() -> Q:
    """Exactly the field of its kind is set."""
    found = Q()
    for kind, field in SUBJECT_FIELDS.items():
        others = {f"{other}__isnull": True for other in SUBJECT_FIELDS.values() if other != field}
        found |= Q(kind=kind, **{f"{field}__isnull": False}, **others)
    return found


machine = Machine("request", label="Approval request")


class ApprovalRequest(LifecycleModel):
    """A question to named people about one subject, bound to a frozen decision sheet."""

    machine = machine

    kind = models.CharField(max_length=10, choices=Subject.choices)
    purpose = models.CharField(max_length=13, choices=Purpose.choices, default=Purpose.DECIDE)
    product = models.ForeignKey(
        Product, models.CASCADE, null=True, blank=True, related_name="requests", help_text="Empty: about all products"
    )
    release = models.ForeignKey(Release, models.PROTECT, null=True, blank=True, related_name="requests")
    change = models.ForeignKey(Change, models.PROTECT, null=True, blank=True, related_name="requests")
    waiver = models.ForeignKey(Waiver, models.PROTECT, null=True, blank=True, related_name="requests")
    override = models.ForeignKey(FreezeOverride, models.PROTECT, null=True, blank=True, related_name="requests")
    lift = models.ForeignKey(Lift, models.PROTECT, null=True, blank=True, related_name="requests")
    template = models.ForeignKey(ChangeTemplate, models.PROTECT, null=True, blank=True, related_name="requests")
    proposal = models.ForeignKey(Policy, models.PROTECT, null=True, blank=True, related_name="requests")
    policy = models.ForeignKey(
        Policy, models.PROTECT, null=True, related_name="+", help_text="The version that its rules were copied from"
    )
    row_names = models.JSONField(default=list, help_text="The rows that matched, in order")
    facts = models.JSONField(default=dict, help_text="What the rows were asked about")
    allow_bulk = models.BooleanField(default=False)
    count_requester = models.BooleanField(default=False)
    count_author = models.BooleanField(default=False)
    afterwards = models.JSONField(default=list, help_text="[[row, hours]]: what is asked once this is approved")
    requester = models.ForeignKey(PERSON, models.PROTECT, related_name="requests")
    sheet = models.JSONField(help_text="{facet: content} as last frozen")
    digests = models.JSONField(help_text="{facet: SHA-256}")
    digest = models.CharField(max_length=64, help_text="SHA-256 over all facets")
    state = StateField(default=State.PENDING, choices=State.choices, protected=True)
    opened_at = models.DateTimeField(default=timezone.now)
    deadline_hours = models.PositiveIntegerField(default=72, help_text="Where a rule names none of its own")
    due_at = models.DateTimeField(help_text="The earliest instant at which a rule that is asked now runs out")
    decided_at = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)

    objects = RequestQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.CheckConstraint(name="request_of_one_subject", condition=_one_subject()),
            *(
                models.UniqueConstraint(
                    fields=[field, "purpose"],
                    condition=Q(state__in=["pending", "suspended", "approved"]),
                    name=f"request_one_live_per_{field}",
                )
                for field in SUBJECT_FIELDS.values()
            ),
        ]
        indexes = [models.Index(fields=["state", "due_at"], name="request_by_state")]

    def __str__(self):
        after = "Retrospective approval" if self.is_retrospective else "Approval"
        return f"{after} of {self.subject}"

    @property
    def is_retrospective(self) -> bool:
        return self.purpose == Purpose.RETROSPECTIVE

    @property
    def policy_name(self) -> str:
        return wording.listed(self.row_names) or "no row"

    def get_absolute_url(self) -> str:
        return reverse("portal:inbox_item", args=[self.pk])

    @property
    def subject(self):
        """The release, change, waiver, override, lifting, standard change or policy that it is about."""
        return getattr(self, SUBJECT_FIELDS[self.kind])

    @property
    def subject_id(self) -> int:
        return getattr(self, f"{SUBJECT_FIELDS[self.kind]}_id")

    @property
    def rights_scope(self) -> Product | None:
        return self.product

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


class RequestRule(AskedRule):
    """A rule as copied into a request: an edited policy neither strands nor alters it. Its clock starts with its stage."""

    request = models.ForeignKey(ApprovalRequest, models.CASCADE, related_name="rules")
    deadline_hours = models.PositiveIntegerField(default=72)
    clock = models.CharField(max_length=8, choices=Clock.choices, default=Clock.ALWAYS)
    opened_at = models.DateTimeField(null=True, blank=True, help_text="When its stage was reached")
    due_at = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)
    reminded_again_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["request_id", "stage", "pk"]
        constraints = [models.UniqueConstraint(fields=["request", "who"], name="request_rule_once")]


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
