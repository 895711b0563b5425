"""The small tables that every release and change is judged by, as relations that lists can prefetch."""

from django.utils import timezone

from accounts.models import Grant
from accounts.roles import ROLES
from approvals.models.policy import Policy
from approvals.models.signoff import RequiredSignoff
from approvals.whole_table import attach
from releases.models import Change, FreezeWindow, Release


def attach_tables() -> None:
    for subject in (Release, Change):
        attach(subject, "policy_table", lambda: Policy.objects.filter(is_active=True).prefetch_related("rules"))
        attach(subject, "grant_table", approving_grants)
    attach(Release, "required_table", RequiredSignoff.objects.all)
    attach(Release, "freeze_table", freezes_ahead)


def approving_grants():
    """Grants of roles that rules may ask for, with the people behind them."""
    approving = [role.slug for role in ROLES.values() if role.approves]
    return Grant.objects.filter(role__in=approving).select_related("user", "team").prefetch_related("team__members")


def freezes_ahead():
    """Freezes that are on or still to come."""
    return FreezeWindow.objects.standing().filter(ends_at__gt=timezone.now()).prefetch_related("products")
