"""What the API takes for policies: bodies and questions."""

from rest_framework import serializers

from approvals import replay
from approvals.states import Clock, Facet, Mode, Subject
from releases.models import Product


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


class LastSerializer(serializers.Serializer):
    last = serializers.ChoiceField(replay.SIZES, default=replay.SIZES[1])
