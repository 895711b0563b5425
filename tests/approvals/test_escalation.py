"""The clock of a running request: reminders, the team leads, the end; and what is warned of before it lapses."""

from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import hours
from accounts.actions import add_absence
from approvals import clock, escalation, matching, tally
from approvals.actions import (
    align,
    ask_missing,
    cast_vote,
    check_reach,
    delegate,
    end_delegation,
    escalate_due,
    expire_due,
    lapse_due,
    opening,
    sheets,
    warn_due,
)
from approvals.actions.escalation import take_steps
from approvals.models import ApprovalRequest, RequestRule
from core import outbox
from core.events import record
from core.models import Event
from tests.approvals.conftest import shown
from tests.approvals.test_concurrency import at_once
from tests.factories import approvals, releases
from tests.factories.accounts import absence, hold, person, team
from tests.factories.accounts import hours as hours_of
from tests.factories.delegations import delegation, running_since

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CLOCK = ("request.reminded", "request.reminded_again", "request.escalated", "request.expired")


@pytest.fixture
def payments():
    return releases.product("Payments API")


@pytest.fixture
def ann(payments):
    return person("ann", roles=["qa-approver"], on=payments)


def approving(product, rules=None, **fields):
    """A request on a release of the product."""
    release = releases.release(product, "approving", strategy="minor")
    releases.change(product, release, state="approved")
    return approvals.request(release, rules, **fields)


def happened() -> list[str]:
    return list(Event.objects.filter(name__in=CLOCK).order_by("pk").values_list("name", flat=True))


def people_told(name: str) -> list[int]:
    return Event.objects.filter(name=name).latest("pk").payload["people"]


# When


@pytest.mark.parametrize(
    ("gone", "found"),
    [
        (49, []),
        (51, ["request.reminded"]),
        (74, ["request.reminded"]),
        (76, ["request.reminded_again"]),
        (89, ["request.reminded_again"]),
        (91, ["request.reminded_again", "request.escalated"]),
    ],
)
def test_a_rule_is_reminded_of_at_half_and_three_quarters_and_escalated_at_nine_tenths(payments, ann, gone, found):
    running_since(approving(payments), gone, 100)
    escalate_due()
    assert happened() == found


def test_each_step_is_taken_once_in_its_turn(payments, ann):
    request = approving(payments)
    for gone in (10, 51, 52, 76, 77, 91, 95):
        stamps = RequestRule.objects.values("reminded_at", "reminded_again_at", "escalated_at").get(request=request)
        running_since(request, gone, 100, **stamps)
        escalate_due()
        assert escalate_due() == 0
    assert happened() == ["request.reminded", "request.reminded_again", "request.escalated"]


def test_the_request_expires_at_the_end_and_its_clock_is_silent_from_then_on(payments, ann):
    running_since(approving(payments), 101, 100)
    expire_due()
    escalate_due()
    assert happened() == ["request.expired"]


def test_the_record_names_the_rule_its_end_and_those_who_were_told(payments, ann):
    request = approving(payments)
    running_since(request, 51, 100)
    escalate_due()
    event = Event.objects.get(name="request.reminded")
    rule = request.rules.get()
    assert event.payload["rule"] == "role:qa-approver"
    assert datetime.fromisoformat(event.payload["due_at"]) - rule.due_at < timedelta(milliseconds=1)
    assert (event.payload["people"], event.actor.is_service) == ([ann.pk], True)


def test_a_suspended_request_has_no_clock(payments, ann):
    request = approving(payments, state="suspended")
    running_since(request, 95, 100)
    assert (escalate_due(), take_steps(request.pk), escalation.schedule(request)) == (0, 0, [])


def test_a_rule_that_is_met_or_not_reached_is_left_alone(payments, ann):
    olga = person("olga", roles=["operations-approver"], on=payments)
    request = approving(
        payments, {"qa-approver": 1, "operations-approver": 1, "cab-member": {"need": 1, "stage": 2, "due_at": None}}
    )
    running_since(request, 95, 100)
    request.rules.filter(stage=2).update(opened_at=None, due_at=None)
    cast_vote(request.pk, actor=ann, verdict="approve", digest=shown(request))
    escalate_due()
    told = {e.payload["rule"] for e in Event.objects.filter(name__in=CLOCK)}
    assert told == {"role:operations-approver"}
    assert people_told("request.reminded_again") == [olga.pk]


def test_a_reopened_request_starts_anew(payments, ann):
    request = approving(payments)
    running_since(request, 95, 100)
    escalate_due()
    request = ApprovalRequest.objects.get(pk=request.pk)
    with transaction.atomic():
        sheets.restart_clock(request, tally.count(request))
    assert escalate_due() == 0
    rule = RequestRule.objects.get(request=request)
    assert (rule.reminded_at, rule.reminded_again_at, rule.escalated_at) == (None, None, None)
    assert rule.due_at - timezone.now() > HOUR


def test_the_clock_of_a_suspended_request_stands_and_goes_on_where_it_stood(payments, ann, monkeypatch):
    """Ten hours after it began it was suspended, for thirty; then it has ninety of its hundred left again."""
    request = approving(payments, state="suspended")
    running_since(request, 40, 100)
    then = timezone.now() - 30 * HOUR
    with monkeypatch.context() as patch, transaction.atomic():
        patch.setattr("core.events.timezone", SimpleNamespace(now=lambda: then))
        record("request.suspended", request, actor=ann)
    align(release_id=request.release_id)
    rule = RequestRule.objects.get(request=request)
    gone, left = timezone.now() - rule.opened_at, rule.due_at - timezone.now()
    assert [round(x / HOUR) for x in (gone, left)] == [10, 90]
    request.refresh_from_db()
    assert (request.state, request.due_at) == ("pending", rule.due_at)


def test_what_was_left_of_a_working_clock_is_working_time_again():
    anna = person("anna", timezone="Europe/Berlin")
    friday, monday = datetime(2026, 10, 23, 10, tzinfo=UTC), datetime(2026, 10, 26, 11, tzinfo=UTC)  # noon on both
    due_at = datetime(2026, 10, 23, 13, tzinfo=UTC)
    assert clock.resumed(due_at, friday, monday, "working", [anna.pk]) == datetime(2026, 10, 26, 14, tzinfo=UTC)
    assert clock.resumed(due_at, friday, monday, "always", [anna.pk]) == due_at + (monday - friday)


def test_the_share_of_working_time_counts_on_a_working_clock():
    """A rule of 16 working hours from Friday noon ends on Tuesday noon in Berlin, over the turn of the clocks."""
    anna = person("anna", timezone="Europe/Berlin")
    calendars = list(hours.calendars([anna.pk]).values())
    opened = datetime(2026, 10, 23, 10, tzinfo=UTC)  # Friday, 12:00 in summer
    rule = RequestRule(
        clock="working", opened_at=opened, deadline_hours=16, due_at=clock.due(opened, 16, "working", [anna.pk])
    )
    assert rule.due_at == datetime(2026, 10, 27, 11, tzinfo=UTC)  # Tuesday, 12:00 in winter
    assert clock.passed(rule, 0.5, calendars) == datetime(2026, 10, 26, 11, tzinfo=UTC)  # Monday, 12:00
    assert clock.passed(rule, 0.25, calendars) == datetime(2026, 10, 23, 14, tzinfo=UTC)  # Friday, 16:00
    assert clock.passed(rule, 1, calendars) == rule.due_at


def test_an_absence_that_comes_later_moves_the_reminders_but_never_past_the_end():
    anna = person("anna")
    opened = datetime(2027, 3, 1, 9, tzinfo=UTC)  # Monday
    rule = RequestRule(clock="working", opened_at=opened, due_at=datetime(2027, 3, 5, 17, tzinfo=UTC))
    before = clock.passed(rule, 0.5, hours.calendars([anna.pk]).values())
    assert before == datetime(2027, 3, 3, 13, tzinfo=UTC)
    absence(anna, datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 3, 4, tzinfo=UTC))
    assert clock.passed(rule, 0.5, hours.calendars([anna.pk]).values()) == datetime(2027, 3, 4, 17, tzinfo=UTC)
    absence(anna, datetime(2027, 3, 4, tzinfo=UTC), datetime(2027, 3, 8, tzinfo=UTC))
    without = clock.passed(rule, 0.5, hours.calendars([anna.pk]).values())
    assert without == opened + (rule.due_at - opened) / 2


def test_nights_and_weekends_are_left_out_of_a_working_clock(payments, ann):
    """Whoever works one hour of the day is asked by that hour, not by the time that has gone by."""
    now = timezone.now()
    soon = (now + 3 * HOUR).time().replace(minute=0, second=0, microsecond=0)
    later = (now + 4 * HOUR).time().replace(minute=0, second=0, microsecond=0)
    hours_of(ann, weekdays=[1, 2, 3, 4, 5, 6, 7], starts=soon, ends=later)
    request = approving(payments)
    request.rules.update(
        clock="working", opened_at=now - 19 * HOUR, due_at=now + 29 * HOUR
    )  # two of their hours lie between, both ahead
    assert escalate_due() == 0
    request.rules.update(clock="always", opened_at=now - 30 * HOUR)
    assert escalate_due() == 1


# The schedule


def test_the_schedule_says_what_comes_next_in_order(payments, ann):
    request = approving(payments)
    running_since(request, 60, 100, reminded_at=timezone.now())
    request = ApprovalRequest.objects.get(pk=request.pk)
    steps = escalation.schedule(request)
    assert [s.kind for s in steps] == ["second reminder", "escalation", "end"]
    rule = request.rules.get()
    assert steps[0].at == rule.opened_at + 75 * HOUR
    assert steps[-1].at == rule.due_at
    said = escalation.in_words(request)
    assert said.startswith("second reminder ")
    assert "; to the leads of their teams " in said
    assert "; expires " in said


# For whom


def test_who_is_away_is_skipped_and_their_stand_in_is_reminded(payments, ann):
    abe = person("abe", roles=["qa-approver"], on=payments)
    ben = person("ben", roles=["stakeholder"], on=payments)
    absence(ann, timezone.now() - HOUR, timezone.now() + DAY)
    delegation(ann, ben)
    running_since(approving(payments), 51, 100)
    escalate_due()
    assert people_told("request.reminded") == sorted([abe.pk, ben.pk])


def test_a_stand_in_for_another_role_is_not_reminded(payments, ann):
    hold(ann, "security-approver", payments)
    ben = person("ben", roles=["stakeholder"], on=payments)
    delegate(
        ann.pk, ben.pk, actor=ann, who="role:security-approver", starts_at=timezone.now(), ends_at=timezone.now() + DAY
    )
    running_since(approving(payments), 51, 100)
    escalate_due()
    assert people_told("request.reminded") == [ann.pk]


def test_who_has_voted_is_not_reminded(payments, ann):
    abe = person("abe", roles=["qa-approver"], on=payments)
    request = approving(payments, {"qa-approver": 2})
    running_since(request, 51, 100)
    cast_vote(request.pk, actor=ann, verdict="approve", digest=shown(request))
    escalate_due()
    assert people_told("request.reminded") == [abe.pk]


def test_it_goes_to_the_leads_of_the_teams_of_those_who_could_still_give_it(payments, ann):
    lena, other, left = (person(n, roles=["stakeholder"], on=payments) for n in ("lena", "olga", "lars"))
    left.is_active = False
    left.save()
    team("Red", [ann], lead=lena)
    team("Blue", [person("bert")], lead=other)
    team("Green", [ann], lead=left)
    running_since(approving(payments), 91, 100)
    escalate_due()
    assert people_told("request.escalated") == [lena.pk]


def test_without_a_team_lead_it_goes_to_the_change_managers(payments, ann):
    chris = person("chris", roles=["change-manager"], on=payments)
    running_since(approving(payments), 91, 100)
    escalate_due()
    assert people_told("request.escalated") == [chris.pk]


# Retrospective


def test_a_retrospective_request_never_expires_goes_to_the_change_manager_and_is_reminded_of_daily(payments, ann):
    chris = person("chris", roles=["change-manager"], on=payments)
    team("Red", [ann], lead=person("lena", roles=["stakeholder"], on=payments))
    request = approving(payments, purpose="retrospective")

    def at(gone: float) -> list[str]:
        stamps = RequestRule.objects.values("reminded_at", "reminded_again_at", "escalated_at").get(request=request)
        running_since(request, gone, 100, **stamps)
        before = len(happened())
        expire_due()
        escalate_due()
        escalate_due()
        return happened()[before:]

    assert at(95) == ["request.reminded_again"]
    RequestRule.objects.update(reminded_again_at=timezone.now() - 6 * HOUR)
    assert at(101) == ["request.reminded_again", "request.escalated"]
    assert people_told("request.escalated") == [chris.pk]
    assert at(120) == []
    RequestRule.objects.update(reminded_again_at=timezone.now() - 24 * HOUR)
    assert at(125) == ["request.reminded_again"]
    assert Event.objects.filter(name="request.reminded_again").latest("pk").payload["overdue"] is True
    request = ApprovalRequest.objects.get(pk=request.pk)
    assert request.state == "pending"
    assert escalation.in_words(request).startswith("overdue since ")


def test_what_is_owed_afterwards_is_due_in_plain_hours_whatever_clock_its_row_has(payments, ann):
    release = releases.release(payments, "released", strategy="minor")
    releases.change(payments, release, state="done")
    approvals.policy({"qa-approver": 1}, clock="working", deadline_hours=24)
    with transaction.atomic():
        request = opening.open_request(
            release, matching.match_for(release), person("mo"), purpose="retrospective", hours=72
        )
    rule = request.rules.get()
    assert (rule.clock, rule.due_at - rule.opened_at, request.due_at) == ("always", 72 * HOUR, rule.due_at)


# When people go away


def test_an_absence_that_leaves_too_few_is_noted_once_and_whoever_asked_can_act(payments, ann):
    request = approving(payments, requester=person("mo", roles=["release-manager"], on=payments))
    other = approving(payments, {"cab-member": 1})
    away = {"starts_at": timezone.now() + HOUR, "ends_at": timezone.now() + 90 * DAY}
    planned = add_absence(ann.pk, actor=ann, **away)
    event = Event.objects.get(name="absence.added", payload__absence=planned.pk)
    assert [check_reach(ann.pk, event.pk) for _ in range(2)] == [0, 0]  # they can vote before they leave
    absence_now(ann)
    assert [check_reach(ann.pk, event.pk) for _ in range(2)] == [1, 0]
    assert Event.objects.get(name="request.short_handed").stream == f"approvalrequest:{request.pk}"
    assert other.pk != request.pk


def absence_now(user) -> None:
    user.absences.all().delete()
    absence(user, timezone.now() - HOUR, timezone.now() + 90 * DAY)


def test_a_stand_in_keeps_a_request_within_reach_until_the_delegation_ends(payments, ann):
    ben = person("ben", roles=["stakeholder"], on=payments)
    absence_now(ann)
    given = delegation(ann, ben)
    approving(payments)
    assert check_reach(ann.pk, 1) == 0
    end_delegation(given.pk, actor=ann)
    for pk in outbox.due():
        outbox.deliver(pk)
    assert Event.objects.filter(name="request.short_handed").count() == 1


def test_the_next_stage_is_recorded_when_it_is_reached_with_whom_it_asks(payments, ann):
    approvals.policy({"qa-approver": 1, "security-approver": {"need": 1, "stage": 2}})
    person("sam", roles=["security-approver"], on=payments)
    release = releases.release(payments, "approving", strategy="minor")
    with transaction.atomic():
        request = opening.open_request(release, matching.match_for(release), person("mo"))
    assert not Event.objects.filter(name="request.stage_reached").exists()
    cast_vote(request.pk, actor=ann, verdict="approve", digest=shown(request))
    event = Event.objects.get(name="request.stage_reached")
    assert (event.payload["stage"], event.payload["rules"]) == (2, ["role:security-approver"])


# The sweep


def test_a_sweep_asks_as_much_for_twelve_requests_as_for_two(payments, ann):
    def cost(more: int) -> int:
        for at in range(more):
            running_since(
                approving(payments), 60, 100, clock="working" if at % 2 else "always", reminded_at=timezone.now()
            )
        with CaptureQueriesContext(connection) as asked:
            list(escalation.due_requests())
        return len(asked)

    assert cost(2) == cost(10)


def test_a_long_backlog_is_read_in_batches(payments, ann, monkeypatch):
    monkeypatch.setattr(escalation, "AT_ONCE", 2)
    made = []
    for _ in range(5):
        made.append(approving(payments))
        running_since(made[-1], 60, 100)
    assert list(escalation.due_requests()) == [r.pk for r in made]
    assert (escalate_due(), escalate_due()) == (5, 0)


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_take_each_step_once(monkeypatch):
    monkeypatch.setattr("core.outbox.ring", lambda delivery_id: None)
    with transaction.atomic():
        product = releases.product()
        person(roles=["qa-approver"], on=product)
        requests = [approving(product) for _ in range(3)]
        for request in requests:
            running_since(request, 91, 100)
    answers = at_once(*[partial(escalate_due)] * 4)
    assert sum(answers) == 6
    assert sorted(happened()) == ["request.escalated"] * 3 + ["request.reminded_again"] * 3


# Exemptions


@pytest.fixture
def tested(payments):
    release = releases.release(payments, "testing", manager=person("mia", roles=["release-manager"], on=payments))
    return approvals.signoff(release.candidate, state="waived")


def granted(signoff, ago: timedelta, ends_in: timedelta, **fields):
    now = timezone.now()
    return approvals.waiver(signoff, decided_at=now - ago, expires_at=now + ends_in, **fields)


@pytest.mark.parametrize(
    ("ago", "ends_in", "warned"),
    [(5 * DAY, 25 * HOUR, 0), (5 * DAY, 23 * HOUR, 1), (5 * HOUR, 3 * HOUR, 0), (7 * HOUR, HOUR, 1)],
)
def test_a_waiver_is_warned_of_a_day_ahead_or_at_three_quarters_of_a_shorter_life(tested, ago, ends_in, warned):
    waiver = granted(tested, ago, ends_in, follow_up="Test it on Monday")
    assert (warn_due(), warn_due()) == (warned, 0)
    waiver.refresh_from_db()
    assert bool(waiver.warned_at) is bool(warned)
    events = Event.objects.filter(name="waiver.lapsing")
    assert [e.payload["follow_up"] for e in events] == ["Test it on Monday"] * warned


def test_an_override_is_warned_of_once_and_only_when_granted(payments):
    release = releases.release(payments, "ready")
    ends = timezone.now() + 5 * HOUR
    approvals.override(releases.freeze(), release, expires_at=ends, decided_at=timezone.now() - 3 * DAY)
    approvals.override(releases.freeze(), release, state="requested", expires_at=ends)
    assert (warn_due(), warn_due()) == (1, 0)
    assert Event.objects.filter(name="override.lapsing").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_warn_once(monkeypatch):
    monkeypatch.setattr("core.outbox.ring", lambda delivery_id: None)
    with transaction.atomic():
        release = releases.release(releases.product(), "testing")
        found = [granted(approvals.signoff(release.candidate, kind), 5 * DAY, HOUR) for kind in ("security", "uat")]
    answers = at_once(*[partial(warn_due)] * 4)
    assert sum(answers) == len(found) == 2
    assert Event.objects.filter(name="waiver.lapsing").count() == 2


def test_nothing_is_warned_of_that_is_over(tested):
    granted(tested, 5 * DAY, -HOUR)
    assert warn_due() == 0
    assert lapse_due() == 1


def test_exemptions_from_before_get_their_request_once(payments, tested):
    person("quentin", roles=["qa-approver", "change-manager"], on=payments)
    waiver = approvals.waiver(approvals.signoff(tested.candidate, "security"), state="requested")
    override = approvals.override(
        releases.freeze(), releases.release(payments, "ready"), state="requested", requested_by=person("mo")
    )
    assert (ask_missing(), ask_missing()) == (2, 0)
    assert (waiver.requests.get().kind, override.requests.get().requester.username) == ("waiver", "mo")
    assert Event.objects.filter(name="request.opened").count() == 2


def test_what_nobody_could_answer_waits_until_somebody_can(payments, tested):
    approvals.waiver(approvals.signoff(tested.candidate, "security"), state="requested")
    assert ask_missing() == 0
    person("quentin", roles=["qa-approver"], on=payments)
    assert ask_missing() == 1
