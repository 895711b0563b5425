"""API of the parts of a plan: risks, dependencies; and of the freezes that plans respect."""

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action

from accounts import policy
from core.api import ReasonSerializer
from releases import actions
from releases.api.common import Seen
from releases.models import Dependency, FreezeWindow, Risk
from releases.states import Tier, Treatment


class RiskSerializer(serializers.ModelSerializer):
    score = serializers.IntegerField(read_only=True, help_text="Impact × likelihood, 1 to 25")
    band = serializers.CharField(read_only=True)

    class Meta:
        model = Risk
        fields = [
            "id",
            "release",
            "title",
            "impact",
            "likelihood",
            "score",
            "band",
            "plan",
            "owner",
            "treatment",
            "treated_at",
            "treated_by",
        ]
        read_only_fields = ["treatment", "treated_at", "treated_by"]


class TreatSerializer(serializers.ModelSerializer):
    treatment = serializers.ChoiceField([t for t in Treatment.choices if t[0] != Treatment.UNDECIDED])

    class Meta:
        model = Risk
        fields = ["treatment", "plan", "owner"]
        extra_kwargs = {"plan": {"required": True}}


class DependencySerializer(serializers.ModelSerializer):
    class Meta:
        model = Dependency
        fields = ["id", "release", "needs", "must_ship_first"]
        validators = []


class FreezeSerializer(serializers.ModelSerializer):
    """A freeze. With `rule` (RFC 5545) it comes again by the wall time of `zone`; the instants are its first occurrence, in UTC."""

    comes_again = serializers.CharField(read_only=True, help_text="The rule in plain words")
    tiers = serializers.ListField(child=serializers.ChoiceField(Tier.choices), required=False)

    class Meta:
        model = FreezeWindow
        fields = [
            "id",
            "name",
            "reason",
            "starts_at",
            "ends_at",
            "rule",
            "zone",
            "comes_again",
            "last_ends_at",
            "products",
            "tiers",
            "lifted_at",
            "created_by",
        ]
        read_only_fields = ["last_ends_at", "lifted_at", "created_by"]


class RiskViewSet(Seen, mixins.DestroyModelMixin, viewsets.ReadOnlyModelViewSet):
    """What may go wrong with a release."""

    queryset = Risk.objects.select_related("release")
    serializer_class = RiskSerializer
    filterset_fields = ["release", "treatment"]
    path = "release__product_id"

    def create(self, request):
        """List a risk; the list has to be confirmed again."""
        data = self.typed(RiskSerializer)
        release = data.pop("release")
        return self.answer(actions.add_risk(release.pk, actor=request.user, **data), status=201)

    def partial_update(self, request, pk=None):
        """Change a risk; a rating that rises takes its treatment back."""
        risk = self.get_object()
        serializer = self.get_serializer(risk, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        data = {k: v for k, v in serializer.validated_data.items() if k != "release"}
        return self.answer(actions.edit_risk(risk.pk, actor=request.user, **data))

    def perform_destroy(self, instance):
        actions.remove_risk(instance.pk, actor=self.request.user)

    @extend_schema(request=TreatSerializer)
    @action(detail=True, methods=["post"])
    def treat(self, request, pk=None):
        """Say what is done about it, and stand for it."""
        return self.answer(actions.treat_risk(self.get_object().pk, actor=request.user, **self.typed(TreatSerializer)))


class DependencyViewSet(Seen, mixins.DestroyModelMixin, viewsets.ReadOnlyModelViewSet):
    """Which release needs which."""

    queryset = Dependency.objects.select_related("release", "needs")
    serializer_class = DependencySerializer
    filterset_fields = ["release", "needs"]
    path = "release__product_id"

    def create(self, request):
        """Let a release need another one; a circle is refused and named."""
        data = self.typed(DependencySerializer)
        ids = (data["release"].pk, data["needs"].pk)
        first = data.get("must_ship_first", True)
        return self.answer(actions.add_dependency(*ids, actor=request.user, must_ship_first=first), status=201)

    def perform_destroy(self, instance):
        actions.remove_dependency(instance.pk, actor=self.request.user)


class FreezeViewSet(Seen, viewsets.ReadOnlyModelViewSet):
    """Times in which nothing ships; without products, for all of them."""

    queryset = FreezeWindow.objects.prefetch_related("products")
    serializer_class = FreezeSerializer
    filterset_fields = ["products"]

    def get_queryset(self):
        rows = viewsets.GenericViewSet.get_queryset(self)
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        ids = policy.where_may(self.request.user, "releases.view_product")
        return rows if ids is None else rows.filter(Q(products__isnull=True) | Q(products__in=ids)).distinct()

    def create(self, request):
        """Announce a freeze."""
        return self.answer(actions.add_freeze(actor=request.user, **self.typed(FreezeSerializer)), status=201)

    def partial_update(self, request, pk=None):
        """Change a freeze that still stands."""
        freeze = self.get_object()
        serializer = self.get_serializer(freeze, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        return self.answer(actions.change_freeze(freeze.pk, actor=request.user, **serializer.validated_data))

    @extend_schema(request=ReasonSerializer)
    @action(detail=True, methods=["post"])
    def lift(self, request, pk=None):
        """End it now, or call it off."""
        return self.answer(actions.lift_freeze(self.get_object().pk, actor=request.user, **self.typed()))
