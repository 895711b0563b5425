"""Who is told what: once, by bell and mail, through the outbox alone."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core import outbox
from core.events import record
from core.models import Delivery, Event
from notifications import actions
from notifications.kinds import KINDS
from notifications.models import Notification
from tests.factories.accounts import person
from tests.factories.releases import candidate, product, release
from tests.factories.reviews import review

pytestmark = pytest.mark.django_db


@pytest.fixture
def payments():
    return product("Payments API")


@pytest.fixture
def ines(payments):
    return person("ines", roles=["release-manager"], on=payments)


@pytest.fixture
def noor(payments):
    return person("noor", roles=["operations-approver"], on=payments)


@pytest.fixture
def planned(payments, ines):
    return release(payments, "planned", manager=ines, created_by=ines)


def happen(name, obj, actor, **payload) -> Event:
    with transaction.atomic():
        return record(name, obj, actor=actor, **payload)


def deliver_all() -> None:
    while found := outbox.due():
        for pk in found:
            outbox.deliver(pk)


def told() -> list[tuple[str, str]]:
    return list(Notification.objects.order_by("pk").values_list("recipient__username", "kind"))


def test_the_manager_is_told_that_their_release_was_blocked_in_the_bell_and_by_mail(planned, noor):
    happen("release.blocked", planned, noor, reason="Disk full on the standby")
    deliver_all()
    (notification,) = Notification.objects.all()
    assert (notification.recipient.username, notification.title) == ("ines", f"Noor blocked {planned}")
    assert notification.body == "Disk full on the standby"
    (message,) = mail.outbox
    assert message.to == ["ines@example.com"]
    assert planned.get_absolute_url() in message.body
    assert notification.mailed_at


def test_nobody_is_told_of_their_own_act(planned, ines):
    happen("release.blocked", planned, ines, reason="My own doing")
    deliver_all()
    assert told() == []


def test_a_delivery_that_runs_twice_tells_and_mails_once(planned, noor):
    event = happen("release.blocked", planned, noor)
    for _ in range(2):
        actions.tell(event)
    deliver_all()
    Delivery.objects.update(state="waiting", due_at=timezone.now())
    deliver_all()
    assert told() == [("ines", "blocked")]
    assert len(mail.outbox) == 1


def test_a_mail_server_that_is_down_is_tried_again_and_loses_nothing(planned, noor, monkeypatch):
    happen("release.blocked", planned, noor)
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", lambda self: (_ for _ in ()).throw(OSError("down")))
        deliver_all()
    assert (len(mail.outbox), told()) == (0, [("ines", "blocked")])
    Delivery.objects.filter(state="waiting").update(due_at=timezone.now())
    deliver_all()
    assert len(mail.outbox) == 1


def test_the_same_mail_keeps_its_message_id(planned, noor):
    happen("release.blocked", planned, noor)
    deliver_all()
    Notification.objects.update(mailed_at=None)
    actions.mail(Event.objects.get(), Notification.objects.get().recipient_id)
    assert len({m.extra_headers["Message-ID"] for m in mail.outbox}) == 1


def test_who_may_no_longer_see_the_product_is_not_told(payments, noor):
    gone = person("gone")
    happen("release.blocked", release(payments, "planned", manager=gone, created_by=gone), noor)
    deliver_all()
    assert told() == []


def test_a_person_chooses_what_they_are_told(planned, ines, noor):
    actions.set_subscription("blocked", actor=ines, bell=True, mail=False)
    happen("release.blocked", planned, noor)
    actions.set_subscription("blocked", actor=ines, bell=False, mail=False)
    deliver_all_before = mail.outbox[:]
    deliver_all()
    assert (deliver_all_before, mail.outbox, told()) == ([], [], [])


def test_bell_without_mail(planned, ines, noor):
    actions.set_subscription("blocked", actor=ines, bell=True, mail=False)
    happen("release.blocked", planned, noor)
    deliver_all()
    assert (mail.outbox, told()) == ([], [("ines", "blocked")])


def test_a_line_break_in_a_title_does_not_forge_a_header(payments, ines, noor):
    named = release(payments, "planned", manager=ines, created_by=ines, version="1.0.0\nBcc: all@example.com")
    happen("release.blocked", named, noor)
    deliver_all()
    assert "\n" not in mail.outbox[0].subject


def test_reviews_tell_the_manager_and_those_who_may_approve(payments, ines):
    maya = person("maya", roles=["change-manager"], on=payments)
    found = review(release(payments, "review", manager=ines), "in_review", author=ines)
    happen("review.due", found, maya)
    happen("review.submitted", found, ines)
    deliver_all()
    assert told() == [("ines", "review"), ("maya", "review-approval")]


def test_a_window_that_opens_within_a_day_is_announced_once(payments, ines):
    start = timezone.now() + timedelta(hours=20)
    release(
        payments,
        "ready",
        manager=ines,
        created_by=ines,
        window_starts_at=start,
        window_ends_at=start + timedelta(hours=2),
    )
    assert (actions.remind_due(), actions.remind_due()) == (1, 0)
    deliver_all()
    assert told() == [("ines", "window-opening")]


def test_testers_are_reminded_once_per_candidate_of_tests_that_nobody_signed(payments, ines):
    person("yuki", roles=["tester"], on=payments)
    late = timezone.now() - timedelta(days=2)
    window = {"window_starts_at": late + timedelta(days=9), "window_ends_at": late + timedelta(days=10)}
    testing = release(payments, "testing", manager=ines, created_by=ines, state_since=late, **window)
    assert (actions.remind_due(), actions.remind_due()) == (1, 0)
    candidate(testing)
    assert actions.remind_due() == 1
    deliver_all()
    assert told() == [("yuki", "signoff-needed")] * 2
    assert "tests on rc.1 are not reported yet." in Notification.objects.earliest("pk").body


def test_testers_are_left_alone_on_the_first_day(payments, ines):
    person("yuki", roles=["tester"], on=payments)
    start = timezone.now() + timedelta(days=9)
    release(payments, "testing", manager=ines, window_starts_at=start, window_ends_at=start + timedelta(hours=2))
    assert actions.remind_due() == 0


def test_every_kind_is_told_of_events_that_exist_in_the_contract(settings):
    contract = (settings.BASE_DIR / "docs" / "architecture.md").read_text()
    for kind in KINDS.values():
        for name in kind.events:
            stream, verb = name.split(".")
            assert f".{verb}`" in contract or f"`{name}`" in contract or f"{stream}.{verb}" in contract, name


def test_the_bells_page_asks_as_much_for_twenty_as_for_one(planned, ines, noor, client):
    def page_of(rows: int) -> int:
        for _ in range(rows):
            actions.tell(happen("release.blocked", planned, noor))
        with CaptureQueriesContext(connection) as asked:
            page = client.get(reverse("notifications:notifications")).content.decode()
        assert page.count("blocked Payments API") == Notification.objects.count()
        return len(asked)

    client.force_login(ines)
    assert page_of(1) == page_of(19)


def test_following_a_notification_reads_it_and_nobody_follows_anothers(planned, ines, noor, client):
    (notification,) = actions.tell(happen("release.blocked", planned, noor))
    client.force_login(noor)
    assert client.get(reverse("notifications:follow", args=[notification.pk])).status_code == 404
    client.force_login(ines)
    assert client.get(reverse("notifications:follow", args=[notification.pk])).url == planned.get_absolute_url()
    notification.refresh_from_db()
    assert notification.read_at


def test_preferences_are_kept(ines, client):
    client.force_login(ines)
    client.post(reverse("notifications:preferences"), {"bell-blocked": "on"})
    page = client.get(reverse("notifications:preferences")).content.decode()
    assert 'name="bell-blocked" checked' in page
    assert 'name="mail-blocked" checked' not in page


@pytest.mark.parametrize("kind", ["waiver", "override"])
def test_whoever_asked_for_an_exemption_is_told_of_the_decision_with_a_page_to_open(kind, planned, ines, noor):
    """What a request is about need not have a page of its own."""
    from tests.factories import approvals, releases

    release = releases.release(planned.product, state="testing", manager=ines)
    about = (
        approvals.waiver(approvals.signoff(release.candidate), "requested", requested_by=ines)
        if kind == "waiver"
        else approvals.override(releases.freeze(), release, "requested", requested_by=ines)
    )
    request = approvals.request(about, requester=ines)
    happen("request.approved", request, noor)
    deliver_all()
    assert Notification.objects.filter(recipient=ines, kind="request-decided").exclude(url="").count() == 1


def test_manager_and_deployers_are_told_that_a_candidate_is_kept_where_it_is_and_may_go_on(
    payments, planned, ines, noor
):
    person("dana", roles=["deployer"], on=payments)
    happen("release.progression_prevented", planned, noor, candidate="4.8.0-rc.1", reason="Memory grows.")
    happen("release.progression_allowed", planned, noor, candidate="4.8.0-rc.1", reason="It was the probe.")
    deliver_all()

    assert sorted(told()) == [("dana", "standstill")] * 2 + [("ines", "standstill")] * 2
    titles = set(Notification.objects.values_list("title", "body"))
    assert titles == {
        ("Noor keeps Payments API 4.8.0-rc.1 where it is", "Memory grows."),
        ("Noor lets Payments API 4.8.0-rc.1 go on", "It was the probe."),
    }
    tab = reverse("deployments:tab", args=[payments.slug, planned.version])
    assert set(Notification.objects.values_list("url", flat=True)) == {tab}
