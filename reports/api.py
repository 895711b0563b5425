"""API of reports: the figures, and the event log. ROUTES lists (prefix, view set, basename) for the router."""

from datetime import timedelta

from django.http import Http404
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.response import Response

from core.models import Event
from reports import history, log, sight
from reports.catalogue import MEASURES, Measure, finding
from reports.figures import Figure
from reports.views import PERIODS, Question, question

PARAMETERS = [
    OpenApiParameter("period", str, enum=list(PERIODS), description="Days back from now; 90 when left out"),
    OpenApiParameter("product", str, description="Slug of one product; all in the caller's sight when left out"),
]


class FigureSerializer(serializers.Serializer):
    """One measure over one period. `value`: per week, seconds, or a ratio of 0 to 1, as `unit` says; null without data."""

    metric = serializers.CharField()
    name = serializers.CharField()
    definition = serializers.CharField()
    source = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    unit = serializers.ChoiceField(["per week", "seconds", "ratio"])
    n = serializers.IntegerField(help_text="How many rows the value rests on")
    finding = serializers.CharField()
    period_start = serializers.DateTimeField()
    period_end = serializers.DateTimeField()


def as_data(measure: Measure, figure: Figure, asked: Question) -> dict:
    value = figure.value
    return {
        "metric": measure.slug,
        "name": measure.name,
        "definition": measure.definition,
        "source": measure.source,
        "value": value.total_seconds() if isinstance(value, timedelta) else value,
        "unit": {"rate": "per week", "span": "seconds", "share": "ratio"}[measure.kind],
        "n": figure.n,
        "finding": finding(measure, figure),
        "period_start": asked.period.start,
        "period_end": asked.period.end,
    }


class ReportViewSet(viewsets.ViewSet):
    """DORA's five measures over the products in the caller's sight."""

    serializer_class = FigureSerializer
    lookup_field = "metric"
    lookup_value_regex = "[a-z-]+"

    @extend_schema(parameters=PARAMETERS, responses=FigureSerializer(many=True))
    def list(self, request):
        """Every measure."""
        asked = question(request)
        shipments = history.shipments(request.user, product=asked.product)
        data = [as_data(m, m.count(shipments, asked.period), asked) for m in MEASURES.values()]
        return Response(FigureSerializer(data, many=True).data)

    @extend_schema(parameters=PARAMETERS, responses=FigureSerializer)
    def retrieve(self, request, metric: str):
        """One measure by its name, such as change-fail-rate."""
        if metric not in MEASURES:
            raise Http404
        asked = question(request)
        figure = MEASURES[metric].count(history.shipments(request.user, product=asked.product), asked.period)
        return Response(FigureSerializer(as_data(MEASURES[metric], figure, asked)).data)


class EventSerializer(serializers.ModelSerializer):
    """One event, with the digest that chains it to the one before it in its stream."""

    actor = serializers.CharField(source="actor.username")
    on_behalf_of = serializers.CharField(source="on_behalf_of.username", allow_null=True, default=None)

    class Meta:
        model = Event
        fields = [
            "id",
            "stream",
            "seq",
            "name",
            "scope",
            "actor",
            "on_behalf_of",
            "at",
            "payload",
            "previous",
            "digest",
        ]


class EventFilter(filters.FilterSet):
    """Cut the log down: an event's name or its beginning, one stream, an actor's user name, instants."""

    name = filters.CharFilter(lookup_expr="startswith")
    actor = filters.CharFilter(field_name="actor__username", lookup_expr="iexact")
    since = filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")

    class Meta:
        model = Event
        fields = ["name", "stream", "actor", "since", "until"]


class EventViewSet(viewsets.ReadOnlyModelViewSet):
    """The event log, newest first: all of it with the right to read it, else what concerns products in the caller's sight."""

    serializer_class = EventSerializer
    filterset_class = EventFilter
    queryset = Event.objects.none()

    def get_queryset(self):
        sight.require_taking_part(self.request.user)
        return log.event_log(self.request.user).select_related("actor", "on_behalf_of").order_by("-pk")


ROUTES = [("reports", ReportViewSet, "report"), ("events", EventViewSet, "event")]
