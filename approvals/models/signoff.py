"""Test sign-offs: one per candidate and kind, with the evidence they rest on."""

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import models
from django.utils import timezone

from approvals.querysets import EvidenceQuerySet, SignoffQuerySet
from approvals.states import SignoffKind, SignoffState
from core.machine import LifecycleModel, Machine, StateField
from releases.models import Candidate, Product
from releases.states import Strategy

State = SignoffState
machine = Machine("signoff", label="Test sign-off")


class RequiredSignoff(models.Model):
    """Which kinds a strategy asks for; a product's own rows replace the general ones of that strategy."""

    product = models.ForeignKey(Product, models.CASCADE, null=True, blank=True, related_name="required_signoffs")
    strategy = models.CharField(max_length=10, choices=Strategy.choices)
    kind = models.CharField(max_length=14, choices=SignoffKind.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "strategy", "kind"], name="required_signoff_once", nulls_distinct=False
            ),
        ]

    def __str__(self):
        return f"{self.strategy}: {self.kind}"


class Signoff(LifecycleModel):
    """The verdict of one kind of test on one candidate, and the person who put their name under it."""

    machine = machine

    candidate = models.ForeignKey(Candidate, models.PROTECT, related_name="signoffs")
    kind = models.CharField(max_length=14, choices=SignoffKind.choices)
    state = StateField(default=State.REQUIRED, choices=State.choices, protected=True)
    summary = models.TextField(blank=True)
    reported_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    reported_at = models.DateTimeField(null=True, blank=True)
    signed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="signoffs"
    )
    signed_at = models.DateTimeField(null=True, blank=True)
    stale_because = models.TextField(blank=True)

    objects = SignoffQuerySet.as_manager()

    class Meta:
        ordering = ["candidate_id", "pk"]
        constraints = [models.UniqueConstraint(fields=["candidate", "kind"], name="signoff_once_per_kind")]

    def __str__(self):
        return f"{self.get_kind_display()} sign-off of {self.candidate}"

    @property
    def rights_scope(self) -> Product:
        return self.candidate.release.product

    UNSIGNED = (State.REQUIRED, State.RUNNING, State.PASSED, State.FAILED, State.ERRORED, State.INCONCLUSIVE)

    @machine.transition(
        state,
        source=[s for s in UNSIGNED if s != State.RUNNING],
        target=State.RUNNING,
        right="releases.sign_off_tests",
        label="Start the run",
    )
    def run(self):
        pass

    @machine.transition(
        state,
        source=[*UNSIGNED, State.SIGNED_OFF],
        target=State.PASSED,
        right="releases.sign_off_tests",
        label="Report passed",
    )
    def pass_(self):
        self.signed_by = self.signed_at = None

    @machine.transition(
        state,
        source=[*UNSIGNED, State.SIGNED_OFF],
        target=State.FAILED,
        right="releases.sign_off_tests",
        label="Report failed",
        tone="bad",
    )
    def fail(self):
        self.signed_by = self.signed_at = None

    @machine.transition(
        state,
        source=[*UNSIGNED, State.SIGNED_OFF],
        target=State.ERRORED,
        right="releases.sign_off_tests",
        label="Report errored",
        tone="bad",
    )
    def error(self):
        self.signed_by = self.signed_at = None

    @machine.transition(
        state,
        source=[*UNSIGNED, State.SIGNED_OFF],
        target=State.INCONCLUSIVE,
        right="releases.sign_off_tests",
        label="Report inconclusive",
        tone="warn",
    )
    def leave_open(self):
        self.signed_by = self.signed_at = None

    @machine.transition(
        state,
        source=State.PASSED,
        target=State.SIGNED_OFF,
        right="releases.sign_off_tests",
        label="Sign off",
        gates=("current_candidate", "evidence"),
    )
    def sign_off(self):
        self.signed_at = timezone.now()

    @machine.transition(
        state,
        source=[State.REQUIRED, State.RUNNING, State.FAILED, State.ERRORED, State.INCONCLUSIVE],
        target=State.WAIVED,
        right="",
        label="Waive",
        automatic=True,
        gates=("waiver",),
    )
    def waive(self):
        pass

    @machine.transition(
        state, source=State.WAIVED, target=State.REQUIRED, right="", label="Let the waiver lapse", automatic=True
    )
    def lapse(self):
        pass

    @machine.transition(
        state,
        source=[*UNSIGNED, State.SIGNED_OFF, State.WAIVED],
        target=State.STALE,
        right="",
        label="Make stale",
        automatic=True,
        reason=True,
    )
    def make_stale(self, reason: str):
        self.stale_because = reason


class Evidence(models.Model):
    """A file or a statement that a verdict rests on. Never changed once stored."""

    signoff = models.ForeignKey(Signoff, models.PROTECT, related_name="evidence")
    file = models.FileField(upload_to="signoffs/%Y/%m", blank=True, storage=default_storage)
    filename = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes")
    statement = models.TextField(blank=True, help_text="What was done and seen, for a manual verdict")
    totals = models.JSONField(
        null=True, blank=True, help_text="{format, suites, tests, passed, failed, errors, skipped, duration_s}"
    )
    failures = models.JSONField(default=list, blank=True, help_text="[{name, message}], the first 50")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "evidence"
        ordering = ["signoff_id", "pk"]

    def __str__(self):
        return self.filename or self.statement[:60]

    @property
    def rights_scope(self) -> Product:
        return self.signoff.rights_scope
