"""API of products and environments."""

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from core.api import ReasonSerializer
from releases import actions
from releases.actions.product import FIELDS
from releases.api.common import Seen
from releases.models import Environment, Product
from releases.states import Strategy

STOP = ["blocked_reason", "blocked_by", "blocked_at"]


class ProductSerializer(serializers.ModelSerializer):
    """A product. Production of the `rehearsed_strategies` waits for a rehearsal of the way back, at most `rehearsal_days` old."""

    rehearsed_strategies = serializers.ListField(child=serializers.ChoiceField(Strategy.choices), required=False)
    rehearsal_days = serializers.IntegerField(min_value=1, max_value=365, required=False)

    class Meta:
        model = Product
        fields = [
            "id",
            *FIELDS,
            "created_at",
            *STOP,
        ]
        read_only_fields = STOP
        # That name, slug and key are free, the door tells: it holds the lock.
        extra_kwargs = {n: {"validators": []} for n in ("name", "key")} | {
            "slug": {"validators": [], "required": False}
        }


class EnvironmentSerializer(serializers.ModelSerializer):
    class Meta:
        model = Environment
        fields = ["id", "product", "name", "slug", "position", "tier", "url", "phase", *STOP]
        read_only_fields = ["position", "phase", *STOP]
        extra_kwargs = {"slug": {"required": False}}
        validators = []


class OrderSerializer(serializers.Serializer):
    environments = serializers.ListField(child=serializers.IntegerField(), help_text="Every environment, first to last")


class PlaceSerializer(serializers.Serializer):
    phase = serializers.IntegerField(allow_null=True, help_text="Of the same product; null: it is a phase of its own")


class ProductViewSet(Seen, viewsets.ReadOnlyModelViewSet):
    """What is released. Rights are given per product."""

    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    filterset_fields = ["slug", "key", "is_active"]
    path = "pk"

    def create(self, request):
        """Add a product."""
        return self.answer_new(actions.add_product(actor=request.user, **self.typed(ProductSerializer)))

    def partial_update(self, request, pk=None):
        """Change fields of a product."""
        serializer = self.get_serializer(self.get_object(), data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        return self.answer(
            actions.change_product(self.get_object().pk, actor=request.user, **serializer.validated_data)
        )

    def answer_new(self, product: Product) -> Response:
        """Whoever adds a product may hold the right to add, and none to see it yet."""
        return Response(self.get_serializer(product).data, status=201)

    @extend_schema(request=ReasonSerializer)
    @action(detail=True, methods=["post"])
    def block(self, request, pk=None):
        """Block it at once: no deployment of it starts, in no environment."""
        return self.answer(actions.block_product(self.get_object().pk, actor=request.user, **self.typed()))

    @extend_schema(request=OrderSerializer)
    @action(detail=True, methods=["post"])
    def order(self, request, pk=None):
        """Set the order of the pipeline; production comes last."""
        ids = self.typed(OrderSerializer)["environments"]
        return self.answer(actions.order_environments(self.get_object().pk, ids, actor=request.user))


class EnvironmentViewSet(Seen, mixins.DestroyModelMixin, viewsets.ReadOnlyModelViewSet):
    """The places a product runs in; `position` orders the pipeline."""

    queryset = Environment.objects.select_related("product")
    serializer_class = EnvironmentSerializer
    filterset_fields = ["product", "tier", "slug"]
    lookup_value_regex = "[0-9]+"  # “environments/running” is an address of deployments

    def create(self, request):
        """Add an environment: production at the end, others before it."""
        data = self.typed(EnvironmentSerializer)
        product = data.pop("product")
        return self.answer(actions.add_environment(product.pk, actor=request.user, **data), status=201)

    def partial_update(self, request, pk=None):
        """Change name, slug, tier or url."""
        environment = self.get_object()
        serializer = self.get_serializer(environment, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        data = {k: v for k, v in serializer.validated_data.items() if k != "product"}
        return self.answer(actions.change_environment(environment.pk, actor=request.user, **data))

    def perform_destroy(self, instance):
        actions.remove_environment(instance.pk, actor=self.request.user)

    @extend_schema(request=ReasonSerializer)
    @action(detail=True, methods=["post"])
    def block(self, request, pk=None):
        """Block it at once: no deployment to it starts."""
        return self.answer(actions.block_environment(self.get_object().pk, actor=request.user, **self.typed()))

    @extend_schema(request=PlaceSerializer)
    @action(detail=True, methods=["post"])
    def place(self, request, pk=None):
        """Put it into a phase of its product, or out of its phase."""
        environment, phase = self.get_object(), self.typed(PlaceSerializer)["phase"]
        if phase is not None and not environment.product.phases.filter(pk=phase).exists():
            raise serializers.ValidationError({"phase": "There is no such phase of this product."})
        return self.answer(actions.put_in_phase(environment.pk, phase, actor=request.user))
