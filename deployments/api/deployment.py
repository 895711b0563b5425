"""API of deployments. ROUTES lists (prefix, view set, basename) for the router. Every action knocks at the pages' doors."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from core.api import given
from deployments.actions import confirmation, rehearsal
from deployments.actions import deployment as doors
from deployments.actions.queue import queue_deployment
from deployments.actions.schedule import move_deployment
from deployments.actions.statement import state_check
from deployments.api.asked import (
    ConfirmationSerializer,
    GivenReasonSerializer,
    MoveDeploymentSerializer,
    PlanSerializer,
    RehearsalSerializer,
    ResumeSerializer,
)
from deployments.api.queue import WaitingActions
from deployments.api.shown import (
    DeploymentDetailSerializer,
    DeploymentSerializer,
    LineSerializer,
    SampleSerializer,
    StatementSerializer,
)
from deployments.models import Deployment, LogLine

LINES_MAX = 1_000


class DeploymentViewSet(WaitingActions, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Deployments: list, retrieve, plan (POST), start, pause, resume, abort, roll back, log and samples."""

    serializer_class = DeploymentSerializer
    queryset = Deployment.objects.none()
    filterset_fields = ["state", "kind", "release", "environment"]

    def get_queryset(self):
        rows = Deployment.objects.visible_to(self.request.user).select_related(
            "environment__product", "candidate", "previous"
        )
        return rows if self.action == "list" else rows.prefetch_related("runs")

    def get_serializer_class(self):
        return DeploymentSerializer if self.action == "list" else DeploymentDetailSerializer

    @extend_schema(request=PlanSerializer, responses={201: DeploymentDetailSerializer})
    def create(self, request):
        """Plan a deployment of the release's current candidate, and start it when `start` is true."""
        asked = given(PlanSerializer, request)
        ids = asked["release"].pk, asked["environment"].pk
        if asked["start"]:
            made = doors.deploy(*ids, actor=request.user)
        elif asked["queue"]:
            made = queue_deployment(*ids, actor=request.user)
        else:
            times = {name: asked.get(name) for name in ("scheduled_for", "minutes")}
            made = doors.plan_deployment(*ids, actor=request.user, **times)
        return Response(DeploymentDetailSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=DeploymentDetailSerializer)
    @action(detail=True, methods=["post"])
    def start(self, request, pk=None):
        """Start a planned deployment now. 409 with every blocker when a gate is closed."""
        return self._done(doors.start_deployment(self.get_object().pk, actor=request.user))

    @extend_schema(request=MoveDeploymentSerializer, responses=DeploymentDetailSerializer)
    @action(detail=True, methods=["post"])
    def move(self, request, pk=None):
        """Give it another time, and its environment's booking with it."""
        return self._done(
            move_deployment(self.get_object().pk, actor=request.user, **self._asked(MoveDeploymentSerializer))
        )

    @extend_schema(request=GivenReasonSerializer, responses=DeploymentDetailSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request, pk=None):
        """Stop before the next step."""
        return self._done(doors.pause(self.get_object().pk, actor=request.user, **self._asked(GivenReasonSerializer)))

    @extend_schema(request=ResumeSerializer, responses=DeploymentDetailSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request, pk=None):
        """Go on: retry the step that stopped it, skip it, or say that it succeeded."""
        return self._done(doors.resume(self.get_object().pk, actor=request.user, **self._asked(ResumeSerializer)))

    @extend_schema(request=GivenReasonSerializer, responses=DeploymentDetailSerializer)
    @action(detail=True, methods=["post"])
    def abort(self, request, pk=None):
        """End it where it stands; nothing is undone."""
        return self._done(doors.abort(self.get_object().pk, actor=request.user, **self._asked(GivenReasonSerializer)))

    @extend_schema(request=GivenReasonSerializer, responses=DeploymentDetailSerializer)
    @action(detail=True, methods=["post"], url_path="roll-back")
    def roll_back(self, request, pk=None):
        """Bring the last verified candidate back. Answers with the rollback, a deployment of its own."""
        return self._done(
            doors.roll_back(self.get_object().pk, actor=request.user, **self._asked(GivenReasonSerializer))
        )

    @extend_schema(
        parameters=[
            OpenApiParameter("after", int, description="Only lines after the one with this id"),
            OpenApiParameter("q", str, description="Only lines that hold these words, in any case"),
        ],
        responses=LineSerializer(many=True),
    )
    @action(detail=True, pagination_class=None, filterset_fields=None)
    def log(self, request, pk=None):
        """The next lines of the log, oldest first, at most 1,000."""
        lines = LogLine.objects.filter(run__deployment=self.get_object()).select_related("run").order_by("pk")
        after = request.query_params.get("after", "")
        if after.isdecimal() and len(after) < 18:
            lines = lines.filter(pk__gt=int(after))
        if words := request.query_params.get("q", "").replace("\0", "").strip():
            lines = lines.filter(text__icontains=words)
        return Response(LineSerializer(lines[:LINES_MAX], many=True).data)

    @extend_schema(responses=SampleSerializer(many=True))
    @action(detail=True, pagination_class=None, filterset_fields=None)
    def samples(self, request, pk=None):
        """What the verification saw, oldest first, at most the newest 1,000."""
        rows = self.get_object().samples.order_by("-pk")[:LINES_MAX]
        return Response(SampleSerializer(list(rows)[::-1], many=True).data)

    @extend_schema(responses=StatementSerializer(many=True), methods=["GET"])
    @extend_schema(request=StatementSerializer, responses={201: StatementSerializer}, methods=["POST"])
    @action(detail=True, methods=["get", "post"], pagination_class=None, filterset_fields=None)
    def statements(self, request, pk=None):
        """What people said of the manual checks, oldest first; POST says something. "Not well" fails the deployment at once."""
        row = self.get_object()
        if request.method == "GET":
            said = row.statements.select_related("person")[:LINES_MAX]
            return Response(StatementSerializer(said, many=True).data)
        asked = self._asked(StatementSerializer)
        made = state_check(row.pk, asked.pop("check_name"), actor=request.user, **asked)
        return Response(StatementSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=RehearsalSerializer, responses={201: DeploymentDetailSerializer})
    @action(detail=False, methods=["post"])
    def rehearse(self, request):
        """Rehearse the way back of a release before production. Answers with the rollback; the candidate comes back by itself."""
        asked = self._asked(RehearsalSerializer)
        made = rehearsal.rehearse(asked["release"].pk, asked["environment"].pk, actor=request.user)
        return Response(DeploymentDetailSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=ConfirmationSerializer, responses=DeploymentDetailSerializer)
    @action(detail=True, methods=["post"])
    def confirm(self, request, pk=None):
        """Agree to a rollback of production afterwards."""
        asked = self._asked(ConfirmationSerializer)
        return self._done(confirmation.confirm_rollback(self.get_object().pk, actor=request.user, **asked))

    def _asked(self, serializer_class) -> dict:
        return given(serializer_class, self.request)

    def _done(self, deployment: Deployment) -> Response:
        return Response(DeploymentDetailSerializer(Deployment.objects.get(pk=deployment.pk)).data)


ROUTES = [("deployments", DeploymentViewSet, "deployment")]
