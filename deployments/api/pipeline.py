"""The API of pipelines: where a release's candidate stands, and candidates that are kept where they are."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from accounts import policy
from core.api import given
from deployments import guards, pipeline
from deployments.actions import progression
from deployments.models import Standstill
from releases.models import Candidate, Release
from releases.states import Needs


class PlaceStandingSerializer(serializers.Serializer):
    """One environment: when the candidate was verified there, and when it has soaked. Instants are UTC, null: not so."""

    environment = serializers.CharField(source="environment.slug")
    deployment = serializers.IntegerField(source="deployment.pk", default=None)
    verified_at = serializers.DateTimeField(source="deployment.verified_at", default=None)
    soaked_at = serializers.DateTimeField(allow_null=True)
    cut_at = serializers.DateTimeField(allow_null=True, help_text="When something else came before it had soaked")
    cut_by = serializers.CharField(
        help_text="What came from outside: a version, or nothing; empty: a deployment by Slipway"
    )


class WhyClosedSerializer(serializers.Serializer):
    """What an earlier phase still needs."""

    code = serializers.CharField()
    message = serializers.CharField()


class PhaseStandingSerializer(serializers.Serializer):
    """One phase, in order. `lacks` tells how many more environments it needs; `opens_at` when it opens by the passing of time."""

    name = serializers.CharField()
    needs = serializers.ChoiceField(Needs.choices)
    required = serializers.IntegerField(help_text="How many environments must be verified before the next phase opens")
    lacks = serializers.IntegerField()
    soak_minutes = serializers.IntegerField()
    soak_left_minutes = serializers.IntegerField()
    is_automatic = serializers.BooleanField()
    is_open = serializers.BooleanField()
    is_done = serializers.BooleanField()
    opens_at = serializers.DateTimeField(allow_null=True)
    why_closed = WhyClosedSerializer(many=True)
    environments = PlaceStandingSerializer(many=True)


class PipelineSerializer(serializers.Serializer):
    """The pipeline of a release's current candidate."""

    release = serializers.IntegerField()
    candidate = serializers.CharField(allow_null=True)
    is_stopped = serializers.BooleanField(help_text="It enters no phase that it has not reached")
    phases = PhaseStandingSerializer(many=True)


class PipelineViewSet(viewsets.GenericViewSet):
    """Pipelines, by the id of the release."""

    serializer_class = PipelineSerializer
    queryset = Release.objects.none()
    lookup_value_regex = r"\d+"

    def get_queryset(self):
        return Release.objects.visible_to(self.request.user).select_related("product", "candidate")

    def retrieve(self, request, pk=None):
        """Where the current candidate stands, and what opens next."""
        release = self.get_object()
        seen = pipeline.of(release)
        told = {
            "release": release.pk,
            "candidate": release.candidate and release.candidate.version,
            "is_stopped": seen.standstill is not None,
            "phases": [_told(seen, phase, release) for phase in seen.phases],
        }
        return Response(PipelineSerializer(told).data)


def _told(seen: pipeline.Pipeline, phase: pipeline.PhaseStanding, release: Release) -> dict:
    group = phase.group
    return {
        "name": group.name,
        "needs": group.needs,
        "required": group.required,
        "lacks": phase.lacks,
        "soak_minutes": group.soak_minutes,
        "soak_left_minutes": phase.soak_left_minutes,
        "is_automatic": group.is_automatic,
        "is_open": seen.is_open(phase),
        "is_done": phase.is_done,
        "opens_at": seen.opens_at(phase),
        "why_closed": guards.why_closed(seen, phase, release) if release.candidate else [],
        "environments": phase.standings,
    }


class StandstillSerializer(serializers.ModelSerializer):
    """A candidate that is kept where it is, or was."""

    version = serializers.CharField(source="candidate.version", read_only=True)
    release = serializers.IntegerField(source="candidate.release_id", read_only=True)

    class Meta:
        model = Standstill
        fields = [
            "id",
            "candidate",
            "version",
            "release",
            "reason",
            "begun_by",
            "begun_at",
            "ended_by",
            "ended_at",
            "ended_because",
        ]


class KeepHereSerializer(serializers.Serializer):
    candidate = serializers.IntegerField()
    reason = serializers.CharField(help_text="It stays in the record.")


class GoOnSerializer(serializers.Serializer):
    reason = serializers.CharField(help_text="It stays in the record.")


class StandstillViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Standstills: list, retrieve, keep a candidate where it is (POST), `end`."""

    serializer_class = StandstillSerializer
    queryset = Standstill.objects.none()
    filterset_fields = ["candidate", "candidate__release"]

    def get_queryset(self):
        rows = Standstill.objects.select_related("candidate")
        return policy.only_where(rows, self.request.user, "releases.view_product", "candidate__release__product_id")

    @extend_schema(request=KeepHereSerializer, responses={201: StandstillSerializer})
    def create(self, request):
        """Keep a candidate where it is: it enters no phase that it has not reached. Asks the right to block."""
        asked = given(KeepHereSerializer, request)
        seen = Release.objects.visible_to(request.user)
        candidate = get_object_or_404(Candidate.objects.filter(release__in=seen), pk=asked["candidate"])
        made = progression.prevent_progression(candidate.pk, actor=request.user, reason=asked["reason"])
        return Response(StandstillSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=GoOnSerializer, responses=StandstillSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request, pk=None):
        """Let the candidate go on. Asks the right to unblock, which is another one."""
        reason = given(GoOnSerializer, request)["reason"]
        ended = progression.allow_progression(self.get_object().candidate_id, actor=request.user, reason=reason)
        return Response(StandstillSerializer(ended).data)


ROUTES = [("pipelines", PipelineViewSet, "pipeline"), ("standstills", StandstillViewSet, "standstill")]
