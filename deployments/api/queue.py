"""What the API of deployments offers for those that wait: the queue, and holding back."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action

from deployments.actions import queue as doors


class HoldSerializer(serializers.Serializer):
    reason = serializers.CharField(help_text="It stays in the record.")


class WaitingActions:
    """Actions of the view set of deployments; `_asked` and `_done` are its own."""

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def queue(self, request, pk=None):
        """Let it wait its turn: it starts by itself when it is the first. 409 when more than the environment is in the way."""
        return self._done(doors.join_queue(self.get_object().pk, actor=request.user))

    @extend_schema(request=HoldSerializer)
    @action(detail=True, methods=["post"])
    def hold(self, request, pk=None):
        """Keep a waiting deployment from starting. It keeps its place in the queue; others may pass."""
        return self._done(
            doors.hold_deployment(self.get_object().pk, actor=request.user, **self._asked(HoldSerializer))
        )

    @extend_schema(request=None)
    @action(detail=True, methods=["post"], url_path="let-go")
    def let_go(self, request, pk=None):
        """Let a held deployment start again as it would have."""
        return self._done(doors.let_go(self.get_object().pk, actor=request.user))
