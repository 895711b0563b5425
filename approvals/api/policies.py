"""API of the policies: versions of the decision tables, read by everybody who takes part, changed through their doors."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from accounts import policy
from approvals import actions, replay, trial
from approvals.api.policy_asked import (
    DiscardBodySerializer,
    DraftBodySerializer,
    LastSerializer,
    RowBodySerializer,
    RowMoveSerializer,
    ShadowBodySerializer,
    TryBodySerializer,
    VersionBodySerializer,
)
from approvals.api.policy_shown import (
    PolicySerializer,
    ProposedSerializer,
    ReplaySerializer,
    RowSerializer,
    TrialSerializer,
)
from approvals.models import ApprovalRequest, Policy
from approvals.subjects import Facts
from core.api import given
from releases.models import Product


class PolicyViewSet(viewsets.ReadOnlyModelViewSet):
    """Policies in all their versions. Running requests keep the rules they were opened with.

    Rows change in a draft only; a draft comes in force by the approval of the request that `propose` opens.
    """

    queryset = Policy.objects.none()
    serializer_class = PolicySerializer
    filterset_fields = ["subject", "state", "is_shadow"]

    def get_queryset(self):
        if not policy.may_anywhere(self.request.user, "releases.view_product"):
            return Policy.objects.none()
        return Policy.objects.prefetch_related("rows__rules", "rows__product")

    def _shown(self, pk: int, code: int = status.HTTP_200_OK) -> Response:
        return Response(PolicySerializer(self.get_queryset().get(pk=pk)).data, status=code)

    @extend_schema(request=DraftBodySerializer, responses={201: PolicySerializer})
    def create(self, request):
        """Begin a draft: a copy of the version in force, or of `based_on`."""
        made = actions.draft_policy(actor=request.user, **given(DraftBodySerializer, request))
        return self._shown(made.pk, status.HTTP_201_CREATED)

    @extend_schema(request=VersionBodySerializer, responses=PolicySerializer)
    def partial_update(self, request, pk=None):
        """Change a draft's mode, note or start."""
        found = self.get_object()
        actions.edit_policy(found.pk, actor=request.user, **given(VersionBodySerializer, request))
        return self._shown(found.pk)

    @extend_schema(request=RowBodySerializer, responses={201: RowSerializer})
    @action(detail=True, methods=["post"], url_path="rows")
    def add_row(self, request, pk=None):
        """Add a row to a draft."""
        body = {"name": ""} | given(RowBodySerializer, request)
        row = actions.save_row(self.get_object().pk, actor=request.user, **body)
        return Response(RowSerializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=RowBodySerializer, responses=RowSerializer)
    @action(detail=True, methods=["patch"], url_path=r"rows/(?P<row>[0-9]{1,18})")
    def row(self, request, pk=None, row=None):
        """Change a row of a draft."""
        body = given(RowBodySerializer, request)
        return Response(
            RowSerializer(actions.save_row(self.get_object().pk, int(row), actor=request.user, **body)).data
        )

    @extend_schema(request=None, responses={204: None})
    @row.mapping.delete
    def remove_row(self, request, pk=None, row=None):
        """Take a row out of a draft."""
        actions.remove_row(self.get_object().pk, int(row), actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=RowMoveSerializer, responses=PolicySerializer)
    @action(detail=True, methods=["post"], url_path=r"rows/(?P<row>[0-9]{1,18})/move")
    def move_row(self, request, pk=None, row=None):
        """Let a row be asked earlier or later."""
        found = self.get_object()
        actions.move_row(found.pk, int(row), actor=request.user, **given(RowMoveSerializer, request))
        return self._shown(found.pk)

    @extend_schema(request=None, responses={201: RowSerializer})
    @action(detail=True, methods=["post"], url_path=r"rows/(?P<row>[0-9]{1,18})/double")
    def double_row(self, request, pk=None, row=None):
        """Put a copy of a row right after it."""
        made = actions.double_row(self.get_object().pk, int(row), actor=request.user)
        return Response(RowSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={201: ProposedSerializer})
    @action(detail=True, methods=["post"])
    def propose(self, request, pk=None):
        """Ask the quorum of the policy in force whether the draft shall hold."""
        asked = actions.propose_policy(self.get_object().pk, actor=request.user)
        return Response({"request": asked.pk, "state": asked.state}, status=status.HTTP_201_CREATED)

    @extend_schema(request=DiscardBodySerializer, responses=PolicySerializer)
    @action(detail=True, methods=["post"])
    def discard(self, request, pk=None):
        """Give a draft, or an approved version that is not in force yet, up."""
        found = self.get_object()
        actions.discard_policy(found.pk, actor=request.user, **given(DiscardBodySerializer, request))
        return self._shown(found.pk)

    @extend_schema(request=ShadowBodySerializer, responses=PolicySerializer)
    @action(detail=True, methods=["post"])
    def shadow(self, request, pk=None):
        """Let a draft run in shadow, or stop it."""
        found = self.get_object()
        actions.set_shadow(found.pk, actor=request.user, **given(ShadowBodySerializer, request))
        return self._shown(found.pk)

    @extend_schema(request=None, responses=ReplaySerializer)
    @shadow.mapping.get
    def shadow_report(self, request, pk=None):
        """What a version noted since it last began to run in shadow."""
        return Response(ReplaySerializer(replay.shadow(self.get_object(), request.user)).data)

    @extend_schema(request=TryBodySerializer, responses=TrialSerializer)
    @action(detail=True, methods=["post"], url_path="try")
    def attempt(self, request, pk=None):
        """Which rows match, why, and who could fill their rules. It changes nothing."""
        found, data = self.get_object(), given(TryBodySerializer, request)
        if "facts" in data:
            if data["facts"].get("product"):
                Product.objects.visible_to(request.user).get(pk=data["facts"]["product"])
            tried = trial.of_facts(found, Facts(found.subject, **data["facts"]), data.get("on"))
        elif "request" in data:
            rows = ApprovalRequest.objects.visible_to(request.user).filter(kind=found.subject).with_subjects()
            tried = trial.of_request(found, rows.get(pk=data["request"]))
        else:
            tried = trial.of_subject(found, _live(request.user, found.subject, data["live"]))
        return Response(TrialSerializer(tried).data)

    @extend_schema(
        request=None, responses=ReplaySerializer, parameters=[OpenApiParameter("last", int, enum=list(replay.SIZES))]
    )
    @action(detail=True, methods=["get"])
    def replay(self, request, pk=None):
        """What the version would have done to the last closed requests of its kind."""
        query = LastSerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = replay.run(self.get_object(), request.user, query.validated_data["last"])
        return Response(ReplaySerializer(found).data)


def _live(user, subject: str, pk: int):
    """A release or a change in the user's sight. Raises its DoesNotExist, or ValidationError for another kind of policy."""
    if subject not in trial.LIVE:
        raise serializers.ValidationError({"live": ["Only releases and changes are tried as they are now."]})
    return trial.live_subject(user, subject, pk)
