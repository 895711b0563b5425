"""API of what runs where: reports from outside, as they are or as CDEvents, and what is known of each environment."""

from django.db.models import F
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.response import Response

from core.api import Pages, given
from deployments import where
from deployments.actions import sighting as doors
from deployments.models import Sighting
from deployments.states import Source
from releases.models import Environment, Product


class SightingSerializer(serializers.ModelSerializer):
    """A version that was put into an environment without Slipway; `version` is empty where the service was taken out."""

    product = serializers.SlugRelatedField(source="environment.product", slug_field="slug", read_only=True)
    environment = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    candidate = serializers.SlugRelatedField(slug_field="version", read_only=True)
    change = serializers.SlugRelatedField(slug_field="key", read_only=True)
    source = serializers.ChoiceField(Source.choices, read_only=True)

    class Meta:
        model = Sighting
        fields = [
            "id",
            "product",
            "environment",
            "version",
            "commit",
            "artifact",
            "candidate",
            "at",
            "received_at",
            "source",
            "event_id",
            "change",
        ]


class SightingReportSerializer(serializers.Serializer):
    """What was put where. The environment is given by its id, or by the short names of product and environment."""

    environment = serializers.CharField(max_length=60, help_text="Its id, or its short name beside `product`")
    product = serializers.SlugField(max_length=60, required=False)
    version = serializers.CharField(allow_blank=True, default="", max_length=80, help_text="As 4.8.0 or 4.8.0-rc.3")
    commit = serializers.CharField(allow_blank=True, default="", max_length=64)
    artifact = serializers.CharField(
        allow_blank=True, default="", max_length=500, help_text="A digest, an image reference or a package URL"
    )
    removed = serializers.BooleanField(default=False, help_text="The service was taken out; then nothing else is told")
    at = serializers.DateTimeField(required=False, help_text="When it was put there; without it, now")
    event_id = serializers.CharField(allow_blank=True, default="", max_length=2_000, help_text="Repeats have the same")

    def validate(self, asked):
        told = [name for name in ("version", "commit", "artifact") if asked[name].strip()]
        if asked.pop("removed") == bool(told):
            raise serializers.ValidationError(
                {"version": "Tell a version, a commit or an artifact, or that it was removed; one of both."}
            )
        asked["environment"] = self._environment(asked.pop("product", ""), asked["environment"])
        return asked

    def _environment(self, product: str, name: str) -> Environment:
        rows = Environment.objects.filter(product__in=Product.objects.visible_to(self.context["request"].user))
        if product:
            found = rows.filter(product__slug=product, slug=name).first()
        else:
            found = rows.filter(pk=int(name)).first() if name.isdecimal() and len(name) < 18 else None
        if found is None:
            meant = f"{product}/{name}" if product else name
            raise serializers.ValidationError(
                {
                    "environment": f"No environment in your sight is called “{meant}”. Give its id, or product and short name."
                }
            )
        return found


class OutcomeSerializer(serializers.Serializer):
    """What came of it. `recorded`: a new sighting. `repeated`: the one from before. `known`: Slipway knew, none was made."""

    outcome = serializers.ChoiceField(["recorded", "repeated", "known"])
    sighting = SightingSerializer(allow_null=True)


def answer(report: doors.Report) -> Response:
    made = report.outcome == "recorded"
    return Response(OutcomeSerializer(report).data, status=status.HTTP_201_CREATED if made else status.HTTP_200_OK)


class SightingViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Deployments made outside of Slipway: list, retrieve, report (POST)."""

    serializer_class = SightingSerializer
    queryset = Sighting.objects.none()
    filterset_fields = ["environment", "environment__product", "source", "candidate", "change"]

    def get_queryset(self):
        rows = Sighting.objects.visible_to(self.request.user)
        return rows.select_related("environment__product", "candidate", "change")

    @extend_schema(request=SightingReportSerializer, responses={201: OutcomeSerializer, 200: OutcomeSerializer})
    def create(self, request):
        """Report a deployment made outside of Slipway, or a removal. Repeats with the same `event_id` change nothing.

        201 for a new sighting, 200 where nothing is new, 400 for a body that does not fit, 409 with a blocker for an instant
        to come or a commit that is none.
        """
        told = given(SightingReportSerializer, request)
        return answer(doors.report_deployment(told.pop("environment").pk, actor=request.user, **told))


class RunningSerializer(serializers.Serializer):
    """What runs in one environment. `by` is `deployment` (by Slipway) or `sighting` (from outside); empty: nothing is known."""

    product = serializers.CharField()
    environment = serializers.CharField()
    environment_id = serializers.IntegerField()
    tier = serializers.CharField()
    version = serializers.CharField(help_text="Empty where nothing runs or nothing is known")
    release = serializers.CharField(help_text="Empty where it is no candidate of a release")
    candidate = serializers.IntegerField(allow_null=True)
    since = serializers.DateTimeField(allow_null=True)
    by = serializers.ChoiceField(["", where.DEPLOYMENT, where.SIGHTING])
    healthy = serializers.BooleanField(allow_null=True, help_text="null where nobody asked it")


class PipelinePages(Pages):
    """Pages of environments: by the short name of the product, then as its pipeline has them."""

    ordering = ("product_slug", "position", "pk")


class RunningViewSet(viewsets.GenericViewSet):
    """Which version is where, of every environment in the reader's sight, in the order of the pipelines."""

    serializer_class = RunningSerializer
    pagination_class = PipelinePages
    queryset = Environment.objects.none()
    filterset_fields = ["product", "tier"]

    def get_queryset(self):
        rows = Environment.objects.filter(product__in=Product.objects.visible_to(self.request.user))
        return rows.annotate(product_slug=F("product__slug")).select_related("product", "health")

    @extend_schema(responses=RunningSerializer(many=True))
    def list(self, request):
        """In pages, by the short name of the product. Filter by `product` (its id) and `tier`."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        found = where.running(page)
        return self.get_paginated_response(
            RunningSerializer([_told(environment, found.get(environment.pk)) for environment in page], many=True).data
        )


def _told(environment: Environment, running: where.Running | None) -> dict:
    health = getattr(environment, "health", None)
    candidate = running.candidate if running else None
    return {
        "product": environment.product.slug,
        "environment": environment.slug,
        "environment_id": environment.pk,
        "tier": environment.tier,
        "version": running.version if running else "",
        "release": candidate.release.version if candidate else "",
        "candidate": candidate.pk if candidate else None,
        "since": running.since if running else None,
        "by": running.by if running else "",
        "healthy": health.ok if health else None,
    }


ROUTES = [("sightings", SightingViewSet, "sighting"), ("environments/running", RunningViewSet, "running")]
