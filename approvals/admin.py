from django.contrib import admin

from approvals import models
from core.admin import ReadOnlyAdmin


class RequestAdmin(ReadOnlyAdmin):
    list_display = ["pk", "kind", "subject", "policy_name", "state", "requester", "due_at"]
    list_filter = ["state", "kind", "purpose"]

    def get_queryset(self, request):
        return super().get_queryset(request).with_subjects()


class VoteAdmin(ReadOnlyAdmin):
    list_display = ["pk", "request_id", "person", "verdict", "state", "cast_at"]
    list_select_related = ["person"]


admin.site.register(models.ApprovalRequest, RequestAdmin)
admin.site.register(models.Vote, VoteAdmin)
admin.site.register(
    [
        models.AgendaItem,
        models.Attendance,
        models.Board,
        models.Delegation,
        models.Evidence,
        models.FreezeOverride,
        models.FrozenSheet,
        models.Lift,
        models.Meeting,
        models.Policy,
        models.PolicyRow,
        models.Question,
        models.RequestRule,
        models.RequiredSignoff,
        models.Rule,
        models.ShadowRun,
        models.Signoff,
        models.Waiver,
    ],
    ReadOnlyAdmin,
)
