"""The admin shows deployments, it does not change them."""

from django.contrib import admin

from core.admin import ReadOnlyAdmin
from deployments.models import Deployment, Hook, LogLine, Run, Sample, Verification


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


admin.site.register([LogLine, Sample, Verification], ReadOnlyAdmin)
