"""API of test sign-offs: verdicts, reports and signatures."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from approvals import actions
from approvals.models import Evidence, Signoff
from approvals.states import SignoffKind, SignoffState
from core.api import TextJSONParser, given

VERDICTS = [
    (s.value, s.label)
    for s in (SignoffState.PASSED, SignoffState.FAILED, SignoffState.ERRORED, SignoffState.INCONCLUSIVE)
]


class EvidenceSerializer(serializers.ModelSerializer):
    class Meta:
        model = Evidence
        fields = ["id", "filename", "sha256", "size", "statement", "totals", "failures", "added_by", "added_at"]
        read_only_fields = fields


class SignoffSerializer(serializers.ModelSerializer):
    evidence = EvidenceSerializer(many=True, read_only=True)

    class Meta:
        model = Signoff
        fields = [
            "id",
            "candidate",
            "kind",
            "state",
            "summary",
            "reported_by",
            "reported_at",
            "signed_by",
            "signed_at",
            "stale_because",
            "evidence",
        ]
        read_only_fields = fields


class OfTestSerializer(serializers.Serializer):
    candidate = serializers.IntegerField()
    kind = serializers.ChoiceField(SignoffKind.choices)


class VerdictSerializer(OfTestSerializer):
    verdict = serializers.ChoiceField(VERDICTS)
    statement = serializers.CharField()


class ReportSerializer(OfTestSerializer):
    file = serializers.FileField(help_text="JUnit XML, NUnit 3, TRX, go test -json or Mocha JSON")


class SignoffViewSet(viewsets.ReadOnlyModelViewSet):
    """Test sign-offs, one per candidate and kind. Service accounts may report, and only people sign off."""

    queryset = Signoff.objects.none()
    serializer_class = SignoffSerializer
    filterset_fields = ["candidate", "candidate__release", "kind", "state"]

    def get_queryset(self):
        return Signoff.objects.visible_to(self.request.user).prefetch_related("evidence")

    def _shown(self, signoff: Signoff) -> Response:
        return Response(SignoffSerializer(Signoff.objects.prefetch_related("evidence").get(pk=signoff.pk)).data)

    @extend_schema(request=VerdictSerializer, responses=SignoffSerializer)
    @action(detail=False, methods=["post"])
    def verdict(self, request):
        """Report what a test by hand gave."""
        data = given(VerdictSerializer, request)
        return self._shown(actions.report_verdict(data.pop("candidate"), data.pop("kind"), actor=request.user, **data))

    @extend_schema(request={"multipart/form-data": ReportSerializer}, responses=SignoffSerializer)
    @action(detail=False, methods=["post"], parser_classes=[MultiPartParser])
    def report(self, request):
        """Upload a test report; its counts give the verdict."""
        data = given(ReportSerializer, request)
        file = data["file"]
        return self._shown(actions.attach_report(data["candidate"], data["kind"], file, file.name, actor=request.user))

    @extend_schema(request=OfTestSerializer, responses=SignoffSerializer)
    @action(detail=False, methods=["post"], parser_classes=[TextJSONParser])
    def run(self, request):
        """Say that the tests of a kind are running now."""
        data = given(OfTestSerializer, request)
        return self._shown(actions.start_run(data["candidate"], data["kind"], actor=request.user))

    @extend_schema(request=None, responses=SignoffSerializer)
    @action(detail=True, methods=["post"])
    def sign_off(self, request, pk=None):
        """Put one's name under a passed test of the current candidate."""
        return self._shown(actions.sign_off(self.get_object().pk, actor=request.user))
