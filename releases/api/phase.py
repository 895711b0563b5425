"""API of phases: environments that stand at the same place of a product's pipeline."""

from rest_framework import mixins, serializers, viewsets

from releases import actions
from releases.api.common import Seen
from releases.models import Environment, Phase


class PhaseSerializer(serializers.ModelSerializer):
    """A phase. `environments` are ids; adjacent ones of the product, production or not, never both."""

    environments = serializers.PrimaryKeyRelatedField(many=True, queryset=Environment.objects.all())

    class Meta:
        model = Phase
        fields = [
            "id",
            "product",
            "name",
            "environments",
            "needs",
            "at_least",
            "soak_minutes",
            "is_automatic",
            "automated_by",
        ]
        read_only_fields = ["automated_by"]
        validators = []


class PhaseViewSet(Seen, mixins.DestroyModelMixin, viewsets.ReadOnlyModelViewSet):
    """Phases of pipelines. An environment without one is a phase of its own; the order is that of the environments."""

    queryset = Phase.objects.prefetch_related("environments")
    serializer_class = PhaseSerializer
    filterset_fields = ["product", "is_automatic"]

    def create(self, request):
        """Make a phase of adjacent environments. `is_automatic` takes the right to automate promotion."""
        data = self.typed(PhaseSerializer)
        return self.answer(actions.add_phase(data.pop("product").pk, actor=request.user, **_ids(data)), status=201)

    def partial_update(self, request, pk=None):
        """Change what it asks, or its environments."""
        phase = self.get_object()
        serializer = self.get_serializer(phase, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        data = {name: value for name, value in serializer.validated_data.items() if name != "product"}
        return self.answer(actions.change_phase(phase.pk, actor=request.user, **_ids(data)))

    def perform_destroy(self, instance):
        actions.remove_phase(instance.pk, actor=self.request.user)


def _ids(data: dict) -> dict:
    if "environments" in data:
        data["environments"] = [environment.pk for environment in data["environments"]]
    return data
