"""What the view sets of releases share: rows in the reader's sight, doors for writing, and the words of a step."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from accounts import policy
from core.api import ReasonSerializer, given
from core.machine import Offer, offers


class BlockerSerializer(serializers.Serializer):
    code = serializers.CharField()
    message = serializers.CharField()
    url = serializers.CharField(help_text="The page where it is mended")
    fix = serializers.CharField()
    field = serializers.CharField()


class OfferSerializer(serializers.Serializer):
    """A transition from the present state: whether the reader may take it, and what blocks it."""

    name = serializers.CharField()
    label = serializers.CharField()
    reason = serializers.BooleanField(source="step.reason", help_text="Whether it asks for one")
    permitted = serializers.BooleanField()
    possible = serializers.BooleanField()
    blockers = BlockerSerializer(many=True)


def offered(request, obj) -> list[Offer]:
    return offers(obj, lambda right: policy.may(request.user, right, obj))


class Seen(viewsets.GenericViewSet):
    """Rows that the reader may see. `path` leads from the model to its product; lists are in keyset pages."""

    path = "product_id"
    http_method_names = ["get", "post", "patch", "put", "delete", "head", "options"]

    def get_queryset(self):
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        return policy.only_where(rows, self.request.user, "releases.view_product", self.path)

    def answer(self, obj, status: int = 200) -> Response:
        """The object as it is now."""
        fresh = self.get_queryset().get(pk=obj.pk)
        return Response(self.get_serializer(fresh).data, status=status)

    def typed(self, serializer_class=ReasonSerializer) -> dict:
        """The validated body of an action. Raises ValidationError."""
        return given(serializer_class, self.request)


class Moving(Seen):
    """Rows with a lifecycle: every one tells which steps are offered to the reader."""

    @extend_schema(responses=OfferSerializer(many=True))
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def steps(self, request, pk=None):
        """Every transition from the present state that a person takes, with what blocks it."""
        return Response(OfferSerializer(offered(request, self.get_object()), many=True).data)
