"""What the API takes for a deployment: bodies of its actions."""

from rest_framework import serializers

from deployments.api.common import SeenEnvironmentField, SeenReleaseField
from deployments.states import How


class ConfirmationSerializer(serializers.Serializer):
    comment = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=2_000, help_text="What was looked at"
    )


class RehearsalSerializer(serializers.Serializer):
    """Which release goes back where; the environment is one before production."""

    release = SeenReleaseField()
    environment = SeenEnvironmentField()


class PlanSerializer(serializers.Serializer):
    """What to deploy where. With `scheduled_for` it starts by itself then; with `start` at once."""

    release = SeenReleaseField()
    environment = SeenEnvironmentField()
    scheduled_for = serializers.DateTimeField(required=False, allow_null=True)
    minutes = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, help_text="For how long it books its environment; empty: as usual"
    )
    start = serializers.BooleanField(default=False)
    queue = serializers.BooleanField(default=False, help_text="Wait for the environment, and start when it is its turn")

    def validate(self, asked):
        if asked["queue"] and (asked["start"] or asked.get("scheduled_for")):
            raise serializers.ValidationError({"queue": "Queue it, start at once, or give an instant: one of them."})
        if asked["start"] and asked.get("scheduled_for"):
            raise serializers.ValidationError({"scheduled_for": "Give an instant, or start at once, not both."})
        if asked["environment"].product_id != asked["release"].product_id:
            raise serializers.ValidationError({"environment": "It belongs to another product than the release."})
        return asked


class MoveDeploymentSerializer(serializers.Serializer):
    """`scheduled_for` null: somebody starts it by hand, and its booking ends. Without `minutes` a booking keeps its length."""

    scheduled_for = serializers.DateTimeField(allow_null=True)
    minutes = serializers.IntegerField(required=False, allow_null=True, min_value=1)


class GivenReasonSerializer(serializers.Serializer):
    reason = serializers.CharField(help_text="It stays in the record.")


class ResumeSerializer(GivenReasonSerializer):
    how = serializers.ChoiceField(How.choices, default=How.RETRY)
