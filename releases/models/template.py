"""The catalogue of standard changes: what was approved once and may be done again without asking."""

import hashlib
import json
from datetime import date, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone

from core.machine import LifecycleModel, Machine, StateField
from releases.models.product import Product
from releases.querysets import TemplateQuerySet
from releases.states import ALWAYS_LOCKED, GIVEN, ChangeKind, RiskBand, TemplateState

State = TemplateState
machine = Machine("change_template", label="Standard change")
LOOKED_AT_EVERY = timedelta(days=365)

# Gates that approvals answers: the policy that a proposal needs, and the approval that puts it in force.
PROPOSE_GATES = ("complete", "policy")
APPROVE_GATES = ("approval",)


def in_a_year() -> date:
    return today() + LOOKED_AT_EVERY


def today() -> date:
    """The day in the installation's time zone: a template is valid until the end of its last day there."""
    return timezone.localdate(timezone=timezone.get_default_timezone())


def always_locked() -> list[str]:
    return list(ALWAYS_LOCKED)


class ChangeTemplate(LifecycleModel):
    """A standard change: the fields that it gives, and those among them that must stay as they are."""

    machine = machine

    product = models.ForeignKey(
        Product, models.PROTECT, null=True, blank=True, related_name="templates", help_text="Empty: all products"
    )
    name = models.CharField(max_length=120)
    purpose = models.TextField(blank=True, help_text="What it is for, and when it may be used")
    title = models.CharField(max_length=200, blank=True, help_text="The title that a change of it begins with")
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=12, choices=ChangeKind.choices, default=ChangeKind.OTHER)
    breaking = models.BooleanField(default=False)
    risk = models.CharField(max_length=6, choices=RiskBand.choices, blank=True)
    impact = models.TextField(blank=True, help_text="Who notices what")
    backout = models.TextField("back-out plan", blank=True, help_text="How it is undone alone")
    locked = models.JSONField(default=always_locked, blank=True, help_text="Names of given fields that must stay")
    valid_until = models.DateField(default=in_a_year, help_text="The last day on which it may be used")
    version = models.PositiveIntegerField(default=1, help_text="Counts how often it was revised")
    state = StateField(default=State.DRAFT, choices=State.choices, protected=True)
    state_since = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = TemplateQuerySet.as_manager()

    class Meta:
        verbose_name = "standard change"
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                "product", Lower("name"), condition=Q(product__isnull=False), name="template_once_per_product"
            ),
            models.UniqueConstraint(Lower("name"), condition=Q(product__isnull=True), name="template_once_for_all"),
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("releases:template", args=[self.pk])

    @property
    def rights_scope(self) -> Product | None:
        """Its product; None for one of all products, over which only rights held everywhere decide."""
        return self.product

    @property
    def content(self) -> dict:
        """What an approval of it is about: its purpose, what it gives, what is locked, and until when."""
        given = {name: getattr(self, name) for name in ("name", "purpose", *GIVEN)}
        return given | {
            "product": self.product_id,
            "locked": sorted(self.locked),
            "valid_until": self.valid_until.isoformat(),
            "version": self.version,
        }

    @property
    def digest(self) -> str:
        """SHA-256 over the content, as "sha256:…"."""
        return "sha256:" + hashlib.sha256(json.dumps(self.content, sort_keys=True).encode()).hexdigest()

    @property
    def has_lapsed(self) -> bool:
        return self.valid_until < today()

    @property
    def in_force(self) -> bool:
        return self.state == State.APPROVED and not self.has_lapsed

    @property
    def standing(self) -> str:
        """Its state as people see it: an approved one past its last day has lapsed."""
        return "lapsed" if self.state == State.APPROVED and self.has_lapsed else str(self.state)

    def fits(self, product: Product) -> bool:
        return self.product_id is None or self.product_id == product.pk

    @machine.transition(
        state,
        source=State.DRAFT,
        target=State.PROPOSED,
        right="releases.contribute",
        label="Propose",
        gates=PROPOSE_GATES,
    )
    def propose(self):
        self._entered()

    @machine.transition(
        state,
        source=State.PROPOSED,
        target=State.APPROVED,
        right="",
        label="Approve",
        automatic=True,
        gates=APPROVE_GATES,
    )
    def approve(self):
        self._entered()

    @machine.transition(
        state, source=State.PROPOSED, target=State.DRAFT, right="", label="Reject", automatic=True, reason=True
    )
    def reject(self, reason: str):
        self._entered()

    @machine.transition(
        state, source=State.APPROVED, target=State.DRAFT, right="releases.contribute", label="Revise", tone="warn"
    )
    def revise(self):
        """Using it stops until it is approved again; what was made of it stays as it is."""
        self.version += 1
        self._entered()

    @machine.transition(
        state,
        source=[State.DRAFT, State.APPROVED],
        target=State.RETIRED,
        right="releases.authorise_change",
        label="Retire",
        reason=True,
        tone="bad",
    )
    def retire(self, reason: str):
        self._entered()

    def _entered(self) -> None:
        self.state_since = timezone.now()
