"""Reads by their domain names. Every method returns a queryset."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts import policy
from approvals.states import GrantState, RequestState

VIEW = "releases.view_product"


class RequestQuerySet(models.QuerySet):
    def visible_to(self, user):
        ids = policy.where_may(user, VIEW)
        if ids is None:
            return self
        return self.filter(Q(release__product__in=ids) | Q(change__product__in=ids))

    def pending(self):
        return self.filter(state=RequestState.PENDING)

    def standing(self):
        """Pending, suspended or approved: at most one per subject."""
        return self.filter(state__in=[RequestState.PENDING, RequestState.SUSPENDED, RequestState.APPROVED])

    def about_product(self, product_id: int):
        return self.filter(Q(release__product=product_id) | Q(change__product=product_id))

    def overdue(self):
        return self.pending().filter(due_at__lte=timezone.now())

    def with_votes(self):
        """Rules, votes with their people, and questions, in a number of queries that does not grow."""
        return self.select_related("release__product", "change__product", "requester").prefetch_related(
            "rules", "votes__person", "questions__asked_by", "questions__answered_by"
        )


class SignoffQuerySet(models.QuerySet):
    def visible_to(self, user):
        return policy.only_where(self, user, VIEW, "candidate__release__product_id")


class EvidenceQuerySet(models.QuerySet):
    def visible_to(self, user):
        return policy.only_where(self, user, VIEW, "signoff__candidate__release__product_id")


class ExemptionQuerySet(models.QuerySet):
    def requested(self):
        return self.filter(state=GrantState.REQUESTED)

    def granted(self):
        return self.filter(state=GrantState.GRANTED)

    def over(self):
        """Asked for or granted, with their instant past."""
        standing = [GrantState.REQUESTED, GrantState.GRANTED]
        return self.filter(state__in=standing, expires_at__lte=timezone.now())


class WaiverQuerySet(ExemptionQuerySet):
    def visible_to(self, user):
        return policy.only_where(self, user, VIEW, "signoff__candidate__release__product_id")


class OverrideQuerySet(ExemptionQuerySet):
    def visible_to(self, user):
        return policy.only_where(self, user, VIEW, "release__product_id")
