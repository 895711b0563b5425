"""What the API shows of a deployment: itself, its runs, its log and its verification."""

from rest_framework import serializers

from deployments.api.check import TriedSerializer
from deployments.models import Deployment, LogLine, Run, Sample, Statement


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
