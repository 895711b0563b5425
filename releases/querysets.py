"""Reads by their domain names. Every method returns a queryset."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts import policy
from releases.states import FINISHED, IN_MOTION, OPEN, TemplateState


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


class RecurringQuerySet(models.QuerySet):
    """Rows that come once or again. Which of their occurrences are meant, `releases.occurrences` tells."""

    def not_over(self, at=None):
        """Those of which something is on at an instant (now by default), or still to come."""
        at = at or timezone.now()
        once = Q(rule="", ends_at__gt=at)
        again = ~Q(rule="") & (Q(last_ends_at__isnull=True) | Q(last_ends_at__gt=at))
        return self.filter(once | again)

    def that_may_touch(self, start, end):
        """Those of which an occurrence may touch the half-open span: it has begun by then and is not over."""
        return self.not_over(start).filter(starts_at__lt=end)


class FreezeQuerySet(RecurringQuerySet):
    def standing(self):
        return self.filter(lifted_at__isnull=True)

    def of_product(self, product_id: int):
        """Those of a product, and of all products."""
        return self.filter(Q(products__isnull=True) | Q(products=product_id)).distinct()


class WindowQuerySet(RecurringQuerySet):
    def visible_to(self, user):
        return policy.only_where(self, user, "releases.view_product", "environment__product_id")
