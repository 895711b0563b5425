"""Products, and the ordered environments each ships through."""

from django.core.validators import RegexValidator
from django.db import models
from django.urls import reverse

from releases.models.stop import Stoppable
from releases.querysets import EnvironmentQuerySet, ProductQuerySet
from releases.states import Scheme, Tier


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
            ("unblock_release", "Lift a block"),
            ("sign_off_tests", "Sign tests off"),
            ("waive_tests", "Decide on waivers"),
            ("vote", "Vote on requests"),
            ("authorise_change", "Reject or hold changes"),
            ("override_freeze", "Decide on freeze overrides"),
            ("manage_policies", "Keep approval policies"),
            ("deploy", "Start, pause and roll back deployments"),
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


class Environment(Stoppable):
    """One place a product runs in; `position` orders the pipeline, production last."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="environments")
    name = models.CharField(max_length=60)
    slug = models.SlugField(max_length=60)
    position = models.PositiveSmallIntegerField(default=0)
    tier = models.CharField(max_length=12, choices=Tier.choices, default=Tier.STAGING)
    url = models.URLField(blank=True, help_text="Where the product answers")

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
