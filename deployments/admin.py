"""The admin shows deployments, it does not change them."""

from django.contrib import admin

from core.admin import ReadOnlyAdmin
from deployments.models import Check, Deployment, Hook, LogLine, Run, Sample, Statement, Verification


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin):
    list_display = ["pk", "release", "candidate", "environment", "kind", "state", "started_at", "ended_at"]
    list_filter = ["state", "kind"]
    list_select_related = ["release__product", "candidate", "environment"]


@admin.register(Hook)
class HookAdmin(ReadOnlyAdmin):
    list_display = ["name", "environment", "on", "driver", "is_active"]
    list_select_related = ["environment"]
    exclude = ["secret"]


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ["key", "name", "state", "attempt", "started_at", "ended_at"]
    exclude = ["token", "handle"]


@admin.register(Check)
class CheckAdmin(ReadOnlyAdmin):
    list_display = ["name", "environment", "kind", "is_active"]
    list_select_related = ["environment"]
    exclude = ["secret"]


admin.site.register([LogLine, Sample, Statement, Verification], ReadOnlyAdmin)
