"""API of exemptions: waivers and freeze overrides, asked for by one person and decided by the quorum of the policy."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from approvals import actions
from approvals.api.tests import OfTestSerializer
from approvals.models import FreezeOverride, Waiver
from core.api import given


class WaiverSerializer(serializers.ModelSerializer):
    class Meta:
        model = Waiver
        fields = [
            "id",
            "signoff",
            "reason",
            "expires_at",
            "follow_up",
            "follow_up_done_at",
            "requested_by",
            "requested_at",
            "decided_by",
            "decided_at",
            "comment",
            "state",
        ]
        read_only_fields = fields


class OverrideSerializer(serializers.ModelSerializer):
    class Meta:
        model = FreezeOverride
        fields = [
            "id",
            "kind",
            "freeze",
            "about",
            "words",
            "release",
            "reason",
            "expires_at",
            "follow_up",
            "follow_up_done_at",
            "requested_by",
            "requested_at",
            "decided_by",
            "decided_at",
            "comment",
            "state",
        ]
        read_only_fields = fields


class NewWaiverSerializer(OfTestSerializer):
    reason = serializers.CharField()
    expires_at = serializers.DateTimeField()
    follow_up = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)


class NewOverrideSerializer(serializers.Serializer):
    release = serializers.IntegerField()
    freeze = serializers.IntegerField(required=False, help_text="The freeze, or")
    about = serializers.CharField(
        required=False, max_length=80, help_text="the conflict, by the name that the release's conflicts have"
    )
    reason = serializers.CharField()
    expires_at = serializers.DateTimeField()
    follow_up = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)

    def validate(self, asked):
        if ("freeze" in asked) == ("about" in asked):
            raise serializers.ValidationError({"freeze": "Name a freeze, or a conflict in `about`: one of the two."})
        return asked


class DecisionSerializer(serializers.Serializer):
    grant = serializers.BooleanField()
    comment = serializers.CharField(required=False, allow_blank=True, default="")


class WaiverViewSet(viewsets.ReadOnlyModelViewSet):
    """Waivers: asked for by one person, decided by the quorum, over at an instant."""

    queryset = Waiver.objects.none()
    serializer_class = WaiverSerializer
    filterset_fields = ["state", "signoff", "signoff__candidate__release"]

    def get_queryset(self):
        return Waiver.objects.visible_to(self.request.user)

    @extend_schema(request=NewWaiverSerializer, responses={201: WaiverSerializer})
    def create(self, request):
        """Ask for a waiver."""
        data = given(NewWaiverSerializer, request)
        made = actions.request_waiver(data.pop("candidate"), data.pop("kind"), actor=request.user, **data)
        return Response(WaiverSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=DecisionSerializer, responses=WaiverSerializer)
    @action(detail=True, methods=["post"])
    def decide(self, request, pk=None):
        """Vote on it: the quorum of the policy grants or refuses. Refusing needs a comment."""
        made = actions.decide_waiver(self.get_object().pk, actor=request.user, **given(DecisionSerializer, request))
        return Response(WaiverSerializer(made).data)

    @extend_schema(request=None, responses=WaiverSerializer)
    @action(detail=True, methods=["post"])
    def finish_follow_up(self, request, pk=None):
        """Note that what was promised for afterwards is done."""
        made = actions.finish_follow_up(self.get_object().pk, actor=request.user)
        return Response(WaiverSerializer(made).data)


class OverrideViewSet(viewsets.ReadOnlyModelViewSet):
    """Freeze overrides: asked for by one person, decided by the quorum, over at an instant."""

    queryset = FreezeOverride.objects.none()
    serializer_class = OverrideSerializer
    filterset_fields = ["state", "release", "freeze"]

    def get_queryset(self):
        return FreezeOverride.objects.visible_to(self.request.user)

    @extend_schema(request=NewOverrideSerializer, responses={201: OverrideSerializer})
    def create(self, request):
        """Ask for an override."""
        data = given(NewOverrideSerializer, request)
        release = data.pop("release")
        if "about" in data:
            made = actions.request_conflict_override(release, data.pop("about"), actor=request.user, **data)
        else:
            made = actions.request_override(release, data.pop("freeze"), actor=request.user, **data)
        return Response(OverrideSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=DecisionSerializer, responses=OverrideSerializer)
    @action(detail=True, methods=["post"])
    def decide(self, request, pk=None):
        """Vote on it: the quorum of the policy grants or refuses. Refusing needs a comment."""
        made = actions.decide_override(self.get_object().pk, actor=request.user, **given(DecisionSerializer, request))
        return Response(OverrideSerializer(made).data)

    @extend_schema(request=None, responses=OverrideSerializer)
    @action(detail=True, methods=["post"])
    def finish_follow_up(self, request, pk=None):
        """Note that what was promised for afterwards is done."""
        made = actions.finish_override_follow_up(self.get_object().pk, actor=request.user)
        return Response(OverrideSerializer(made).data)
