"""API of deployment windows, and of how grave each kind of conflict is."""

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.response import Response

from accounts import policy
from releases import actions
from releases.api.common import Seen
from releases.models import ConflictRule, DeploymentWindow, Product
from releases.states import ConflictKind, Severity


class WindowSerializer(serializers.ModelSerializer):
    """A time in which an environment may be deployed to. The instants are its first occurrence, in UTC; `rule` is RFC 5545."""

    comes_again = serializers.CharField(read_only=True, help_text="The rule in plain words")

    class Meta:
        model = DeploymentWindow
        fields = ["id", "environment", "name", "starts_at", "ends_at", "rule", "zone", "comes_again", "last_ends_at"]
        read_only_fields = ["last_ends_at"]
        validators = []


class ConflictRuleSerializer(serializers.ModelSerializer):
    """What a kind of conflict means for a product; `product` null: for all that say nothing of their own."""

    class Meta:
        model = ConflictRule
        fields = ["id", "product", "kind", "severity"]


class SeveritySerializer(serializers.Serializer):
    """`severity` empty takes the rule back."""

    product = serializers.PrimaryKeyRelatedField(queryset=Product.objects.all(), required=False, allow_null=True)
    kind = serializers.ChoiceField(ConflictKind.choices)
    severity = serializers.ChoiceField(Severity.choices, allow_blank=True)


class WindowViewSet(Seen, mixins.DestroyModelMixin, viewsets.ReadOnlyModelViewSet):
    """When environments may be deployed to; one without any window may be at any time."""

    queryset = DeploymentWindow.objects.select_related("environment")
    serializer_class = WindowSerializer
    filterset_fields = ["environment", "environment__product"]
    path = "environment__product_id"

    def create(self, request):
        """Add a window; the first one closes its environment at all other times."""
        data = self.typed(WindowSerializer)
        environment = data.pop("environment")
        policy.require(request.user, "releases.view_product", environment)
        return self.answer(actions.add_window(environment.pk, actor=request.user, **data), status=201)

    def partial_update(self, request, pk=None):
        """Change a window."""
        row = self.get_object()
        serializer = self.get_serializer(row, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        data = {name: value for name, value in serializer.validated_data.items() if name != "environment"}
        return self.answer(actions.change_window(row.pk, actor=request.user, **data))

    def perform_destroy(self, instance):
        actions.remove_window(instance.pk, actor=self.request.user)


class ConflictRuleViewSet(viewsets.ReadOnlyModelViewSet):
    """How grave each kind of conflict is. What no rule names is as it comes: see the guide of release managers."""

    queryset = ConflictRule.objects.none()
    serializer_class = ConflictRuleSerializer
    filterset_fields = ["product", "kind"]

    def get_queryset(self):
        rows = ConflictRule.objects.order_by("pk")
        ids = policy.where_may(self.request.user, "releases.view_product")
        return rows if ids is None else rows.filter(product__in=ids) | rows.filter(product__isnull=True)

    @extend_schema(request=SeveritySerializer, responses={200: ConflictRuleSerializer(many=True)})
    def create(self, request):
        """Say how grave a kind of conflict is. Answers with all rules of that product, or of everybody."""
        asked = SeveritySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        product = asked.validated_data.get("product")
        if product:
            policy.require(request.user, "releases.view_product", product)
        data = asked.validated_data
        actions.set_severity(
            data["kind"], data["severity"], actor=request.user, product_id=product.pk if product else None
        )
        rows = self.get_queryset().filter(product=product)
        return Response(ConflictRuleSerializer(rows, many=True).data, status=status.HTTP_200_OK)


class ConflictSerializer(serializers.Serializer):
    """What a window meets. `about` names it for an override; another release is named only to those who may see it."""

    kind = serializers.CharField(source="conflict.kind")
    severity = serializers.CharField(source="conflict.severity")
    overridden = serializers.BooleanField(source="conflict.overridden")
    about = serializers.CharField(source="conflict.about")
    message = serializers.CharField(source="conflict.message")
    release = serializers.CharField(source="name")


class SpanSerializer(serializers.Serializer):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class OutlookSerializer(serializers.Serializer):
    met = ConflictSerializer(many=True)
    slots = SpanSerializer(many=True, help_text="The next free windows of the same length")
