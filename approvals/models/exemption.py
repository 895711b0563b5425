"""Exemptions, each asked for by one person, decided by another, and over at an instant: waivers and freeze overrides."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from approvals.models.signoff import Signoff
from approvals.querysets import OverrideQuerySet, WaiverQuerySet
from approvals.states import GrantState
from core.machine import LifecycleModel, Machine, StateField
from releases.models import FreezeWindow, Product, Release
from releases.states import ConflictKind

State = GrantState
waiver_machine = Machine("waiver", label="Waiver")
override_machine = Machine("override", label="Freeze override")
PERSON = settings.AUTH_USER_MODEL


class Waiver(LifecycleModel):
    """Lets one candidate through without one sign-off until an instant."""

    machine = waiver_machine

    signoff = models.ForeignKey(Signoff, models.PROTECT, related_name="waivers")
    reason = models.TextField()
    expires_at = models.DateTimeField()
    requested_by = models.ForeignKey(PERSON, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    comment = models.TextField(blank=True)
    warned_at = models.DateTimeField(null=True, blank=True)
    follow_up = models.CharField(max_length=200, blank=True, help_text="What is done about it afterwards")
    follow_up_done_at = models.DateTimeField(null=True, blank=True)
    state = StateField(default=State.REQUESTED, choices=State.choices, protected=True)

    objects = WaiverQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["signoff"], condition=Q(state__in=["requested", "granted"]), name="waiver_one_standing"
            ),
        ]

    def __str__(self):
        return f"Waiver of {self.signoff}"

    @property
    def rights_scope(self) -> Product:
        return self.signoff.rights_scope

    @waiver_machine.transition(
        state,
        source=State.REQUESTED,
        target=State.GRANTED,
        right="",
        label="Grant",
        automatic=True,
        gates=("in_future", "approval"),
    )
    def grant(self):
        self.decided_at = timezone.now()

    @waiver_machine.transition(
        state, source=State.REQUESTED, target=State.REFUSED, right="", label="Refuse", automatic=True, reason=True
    )
    def refuse(self, reason: str):
        self.decided_at, self.comment = timezone.now(), reason

    @waiver_machine.transition(
        state, source=[State.REQUESTED, State.GRANTED], target=State.LAPSED, right="", label="Lapse", automatic=True
    )
    def lapse(self):
        pass


OVERRIDDEN = {
    ConflictKind.ENVIRONMENT: "the hold on the environment",
    ConflictKind.DEPENDENCY: "the order of what it depends on",
    ConflictKind.PEOPLE: "the claim on the same people",
    ConflictKind.WINDOW: "the deployment windows",
}


class FreezeOverride(LifecycleModel):
    """Lets one release through one freeze, or through another conflict that needs an override, until an instant."""

    machine = override_machine

    kind = models.CharField(
        max_length=12, choices=ConflictKind.choices, default=ConflictKind.FREEZE, db_default=ConflictKind.FREEZE
    )
    freeze = models.ForeignKey(FreezeWindow, models.PROTECT, null=True, blank=True, related_name="overrides")
    about = models.CharField(
        max_length=80, blank=True, default="", db_default="", help_text="The conflict's own name; empty for a freeze"
    )
    words = models.CharField(
        max_length=400, blank=True, default="", db_default="", help_text="The conflict when it was asked"
    )
    release = models.ForeignKey(Release, models.PROTECT, related_name="freeze_overrides")
    reason = models.TextField()
    expires_at = models.DateTimeField()
    requested_by = models.ForeignKey(PERSON, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    comment = models.TextField(blank=True)
    warned_at = models.DateTimeField(null=True, blank=True)
    follow_up = models.CharField(max_length=200, blank=True, help_text="What is done about it afterwards")
    follow_up_done_at = models.DateTimeField(null=True, blank=True)
    state = StateField(default=State.REQUESTED, choices=State.choices, protected=True)

    objects = OverrideQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["freeze", "release"],
                condition=Q(state__in=["requested", "granted"]),
                name="override_one_standing",
            ),
            models.UniqueConstraint(
                fields=["release", "about"],
                condition=Q(state__in=["requested", "granted"], freeze__isnull=True),
                name="override_one_standing_of_a_conflict",
            ),
            models.CheckConstraint(
                condition=Q(kind="freeze", freeze__isnull=False, about="")
                | (~Q(kind="freeze") & Q(freeze__isnull=True) & ~Q(about="")),
                name="override_of_a_freeze_or_of_a_conflict",
            ),
        ]

    def __str__(self):
        return f"Override of {self.what} for {self.release}"

    @property
    def what(self) -> str:
        """What is overridden: the freeze by its name, another conflict by what it is about."""
        return self.freeze.name if self.freeze_id else OVERRIDDEN[ConflictKind(self.kind)]

    @property
    def key(self) -> str:
        """What the conflict that it lets through is called in `releases.conflicts`."""
        return f"freeze:{self.freeze_id}" if self.freeze_id else self.about

    @property
    def rights_scope(self) -> Product:
        return self.release.product

    @override_machine.transition(
        state,
        source=State.REQUESTED,
        target=State.GRANTED,
        right="",
        label="Grant",
        automatic=True,
        gates=("in_future", "approval"),
    )
    def grant(self):
        self.decided_at = timezone.now()

    @override_machine.transition(
        state,
        source=State.REQUESTED,
        target=State.REFUSED,
        right="",
        label="Refuse",
        automatic=True,
        reason=True,
    )
    def refuse(self, reason: str):
        self.decided_at, self.comment = timezone.now(), reason

    @override_machine.transition(
        state, source=[State.REQUESTED, State.GRANTED], target=State.LAPSED, right="", label="Lapse", automatic=True
    )
    def lapse(self):
        pass
