"""Accounts in the admin, to look at: people are kept on their own pages, through the doors."""

from django.contrib import admin
from django.contrib.auth import admin as auth_admin  # noqa: F401  registers Group, whichever room comes first
from django.contrib.auth.models import Group

from accounts.models import Absence, ApiToken, Grant, Team, User, WorkingHours
from core.admin import ReadOnlyAdmin

admin.site.unregister(Group)
admin.site.register([Team, Grant, Group], ReadOnlyAdmin)


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    list_display = ["username", "first_name", "last_name", "is_active", "is_service", "last_login"]
    exclude = ["password", "feed_token"]


@admin.register(WorkingHours)
class WorkingHoursAdmin(ReadOnlyAdmin):
    list_display = ["user", "weekdays", "starts", "ends", "country", "subdivision"]
    list_select_related = ["user"]


@admin.register(Absence)
class AbsenceAdmin(ReadOnlyAdmin):
    list_display = ["user", "starts_at", "ends_at", "added_by", "cancelled_at"]
    list_select_related = ["user", "added_by"]
    exclude = ["note"]


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ["name", "user", "hint", "expires_at", "last_used_at"]
    list_select_related = ["user"]
    exclude = ["digest"]
