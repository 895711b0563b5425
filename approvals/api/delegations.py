"""API of delegations: the same doors as the page."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from approvals import actions, stand_ins
from approvals.models import Delegation
from core.api import NothingSerializer, given


class DelegationSerializer(serializers.ModelSerializer):
    class Meta:
        model = Delegation
        fields = [
            "id",
            "person",
            "stand_in",
            "starts_at",
            "ends_at",
            "product",
            "who",
            "reason",
            "created_by",
            "created_at",
            "ended_at",
            "ended_by",
        ]
        read_only_fields = fields


class DelegateSerializer(serializers.Serializer):
    person = serializers.IntegerField(required=False, help_text="Whose places; without it the caller's own")
    stand_in = serializers.IntegerField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    product = serializers.IntegerField(required=False, allow_null=True, default=None, help_text="Without it: all")
    who = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=80, help_text="One selector, as role:qa-approver"
    )
    reason = serializers.CharField(required=False, allow_blank=True, default="")


class DelegationViewSet(viewsets.ReadOnlyModelViewSet):
    """Who votes for whom: the caller's own, from and to them, and those of the members of teams that they lead."""

    queryset = Delegation.objects.none()
    serializer_class = DelegationSerializer
    filterset_fields = ["person", "stand_in", "product"]

    def get_queryset(self):
        return stand_ins.seen_by(self.request.user)

    @extend_schema(request=DelegateSerializer, responses={201: DelegationSerializer})
    def create(self, request):
        """Let somebody vote in one's own places, or in those of a member of a team that one leads."""
        data = given(DelegateSerializer, request)
        person_id = data.pop("person", request.user.pk)
        made = actions.delegate(
            person_id, data.pop("stand_in"), product_id=data.pop("product"), actor=request.user, **data
        )
        return Response(DelegationSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=NothingSerializer, responses=DelegationSerializer)
    @action(detail=True, methods=["post"], serializer_class=NothingSerializer)
    def end(self, request, pk=None):
        """End it now; one that is still to come never begins."""
        made = actions.end_delegation(self.get_object().pk, actor=request.user)
        return Response(DelegationSerializer(made).data)
