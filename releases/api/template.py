"""API of the catalogue of standard changes."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from core.api import ReasonSerializer
from releases import actions
from releases.api.change import ChangeSerializer
from releases.api.common import Moving
from releases.models import ChangeTemplate, Product, Release
from releases.states import GIVEN

EDITABLE = ["name", "purpose", *GIVEN, "locked", "valid_until"]


class TemplateSerializer(serializers.ModelSerializer):
    locked = serializers.ListField(
        child=serializers.ChoiceField(GIVEN),
        required=False,
        help_text="What must stay as it is given; risk, impact and back-out plan always are",
    )
    digest = serializers.CharField(read_only=True, help_text="Over all that an approval of it is about")
    in_force = serializers.BooleanField(read_only=True, help_text="Approved, and not past its last day")
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = ChangeTemplate
        fields = [
            "id",
            "product",
            *EDITABLE,
            "version",
            "digest",
            "state",
            "state_since",
            "in_force",
            "created_by",
            "created_at",
            "url",
        ]
        read_only_fields = ["version", "state", "state_since", "created_by", "created_at"]
        extra_kwargs = {"product": {"required": False}}
        validators = []  # that the name is free, the door tells


class UseSerializer(ChangeSerializer):
    """A change made of a standard one: what is left out, the template gives."""

    product = serializers.PrimaryKeyRelatedField(
        queryset=Product.objects.all(), required=False, help_text="Where the standard change is for all products"
    )
    release = serializers.PrimaryKeyRelatedField(queryset=Release.objects.all(), required=False)

    class Meta(ChangeSerializer.Meta):
        fields = ["product", "release", "key", *GIVEN, "author", "author_name", "commits", "pull_request"]
        read_only_fields = []
        extra_kwargs = {name: {"required": False} for name in ("key", *GIVEN)}


class TemplateViewSet(Moving, viewsets.ReadOnlyModelViewSet):
    """What was approved once and may be done again without asking."""

    queryset = ChangeTemplate.objects.select_related("product")
    serializer_class = TemplateSerializer
    filterset_fields = ["product", "state"]

    def get_queryset(self):
        rows = viewsets.GenericViewSet.get_queryset(self)
        return rows.none() if getattr(self, "swagger_fake_view", False) else rows.visible_to(self.request.user)

    def create(self, request):
        """Draft a standard change; without a product it is for all of them."""
        data = self.typed(TemplateSerializer)
        product = data.pop("product", None)
        added = actions.add_template(actor=request.user, product_id=product and product.pk, **data)
        return self.answer(added, status=201)

    def partial_update(self, request, pk=None):
        """Change a draft."""
        template = self.get_object()
        serializer = self.get_serializer(template, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        data = {k: v for k, v in serializer.validated_data.items() if k in EDITABLE}
        return self.answer(actions.edit_template(template.pk, actor=request.user, **data))

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def revise(self, request, pk=None):
        """Take an approved one back to its draft: it cannot be used until it is approved again."""
        return self.answer(actions.revise_template(self.get_object().pk, actor=request.user))

    @extend_schema(request=ReasonSerializer)
    @action(detail=True, methods=["post"])
    def retire(self, request, pk=None):
        """Take it out of use for good."""
        return self.answer(actions.retire_template(self.get_object().pk, actor=request.user, **self.typed()))

    @extend_schema(request=UseSerializer, responses={201: ChangeSerializer})
    @action(detail=True, methods=["post"])
    def use(self, request, pk=None):
        """Make a change of it, approved at once."""
        template = self.get_object()
        data = self.typed(UseSerializer)
        product, release = data.pop("product", None), data.pop("release", None)
        of = product.pk if product else release.product_id if release else template.product_id
        if of is None:
            raise serializers.ValidationError({"product": "Say of which product the change is."})
        made = actions.add_standard_change(
            template.pk, of, actor=request.user, release_id=release and release.pk, **data
        )
        return Response(ChangeSerializer(made).data, status=201)
