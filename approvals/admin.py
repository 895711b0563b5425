from django.contrib import admin

from approvals import models
from core.admin import ReadOnlyAdmin


class RequestAdmin(ReadOnlyAdmin):
    list_display = ["pk", "subject", "policy_name", "state", "requester", "due_at"]
    list_filter = ["state"]
    list_select_related = ["release__product", "change__product", "requester"]


class VoteAdmin(ReadOnlyAdmin):
    list_display = ["pk", "request_id", "person", "verdict", "state", "cast_at"]
    list_select_related = ["person"]


admin.site.register(models.ApprovalRequest, RequestAdmin)
admin.site.register(models.Vote, VoteAdmin)
admin.site.register(
    [
        models.Evidence,
        models.FreezeOverride,
        models.FrozenSheet,
        models.Policy,
        models.Question,
        models.RequestRule,
        models.RequiredSignoff,
        models.Rule,
        models.Signoff,
        models.Waiver,
    ],
    ReadOnlyAdmin,
)
