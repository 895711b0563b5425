"""API of working hours and absences. Everyone signed in sees when somebody works or is away; a note only who keeps it."""

from django.db.models import Exists, OuterRef
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import actions
from accounts.models import Absence, User, WorkingHours


class HoursSerializer(serializers.ModelSerializer):
    """A week in the person's own time zone. `weekdays` are ISO numbers (1 is Monday); `ends` before `starts` is a night shift.

    `country` is an ISO 3166 code whose public holidays are free, `subdivision` its part, such as BY; both may be empty.
    """

    weekdays = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=7), allow_empty=False)
    starts = serializers.TimeField(format="%H:%M")
    ends = serializers.TimeField(format="%H:%M")
    country = serializers.CharField(allow_blank=True, default="", max_length=8)
    subdivision = serializers.CharField(allow_blank=True, default="", max_length=64)
    timezone = serializers.CharField(source="user.timezone", read_only=True)

    class Meta:
        model = WorkingHours
        fields = ["weekdays", "starts", "ends", "country", "subdivision", "timezone"]


def _hours_of(user: User) -> WorkingHours:
    """The row, or what counts without one."""
    row = WorkingHours.objects.filter(user=user).first() or WorkingHours()
    row.user = user
    return row


def answer_hours(user: User) -> Response:
    return Response(HoursSerializer(_hours_of(user)).data)


def change_hours_of(user: User, request: Request) -> Response:
    """What is left out stays as it is."""
    row = _hours_of(user)
    serializer = HoursSerializer(row, data=request.data, partial=True)
    serializer.is_valid(raise_exception=True)
    now = {name: getattr(row, name) for name in HoursSerializer.Meta.fields if name != "timezone"}
    actions.set_working_hours(user.pk, actor=request.user, **now | serializer.validated_data)
    return answer_hours(user)


class AbsenceSerializer(serializers.ModelSerializer):
    """A time in which somebody is away. `note` is empty for who neither is that person nor keeps their hours."""

    user = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.all(), required=False, help_text="Who is away; oneself when it is left out"
    )

    class Meta:
        model = Absence
        fields = ["id", "user", "starts_at", "ends_at", "note", "added_by", "added_at", "cancelled_at", "cancelled_by"]
        read_only_fields = ["added_by", "added_at", "cancelled_at", "cancelled_by"]

    def to_representation(self, absence: Absence) -> dict:
        data = super().to_representation(absence)
        return data if absence.note_seen else data | {"note": ""}


class AbsenceViewSet(mixins.RetrieveModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet):
    """Who is away when: absences that run now or are still ahead. Cancelled and past ones are found by their id."""

    serializer_class = AbsenceSerializer
    queryset = Absence.objects.none()
    filterset_fields = ["user"]

    def get_queryset(self):
        kept = actions.kept_by(self.request.user).filter(pk=OuterRef("user"))
        found = Absence.objects.annotate(note_seen=Exists(kept))
        return found.standing().ahead() if self.action == "list" else found

    @extend_schema(responses={201: AbsenceSerializer})
    def create(self, request):
        """Plan an absence, one's own or of somebody whose hours one keeps."""
        serializer = AbsenceSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = dict(serializer.validated_data)
        user = fields.pop("user", request.user)
        made = actions.add_absence(user.pk, actor=request.user, **fields)
        return Response(self._shown(made.pk), status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=AbsenceSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request, pk: str):
        """Cancel it. One that is running ends now: the time away so far stays true."""
        return Response(self._shown(actions.cancel_absence(self.get_object().pk, actor=request.user).pk))

    def _shown(self, pk: int) -> dict:
        return AbsenceSerializer(self.get_queryset().get(pk=pk)).data
