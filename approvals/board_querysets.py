"""Reads of boards, meetings and agendas by their domain names. Every method returns a queryset."""

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts import policy
from accounts.models import Grant, User
from approvals.board_states import ItemState, MeetingState

VIEW = "releases.view_product"


def sits_on(user: User, path: str = "") -> Q:
    """Boards that a person sits on in their own name or by a team: chair, member, or in a team that is named."""
    teams = list(user.teams.values_list("slug", flat=True))
    named = Q()
    for slug in teams:
        named |= Q(**{f"{path}member_roles__contains": [f"team:{slug}"]})
    return Q(**{f"{path}chair": user}) | Q(**{f"{path}pk__in": user.boards.values("pk")}) | named


class BoardQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Boards of products in the reader's sight, boards of all products for who sees any, and one's own."""
        ids = policy.where_may(user, VIEW)
        if ids is None:
            return self
        of_all = ~Exists(self.model.products.through.objects.filter(board=OuterRef("pk"))) if ids else Q(pk__in=[])
        of_some = Exists(self.model.products.through.objects.filter(board=OuterRef("pk"), product__in=ids))
        return self.filter(Q(of_some) | Q(of_all) | sits_on(user))

    def active(self):
        return self.filter(is_active=True)

    def about_product(self, product_id: int):
        """Boards that name the product, and those of all products."""
        named = self.model.products.through.objects.filter(board=OuterRef("pk"))
        return self.filter(Exists(named.filter(product=product_id)) | ~Exists(named))


class MeetingQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(board__in=self.model.board.field.related_model.objects.visible_to(user).values("pk"))

    def scheduled(self):
        return self.filter(state=MeetingState.SCHEDULED)

    def ahead(self):
        """Scheduled or in session, the next first."""
        return self.filter(state__in=[MeetingState.SCHEDULED, MeetingState.IN_SESSION]).order_by("starts_at", "pk")

    def over(self):
        """Closed or cancelled, the latest first."""
        return self.filter(state__in=[MeetingState.CLOSED, MeetingState.CANCELLED]).order_by("-starts_at", "-pk")

    def to_announce(self, within):
        return self.scheduled().filter(announced_at__isnull=True, starts_at__lte=timezone.now() + within)


class ItemQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Items about requests in the reader's sight, of meetings in their sight."""
        requests = self.model.request.field.related_model.objects.visible_to(user)
        meetings = self.model.meeting.field.related_model.objects.visible_to(user)
        return self.filter(request__in=requests.values("pk"), meeting__in=meetings.values("pk"))

    def standing(self):
        return self.exclude(state=ItemState.DROPPED)

    def waiting(self):
        return self.filter(state=ItemState.OPEN)

    def with_subjects(self):
        """Everything a row of an agenda shows, in a number of queries that does not grow."""
        return self.select_related(
            "meeting",
            "added_by",
            "carried_from__meeting",
            "request__requester",
            "request__release__product",
            "request__change__product",
            "request__change__release__product",
        ).prefetch_related("request__release__risks")


def grants_of(roles: list[str], scopes: list[str] | None):
    """Grants of the roles, on the scopes or everywhere; None: wherever they are held."""
    rows = Grant.objects.filter(role__in=roles)
    return rows if scopes is None else rows.filter(scope__in=[*scopes, policy.EVERYWHERE])
