"""Overrides of conflicts that are no freezes, and freezes that change under a pending override."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from approvals import actions
from approvals.models import FreezeOverride
from core import outbox
from core.blockers import Refused
from core.models import Delivery, Event
from portal.feed import told
from releases import actions as planning
from releases import conflicts
from releases.models import DeploymentWindow, Release
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def closed():
    """A planned release whose product's production is closed during its window, and its manager."""
    release = releases.release(state="testing")
    release.places = releases.pipeline(release.product)
    now = timezone.now()
    DeploymentWindow.objects.create(
        environment=release.places[1],
        name="Over",
        starts_at=now - 9 * DAY,
        ends_at=now - 8 * DAY,
        created_by=accounts.person(),
    )
    release.asker = accounts.person(roles=["release-manager"], on=release.product)
    return release


def about(release) -> str:
    return f"window:{release.places[1].pk}"


def ask(release, **fields) -> FreezeOverride:
    given = {"reason": "It cannot wait.", "expires_at": timezone.now() + DAY} | fields
    return actions.request_conflict_override(
        release.pk, given.pop("about", about(release)), actor=release.asker, **given
    )


def in_the_way(release) -> list[str]:
    return [b.code for b in conflicts.in_the_way(Release.objects.get(pk=release.pk))]


def test_a_closed_window_is_let_through_once_others_agree(closed):
    judge = accounts.person(roles=["change-manager"], on=closed.product)
    override = ask(closed)
    assert (override.kind, override.freeze, override.about) == ("window", None, about(closed))
    assert "not open to deployments" in override.words
    assert in_the_way(closed) == ["environment-closed"]
    actions.decide_override(override.pk, actor=judge, grant=True)
    assert in_the_way(closed) == []
    assert Event.objects.filter(name="override.granted").get().payload["freeze"] == "the deployment windows"


def test_what_needs_no_override_is_not_asked_for(closed):
    keeper = accounts.person(roles=["administrator"])
    accounts.person(roles=["change-manager"], on=closed.product)
    for severity in ("warn", "block"):
        planning.set_severity("window", severity, actor=keeper)
        with pytest.raises(Refused) as refusal:
            ask(closed)
        assert [(b.code, b.field) for b in refusal.value.blockers] == [("nothing-to-override", "about")]
    assert not FreezeOverride.objects.exists()


def test_it_is_asked_for_once(closed):
    accounts.person(roles=["change-manager"], on=closed.product)
    ask(closed)
    with pytest.raises(Refused) as refusal:
        ask(closed)
    assert [b.code for b in refusal.value.blockers] == ["override-stands"]


def test_the_page_offers_what_an_override_helps_against_and_asks(closed, client):
    accounts.person(roles=["change-manager"], on=closed.product)
    client.force_login(closed.asker)
    page = reverse("approvals:override_conflict", args=[closed.product.slug, closed.version])
    html = client.get(page, {"about": about(closed)}).content.decode()
    assert f'value="{about(closed)}"' in html
    until = timezone.localtime(timezone.now() + DAY).strftime("%Y-%m-%dT%H:%M")
    typed = {"about": about(closed), "reason": "It cannot wait.", "expires_at": until}
    assert client.post(page, typed | {"reason": ""}).status_code == 422
    assert client.post(page, typed).status_code == 302
    override = FreezeOverride.objects.get()
    html = client.get(reverse("approvals:override", args=[override.pk])).content.decode()
    assert "in spite of the deployment windows" in html
    tab = client.get(reverse("approvals:tab", args=[closed.product.slug, closed.version])).content.decode()
    assert "Outside a deployment window" in tab


def test_the_api_takes_a_freeze_or_a_conflict_and_not_both(closed, client):
    accounts.person(roles=["change-manager"], on=closed.product)
    client.force_login(closed.asker)
    body = {"release": closed.pk, "reason": "Now.", "expires_at": (timezone.now() + DAY).isoformat()}
    send = {"content_type": "application/json"}
    assert client.post("/api/v1/overrides/", body, **send).status_code == 400
    assert client.post("/api/v1/overrides/", body | {"about": about(closed), "freeze": 1}, **send).status_code == 400
    made = client.post("/api/v1/overrides/", body | {"about": about(closed)}, **send)
    assert (made.status_code, made.json()["kind"], made.json()["freeze"]) == (201, "window", None)


def test_a_freeze_that_changes_renews_the_sheet_of_a_pending_override():
    release = releases.release(state="testing")
    manager = accounts.person(roles=["release-manager"])
    accounts.person(roles=["change-manager"])
    freeze = releases.freeze()
    override = actions.request_override(
        release.pk, freeze.pk, actor=manager, reason="It cannot wait.", expires_at=timezone.now() + DAY
    )
    request = override.requests.get()
    before = request.sheets.order_by("-pk").first().digest
    planning.change_freeze(freeze.pk, actor=manager, ends_at=freeze.ends_at + DAY)
    for delivery in Delivery.objects.filter(consumer="approvals.follow_freeze"):
        outbox.deliver(delivery.pk)
    assert request.sheets.order_by("-pk").first().digest != before


def test_the_feed_asks_for_a_lifting_in_the_middle_of_a_sentence():
    release = releases.release(state="testing")
    stopper = accounts.person(roles=["release-manager"], on=release.product)
    accounts.person(roles=["change-manager"], on=release.product)
    planning.block_release(release.pk, actor=stopper, reason="Look first.")
    actions.request_lift("release", release.pk, actor=stopper, reason="It was nothing.")
    [line] = told(Event.objects.filter(name="lift.requested"))
    assert f"{line.did} {line.subject}" == f"asked for the lifting of the stop of {release}"
