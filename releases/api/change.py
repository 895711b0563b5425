"""API of changes and candidates."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action

from core.api import ReasonSerializer
from releases import actions
from releases.actions.change import FIELDS as EDITABLE
from releases.api.common import Moving, Seen
from releases.models import Candidate, Change


class ChangeSerializer(serializers.ModelSerializer):
    url = serializers.CharField(source="get_absolute_url", read_only=True)
    commits = serializers.ListField(child=serializers.RegexField(r"^[0-9a-f]{40}([0-9a-f]{24})?$"), required=False)

    class Meta:
        model = Change
        fields = [
            "id",
            "product",
            "release",
            *EDITABLE,
            "state",
            "state_since",
            "held_reason",
            "template",
            "template_digest",
            "template_locked",
            "assessed_by",
            "created_by",
            "created_at",
            "url",
        ]
        read_only_fields = [n for n in fields if n not in ("product", "release", *EDITABLE)]
        extra_kwargs = {"key": {"required": False}, "release": {"required": False}}
        validators = []  # that the key is free, the door tells


class ArtifactSerializer(serializers.Serializer):
    name = serializers.CharField()
    digest = serializers.CharField(help_text="sha256: and 64 hexadecimal digits")


class CandidateSerializer(serializers.ModelSerializer):
    """A build. Without a `version` it is numbered by the product's scheme."""

    artifacts = ArtifactSerializer(many=True)
    digest = serializers.CharField(read_only=True, help_text="Over version, commit and artifacts")

    class Meta:
        model = Candidate
        fields = [
            "id",
            "release",
            "number",
            "version",
            "commit",
            "artifacts",
            "build_url",
            "digest",
            "added_by",
            "added_at",
        ]
        read_only_fields = ["number", "added_by", "added_at"]
        extra_kwargs = {"version": {"required": False}}
        validators = []


class ChangeViewSet(Moving, viewsets.ReadOnlyModelViewSet):
    """What a release brings, and how it was allowed."""

    queryset = Change.objects.select_related("product")
    serializer_class = ChangeSerializer
    filterset_fields = ["product", "release", "state", "type", "key", "template"]

    def create(self, request):
        """Add a change, into a release's scope when one is named."""
        data = self.typed(ChangeSerializer)
        product, release = data.pop("product"), data.pop("release", None)
        added = actions.add_change(product.pk, actor=request.user, release_id=release and release.pk, **data)
        return self.answer(added, status=201)

    def partial_update(self, request, pk=None):
        """Change fields of a change that is not approved yet, or of an approved standard change.

        A standard change whose `template_locked` fields or type change falls back to a new normal change.
        """
        change = self.get_object()
        serializer = self.get_serializer(change, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        data = {k: v for k, v in serializer.validated_data.items() if k in EDITABLE}
        return self.answer(actions.edit_change(change.pk, actor=request.user, **data))

    @extend_schema(request=ReasonSerializer)
    @action(detail=True, methods=["post"], url_path="steps/(?P<name>[a-z_]+)")
    def take_step(self, request, pk=None, name=""):
        """Take a step: assess, reject, rework, withdraw."""
        return self.answer(actions.take_change_step(self.get_object().pk, name, actor=request.user, **self.typed()))

    @extend_schema(request=ReasonSerializer)
    @action(detail=True, methods=["post"])
    def hold(self, request, pk=None):
        """Put it on hold: no release with it becomes ready."""
        return self.answer(actions.hold_change(self.get_object().pk, actor=request.user, **self.typed()))

    @extend_schema(request=ReasonSerializer)
    @action(detail=True, methods=["post"])
    def release_hold(self, request, pk=None):
        """Lift its hold."""
        return self.answer(actions.release_change(self.get_object().pk, actor=request.user, **self.typed()))


class CandidateViewSet(Seen, viewsets.ReadOnlyModelViewSet):
    """Builds that may ship. They never change; a new build is a new candidate."""

    queryset = Candidate.objects.select_related("release__product")
    serializer_class = CandidateSerializer
    filterset_fields = ["release", "commit", "version"]
    path = "release__product_id"

    def create(self, request):
        """Add the next candidate of a release, as a build does; it supersedes the one before."""
        data = self.typed(CandidateSerializer)
        release = data.pop("release")
        return self.answer(actions.add_candidate(release.pk, actor=request.user, **data), status=201)
