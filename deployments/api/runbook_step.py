"""The API of the steps of runbooks. Every action knocks at the pages' doors."""

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from accounts.models import Team, User
from core.api import ReasonSerializer, given
from deployments.actions import runbook as writing
from deployments.actions import runbook_step as doing
from deployments.actions.runbook_rules import FIELDS
from deployments.api.common import SeenEnvironmentField
from deployments.models import Runbook, RunbookStep
from releases.models import Release

HOW_IT_GOES = [
    "position",
    "state",
    "ready_at",
    "started_at",
    "ended_at",
    "late_at",
    "done_by",
    "note",
    "deployment",
]


class RunbookStepSerializer(serializers.ModelSerializer):
    """One step. `needs` are ids of steps of the same runbook; left out when one is added, it needs the step before."""

    runbook = serializers.PrimaryKeyRelatedField(queryset=Runbook.objects.none())
    environment = SeenEnvironmentField(required=False, allow_null=True)
    owner = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.filter(is_active=True, is_service=False), required=False, allow_null=True
    )
    team = serializers.PrimaryKeyRelatedField(queryset=Team.objects.all(), required=False, allow_null=True)
    needs = serializers.PrimaryKeyRelatedField(queryset=RunbookStep.objects.all(), many=True, required=False)
    planned_minutes = serializers.IntegerField(min_value=1, max_value=10_000, default=10)

    class Meta:
        model = RunbookStep
        fields = [
            "id",
            "runbook",
            *FIELDS,
            "needs",
            *HOW_IT_GOES,
        ]
        read_only_fields = HOW_IT_GOES

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if request := self.context.get("request"):
            seen = Release.objects.visible_to(request.user)
            self.fields["runbook"].queryset = Runbook.objects.filter(release__in=seen)
            self.fields["needs"].child_relation.queryset = RunbookStep.objects.filter(runbook__release__in=seen)


class StepNoteSerializer(serializers.Serializer):
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=20_000)


class StepMoveSerializer(serializers.Serializer):
    up = serializers.BooleanField(help_text="One place earlier; else one place later")


class RunbookStepViewSet(mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Steps of runbooks: written while theirs is a draft, begun and ended while it runs."""

    queryset = RunbookStep.objects.none()
    serializer_class = RunbookStepSerializer
    filterset_fields = ["runbook", "state", "owner"]

    def get_queryset(self):
        seen = Release.objects.visible_to(self.request.user)
        rows = RunbookStep.objects.filter(runbook__release__in=seen)
        return rows.select_related("runbook__release__product").prefetch_related("needs")

    def create(self, request):
        """Add a step at the end of a draft."""
        asked = given(RunbookStepSerializer, request)
        made = writing.add_step(asked.pop("runbook").pk, actor=request.user, **_with_ids(asked))
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    def partial_update(self, request, pk=None):
        """Change a step of a draft."""
        step = self.get_object()
        asked = self.get_serializer(step, data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        fields = {name: value for name, value in asked.validated_data.items() if name != "runbook"}
        return self._done(writing.edit_step(step.pk, actor=request.user, **_with_ids(fields)))

    def destroy(self, request, pk=None):
        """Take a step out of a draft; what needed it then needs what it needed."""
        writing.remove_step(self.get_object().pk, actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=StepMoveSerializer, responses=RunbookStepSerializer)
    @action(detail=True, methods=["post"])
    def move(self, request, pk=None):
        """Show a step of a draft one place earlier or later."""
        step = self.get_object()
        writing.move_step(step.pk, actor=request.user, up=given(StepMoveSerializer, request)["up"])
        return self._done(step)

    @extend_schema(request=None, responses=RunbookStepSerializer)
    @action(detail=True, methods=["post"])
    def begin(self, request, pk=None):
        """Begin a step that is ready, or again one that failed. One of a deployment starts it in your name."""
        return self._done(doing.begin_step(self.get_object().pk, actor=request.user))

    @extend_schema(request=StepNoteSerializer, responses=RunbookStepSerializer)
    @action(detail=True, methods=["post"])
    def finish(self, request, pk=None):
        """Say that a step is done."""
        return self._done(
            doing.finish_step(self.get_object().pk, actor=request.user, **given(StepNoteSerializer, request))
        )

    @extend_schema(request=ReasonSerializer, responses=RunbookStepSerializer)
    @action(detail=True, methods=["post"])
    def fail(self, request, pk=None):
        """Say that a step failed, and why."""
        return self._done(doing.fail_step(self.get_object().pk, actor=request.user, **given(ReasonSerializer, request)))

    @extend_schema(request=ReasonSerializer, responses=RunbookStepSerializer)
    @action(detail=True, methods=["post"])
    def skip(self, request, pk=None):
        """Go on without a step."""
        return self._done(doing.skip_step(self.get_object().pk, actor=request.user, **given(ReasonSerializer, request)))

    @extend_schema(request=None, responses=RunbookStepSerializer)
    @action(detail=True, methods=["post"], url_path="take-over")
    def take_over(self, request, pk=None):
        """Become its owner."""
        return self._done(doing.take_over(self.get_object().pk, actor=request.user))

    def _done(self, step: RunbookStep) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(pk=step.pk)).data)


def _with_ids(fields: dict) -> dict:
    """What the door takes: the ids of what a step needs."""
    return fields | {"needs": [step.pk for step in fields["needs"]]} if "needs" in fields else fields


ROUTES = [("runbook-steps", RunbookStepViewSet, "runbook-step")]
