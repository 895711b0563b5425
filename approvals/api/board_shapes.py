"""What the API takes and shows of boards, meetings and their agendas."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from accounts.models import User
from approvals import agenda, minutes
from approvals.actions.board import FIELDS
from approvals.board_states import MeetingState
from approvals.models import AgendaItem, Attendance, Board, Meeting
from releases.models import Product


class BoardSerializer(serializers.ModelSerializer):
    """A board. Its meetings are planned by `recurrence` (RFC 5545) at `clock`, the local time of `zone`."""

    products = serializers.PrimaryKeyRelatedField(queryset=Product.objects.all(), many=True, required=False)
    members = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.filter(is_active=True, is_service=False), many=True, required=False
    )
    chair = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.filter(is_active=True, is_service=False), required=False, allow_null=True
    )
    member_roles = serializers.ListField(
        child=serializers.CharField(max_length=120), required=False, help_text='"role:<slug>" or "team:<slug>"'
    )

    class Meta:
        model = Board
        fields = ["id", "slug", *FIELDS, "products", "members"]
        read_only_fields = ["id", "slug"]
        extra_kwargs = {"name": {"validators": []}}


class ItemSerializer(serializers.ModelSerializer):
    spent_s = serializers.SerializerMethodField(help_text="Seconds spent on it until now, by the server's clock")

    class Meta:
        model = AgendaItem
        fields = [
            "id",
            "meeting",
            "request",
            "position",
            "minutes",
            "state",
            "outcome",
            "started_at",
            "spent_s",
            "note",
            "why",
            "added_by",
            "carried_from",
        ]
        read_only_fields = fields

    def get_spent_s(self, item) -> int:
        return item.spent(timezone.now())


class AttendanceSerializer(serializers.ModelSerializer):
    class Meta:
        model = Attendance
        fields = ["person", "present", "noted_at"]
        read_only_fields = fields


class MeetingSerializer(serializers.ModelSerializer):
    class Meta:
        model = Meeting
        fields = [
            "id",
            "board",
            "starts_at",
            "ends_at",
            "covers_from",
            "covers_until",
            "place",
            "link",
            "sequence",
            "state",
            "reason",
            "announced_at",
            "opened_at",
            "closed_at",
            "chaired_by",
        ]
        read_only_fields = fields


class WholeMeetingSerializer(MeetingSerializer):
    """A meeting with its agenda, as far as the reader may see it, who was there, and its minutes."""

    items = serializers.SerializerMethodField()
    hidden_items = serializers.SerializerMethodField(help_text="How many are about products out of the reader's sight")
    attendances = AttendanceSerializer(many=True, read_only=True)
    minutes = serializers.SerializerMethodField(help_text="Markdown; empty until the meeting is closed")

    class Meta(MeetingSerializer.Meta):
        fields = [*MeetingSerializer.Meta.fields, "items", "hidden_items", "attendances", "minutes", "minutes_digest"]
        read_only_fields = fields

    def _agenda(self, meeting: Meeting) -> agenda.Agenda:
        if not hasattr(meeting, "_seen"):
            meeting._seen = agenda.agenda_for(meeting, self.context["request"].user, timezone.now())
        return meeting._seen

    @extend_schema(responses=ItemSerializer(many=True))
    def get_items(self, meeting) -> list[dict]:
        return ItemSerializer([row.item for row in self._agenda(meeting).rows], many=True).data

    def get_hidden_items(self, meeting) -> int:
        return self._agenda(meeting).hidden

    def get_minutes(self, meeting) -> str:
        if meeting.state != MeetingState.CLOSED:
            return ""
        return minutes.text_for(meeting, self.context["request"].user)[0]


class NewMeetingSerializer(serializers.Serializer):
    board = serializers.IntegerField()
    starts_at = serializers.DateTimeField()


class MoveSerializer(serializers.Serializer):
    starts_at = serializers.DateTimeField()
    reason = serializers.CharField(required=False, allow_blank=True, default="")
    place = serializers.CharField(required=False, allow_blank=True, max_length=200)


class PresentSerializer(serializers.Serializer):
    present = serializers.ListField(child=serializers.IntegerField(), help_text="Ids of exactly those who are there")


class NewItemSerializer(serializers.Serializer):
    request = serializers.IntegerField()
    planned_min = serializers.IntegerField(required=False, min_value=1, max_value=1440)
    note = serializers.CharField(required=False, allow_blank=True, default="")


class NoteSerializer(serializers.Serializer):
    note = serializers.CharField(allow_blank=True)
