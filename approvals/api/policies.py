"""API of the policies: versions of the decision tables, read by everybody who takes part, changed through their doors."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from accounts import policy
from approvals import actions, replay, trial
from approvals.actions.policy import FIELDS, RULE_FIELDS
from approvals.models import ApprovalRequest, Policy, PolicyRow, Rule
from approvals.states import Clock, Facet, Mode, Subject
from approvals.subjects import Facts
from core.api import given
from releases.models import Product


class RuleSerializer(serializers.ModelSerializer):
    class Meta:
        model = Rule
        fields = RULE_FIELDS
        read_only_fields = fields


class RowSerializer(serializers.ModelSerializer):
    rules = RuleSerializer(many=True, read_only=True)

    class Meta:
        model = PolicyRow
        fields = ["id", *FIELDS, "rules"]
        read_only_fields = fields


class PolicySerializer(serializers.ModelSerializer):
    rows = RowSerializer(many=True, read_only=True)

    class Meta:
        model = Policy
        fields = [
            "id",
            "subject",
            "version",
            "mode",
            "note",
            "state",
            "is_shadow",
            "based_on",
            "valid_from",
            "valid_until",
            "rows",
        ]
        read_only_fields = fields


class RuleBodySerializer(serializers.Serializer):
    who = serializers.CharField(max_length=2000, help_text="Selectors joined by commas: role:…, team:…, person:…")
    need = serializers.IntegerField(required=False, min_value=1, max_value=50)
    veto = serializers.BooleanField(required=False)
    stage = serializers.IntegerField(required=False, min_value=1, max_value=20)
    facets = serializers.ListField(child=serializers.ChoiceField(Facet.choices), required=False)
    deadline_hours = serializers.IntegerField(required=False, allow_null=True, min_value=1)


class RowBodySerializer(serializers.Serializer):
    """A row, or the part of it that changes. `rules` replaces all of them."""

    name = serializers.CharField(required=False, max_length=100)
    position = serializers.IntegerField(required=False, min_value=0)
    product = serializers.PrimaryKeyRelatedField(queryset=Product.objects.all(), required=False, allow_null=True)
    strategies = serializers.ListField(child=serializers.CharField(), required=False)
    change_types = serializers.ListField(child=serializers.CharField(), required=False)
    risk_bands = serializers.ListField(child=serializers.CharField(), required=False)
    tiers = serializers.ListField(child=serializers.CharField(), required=False)
    size_min = serializers.IntegerField(required=False, allow_null=True)
    size_max = serializers.IntegerField(required=False, allow_null=True)
    in_freeze = serializers.BooleanField(required=False, allow_null=True)
    emergency = serializers.BooleanField(required=False, allow_null=True)
    valid_from = serializers.DateField(required=False, allow_null=True)
    valid_until = serializers.DateField(required=False, allow_null=True)
    deadline_hours = serializers.IntegerField(required=False)
    clock = serializers.ChoiceField(Clock.choices, required=False)
    allow_bulk = serializers.BooleanField(required=False)
    count_requester = serializers.BooleanField(required=False)
    count_author = serializers.BooleanField(required=False)
    afterwards = serializers.CharField(required=False, allow_blank=True, max_length=100)
    afterwards_hours = serializers.IntegerField(required=False)
    rules = RuleBodySerializer(many=True, required=False)


class RowMoveSerializer(serializers.Serializer):
    by = serializers.IntegerField(min_value=-500, max_value=500, help_text="Places later; negative: earlier")


class DraftBodySerializer(serializers.Serializer):
    subject = serializers.ChoiceField(Subject.choices)
    based_on = serializers.IntegerField(required=False, help_text="Id of the version to copy; else the one in force")


class VersionBodySerializer(serializers.Serializer):
    mode = serializers.ChoiceField(Mode.choices, required=False)
    note = serializers.CharField(required=False, allow_blank=True)
    valid_from = serializers.DateTimeField(required=False, allow_null=True, help_text="null: as soon as it is approved")


class DiscardBodySerializer(serializers.Serializer):
    reason = serializers.CharField(allow_blank=True)


class ShadowBodySerializer(serializers.Serializer):
    on = serializers.BooleanField()


class FactsSerializer(serializers.Serializer):
    """What the rows are asked about. Left out: none, no, or 0."""

    product = serializers.IntegerField(required=False, allow_null=True)
    strategy = serializers.CharField(required=False, allow_blank=True)
    change_type = serializers.CharField(required=False, allow_blank=True)
    risk = serializers.CharField(required=False, allow_blank=True)
    tier = serializers.CharField(required=False, allow_blank=True)
    size = serializers.IntegerField(required=False, min_value=0)
    in_freeze = serializers.BooleanField(required=False)
    emergency = serializers.BooleanField(required=False)


class TryBodySerializer(serializers.Serializer):
    """What to try a version on: facts, a request of the past, or a release or change as it is now."""

    facts = FactsSerializer(required=False)
    on = serializers.DateField(required=False, help_text="With facts: the day (UTC) on which the rows are asked")
    request = serializers.IntegerField(required=False)
    live = serializers.IntegerField(required=False, help_text="Id of a release or a change, as the policy's subject is")

    def validate(self, data):
        if len(data.keys() & {"facts", "request", "live"}) != 1:
            raise serializers.ValidationError("Name facts, a request or a live subject: one of them.")
        return data


class ConditionSerializer(serializers.Serializer):
    name = serializers.CharField()
    wanted = serializers.CharField()
    found = serializers.CharField()
    holds = serializers.BooleanField()


class TriedRowSerializer(serializers.Serializer):
    row = serializers.CharField()
    matches = serializers.BooleanField()
    decides = serializers.BooleanField()
    why = serializers.CharField()
    conditions = ConditionSerializer(many=True)


class TriedRuleSerializer(serializers.Serializer):
    who = serializers.CharField(source="rule.who")
    label = serializers.CharField(source="rule.label")
    need = serializers.IntegerField(source="rule.need")
    veto = serializers.BooleanField(source="rule.veto")
    stage = serializers.IntegerField(source="rule.stage")
    people = serializers.SerializerMethodField(help_text="Ids of those who could fill it today")

    def get_people(self, tried) -> list[int]:
        return [candidate.person.pk for candidate in tried.people if not candidate.away or candidate.stand_in]


class TrialSerializer(serializers.Serializer):
    """What a version says of a subject."""

    facts = serializers.DictField(source="facts.as_dict")
    on = serializers.DateField()
    is_stored = serializers.BooleanField(help_text="The facts are those kept with the request")
    rows = TriedRowSerializer(many=True)
    rules = TriedRuleSerializer(many=True)
    is_possible = serializers.BooleanField()
    trouble = serializers.CharField(help_text="Why it could not be asked")


class DifferenceSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(["added", "dropped", "number"])
    label = serializers.CharField()
    was = serializers.IntegerField()
    now = serializers.IntegerField()


class ReplayedSerializer(serializers.Serializer):
    request = serializers.IntegerField(source="request.pk")
    row_names = serializers.ListField(child=serializers.CharField())
    ending = serializers.ChoiceField([ending.value for ending in replay.Ending])
    because = serializers.CharField()
    differences = DifferenceSerializer(many=True)
    is_stored = serializers.BooleanField()


class ReplaySerializer(serializers.Serializer):
    """Requests of the past under a version: {ending: how many}, then one by one."""

    counts = serializers.DictField(child=serializers.IntegerField())
    rows = ReplayedSerializer(many=True)


class ProposedSerializer(serializers.Serializer):
    """The request that decides over a proposal."""

    request = serializers.IntegerField()
    state = serializers.CharField()


class LastSerializer(serializers.Serializer):
    last = serializers.ChoiceField(replay.SIZES, default=replay.SIZES[1])


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
