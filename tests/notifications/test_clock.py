"""What the clock of a request, delegations, exemptions, stops and policies tell to whom, and when."""

from datetime import datetime, time, timedelta

import pytest
from django.core import mail
from django.db import transaction
from django.utils import timezone

from approvals.actions import delegate, end_delegation, escalate_due, lapse_due, warn_due
from core import outbox
from core.events import record
from core.models import Delivery, Event
from notifications import actions
from notifications.kinds import KINDS
from notifications.models import Notification, Subscription
from tests.factories import approvals, releases
from tests.factories.accounts import absence, hours, person, team
from tests.factories.delegations import delegation, running_since
from tests.notifications.test_tell import deliver_all, happen

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]


@pytest.fixture
def payments():
    return releases.product("Payments API")


@pytest.fixture
def at_work(payments):
    """Somebody who approves for quality and is at work whenever the test runs."""

    def made(name: str, *roles: str):
        found = person(name, roles=roles or ["qa-approver"], on=payments)
        hours(found, weekdays=EVERY_DAY, starts=time(0), ends=time(23, 59))
        return found

    return made


@pytest.fixture
def asleep(payments):
    """Somebody who approves for quality and begins to work in two to three hours."""

    def made(name: str, *roles: str):
        found = person(name, roles=roles or ["qa-approver"], on=payments)
        soon = timezone.now() + 3 * HOUR
        hours(found, weekdays=EVERY_DAY, starts=time(soon.hour), ends=time((soon.hour + 1) % 24))
        return found

    return made


def approving(product, rules=None, **fields):
    release = releases.release(product, "approving", strategy="minor")
    releases.change(product, release, state="approved")
    return approvals.request(release, rules, **fields)


def told(*kinds: str) -> list[tuple[str, str]]:
    rows = Notification.objects.filter(kind__in=kinds).order_by("pk") if kinds else Notification.objects.order_by("pk")
    return sorted(rows.values_list("recipient__username", "kind"))


def kept() -> list[Delivery]:
    return list(Delivery.objects.filter(consumer=actions.LATER).order_by("pk"))


def morning_comes() -> None:
    Delivery.objects.filter(consumer=actions.LATER).update(due_at=timezone.now())
    deliver_all()


# Reminders


def test_a_reminder_reaches_who_is_at_work_now_and_the_others_when_they_begin(payments, at_work, asleep):
    at_work("ann")
    later = asleep("abe")
    running_since(approving(payments), 60, 100)
    escalate_due()
    deliver_all()
    assert told("vote-needed") == [("ann", "vote-needed")]
    (delivery,) = kept()
    assert delivery.target == f"user:{later.pk}"
    assert HOUR < delivery.due_at - timezone.now() <= 3 * HOUR
    assert delivery.due_at.minute == 0
    morning_comes()
    morning_comes()
    assert told("vote-needed") == [("abe", "vote-needed"), ("ann", "vote-needed")]
    assert sorted(m.to[0] for m in mail.outbox) == ["abe@example.com", "ann@example.com"]
    assert "Still waiting: your vote is needed on Payments API" in mail.outbox[0].subject


def test_a_reminder_that_is_no_longer_needed_in_the_morning_is_not_sent(payments, at_work, asleep):
    ann = at_work("ann")
    asleep("abe")
    request = approving(payments)
    running_since(request, 60, 100)
    escalate_due()
    deliver_all()
    approvals.vote(request, ann)
    morning_comes()
    assert told("vote-needed") == [("ann", "vote-needed")]


def test_who_went_away_meanwhile_is_not_reminded_in_the_morning(payments, at_work, asleep):
    at_work("ann")
    abe = asleep("abe")
    running_since(approving(payments), 60, 100)
    escalate_due()
    deliver_all()
    absence(abe, timezone.now() - HOUR, timezone.now() + DAY)
    morning_comes()
    assert told("vote-needed") == [("ann", "vote-needed")]


def test_an_event_that_is_told_twice_reminds_once_whoever_slept_at_first(payments, at_work, asleep):
    at_work("ann")
    asleep("abe")
    running_since(approving(payments), 60, 100)
    escalate_due()
    event = Event.objects.get(name="request.reminded")
    for _ in range(2):
        actions.tell(event)
    deliver_all()
    morning_comes()
    assert told("vote-needed") == [("abe", "vote-needed"), ("ann", "vote-needed")]
    assert len(mail.outbox) == 2


def test_where_nobody_would_be_at_work_in_time_everybody_is_told_at_once(payments, asleep):
    asleep("abe")
    running_since(approving(payments), 1.2, 2)
    escalate_due()
    deliver_all()
    assert (told("vote-needed"), kept()) == ([("abe", "vote-needed")], [])


def test_whom_it_would_reach_too_late_is_left_out_when_others_are_at_work(payments, at_work, asleep):
    at_work("ann")
    asleep("abe")
    running_since(approving(payments), 1.2, 2)
    escalate_due()
    deliver_all()
    assert (told("vote-needed"), kept()) == ([("ann", "vote-needed")], [])


def test_working_hours_follow_the_clocks_of_the_persons_own_zone(payments, at_work):
    """A kept reminder comes at nine of the wall clock, also after the night in which the clocks turned."""
    ola = person("ola", roles=["qa-approver"], on=payments, timezone="Europe/Berlin")
    calendars = actions.hours.calendars([ola.pk])
    friday_night = datetime.fromisoformat("2026-10-23T22:00:00+02:00")
    assert calendars[ola.pk].next_working(friday_night) == datetime.fromisoformat("2026-10-26T09:00:00+01:00")


def test_stand_ins_are_reminded_of_who_is_away(payments, at_work):
    ann, ben = at_work("ann"), at_work("ben", "stakeholder")
    absence(ann, timezone.now() - HOUR, timezone.now() + DAY)
    delegation(ann, ben)
    running_since(approving(payments), 76, 100)
    escalate_due()
    deliver_all()
    assert told("vote-needed") == [("ben", "vote-needed")]
    assert Notification.objects.get().title.startswith("Reminded again: your vote is needed on ")


def test_the_team_lead_is_told_what_is_missing_and_the_requester_who_was_told(payments, at_work):
    ann, lena = at_work("ann"), at_work("lena", "stakeholder")
    team("Red", [ann], lead=lena)
    requester = person("rosa", roles=["release-manager"], on=payments)
    running_since(
        approving(payments, requester=requester), 91, 100, reminded_at=timezone.now(), reminded_again_at=timezone.now()
    )
    escalate_due()
    deliver_all()
    assert told() == [("lena", "escalated"), ("rosa", "request-slow")]
    to_lead, to_requester = (Notification.objects.get(kind=k) for k in ("escalated", "request-slow"))
    assert to_lead.title.endswith("is about to run out: it lacks QA approver")
    assert to_requester.body == "Lena was told."


def test_an_overdue_retrospective_request_tells_the_voters_the_change_manager_and_the_owner(payments, at_work):
    at_work("ann")
    at_work("chris", "change-manager")
    owner = person("rosa", roles=["release-manager"], on=payments)
    running_since(approving(payments, purpose="retrospective", requester=owner), 101, 100)
    escalate_due()
    deliver_all()
    assert told("vote-needed", "escalated", "retrospective") == [
        ("ann", "vote-needed"),
        ("chris", "escalated"),
        ("rosa", "retrospective"),
    ]
    assert Notification.objects.get(kind="vote-needed").title.startswith("Overdue: your vote is needed on ")
    assert Notification.objects.get(kind="escalated").title.endswith("is overdue: it lacks QA approver")


def test_whoever_asked_is_told_that_too_few_are_left_and_the_next_stage_that_its_turn_has_come(payments, at_work):
    at_work("ann")
    at_work("sam", "security-approver")
    owner = person("rosa", roles=["release-manager"], on=payments)
    request = approving(payments, {"qa-approver": 1, "security-approver": {"need": 1, "stage": 2}}, requester=owner)
    approvals.vote(request, person("quentin", roles=["qa-approver"], on=payments))
    request.rules.update(opened_at=timezone.now())
    happen("request.stage_reached", request, person("bot"), stage=2, rules=["role:security-approver"])
    happen("request.short_handed", request, person("bot2"), cause=1)
    deliver_all()
    assert told() == [("rosa", "request-slow"), ("sam", "vote-needed")]
    assert (
        Notification.objects.get(kind="request-slow").title == f"Too few are left who could approve {request.subject}"
    )


# Delegations


def test_a_stand_in_is_told_what_waits_for_them_and_the_person_is_told_of_what_their_lead_did(payments, at_work):
    ann, ben, lena = at_work("ann"), at_work("ben", "stakeholder"), person("lena")
    team("Red", [ann], lead=lena)
    approving(payments)
    now = timezone.now()
    made = delegate(ann.pk, ben.pk, actor=lena, starts_at=now, ends_at=now + DAY, reason="On leave.")
    deliver_all()
    assert told() == [("ann", "delegation"), ("ben", "stand-in")]
    found = Notification.objects.get(kind="stand-in")
    assert found.title.startswith("You stand in for Ann until ")
    assert found.body == "It is about all votes. 1 request in the inbox of Ben now. On leave."
    end_delegation(made.pk, actor=ann)
    deliver_all()
    assert told() == [("ann", "delegation"), ("ben", "stand-in"), ("ben", "stand-in")]
    assert Notification.objects.latest("pk").title == "You no longer stand in for Ann"


# Exemptions


@pytest.fixture
def mia(payments):
    return person("mia", roles=["release-manager"], on=payments)


def test_a_lapsing_waiver_names_its_follow_up_and_a_lapsed_one_what_blocks_now(payments, mia):
    asker = person("tess", roles=["tester"], on=payments)
    release = releases.release(payments, "testing", strategy="minor", manager=mia)
    approvals.required("minor", "security")
    now = timezone.now()
    waiver = approvals.waiver(
        approvals.signoff(release.candidate, "security", "waived"),
        requested_by=asker, decided_at=now - 5 * DAY, expires_at=now + HOUR, follow_up="Scan it on Monday",
    )  # fmt: skip
    warn_due()
    deliver_all()
    assert told() == [("mia", "waiver-decided"), ("tess", "waiver-decided")]
    first = Notification.objects.filter(recipient=asker).get()
    assert first.title == f"Waiver of the Security sign-off of {release} lapses soon"
    assert first.body.endswith("Follow-up, not done yet: Scan it on Monday.")
    type(waiver).objects.filter(pk=waiver.pk).update(expires_at=now - HOUR)
    lapse_due()
    deliver_all()
    last = Notification.objects.filter(recipient=asker).latest("pk")
    assert last.title.endswith(" lapsed")
    assert "Now it blocks again: Security tests on " in last.body


def test_a_lapsed_override_says_that_the_freeze_holds_again(payments, mia):
    now = timezone.now()
    window = {"window_starts_at": now + HOUR, "window_ends_at": now + 2 * HOUR}
    release = releases.release(payments, "ready", manager=mia, **window)
    freeze = releases.freeze(starts_at=now - DAY, ends_at=now + 5 * DAY)
    approvals.override(freeze, release, requested_by=mia, decided_at=now - 5 * DAY, expires_at=now - HOUR)
    lapse_due()
    deliver_all()
    found = Notification.objects.get()
    assert (found.recipient, found.kind) == (mia, "override-decided")
    assert f"Now it blocks again: Nothing ships during “{freeze.name}”" in found.body


def test_asking_for_a_waiver_is_told_once_as_a_vote_that_is_needed(payments, mia):
    person("quentin", roles=["qa-approver"], on=payments)
    release = releases.release(payments, "testing", manager=mia)
    waiver = approvals.waiver(approvals.signoff(release.candidate, "security"), state="requested", requested_by=mia)
    happen("waiver.requested", waiver, mia)
    happen("request.opened", approvals.request(waiver, requester=mia), mia)
    deliver_all()
    assert told() == [("quentin", "vote-needed")]
    assert {"waiver-asked", "override-asked"}.isdisjoint(KINDS)


def test_words_on_the_kinds_that_told_it_twice_are_forgotten(mia):
    from importlib import import_module

    from django.apps import apps

    for kind in ("waiver-asked", "override-asked", "vote-needed"):
        Subscription.objects.create(user=mia, kind=kind, bell=False)
    import_module("notifications.migrations.0002_no_double_requests").forget(apps, None)
    assert list(Subscription.objects.values_list("kind", flat=True)) == ["vote-needed"]


# Policies, the catalogue, stops


def test_rule_administrators_are_told_of_a_policy_that_is_proposed_and_in_force(payments):
    rosa = person("rosa", roles=["rule-administrator"])
    author = person("adam", roles=["rule-administrator"])
    policy = approvals.policy().policy
    happen("policy.proposed", policy, author)
    happen("policy.enacted", policy, person("chris", roles=["change-manager"]))
    deliver_all()
    assert told("policy") == [("adam", "policy"), ("rosa", "policy"), ("rosa", "policy")]
    assert Notification.objects.filter(recipient=rosa).latest("pk").title == f"{policy} is in force"


def test_who_proposed_a_standard_change_is_told_what_came_of_it(payments):
    author = person("adam", roles=["contributor"], on=payments)
    template = releases.template(payments, "approved", created_by=author)
    happen("template.rejected", template, person("chris"), reason="Too broad.")
    deliver_all()
    found = Notification.objects.get()
    assert (found.recipient, found.kind, found.body) == (author, "template-decided", "Too broad.")


def test_who_stopped_a_release_is_told_of_the_wish_to_lift_it_and_who_asked_of_the_answer(payments):
    olga = person("olga", roles=["operations-approver"], on=payments)
    asker = person("rosa", roles=["release-manager"], on=payments)
    release = releases.release(payments, "ready", manager=asker, blocked_reason="Disk full.", blocked_by=olga)
    lift = release.lifts.create(stopped_because="Disk full.", reason="There is room again.", requested_by=asker)
    approvals.request(lift, requester=asker)
    happen("lift.requested", lift, asker, reason="There is room again.")
    happen("lift.granted", lift, person("chris"), comment="Fine.")
    deliver_all()
    assert told("lift-asked", "lift-decided") == [
        ("olga", "lift-asked"),
        ("olga", "lift-decided"),
        ("rosa", "lift-decided"),
    ]


# Mail


def test_links_in_mails_open_the_sheet_and_decide_nothing(payments, at_work, client):
    ann = at_work("ann")
    request = approving(payments)
    with transaction.atomic():
        record("request.opened", request, actor=person("rosa"))
    deliver_all()
    (message,) = mail.outbox
    link = next(line for line in message.body.splitlines() if f"/inbox/{request.pk}/" in line)
    client.force_login(ann)
    path = "/" + link.split("/", 3)[3]
    assert client.get(path).status_code == 200
    request.refresh_from_db()
    assert (request.state, request.votes.count()) == ("pending", 0)
    assert not Event.objects.filter(name="vote.cast").exists()


def test_a_delivery_that_is_kept_for_an_hour_of_its_own_is_not_due_before(payments, at_work):
    event = happen("release.blocked", releases.release(payments, "planned"), at_work("ann"))
    with transaction.atomic():
        outbox.fan_out(event, "x.now", ["user:1"])
        outbox.fan_out(event, "x.later", {"user:1": timezone.now() + HOUR})
    later = Delivery.objects.get(consumer="x.later")
    assert Delivery.objects.get(consumer="x.now").pk in outbox.due()
    assert later.pk not in outbox.due()
    assert outbox.deliver(later.pk) is False
