"""API of notifications: the caller's own."""

from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from core.api import NothingSerializer
from notifications import actions
from notifications.models import Notification


class NotificationSerializer(serializers.ModelSerializer):
    class Meta:
        model = Notification
        fields = ["id", "kind", "title", "body", "url", "at", "read_at"]
        read_only_fields = fields


class NotificationViewSet(viewsets.ReadOnlyModelViewSet):
    """What the caller was told, newest first."""

    serializer_class = NotificationSerializer
    queryset = Notification.objects.none()
    filterset_fields = ["kind"]

    def get_queryset(self):
        return Notification.objects.filter(recipient=self.request.user)

    @action(detail=False, methods=["post"], serializer_class=NothingSerializer)
    def read_all(self, request):
        """Mark all as read. Answers {"read": how many}."""
        return Response({"read": actions.mark_read(None, actor=request.user)})

    @action(detail=True, methods=["post"], serializer_class=NothingSerializer)
    def read(self, request, pk):
        """Mark one as read."""
        actions.mark_read([self.get_object().pk], actor=request.user)
        return Response(NotificationSerializer(self.get_object()).data)


ROUTES = [("notifications", NotificationViewSet, "notification")]
