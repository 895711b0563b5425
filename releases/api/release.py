"""API of releases: plan, steps, block, scope, notes, rollback plan."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from accounts.models import User
from core.api import ReasonSerializer
from core.blockers import refuse
from releases import actions, gitscope
from releases.api.common import Moving
from releases.api.window import OutlookSerializer
from releases.models import Change, Product, Release, RollbackPlan
from releases.planning import outlook
from releases.repository import RepositoryError

PLAN = ["version", "title", "objective", "strategy", "manager", "window_starts_at", "window_ends_at"]


class ReleaseSerializer(serializers.ModelSerializer):
    stage = serializers.CharField(read_only=True)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Release
        fields = [
            "id",
            "product",
            *PLAN,
            "state",
            "stage",
            "state_since",
            "held_from",
            "blocked_reason",
            "blocked_by",
            "blocked_at",
            "plan_version",
            "candidate",
            "risks_assessed_at",
            "notes",
            "notes_reviewed_at",
            "released_at",
            "created_by",
            "created_at",
            "url",
        ]
        read_only_fields = [name for name in fields if name not in ("product", *PLAN)]
        validators = []  # that the version is free, the door tells


class PlanSerializer(ReleaseSerializer):
    """Fields of the plan alone."""

    class Meta(ReleaseSerializer.Meta):
        fields = PLAN
        read_only_fields = []


class TextSerializer(serializers.Serializer):
    text = serializers.CharField(allow_blank=True)


class ChangeIdSerializer(serializers.Serializer):
    change = serializers.PrimaryKeyRelatedField(queryset=Change.objects.all())


class RollbackPlanSerializer(serializers.ModelSerializer):
    class Meta:
        model = RollbackPlan
        fields = [
            "method",
            "trigger",
            "steps",
            "expected_minutes",
            "owner",
            "point_of_no_return",
            "rehearsed_at",
            "automatic",
            "changed_at",
        ]
        read_only_fields = ["rehearsed_at", "changed_at"]
        extra_kwargs = {"owner": {"queryset": User.objects.filter(is_active=True)}}


class ProposalSerializer(serializers.Serializer):
    """What some commits propose as a change. `proposal` names it when it is taken in."""

    proposal = serializers.CharField(source="proposal.key")
    key = serializers.CharField(help_text="Of the change that it would become or extend")
    title = serializers.CharField(source="proposal.title")
    kind = serializers.CharField(source="proposal.kind")
    breaking = serializers.BooleanField(source="proposal.breaking")
    notable = serializers.BooleanField(source="proposal.notable", help_text="Whether release notes would name it")
    pull_request = serializers.IntegerField(source="proposal.pull_request", allow_null=True)
    tickets = serializers.ListField(child=serializers.CharField(), source="proposal.tickets")
    commits = serializers.ListField(child=serializers.CharField(), source="proposal.commits")
    author = serializers.CharField()
    taken_by = serializers.SerializerMethodField()

    def get_taken_by(self, offered: gitscope.Offered) -> int | None:
        """The id of the other release that has it."""
        return offered.taken.pk if offered.taken else None


class TakeFromGitSerializer(serializers.Serializer):
    since = serializers.CharField(allow_blank=True, default="", help_text="A tag; empty: from the beginning")
    until = serializers.CharField(default="HEAD", help_text="A tag, or HEAD")
    proposals = serializers.ListField(child=serializers.CharField(), help_text="As listed by GET")


RANGE = [
    OpenApiParameter("since", OpenApiTypes.STR, description="A tag; empty: from the beginning"),
    OpenApiParameter("until", OpenApiTypes.STR, description="A tag, or HEAD (default)"),
]


class ReleaseViewSet(Moving, viewsets.ReadOnlyModelViewSet):
    """Planned deliveries. A refused action answers 409 with every blocker; nothing has changed then."""

    queryset = Release.objects.select_related("product")
    serializer_class = ReleaseSerializer
    filterset_fields = ["product", "version", "state", "strategy", "manager"]

    def create(self, request):
        """Draft a release."""
        data = self.typed(ReleaseSerializer)
        product: Product = data.pop("product")
        return self.answer(actions.draft_release(product.pk, actor=request.user, **data), status=201)

    @extend_schema(request=PlanSerializer)
    def partial_update(self, request, pk=None):
        """Change fields of the plan; what matters makes approvals stale by facet."""
        release = self.get_object()
        serializer = PlanSerializer(release, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        return self.answer(actions.edit_plan(release.pk, actor=request.user, **serializer.validated_data))

    @extend_schema(request=ReasonSerializer)
    @action(detail=True, methods=["post"], url_path="steps/(?P<name>[a-z_]+)")
    def take_step(self, request, pk=None, name=""):
        """Take a step: plan, start_build, start_testing, reopen_plan, hold, resume, cancel."""
        return self.answer(actions.take_step(self.get_object().pk, name, actor=request.user, **self.typed()))

    @extend_schema(request=ReasonSerializer)
    @action(detail=True, methods=["post"])
    def block(self, request, pk=None):
        """Block it at once: no deployment of it starts."""
        return self.answer(actions.block_release(self.get_object().pk, actor=request.user, **self.typed()))

    @extend_schema(request=TextSerializer)
    @action(detail=True, methods=["post"])
    def comment(self, request, pk=None):
        """Say something about it."""
        return self.answer(actions.comment(self.get_object().pk, actor=request.user, **self.typed(TextSerializer)))

    @extend_schema(request=ChangeIdSerializer)
    @action(detail=True, methods=["post"])
    def take_in(self, request, pk=None):
        """Take a waiting change into the scope."""
        change = self.typed(ChangeIdSerializer)["change"]
        return self.answer(actions.take_in(self.get_object().pk, change.pk, actor=request.user))

    @extend_schema(request=ChangeIdSerializer)
    @action(detail=True, methods=["post"])
    def take_out(self, request, pk=None):
        """Take a change out of the scope."""
        change = self.typed(ChangeIdSerializer)["change"]
        return self.answer(actions.take_out(self.get_object().pk, change.pk, actor=request.user))

    @extend_schema(methods=["GET"], parameters=RANGE, responses=ProposalSerializer(many=True))
    @extend_schema(methods=["POST"], request=TakeFromGitSerializer)
    @action(detail=True, methods=["get", "post"], pagination_class=None, filter_backends=[])
    def git(self, request, pk=None):
        """GET: the changes that the commits between two tags propose. POST: take some of them in, all or none."""
        release = self.get_object()
        if request.method == "GET":
            found = _between(release, request.GET.get("since", ""), request.GET.get("until") or gitscope.HEAD)
            return Response(ProposalSerializer(gitscope.offered(release.product, release, found), many=True).data)
        data = self.typed(TakeFromGitSerializer)
        found = _between(release, data["since"], data["until"])
        chosen = [p for p in found.proposals if p.key in set(data["proposals"])]
        actions.take_from_git(release.pk, chosen, actor=request.user, authors=found.authors)
        return self.answer(release)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def confirm_risks(self, request, pk=None):
        """Say that the list of risks is complete."""
        return self.answer(actions.confirm_risks(self.get_object().pk, actor=request.user))

    @extend_schema(methods=["GET"], responses=RollbackPlanSerializer)
    @extend_schema(methods=["PATCH"], request=RollbackPlanSerializer, responses=RollbackPlanSerializer)
    @action(detail=True, methods=["get", "patch"])
    def rollback_plan(self, request, pk=None):
        """GET: the way back, empty while nobody wrote it. PATCH: write fields of it."""
        release = self.get_object()
        plan = RollbackPlan.objects.filter(release=release).first() or RollbackPlan(release=release)
        if request.method == "PATCH":
            serializer = RollbackPlanSerializer(plan, data=request.data, partial=True)
            serializer.is_valid(raise_exception=True)
            plan = actions.save_rollback_plan(release.pk, actor=request.user, **serializer.validated_data)
        return Response(RollbackPlanSerializer(plan).data)

    @extend_schema(responses=OutlookSerializer)
    @action(detail=True, pagination_class=None, filterset_fields=None)
    def conflicts(self, request, pk=None):
        """What its window meets, the gravest first, and the next windows of the same length that meet nothing."""
        release = self.get_object()
        window = release.window_starts_at, release.window_ends_at
        return Response(OutlookSerializer(outlook(release.product, *window, reader=request.user, release=release)).data)

    @extend_schema(request=TextSerializer)
    @action(detail=True, methods=["put"])
    def notes(self, request, pk=None):
        """Write the release notes (Markdown); takes their review back."""
        return self.answer(actions.save_notes(self.get_object().pk, actor=request.user, **self.typed(TextSerializer)))

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def review_notes(self, request, pk=None):
        """Mark the release notes as reviewed."""
        return self.answer(actions.review_notes(self.get_object().pk, actor=request.user))


def _between(release: Release, since: str, until: str) -> gitscope.Range:
    """What lies between two tags. Raises Refused when the repository cannot be read."""
    try:
        return gitscope.between(release.product, since, until)
    except RepositoryError as error:
        refuse("repository-unreadable", str(error))
