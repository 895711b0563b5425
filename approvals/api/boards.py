"""API of boards, meetings and agendas: the same doors as the pages."""

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from approvals.actions import board as board_doors
from approvals.actions import meeting as doors
from approvals.api.board_shapes import (
    BoardSerializer,
    ItemSerializer,
    MeetingSerializer,
    MoveSerializer,
    NewItemSerializer,
    NewMeetingSerializer,
    NoteSerializer,
    PresentSerializer,
    WholeMeetingSerializer,
)
from approvals.models import AgendaItem, Board, Meeting
from core.api import ReasonSerializer, given


class BoardViewSet(mixins.CreateModelMixin, mixins.UpdateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Boards. A change of the rule calls off the planned meetings that it does not give, and plans those that it gives."""

    queryset = Board.objects.none()
    serializer_class = BoardSerializer
    filterset_fields = ["is_active", "products"]
    http_method_names = ["get", "post", "put", "patch", "head", "options"]

    def get_queryset(self):
        return Board.objects.visible_to(self.request.user).prefetch_related("products", "members")

    def perform_create(self, serializer):
        data = dict(serializer.validated_data)
        serializer.instance = board_doors.add_board(actor=self.request.user, **data)

    def perform_update(self, serializer):
        data = dict(serializer.validated_data)
        serializer.instance = board_doors.change_board(serializer.instance.pk, actor=self.request.user, **data)


class MeetingViewSet(viewsets.ReadOnlyModelViewSet):
    """Meetings of boards. They are made ahead of time by the board's rule; POST calls one beside it."""

    queryset = Meeting.objects.none()
    filterset_fields = ["board", "state"]

    def get_queryset(self):
        rows = Meeting.objects.visible_to(self.request.user).select_related("board__chair")
        return rows.prefetch_related("attendances") if self.action != "list" else rows

    def get_serializer_class(self):
        return MeetingSerializer if self.action == "list" else WholeMeetingSerializer

    def _shown(self, pk, code: int = status.HTTP_200_OK) -> Response:
        meeting = self.get_queryset().get(pk=pk)
        return Response(WholeMeetingSerializer(meeting, context={"request": self.request}).data, status=code)

    @extend_schema(request=NewMeetingSerializer, responses={201: WholeMeetingSerializer})
    def create(self, request):
        """Call a meeting beside the rule: for what cannot wait."""
        data = given(NewMeetingSerializer, request)
        made = doors.add_meeting(data["board"], actor=request.user, starts_at=data["starts_at"])
        return self._shown(made.pk, status.HTTP_201_CREATED)

    @extend_schema(request=MoveSerializer, responses=WholeMeetingSerializer)
    @action(detail=True, methods=["post"])
    def move(self, request, pk=None):
        """Move a scheduled meeting; its agenda follows."""
        doors.move_meeting(self.get_object().pk, actor=request.user, **given(MoveSerializer, request))
        return self._shown(pk)

    @extend_schema(request=ReasonSerializer, responses=WholeMeetingSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request, pk=None):
        """Call a scheduled meeting off; what was on it goes to the next one."""
        doors.cancel_meeting(self.get_object().pk, actor=request.user, **given(ReasonSerializer, request))
        return self._shown(pk)

    @extend_schema(request=None, responses=WholeMeetingSerializer)
    @action(detail=True, methods=["post"])
    def open(self, request, pk=None):
        """Open the meeting. Needs a person: the chair, or who may authorise changes."""
        doors.open_meeting(self.get_object().pk, actor=request.user)
        return self._shown(pk)

    @extend_schema(request=None, responses=WholeMeetingSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request, pk=None):
        """Close the meeting: what is open goes to the next one, and the minutes are written."""
        doors.close_meeting(self.get_object().pk, actor=request.user)
        return self._shown(pk)

    @extend_schema(request=None, responses=WholeMeetingSerializer)
    @action(detail=True, methods=["post"])
    def next(self, request, pk=None):
        """Finish the item under discussion and take up the next one."""
        doors.next_item(self.get_object().pk, actor=request.user)
        return self._shown(pk)

    @extend_schema(request=None, responses=WholeMeetingSerializer)
    @action(detail=True, methods=["post"])
    def arrive(self, request, pk=None):
        """Say of oneself that one is there."""
        doors.arrive(self.get_object().pk, actor=request.user)
        return self._shown(pk)

    @extend_schema(request=PresentSerializer, responses=WholeMeetingSerializer)
    @action(detail=True, methods=["post"])
    def attendance(self, request, pk=None):
        """Note who is there."""
        doors.note_attendance(self.get_object().pk, actor=request.user, **given(PresentSerializer, request))
        return self._shown(pk)

    @extend_schema(request=NewItemSerializer, responses={201: WholeMeetingSerializer})
    @action(detail=True, methods=["post"])
    def add(self, request, pk=None):
        """Put a pending request on the agenda by hand."""
        data = given(NewItemSerializer, request)
        doors.add_item(self.get_object().pk, data.pop("request"), actor=request.user, **data)
        return self._shown(pk, status.HTTP_201_CREATED)


class AgendaItemViewSet(viewsets.ReadOnlyModelViewSet):
    """What is on agendas. An item is decided by the votes on its request: cast them at /requests/<id>/vote/."""

    queryset = AgendaItem.objects.none()
    serializer_class = ItemSerializer
    filterset_fields = ["meeting", "meeting__board", "request", "state"]

    def get_queryset(self):
        return AgendaItem.objects.visible_to(self.request.user)

    def _shown(self, item: AgendaItem) -> Response:
        return Response(ItemSerializer(AgendaItem.objects.get(pk=item.pk)).data)

    @extend_schema(request=None, responses=ItemSerializer)
    @action(detail=True, methods=["post"])
    def take_up(self, request, pk=None):
        """Talk about this item now; the one before it is finished."""
        return self._shown(doors.take_up(self.get_object().pk, actor=request.user))

    @extend_schema(request=None, responses=ItemSerializer)
    @action(detail=True, methods=["post"])
    def finish(self, request, pk=None):
        """End the talk: decided when its request is, put off otherwise."""
        return self._shown(doors.finish_item(self.get_object().pk, actor=request.user))

    @extend_schema(request=ReasonSerializer, responses=ItemSerializer)
    @action(detail=True, methods=["post"])
    def defer(self, request, pk=None):
        """Put it off to the next meeting."""
        return self._shown(
            doors.defer_item(self.get_object().pk, actor=request.user, **given(ReasonSerializer, request))
        )

    @extend_schema(request=ReasonSerializer, responses=ItemSerializer)
    @action(detail=True, methods=["post"])
    def drop(self, request, pk=None):
        """Take it off the agenda."""
        return self._shown(
            doors.drop_item(self.get_object().pk, actor=request.user, **given(ReasonSerializer, request))
        )

    @extend_schema(request=NoteSerializer, responses=ItemSerializer)
    @action(detail=True, methods=["post"])
    def note(self, request, pk=None):
        """Write what the minutes shall say of it."""
        return self._shown(doors.note_item(self.get_object().pk, actor=request.user, **given(NoteSerializer, request)))
