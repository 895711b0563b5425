"""API of deployments. ROUTES lists (prefix, view set, basename) for the router. Every action knocks at the pages' doors."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from deployments.actions import confirmation, rehearsal
from deployments.actions import deployment as doors
from deployments.actions.queue import queue_deployment
from deployments.actions.schedule import move_deployment
from deployments.actions.statement import state_check
from deployments.api.check import TriedSerializer
from deployments.api.queue import WaitingActions
from deployments.models import Deployment, LogLine, Run, Sample, Statement
from deployments.states import How
from releases.models import Environment, Release

LINES_MAX = 1_000


class RunSerializer(serializers.ModelSerializer):
    """One call of a hook."""

    class Meta:
        model = Run
        fields = [
            "id",
            "name",
            "purpose",
            "position",
            "attempt",
            "key",
            "driver",
            "state",
            "progress",
            "detail",
            "started_at",
            "ended_at",
        ]


class DeploymentSerializer(serializers.ModelSerializer):
    """A deployment as it stands. Instants are UTC."""

    product = serializers.SlugRelatedField(source="environment.product", slug_field="slug", read_only=True)
    environment = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    candidate = serializers.SlugRelatedField(slug_field="version", read_only=True)
    previous = serializers.SlugRelatedField(slug_field="version", read_only=True)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Deployment
        fields = [
            "id",
            "url",
            "release",
            "product",
            "environment",
            "candidate",
            "previous",
            "kind",
            "rolls_back",
            "is_rehearsal",
            "confirmed_by",
            "confirmed_at",
            "confirmation",
            "state",
            "state_since",
            "scheduled_for",
            "queued_at",
            "held_by",
            "held_at",
            "held_reason",
            "promoted_from",
            "created_at",
            "started_at",
            "verified_at",
            "ended_at",
            "detail",
            "reason",
        ]


class DeploymentDetailSerializer(DeploymentSerializer):
    runs = RunSerializer(many=True, read_only=True)

    class Meta(DeploymentSerializer.Meta):
        fields = [*DeploymentSerializer.Meta.fields, "runs"]


class ConfirmationSerializer(serializers.Serializer):
    comment = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=2_000, help_text="What was looked at"
    )


class RehearsalSerializer(serializers.Serializer):
    """Which release goes back where; the environment is one before production."""

    release = serializers.PrimaryKeyRelatedField(queryset=Release.objects.none())
    environment = serializers.PrimaryKeyRelatedField(queryset=Environment.objects.none())

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if request := self.context.get("request"):
            seen = Release.objects.visible_to(request.user)
            self.fields["release"].queryset = seen
            self.fields["environment"].queryset = Environment.objects.filter(product__releases__in=seen).distinct()


class PlanSerializer(serializers.Serializer):
    """What to deploy where. With `scheduled_for` it starts by itself then; with `start` at once."""

    release = serializers.PrimaryKeyRelatedField(queryset=Release.objects.none())
    environment = serializers.PrimaryKeyRelatedField(queryset=Environment.objects.none())
    scheduled_for = serializers.DateTimeField(required=False, allow_null=True)
    minutes = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, help_text="For how long it books its environment; empty: as usual"
    )
    start = serializers.BooleanField(default=False)
    queue = serializers.BooleanField(default=False, help_text="Wait for the environment, and start when it is its turn")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if request := self.context.get("request"):
            seen = Release.objects.visible_to(request.user)
            self.fields["release"].queryset = seen
            self.fields["environment"].queryset = Environment.objects.filter(product__releases__in=seen).distinct()

    def validate(self, asked):
        if asked["queue"] and (asked["start"] or asked.get("scheduled_for")):
            raise serializers.ValidationError({"queue": "Queue it, start at once, or give an instant: one of them."})
        if asked["start"] and asked.get("scheduled_for"):
            raise serializers.ValidationError({"scheduled_for": "Give an instant, or start at once, not both."})
        if asked["environment"].product_id != asked["release"].product_id:
            raise serializers.ValidationError({"environment": "It belongs to another product than the release."})
        return asked


class MoveDeploymentSerializer(serializers.Serializer):
    """`scheduled_for` null: somebody starts it by hand, and its booking is given up."""

    scheduled_for = serializers.DateTimeField(allow_null=True)
    minutes = serializers.IntegerField(required=False, allow_null=True, min_value=1)


class GivenReasonSerializer(serializers.Serializer):
    reason = serializers.CharField(help_text="It stays in the record.")


class ResumeSerializer(GivenReasonSerializer):
    how = serializers.ChoiceField(How.choices, default=How.RETRY)


class LineSerializer(serializers.ModelSerializer):
    """One line of the log; `id` is where the next request goes on (`?after=`)."""

    step = serializers.CharField(source="run.name", read_only=True)

    class Meta:
        model = LogLine
        fields = ["id", "at", "step", "text"]


class SampleSerializer(serializers.ModelSerializer):
    """One look at the environment: all checks together. `since` names the verification that it belongs to; an open sample waits
    for hooks. `status` and `elapsed_ms` are those of the health path.
    """

    results = TriedSerializer(many=True, read_only=True)

    class Meta:
        model = Sample
        fields = ["id", "since", "at", "closed_at", "is_open", "ok", "status", "elapsed_ms", "detail", "results"]


class StatementSerializer(serializers.ModelSerializer):
    """What a person says of a manual check. The newest of the verification that runs counts; "not well" needs a comment."""

    check_name = serializers.CharField(max_length=80, help_text="Name of the manual check")
    person = serializers.CharField(source="person.username", read_only=True)

    class Meta:
        model = Statement
        fields = ["id", "check_name", "ok", "comment", "person", "at", "since"]
        read_only_fields = ["at", "since"]


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
        asked = PlanSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        ids = asked.validated_data["release"].pk, asked.validated_data["environment"].pk
        if asked.validated_data["start"]:
            made = doors.deploy(*ids, actor=request.user)
        elif asked.validated_data["queue"]:
            made = queue_deployment(*ids, actor=request.user)
        else:
            times = {name: asked.validated_data.get(name) for name in ("scheduled_for", "minutes")}
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
        asked = serializer_class(data=self.request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        return asked.validated_data

    def _done(self, deployment: Deployment) -> Response:
        return Response(DeploymentDetailSerializer(Deployment.objects.get(pk=deployment.pk)).data)


ROUTES = [("deployments", DeploymentViewSet, "deployment")]
