"""Asking to lift a stop: stopping is easy, resuming is guarded."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from approvals.querysets import LiftQuerySet
from approvals.states import GrantState
from core.machine import LifecycleModel, Machine, StateField
from releases.models import Environment, Product, Release

State = GrantState
machine = Machine("lift", label="Lifting of a stop")
PERSON = settings.AUTH_USER_MODEL
STOPPABLE = ("release", "product", "environment")


class Lift(LifecycleModel):
    """One person's wish to lift the stop of a release, a product or an environment. The quorum decides."""

    machine = machine

    release = models.ForeignKey(Release, models.PROTECT, null=True, blank=True, related_name="lifts")
    stopped_product = models.ForeignKey(Product, models.CASCADE, null=True, blank=True, related_name="lifts")
    environment = models.ForeignKey(Environment, models.CASCADE, null=True, blank=True, related_name="lifts")
    stopped_because = models.TextField(help_text="The reason of the stop that is to be lifted")
    reason = models.TextField()
    requested_by = models.ForeignKey(PERSON, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    comment = models.TextField(blank=True)
    state = StateField(default=State.REQUESTED, choices=State.choices, protected=True)

    objects = LiftQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="lift_of_one_stop",
                condition=Q(release__isnull=False, stopped_product__isnull=True, environment__isnull=True)
                | Q(release__isnull=True, stopped_product__isnull=False, environment__isnull=True)
                | Q(release__isnull=True, stopped_product__isnull=True, environment__isnull=False),
            ),
            *(
                models.UniqueConstraint(
                    fields=[field], condition=Q(state="requested"), name=f"lift_one_open_per_{field}"
                )
                for field in ("release", "stopped_product", "environment")
            ),
        ]

    def __str__(self):
        return f"Lifting of the stop of {self.stopped}"

    @property
    def stopped(self) -> Release | Product | Environment:
        return self.release or self.environment or self.stopped_product

    @property
    def product(self) -> Product:
        return self.stopped_product or self.stopped.product

    @property
    def rights_scope(self) -> Product:
        return self.product

    @machine.transition(
        state,
        source=State.REQUESTED,
        target=State.GRANTED,
        right="",
        label="Lift",
        automatic=True,
        gates=("approval",),
    )
    def grant(self):
        self.decided_at = timezone.now()

    @machine.transition(
        state, source=State.REQUESTED, target=State.REFUSED, right="", label="Refuse", automatic=True, reason=True
    )
    def refuse(self, reason: str):
        self.decided_at, self.comment = timezone.now(), reason

    @machine.transition(state, source=State.REQUESTED, target=State.LAPSED, right="", label="Lapse", automatic=True)
    def lapse(self):
        """The stop is gone or the request has ended without a decision."""
