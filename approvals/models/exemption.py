"""Exemptions, each asked for by one person, decided by another, and over at an instant: waivers and freeze overrides."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django_fsm import FSMField

from approvals.models.signoff import Signoff
from approvals.querysets import OverrideQuerySet, WaiverQuerySet
from approvals.states import GrantState
from core.machine import LifecycleModel, Machine
from releases.models import FreezeWindow, Product, Release

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
    state = FSMField(default=State.REQUESTED, choices=State.choices, protected=True)

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


class FreezeOverride(LifecycleModel):
    """Lets one release through one freeze until an instant."""

    machine = override_machine

    freeze = models.ForeignKey(FreezeWindow, models.PROTECT, related_name="overrides")
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
    state = FSMField(default=State.REQUESTED, choices=State.choices, protected=True)

    objects = OverrideQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["freeze", "release"],
                condition=Q(state__in=["requested", "granted"]),
                name="override_one_standing",
            ),
        ]

    def __str__(self):
        return f"Override of {self.freeze} for {self.release}"

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
