"""The API of hooks."""

from rest_framework import serializers, viewsets

from deployments.actions import hook as hook_doors
from deployments.models import Hook
from deployments.states import OnFailure, Purpose
from releases.models import Environment, Release


class HookSerializer(serializers.ModelSerializer):
    """A hook. `secret` is written only; `has_secret` tells whether one is set."""

    environment = serializers.PrimaryKeyRelatedField(queryset=Environment.objects.none())
    secret = serializers.CharField(write_only=True, required=False, allow_blank=True)
    has_secret = serializers.SerializerMethodField()
    on = serializers.ChoiceField(Purpose.choices, default=Purpose.DEPLOY)
    on_failure = serializers.ChoiceField(OnFailure.choices, default=OnFailure.FAIL)

    class Meta:
        model = Hook
        fields = [
            "id",
            "environment",
            "name",
            "on",
            "position",
            "driver",
            "config",
            "secret",
            "has_secret",
            "timeout_s",
            "on_failure",
            "is_active",
        ]
        validators = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if request := self.context.get("request"):
            seen = Release._meta.get_field("product").related_model.objects.visible_to(request.user)
            self.fields["environment"].queryset = Environment.objects.filter(product__in=seen)

    def get_has_secret(self, hook: Hook) -> bool:
        return bool(hook.secret)


class HookViewSet(viewsets.ModelViewSet):
    """The hooks of environments. Their configuration is checked by the driver."""

    serializer_class = HookSerializer
    queryset = Hook.objects.none()
    filterset_fields = ["environment", "driver", "on"]
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def get_queryset(self):
        return Hook.objects.visible_to(self.request.user)

    def perform_create(self, serializer):
        fields = dict(serializer.validated_data)
        environment = fields.pop("environment")
        serializer.instance = hook_doors.save_hook(environment.pk, actor=self.request.user, **fields)

    def perform_update(self, serializer):
        fields = dict(serializer.validated_data)
        fields.pop("environment", None)
        hook = serializer.instance
        serializer.instance = hook_doors.save_hook(
            hook.environment_id, actor=self.request.user, hook_id=hook.pk, **fields
        )

    def perform_destroy(self, instance):
        hook_doors.remove_hook(instance.pk, actor=self.request.user)


ROUTES = [("hooks", HookViewSet, "hook")]
