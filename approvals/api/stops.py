"""API of what goes on after a stop, and of what happened unasked: both are agreed to through a request."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.response import Response

from approvals import actions
from approvals.api.exemptions import DECIDED, DecidedViewSet
from approvals.models import Lift
from approvals.models.lift import STOPPABLE
from core.api import given
from releases.api.change import ChangeSerializer
from releases.models import Change
from releases.states import ChangeType


class LiftSerializer(serializers.ModelSerializer):
    class Meta:
        model = Lift
        fields = [
            "id",
            "release",
            "stopped_product",
            "environment",
            "stopped_because",
            "reason",
            *DECIDED,
        ]
        read_only_fields = fields


class NewLiftSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(STOPPABLE, help_text="What is stopped")
    id = serializers.IntegerField(help_text="Its id")
    reason = serializers.CharField(help_text="Why it may go on")


class LiftViewSet(DecidedViewSet):
    """Liftings of stops: asked for by who may stop, decided by the quorum. Until then the stop stands."""

    queryset = Lift.objects.none()
    serializer_class = LiftSerializer
    filterset_fields = ["state", "release", "stopped_product", "environment"]
    decide_door = staticmethod(actions.decide_lift)

    def get_queryset(self):
        return Lift.objects.visible_to(self.request.user)

    @extend_schema(request=NewLiftSerializer, responses={201: LiftSerializer})
    def create(self, request):
        """Ask to lift the stop of a release, a product or an environment."""
        data = given(NewLiftSerializer, request)
        made = actions.request_lift(data["kind"], data["id"], actor=request.user, reason=data["reason"])
        return Response(LiftSerializer(made).data, status=status.HTTP_201_CREATED)


class FoundSerializer(serializers.Serializer):
    product = serializers.IntegerField()
    title = serializers.CharField(max_length=200)
    description = serializers.CharField(required=False, allow_blank=True, default="")
    commits = serializers.ListField(
        child=serializers.CharField(), required=False, default=list, help_text="Full commit ids"
    )


class UnauthorisedChangeViewSet(viewsets.ReadOnlyModelViewSet):
    """Changes that were found in place without an approval: recorded as done, and agreed to afterwards."""

    queryset = Change.objects.none()
    serializer_class = ChangeSerializer
    filterset_fields = ["product"]

    def get_queryset(self):
        rows = Change.objects.visible_to(self.request.user).filter(type=ChangeType.UNAUTHORISED)
        return rows.select_related("product").order_by("-pk")

    @extend_schema(request=FoundSerializer, responses={201: ChangeSerializer})
    def create(self, request):
        """Record one; the request for its retrospective approval is opened where somebody could agree."""
        data = given(FoundSerializer, request)
        made = actions.record_unauthorised_change(data.pop("product"), actor=request.user, **data)
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)
