"""The release and its lifecycle."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django_fsm import GET_STATE

from core.machine import LifecycleModel, Machine, StateField
from releases.models.product import Product
from releases.models.stop import Stoppable
from releases.querysets import ReleaseQuerySet
from releases.states import BEFORE_READY, IN_MOTION, STAGE_OF, ReleaseState, Stage, Strategy

State = ReleaseState
machine = Machine("release", label="Release")


def new_token() -> str:
    return secrets.token_urlsafe(24)


class Release(Stoppable, LifecycleModel):
    """One planned delivery of one candidate of one product. Its state moves only through the doors in actions."""

    machine = machine

    product = models.ForeignKey(Product, models.PROTECT, related_name="releases")
    version = models.CharField(max_length=80)
    title = models.CharField(max_length=120, blank=True)
    objective = models.TextField(blank=True, help_text="What will be better for whom once it is out")
    strategy = models.CharField(max_length=10, choices=Strategy.choices, default=Strategy.MINOR)
    manager = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="managed_releases"
    )
    window_starts_at = models.DateTimeField(null=True, blank=True)
    window_ends_at = models.DateTimeField(null=True, blank=True)
    plan_version = models.PositiveIntegerField(default=1, help_text="Counts the material edits of the plan")
    candidate = models.ForeignKey(
        "releases.Candidate", models.PROTECT, null=True, blank=True, related_name="+", help_text="The current one"
    )
    notes = models.TextField("release notes", blank=True)
    notes_reviewed_at = models.DateTimeField(null=True, blank=True)
    notes_reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    risks_assessed_at = models.DateTimeField(
        null=True, blank=True, help_text="When someone said that the list of risks is complete"
    )
    state = StateField(default=State.DRAFT, choices=State.choices, protected=True)
    state_since = models.DateTimeField(default=timezone.now)
    held_from = models.CharField(max_length=12, blank=True, help_text="Where a release on hold came from")
    released_at = models.DateTimeField(null=True, blank=True)
    status_token = models.CharField(
        max_length=64, unique=True, default=new_token, help_text="Secret of the public status page"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "version"], condition=~Q(state="cancelled"), name="release_once_per_version"
            ),
            models.CheckConstraint(
                name="release_window_in_order", condition=Q(window_ends_at__gt=F("window_starts_at"))
            ),
            models.CheckConstraint(
                name="release_window_whole",
                condition=Q(window_starts_at__isnull=True, window_ends_at__isnull=True)
                | Q(window_starts_at__isnull=False, window_ends_at__isnull=False),
            ),
            models.CheckConstraint(
                name="release_ready_has_candidate",
                condition=~Q(state__in=["ready", "deploying", "released"]) | Q(candidate__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "window_starts_at"], name="release_by_state"),
            models.Index(fields=["product", "-created_at"], name="release_by_product"),
        ]

    def __str__(self):
        return f"{self.product.name} {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("portal:release", args=[self.product.slug, self.version])

    @property
    def rights_scope(self) -> Product:
        return self.product

    @property
    def stage(self) -> Stage:
        return STAGE_OF[ReleaseState(self.held_from if self.state == State.ON_HOLD else self.state)]

    @property
    def is_emergency(self) -> bool:
        return self.strategy == Strategy.EMERGENCY

    @machine.transition(
        state,
        source=State.DRAFT,
        target=State.PLANNED,
        right="releases.plan_release",
        label="Confirm the plan",
        gates=("objective", "manager", "window", "scope", "version", "freeze", "conflicts"),
    )
    def plan(self):
        self._entered()

    @machine.transition(
        state,
        source=State.PLANNED,
        target=State.BUILDING,
        right="releases.manage_release",
        label="Start the build",
        gates=("dependencies_planned", "double_scope"),
    )
    def start_build(self):
        self._entered()

    @machine.transition(
        state,
        source=State.BUILDING,
        target=State.TESTING,
        right="releases.manage_release",
        label="Start testing",
        gates=("candidate",),
    )
    def start_testing(self):
        self._entered()

    @machine.transition(
        state,
        source=State.TESTING,
        target=State.APPROVING,
        right="releases.manage_release",
        label="Request approval",
        gates=("signoffs", "changes_approved", "risks", "rollback_plan", "notes", "policy"),
    )
    def request_approval(self):
        self._entered()

    @machine.transition(
        state,
        source=[State.DRAFT, State.PLANNED, State.BUILDING, State.TESTING],
        target=State.APPROVING,
        right="releases.manage_release",
        label="Expedite",
        tone="warn",
        gates=(
            "emergency",
            "objective",
            "manager",
            "window",
            "scope",
            "version",
            "candidate",
            "signoffs",
            "changes_approved",
            "rollback_plan",
            "policy",
        ),
    )
    def expedite(self):
        """The short way of an emergency release: straight to its own, smaller approval."""
        self._entered()

    @machine.transition(
        state,
        source=State.APPROVING,
        target=State.READY,
        right="",
        label="Mark ready",
        automatic=True,
        gates=("approval", "signoffs", "changes_approved"),
    )
    def mark_ready(self):
        self._entered()

    @machine.transition(
        state,
        source=State.READY,
        target=State.DEPLOYING,
        right="releases.deploy",
        label="Start deployment",
        automatic=True,
        gates=("not_blocked", "approval", "signoffs", "window_open", "freeze", "dependencies_released"),
    )
    def start_deploying(self):
        self._entered()

    @machine.transition(
        state,
        source=State.DEPLOYING,
        target=State.READY,
        right="",
        label="Return to ready",
        automatic=True,
        gates=(),
    )
    def stop_deploying(self):
        """The production deployment ended before anything of it was live."""
        self._entered()

    @machine.transition(
        state,
        source=State.DEPLOYING,
        target=State.RELEASED,
        right="",
        label="Mark released",
        automatic=True,
        gates=("deployment_verified",),
    )
    def mark_released(self):
        self.released_at = timezone.now()
        self._entered()

    @machine.transition(
        state,
        source=[State.DEPLOYING, State.RELEASED, State.REVIEW],
        target=State.ROLLED_BACK,
        right="",
        label="Mark rolled back",
        automatic=True,
        gates=("rollback_done",),
        reason=True,
    )
    def roll_back(self, reason: str):
        self._entered()

    @machine.transition(
        state,
        source=[State.RELEASED, State.ROLLED_BACK],
        target=State.REVIEW,
        right="",
        label="Open the review",
        automatic=True,
    )
    def open_review(self):
        self._entered()

    @machine.transition(
        state,
        source=State.REVIEW,
        target=State.CLOSED,
        right="releases.manage_release",
        label="Close the release",
        gates=("review_approved", "actions_owned", "retrospective", "rollbacks_confirmed"),
    )
    def close(self):
        self._entered()

    @machine.transition(
        state,
        source=[State.TESTING, State.APPROVING, State.READY],
        target=State.TESTING,
        right="releases.contribute",
        label="Replace the candidate",
        automatic=True,
    )
    def new_candidate(self):
        self._entered()

    @machine.transition(
        state,
        source=[State.PLANNED, State.BUILDING, State.TESTING, State.APPROVING, State.READY],
        target=State.PLANNED,
        right="releases.plan_release",
        label="Reopen the plan",
        reason=True,
        tone="warn",
    )
    def reopen_plan(self, reason: str):
        self._entered()

    @machine.transition(
        state,
        source=list(IN_MOTION[:-1]),
        target=State.ON_HOLD,
        right="releases.hold_release",
        label="Put on hold",
        reason=True,
        tone="warn",
    )
    def hold(self, reason: str):
        self.held_from = self.state
        self._entered()

    @machine.transition(
        state,
        source=State.ON_HOLD,
        target=GET_STATE(lambda self, **_: self.held_from, states=[str(s) for s in IN_MOTION[:-1]]),
        right="releases.hold_release",
        label="Resume",
        reason=True,
    )
    def resume(self, reason: str):
        self.state_since = timezone.now()

    @machine.transition(
        state,
        source=[*BEFORE_READY, State.READY, State.ON_HOLD],
        target=State.CANCELLED,
        right="releases.hold_release",
        label="Cancel this release",
        reason=True,
        tone="bad",
    )
    def cancel(self, reason: str):
        self._entered()

    def _entered(self) -> None:
        self.state_since = timezone.now()
