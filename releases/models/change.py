"""The change: what a release brings, and how it was allowed."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.machine import LifecycleModel, Machine, StateField
from releases.models.product import Product
from releases.models.release import Release
from releases.models.template import ChangeTemplate
from releases.querysets import ChangeQuerySet
from releases.states import ChangeKind, ChangeState, ChangeType, RiskBand

State = ChangeState
machine = Machine("change", label="Change")


class Change(LifecycleModel):
    """One thing that will be different. It is in at most one release."""

    machine = machine

    product = models.ForeignKey(Product, models.PROTECT, related_name="changes")
    release = models.ForeignKey(Release, models.SET_NULL, null=True, blank=True, related_name="changes")
    key = models.CharField(max_length=40, help_text="Ticket key, or one that Slipway gave")
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    type = models.CharField(max_length=12, choices=ChangeType.choices, default=ChangeType.NORMAL)
    kind = models.CharField(max_length=12, choices=ChangeKind.choices, default=ChangeKind.OTHER)
    breaking = models.BooleanField(default=False)
    risk = models.CharField(max_length=6, choices=RiskBand.choices, blank=True, help_text="Empty until assessed")
    impact = models.TextField(blank=True, help_text="Who notices what")
    backout = models.TextField("back-out plan", blank=True, help_text="How it is undone alone")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="authored_changes"
    )
    author_name = models.CharField(
        max_length=120, blank=True, help_text="From the commit, where the author has no account"
    )
    assessed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    commits = models.JSONField(default=list, blank=True, help_text="Full commit ids")
    pull_request = models.PositiveIntegerField(null=True, blank=True)
    state = StateField(default=State.NEW, choices=State.choices, protected=True)
    state_since = models.DateTimeField(default=timezone.now)
    held_reason = models.TextField(blank=True)
    template = models.ForeignKey(
        ChangeTemplate,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="changes",
        help_text="The standard change that it was made of",
    )
    template_digest = models.CharField(
        max_length=71, blank=True, help_text="Of the template's content by which it was approved"
    )
    template_locked = models.JSONField(
        default=list, blank=True, help_text="Names of the fields that were locked when the template approved it"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = ChangeQuerySet.as_manager()

    class Meta:
        ordering = ["product_id", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["product", "key"], name="change_once_per_key"),
            models.CheckConstraint(
                name="change_template_with_digest",
                condition=models.Q(template__isnull=True, template_digest="")
                | models.Q(type="standard", template__isnull=False) & ~models.Q(template_digest=""),
            ),
        ]

    def __str__(self):
        return f"{self.key} {self.title}"

    def get_absolute_url(self) -> str:
        from django.urls import reverse

        return reverse("releases:change", args=[self.product.slug, self.key])

    @property
    def rights_scope(self) -> Product:
        return self.product

    @machine.transition(
        state, source=State.NEW, target=State.ASSESSING, right="releases.contribute", label="Start the assessment"
    )
    def assess(self):
        self._entered()

    @machine.transition(
        state,
        source=State.ASSESSING,
        target=State.AUTHORISING,
        right="releases.contribute",
        label="Request authorisation",
        gates=("assessed", "policy"),
    )
    def request_authorisation(self):
        self._entered()

    @machine.transition(
        state,
        source=State.NEW,
        target=State.AUTHORISING,
        right="releases.contribute",
        label="Request emergency authorisation",
        tone="warn",
        gates=("emergency", "assessed", "policy"),
    )
    def expedite(self):
        self._entered()

    @machine.transition(
        state,
        source=State.AUTHORISING,
        target=State.APPROVED,
        right="",
        label="Approve",
        automatic=True,
        gates=("approval", "not_held"),
    )
    def approve(self):
        self._entered()

    @machine.transition(
        state,
        source=State.NEW,
        target=State.APPROVED,
        right="",
        label="Approve as standard",
        automatic=True,
        gates=("template_in_force", "not_held"),
    )
    def pre_approve(self):
        """A change of the catalogue: what it rests on was approved before."""
        self.template_digest, self.template_locked = self.template.digest, self.template.locked
        self._entered()

    @machine.transition(
        state,
        source=State.APPROVED,
        target=State.NEW,
        right="",
        label="Fall back to normal",
        automatic=True,
        reason=True,
        tone="warn",
        gates=("standard",),
    )
    def fall_back(self, reason: str):
        """It no longer is what the catalogue approved, so it is assessed and authorised like any other."""
        self.template, self.template_digest, self.template_locked = None, "", []
        if self.type == ChangeType.STANDARD:
            self.type = ChangeType.NORMAL
        self._entered()

    @machine.transition(
        state,
        source=State.NEW,
        target=State.DONE,
        right="",
        label="Record as discovered",
        automatic=True,
        tone="bad",
        gates=("unauthorised",),
    )
    def discover(self):
        """It was found in place without anybody having been asked."""
        self._entered()

    @machine.transition(
        state,
        source=[State.ASSESSING, State.AUTHORISING],
        target=State.REJECTED,
        right="releases.authorise_change",
        label="Reject",
        reason=True,
        tone="bad",
    )
    def reject(self, reason: str):
        self._entered()

    @machine.transition(state, source=State.REJECTED, target=State.NEW, right="releases.contribute", label="Rework")
    def rework(self):
        self._entered()

    @machine.transition(
        state,
        source=State.APPROVED,
        target=State.IMPLEMENTING,
        right="",
        label="Implement",
        automatic=True,
        gates=("not_held",),
    )
    def implement(self):
        self._entered()

    @machine.transition(state, source=State.IMPLEMENTING, target=State.DONE, right="", label="Finish", automatic=True)
    def finish(self):
        self._entered()

    @machine.transition(
        state, source=State.IMPLEMENTING, target=State.FAILED, right="", label="Mark failed", automatic=True
    )
    def fail(self):
        self._entered()

    @machine.transition(
        state,
        source=[State.IMPLEMENTING, State.DONE],
        target=State.BACKED_OUT,
        right="",
        label="Back out",
        automatic=True,
    )
    def back_out(self):
        self._entered()

    @machine.transition(
        state,
        source=[State.NEW, State.ASSESSING, State.AUTHORISING, State.APPROVED, State.REJECTED],
        target=State.WITHDRAWN,
        right="releases.contribute",
        label="Withdraw",
        reason=True,
        tone="warn",
    )
    def withdraw(self, reason: str):
        self._entered()

    def _entered(self) -> None:
        self.state_since = timezone.now()
