"""Reads of reviews by their domain names."""

from django.db import models

from accounts import policy
from reviews.states import ReviewState


class ReviewQuerySet(models.QuerySet):
    def visible_to(self, user):
        return policy.only_where(self, user, "releases.view_product", "release__product_id")

    def unfinished(self):
        return self.exclude(state__in=[ReviewState.APPROVED, ReviewState.CLOSED])
