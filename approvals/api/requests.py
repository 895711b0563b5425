"""API of approval requests: the same doors as the pages."""

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from approvals import actions, inbox, matching, sheet, tally
from approvals.actions.bulk import MANY, Ballot
from approvals.models import ApprovalRequest, Question, RequestRule, Vote
from approvals.states import Verdict
from core.api import given
from releases.api.common import BlockerSerializer
from releases.models import Release
from releases.states import ReleaseState


class VoteSerializer(serializers.ModelSerializer):
    class Meta:
        model = Vote
        fields = [
            "id",
            "person",
            "seat",
            "delegation",
            "verdict",
            "comment",
            "counts_for",
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
        fields = ["who", "label", "need", "veto", "stage", "facets", "deadline_hours", "due_at"]
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
            "kind",
            "purpose",
            "product",
            "release",
            "change",
            "waiver",
            "override",
            "lift",
            "template",
            "proposal",
            "policy",
            "row_names",
            "allow_bulk",
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
    who = serializers.CharField(help_text="Selectors: role:…, team:…, person:…")
    label = serializers.CharField()
    need = serializers.IntegerField()
    missing = serializers.IntegerField()
    stage = serializers.IntegerField()
    votes = serializers.ListField(child=serializers.IntegerField(), help_text="Ids of the votes that fill it")
    could_help = serializers.ListField(
        child=serializers.IntegerField(), help_text="Ids of the people whose vote, given next, would help"
    )


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
        eligible = matching.eligible(request.subject, request.rules.all(), request.requester_id, request)
        return [
            {
                "who": r.rule.who,
                "label": r.rule.label,
                "need": r.rule.need,
                "missing": r.missing,
                "stage": r.rule.stage,
                "votes": [v.pk for v in r.votes],
                "could_help": sorted(r.could_help),
            }
            for r in tally.count(request, eligible={key: set(those) for key, those in eligible.items()}).rules
        ]


class AskForSerializer(serializers.Serializer):
    release = serializers.IntegerField(required=False)
    change = serializers.IntegerField(required=False)
    template = serializers.IntegerField(required=False, help_text="A standard change")

    def validate(self, data):
        if len(data) != 1:
            raise serializers.ValidationError("Name a release, a change or a standard change: one of them.")
        return data


class CastVoteSerializer(serializers.Serializer):
    verdict = serializers.ChoiceField(Verdict.choices)
    digest = serializers.CharField(max_length=64, help_text="Of the sheet that was shown")
    comment = serializers.CharField(required=False, allow_blank=True, default="")
    seat_id = serializers.IntegerField(
        required=False, help_text="Whose place to fill, for a stand-in of several people"
    )


class BallotSerializer(serializers.Serializer):
    id = serializers.IntegerField(help_text="Of the request")
    digest = serializers.CharField(max_length=64, help_text="Of the sheet that was shown")
    seat_id = serializers.IntegerField(
        required=False, help_text="Whose place to fill, for a stand-in of several people"
    )


class BulkSerializer(serializers.Serializer):
    requests = BallotSerializer(many=True, allow_empty=False, max_length=MANY)
    comment = serializers.CharField(required=False, allow_blank=True, default="")


class CastSerializer(serializers.Serializer):
    id = serializers.IntegerField(source="ballot.request_id", help_text="Of the request")
    outcome = serializers.ChoiceField(["approved", "already", "moved", "refused"])
    vote = serializers.IntegerField(source="vote.pk", allow_null=True, default=None)
    blockers = BlockerSerializer(many=True)


class QuestionTextSerializer(serializers.Serializer):
    text = serializers.CharField()


class AnswerSerializer(QuestionTextSerializer):
    question = serializers.IntegerField()


class RequestReasonSerializer(serializers.Serializer):
    reason = serializers.CharField()


class RevokeSerializer(RequestReasonSerializer):
    vote = serializers.IntegerField()


WAITING = OpenApiParameter("waiting", bool, description="Only those that wait for your own vote")


@extend_schema_view(list=extend_schema(parameters=[WAITING]))
class RequestViewSet(viewsets.ReadOnlyModelViewSet):
    """Approval requests. A vote names the digest of the sheet that was read; code `moved` says that it is no longer that."""

    queryset = ApprovalRequest.objects.none()
    filterset_fields = ["state", "kind", "purpose", "release", "change"]

    def get_queryset(self):
        return ApprovalRequest.objects.visible_to(self.request.user).with_votes()

    def filter_queryset(self, queryset):
        found = super().filter_queryset(queryset)
        if self.action == "list" and self.request.query_params.get("waiting", "").lower() in ("true", "1"):
            found = found.filter(pk__in=[r.pk for r in inbox.requests_for(self.request.user)]).order_by("due_at", "pk")
        return found

    def get_serializer_class(self):
        return RequestSerializer if self.action == "list" else SheetSerializer

    def _shown(self, pk, code: int = status.HTTP_200_OK) -> Response:
        return Response(
            SheetSerializer(self.get_queryset().get(pk=pk), context={"request": self.request}).data, status=code
        )

    @extend_schema(request=AskForSerializer, responses={201: SheetSerializer})
    def create(self, request):
        """Ask for the approval of a release (an emergency goes the short way) or of a standard change, or to authorise a change."""
        data, user = given(AskForSerializer, request), request.user
        if "change" in data:
            asked = actions.request_change_authorisation(data["change"], actor=user)
        elif "template" in data:
            asked = actions.request_template_approval(data["template"], actor=user)
        else:
            asked = _request_release(data["release"], user)
        return self._shown(asked.pk, status.HTTP_201_CREATED)

    @extend_schema(request=CastVoteSerializer, responses=SheetSerializer)
    @action(detail=True, methods=["post"])
    def vote(self, request, pk=None):
        """Approve or reject. Needs a person: service accounts never sign."""
        actions.cast_vote(self.get_object().pk, actor=request.user, **given(CastVoteSerializer, request))
        return self._shown(pk)

    @extend_schema(request=BulkSerializer, responses=CastSerializer(many=True))
    @action(detail=False, methods=["post"], pagination_class=None, filter_backends=[])
    def bulk(self, request):
        """Approve several, each on the digest of its sheet; only those whose `allow_bulk` is true. Says what came of each."""
        data = given(BulkSerializer, request)
        ballots = [Ballot(row["id"], row["digest"], row.get("seat_id")) for row in data["requests"]]
        return Response(
            CastSerializer(actions.approve_many(ballots, actor=request.user, comment=data["comment"]), many=True).data
        )

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
    release = Release.objects.visible_to(user).get(pk=release_id)
    short = release.is_emergency and release.state != ReleaseState.APPROVING
    return (actions.expedite_release if short else actions.request_release_approval)(release_id, actor=user)
