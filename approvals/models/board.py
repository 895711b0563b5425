"""The change advisory board, its meetings, their agendas and who was there."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import known_timezone
from approvals.board_querysets import BoardQuerySet, ItemQuerySet, MeetingQuerySet
from approvals.board_states import ItemState, MeetingState
from approvals.models.request import ApprovalRequest
from core import wording
from core.machine import LifecycleModel, Machine, StateField
from core.recurrence import Recurrence
from releases.models import Product

PERSON = settings.AUTH_USER_MODEL
LEAD = "releases.authorise_change"
meeting_machine = Machine("meeting", label="Board meeting")
item_machine = Machine("agendaitem", label="Agenda item")
M, I = MeetingState, ItemState  # noqa: E741


class Board(models.Model):
    """People who look at what is asked together, at times that come again."""

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=90, unique=True)
    products = models.ManyToManyField(Product, blank=True, related_name="boards", help_text="None: all products")
    zone = models.CharField("time zone", max_length=64, default="UTC", validators=[known_timezone])
    recurrence = models.CharField(max_length=200, help_text="RFC 5545, as in FREQ=WEEKLY;BYDAY=TU")
    first_on = models.DateField(help_text="Local day from which the rule runs")
    clock = models.TimeField(help_text="Local time of the day, summer and winter alike")
    minutes_long = models.PositiveSmallIntegerField(default=60)
    minutes_per_item = models.PositiveSmallIntegerField(default=10)
    place = models.CharField(max_length=200, blank=True)
    link = models.URLField(max_length=500, blank=True, help_text="Of the call")
    chair = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="chaired_boards")
    members = models.ManyToManyField(PERSON, blank=True, related_name="boards")
    member_roles = models.JSONField(default=list, blank=True, help_text='["role:cab-member", "team:platform"]')
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(PERSON, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = BoardQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(name="board_takes_time", condition=Q(minutes_long__gt=0) & Q(minutes_per_item__gt=0))
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("approvals:board", args=[self.slug])

    @property
    def rights_scope(self) -> Product | None:
        """The product of a board that has one; a board of several belongs to none of them."""
        products = list(self.products.all())
        return products[0] if len(products) == 1 else None

    @property
    def times(self) -> Recurrence:
        return Recurrence(self.recurrence, self.first_on, self.clock, self.zone)


class Meeting(LifecycleModel):
    """One meeting of a board, made ahead of time. It looks at what ships between this meeting and the next."""

    machine = meeting_machine

    board = models.ForeignKey(Board, models.PROTECT, related_name="meetings")
    planned_for = models.DateTimeField(
        null=True, blank=True, help_text="The instant that the rule gave; none once the rule gives another"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    covers_from = models.DateTimeField(help_text="Windows from here on")
    covers_until = models.DateTimeField(help_text="Windows up to here: the next meeting")
    place = models.CharField(max_length=200, blank=True)
    link = models.URLField(max_length=500, blank=True)
    sequence = models.PositiveIntegerField(default=0, help_text="Revision of the invitation (RFC 5545, SEQUENCE)")
    state = StateField(default=M.SCHEDULED, choices=M.choices, protected=True)
    reason = models.TextField(blank=True, help_text="Why it was cancelled, or moved last")
    announced_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    chaired_by = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="+")
    minutes_head = models.TextField(blank=True, help_text="Markdown: what the minutes say before the items")
    minutes_digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the whole minutes")

    objects = MeetingQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["board", "planned_for"], name="meeting_once_per_start"),
            models.CheckConstraint(name="meeting_in_order", condition=Q(ends_at__gt=F("starts_at"))),
        ]
        indexes = [models.Index(fields=["state", "starts_at"], name="meeting_by_state")]

    def __str__(self):
        return f"{self.board.name}, {wording.day(self.starts_at, year=True)}"

    def get_absolute_url(self) -> str:
        return reverse("approvals:meeting", args=[self.pk])

    @property
    def rights_scope(self) -> Product | None:
        return self.board.rights_scope

    @meeting_machine.transition(state, source=M.SCHEDULED, target=M.IN_SESSION, right=LEAD, label="Open the meeting")
    def open(self, by, at: datetime):
        self.opened_at, self.chaired_by = at, by

    @meeting_machine.transition(state, source=M.IN_SESSION, target=M.CLOSED, right=LEAD, label="Close the meeting")
    def close(self, at: datetime):
        self.closed_at = at

    @meeting_machine.transition(
        state,
        source=M.SCHEDULED,
        target=M.CANCELLED,
        right=LEAD,
        label="Cancel the meeting",
        reason=True,
        tone="bad",
    )
    def cancel(self, reason: str):
        self.reason = reason
        self.sequence += 1

    @meeting_machine.transition(
        state, source=M.SCHEDULED, target=M.CANCELLED, right="", label="Let it lapse", automatic=True
    )
    def lapse(self):
        """Its time went by and nobody opened it."""
        self.reason = "It was not held."
        self.sequence += 1


class Attendance(models.Model):
    """Whether one of the people invited was there."""

    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="attendances")
    person = models.ForeignKey(PERSON, models.PROTECT, related_name="+")
    present = models.BooleanField(default=False)
    noted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["meeting_id", "person__first_name", "person__last_name", "pk"]
        constraints = [models.UniqueConstraint(fields=["meeting", "person"], name="attendance_once_per_person")]

    def __str__(self):
        return f"{self.person} {'was' if self.present else 'was not'} there"


class AgendaItem(LifecycleModel):
    """One request on the agenda of one meeting. What comes of it is what comes of the request, by the votes of its voters."""

    machine = item_machine

    meeting = models.ForeignKey(Meeting, models.PROTECT, related_name="items")
    request = models.ForeignKey(ApprovalRequest, models.PROTECT, related_name="agenda_items")
    position = models.PositiveSmallIntegerField(default=0)
    minutes = models.PositiveSmallIntegerField(help_text="Planned")
    state = StateField(default=I.OPEN, choices=I.choices, protected=True)
    outcome = models.CharField(max_length=12, blank=True, help_text="State of the request when the item was finished")
    started_at = models.DateTimeField(null=True, blank=True, help_text="When it was first taken up")
    running_since = models.DateTimeField(null=True, blank=True)
    seconds = models.PositiveIntegerField(default=0, help_text="Spent on it so far, without the time that runs")
    note = models.TextField(blank=True)
    why = models.CharField(max_length=200, blank=True, help_text="Why it was deferred or dropped")
    added_by = models.ForeignKey(
        PERSON, models.PROTECT, null=True, blank=True, related_name="+", help_text="Nobody: it came by itself"
    )
    removed_by = models.ForeignKey(
        PERSON, models.PROTECT, null=True, blank=True, related_name="+", help_text="Who took it off by hand"
    )
    carried_from = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="carried_to")
    record = models.TextField(blank=True, help_text="Markdown: what the minutes say of it")

    objects = ItemQuerySet.as_manager()

    class Meta:
        ordering = ["meeting_id", "position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["meeting", "request"], name="item_once_per_meeting"),
            models.UniqueConstraint(
                fields=["meeting"], condition=Q(state="in_discussion"), name="item_one_in_discussion"
            ),
            models.CheckConstraint(
                name="item_clock_runs_in_discussion",
                condition=Q(state="in_discussion", running_since__isnull=False)
                | (~Q(state="in_discussion") & Q(running_since__isnull=True)),
            ),
        ]

    def __str__(self):
        return f"{self.request.subject} in {self.meeting}"

    def get_absolute_url(self) -> str:
        return f"{self.meeting.get_absolute_url()}#item-{self.pk}"

    @property
    def rights_scope(self) -> Product:
        return self.request.rights_scope

    @property
    def by_itself(self) -> bool:
        return self.added_by_id is None and self.carried_from_id is None

    def spent(self, now: datetime) -> int:
        """Seconds spent on it until `now`, by the server's clock."""
        running = (now - self.running_since).total_seconds() if self.running_since else 0
        return self.seconds + max(0, int(running))

    @item_machine.transition(
        state, source=[I.OPEN, I.DEFERRED, I.DECIDED], target=I.IN_DISCUSSION, right=LEAD, label="Take up"
    )
    def take_up(self, at: datetime):
        """A deferred or finished item can be taken up again while the meeting lasts."""
        self.started_at = self.started_at or at
        self.running_since, self.outcome, self.why = at, "", ""

    @item_machine.transition(state, source=I.IN_DISCUSSION, target=I.DECIDED, right=LEAD, label="Finish")
    def decide(self, at: datetime, outcome: str):
        self._stop(at, outcome)

    @item_machine.transition(state, source=[I.OPEN, I.IN_DISCUSSION], target=I.DEFERRED, right=LEAD, label="Defer")
    def defer(self, at: datetime, outcome: str, why: str):
        self._stop(at, outcome)
        self.why = why[:200]

    @item_machine.transition(state, source=I.OPEN, target=I.DROPPED, right=LEAD, label="Take off the agenda")
    def drop(self, why: str):
        self.why = why[:200]

    @item_machine.transition(state, source=I.DROPPED, target=I.OPEN, right=LEAD, label="Put back")
    def put_back(self):
        self.why, self.removed_by = "", None

    def _stop(self, at: datetime, outcome: str) -> None:
        self.seconds, self.running_since, self.outcome = self.spent(at), None, outcome
