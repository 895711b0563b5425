"""API of reviews."""

from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from core.api import NothingSerializer, ReasonSerializer
from reviews import actions
from reviews.models import ActionItem, Finding, Review
from reviews.states import FindingKind, Outcome


class FindingSerializer(serializers.ModelSerializer):
    class Meta:
        model = Finding
        fields = ["id", "kind", "text", "added_by", "added_at"]
        read_only_fields = ["added_by", "added_at"]


class ActionSerializer(serializers.ModelSerializer):
    class Meta:
        model = ActionItem
        fields = ["id", "review", "title", "owner", "due_on", "mandatory", "outcome", "state"]
        read_only_fields = ["review", "outcome", "state"]


class ReviewSerializer(serializers.ModelSerializer):
    findings = FindingSerializer(many=True, read_only=True)
    actions = ActionSerializer(many=True, read_only=True)

    class Meta:
        model = Review
        fields = [
            "id",
            "release",
            "state",
            "due_at",
            "outcome",
            "summary",
            "facts",
            "author",
            "approved_by",
            "approved_at",
            "findings",
            "actions",
        ]
        read_only_fields = fields


class WriteSerializer(serializers.Serializer):
    outcome = serializers.ChoiceField(Outcome.choices)
    summary = serializers.CharField()


class NewFindingSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(FindingKind.choices)
    text = serializers.CharField()


class ReviewViewSet(viewsets.ReadOnlyModelViewSet):
    """Post-release reviews. Opened by the end of a release; the actions are the doors of the pages."""

    serializer_class = ReviewSerializer
    queryset = Review.objects.none()
    lookup_value_regex = "[0-9]{1,18}"
    filterset_fields = ["state", "release"]

    def get_queryset(self):
        return Review.objects.visible_to(self.request.user).prefetch_related("findings", "actions")

    def _answer(self) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    def _checked(self, kind) -> dict:
        self.get_object()
        serializer = kind(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    @action(detail=True, methods=["post"], serializer_class=WriteSerializer)
    def write(self, request, pk):
        """Set outcome and summary."""
        actions.write_review(int(pk), actor=request.user, **self._checked(WriteSerializer))
        self.serializer_class = ReviewSerializer
        return self._answer()

    @action(detail=True, methods=["post"], serializer_class=NewFindingSerializer)
    def findings(self, request, pk):
        """Add a finding."""
        finding = actions.add_finding(int(pk), actor=request.user, **self._checked(NewFindingSerializer))
        return Response(FindingSerializer(finding).data, status=status.HTTP_201_CREATED)

    @action(detail=True, methods=["post"], serializer_class=ActionSerializer)
    def actions(self, request, pk):
        """Add an action item."""
        item = actions.add_action(int(pk), actor=request.user, **self._checked(ActionSerializer))
        return Response(ActionSerializer(item).data, status=status.HTTP_201_CREATED)

    @action(detail=True, methods=["post"], serializer_class=NothingSerializer)
    def submit(self, request, pk):
        """Hand it over for approval."""
        self.get_object()
        return Response(ReviewSerializer(actions.submit_review(int(pk), actor=request.user)).data)

    @action(detail=True, methods=["post"], serializer_class=NothingSerializer)
    def approve(self, request, pk):
        """Approve it: never by the release manager or the author, never by a service account."""
        self.get_object()
        return Response(ReviewSerializer(actions.approve_review(int(pk), actor=request.user)).data)

    @action(detail=True, methods=["post"], serializer_class=ReasonSerializer)
    def reopen(self, request, pk):
        """Send it back with a reason."""
        reason = self._checked(ReasonSerializer)["reason"]
        return Response(ReviewSerializer(actions.reopen_review(int(pk), actor=request.user, reason=reason)).data)

    @action(detail=True, methods=["post"], serializer_class=NothingSerializer)
    def close_release(self, request, pk):
        """Close the release."""
        actions.close_release(self.get_object().release_id, actor=request.user)
        self.serializer_class = ReviewSerializer
        return self._answer()


class ActionItemViewSet(mixins.UpdateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Action items of reviews."""

    serializer_class = ActionSerializer
    queryset = ActionItem.objects.none()
    lookup_value_regex = "[0-9]{1,18}"
    filterset_fields = ["state", "owner", "review", "mandatory"]
    http_method_names = ["get", "patch", "post", "head", "options"]

    def get_queryset(self):
        return ActionItem.objects.filter(review__in=Review.objects.visible_to(self.request.user))

    def perform_update(self, serializer):
        serializer.instance = actions.change_action(
            serializer.instance.pk, actor=self.request.user, **serializer.validated_data
        )

    @action(detail=True, methods=["post"], url_path="steps/(?P<name>[a-z_]+)", serializer_class=ReasonSerializer)
    def step(self, request, pk, name):
        """Move it: accept, start, finish, verify, drop (drop needs a reason)."""
        self.get_object()
        if name not in ActionItem.machine.steps:
            return Response({"detail": "There is no such step."}, status=status.HTTP_404_NOT_FOUND)
        given = ReasonSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        item = actions.take_action_step(int(pk), name, actor=request.user, **given.validated_data)
        return Response(ActionSerializer(item).data)


ROUTES = [("reviews", ReviewViewSet, "review"), ("action-items", ActionItemViewSet, "action-item")]
