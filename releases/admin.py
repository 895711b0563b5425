"""Releases in the admin, to look at."""

from django.contrib import admin

from core.admin import ReadOnlyAdmin
from releases.models import (
    Candidate,
    Change,
    ChangeTemplate,
    Dependency,
    Environment,
    FreezeWindow,
    Product,
    Release,
    Risk,
    RollbackPlan,
)


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    list_display = ["product", "version", "strategy", "state", "state_since"]
    list_filter = ["state", "strategy"]
    list_select_related = ["product"]
    search_fields = ["version", "title"]
    exclude = ["status_token"]


@admin.register(Change)
class ChangeAdmin(ReadOnlyAdmin):
    list_display = ["key", "title", "product", "release", "state"]
    list_filter = ["state", "type"]
    list_select_related = ["product", "release__product"]
    search_fields = ["key", "title"]


@admin.register(ChangeTemplate)
class ChangeTemplateAdmin(ReadOnlyAdmin):
    list_display = ["name", "product", "version", "valid_until", "state"]
    list_filter = ["state"]
    list_select_related = ["product"]
    search_fields = ["name", "purpose"]


@admin.register(Candidate)
class CandidateAdmin(ReadOnlyAdmin):
    list_display = ["version", "release", "commit", "added_by", "added_at"]
    list_select_related = ["release__product", "added_by"]


admin.site.register([Product, Environment, Dependency, Risk, RollbackPlan, FreezeWindow], ReadOnlyAdmin)
