"""The small tables that the conflicts of every release are found in, as relations that lists can prefetch."""

from django.utils import timezone

from core.whole_table import attach
from releases.models.release import Release
from releases.models.timetable import ConflictRule, FreezeWindow
from releases.states import CONFIRMED


def attach_tables() -> None:
    attach(Release, "conflict_table", ConflictRule.objects.all)
    attach(Release, "freeze_table", freezes_ahead)
    attach(Release, "planned_table", planned_windows)


def freezes_ahead():
    """Freezes of which something is on or still to come."""
    return FreezeWindow.objects.standing().not_over().prefetch_related("products")


def planned_windows():
    """Releases with a confirmed plan whose window is not over, with the people that they need."""
    rows = Release.objects.filter(state__in=CONFIRMED, window_ends_at__gt=timezone.now())
    return rows.select_related("product", "manager", "rollback_plan__owner").order_by("window_starts_at", "pk")
