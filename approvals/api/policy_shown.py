"""What the API shows of policies, of trials and of replays."""

from rest_framework import serializers

from approvals import replay
from approvals.actions.policy import FIELDS, RULE_FIELDS
from approvals.models import Policy, PolicyRow, Rule


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
