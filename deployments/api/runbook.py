"""The API of runbooks. Every action knocks at the pages' doors."""

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from core.api import ReasonSerializer, given
from deployments.actions import runbook as writing
from deployments.api.common import SeenReleaseField
from deployments.cutover import Cutover
from deployments.models import Runbook
from releases.models import Release


class RunbookSerializer(serializers.ModelSerializer):
    """The cut-over of a release. Instants are UTC."""

    release = SeenReleaseField()
    name = serializers.CharField(default="Cut-over", max_length=80)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Runbook
        fields = [
            "id",
            "url",
            "release",
            "name",
            "starts_at",
            "state",
            "created_at",
            "started_by",
            "started_at",
            "ended_at",
            "reason",
        ]
        read_only_fields = ["state", "created_at", "started_by", "started_at", "ended_at", "reason"]
        validators = []


class SlotSerializer(serializers.Serializer):
    """When a step begins and ends, as far as is known now."""

    step = serializers.IntegerField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    slack_s = serializers.FloatField(help_text="How many seconds later it may end with nothing else being later")
    is_critical = serializers.BooleanField()


class TimetableSerializer(serializers.Serializer):
    """The whole runbook in time, live while it runs."""

    planned_end_at = serializers.DateTimeField()
    expected_end_at = serializers.DateTimeField()
    late_s = serializers.FloatField(help_text="How many seconds later than planned it ends; negative: earlier")
    critical_path = serializers.ListField(child=serializers.IntegerField(), help_text="Ids of steps, first to last")
    steps = SlotSerializer(many=True)


class CopySerializer(serializers.Serializer):
    """Into which release a runbook is copied, and under which name (empty: its own)."""

    release = SeenReleaseField()
    name = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")


class RunbookViewSet(mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Runbooks. A refused action answers 409 with every blocker; nothing has changed then."""

    queryset = Runbook.objects.none()
    serializer_class = RunbookSerializer
    filterset_fields = ["release", "state"]

    def get_queryset(self):
        seen = Release.objects.visible_to(self.request.user)
        return Runbook.objects.filter(release__in=seen).select_related("release__product")

    def create(self, request):
        """Begin a runbook, as a draft without steps."""
        asked = given(RunbookSerializer, request)
        made = writing.add_runbook(asked.pop("release").pk, actor=request.user, **asked)
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    def partial_update(self, request, pk=None):
        """Change name or planned start of a draft."""
        book = self.get_object()
        asked = self.get_serializer(book, data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        fields = {name: value for name, value in asked.validated_data.items() if name in ("name", "starts_at")}
        return self._done(writing.edit_runbook(book.pk, actor=request.user, **fields))

    def destroy(self, request, pk=None):
        """Throw a draft away."""
        writing.remove_runbook(self.get_object().pk, actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=CopySerializer, responses={201: RunbookSerializer})
    @action(detail=True, methods=["post"])
    def copy(self, request, pk=None):
        """Make a draft for a release from this runbook."""
        asked = given(CopySerializer, request)
        made = writing.copy_runbook(self.get_object().pk, asked["release"].pk, actor=request.user, name=asked["name"])
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=RunbookSerializer)
    @action(detail=True, methods=["post"])
    def start(self, request, pk=None):
        """Start it: the first steps are handed over; its deployments start in your name."""
        return self._done(writing.start_runbook(self.get_object().pk, actor=request.user))

    @extend_schema(request=ReasonSerializer, responses=RunbookSerializer)
    @action(detail=True, methods=["post"])
    def abort(self, request, pk=None):
        """End it where it stands. Nothing is undone."""
        asked = given(ReasonSerializer, request)
        return self._done(writing.abort_runbook(self.get_object().pk, actor=request.user, reason=asked["reason"]))

    @extend_schema(responses=TimetableSerializer)
    @action(detail=True)
    def timetable(self, request, pk=None):
        """When each step begins and ends, the critical path, and the expected end."""
        shown = Cutover(self.get_object(), request.user)
        slots = [
            {
                "step": key,
                "starts_at": slot.starts_at,
                "ends_at": slot.ends_at,
                "slack_s": slot.slack.total_seconds(),
                "is_critical": slot.is_critical,
            }
            for key, slot in shown.live.slots.items()
        ]
        return Response(
            TimetableSerializer(
                {
                    "planned_end_at": shown.planned.ends_at,
                    "expected_end_at": shown.ends_at,
                    "late_s": shown.lateness.total_seconds(),
                    "critical_path": list(shown.live.path),
                    "steps": slots,
                }
            ).data
        )

    def _done(self, book: Runbook) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(pk=book.pk)).data)


ROUTES = [("runbooks", RunbookViewSet, "runbook")]
