"""The API of hooks."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.response import Response

from deployments.actions import hook as hook_doors
from deployments.api.common import SeenEnvironmentField
from deployments.drivers import DRIVERS
from deployments.models import Hook
from deployments.states import OnFailure, Purpose


class HookSerializer(serializers.ModelSerializer):
    """A hook. `secret` is written only; `has_secret` tells whether one is set, `summary` what it calls, in words."""

    environment = SeenEnvironmentField()
    secret = serializers.CharField(write_only=True, required=False, allow_blank=True)
    has_secret = serializers.SerializerMethodField()
    summary = serializers.SerializerMethodField()
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
            "summary",
            "secret",
            "has_secret",
            "timeout_s",
            "on_failure",
            "point_of_no_return",
            "is_active",
        ]
        validators = []

    def get_has_secret(self, hook: Hook) -> bool:
        return bool(hook.secret)

    def get_summary(self, hook: Hook) -> str:
        return DRIVERS[hook.driver].summary(hook.config) if hook.driver in DRIVERS else ""


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


class DriverFieldSerializer(serializers.Serializer):
    """One field of a driver's configuration, a key of `config`."""

    name = serializers.CharField()
    label = serializers.CharField()
    help = serializers.CharField()
    kind = serializers.CharField(help_text="text, address, lines, inputs (lines `name=value`) or number")
    required = serializers.BooleanField()
    default = serializers.JSONField(help_text="What stands where nothing is given")


class DriverSerializer(serializers.Serializer):
    """One kind of tool that hooks can call: `name` is a hook's `driver`, `fields` what its `config` may hold."""

    name = serializers.CharField()
    label = serializers.CharField()
    about = serializers.CharField()
    secret_label = serializers.CharField(help_text="What the hook's `secret` is")
    fields = DriverFieldSerializer(many=True)


class DriverViewSet(viewsets.ViewSet):
    """The kinds of tools that hooks can call."""

    serializer_class = DriverSerializer

    @extend_schema(responses=DriverSerializer(many=True), summary="List the kinds of tools")
    def list(self, request):
        rows = [
            {"name": name} | {key: getattr(driver, key) for key in DRIVER_KEYS}
            for name, driver in sorted(DRIVERS.items())
        ]
        return Response(DriverSerializer(rows, many=True).data)


DRIVER_KEYS = ("label", "about", "secret_label", "fields")
ROUTES = [("hooks", HookViewSet, "hook"), ("hook-drivers", DriverViewSet, "hook-driver")]
