"""Reads by their domain names. Every method returns a queryset."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts import policy
from releases.states import AUTHORISED, FINISHED, IN_MOTION, OPEN, TemplateState


class ProductQuerySet(models.QuerySet):
    def visible_to(self, user):
        return policy.only_where(self, user, "releases.view_product")

    def active(self):
        return self.filter(is_active=True)


class EnvironmentQuerySet(models.QuerySet):
    def in_order(self):
        return self.order_by("product_id", "position")

    def before(self, environment):
        """Environments of the same product that come earlier in the pipeline, nearest first."""
        return self.filter(product=environment.product_id, position__lt=environment.position).order_by("-position")


class ReleaseQuerySet(models.QuerySet):
    def visible_to(self, user):
        return policy.only_where(self, user, "releases.view_product", "product_id")

    def under_way(self):
        return self.exclude(state__in=FINISHED)

    def in_motion(self):
        return self.filter(state__in=IN_MOTION)

    def open(self):
        return self.filter(state__in=OPEN)

    def with_window_between(self, start, end):
        """Releases whose window touches the half-open span."""
        return self.filter(window_starts_at__lt=end, window_ends_at__gt=start)


class ChangeQuerySet(models.QuerySet):
    def visible_to(self, user):
        return policy.only_where(self, user, "releases.view_product", "product_id")

    def not_authorised(self):
        return self.exclude(state__in=AUTHORISED)


class TemplateQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Those of products that the reader may see, and for everybody who sees any those of all products."""
        ids = policy.where_may(user, "releases.view_product")
        if ids is None:
            return self
        return self.filter(Q(product__isnull=True) | Q(product__in=ids)) if ids else self.none()

    def for_product(self, product_id: int):
        """Those that may be used for a product: its own, and those of all products."""
        return self.filter(Q(product__isnull=True) | Q(product=product_id))

    def approved(self):
        return self.filter(state=TemplateState.APPROVED)


class FreezeQuerySet(models.QuerySet):
    def standing(self):
        return self.filter(lifted_at__isnull=True)

    def touching(self, start, end, product_id: int):
        """Standing freezes of a product that touch the half-open span."""
        return (
            self.standing()
            .filter(Q(products__isnull=True) | Q(products=product_id), starts_at__lt=end, ends_at__gt=start)
            .distinct()
        )

    def now(self, product_id: int):
        instant = timezone.now()
        return self.touching(instant, instant + timedelta(microseconds=1), product_id)
