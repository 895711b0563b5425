"""CDEvents over HTTP, as CloudEvents 1.0: structured (application/cloudevents+json), binary (`ce-` headers), or bare."""

import base64
import binascii
import json

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.exceptions import ParseError, PermissionDenied
from rest_framework.response import Response

from accounts import policy
from core.api import TextJSONParser
from deployments import cdevents
from deployments.actions import sighting as doors
from deployments.api.sighting import OutcomeSerializer, answer
from deployments.states import Source
from releases.models import Product

STRUCTURED = "application/cloudevents+json"
MUST = ("id", "source", "type")


class CloudEventParser(TextJSONParser):
    """The JSON format of CloudEvents."""

    media_type = STRUCTURED


class IgnoredSerializer(serializers.Serializer):
    """A CDEvent that tells nothing of what runs where."""

    outcome = serializers.CharField()
    detail = serializers.CharField()


class CDEventViewSet(viewsets.GenericViewSet):
    """Takes CDEvents 0.5.1: service.deployed, upgraded, rolledback and removed are read, all others are let pass (202)."""

    parser_classes = [CloudEventParser, TextJSONParser]
    serializer_class = OutcomeSerializer
    queryset = Product.objects.none()

    @extend_schema(
        request={STRUCTURED: dict, "application/json": dict},
        parameters=[
            OpenApiParameter(f"ce-{name}", str, OpenApiParameter.HEADER, description="In binary mode")
            for name in ("specversion", *MUST)
        ],
        responses={201: OutcomeSerializer, 200: OutcomeSerializer, 202: IgnoredSerializer},
    )
    def create(self, request):
        """Take one event. 400 says what of it is no CDEvent; 409 that no environment is meant, or that its instant is to come.

        A repeat, with the same source and id, changes nothing (200).
        """
        if not policy.may_anywhere(request.user, doors.REPORT):
            raise PermissionDenied(policy.refusal_text(doors.REPORT))
        try:
            told = cdevents.read(_carried(request))
        except cdevents.Malformed as error:
            raise serializers.ValidationError(error.troubles) from None
        if told is None:
            detail = "Slipway reads service.deployed, upgraded, rolledback and removed."
            return Response({"outcome": "ignored", "detail": detail}, status=status.HTTP_202_ACCEPTED)
        environment = cdevents.place_of(told, Product.objects.visible_to(request.user))
        report = doors.report_deployment(
            environment.pk,
            actor=request.user,
            version=told.version,
            commit=told.commit,
            artifact=told.artifact,
            at=told.at,
            source=Source.CDEVENTS,
            event_id=told.key,
        )
        return answer(report)


def _carried(request) -> object:
    """The CDEvent in the request. Raises ValidationError or ParseError where its envelope does not fit."""
    sent = request.data
    if request.content_type.partition(";")[0].strip().lower() == STRUCTURED:
        if not isinstance(sent, dict):
            raise serializers.ValidationError({"event": "It must be one object; batches are not taken."})
        return _agrees(_data(sent), {name: sent.get(name) for name in ("specversion", *MUST)})
    if any(name.lower().startswith("ce-") for name in request.headers):
        return _agrees(sent, {name: request.headers.get(f"ce-{name}") for name in ("specversion", *MUST)})
    return sent


def _data(sent: dict) -> object:
    if "data" in sent:
        return sent["data"]
    try:
        return json.loads(base64.b64decode(sent.get("data_base64", "?"), validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise ParseError("A structured CloudEvent holds the CDEvent in “data”, or in “data_base64”.") from None


def _agrees(event: object, envelope: dict) -> object:
    """The event, whose envelope must be CloudEvents 1.0 and say the same as its context (the CDEvents binding)."""
    if envelope.pop("specversion") != "1.0":
        raise serializers.ValidationError({"specversion": "It must be a CloudEvent 1.0."})
    context = event.get("context") if isinstance(event, dict) else None
    for name, value in envelope.items():
        if isinstance(context, dict) and value != context.get(name):
            raise serializers.ValidationError({name: f"The envelope and the context of the event have another {name}."})
    return event


ROUTES = [("cdevents", CDEventViewSet, "cdevent")]
