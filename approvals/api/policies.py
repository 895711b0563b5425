"""API of the policies: versions of the decision tables, read by everybody who takes part."""

from rest_framework import serializers, viewsets

from accounts import policy
from approvals.models import Policy, PolicyRow, Rule


class RuleSerializer(serializers.ModelSerializer):
    class Meta:
        model = Rule
        fields = ["who", "label", "need", "veto", "stage", "facets", "deadline_hours"]
        read_only_fields = fields


class RowSerializer(serializers.ModelSerializer):
    rules = RuleSerializer(many=True, read_only=True)

    class Meta:
        model = PolicyRow
        fields = [
            "id",
            "name",
            "position",
            "product",
            "strategies",
            "change_types",
            "risk_bands",
            "tiers",
            "size_min",
            "size_max",
            "in_freeze",
            "emergency",
            "valid_from",
            "valid_until",
            "deadline_hours",
            "clock",
            "allow_bulk",
            "count_requester",
            "count_author",
            "afterwards",
            "afterwards_hours",
            "rules",
        ]
        read_only_fields = fields


class PolicySerializer(serializers.ModelSerializer):
    rows = RowSerializer(many=True, read_only=True)

    class Meta:
        model = Policy
        fields = [
            "id",
            "subject",
            "version",
            "mode",
            "note",
            "state",
            "is_shadow",
            "based_on",
            "valid_from",
            "valid_until",
            "rows",
        ]
        read_only_fields = fields


class PolicyViewSet(viewsets.ReadOnlyModelViewSet):
    """Policies in all their versions. Running requests keep the rules they were opened with."""

    queryset = Policy.objects.none()
    serializer_class = PolicySerializer
    filterset_fields = ["subject", "state", "is_shadow"]

    def get_queryset(self):
        if not policy.may_anywhere(self.request.user, "releases.view_product"):
            return Policy.objects.none()
        return Policy.objects.prefetch_related("rows__rules")
