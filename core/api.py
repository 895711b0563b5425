"""What all of the API shares: pages of lists, and the reading of bodies."""

import json
import re
from io import BytesIO

from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import JSONParser

HALF_A_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")


class TextJSONParser(JSONParser):
    """JSON that can be stored and told back: not nested without end, and every text of it is text (RFC 8259, section 8.2)."""

    def parse(self, stream, media_type=None, parser_context=None):
        body = stream.read()
        try:
            data = super().parse(BytesIO(body), media_type, parser_context)
        except RecursionError:
            raise ParseError("The values are nested too deep.") from None
        if HALF_A_PAIR.search(body):
            _require_text(data)
        return data


def _require_text(data) -> None:
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ParseError("A text holds half of a surrogate pair, which is no character.") from None


class Pages(CursorPagination):
    """Keyset pages, newest first: level however long the list is. `?page_size=` up to 200."""

    ordering = "-pk"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


def given(serializer_class, request) -> dict:
    """The validated body of a request. Raises ValidationError, answered by 400 with what is wrong with each field."""
    serializer = serializer_class(data=request.data, context={"request": request})
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


class ReasonSerializer(serializers.Serializer):
    """Body of a step that asks for a reason."""

    reason = serializers.CharField(required=False, allow_blank=True, default="")


class NothingSerializer(serializers.Serializer):
    """An empty body, for an action that needs none."""
