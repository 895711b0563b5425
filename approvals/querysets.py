"""Reads by their domain names. Every method returns a queryset."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts import policy
from approvals.states import GrantState, PolicyState, Purpose, RequestState, Subject

VIEW = "releases.view_product"


class PolicyQuerySet(models.QuerySet):
    def in_force(self):
        return self.filter(state=PolicyState.IN_FORCE)

    def in_shadow(self):
        return self.filter(is_shadow=True, state=PolicyState.DRAFT)

    def due(self):
        """Approved, and their instant has come."""
        return self.filter(state=PolicyState.SCHEDULED).filter(
            Q(valid_from__isnull=True) | Q(valid_from__lte=timezone.now())
        )


class DelegationQuerySet(models.QuerySet):
    def standing(self):
        """Not ended, and not over: on now or to come."""
        return self.filter(ended_at__isnull=True, ends_at__gt=timezone.now())

    def of(self, user):
        return self.filter(Q(person=user) | Q(stand_in=user))


class RequestQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Those about products in the reader's sight; those about all products for everybody who sees one."""
        ids = policy.where_may(user, VIEW)
        if ids is None:
            return self
        return self.filter(Q(product__in=ids) | Q(product__isnull=True)) if ids else self.none()

    def pending(self):
        return self.filter(state=RequestState.PENDING)

    def standing(self):
        """Pending, suspended or approved: at most one per subject and purpose."""
        return self.filter(state__in=[RequestState.PENDING, RequestState.SUSPENDED, RequestState.APPROVED])

    def deciding(self):
        return self.filter(purpose=Purpose.DECIDE)

    def retrospective(self):
        return self.filter(purpose=Purpose.RETROSPECTIVE)

    def about_product(self, product_id: int):
        return self.filter(product=product_id)

    def naming_person(self, person_id: int):
        """Those whose sheet says the name of a person: an owner of the rollback plan or of a risk."""
        named = Q(release__rollback_plan__owner=person_id) | Q(release__risks__owner=person_id)
        return self.filter(named).distinct()

    def naming_product(self, product_id: int):
        """Those whose sheet says the name of a product: their own, that of what must ship first, that of a policy's row."""
        named = Q(release__dependencies__needs__product=product_id) | Q(proposal__rows__product=product_id)
        return self.filter(named | Q(product=product_id)).distinct()

    def overdue(self):
        """Pending past their deadline. A retrospective one never expires: it stays open until it is given."""
        return self.pending().deciding().filter(due_at__lte=timezone.now())

    def with_subjects(self):
        """The subject of each, whatever its kind, in one query."""
        return self.select_related(*SUBJECTS, "requester", "product")

    def one(self, pk: int):
        """One request with its subject, None where there is none.

        It joins the tables of its own kind alone: a join of every kind's costs the planner more than a door's other queries.
        """
        kind = self.filter(pk=pk).values_list("kind", flat=True).first()
        return self.select_related(*SUBJECTS_OF[kind], "requester", "product").get(pk=pk) if kind else None

    def with_votes(self):
        """Rules, votes with their people, and questions, in a number of queries that does not grow."""
        return self.with_subjects().prefetch_related(
            "rules", "votes__person", "votes__seat", "questions__asked_by", "questions__answered_by"
        )


# {kind of subject: what is joined to a request about one}
SUBJECTS_OF = {
    Subject.RELEASE.value: ("release__product", "release__manager"),
    Subject.CHANGE.value: ("change__product", "change__release"),
    Subject.WAIVER.value: ("waiver__signoff__candidate__release__product",),
    Subject.OVERRIDE.value: ("override__release__product", "override__freeze"),
    Subject.LIFT.value: ("lift__release__product", "lift__environment__product", "lift__stopped_product"),
    Subject.TEMPLATE.value: ("template__product",),
    Subject.POLICY.value: ("proposal",),
}
SUBJECTS = tuple(path for paths in SUBJECTS_OF.values() for path in paths)


class LiftQuerySet(models.QuerySet):
    def requested(self):
        return self.filter(state=GrantState.REQUESTED)

    def visible_to(self, user):
        ids = policy.where_may(user, VIEW)
        if ids is None:
            return self
        return self.filter(Q(release__product__in=ids) | Q(environment__product__in=ids) | Q(stopped_product__in=ids))


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
