"""The API of checks, and of how an environment is verified."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from core.api import given
from deployments import guards, payload
from deployments.actions import check as doors
from deployments.actions import statement
from deployments.actions.verification import set_verification
from deployments.api.common import SeenEnvironmentField
from deployments.models import Check, Verification
from deployments.states import CheckKind
from releases.models import Environment, Product


class CheckSerializer(serializers.ModelSerializer):
    """A check. `config` is what its kind needs (docs/verification.md); `secret` is written only, `has_secret` tells of one."""

    environment = SeenEnvironmentField()
    kind = serializers.ChoiceField(CheckKind.choices)
    config = serializers.DictField()
    secret = serializers.CharField(write_only=True, required=False, allow_blank=True)
    has_secret = serializers.SerializerMethodField()
    asked = serializers.SerializerMethodField(help_text="What is asked of whom and what counts, as approvers see it")

    class Meta:
        model = Check
        fields = [
            "id",
            "environment",
            "name",
            "kind",
            "position",
            "config",
            "secret",
            "has_secret",
            "asked",
            "is_active",
        ]
        read_only_fields = ["position"]
        validators = []

    def get_has_secret(self, check: Check) -> bool:
        return bool(check.secret)

    def get_asked(self, check: Check) -> str:
        return payload.asked(check)


class CheckOrderSerializer(serializers.Serializer):
    """All checks of an environment, in the order in which they are shown."""

    environment = serializers.IntegerField()
    checks = serializers.ListField(child=serializers.IntegerField())


class TriedSerializer(serializers.Serializer):
    """What a check says when it is asked; `ok` is null where there is no answer, which is never well."""

    check = serializers.CharField()
    kind = serializers.CharField(help_text="health, hook, or the kind of the check")
    ok = serializers.BooleanField(allow_null=True)
    detail = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    elapsed_ms = serializers.IntegerField()


class CheckViewSet(viewsets.ModelViewSet):
    """The checks of environments. Their configuration is judged by their kind; none is changed while it is being asked."""

    serializer_class = CheckSerializer
    queryset = Check.objects.none()
    filterset_fields = ["environment", "kind", "is_active"]
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def get_queryset(self):
        seen = Product.objects.visible_to(self.request.user)
        return Check.objects.filter(environment__product__in=seen).order_by("environment", "position", "pk")

    def perform_create(self, serializer):
        fields = dict(serializer.validated_data)
        environment = fields.pop("environment")
        serializer.instance = doors.save_check(environment.pk, actor=self.request.user, **fields)

    def perform_update(self, serializer):
        fields = dict(serializer.validated_data)
        fields.pop("environment", None)
        check = serializer.instance
        serializer.instance = doors.save_check(
            check.environment_id, actor=self.request.user, check_id=check.pk, **fields
        )

    def perform_destroy(self, instance):
        doors.remove_check(instance.pk, actor=self.request.user)

    @extend_schema(request=CheckOrderSerializer, responses=CheckSerializer(many=True))
    @action(detail=False, methods=["post"], pagination_class=None, filterset_fields=None)
    def order(self, request):
        """Show the checks of an environment in this order."""
        asked = given(CheckOrderSerializer, request)
        environment = asked["environment"]
        doors.order_checks(environment, asked["checks"], actor=request.user)
        rows = self.get_queryset().filter(environment=environment)
        return Response(self.get_serializer(rows, many=True).data)


class VerificationSerializer(serializers.ModelSerializer):
    """When the checks of an environment are asked, how often and for how long; all times are seconds."""

    class Meta:
        model = Verification
        fields = ["environment", "path", "version_path", "delay_s", "interval_s", "steady_s", "timeout_s"]
        read_only_fields = ["environment"]
        extra_kwargs = {"interval_s": {"min_value": 1}}


class VerificationViewSet(viewsets.GenericViewSet):
    """How environments are verified, by the environment's id."""

    serializer_class = VerificationSerializer
    queryset = Environment.objects.none()
    filterset_fields = ["product", "tier"]
    http_method_names = ["get", "patch", "post", "head", "options"]

    def get_queryset(self):
        seen = Product.objects.visible_to(self.request.user)
        return Environment.objects.filter(product__in=seen).select_related("verification", "product")

    def list(self, request):
        """The times that hold in each environment."""
        page = self.paginate_queryset(
            self.filter_queryset(self.get_queryset().order_by("product_id", "position", "pk"))
        )
        found = [guards.verification_of(environment) for environment in page]
        return self.get_paginated_response(self.get_serializer(found, many=True).data)

    def retrieve(self, request, pk=None):
        """The times that hold, be they set or the defaults."""
        return Response(self.get_serializer(guards.verification_of(self.get_object())).data)

    def partial_update(self, request, pk=None):
        """Set them. 409 when they cannot be met, or while a deployment is being verified there."""
        environment = self.get_object()
        asked = self.get_serializer(guards.verification_of(environment), data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        saved = set_verification(environment.pk, actor=request.user, **asked.validated_data)
        return Response(self.get_serializer(saved).data)

    @extend_schema(request=None, responses=TriedSerializer(many=True))
    @action(detail=True, methods=["post"], url_path="try", pagination_class=None, filterset_fields=None)
    def tried(self, request, pk=None):
        """Ask every check once, of what runs there now. Nothing is kept, and no hook is called."""
        found = statement.try_checks(self.get_object().pk, actor=request.user)
        return Response(TriedSerializer(found, many=True).data)


ROUTES = [("checks", CheckViewSet, "check"), ("verifications", VerificationViewSet, "verification")]
