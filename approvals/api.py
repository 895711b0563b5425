"""API of approvals: the same doors as the pages. ROUTES lists (prefix, view set, basename) for the router."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from accounts import policy
from approvals import actions, sheet, tally
from approvals.models import (
    ApprovalRequest,
    Evidence,
    FreezeOverride,
    Policy,
    Question,
    RequestRule,
    Rule,
    Signoff,
    Vote,
    Waiver,
)
from approvals.states import Facet, SignoffKind, SignoffState, Verdict
from core.api import TextJSONParser
from releases.models import Product

VERDICTS = [
    (s.value, s.label)
    for s in (SignoffState.PASSED, SignoffState.FAILED, SignoffState.ERRORED, SignoffState.INCONCLUSIVE)
]


# What goes out


class VoteSerializer(serializers.ModelSerializer):
    class Meta:
        model = Vote
        fields = [
            "id",
            "person",
            "verdict",
            "comment",
            "roles",
            "digests",
            "state",
            "cast_at",
            "ended_at",
            "ended_because",
        ]
        read_only_fields = fields


class QuestionSerializer(serializers.ModelSerializer):
    class Meta:
        model = Question
        fields = ["id", "asked_by", "text", "asked_at", "answer", "answered_by", "answered_at"]
        read_only_fields = fields


class RequestRuleSerializer(serializers.ModelSerializer):
    class Meta:
        model = RequestRule
        fields = ["role", "need", "veto", "facets"]
        read_only_fields = fields


class RequestSerializer(serializers.ModelSerializer):
    """A request with its rules and votes, as in the list."""

    rules = RequestRuleSerializer(many=True, read_only=True)
    votes = VoteSerializer(many=True, read_only=True)
    questions = QuestionSerializer(many=True, read_only=True)

    class Meta:
        model = ApprovalRequest
        fields = [
            "id",
            "release",
            "change",
            "policy_name",
            "requester",
            "state",
            "opened_at",
            "due_at",
            "decided_at",
            "rules",
            "votes",
            "questions",
        ]
        read_only_fields = fields


class FilledSerializer(serializers.Serializer):
    role = serializers.CharField()
    need = serializers.IntegerField()
    missing = serializers.IntegerField()
    votes = serializers.ListField(child=serializers.IntegerField(), help_text="Ids of the votes that fill it")


class SheetSerializer(RequestSerializer):
    """A request with the decision sheet as it is now. Send `digest` back with a vote."""

    digest = serializers.SerializerMethodField(help_text="SHA-256 of the sheet as it is now")
    sheet = serializers.SerializerMethodField(help_text="{facet: content} as it is now")
    filled = serializers.SerializerMethodField(help_text="Which votes fill which rule, and what is missing")

    class Meta(RequestSerializer.Meta):
        fields = [*RequestSerializer.Meta.fields, "digest", "sheet", "filled"]
        read_only_fields = fields

    def get_digest(self, request) -> str:
        return sheet.of(request.subject).digest

    def get_sheet(self, request) -> dict:
        return sheet.of(request.subject).content

    @extend_schema(responses=FilledSerializer(many=True))
    def get_filled(self, request) -> list[dict]:
        return [
            {"role": r.rule.role, "need": r.rule.need, "missing": r.missing, "votes": [v.pk for v in r.votes]}
            for r in tally.count(request).rules
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


class WaiverSerializer(serializers.ModelSerializer):
    class Meta:
        model = Waiver
        fields = [
            "id",
            "signoff",
            "reason",
            "expires_at",
            "requested_by",
            "requested_at",
            "decided_by",
            "decided_at",
            "comment",
            "state",
        ]
        read_only_fields = fields


class OverrideSerializer(serializers.ModelSerializer):
    class Meta:
        model = FreezeOverride
        fields = [
            "id",
            "freeze",
            "release",
            "reason",
            "expires_at",
            "requested_by",
            "requested_at",
            "decided_by",
            "decided_at",
            "comment",
            "state",
        ]
        read_only_fields = fields


# What comes in


class RuleSerializer(serializers.ModelSerializer):
    facets = serializers.ListField(child=serializers.ChoiceField(Facet.choices), default=list)

    class Meta:
        model = Rule
        fields = ["role", "need", "veto", "facets"]


class PolicySerializer(serializers.ModelSerializer):
    rules = RuleSerializer(many=True)

    class Meta:
        model = Policy
        fields = [
            "id",
            "name",
            "subject",
            "position",
            "product",
            "strategies",
            "change_types",
            "risk_bands",
            "deadline_hours",
            "is_active",
            "rules",
        ]
        extra_kwargs = {"name": {"validators": []}}


class AskForSerializer(serializers.Serializer):
    release = serializers.IntegerField(required=False)
    change = serializers.IntegerField(required=False)

    def validate(self, data):
        if len(data) != 1:
            raise serializers.ValidationError("Name a release or a change.")
        return data


class CastVoteSerializer(serializers.Serializer):
    verdict = serializers.ChoiceField(Verdict.choices)
    digest = serializers.CharField(max_length=64, help_text="Of the sheet that was shown")
    comment = serializers.CharField(required=False, allow_blank=True, default="")


class QuestionTextSerializer(serializers.Serializer):
    text = serializers.CharField()


class AnswerSerializer(QuestionTextSerializer):
    question = serializers.IntegerField()


class RequestReasonSerializer(serializers.Serializer):
    reason = serializers.CharField()


class RevokeSerializer(RequestReasonSerializer):
    vote = serializers.IntegerField()


class OfTestSerializer(serializers.Serializer):
    candidate = serializers.IntegerField()
    kind = serializers.ChoiceField(SignoffKind.choices)


class VerdictSerializer(OfTestSerializer):
    verdict = serializers.ChoiceField(VERDICTS)
    statement = serializers.CharField()


class ReportSerializer(OfTestSerializer):
    file = serializers.FileField(help_text="JUnit XML, NUnit 3, TRX, go test -json or Mocha JSON")


class NewWaiverSerializer(OfTestSerializer):
    reason = serializers.CharField()
    expires_at = serializers.DateTimeField()


class NewOverrideSerializer(serializers.Serializer):
    release = serializers.IntegerField()
    freeze = serializers.IntegerField()
    reason = serializers.CharField()
    expires_at = serializers.DateTimeField()


class DecisionSerializer(serializers.Serializer):
    grant = serializers.BooleanField()
    comment = serializers.CharField(required=False, allow_blank=True, default="")


def given(serializer_class, request) -> dict:
    """The validated body. Raises DRF's ValidationError, answered by 400 with the fields."""
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


# View sets


class RequestViewSet(viewsets.ReadOnlyModelViewSet):
    """Approval requests. A vote names the digest of the sheet that was read; code `moved` says that it is no longer that."""

    queryset = ApprovalRequest.objects.none()
    filterset_fields = ["state", "release", "change"]

    def get_queryset(self):
        return ApprovalRequest.objects.visible_to(self.request.user).with_votes()

    def get_serializer_class(self):
        return RequestSerializer if self.action == "list" else SheetSerializer

    def _shown(self, pk, code: int = status.HTTP_200_OK) -> Response:
        return Response(
            SheetSerializer(self.get_queryset().get(pk=pk), context={"request": self.request}).data, status=code
        )

    @extend_schema(request=AskForSerializer, responses={201: SheetSerializer})
    def create(self, request):
        """Ask for the approval of a release (an emergency goes the short way) or the authorisation of a change."""
        data, user = given(AskForSerializer, request), request.user
        if "change" in data:
            asked = actions.request_change_authorisation(data["change"], actor=user)
        else:
            asked = _request_release(data["release"], user)
        return self._shown(asked.pk, status.HTTP_201_CREATED)

    @extend_schema(request=CastVoteSerializer, responses=SheetSerializer)
    @action(detail=True, methods=["post"])
    def vote(self, request, pk=None):
        """Approve or reject. Needs a person: service accounts never sign."""
        actions.cast_vote(self.get_object().pk, actor=request.user, **given(CastVoteSerializer, request))
        return self._shown(pk)

    @extend_schema(request=RevokeSerializer, responses=SheetSerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, request, pk=None):
        """Take one's own vote back."""
        data = given(RevokeSerializer, request)
        vote = self.get_object().votes.filter(pk=data["vote"]).get()
        actions.revoke_vote(vote.pk, actor=request.user, reason=data["reason"])
        return self._shown(pk)

    @extend_schema(request=QuestionTextSerializer, responses={201: QuestionSerializer})
    @action(detail=True, methods=["post"])
    def ask(self, request, pk=None):
        """Ask a question. It counts as no vote."""
        question = actions.ask(self.get_object().pk, actor=request.user, **given(QuestionTextSerializer, request))
        return Response(QuestionSerializer(question).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=AnswerSerializer, responses=QuestionSerializer)
    @action(detail=True, methods=["post"])
    def answer(self, request, pk=None):
        """Answer a question of this request."""
        data = given(AnswerSerializer, request)
        question = self.get_object().questions.get(pk=data["question"])
        return Response(QuestionSerializer(actions.answer(question.pk, actor=request.user, text=data["text"])).data)

    @extend_schema(request=RequestReasonSerializer, responses=SheetSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request, pk=None):
        """Take the request back."""
        actions.withdraw(self.get_object().pk, actor=request.user, **given(RequestReasonSerializer, request))
        return self._shown(pk)


def _request_release(release_id: int, user) -> ApprovalRequest:
    from releases.models import Release
    from releases.states import ReleaseState

    release = Release.objects.visible_to(user).get(pk=release_id)
    short = release.is_emergency and release.state != ReleaseState.APPROVING
    return (actions.expedite_release if short else actions.request_release_approval)(release_id, actor=user)


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


class WaiverViewSet(viewsets.ReadOnlyModelViewSet):
    """Waivers: asked for by one person, decided by another, over at an instant."""

    queryset = Waiver.objects.none()
    serializer_class = WaiverSerializer
    filterset_fields = ["state", "signoff", "signoff__candidate__release"]

    def get_queryset(self):
        return Waiver.objects.visible_to(self.request.user)

    @extend_schema(request=NewWaiverSerializer, responses={201: WaiverSerializer})
    def create(self, request):
        """Ask for a waiver."""
        data = given(NewWaiverSerializer, request)
        made = actions.request_waiver(data.pop("candidate"), data.pop("kind"), actor=request.user, **data)
        return Response(WaiverSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=DecisionSerializer, responses=WaiverSerializer)
    @action(detail=True, methods=["post"])
    def decide(self, request, pk=None):
        """Grant or refuse it; refusing needs a comment."""
        made = actions.decide_waiver(self.get_object().pk, actor=request.user, **given(DecisionSerializer, request))
        return Response(WaiverSerializer(made).data)


class OverrideViewSet(viewsets.ReadOnlyModelViewSet):
    """Freeze overrides: asked for by one person, decided by another, over at an instant."""

    queryset = FreezeOverride.objects.none()
    serializer_class = OverrideSerializer
    filterset_fields = ["state", "release", "freeze"]

    def get_queryset(self):
        return FreezeOverride.objects.visible_to(self.request.user)

    @extend_schema(request=NewOverrideSerializer, responses={201: OverrideSerializer})
    def create(self, request):
        """Ask for an override."""
        data = given(NewOverrideSerializer, request)
        made = actions.request_override(data.pop("release"), data.pop("freeze"), actor=request.user, **data)
        return Response(OverrideSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=DecisionSerializer, responses=OverrideSerializer)
    @action(detail=True, methods=["post"])
    def decide(self, request, pk=None):
        """Grant or refuse it; refusing needs a comment."""
        made = actions.decide_override(self.get_object().pk, actor=request.user, **given(DecisionSerializer, request))
        return Response(OverrideSerializer(made).data)


class PolicyViewSet(viewsets.ModelViewSet):
    """The decision table. Running requests keep the rules they were opened with."""

    queryset = Policy.objects.none()
    serializer_class = PolicySerializer
    filterset_fields = ["subject", "is_active", "product"]
    http_method_names = ["get", "post", "put", "delete", "head", "options"]

    def get_queryset(self):
        user = self.request.user
        if not policy.may_anywhere(user, "releases.view_product"):
            return Policy.objects.none()
        general = Policy.objects.filter(product__isnull=True)
        return (general | Policy.objects.filter(product__in=Product.objects.visible_to(user))).prefetch_related("rules")

    def perform_create(self, serializer):
        serializer.instance = actions.save_policy(actor=self.request.user, **serializer.validated_data)

    def perform_update(self, serializer):
        serializer.instance = actions.save_policy(
            serializer.instance.pk, actor=self.request.user, **serializer.validated_data
        )

    def perform_destroy(self, instance):
        actions.remove_policy(instance.pk, actor=self.request.user)


ROUTES = [
    ("requests", RequestViewSet, "request"),
    ("signoffs", SignoffViewSet, "signoff"),
    ("waivers", WaiverViewSet, "waiver"),
    ("overrides", OverrideViewSet, "override"),
    ("policies", PolicyViewSet, "policy"),
]
