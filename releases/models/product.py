"""Products, and the ordered environments each ships through."""

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Value
from django.urls import reverse

from releases.models.stop import Stoppable
from releases.querysets import EnvironmentQuerySet, ProductQuerySet
from releases.states import Needs, Scheme, Tier


class Product(Stoppable):
    """What is released. Rights are given per product."""

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=60, unique=True)
    key = models.CharField(
        "change prefix",
        max_length=10,
        unique=True,
        validators=[RegexValidator(r"^[A-Z][A-Z0-9]+$", "Two or more capital letters, such as PAY.")],
        help_text="Changes without a ticket are numbered under it, as in PAY-12",
    )
    description = models.TextField(blank=True)
    scheme = models.CharField("version scheme", max_length=10, choices=Scheme.choices, default=Scheme.SEMVER)
    repository = models.CharField(max_length=500, blank=True, help_text="Path or https URL of the Git repository")
    tag_prefix = models.CharField(
        max_length=20, default="v", blank=True, help_text="What stands before the version in a tag"
    )
    rehearsed_strategies = models.JSONField(
        default=list,
        db_default=Value([], models.JSONField()),
        blank=True,
        help_text="Strategies whose way back is rehearsed before production",
    )
    rehearsal_days = models.PositiveSmallIntegerField(
        "a rehearsal holds for", default=30, db_default=30, help_text="Days until it must be repeated"
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        default_permissions = ()
        permissions = [
            ("view_product", "See the product and all that belongs to it"),
            ("comment", "Comment"),
            ("contribute", "Bring changes and candidates in"),
            ("plan_release", "Plan releases"),
            ("manage_release", "Move releases on"),
            ("hold_release", "Put releases on hold, resume and cancel them"),
            ("block_release", "Block a release at once"),
            ("unblock_release", "Let a candidate that was stopped go on"),
            ("sign_off_tests", "Sign tests off"),
            ("vote", "Vote on requests"),
            ("authorise_change", "Reject or hold changes"),
            ("manage_policies", "Keep approval policies"),
            ("deploy", "Start, pause and roll back deployments"),
            ("automate_promotion", "Let phases be deployed to by themselves"),
            ("report_deployments", "Report what runs where"),
            ("review_release", "Write post-release reviews"),
            ("approve_review", "Approve post-release reviews"),
            ("manage_freezes", "Keep freeze windows"),
            ("manage_environments", "Keep environments and their hooks"),
            ("manage_products", "Keep products"),
            ("manage_people", "Keep people, teams and roles"),
            ("view_event_log", "Read the whole event log"),
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("portal:product", args=[self.slug])

    @property
    def rights_scope(self) -> "Product":
        return self


class Phase(models.Model):
    """Environments of a product that stand at the same place of its pipeline; an environment without one is a phase of its own.

    The order of phases is that of their environments. A phase opens once each earlier one has what it `needs` and has soaked.
    """

    product = models.ForeignKey(Product, models.CASCADE, related_name="phases")
    name = models.CharField(max_length=60)
    needs = models.CharField(max_length=10, choices=Needs.choices, default=Needs.ALL)
    at_least = models.PositiveSmallIntegerField(default=1, help_text="How many, where at least some are needed")
    soak_minutes = models.PositiveIntegerField(
        "soak for", default=0, help_text="Minutes that a candidate runs here before the next phase opens"
    )
    is_automatic = models.BooleanField(
        "deployed to by itself", default=False, help_text="Starts once the phase opens, in the name of who said so"
    )
    automated_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "name"], name="phase_once_per_product"),
            models.CheckConstraint(
                condition=models.Q(is_automatic=False) | models.Q(automated_by__isnull=False),
                name="phase_automated_by_somebody",
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def rights_scope(self) -> Product:
        return self.product


class Environment(Stoppable):
    """One place a product runs in; `position` orders the pipeline, production last."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="environments")
    name = models.CharField(max_length=60)
    slug = models.SlugField(max_length=60)
    position = models.PositiveSmallIntegerField(default=0)
    tier = models.CharField(max_length=12, choices=Tier.choices, default=Tier.STAGING)
    url = models.URLField(blank=True, help_text="Where the product answers")
    phase = models.ForeignKey(Phase, models.SET_NULL, null=True, blank=True, related_name="environments")

    objects = EnvironmentQuerySet.as_manager()

    class Meta:
        ordering = ["product_id", "position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["product", "slug"], name="environment_once_per_product"),
            models.UniqueConstraint(
                fields=["product", "position"],
                name="environment_one_per_position",
                deferrable=models.Deferrable.DEFERRED,
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def rights_scope(self) -> Product:
        return self.product

    @property
    def is_production(self) -> bool:
        return self.tier == Tier.PRODUCTION
