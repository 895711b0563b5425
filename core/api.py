"""What every API list shares."""

from rest_framework import serializers
from rest_framework.pagination import CursorPagination


class Pages(CursorPagination):
    """Keyset pages, newest first: level however long the list is. `?page_size=` up to 200."""

    ordering = "-pk"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


class ReasonSerializer(serializers.Serializer):
    """Body of a step that asks for a reason."""

    reason = serializers.CharField(required=False, allow_blank=True, default="")


class NothingSerializer(serializers.Serializer):
    """An empty body, for an action that needs none."""
