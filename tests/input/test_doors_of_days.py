"""Doors that take a day or an instant, reached without a form: each refuses both ends of the calendar at its field."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts import actions as people
from approvals import actions as approving
from approvals.actions.meeting import calendar
from core.blockers import Refused
from core.models import Event
from reviews import actions as learning

ENDS = {
    "the first": datetime(1, 1, 1, 1, tzinfo=UTC),
    "the last": datetime(9999, 12, 31, 22, tzinfo=UTC),
    "next to our time": datetime(2101, 1, 1, tzinfo=UTC),
}
HOUR = timedelta(hours=1)
DOORS = {
    "a token": ("expires_at", lambda w, at: people.create_token(actor=w.master, name="Export", expires_at=at)),
    "an absence": (
        "starts_at",
        lambda w, at: people.add_absence(w.master.pk, actor=w.master, starts_at=at, ends_at=at + HOUR),
    ),
    "a delegation": (
        "starts_at",
        lambda w, at: approving.delegate(
            w.master.pk, w.stranger.pk, actor=w.master, starts_at=at, ends_at=at + HOUR, reason="Away."
        ),
    ),
    "a meeting": ("starts_at", lambda w, at: calendar.add_meeting(w.rows["board"].pk, actor=w.master, starts_at=at)),
    "a moved meeting": (
        "starts_at",
        lambda w, at: calendar.move_meeting(w.rows["meeting"].pk, actor=w.master, starts_at=at, reason="A strike."),
    ),
    "a waiver": (
        "expires_at",
        lambda w, at: approving.request_waiver(
            w.release.candidate.pk, "performance", actor=w.master, reason="No machine.", expires_at=at
        ),
    ),
    "an override": (
        "expires_at",
        lambda w, at: approving.request_override(
            w.release.pk, w.rows["freeze"].pk, actor=w.master, reason="It leaks.", expires_at=at
        ),
    ),
    "a policy": ("valid_from", lambda w, at: approving.edit_policy(w.rows["policy"].pk, actor=w.master, valid_from=at)),
    "a row of a policy": (
        "valid_until",
        lambda w, at: approving.save_row(w.rows["policy"].pk, w.rows["row"].pk, actor=w.master, valid_until=at.date()),
    ),
    "an action": (
        "due_on",
        lambda w, at: learning.add_action(w.rows["review"].pk, actor=w.master, title="Mend it", due_on=at.date()),
    ),
    "a changed action": (
        "due_on",
        lambda w, at: learning.change_action(w.rows["action"].pk, actor=w.master, due_on=at.date()),
    ),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("noun", DOORS)
def test_a_door_refuses_what_is_not_of_our_time_at_its_field(own_world, noun, end):
    field, knock = DOORS[noun]
    events = Event.objects.count()

    with pytest.raises(Refused) as refusal:
        knock(own_world, ENDS[end])

    assert ("out-of-time", field) in [(b.code, b.field) for b in refusal.value.blockers]
    assert Event.objects.count() == events
