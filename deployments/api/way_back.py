"""The API of ways back: how a release would be undone in production, how fresh its rehearsal is, where there is no return."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.response import Response

from deployments import way_back
from releases.models import Release


class NoReturnSerializer(serializers.Serializer):
    """A marked call, or a marked step of the runbook. `crossed_at` is null while it is ahead."""

    name = serializers.CharField()
    what = serializers.CharField()
    crossed_at = serializers.DateTimeField(allow_null=True)


class WaySerializer(serializers.Serializer):
    """The way back in one production environment. `version_to` is empty where nothing else was verified there."""

    environment = serializers.CharField(source="environment.slug")
    version_from = serializers.CharField()
    version_to = serializers.CharField()
    calls = serializers.ListField(
        child=serializers.CharField(), help_text="Names of the hooks, in the order of their calls"
    )
    deploys_again = serializers.BooleanField(help_text="No hook is made for a rollback: the usual ones are called")
    no_return = NoReturnSerializer(many=True)


class RehearsalStandingSerializer(serializers.Serializer):
    """What the rehearsals say of the current candidate. `deployment` is the newest good one, `tried` the newest of all."""

    is_demanded = serializers.BooleanField(help_text="Whether production waits for one")
    is_fresh = serializers.BooleanField(help_text="Whether one holds now")
    is_same = serializers.BooleanField(help_text="Whether the way back is still the one that was rehearsed")
    deployment = serializers.IntegerField(allow_null=True)
    verified_at = serializers.DateTimeField(allow_null=True)
    holds_until = serializers.DateTimeField(allow_null=True)
    tried = serializers.IntegerField(allow_null=True)
    skipped = serializers.CharField(
        help_text="The step that was skipped in the newest, which so does not count; else empty"
    )


class WayBackSerializer(serializers.Serializer):
    """How a release would be undone. Instants are UTC."""

    release = serializers.IntegerField()
    candidate = serializers.CharField(allow_null=True)
    rehearsal = RehearsalStandingSerializer()
    production = WaySerializer(many=True)


class WayBackViewSet(viewsets.GenericViewSet):
    """Ways back, by the id of the release."""

    serializer_class = WayBackSerializer
    queryset = Release.objects.none()
    lookup_value_regex = r"\d+"

    def get_queryset(self):
        seen = Release.objects.visible_to(self.request.user)
        return seen.select_related("product", "candidate", "rollback_plan")

    @extend_schema(responses=WayBackSerializer)
    def retrieve(self, request, pk=None):
        """How production would be taken back now, whether that was rehearsed, and where there is no way back."""
        release = self.get_object()
        told = {
            "release": release.pk,
            "candidate": release.candidate and release.candidate.version,
            "rehearsal": _told(release, way_back.rehearsal_of(release)),
            "production": way_back.in_production(release),
        }
        return Response(WayBackSerializer(told).data)


def _told(release: Release, rehearsal: way_back.Rehearsal) -> dict:
    made, tried = rehearsal.made, rehearsal.tried
    return {
        "is_demanded": way_back.is_demanded(release),
        "is_fresh": rehearsal.is_fresh,
        "is_same": rehearsal.is_same,
        "deployment": made and made.pk,
        "verified_at": made and made.verified_at,
        "holds_until": rehearsal.holds_until,
        "tried": tried and tried.pk,
        "skipped": rehearsal.skipped,
    }


ROUTES = [("ways-back", WayBackViewSet, "way-back")]
