"""API of exemptions: waivers and freeze overrides, asked for by one person and decided by the quorum of the policy."""

from collections.abc import Callable

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from approvals import actions
from approvals.api.tests import OfTestSerializer
from approvals.models import FreezeOverride, Waiver
from core.api import given

DECIDED = ["requested_by", "requested_at", "decided_by", "decided_at", "comment", "state"]
EXEMPTED = ["reason", "expires_at", "follow_up", "follow_up_done_at", *DECIDED]


class WaiverSerializer(serializers.ModelSerializer):
    class Meta:
        model = Waiver
        fields = ["id", "signoff", *EXEMPTED]
        read_only_fields = fields


class OverrideSerializer(serializers.ModelSerializer):
    class Meta:
        model = FreezeOverride
        fields = ["id", "kind", "freeze", "about", "words", "release", *EXEMPTED]
        read_only_fields = fields


class NewExemptionSerializer(serializers.Serializer):
    """Why, until when (an instant to come), and what is done about it afterwards."""

    reason = serializers.CharField()
    expires_at = serializers.DateTimeField()
    follow_up = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)


class NewWaiverSerializer(NewExemptionSerializer, OfTestSerializer):
    pass


class NewOverrideSerializer(NewExemptionSerializer):
    release = serializers.IntegerField()
    freeze = serializers.IntegerField(required=False, help_text="The freeze, or")
    about = serializers.CharField(
        required=False, max_length=80, help_text="the conflict, by the name that the release's conflicts have"
    )

    def validate(self, asked):
        if ("freeze" in asked) == ("about" in asked):
            raise serializers.ValidationError({"freeze": "Name a freeze, or a conflict in `about`: one of the two."})
        return asked


class DecisionSerializer(serializers.Serializer):
    grant = serializers.BooleanField()
    comment = serializers.CharField(required=False, allow_blank=True, default="")


class DecidedViewSet(viewsets.ReadOnlyModelViewSet):
    """What one person asks for and the quorum decides. `decide_door(id, *, actor, grant, comment)` votes on it."""

    decide_door: Callable

    @extend_schema(request=DecisionSerializer)
    @action(detail=True, methods=["post"])
    def decide(self, request, pk=None):
        """Vote on it: the quorum of the policy grants it or refuses; of a stop, lifts it or leaves it. Refusing needs a comment."""
        made = self.decide_door(self.get_object().pk, actor=request.user, **given(DecisionSerializer, request))
        return Response(self.get_serializer(made).data)


class ExemptionViewSet(DecidedViewSet):
    """What is over at an instant, with something to do afterwards. `finish_door(id, *, actor)` notes that it is done."""

    finish_door: Callable

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def finish_follow_up(self, request, pk=None):
        """Note that what was promised for afterwards is done."""
        made = self.finish_door(self.get_object().pk, actor=request.user)
        return Response(self.get_serializer(made).data)


class WaiverViewSet(ExemptionViewSet):
    """Waivers: asked for by one person, decided by the quorum, over at an instant."""

    queryset = Waiver.objects.none()
    serializer_class = WaiverSerializer
    filterset_fields = ["state", "signoff", "signoff__candidate__release"]
    decide_door = staticmethod(actions.decide_waiver)
    finish_door = staticmethod(actions.finish_follow_up)

    def get_queryset(self):
        return Waiver.objects.visible_to(self.request.user)

    @extend_schema(request=NewWaiverSerializer, responses={201: WaiverSerializer})
    def create(self, request):
        """Ask for a waiver."""
        data = given(NewWaiverSerializer, request)
        made = actions.request_waiver(data.pop("candidate"), data.pop("kind"), actor=request.user, **data)
        return Response(WaiverSerializer(made).data, status=status.HTTP_201_CREATED)


class OverrideViewSet(ExemptionViewSet):
    """Freeze overrides: asked for by one person, decided by the quorum, over at an instant."""

    queryset = FreezeOverride.objects.none()
    serializer_class = OverrideSerializer
    filterset_fields = ["state", "release", "freeze"]
    decide_door = staticmethod(actions.decide_override)
    finish_door = staticmethod(actions.finish_override_follow_up)

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
